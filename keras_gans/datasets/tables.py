"""Read tables of labels and match their rows to images."""

import collections
import csv
import difflib
import functools
import io
import itertools
import operator
import os
import pathlib
import posixpath
import re
import typing

import numpy as np

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.files import check_size, expanded, same_name

_MISSING = "", "-", "?", "nan", "na", "n/a", "#n/a", "<na>", "null", "none"
_WORDS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on"), 1),
    **dict.fromkeys(("false", "f", "no", "n", "off"), 0),
}
_ENDINGS = {ending[1:] for ending in images.EXTENSIONS}
_MOST_BYTES = 2**28  # ten times the table of CelebA
_MOST_NAMES = 60  # that an error lists; CelebA has 40


class Table(typing.NamedTuple):
    """A table of label columns with one row per image.

    Attributes:
        name: str, name of the table in messages.
        files: list of str, the image of each row.
        columns: dict from name to the values of each row: a float32 array of
            0, 1 and NaN for missing values; or a list of str, names of
            classes, "" for missing ones.
        odd: dict from class columns that look like truth values to the
            reason they are not.
    """

    name: str
    files: list
    columns: dict
    odd: typing.Mapping = {}


def read(path, files, folder, labels=None):
    """Read a table of labels from a file; rules are in `data/README.md`.

    Args:
        path: path of a file in CelebA's format (a line with the number of
            rows, a line with the column names, then rows of an image name and
            as many numbers), or of values separated by commas, semicolons or
            tabs with names in the first line. There the image names are in
            the column with most matches, or else in the first.
        files: list of str, paths relative to `folder` with `/`.
        folder: path, the folder of the files.
        labels: list of str, the labels that will be selected; other columns
            are not kept. Default: any.

    Returns:
        `(Table, list of str)`: the rows with a file, and the image names of
        the others.

    Raises:
        UserError: in one line, if the table cannot be read, with the faulty
            line; if no row has a file, or one matches several.
    """
    path = pathlib.Path(expanded(path))
    within = [_normal(same_name(file)) for file in files]
    rows, columns = _cells(path, labels, {*map(posixpath.basename, within)})
    numbers = _match(rows, files, within, path, os.path.abspath(folder))
    kept = [i for i, number in enumerate(numbers) if number is not None]
    if not kept:
        raise UserError(
            f"table must name the images in {folder} by their paths from "
            f"there or from the table. Received: {path.name} with "
            f"{rows[0]!r}, where {files[0]!r} is there"
        )
    names = [files[numbers[i]] for i in kept]
    odd = {}
    for name, cells in columns.items():
        columns[name], reason = _column([cells[i] for i in kept], names)
        if reason:
            odd[name] = reason
    without = [row for row, n in zip(rows, numbers, strict=True) if n is None]
    return Table(path.name, names, columns, odd), without


