"""Check the arguments of models before anything is built."""

import numbers

import numpy as np
import tensorflow as tf

from keras_gans import checks
from keras_gans.checks import UserError

# Of an image without borders; rounding is no fault.
_TOLERANCE = 1e-3
_AXES = "batch", "height", "width"
# Arguments of `keras.Model.compile`, and their counterparts here.
_ELSEWHERE = {
    "loss": "loss_weights, by term",
    "metrics": "keras_gans.callbacks.Evaluation",
    "weighted_metrics": "keras_gans.callbacks.Evaluation",
}


def check_images(images, multiple_of=1, channels=3):
    """Check a batch of images; return it as float32.

    Args:
        images: float `[batch, height, width, channels]` in [-1, 1]; or a
            `tf.TensorSpec`, which is returned.
        multiple_of: int, what height and width must be multiples of.
        channels: int.

    Raises:
        UserError: naming what does not fit.
    """
    shape = check_values("images", images, (None, None, None, channels))
    if any(side and side % multiple_of for side in shape[1:3]):
        raise UserError(
            f"height and width of images must be multiples of {multiple_of}. "
            f"Received shape: {shape}"
        )
    if isinstance(images, tf.TensorSpec):
        return images
    return tf.cast(images, tf.float32)


def check_values(name, values, shape, count=None):
    """Check one array of a batch.

    Args:
        name: str, its name in error messages.
        values: array or tensor; or a `tf.TensorSpec`. Rank 4: images,
            floating point in [-1, 1]; rank 2: vectors in [0, 1]. Values are
            not checked in a graph.
        shape: tuple of int or None, the required shape.
        count: int, the batch, for the message.

    Returns:
        `tf.TensorShape`.

    Raises:
        UserError: naming what does not fit.
    """
    if not hasattr(values, "shape"):
        values = np.asarray(values)
    is_images = len(shape) == 4
    axes = [count, *_AXES[1:]] if count else _AXES
    wanted = ", ".join(
        str(size or axis)
        for size, axis in zip(shape, [*axes, None], strict=False)
    )
    kind = "floating point in [-1, 1]" if is_images else "numbers in [0, 1]"
    rule = f"{name} must be {kind} of shape [{wanted}]"
    try:
        found, dtype = tf.TensorShape(values.shape), tf.as_dtype(values.dtype)
    except (TypeError, ValueError):
        found = dtype = None
    is_number = dtype is not None and (
        dtype.is_floating
        or not is_images
        and (dtype.is_integer or dtype.is_bool)
    )
    is_known = isinstance(values, tf.TensorSpec) or not isinstance(
        values, tf.TypeSpec
    )
    if not is_known or not is_number or not found.is_compatible_with(shape):
        what = getattr(dtype, "name", type(values).__name__)
        hint = ""
        if is_images and dtype is not None and dtype.is_integer:
            hint = "; keras_gans.images.to_float converts uint8"
        raise UserError(f"{rule}{hint}. Received: {what} of shape {found}")
    if isinstance(values, tf.TensorSpec) or tf.is_symbolic_tensor(values):
        return found
    if not found.num_elements():
        return found
    array = np.asarray(values)
    least, most = array.min(), array.max()
    lowest = -1 if is_images else 0
    if not lowest - _TOLERANCE <= least <= most <= 1 + _TOLERANCE:
        hint = ""
        if is_images and most > 2:
            hint = "; keras_gans.images.to_float converts 0..255"
        raise UserError(
            f"{name} must lie in [{lowest}, 1]{hint}. "
            f"Received: from {least} to {most}"
        )
    return found


def check_batch(batch, shapes):
    """Check the batch of a step; return its arrays in the order of `shapes`.

    Args:
        batch: dict of arrays, tensors or `tf.TensorSpec`s; or, as in
            `train_on_batch`, a tuple of which only the first item is used.
        shapes: dict from key to shape, as for `check_values`.

    Raises:
        UserError: if it is not a dict, or its keys or values are invalid.
    """
    if isinstance(batch, tuple) and batch:
        if all(part is None for part in batch[1:]):
            batch, *_ = batch
    if not isinstance(batch, dict) or {*shapes} != {*batch}:
        received = (
            ", ".join(sorted(map(str, batch)))
            if isinstance(batch, dict)
            else type(batch).__name__
        )
        raise UserError(
            f"batch must be a dict with {', '.join(shapes)}, as of the data "
            f"sets of keras_gans.datasets. Received: {received}"
        )
    count = None
    for key, shape in shapes.items():
        rows = check_values(key, batch[key], shape, count)[:1].as_list()[0]
        if count is not None and rows not in (None, count):
            raise UserError(
                f"{' and '.join(shapes)} must have as many rows in a batch. "
                f"Received in {key}: {rows} for {count}"
            )
        count = count or rows
    return [batch[key] for key in shapes]


def check_compile(jit_compile, options, optimizers):
    """Check the options that `compile` passes on to Keras; return them.

    Args:
        jit_compile: True, False or "auto".
        options: dict, arguments of `keras.Model.compile`.
        optimizers: names of the arguments that take one.

    Raises:
        UserError: if an argument has a different meaning here, or none.
    """
    if not (jit_compile in (True, False) or jit_compile == "auto"):
        raise UserError(
            'jit_compile must be True, False or "auto". '
            f"Received: {jit_compile!r}"
        )
    options = {k: v for k, v in options.items() if v is not None}
    elsewhere = {"optimizer": " and ".join(optimizers), **_ELSEWHERE}
    for name, value in options.items():
        if name in elsewhere:
            raise UserError(
                f"{name} must be left out; see {elsewhere[name]}. "
                f"Received: {value!r}"
            )
        if name not in ("run_eagerly", "steps_per_execution"):
            raise UserError(
                f"compile has no argument {name}. Received: {value!r}"
            )
    checks.at_least(
        1, steps_per_execution=options.get("steps_per_execution", 1)
    )
    return options


def check_loss_weights(loss_weights, defaults, *players):
    """Check loss weights by term; fill in defaults for the others.

    Args:
        loss_weights: dict from term to float, or None for the defaults.
        defaults: the same, for all terms.
        *players: for each player, the names of its terms.

    Raises:
        UserError: if a term is unknown, a weight negative, or all weights
            of a player are 0.
    """
    missing = {name for names in players for name in names} - {*defaults}
    if missing:
        raise UserError(
            "default_loss_weights must have all terms of the model. Received "
            f"none for {', '.join(sorted(missing))}"
        )
    loss_weights = {} if loss_weights is None else loss_weights
    if not isinstance(loss_weights, dict):
        raise UserError(
            f"loss_weights must be a dict with {', '.join(defaults)}, or some "
            f"of them. Received: {loss_weights!r}"
        )
    unknown = set(loss_weights) - set(defaults)
    if unknown:
        raise UserError(
            f"loss_weights must have keys among {', '.join(defaults)}. "
            f"Received: {', '.join(sorted(map(str, unknown)))}"
        )
    for name, weight in loss_weights.items():
        is_bool = isinstance(weight, bool)
        is_number = isinstance(weight, numbers.Real) and not is_bool
        # More than float32 holds is infinite in it.
        if not is_number or not 0 <= weight < 2**128:
            raise UserError(
                f"loss_weights[{name!r}] must be a finite number from 0 up. "
                f"Received: {weight!r}"
            )
    weights = {**defaults, **loss_weights}
    for terms in players:
        if not any(weights[term] for term in terms):
            raise UserError(
                "loss_weights must leave a weight above 0 among "
                f"{', '.join(terms)}. Received: {loss_weights!r}"
            )
    return weights
