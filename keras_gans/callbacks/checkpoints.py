"""Save and restore checkpoints: complete `.keras` files to resume from.

A file holds the networks, optimizers, loss scales, step and random states of
a model. The archive format has a checksum for each part.
"""

import contextlib
import json
import logging
import math
import pathlib
import warnings
import zipfile

from keras_gans import files
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# A file holds the weights, two or three more of each for the optimizer, an
# average; plus tables of contents.
_MOST_COPIES, _MOST_BESIDE = 8, 2**24
# Of the configuration of every Keras model; they shape no weight.
_NOT_OURS = "name", "trainable", "dtype"


def save(model, folder, keep=3):
    """Write the model's state to `folder/<step>.keras`.

    Args:
        model: a compiled `BaseModel`.
        folder: the folder of the run's checkpoints.
        keep: int, number of newest checkpoints to keep.

    Returns:
        `pathlib.Path` of the checkpoint.

    Raises:
        OSError: if it cannot be written; older checkpoints are untouched.
    """
    folder = pathlib.Path(files.expanded(folder))
    step = int(model.step.numpy())
    path = write(model, folder / f"{step:06d}.keras")
    # Damaged ones of later steps, which were skipped, do not count.
    for old in [one for one in steps(folder) if one <= step][:-keep]:
        # Entries that cannot be deleted, such as folders, may stay.
        with contextlib.suppress(OSError):
            (folder / f"{old:06d}.keras").unlink()
    return path


def write(model, path):
    """Write the model's state to `path`, atomically.

    The file is written to a temporary place, checked and renamed, so that
    every checkpoint is complete.

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
    """Return the steps of the checkpoints in `folder`, ascending."""
    return sorted(
        int(path.stem)
        for path in pathlib.Path(files.expanded(folder)).glob("*.keras")
        if path.stem.isdecimal()
    )


def restore(model, folder):
    """Load the newest intact checkpoint of `folder` into a compiled model.

    Checkpoints that cannot be read are skipped with a warning.

    Returns:
        int, the steps taken so far; 0 where there is no checkpoint.

    Raises:
        UserError: if there are checkpoints, but none of them is intact and of
            this model; the model is then unchanged.
    """
    reasons = []
    for step in reversed(steps(folder)):
        try:
            load_weights(
                model,
                pathlib.Path(files.expanded(folder)) / f"{step:06d}.keras",
            )
        except UserError as error:
            logger.warning("%s; it is skipped", error)
            reasons.append(str(error))
            continue
        return int(model.step.numpy())
    if reasons:
        raise UserError(
            f"checkpoints of {folder} must include one that is whole and of "
            f"this model. Received {len(reasons)}: {reasons[0]}. Start over "
            "with another run folder"
        )
    return 0


def read_config(path):
    """Read the class name and config in a `.keras` file; build nothing.

    Returns:
        `(class name, config)`: str, such as `"CycleGAN"`; and the result of
        its `get_config()`, a dict.

    Raises:
        UserError: in one line, if it cannot be read.
    """
    with _one_line(path), zipfile.ZipFile(path) as archive:
        # Of a size that lies no more is read, either.
        if archive.getinfo(_CONFIG).file_size > files.MOST_JSON:
            raise UserError(f"its {_CONFIG} is too large")
        content = json.loads(archive.read(_CONFIG))
        class_name, config = content["class_name"], content["config"]
        if not isinstance(class_name, str) or not isinstance(config, dict):
            raise UserError(f"its {_CONFIG} is that of no model")
    return class_name, config


def load_weights(model, path):
    """Load the state in a `.keras` file into a model, completely or not at all.

    A model without optimizers loads only its own part.

    Raises:
        UserError: in one line, if the file is damaged, larger than this model
            may need, or of another model; the model is then unchanged.
    """
    class_name, config = read_config(path)
    if class_name != type(model).__name__:
        raise UserError(
            f"{path} is of another model: {class_name} there, "
            f"{type(model).__name__} here"
        )
    different = differences(model, config)
    variables = _variables(model)
    before = [variable.numpy() for variable in variables]
    try:
        with _one_line(path):
            _check_sizes(path, model)
            if not _is_whole(path):
                raise UserError("a checksum does not match")
            with warnings.catch_warnings():
                # Keras warns where it leaves something out.
                warnings.filterwarnings("error", "Skipping ")
                model.load_weights(path)
    except UserError as error:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        if different:
            raise UserError(
                f"{path} is of another model: {'; '.join(different)}"
            ) from error
        raise


def differences(model, config):
    """Return where a config differs from the model's, a list of str."""
    ours = model.get_config()
    return [
        f"{name} {str(config[name])[:50]} there, {ours[name]} here"
        for name in ours
        if name not in _NOT_OURS
        and name in config
        and config[name] != json.loads(json.dumps(ours[name]))
    ]


@contextlib.contextmanager
def _one_line(path):
    """Raise errors of a file as a `UserError` in one line with its name."""
    try:
        yield
    # Files of other makers make zipfile, HDF5 and Keras raise nearly anything.
    except Exception as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        what = "cannot be read" if isinstance(error, OSError) else "is damaged"
        raise UserError(f"{path} {what} ({reason})") from error


def _variables(model):
    """Return all variables that a checkpoint changes, each once."""
    # A model that is only used has none.
    averages = getattr(model, "averages", None)
    compiled = getattr(model, "terms", ()) if model.compiled else ()
    found = [
        *model.variables,
        *(v for name in compiled for v in model.optimizer_of(name).variables),
        *(averages.state.values() if averages else ()),
    ]
    return [*{id(variable): variable for variable in found}.values()]


def _check_sizes(path, model):
    """Check that a file declares no more data than its model may need.

    Before it is read, since a file of a thousand bytes may declare a thousand
    million.
    """
    import h5py

    needed = 4 * sum(math.prod(v.shape) for v in model.variables)
    most = _MOST_COPIES * needed + _MOST_BESIDE
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > most:
            raise UserError(f"{size:,} bytes, where {most:,} are enough")
        declared = []

        def visit(name, entry):
            if isinstance(entry, h5py.Dataset):
                # Of what is stored in chunks a whole one is read.
                count = max(entry.size, math.prod(entry.chunks or ()))
                declared.append(count * entry.dtype.itemsize)

        with archive.open(_WEIGHTS) as file, h5py.File(file) as weights:
            weights.visititems(visit)
        if sum(declared) > most:
            raise UserError(
                f"arrays of {sum(declared):,} bytes, where {most:,} are enough"
            )


def _is_whole(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, OSError, EOFError):
        return False
