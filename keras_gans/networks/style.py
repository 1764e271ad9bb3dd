"""The image network of fast style transfer: down, residual blocks, up.

Reference: Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time
Style Transfer and Super-Resolution", arXiv:1603.08155, and its supplement,
table 1; with instance normalization, reflection padding and nearest-neighbor
upsampling as in github.com/pytorch/examples, fast_neural_style,
transformer_net.py.
"""

import keras
from keras import initializers, layers

from keras_gans.layers import (
    Doubled,
    InstanceNormalization,
    ReflectionPadding2D,
)
from keras_gans.networks._blocks import check_arguments, check_weights

LEAST_SIDE = 5  # the first padding, of 4 pixels, reflects into so many


def style_network(base_filters=32, num_residual_blocks=5, name=None):
    """Two convolutions of stride 2, residual blocks, two of doubled maps.

    Widths are `base_filters` times 1, 2, 4, 4 in the blocks, then 2, 1 and
    the image. The weights are those of the published ones: the network has
    their range of 0 to 255 inside.

    Args:
        base_filters: int, channels of the first convolution.
        num_residual_blocks: int from 0 to 100.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1], sides
        from 5 up, to float32 of that scale, not clipped, height and width
        rounded up to multiples of 4.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(
        (None, None, 3),
        "instance",
        base_filters=(base_filters, 1, 2**16),
        num_residual_blocks=(num_residual_blocks, 0, 100),
    )
    check_weights(
        486 * base_filters
        + base_filters**2 * (180 + 288 * num_residual_blocks),
        base_filters=base_filters,
        num_residual_blocks=num_residual_blocks,
    )
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(127.5, 127.5, dtype="float32")(inputs)
    x = _activated(_convolution(x, base_filters, 9))
    for factor in (2, 4):
        x = _activated(_convolution(x, factor * base_filters, 3, strides=2))
    for _ in range(num_residual_blocks):
        shortcut = x
        x = _activated(_convolution(x, 4 * base_filters, 3))
        x = _normalized(_convolution(x, 4 * base_filters, 3))
        x = layers.Add()([shortcut, x])  # and no ReLU behind the sum
    for factor in (2, 1):
        x = _convolution(Doubled()(x), factor * base_filters, 3)
        x = _activated(x)
    x = _convolution(x, 3, 9)
    outputs = layers.Rescaling(1 / 127.5, -1.0, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _convolution(x, filters, kernel_size, strides=1):
    x = ReflectionPadding2D(kernel_size // 2)(x)
    # The first weights of PyTorch: U(-b, b), b = 1 / sqrt(fan in), of both.
    bound = (kernel_size**2 * x.shape[-1]) ** -0.5
    return layers.Conv2D(
        filters,
        kernel_size,
        strides,
        kernel_initializer=initializers.RandomUniform(-bound, bound),
        bias_initializer=initializers.RandomUniform(-bound, bound),
    )(x)


def _normalized(x):
    return InstanceNormalization(scale=True, center=True)(x)


def _activated(x):
    return layers.ReLU()(_normalized(x))
