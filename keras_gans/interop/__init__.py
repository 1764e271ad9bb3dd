"""Weights of the reference implementations, into our networks.

A source names whose weights they are. For each there is one function that
lists a network's weights under the reference's names, in our layout.
"""

import os

import keras
import numpy as np
import tensorflow as tf

# Variables that an optimizer or a training loop adds to a TF1 checkpoint.
_TF1_BOOKKEEPING = ("Adam", "Adam_1", "Momentum", "ExponentialMovingAverage")


def load_reference(network, arrays, source, scope=None):
    """Copy a reference's weights into one of our networks.

    Args:
        network: `keras.Model`, such as `model.generator_ab`.
        arrays: dict from the reference's names to arrays, or a path: for
            `source="article"` a TensorFlow 1 checkpoint (the prefix of its
            files, as given to `tf.train.Saver`).
        source: whose names and layout these are; `"article"` is the
            TensorFlow 1 code: `conv2d/kernel`, `batch_normalization_1/gamma`,
            ..., kernels as Keras has them.
        scope: str, the network's own prefix in a checkpoint, such as
            `"generatorA2B"`. Only for paths.

    Raises:
        ValueError: if `source` is unknown, or an array is missing, surplus
            or of another shape; the network is then unchanged.
    """
    if source not in SOURCES:
        raise ValueError(
            f"source must be one of {', '.join(SOURCES)}. Received: {source!r}"
        )
    variables_by_name, read_checkpoint = SOURCES[source]
    if isinstance(arrays, (str, os.PathLike)):
        arrays = read_checkpoint(os.fspath(arrays), scope)
    elif scope is not None:
        raise ValueError(
            "scope is only for checkpoint paths; give the dictionary without "
            f"the network's prefix. Received: scope={scope!r}"
        )
    variables = variables_by_name(network)
    _check_names(variables, arrays, network.name)
    values = {name: np.asarray(arrays[name]) for name in variables}
    for name, variable in variables.items():
        if values[name].shape != tuple(variable.shape):
            raise ValueError(
                f"array {name!r} must have shape {tuple(variable.shape)} for "
                f"network {network.name!r}. Received: {values[name].shape}"
            )
    for name, variable in variables.items():
        variable.assign(values[name])


def _check_names(expected, received, network_name):
    for problem, names in (
        ("lack", [name for name in expected if name not in received]),
        ("have surplus", [name for name in received if name not in expected]),
    ):
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(
                f"arrays {problem} {len(names)} of the names of network "
                f"{network_name!r}: {shown}"
            )


def _article_variables(network):
    """Weights by the names that TF1's `tf.layers` gives them in a scope."""
    kinds = {
        keras.layers.Conv2D: "conv2d",
        keras.layers.Conv2DTranspose: "conv2d_transpose",
        keras.layers.BatchNormalization: "batch_normalization",
    }
    counts = dict.fromkeys(kinds.values(), 0)
    variables = {}
    for layer in network.layers:
        for kind, name in kinds.items():
            if isinstance(layer, kind):
                count = counts[name]
                counts[name] += 1
                prefix = f"{name}_{count}" if count else name
                for weight in layer.weights:
                    variables[f"{prefix}/{weight.name}"] = weight
                break
    return variables


def _read_tf1_checkpoint(path, scope):
    try:
        reader = tf.train.load_checkpoint(path)
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(
            "arrays must be a dictionary or the prefix of a TensorFlow "
            f"checkpoint's files. Received: {path!r} ({error})"
        ) from None
    names = sorted(reader.get_variable_to_shape_map())
    prefix = f"{scope}/" if scope else ""
    arrays = {
        name.removeprefix(prefix): reader.get_tensor(name)
        for name in names
        if name.startswith(prefix)
        and name.rsplit("/", 1)[-1] not in _TF1_BOOKKEEPING
    }
    if not arrays:
        scopes = sorted({name.split("/")[0] for name in names if "/" in name})
        raise ValueError(
            f"scope must be one of the checkpoint's {', '.join(scopes)}. "
            f"Received: {scope!r}"
        )
    return arrays


# Source -> (the network's variables by reference name, the file reader).
SOURCES = {"article": (_article_variables, _read_tf1_checkpoint)}
