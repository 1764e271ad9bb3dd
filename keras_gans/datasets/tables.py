"""Tables of labels: what they hold, and which row belongs to which picture."""

import csv
import difflib
import io
import os
import pathlib
import sys
import typing

import numpy as np

from keras_gans import files, images
from keras_gans.checks import UserError

# At most one of them describes a face, in CelebA and in the drawn ones.
HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
_TRUE, _FALSE, _MINUS = {"1", "1.0", "true"}, {"0", "0.0", "false"}, {"-1"}
_MOST_BYTES = 2**28  # ten times the table of CelebA
_MOST_NAMES = 60  # that an error lists; CelebA has 40


class Table(typing.NamedTuple):
    """What is known of pictures, a row for each.

    Attributes:
        name: str, what sentences call the table.
        pictures: list of str, the path or name of the picture of each row.
        columns: dict from name to what the column says of each row: a
            float32 array of 0, 1 and, where it says nothing, NaN; or a list
            of str, names of classes, "" where it says nothing.
    """

    name: str
    pictures: list
    columns: dict

    def rows(self, numbers):
        """Return the table of these rows, in this order."""
        columns = {
            name: column[numbers]
            if isinstance(column, np.ndarray)
            else [column[i] for i in numbers]
            for name, column in self.columns.items()
        }
        pictures = [self.pictures[i] for i in numbers]
        return Table(self.name, pictures, columns)


def read(path):
    """Read a table from a file.

    Args:
        path: of a file as CelebA has it (a line with the number of rows, a
            line with the names of the columns, then rows of a picture and as
            many numbers), or of comma-separated values with names in the
            first line; semicolons and tabs separate, too. There the pictures
            are in the first column that has names of picture files, or else
            in the first.

    Returns:
        `Table`. Columns of 1 and 0, 1 and -1, or true and false are numbers;
        others are classes.

    Raises:
        UserError: in one line, if it cannot be read, with the line at fault.
    """
    path = pathlib.Path(path)

    def error(what):
        return UserError(f"table must be {what}. Received: {str(path)!r}")

    try:
        files.check_size(path, _MOST_BYTES)
        text = path.read_text("utf-8-sig")
    except OSError as problem:
        reason = problem.strerror
        raise error(f"a file that can be read ({reason})") from problem
    except UnicodeDecodeError as problem:
        raise error("text in UTF-8") from problem
    first, _, rest = text.partition("\n")
    count = int(first) if first.strip().isdecimal() else None
    if count is None:
        separator = max(",;\t", key=first.count)
        # A stream, as cells may hold line ends.
        lines = io.StringIO(text, newline="")
        lines = csv.reader(lines, delimiter=separator, strict=True)
    else:
        lines = map(str.split, rest.splitlines())
    try:
        names = [name.strip() for name in next(lines, [])]
        # The same few words come a million times: keep one of each.
        rows = [[sys.intern(cell.strip()) for cell in row] for row in lines]
    except csv.Error as problem:
        raise error(f"comma-separated values ({problem})") from problem
    if count is not None:
        names.insert(0, "image_id")
    for number, row in enumerate(rows):
        if row and len(row) != len(names):
            raise error(
                f"rows of {len(names)} cells, as there are names; row "
                f"{number + 1} has {len(row)}"
            )
    rows = [row for row in rows if row]
    if len(names) < 2 or len({*names}) < len(names) or not rows:
        raise error(
            "a column of pictures and columns of labels, with different "
            f"names, and at least one row; it has {len(rows)} rows of "
            f"{', '.join(names[:5]) or 'nothing'}"
        )
    if count not in (None, len(rows)):
        raise error(
            f"whole: its first line says {count:,} rows, and it has "
            f"{len(rows):,}"
        )
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    endings = images.EXTENSIONS
    pictures = next(
        (n for n in names if columns[n][0].lower().endswith(endings)), names[0]
    )
    pictures = [cell.replace("\\", "/") for cell in columns.pop(pictures)]
    columns = {name: _column(cells) for name, cells in columns.items()}
    return Table(path.name, pictures, columns)


def _column(cells):
    words = {cell: cell.lower() for cell in {*cells}}
    values = {*words.values()} - {""}
    if not (values <= _TRUE | _FALSE or values <= _TRUE | _MINUS):
        return list(cells)
    numbers = {
        cell: float(word in _TRUE) if word else np.nan
        for cell, word in words.items()
    }
    return np.array([numbers[cell] for cell in cells], np.float32)


