"""Shared parts of the CycleGAN and pix2pix networks.

Convolutions are initialized from N(0, 0.02) and pad as in PyTorch: equally on
every side. Keras' `"same"` would put the odd row below and to the right at
stride 2, and shift every layer by a pixel.

Reference: github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
models/networks.py.
"""

from keras import initializers, layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import BatchNormalization, InstanceNormalization

NORMS = ("instance", "batch")
# Transposed convolutions, or nearest-neighbor doubling and then a convolution.
UPSAMPLINGS = ("transposed", "resize")
# A U-Net of width 64 has 54 million, a gigabyte holds these.
MOST_WEIGHTS = 2**28


def check_arguments(input_shape, norm, dropout=0.0, **counts):
    """Check the common arguments of the networks.

    Args:
        input_shape: `(height, width, channels)`.
        norm: name of the normalization.
        dropout: rate.
        **counts: argument -> (its value, the least allowed, the most).

    Raises:
        UserError: naming the argument, its rule and its value.
    """
    if (
        not isinstance(input_shape, (tuple, list))
        or len(input_shape) != 3
        or not all(
            type(side) is int and side >= 1
            for side in input_shape
            if side is not None
        )
        or input_shape[2] is None
    ):
        raise UserError(
            "input_shape must be (height, width, channels), height and width "
            f"None where open. Received: {input_shape!r}"
        )
    for argument, (value, least, most) in counts.items():
        checks.between(least, most, **{argument: value})
    checks.one_of(NORMS, norm=norm)
    if (
        not isinstance(dropout, (int, float))
        or isinstance(dropout, bool)
        or not 0 <= dropout < 1
    ):
        raise UserError(
            f"dropout must be a rate from 0 to below 1. Received: {dropout!r}"
        )


def check_weights(count, **arguments):
    """Check that a network is not too large before it is built.

    Args:
        count: int, weights of its kernels.
        **arguments: the arguments that determine the size.

    Raises:
        UserError: naming the arguments, the rule and the values.
    """
    if count > MOST_WEIGHTS:
        values = ", ".join(f"{k}={v}" for k, v in arguments.items())
        raise UserError(
            f"{' and '.join(arguments)} must make a network of at most "
            f"{MOST_WEIGHTS:,} weights. Received: {values}, with {count:,}"
        )


def kernel_initializer():
    """Return the N(0, 0.02) of the paper; a new one for every layer."""
    return initializers.RandomNormal(0.0, 0.02)


def convolution(x, filters, kernel_size, strides=1, padding=0, use_bias=True):
    """Apply a convolution after `padding` zeros on all four sides."""
    if padding:
        x = layers.ZeroPadding2D(padding)(x)
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer(),
    )(x)


def has_bias(norm):
    """Return whether convolutions before this normalization have a bias.

    The original checks only the normalization of the network, so with batch
    normalization the bias is also absent if no normalization follows.
    """
    return norm == "instance"


def normalization(norm):
    """Return a new normalization layer with the original's constants."""
    if norm == "instance":
        return InstanceNormalization(epsilon=1e-5)
    return BatchNormalization(
        # PyTorch's momentum 0.1 is the weight of the new value.
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=initializers.RandomNormal(1.0, 0.02),
    )
