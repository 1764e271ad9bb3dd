"""Look at your data before you train: `python -m keras_gans.check`.

    python -m keras_gans.check --data-a photos --data-b drawings

It decodes every picture once, says what will be left out and what will
probably go wrong, and with --report writes a contact sheet of both sides.
"""

import argparse
import collections
import json
import logging
import os
import pathlib
import re
import sys
import textwrap

import numpy as np

from keras_gans import data_arguments, files, registry, streams
from keras_gans.checks import UserError, shown

_SHEET = 6, 8  # columns of each side, rows
_SHEET_SIZE = 96  # pixels, most for each picture
_WIDTH = 80  # columns of text
_NAMES = 3  # pictures named with a finding; the report has all
# The first tells whose they are.
_REPORT = "report.json", "report.txt", "contact_sheet.png"
_VERDICTS = {
    "problem": "do not train yet",
    "warning": "it can be trained, but look at this first",
    "note": "ready to train",
    None: "ready to train, nothing to complain about",
}


def _number(key):
    """Return a column that counts the names under `key`, if there are any."""
    return lambda facts: f"{len(facts[key]):,}" if facts[key] else None


def _percent(key):
    def cell(facts):
        if key not in facts:
            return None
        return f"{facts[key]['mean']:.0f} ±{facts[key]['spread']:3.0f} %"

    return cell


def _mostly(key):
    """Return a column that names what is most common, and its share."""

    def cell(facts):
        (first, count), *others = facts[key].items()
        share = count / sum(facts[key].values())
        if not others:
            return f"{first}, all"
        if share < 0.1:
            return f"{len(facts[key]):,} different"
        return f"{first}, {min(share * 100, 99):.0f} %"

    return cell


def _modes(facts):
    words = {"RGB": "colour", "L": "grey", "P": "palette", "RGBA": "colour"}
    modes = collections.Counter()
    for mode, count in facts["modes"].items():
        modes[words.get(mode, mode)] += count
    return _mostly("modes")({"modes": dict(modes.most_common())})


def _shorter_side(facts):
    least, median, most = facts["shorter_side"].values()
    if least == most:
        return f"{median}"
    return f"{least} to {most}, half < {median}"


def _cut_away(facts):
    return f"{facts['cut_away'] * 100:.0f} %"


def _repeats(facts):
    count = sum(len(group) - 1 for group in facts["duplicates"])
    return f"{count:,}" if count else None


# Label and cell, a function from one side's facts to text or None; a row is
# shown where a side has something to say.
_ROWS = (
    ("pictures", lambda facts: f"{facts['count']:,}"),
    ("broken, left out", _number("left_out")),
    ("width x height, pixels", _mostly("sizes")),
    ("shorter side, pixels", _shorter_side),
    ("too small, scaled up", _number("too_small")),
    ("cut away to be square", _cut_away),
    ("kind of file", _mostly("formats")),
    ("stored as", _modes),
    ("turned upright", _number("turned")),
    ("animated", _number("animated")),
    ("transparent", _number("transparent")),
    ("brightness", _percent("brightness")),
    ("contrast", _percent("contrast")),
    ("saturation", _percent("saturation")),
    ("red", _percent("red")),
    ("green", _percent("green")),
    ("blue", _percent("blue")),
    ("grey pictures", _number("grey")),
    ("all black", _number("black")),
    ("all white", _number("white")),
    ("all of another colour", _number("flat")),
    ("nearly the same as another", _repeats),
)


def table(measured):
    """Lay the figures of all sides out beside each other; return lines."""
    sides = measured["sides"]
    rows = [("", list(sides))]
    for label, cell in _ROWS:
        cells = [cell(facts) for facts in sides.values()]
        if any(cells):
            rows.append((label, [text or "0" for text in cells]))
    if measured["across"]:
        counts = [
            f"{sum(len(g.get(side, ())) for g in measured['across']):,}"
            for side in sides
        ]
        rows.append(("on the other side, too", counts))
    first = max(len(label) for label, _ in rows)
    width = max(len(text) for _, cells in rows for text in cells) + 3
    return [
        label.ljust(first) + "".join(text.rjust(width) for text in cells)
        for label, cells in rows
    ]