def match(table, files, folder, table_folder):
    """Find the row of each file.

    A row names its file by the path from the folder of the pictures or from
    that of the table, by the name alone, or by the name without extension:
    the first of these by which any row has a file is taken for all.

    Args:
        table: `Table`.
        files: list of str, paths from `folder` with `/`.
        folder: path, where the files lie.
        table_folder: path, where the table lies.

    Returns:
        dict from file to the number of its row; files without a row are
        missing.

    Raises:
        UserError: in one line, if no row has a file, or one has several.
    """
    above = os.path.relpath(folder, table_folder).replace(os.sep, "/")
    ways = (
        (lambda file: file, os.path.normpath),
        (lambda file: os.path.normpath(f"{above}/{file}"), os.path.normpath),
        (os.path.basename, os.path.basename),
        (_stem, _stem),
    )
    for of_file, of_row in ways:
        numbers = {}
        for number, picture in enumerate(table.pictures):
            numbers.setdefault(of_row(picture), number)
        found = {
            file: numbers[of_file(file)]
            for file in files
            if of_file(file) in numbers
        }
        if found:
            break
    else:
        raise UserError(
            f"table must name the pictures in {folder}. Received: {table.name} "
            f"with {table.pictures[0]!r}, where {files[0]!r} is there"
        )
    file_of = {}
    for file, number in found.items():
        other = file_of.setdefault(number, file)
        if other != file:
            raise UserError(
                "table must tell the pictures apart. Received: "
                f"{table.name} with {table.pictures[number]!r}, which may be "
                f"{other!r} or {file!r} in {folder}"
            )
    return found


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def select(table, labels, default=None):
    """Take the columns of these labels.

    Args:
        table: `Table`.
        labels: list of str: names of columns of numbers, and `"hair=blue"`
            or, where no other column has it, `"blue"` for a class of the
            column `hair`; or None for `default`.
        default: list of str, or None for all classes of the only column.

    Returns:
        `(names, values, groups)`: the labels in the order given; float32
        `[rows, len(names)]` of 0, 1 and NaN; and a list of those classes, as
        lists of names, of which a column has several.

    Raises:
        UserError: in one line that lists what there is.
    """
    places = {}
    for name, column in table.columns.items():
        if isinstance(column, np.ndarray):
            places.setdefault(name, []).append((name, None))
            continue
        for value in sorted({*column} - {""}):
            places.setdefault(value, []).append((name, value))
            places.setdefault(f"{name}={value}", []).append((name, value))
    if labels is None:
        labels = default or _only_classes(table)
    if labels is None:
        raise UserError(
            "labels must name what to learn, out of "
            f"{_listed(places)} (of {table.name}). Received: None"
        )
    if (
        not isinstance(labels, list | tuple)
        or not labels
        or not all(isinstance(label, str) for label in labels)
    ):
        raise UserError(
            "labels must be a list of names, at least one. "
            f"Received: {labels!r}"
        )
    values, taken, groups = [], [], {}
    for label in labels:
        found = places.get(label, [])
        if len(found) != 1:
            raise UserError(_problem(label, places, table.name))
        if found[0] in taken:
            raise UserError(
                f"labels must name each label once. Received: {label!r} twice"
            )
        taken += found
        column, value = found[0]
        cells = table.columns[column]
        if value is None:
            values.append(cells)
            continue
        numbers = {**dict.fromkeys(cells, 0.0), value: 1.0, "": np.nan}
        values.append([numbers[cell] for cell in cells])
        groups.setdefault(column, []).append(label)
    groups = [group for group in groups.values() if len(group) > 1]
    return list(labels), np.array(values, np.float32).T, groups


def _only_classes(table):
    """Return the classes of the only column, or None if it is not so."""
    (column, *others) = table.columns.values()
    if others or isinstance(column, np.ndarray):
        return None
    return sorted({*column} - {""})


def _listed(places):
    """List every label by its shortest name."""
    shortest = {}
    for name, found in places.items():
        if len(found) == 1:
            shortest.setdefault(found[0], name)
    names = list(shortest.values())
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (
        f" and {more} more" if more > 0 else ""
    )


def _problem(label, places, name):
    found = places.get(label)
    if found:
        full = " or ".join(f"{column}={value}" for column, value in found)
        return f"labels must say of which column. Received: {label!r} ({full})"
    lower = {place.lower(): place for place in places}
    near = difflib.get_close_matches(label.lower(), lower, n=3)
    near = ", ".join(lower[place] for place in near)
    near = f"nearest: {near}" if near else f"there are {_listed(places)}"
    return f"labels must be in {name}. Received: {label!r} ({near})"