def _cells(path, labels, stems):
    """Return the cells with image names, and the columns by name."""

    def error(what):
        return UserError(f"table must be {what}. Received: {str(path)!r}")

    try:
        check_size(path, _MOST_BYTES)
        text = same_name(path.read_text("utf-8-sig"))
    except OSError as problem:
        reason = problem.strerror
        raise error(f"a file that can be read ({reason})") from problem
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16, for one
        raise error("text in UTF-8, in Excel 'CSV UTF-8'")
    # Blank lines and comments, though a column may be called #; the number.
    top = re.match(
        r"(?:[^\S\n]*(?:#(?![,;\t]).*)?\n)*(?:[^\S\n]*(\d{1,9})[^\S\n]*\n)?",
        text,
    )
    count, text, above = top[1], text[top.end() :], top[0].count("\n")
    header = re.sub('"[^"]*"', "", text.partition("\n")[0])
    separator = max(" \t" if count else ",;\t", key=header.count)
    text = re.sub(f'" +(?=[{separator}\n])', '"', text)
    reader = csv.reader(
        io.StringIO(text),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if count else csv.QUOTE_MINIMAL,
        skipinitialspace=True,
        strict=True,
    )

    def full_rows():
        for row in reader:
            while len(row) > len(names) and not row[-1].strip():
                row.pop()
            if len(row) == len(names) and any(row):
                yield row
            elif "".join(row).strip() and not row[0].startswith("#"):
                raise error(
                    f"rows of {len(names)} cells, as there are names; line "
                    f"{above + reader.line_num} has {len(row)}"
                )

    def is_name(cell):
        return _normal(cell).rpartition("/")[2] in stems

    def is_comment(row):
        return row[0].startswith("#") and not is_name(row[0])

    def closeness(cell):
        ends = cell.rstrip().lower().endswith(images.EXTENSIONS)
        return 2 * is_name(cell) + ends

    try:
        names = [" ".join(name.split()) for name in next(reader, [])]
        while names and not names[-1]:
            names.pop()
        names = ["image_id"] * bool(count) + names
        shown = ", ".join(names[:5]) or "nothing"
        if re.fullmatch(r"[\d.+-]*", "".join(names)) or any(
            name.lower().endswith(images.EXTENSIONS) for name in names
        ):
            raise error(f"one that starts with names of columns, not {shown}")
        rows = full_rows()
        first = list(itertools.islice(rows, 100))
        if not all(map(is_comment, first)):  # else it is a column of such
            rows = itertools.filterfalse(is_comment, rows)
            first = [*itertools.filterfalse(is_comment, first)]
        scores = [
            # Each once: a column of 0 and 1 is not of 0.png and 1.png.
            sum(map(closeness, {*cells}))
            for cells in zip(*first, strict=True)
        ]
        place = scores.index(max(scores)) if first else 0
        # A column without a name is pandas' numbers of the rows.
        places = [i for i, name in enumerate(names) if name and i != place]
        if not places or not first:
            raise error(
                "a column of images and columns of labels, with at least one "
                f"row; it has {len(first)} rows of {shown}"
            )
        twice = [names[i] for i in places if names.count(names[i]) > 1]
        if twice:
            raise error(f"one with different names, not twice {twice[0]!r}")
        wanted = [
            [i for i in places if f"{label}=".startswith(f"{names[i]}=")]
            for label in labels or ()
        ]
        # A label without a column may be a class of any.
        if wanted and all(wanted):
            places = sorted({*itertools.chain(*wanted)})
        chosen = operator.itemgetter(place, *places)
        rows = list(map(chosen, itertools.chain(first, rows)))
    except csv.Error as problem:
        line = above + reader.line_num
        raise error(f"separated values (line {line}: {problem})") from problem
    if count and int(count) != len(rows):
        raise error(
            f"whole: its first line says {int(count):,} rows, and it has "
            f"{len(rows):,}"
        )
    named, *columns = zip(*rows, strict=True)
    names = [names[i] for i in places]
    return named, dict(zip(names, columns, strict=True))


def _normal(path):
    """Return a normalized path with `/`, without an image extension."""
    path = path.strip().replace("\\", "/")
    if "./" in path or "//" in path:
        path = re.sub(r"\A(\.\./)+", "", posixpath.normpath(path))
    stem, _, ending = path.rpartition(".")
    return (stem if ending.lower() in _ENDINGS else path).lstrip("/")


def _by_path(paths):
    """Return a dict from path to the indices of equal paths."""
    numbers = dict(zip(paths, zip(range(len(paths)), strict=True), strict=True))
    if len(numbers) < len(paths):
        numbers = {path: [] for path in numbers}
        for number, path in enumerate(paths):
            numbers[path].append(number)
    return numbers


def _match(rows, files, within, table, folder):
    """Return for each row the index of its file, or None.

    A row matches the file whose path ends with the row's path; if none does,
    an absolute path, as of another machine, matches the file with whose
    relative path it ends. Extensions such as .jpg are ignored, unless several
    files match: then the one with the row's extension counts, or with the
    row's path relative to the folder or to the table.
    """
    above = os.path.dirname(os.path.abspath(table))
    here, root = (
        same_name(place).replace(os.sep, "/").strip("/")
        for place in (above, folder)
    )
    paths = [f"/{root}/{path}" for path in within]
    deepest = max(path.count("/") for path in paths)
    from_folder = functools.cache(lambda: _by_path(within))

    @functools.cache
    def by_tail(depth):
        return _by_path(["/".join(p.rsplit("/", depth)[1:]) for p in paths])

    def elsewhere(row, path):
        is_absolute = re.match(r"\s*([/\\~]|\w+:[/\\])", row)
        if not is_absolute or path.startswith(f"{here}/"):
            return ()
        ends = (path.split("/", n)[n] for n in range(1, path.count("/") + 1))
        return next(filter(None, map(from_folder().get, ends)), ())

    def closeness(number):
        file = os.path.join(folder, files[number])
        from_table = _normal(same_name(os.path.relpath(file, above)))
        is_there = path in (within[number], from_table)
        ending, other = (os.path.splitext(p)[1] for p in (row, file))
        return is_there + (ending.lower() == other.lower())

    numbers = []
    for row in rows:
        path = _normal(row)
        found = by_tail(min(path.count("/") + 1, deepest)).get(path)
        found = found or elsewhere(row, path)
        if len(found) > 1:
            most = max(map(closeness, found))
            found = [n for n in found if closeness(n) == most]
        if len(found) > 1:
            one, other = (files[number] for number in found[:2])
            raise UserError(
                "table must tell the images apart. Received: "
                f"{table.name} with {row!r}, which may be {one!r} or "
                f"{other!r} in {folder}"
            )
        numbers.append(found[0] if found else None)
    return numbers


def _column(cells, files):
    """Return the truth values or classes of a column, as in a `Table`.

    Also a reason if it looks like truth values but has other values.
    """
    counts = collections.Counter(cells)
    words = {cell: " ".join(cell.split()).strip("'\"") for cell in counts}
    words = {c: "" if w.lower() in _MISSING else w for c, w in words.items()}
    truth = {cell: _truth(word) for cell, word in words.items()}
    kinds = collections.Counter()
    for cell, count in counts.items():
        kinds[truth[cell] if words[cell] else "missing"] += count
    known = len(cells) - kinds["missing"]
    wrong, reason = None, "which is no truth value"
    few = max(known // 10, known > 3)
    if not kinds[None] and kinds[0.0] and kinds[-1.0]:
        wrong = min(0.0, -1.0, key=kinds.get)
        few, reason = known, "where 0 and -1 may be no or unknown"
    if not kinds[wrong]:
        values = np.array([truth[cell] for cell in cells], np.float32)
        return np.maximum(values, 0.0), None
    classes = [words[cell] for cell in cells]
    if kinds[wrong] > few:
        return classes, None
    first = [words[c] != "" and truth[c] == wrong for c in cells].index(True)
    more = f" and {kinds[wrong] - 1:,} more" if kinds[wrong] > 1 else ""
    return classes, f"{classes[first]!r} of {files[first]}{more}, {reason}"


def _truth(word):
    """Return 1, 0, -1, NaN for missing values, or None for others."""
    try:
        number = float(_WORDS.get(word.lower(), word or "nan"))
    except ValueError:
        return None
    return number if number in (1, 0, -1) or not word else None


def select(table, labels, default=None):
    """Select the columns of the given labels.

    Args:
        table: `Table`.
        labels: list of str: names of columns of truth values; `"hair=blue"`
            for a class of the column `hair`; or `"blue"`, if no column has
            that name and only one that class. None for `default`.
        default: list of str, or None for all classes of the only column.

    Returns:
        `(names, values, groups)`: the labels in the given order; float32
        `[rows, len(names)]` of 0, 1 and NaN; and a list of the classes, as
        lists of names, of columns with several selected classes.

    Raises:
        UserError: in one line that lists the available labels.
    """
    is_class = {n: isinstance(c, list) for n, c in table.columns.items()}
    places = {n: [(n, None)] for n, is_so in is_class.items() if not is_so}
    for name in filter(is_class.get, table.columns):
        for value in sorted({*table.columns[name]} - {""}):
            for label in (value, f"{name}={value}"):
                if is_class.get(label, True) and label not in table.odd:
                    places.setdefault(label, []).append((name, value))
    labels = labels or default
    if not labels and len(table.columns) == 1:
        ((only, column),) = table.columns.items()
        if only in table.odd:
            labels = [only]
        elif is_class[only]:
            labels = sorted({*column} - {""})
    if not labels:
        raise UserError(
            "labels must name what to learn, out of "
            f"{_listed(places)} (of {table.name}). Received: None"
        )
    taken, values, groups = [], [], {}
    for label in labels:
        found = places.get(label, [])
        if len(found) != 1:
            raise UserError(_problem(label, places, table))
        if found[0] in taken:
            raise UserError(
                f"labels must name each label once. Received: {label!r} twice"
            )
        taken += found
        name, value = found[0]
        column = table.columns[name]
        if value is not None:
            groups.setdefault(name, []).append(label)
            truth = {**dict.fromkeys(column, 0.0), value: 1.0, "": np.nan}
            column = [truth[cell] for cell in column]
        values.append(column)
    groups = [group for group in groups.values() if len(group) > 1]
    return list(labels), np.array(values, np.float32).T, groups


def _listed(places):
    """List every label by its shortest name."""
    shortest = {}
    for name, found in places.items():
        if len(found) == 1:
            (place,) = found
            shortest[place] = min(name, shortest.get(place, name), key=len)
    names = list(shortest.values())
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + f" and {more} more" * (more > 0)


def _problem(label, places, table):
    """Explain why a label is not in the table."""
    if label in table.odd:
        return (
            f"labels must be truth values such as 1 and 0, or 1 and -1, or "
            f"classes of a column such as {label}=1. Received: {label!r} with "
            f"{table.odd[label]}"
        )
    if label in places:
        full = " or ".join(f"{name}={value}" for name, value in places[label])
        return f"labels must say of which column. Received: {label!r} ({full})"
    classes = [place for place in places if place.startswith(f"{label}=")]
    lower = {place.lower(): place for place in places}
    near = difflib.get_close_matches(label.lower(), lower, n=3)
    near = ", ".join(classes[:5] or [lower[place] for place in near])
    near = f"nearest: {near}" if near else f"there are {_listed(places)}"
    return f"labels must be in {table.name}. Received: {label!r} ({near})"
