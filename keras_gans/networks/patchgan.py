"""PatchGAN discriminators: one logit for every overlapping window.

Reference: Isola et al. 2017, "Image-to-Image Translation with Conditional
Adversarial Networks", arXiv:1611.07004, section 3.2.2 and appendix 6.1.2;
biases and padding as in the authors' PyTorch code.
"""

import itertools
import math

import keras
from keras import layers

from keras_gans.checks import UserError
from keras_gans.layers import LeakyReLU
from keras_gans.networks._blocks import (
    check_arguments,
    check_weights,
    convolution,
    has_bias,
    normalization,
)


def patch_discriminator(
    input_shape=(None, None, 3),
    base_filters=64,
    num_layers=3,
    norm="instance",
    name=None,
):
    """4x4 convolutions: `num_layers` of stride 2, two more of stride 1.

    Widths are `base_filters` times 1, 2, 4, 8, 8, ..., then the logit; leaky
    ReLU (slope 0.2), and normalization on all but the first and the last.
    Three layers judge windows of 70x70 pixels; 1, 2, 4 and 5 layers windows
    of 16, 34, 142 and 286.

    Args:
        input_shape: `(height, width, channels)`; height and width from
            3 * 2 ** `num_layers` up, or None for any. A conditional
            discriminator gets both images concatenated along the channels.
        base_filters: int, channels of the first convolution.
        num_layers: int from 1 to 10, convolutions of stride 2.
        norm: `"instance"` (without scale and offset) or `"batch"`.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` in [-1, 1]
        to float32 logits `[batch, rows, columns, 1]`: height and width
        halved `num_layers` times, rounded down, less 2.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(
        input_shape,
        norm,
        base_filters=(base_filters, 1, 2**16),
        num_layers=(num_layers, 1, 10),
    )
    widths = [base_filters * min(2**i, 8) for i in range(num_layers + 1)]
    check_weights(
        16
        * sum(
            math.prod(p) for p in itertools.pairwise((input_shape[2], *widths))
        ),
        base_filters=base_filters,
        num_layers=num_layers,
    )
    least = 3 * 2**num_layers
    if any(side is not None and side < least for side in input_shape[:2]):
        raise UserError(
            f"height and width in input_shape must be from {least} up for "
            f"num_layers={num_layers}. Received: {input_shape!r}"
        )

    inputs = keras.Input(input_shape)
    x = convolution(inputs, base_filters, 4, strides=2, padding=1)
    x = LeakyReLU(0.2)(x)
    for layer in range(1, num_layers + 1):
        x = convolution(
            x,
            widths[layer],
            4,
            strides=2 if layer < num_layers else 1,
            padding=1,
            use_bias=has_bias(norm),
        )
        x = normalization(norm)(x)
        x = LeakyReLU(0.2)(x)
    x = convolution(x, 1, 4, padding=1)
    # float32 also under mixed precision: losses are made of these.
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def pixel_discriminator(
    input_shape=(None, None, 3), base_filters=64, norm="instance", name=None
):
    """Three 1x1 convolutions, which judge every pixel by its color.

    Widths are `base_filters` times 1 and 2, then the logit; leaky ReLU (slope
    0.2), and normalization on the second.

    Args:
        input_shape: `(height, width, channels)`; height and width may be
            None.
        base_filters: int, channels of the first convolution.
        norm: `"instance"` (without scale and offset) or `"batch"`.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` in [-1, 1]
        to float32 logits `[batch, height, width, 1]`.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(input_shape, norm, base_filters=(base_filters, 1, 2**13))
    inputs = keras.Input(input_shape)
    x = convolution(inputs, base_filters, 1)
    x = LeakyReLU(0.2)(x)
    x = convolution(x, 2 * base_filters, 1, use_bias=has_bias(norm))
    x = normalization(norm)(x)
    x = LeakyReLU(0.2)(x)
    x = convolution(x, 1, 1, use_bias=has_bias(norm))
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
