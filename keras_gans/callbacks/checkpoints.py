"""Checkpoints: whole `.keras` files that a run can be continued from.

A file holds the networks, both optimizers, the loss scales, the step and
every random state of a model, because Keras saves what a model owns. The
archive format carries a checksum of each part.
"""

import logging
import pathlib
import zipfile

from keras_gans import files
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")


def save(model, folder, keep=3):
    """Write the model's state to `folder/<step>.keras`.

    Args:
        model: a compiled `AdversarialModel`.
        folder: where the checkpoints of the run live.
        keep: int, newest checkpoints that stay.

    Returns:
        `pathlib.Path` of the checkpoint.

    Raises:
        OSError: if it cannot be written; older checkpoints are untouched.
    """
    folder = pathlib.Path(files.expanded(folder))
    path = write(model, folder / f"{int(model.step.numpy()):06d}.keras")
    for old in steps(folder)[:-keep]:
        (folder / f"{old:06d}.keras").unlink(missing_ok=True)
    return path


def write(model, path):
    """Write the model's state to `path`, whole or not at all.

    The file is written beside its place, checked, and renamed: whatever has
    the name of a checkpoint is whole.

    Raises:
        OSError: if it cannot be written; what was there is untouched.
    """
    path = pathlib.Path(path)
    with files.whole(path) as unfinished:
        model.save(unfinished)
        if not _is_whole(unfinished):
            raise OSError(f"{path} does not read back as written")
    return path


def steps(folder):
    """Return the steps that `folder` has checkpoints of, ascending."""
    return sorted(
        int(path.stem)
        for path in pathlib.Path(files.expanded(folder)).glob("*.keras")
        if path.stem.isdecimal()
    )


def restore(model, folder):
    """Load the newest whole checkpoint of `folder` into a compiled model.

    Returns:
        int, the steps taken so far; 0 where there is no checkpoint.

    Raises:
        UserError: if there are checkpoints and none of them is whole, or
            they are of another model.
    """
    found = steps(folder)
    for step in reversed(found):
        path = pathlib.Path(files.expanded(folder)) / f"{step:06d}.keras"
        if not _is_whole(path):
            logger.warning("%s is damaged and is passed over", path)
            continue
        model.load_weights(path)
        return int(model.step.numpy())
    if found:
        raise UserError(
            f"checkpoints of {folder} must include one that is whole; all "
            f"{len(found)} are damaged. Start over with another run folder"
        )
    return 0


def _is_whole(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError):
        return False
