"""A sample of each side of a data set, on one sheet."""

import numpy as np

from keras_gans import images

_COLUMNS, _ROWS = 6, 8  # of each side
_SIZE = 96  # pixels, most for each image


def draw(sides):
    """Lay a sample of each side out under its name.

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
