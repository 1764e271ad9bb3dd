"""What measured pictures mean for training, in plain words.

A check is a function from the measurement (see `inspection`) to findings. It
looks at whatever sides there are and at whatever was measured: `QUICK` holds,
by kind of data, the checks that need headers only, and `FULL` all of them.
Another kind of data gets an entry of its own and may add checks.
"""

import logging

from keras_gans.inspection import measure
from keras_gans.inspection.findings import files, labels, looks
from keras_gans.inspection.findings.words import Finding

__all__ = ["FULL", "QUICK", "Finding", "judge", "warn"]

logger = logging.getLogger("keras_gans")

LEVELS = ("problem", "warning", "note")
_OF_ANY_SIDE = (
    files.passed_over,
    files.few,
    files.small,
    files.cut_away,
    files.several_folders,
    looks.grey,
)
QUICK = {
    "unpaired": (*_OF_ANY_SIDE, files.framing, files.same_folder),
    "paired": _OF_ANY_SIDE,
    "labelled": (
        *(check for check in _OF_ANY_SIDE if check != files.several_folders),
        labels.rare,
        labels.together,
    ),
}
FULL = {
    "unpaired": (
        files.left_out,
        *QUICK["unpaired"],
        looks.flat,
        looks.repeated,
        looks.shared,
        looks.brightness,
        files.converted,
    ),
    "paired": (
        files.left_out,
        *QUICK["paired"],
        looks.flat,
        looks.repeated,
        files.converted,
    ),
    "labelled": (
        files.left_out,
        labels.unmatched,
        *QUICK["labelled"],
        looks.flat,
        looks.repeated,
        files.converted,
    ),
}
_MOST_LINES = 5


def judge(measured, checks):
    """Return the findings of these checks, problems first.

    Args:
        measured: dict, as of `inspection.inspect`, for labelled data with
            `labels` as of `labels.measure`.
        checks: functions, an entry of `QUICK` or `FULL`.

    Returns:
        list of `Finding`.
    """
    found = [finding for check in checks for finding in check(measured)]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def warn(sides, image_size, kind="unpaired"):
    """Log what the headers of the pictures say about training, if anything.

    Args:
        sides: dict from name (`"data_a"`) to `Pictures`.
        image_size: int, side of the training pictures in pixels.
        kind: str, a key of `QUICK`.

    Returns:
        list of `Finding`, problems first; at most 5 are logged, notes not.
    """
    described = {
        name: measure.describe(pictures, image_size)
        for name, pictures in sides.items()
    }
    measured = {
        "image_size": image_size,
        "sides": described,
        "across": [],
        "labels": labels.measure(sides),
    }
    found = judge(measured, QUICK[kind])
    serious = [finding for finding in found if finding.level != "note"]
    for finding in serious[:_MOST_LINES]:
        logger.warning("%s", finding.text)
    if serious:
        rest = len(serious) - _MOST_LINES
        logger.warning(
            "%spython -m keras_gans.check looks closer",
            f"{rest} more warnings; " if rest > 0 else "",
        )
    return found
