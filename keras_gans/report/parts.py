"""What a run folder holds, read so that damage costs one part only.

Each function raises, with one line of text, a FileNotFoundError where its part
is missing, and a ValueError or another OSError where it cannot be read.
"""

import csv
import math

from keras_gans import files
from keras_gans.checks import UserError

# As `callbacks.NOTES_BETWEEN`, which would import TensorFlow.
NOTES_BETWEEN = " | "
_MOST_TABLE = 2**26  # bytes; a hundred thousand rows have a third
_FROM = {
    "metrics.json": "; python -m keras_gans.evaluate writes it",
    "metrics.csv": "; python -m keras_gans.train --evaluate-every writes it",
}


def read_json(folder, name):
    """Return the dict that a JSON file of the folder holds."""
    try:
        content = files.read_json(folder / name)
    except UserError as error:
        text = str(error).replace(str(folder / name), name)
        raise UserError(f"{text}.") from None
    if content is None:
        raise _missing(name)
    if not content:
        raise UserError(f"{name} is damaged (it holds no names).")
    return content


def read_table(folder, name):
    """Read a csv file whose first column is the step.

    Returns:
        `(steps, columns)`: list of int; dict from the other columns' names
        to lists of str, `""` where a row ends early. Rows without a step are
        left out.
    """
    try:
        files.check_size(folder / name, _MOST_TABLE)
        with open(folder / name, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except FileNotFoundError:
        raise _missing(name) from None
    except (ValueError, csv.Error) as error:
        raise UserError(f"{name} is damaged ({error}).") from None
    rows = [row for row in rows if (row.get("step") or "").isdecimal()]
    if not rows:
        raise UserError(f"{name} has no row with a step.")
    names = [name for name in rows[0] if name not in (None, "step")]
    columns = {name: [row[name] for row in rows] for name in names}
    return [int(row["step"]) for row in rows], columns


def _missing(name):
    return FileNotFoundError(f"{name} is not there{_FROM.get(name, '')}.")


def plain(value):
    """Return a plain value as text without brackets and quotes."""
    if isinstance(value, dict):
        pairs = ((n.replace("_", " "), plain(v)) for n, v in value.items())
        return "; ".join(f"{name} {text}" for name, text in pairs)
    if isinstance(value, list):
        return " ".join(map(plain, value))
    return str(value)


def number(text):
    """Return text as a float; NaN where it is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def health_events(folder):
    """Return what was noted in the log, by sign.

    Returns:
        list of `(sign, text, steps)`, in the order of appearance: what the
        sign is called, the last words said of it (`""` for none), and the
        steps of the rows that name it.
    """
    steps, columns = read_table(folder, "log.csv")
    events = {}
    for step, notes in zip(steps, columns.get("warnings", ()), strict=False):
        for note in filter(None, notes.split(NOTES_BETWEEN)):
            sign, _, text = note.partition(": ")
            said, seen = events.get(sign, ("", []))
            events[sign] = text or said, [*seen, step]
    return [(sign, *rest) for sign, rest in events.items()]
