"""Provide the content of a run folder for the report template."""

import base64
import csv
import io
import math
import pathlib

from PIL import Image

from keras_gans import files, images
from keras_gans.checks import UserError

MOST_IMAGES = 40  # of one kind
MOST_BYTES = 32_000_000  # of a section's images in the page
_MOST_FILE = 2**28  # bytes of an image that is read
_JPEG_SIZE = 4096, 4096  # pixels, at most
_MOST_TABLE = 2**26  # bytes; a hundred thousand rows have a third
_MOST_POINTS = 5000  # of a curve
_CURVE_WIDTH, _CURVE_HEIGHT = 300, 120  # as in the template
_WRITTEN_BY = {
    "metrics.json": "; python -m keras_gans.evaluate writes it",
    "metrics.csv": "; python -m keras_gans.train --evaluate-every writes it",
}


class Contents:
    """The files of a run folder, each read on demand.

    The methods raise FileNotFoundError, in one line, if there is nothing to
    show, and any other exception if a file is damaged.

    Args:
        folder: `pathlib.Path`.
    """

    def __init__(self, folder):
        self.folder = folder

    def json(self, name):
        """Return the dict that a JSON file holds; it is not empty."""
        content = files.read_json(self.folder / name)
        if content is None:
            raise _missing(name)
        if not content:
            raise UserError(f"{name} is damaged (it is empty).")
        return content

    def table(self, name):
        """Return the rows of a csv file: dicts of str, but `step` is int.

        Rows without a step are skipped.
        """
        try:
            files.check_size(self.folder / name, _MOST_TABLE)
            # As `files.read_rows` does: a spreadsheet may have saved it.
            with open(
                self.folder / name, newline="", encoding="utf-8-sig"
            ) as file:
                rows = list(csv.DictReader(file, restval=""))
        except FileNotFoundError:
            raise _missing(name) from None
        rows = [
            {**row, "step": int(row["step"])}
            for row in rows
            if row.get("step", "").isdecimal()
        ]
        if not rows:
            raise UserError(f"{name} has no row with a step.")
        return rows

    def curves(self, name):
        """Return a dict from each numeric column to the result of `_curve`."""
        rows = self.table(name)
        others = (None, "step", "seconds", "warnings", "advice")
        return {
            name: _curve([(_number(row[name]), row["step"]) for row in rows])
            for name in rows[0]
            if name not in others
        }

    def warnings(self):
        """Return the notes of the log: dict from name to steps and text."""
        found = {}
        for row in self.table("log.csv"):
            notes = row.get("warnings", "").split(files.NOTES_BETWEEN)
            for note in filter(None, notes):
                name, _, text = note.partition(": ")
                entry = found.setdefault(name, {"steps": [], "text": ""})
                entry["steps"].append(row["step"])
                entry["text"] = text or entry["text"]
        return found

    def samples(self):
        """Return the sample grids by kind, labeled with their steps."""
        kinds = {}
        for place in sorted((self.folder / "samples").glob("*/")):
            paths = [p for p in place.glob("*.png") if p.stem.isdecimal()]
            if paths:
                kinds[place.name] = sorted((int(p.stem), p) for p in paths)
        if not kinds:
            raise FileNotFoundError("There are no sample grids in samples/.")
        return _embedded(kinds)

    def examples(self):
        """Return the images of metrics.json, labeled with its entries."""
        folder = self.folder / "examples"
        rows = [
            # A name alone, so that nothing outside the folder is read.
            (entry, folder / pathlib.PurePath(entry["file"]).name)
            for entry in self.json("metrics.json")["examples"]
        ]
        return _embedded({"examples": rows})


def _missing(name):
    return FileNotFoundError(f"There is no {name}{_WRITTEN_BY.get(name, '')}.")


def _embedded(kinds):
    """Read images, at most `MOST_IMAGES` of a kind and `MOST_BYTES` in all.

    Larger images become JPEG; if that is not enough, some are dropped, the
    last of each kind at the end.

    Args:
        kinds: dict from a kind to a list of `(label, path)`.

    Returns:
        `(kinds, problems)`: dict from the kind to a list of `(label, data
        URI, width in pixels)`; a line for each image that cannot be read.
    """
    most, is_jpeg = MOST_IMAGES, False
    while True:
        embedded, problems = {}, []
        for kind, rows in kinds.items():
            embedded[kind] = []
            for label, path in _spread(rows, most):
                try:
                    embedded[kind].append((label, *_uri(path, is_jpeg)))
                except (OSError, ValueError) as error:
                    problems.append(error)
        rows = sum(embedded.values(), [])
        if sum(len(uri) for _, uri, _ in rows) <= MOST_BYTES:
            return embedded, problems
        most //= 1 + is_jpeg
        is_jpeg = True


def _uri(path, is_jpeg):
    files.check_size(path, _MOST_FILE)
    content, form = path.read_bytes(), "png"
    # Decoded in any case: half a file would show half an image.
    pixels = images.read(content, name=f"{path.parent.name}/{path.name}")
    if is_jpeg:
        buffer, form = io.BytesIO(), "jpeg"
        image = Image.fromarray(pixels)
        image.thumbnail(_JPEG_SIZE)
        image.save(buffer, "JPEG", quality=90)
        content = buffer.getvalue()
    text = base64.b64encode(content).decode("ascii")
    return f"data:image/{form};base64,{text}", pixels.shape[1]


def _spread(rows, most):
    """Return a limited number of evenly spaced rows, including the last."""
    if len(rows) <= most:
        return rows
    if most < 2:
        return rows[len(rows) - most :]
    last = len(rows) - 1
    return [rows[round(i * last / (most - 1))] for i in range(most)]


def _curve(pairs):
    """Return a curve as an SVG path, and the values for its axes.

    Args:
        pairs: list of `(value, step)`; values that are not finite leave gaps.
    """
    finite = [pair for pair in pairs if math.isfinite(pair[0])]
    if not finite:
        return {"path": ""}
    (low, _), (high, _) = least, greatest = min(finite), max(finite)
    steps = [step for _, step in pairs]
    first, last = min(steps), max(steps)
    scale = max(abs(low), abs(high)) or 1.0  # the range itself may overflow
    span = high / scale - low / scale

    def y(value):
        part = (value / scale - low / scale) / span if span else 0.5
        return f"{_CURVE_HEIGHT * (1 - part):.1f}"

    path, command = "", "M"
    for value, step in _spread(pairs, _MOST_POINTS):
        is_finite = math.isfinite(value)
        if is_finite:
            x = _CURVE_WIDTH * ((step - first) / max(last - first, 1))
            # A short line shows a point that stands alone.
            path += f"{command}{x:.1f} {y(value)}h.1"
        command = "L" if is_finite else "M"
    return {
        "path": path,
        "ticks": [(y(v), v) for v in sorted({low, low / 2 + high / 2, high})],
        "range": (first, last),
        "end": finite[-1],
        "least": least,
        "greatest": greatest,
        "lost": len(pairs) - len(finite),
    }


def _number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan
