"""Load models from a run folder, a `.keras` file or a SavedModel."""

import inspect
import itertools
import logging
import pathlib

from keras_gans import checks, files, registry, runs
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")

_PRECISIONS = "float32", "mixed_bfloat16", "mixed_float16"
_RULE = (
    "path must be a run folder (with arguments.json), a .keras file, a "
    "SavedModel or the folder of its versions"
)


def load(path, axes=None):
    """Load a model for use on uint8 images.

    Args:
        path: a run folder (loads its newest intact checkpoint); a `.keras`
            file; a SavedModel; or the folder of its versions (loads the
            newest).
        axes: `keras_gans.latents.FeatureAxes` of a generator, for the verb
            `edit`; a SavedModel has its own.

    Returns:
        `keras_gans.serving.translation.LoadedModel`.

    Raises:
        UserError: in one line, if there is no such model, or axes do not fit.
    """
    from keras_gans.serving import translation, versions

    path = files.expanded(path)
    try:
        found = [pathlib.Path(path), *reversed(versions.folders(path))]
        found = [one for one in found if (one / "saved_model.pb").exists()]
    except OSError as error:
        raise UserError(
            f"{_RULE}. Received: {str(path)!r} ({error.strerror})"
        ) from None
    if found:
        folder = found[0]
        if axes is not None:
            raise UserError(
                "axes must be left out for a SavedModel, which is exported "
                f"with its own. Received: some for {str(path)!r}"
            )
        return translation.of_saved_model(folder)
    model, _ = read_model(path, axes)
    return translation.of_model(model)


def read_model(path, axes=None, precision=None):
    """Load a live model without compiling it.

    Args:
        path: a run folder or a `.keras` file, as for `load`.
        axes: as for `load`.
        precision: `"float32"` and the like, which the networks compute in.
            Default: that of training.

    Returns:
        `(model, settings)`: a model with `verbs()`; the settings of the run, a
        dict, or None.

    Raises:
        UserError: in one line, if there is no such model, or axes do not fit.
    """
    try:
        model, settings = _read(pathlib.Path(files.expanded(path)), precision)
    except OSError as error:
        raise UserError(
            f"{_RULE}. Received: {str(path)!r} ({error.strerror})"
        ) from None
    if axes is not None:
        if not hasattr(model, "axes"):
            raise UserError(
                "axes must be left out for a model that takes no latents. "
                f"Received: some for {str(path)!r}"
            )
        model.axes = axes
    return model, settings


def init_from(model, path):
    """Start a training from the weights of another.

        model = keras_gans.Pix2Pix(image_size=64)
        model.compile(learning_rate=1e-5)
        keras_gans.init_from(model, "runs/pix2pix")

    Sets the weights of all networks to those that are saved: of a run with
    `ema` to their average. All else is fresh: the step is 0, optimizers and
    a moving average of the model begin with these weights.

    Args:
        model: a `BaseModel`, compiled or not; its settings may differ as long
            as its networks have the same weights.
        path: a run folder (reads its newest intact checkpoint) or a `.keras`
            file.

    Returns:
        int, the steps that the weights were trained for.

    Raises:
        UserError: in one line that names the first difference, if they are of
            other networks; or if they cannot be read, or the model has been
            trained. The model is then unchanged.
    """
    if int(model.step.numpy()):
        raise UserError(
            "model must be one that has not been trained. Received: step "
            f"{int(model.step.numpy())}"
        )
    try:
        source, _ = read_model(path)
    except UserError as error:
        raise UserError(f"init_from: {error}") from None
    rule = "init_from must be of a model with the same networks. Received: "
    if type(source) is not type(model):
        raise UserError(
            f"{rule}{str(path)!r}, of a {type(source).__name__}, for a "
            f"{type(model).__name__}"
        )
    ours, theirs = _weights(model), _weights(source)
    for here, there in itertools.zip_longest(ours, theirs):
        shapes = [
            one and (one[0], one[1].name, tuple(one[1].shape))
            for one in (here, there)
        ]
        if shapes[0] != shapes[1]:
            here, there = (s and f"{s[0]}, {s[1]} {s[2]}" for s in shapes)
            different = checkpoints.differences(model, source.get_config())
            raise UserError(
                f"{rule}{str(path)!r}, which differs first in a weight of "
                f"{there} there, {here} here"
                + (f" ({'; '.join(different)})" if different else "")
            )
    for (_, here), (_, there) in zip(ours, theirs, strict=True):
        here.assign(there.numpy())
    return int(source.step.numpy())


def _weights(model):
    """Return the weights of a model, with the names of their networks."""
    return [(n.name, weight) for n in model.networks for weight in n.weights]


def _read(path, precision):
    """Return the model and the settings of `read_model`."""
    if path.suffix == ".keras" and path.is_file():
        return _read_file(path, precision), None
    settings = runs.read(path, "arguments.json") if path.is_dir() else None
    if settings is None:
        raise UserError(f"{_RULE}. Received: {str(path)!r}")
    settings = runs.check_recorded(settings, path / "arguments.json")
    folder = path / "checkpoints"
    reasons = []
    for step in reversed(checkpoints.steps(folder)):
        try:
            file = folder / f"{step:06d}.keras"
            return _read_file(file, precision), settings
        except UserError as error:
            logger.warning("%s; it is skipped", error)
            reasons.append(str(error))
    raise UserError(
        f"path must hold a whole checkpoint, written after training. "
        f"Received: {str(path)!r} with {len(reasons)}"
        + (f", the newest: {reasons[0]}" if reasons else "")
    )


def _read_file(path, precision):
    """Build the model that a file describes and load its weights.

    Keras' `load_model` builds any class that a file names, of Keras or other
    packages, with any arguments. Here only our models are built, and their
    checks bound the arguments before weights are read.
    """
    import keras

    class_name, config = checkpoints.read_config(path)
    if class_name not in registry.class_names():
        raise UserError(
            "path must be a .keras file of a model of keras_gans. "
            f"Received: {str(path)!r}, which holds a {class_name}"
        )
    model_class = registry.get_class(class_name)
    known = inspect.signature(model_class.__init__).parameters
    policy = keras.config.dtype_policy()
    try:
        recorded = config.pop("dtype")["config"]["name"]
        checks.one_of(_PRECISIONS, dtype=recorded)
        arguments = {k: v for k, v in config.items() if k != "trainable"}
        for name in arguments:
            checks.one_of(known, **{"an argument": name})
        # A model makes its networks by the policy that is in force.
        keras.config.set_dtype_policy(precision or recorded)
        model = model_class(**arguments)
    # Given useless values, models raise nearly anything.
    except Exception as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"{path} cannot be read: {reason}") from error
    finally:
        keras.config.set_dtype_policy(policy)
    checkpoints.load_weights(model, path)

    return model
