"""Read the article's TensorFlow 1 checkpoints with `tf.layers` names."""

import keras
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts

# Variables that an optimizer or a training loop adds to a checkpoint.
_BOOKKEEPING = (
    "Adam",
    "Adam_1",
    "Momentum",
    "ExponentialMovingAverage",
    "beta1_power",
    "beta2_power",
    "global_step",
)


def variables(network):
    """Return a network's weights by their `tf.layers` names."""
    kinds = {
        keras.layers.Conv2D: "conv2d",
        keras.layers.Conv2DTranspose: "conv2d_transpose",
        keras.layers.BatchNormalization: "batch_normalization",
    }
    counts = dict.fromkeys(kinds.values(), 0)
    named = {}
    for layer in network.layers:
        for kind, name in kinds.items():
            if isinstance(layer, kind):
                count = counts[name]
                counts[name] += 1
                prefix = f"{name}_{count}" if count else name
                for weight in layer.weights:
                    named[f"{prefix}/{weight.name}"] = weight
                break
    return named


def outline(path, scope):
    """Return the arrays of `read` as zeros that take no memory."""
    return _arrays(
        path,
        scope,
        lambda reader, name: state_dicts.empty(
            reader.get_variable_to_shape_map()[name]
        ),
    )


def read(path, scope):
    """Return the arrays of one scope of a TF1 checkpoint, without its prefix.

    Args:
        path: str, the prefix of the checkpoint's files.
        scope: str, the network's scope, or None for names without one.

    Raises:
        UserError: if the checkpoint or the scope does not exist.
    """
    return _arrays(path, scope, lambda reader, name: reader.get_tensor(name))


def _arrays(path, scope, make):
    try:
        reader = tf.train.load_checkpoint(path)
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(
            "arrays_or_path must be a dictionary or the prefix of a "
            f"TensorFlow checkpoint's files. Received: {path!r} ({error})"
        ) from None
    names = sorted(reader.get_variable_to_shape_map())
    prefix = f"{scope}/" if scope else ""
    arrays = {
        name.removeprefix(prefix): make(reader, name)
        for name in names
        if name.startswith(prefix)
        and name.rsplit("/", 1)[-1] not in _BOOKKEEPING
    }
    if not arrays:
        scopes = sorted({name.split("/")[0] for name in names if "/" in name})
        raise UserError(
            f"scope must be one of the checkpoint's {', '.join(scopes)}. "
            f"Received: {scope!r}"
        )
    return arrays
