"""Choose the images to measure a model on if the user names none.

For runs on the embedded faces: identities that are never drawn for training;
else the test set next to the training set on disk, or the held-out images of
the run.
"""

import logging
import os
import re

from keras_gans import datasets, files, runs, settings
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")

_TEST = {"train": "test", "Train": "Test", "TRAIN": "TEST"}
_HALF = re.compile(r"train(?=[^/\\]*$)", re.IGNORECASE)


def data_of_run(recorded, data=None, named=()):
    """Return the data to measure a run on.

    Args:
        recorded: dict, the settings of the run.
        data: the opened `datasets.Data` of the run, or None.
        named: sources that the command names now, see `runs.check_data`.

    Returns:
        `datasets.Data`.

    Raises:
        UserError: in one line, if they cannot be opened.
    """
    kind = settings.kind_of(recorded)
    halves = kind.replaced(recorded, _test_half)
    if halves:
        try:
            return kind.open(recorded | halves)
        except UserError as error:
            # Nobody named it, and it may be for something else.
            logger.warning(
                "test images beside the training images are skipped: %s", error
            )
    if data is None:
        runs.check_data(recorded, named)
        data = settings.open_data(recorded)
        runs.warn_of_changes(recorded, data.recorded())
    return data


def trained_on(kind, recorded, named, count):
    """Return images that a run was trained on.

    None is kept in memory.

    Args:
        kind: class of `datasets.Data`.
        recorded, named: as in `data_of_run`.
        count: int, most images.

    Returns:
        `datasets.Pictures`.

    Raises:
        UserError: in one line, if they are not recorded or cannot be opened.
    """
    if not recorded.get(kind.sources[0]):
        raise UserError(
            "data must be recorded: the model does not say what it was "
            "trained on"
        )
    runs.check_data(recorded, named)
    held_out = recorded.get("held_out") or datasets.SHOWN
    return kind.open(recorded, held_out, cache_bytes=0).trained_on(count)


def _test_half(spec):
    """Return the test set next to a training set on disk, or None."""
    folder, mark, half = spec.partition("#")
    other = _HALF.sub(lambda found: _TEST.get(found[0], found[0]), folder)
    is_there = other != folder and os.path.exists(files.expanded(other))
    return other + mark + half if is_there else None
