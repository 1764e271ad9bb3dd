"""The scoreboard as a page of Markdown."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import sys

from keras_gans import files
from tests.benchmarks.scoreboard import entries

START = "# Scoreboard\n"  # by it an earlier page is known
# Headings.
MODELS = "Models"
ABLATION = "Ablation of CycleGAN"
_COLUMNS = (
    *(
        "model",
        "direction",
        "weights",
        "steps",
        "minutes",
        "L1",
        "SSIM",
        "KID, 1e-3",
    ),
    *("attributes", "memory", "steps a second"),
)
_PROTOCOL = (
    "L1 and SSIM: to the true drawing, over 200 identities that are drawn for "
    "no training; in brackets the untouched input and the mean drawing of 200 "
    "others. L1 in parts of the full range, SSIM as `tf.image.ssim` with "
    "windows of 11 pixels. `keras_gans.faces.truth`.",
    "Rows of labels: L1 is the mean over the labels, in brackets the untouched "
    "input. Attributes: share of faces on which a classifier, trained on other "
    "faces, sees the label that was asked for, mean over the labels; in "
    "brackets that of the true drawings. `keras_gans.faces.edits`. Of samples "
    "from noise, that of real images. `keras_gans.faces.samples`.",
    "Weights: as they were trained, or their moving average, decay "
    f"{entries.EMA}; both of one run, which is the same without `--ema`.",
    "Minutes: of training, as log.csv has them. Memory: the most that the "
    "process of the training held, export and measurement included. Steps a "
    "second: from the first row of log.csv to the last.",
)
_NONE = "–"


def write(path, command, sections):
    """Write the page, whole or not at all.

    Args:
        path: `pathlib.Path`.
        command: str, that makes it.
        sections: dict from heading to a list of (`Entry`, what
            `figures.read` returns, or a str that says why there is nothing).
    """
    lines = [
        START,
        "The models on the embedded faces, each with the settings of its own "
        "demonstration. Made by",
        "",
        f"    {command}",
        "",
        f"on {datetime.date.today()}: {machine()}.",
    ]
    protocols = dict.fromkeys(_PROTOCOL)
    for heading, rows in sections.items():
        lines += ["", f"## {heading}", "", *_table(rows)]
        if heading == ABLATION:
            lines += ["", *_beside_the_paper(rows)]
        for _, found in rows:
            if not isinstance(found, str):
                kid = [f"KID: {line}" for line in found["protocols"]]
                protocols |= dict.fromkeys(kid)
    lines += ["", "## Protocol", "", *(f"- {line}" for line in protocols)]
    files.write_text(path, "\n".join([*lines, ""]))


def machine():
    """Return processor and versions in one line."""
    # TensorFlow goes by several names, and is not imported for it.
    providers = importlib.metadata.packages_distributions()
    versions = [f"Python {platform.python_version()}"] + [
        f"{name} {importlib.metadata.version(providers[name][0])}"
        for name in ("keras", "tensorflow", "numpy")
    ]
    return f"{os.cpu_count()} cores, {_processor()}; {', '.join(versions)}"


def _processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().split("\n")
    except OSError:
        lines = []
    names = [line for line in lines if line.startswith("model name")]
    if names:
        return names[0].partition(":")[2].strip()
    return platform.processor() or sys.platform


def _table(rows):
    lines = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    for entry, found in rows:
        if isinstance(found, str):
            lines.append(_row([entry.title, found, *[_NONE] * 9]))
            continue
        memory = found["memory"]
        of_run = (
            str(found["steps"]),
            f"{found['seconds'] / 60:.1f}",
            _NONE if memory is None else f"{memory / 2**30:.1f} GiB",
            _number(found["rate"], ".2f"),
        )
        for place, (direction, name, values) in enumerate(_lines(found)):
            # What is of the run stands in its first row.
            steps, minutes, memory, rate = [""] * 4 if place else of_run
            title = "" if place else entry.title
            lines.append(
                _row(
                    [
                        *(title, direction, name, steps, minutes),
                        _beside(values, "l1", ".3f", ("untouched", "mean")),
                        _beside(values, "ssim", ".3f", ("untouched", "mean")),
                        _kid(values),
                        _beside(values, "accuracy", ".1%", ("true",)),
                        *(memory, rate),
                    ]
                )
            )
    return lines


def _lines(found):
    """Return `(direction, weights, values)`, ordered by direction."""
    lines = [
        (direction, name, values)
        for name, directions in found["weights"].items()
        for direction, values in directions.items()
    ]
    order = [direction for direction, _, _ in lines]
    return sorted(lines, key=lambda line: order.index(line[0]))


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _number(value, form):
    return _NONE if value is None else format(value, form)


def _beside(values, key, form, names):
    """Format a value, and behind it those it is to be compared with."""
    beside = [values["beside"].get(name, {}).get(key) for name in names]
    beside = [format(value, form) for value in beside if value is not None]
    text = _number(values.get(key), form)
    return f"{text} ({', '.join(beside)})" if beside else text


def _kid(values):
    if values.get("kid") is None:
        return _NONE
    return f"{values['kid'] * 1e3:.1f} ± {values['spread'] * 1e3:.1f}"


def _beside_the_paper(rows):
    """Compare the order of the losses with the paper's."""
    here = {}
    for entry, found in rows:
        if not isinstance(found, str):
            # As trained, if that was measured.
            directions = next(iter(found["weights"].values()))
            values = [d.get("l1") for d in directions.values()]
            if None not in values:
                here[entry.title] = _mean(values)
    there = {
        title: _mean(ious)
        for title, ious in entries.PAPER.items()
        if title in here
    }
    lines = [
        _row(
            (
                "loss",
                "L1, trained weights",
                "paper: labels to photo",
                "photo to labels",
            )
        ),
        _row(["---"] * 4),
    ]
    for title, value in here.items():
        paper = [f"{iou:.2f}" for iou in entries.PAPER[title]]
        lines.append(_row([title, f"{value:.3f}", *paper]))
    ours = sorted(here, key=here.get)
    theirs = sorted(there, key=there.get, reverse=True)
    return [
        *lines,
        "",
        "The paper's figures are class IoU on Cityscapes (Zhu et al. 2017, "
        "tables 4 and 5; higher is better), other data and another measure: "
        "what can be compared is the order.",
        "",
        f"- here, from the best L1 on: {', '.join(ours)}",
        f"- the paper, from the best mean IoU on: {', '.join(theirs)}",
        f"- {'the same order' if ours == theirs else 'not the same order'}",
    ]


def _mean(values):
    return sum(values) / len(values)
