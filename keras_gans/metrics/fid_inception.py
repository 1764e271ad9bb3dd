"""Build the Inception network of the published FID from a user's file.

It is TensorFlow's release of 2015-12-05, which differs from Inception-v3 of
`keras.applications`: the last block uses max pooling, and there are 1,008
classes. Average pooling excludes the border from its mean, as always in
TensorFlow. Weights are read by the module names of pytorch-fid and
torch-fidelity. Convert their file with PyTorch by

    import numpy, torch
    state = torch.load("pt_inception-2015-12-05-6726825d.pth")
    numpy.savez("fid_inception.npz", **{k: v.numpy() for k, v in state.items()})
"""

import os

import keras
import numpy as np
from keras import layers

from keras_gans import files
from keras_gans.checks import UserError

_PARTS = {
    "conv": ("weight",),
    "bn": ("weight", "bias", "running_mean", "running_var"),
}


def network():
    """Return the network from `[batch, 299, 299, 3]` in [-1, 1].

    Any size of at least 75 pixels works. The input should be (x - 128) / 128
    of pixels x in 0..255.

    Returns:
        functional `keras.Model` to the mean of the last block over space,
        `[batch, 2048]`, and the 1,008 logits, which have no activation.

    Reference:
        Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule
        Converge to a Local Nash Equilibrium"; Szegedy et al. 2015,
        "Rethinking the Inception Architecture for Computer Vision".
    """
    inputs = x = keras.Input((None, None, 3))
    x = _conv(x, "Conv2d_1a_3x3", 32, 3, 2, "valid")
    x = _conv(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _conv(x, "Conv2d_2b_3x3", 64, 3)
    x = layers.MaxPooling2D(3, 2)(x)
    x = _conv(x, "Conv2d_3b_1x1", 80, 1)
    x = _conv(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = layers.MaxPooling2D(3, 2)(x)
    for letter, pooled in zip("bcd", (32, 64, 64), strict=True):
        x = _block_a(x, f"Mixed_5{letter}", pooled)
    x = _block_b(x, "Mixed_6a")
    for letter, width in zip("bcde", (128, 160, 160, 192), strict=True):
        x = _block_c(x, f"Mixed_6{letter}", width)
    x = _block_d(x, "Mixed_7a")
    x = _block_e(x, "Mixed_7b", layers.AveragePooling2D)
    x = _block_e(x, "Mixed_7c", layers.MaxPooling2D)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, [x, layers.Dense(1008, name="fc")(x)])


def load(model, weights):
    """Load the weights of `network()`.

    Args:
        model: the result of `network`.
        weights: path of a `.npz` file, or dict, of arrays by state dict name.

    Raises:
        UserError: if an array is missing or has another shape.
    """
    if not isinstance(weights, dict):
        if not os.fspath(weights).endswith(".npz"):
            raise UserError(
                "weights must be a .npz file of the state dict (see "
                f"keras_gans/metrics/fid_inception.py). Received: {weights}"
            )
        with files.open_npz(weights) as arrays:
            weights = {name: read() for name, (_, read) in arrays.items()}
    for layer in model.layers:
        if not layer.weights:
            continue
        part = layer.name.rpartition(".")[2]
        names = _PARTS.get(part, ("weight", "bias"))
        arrays = [weights.get(f"{layer.name}.{name}") for name in names]
        # Output channels come first in PyTorch, last in Keras.
        order = {"conv": (2, 3, 1, 0), "fc": (1, 0)}.get(part)
        if order and arrays[0] is not None:
            arrays[0] = np.transpose(arrays[0], order)
        shapes = [None if a is None else a.shape for a in arrays]
        if shapes != [tuple(weight.shape) for weight in layer.weights]:
            raise UserError(
                "weights must be those of the FID Inception. Received: "
                f"{layer.name} with {', '.join(names)} of shapes {shapes}"
            )
        layer.set_weights(arrays)


def _conv(x, name, filters, size, strides=1, padding="same"):
    x = layers.Conv2D(
        filters, size, strides, padding, use_bias=False, name=f"{name}.conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x)
    return layers.ReLU()(x)


def _chain(x, name, *steps):
    """Apply convolutions `(suffix, filters, size, ...)` one after another."""
    for suffix, *arguments in steps:
        x = _conv(x, f"{name}.branch{suffix}", *arguments)
    return x


def _pooled(x, name, filters, pool=layers.AveragePooling2D):
    return _chain(pool(3, 1, "same")(x), name, ("_pool", filters, 1))


def _join(name, *branches):
    return layers.Concatenate(name=name)(branches)


def _block_a(x, name, pooled):
    return _join(
        name,
        _chain(x, name, ("1x1", 64, 1)),
        _chain(x, name, ("5x5_1", 48, 1), ("5x5_2", 64, 5)),
        _chain(x, name, ("3x3dbl_1", 64, 1), *_twice_3x3()),
        _pooled(x, name, pooled),
    )


def _twice_3x3(*last):
    return ("3x3dbl_2", 96, 3), ("3x3dbl_3", 96, 3, *last)


def _block_b(x, name):
    half = (2, "valid")
    return _join(
        name,
        _chain(x, name, ("3x3", 384, 3, *half)),
        _chain(x, name, ("3x3dbl_1", 64, 1), *_twice_3x3(*half)),
        layers.MaxPooling2D(3, 2)(x),
    )


def _block_c(x, name, width):
    row, column = (1, 7), (7, 1)
    once = ((width, 1), (width, row), (192, column))
    twice = ((width, 1), *[(width, column), (width, row)] * 2)
    twice = (*twice[:-1], (192, row))
    return _join(
        name,
        _chain(x, name, ("1x1", 192, 1)),
        _chain(x, name, *((f"7x7_{i}", *a) for i, a in enumerate(once, 1))),
        _chain(x, name, *((f"7x7dbl_{i}", *a) for i, a in enumerate(twice, 1))),
        _pooled(x, name, 192),
    )


def _block_d(x, name):
    sizes = ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "valid"))
    steps = ((f"7x7x3_{i}", *a) for i, a in enumerate(sizes, 1))
    return _join(
        name,
        _chain(x, name, ("3x3_1", 192, 1), ("3x3_2", 320, 3, 2, "valid")),
        _chain(x, name, *steps),
        layers.MaxPooling2D(3, 2)(x),
    )


def _block_e(x, name, pool):
    # Both branches end in a row and a column side by side.
    one = _chain(x, name, ("3x3_1", 384, 1))
    two = _chain(x, name, ("3x3dbl_1", 448, 1), ("3x3dbl_2", 384, 3))
    return _join(
        name,
        _chain(x, name, ("1x1", 320, 1)),
        _chain(one, name, ("3x3_2a", 384, (1, 3))),
        _chain(one, name, ("3x3_2b", 384, (3, 1))),
        _chain(two, name, ("3x3dbl_3a", 384, (1, 3))),
        _chain(two, name, ("3x3dbl_3b", 384, (3, 1))),
        _pooled(x, name, 192, pool),
    )
