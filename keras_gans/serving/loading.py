"""Models from a run folder, a `.keras` file or a SavedModel, used alike."""

import json
import logging
import pathlib
import zipfile

from keras_gans import files, registry, runs
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")

_RULE = (
    "path must be a run folder (with arguments.json), a .keras file, a "
    "SavedModel or the folder of its versions"
)


def load(path):
    """Load a model to translate with.

    Args:
        path: a run folder, whose newest whole checkpoint is taken; a `.keras`
            file; a SavedModel; or the folder of its versions, whose newest is
            taken.

    Returns:
        `keras_gans.serving.translation.LoadedModel`.

    Raises:
        UserError: in one line, if there is no such model.
    """
    from keras_gans.serving import translation, versions

    path = files.expanded(path)
    folder = pathlib.Path(path)
    if folder.is_dir() and not (folder / "saved_model.pb").exists():
        folder /= str(max(versions.numbers(folder), default=0))
    if (folder / "saved_model.pb").exists():
        return translation.of_saved_model(folder)
    model, _ = read_model(path)
    return translation.of_model(model)


def read_model(path):
    """Read a live model, not compiled.

    Args:
        path: a run folder or a `.keras` file, as for `load`.

    Returns:
        `(model, settings)`: a model with `verbs()`; the dict of
        settings of the run, or None.

    Raises:
        UserError: in one line, if there is no such model.
    """
    path = pathlib.Path(files.expanded(path))
    if path.suffix == ".keras" and path.is_file():
        return _read_file(path), None
    settings = runs.read(path, "arguments.json") if path.is_dir() else None
    if settings is None:
        raise UserError(f"{_RULE}. Received: {str(path)!r}")
    folder = path / "checkpoints"
    for step in reversed(checkpoints.steps(folder)):
        try:
            return _read_file(folder / f"{step:06d}.keras"), settings
        except UserError as error:
            logger.warning("%s; passed over", error)
    raise UserError(
        f"path must hold a whole checkpoint, written after training. "
        f"Received: {str(path)!r}"
    )


def _read_file(path):
    import keras

    # So that Keras knows the classes.
    import keras_gans.models.translator  # noqa: F401

    for name in registry.names():
        registry.get(name)
    policy = keras.config.dtype_policy()
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        # A model makes its networks by the policy that is in force.
        keras.config.set_dtype_policy(config["dtype"]["config"]["name"])
        model = keras.models.load_model(path, compile=False)
    # Keras raises nearly anything for files of other makers.
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{path} cannot be read: {reason}") from error
    finally:
        keras.config.set_dtype_policy(policy)
    if not hasattr(model, "verbs"):
        raise UserError(
            "path must be a .keras file of a model of keras_gans. "
            f"Received: {str(path)!r}, which holds a {type(model).__name__}"
        )
    return model
