"""What models check of their callers' arguments, before anything is made."""

import numbers

import tensorflow as tf

from keras_gans.checks import UserError


def check_images(images, multiple_of=1):
    """Check a batch of pictures from a caller; return it as float32.

    Args:
        images: float `[batch, height, width, 3]` in [-1, 1].
        multiple_of: int, what height and width must be multiples of.

    Raises:
        ValueError: naming what does not fit.
    """
    images = tf.convert_to_tensor(images)
    if images.shape.rank != 4 or images.shape[-1] != 3:
        raise ValueError(
            "images must have shape [batch, height, width, 3]. "
            f"Received shape: {images.shape}"
        )
    if not images.dtype.is_floating:
        raise ValueError(
            "images must be floating point in [-1, 1]; "
            "keras_gans.images.to_float converts uint8. "
            f"Received dtype: {images.dtype.name}"
        )
    if any(side and side % multiple_of for side in images.shape[1:3]):
        raise ValueError(
            f"height and width of images must be multiples of {multiple_of}. "
            f"Received shape: {images.shape}"
        )
    if tf.executing_eagerly() and images.shape[0]:
        largest = float(tf.reduce_max(tf.abs(images)))
        if not largest <= 1.0 + 1e-3:
            raise ValueError(
                "images must lie in [-1, 1]; keras_gans.images.to_float "
                f"converts 0..255. Largest absolute value: {largest}"
            )
    return tf.cast(images, tf.float32)


def check_batch(batch, *keys):
    """Check the batch of a step; return its tensors of these keys.

    Args:
        batch: dict; or, as `train_on_batch` passes it, a tuple of it and of
            targets and weights, which do not exist here.
        *keys: str.

    Raises:
        ValueError: if it is no dict, or a key is missing.
    """
    if isinstance(batch, tuple) and batch[1:] == (None, None):
        batch, *_ = batch
    if not isinstance(batch, dict) or not {*keys} <= {*batch}:
        received = (
            ", ".join(sorted(batch))
            if isinstance(batch, dict)
            else type(batch).__name__
        )
        raise ValueError(
            f"batch must be a dict with {', '.join(keys)}, as of the data sets "
            f"of keras_gans.datasets. Received: {received}"
        )
    return [tf.convert_to_tensor(batch[key]) for key in keys]


def check_loss_weights(loss_weights, defaults, *players):
    """Check weights by term; return them with the others at their defaults.

    Args:
        loss_weights: dict from term to float, or None for the defaults.
        defaults: the same, for all terms.
        *players: for each player, the names of its terms.

    Raises:
        UserError: if it is no dict, a term is unknown, a weight negative or
            no finite number, or all weights of a player 0.
    """
    loss_weights = {} if loss_weights is None else loss_weights
    if not isinstance(loss_weights, dict):
        raise UserError(
            "loss_weights must be a dict from term to number, with terms among "
            f"{', '.join(defaults)}. Received: {loss_weights!r}"
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