def verdict(found):
    """Say what the findings come to; return lines."""
    level = found[0].level if found else None
    lines = [f"Verdict: {_VERDICTS[level]}"]
    for finding in found:
        mark = {"problem": "!!", "warning": "! ", "note": "- "}[finding.level]
        text = f"{finding.text}."
        names = [name for name in finding.names if name not in finding.text]
        if names and len(names) == len(finding.names):
            more = ", ..." if len(names) > _NAMES else ""
            text += f" See {', '.join(names[:_NAMES])}{more}"
        lines += textwrap.wrap(
            shown(text),
            _WIDTH,
            initial_indent=f"  {mark} ",
            subsequent_indent="     ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def contact_sheet(sides):
    """Lay a sample of each side out under its name.

    Args:
        sides: dict from name to `Pictures`.

    Returns:
        uint8 `[height, width, 3]`, the same for the same pictures.
    """
    from keras_gans import images

    columns, rows = _SHEET
    size = min(_SHEET_SIZE, *(side.load_size for side in sides.values()))
    blocks, headings = [], []
    for name, pictures in sides.items():
        # One white column between the sides.
        width = columns + bool(blocks)
        block = np.full((rows, width, size, size, 3), 255, np.uint8)
        order = np.random.RandomState(0).permutation(len(pictures))
        for place, index in enumerate(order[: columns * rows]):
            row, column = divmod(place, columns)
            picture = images.fit_square(pictures.load(index), size)
            block[row, column - columns] = picture
        blocks.append(block)
        headings += [""] * (width - columns) + [name] + [""] * (columns - 1)
    return images.grid(list(np.concatenate(blocks, axis=1)), headings=headings)


def _check_report(folder, sides):
    """Check that a report replaces nothing but an earlier one."""
    folders = [pictures.folder for pictures in sides.values()]
    files.check_outside(folder, folders, "report")
    paths = [pathlib.Path(folder, name) for name in _REPORT]
    for path in [path for path in paths if os.path.lexists(path)][:1]:
        files.check_ours(path, '{\n  "image_size": ', "report")


def _write_report(folder, text, measured, found, sides):
    from keras_gans import images

    json_file, text_file, sheet = (pathlib.Path(folder, n) for n in _REPORT)
    content = measured | {"findings": [finding._asdict() for finding in found]}
    content = json.dumps(content, indent=2, ensure_ascii=False)
    # Escaped as in JSON, so that a program reads the names as they are.
    content = re.sub(
        r"[^\n -~]",
        lambda found: (
            found[0]
            if shown(found[0]) == found[0]
            else json.dumps(found[0])[1:-1]
        ),
        content,
    )
    files.write_text(json_file, content + "\n")
    files.write_text(text_file, text + "\n")
    images.write(sheet, contact_sheet(sides))


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.check",
        description="Look at the pictures of both domains before training: "
        "what will be left out, and what will probably go wrong.",
        epilog="Exit code: 0, it can be trained; 1, training would go wrong; "
        "2, wrong use, or nothing to look at.",
    )
    data_arguments.add(parser)
    parser.add_argument(
        "--model",
        default="cyclegan",
        help=f"which one is to be trained, one of "
        f"{', '.join(registry.names())} (default: cyclegan)",
    )
    parser.add_argument(
        "--report",
        type=files.expanded,
        metavar="DIR",
        help="where to write report.txt, report.json with all names, and "
        "contact_sheet.png (default: nowhere)",
    )
    return parser.parse_args(argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: it can be trained; 1: training would go wrong; 2: wrong use, or nothing
    to look at.
    """
    settings = vars(_parse_arguments(argv))
    from keras_gans import datasets
    from keras_gans.inspection import findings, measure

    # What is logged while opening is said in the verdict, too.
    silent = logging.NullHandler()
    logging.getLogger("keras_gans").addHandler(silent)
    try:
        model_class = registry.get(settings["model"])
        kind = model_class.data_kind
        data_arguments.resolve(settings, kind)
        if settings.get("data_a") is None and settings.get("data") is None:
            raise UserError("data, or data_a and data_b, must be given")
        size = settings["image_size"]
        size = size or model_class.default_settings()["image_size"]
        sides = datasets.open_sides(kind, settings, size, cache_bytes=0)
        report = settings["report"]
        if report:
            _check_report(report, sides)
        for name, pictures in sides.items():
            print(f"{name}: {shown(pictures.description)}")
        measured = measure.inspect(sides, size)
        measured["labels"] = findings.labels.measure(sides)
        found = findings.judge(measured, findings.FULL[kind])
        counts = findings.labels.table(measured["labels"])
        lines = [*table(measured), "", *counts, *[""][: len(counts)]]
        text = "\n".join(map(shown, lines + verdict(found)))
        print(f"\n{text}")
        if report:
            _write_report(report, text, measured, found, sides)
            print(
                f"\nwrote report.txt, report.json and contact_sheet.png to "
                f"{shown(report)}"
            )
        else:
            print("\n--report DIR writes all names and a contact sheet")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        logging.getLogger("keras_gans").removeHandler(silent)
    return int(any(finding.level == "problem" for finding in found))


if __name__ == "__main__":
    sys.exit(main())
