"""Write the files of a report: figures, text and a contact sheet."""

import json
import os
import pathlib

import numpy as np

from keras_gans import files, images

# The first tells whose they are, by how it begins.
FILES = ("report.json", "report.txt", "contact_sheet.png")
_START = '{\n  "image_size": '
_COLUMNS, _ROWS = 6, 8  # of each side on the contact sheet
_SIZE = 96  # pixels, most for each image


def check(folder, sides):
    """Check that a report replaces only an earlier report.

    Args:
        folder: path.
        sides: dict from name to `Pictures`.

    Raises:
        UserError: if it does not, or would lie among the images.
    """
    files.check_outside(folder, [p.folder for p in sides.values()], "report")
    there = [path for path in _paths(folder) if os.path.lexists(path)]
    for path in there[:1]:
        files.check_ours(path, _START, "report")


def write(folder, said, measured, found, sides):
    """Write a report.

    Args:
        folder: path; made as needed.
        said: str, the text.
        measured: dict, as of `measure.inspect`.
        found: list of `findings.Finding`, written with all names.
        sides: dict from name to `Pictures`, for the contact sheet.
    """
    json_file, text_file, sheet = _paths(folder)
    content = measured | {"findings": [finding._asdict() for finding in found]}
    content = json.dumps(content, indent=2, ensure_ascii=False)
    # A program reads the names as they are, a terminal shows them harmless.
    content = "".join(
        c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1]
        for c in content
    )
    files.write_text(json_file, f"{content}\n")
    files.write_text(text_file, f"{said}\n")
    images.write(sheet, contact_sheet(sides))


def contact_sheet(sides):
    """Arrange a sample of images of each side under its name.

    Args:
        sides: dict from name to `Pictures`.

    Returns:
        uint8 `[height, width, 3]`, the same for the same images.
    """
    size = min(_SIZE, *(pictures.load_size for pictures in sides.values()))
    # A white column behind each side, but the last.
    shape = _ROWS, len(sides) * (_COLUMNS + 1), size, size, 3
    sheet = np.full(shape, 255, np.uint8)
    headings = []
    for name, pictures in sides.items():
        order = np.random.RandomState(0).permutation(len(pictures))
        for place, index in enumerate(order[: _COLUMNS * _ROWS]):
            row, column = divmod(place, _COLUMNS)
            image = images.fit_square(pictures.load(index), size)
            sheet[row, len(headings) + column] = image
        headings += [name, *[""] * _COLUMNS]
    return images.grid(list(sheet[:, :-1]), headings=headings)


def _paths(folder):
    return [pathlib.Path(folder, name) for name in FILES]
