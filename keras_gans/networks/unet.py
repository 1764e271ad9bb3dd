"""pix2pix's generator: an encoder and a decoder with skip connections.

Reference: Isola et al. 2017, "Image-to-Image Translation with Conditional
Adversarial Networks", arXiv:1611.07004, appendix 6.1.1; biases and the place
of normalization and dropout as in the authors' PyTorch code.
"""

import itertools
import math

import keras
from keras import layers

from keras_gans.checks import UserError
from keras_gans.layers import Dropout, LeakyReLU
from keras_gans.networks._blocks import (
    check_arguments,
    check_weights,
    convolution,
    has_bias,
    kernel_initializer,
    normalization,
)


def check_input_shape(input_shape, num_downsamples):
    """Check that images of this size can be downsampled that often.

    Every inner map must halve without a remainder, since skip connections
    join it to the decoder. The image itself has none: of an odd side the
    original drops the last pixel.

    Raises:
        UserError: if `input_shape` has another height or width.
    """
    unit = 2**num_downsamples
    for side in input_shape[:2]:
        if side is not None and (side < unit or side % unit > 1):
            raise UserError(
                f"height and width in input_shape must be multiples of {unit}, "
                "or one pixel more, which is dropped, for "
                f"num_downsamples={num_downsamples}. Received: {input_shape!r}"
            )


def unet_generator(
    input_shape=(None, None, 3),
    output_channels=3,
    base_filters=64,
    num_downsamples=8,
    norm="batch",
    dropout=0.5,
    name=None,
):
    """Convolutions down to the bottleneck and up, with skip connections.

    All are 4x4 with stride 2. Widths are `base_filters` times 1, 2, 4, 8, 8,
    ..., and back. The first convolution and that of the bottleneck have no
    normalization.

    Args:
        input_shape: `(height, width, channels)`; height and width multiples
            of 2 ** `num_downsamples` (an odd last pixel is dropped), or None
            for any.
        output_channels: int, channels of the output image.
        base_filters: int, channels of the first convolution.
        num_downsamples: int from 5 to 12: 8 for images of 256 pixels, 7 for
            128. A square image of 2 ** `num_downsamples` pixels is one
            pixel at the bottleneck.
        norm: `"batch"` or `"instance"` (without scale and offset).
        dropout: float, rate after the `num_downsamples` - 5 inner upward
            layers of full width.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` in [-1, 1]
        to float32 in [-1, 1] (tanh), height and width those of the input,
        rounded down to even.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(
        input_shape,
        norm,
        dropout,
        output_channels=(output_channels, 1, 2**16),
        base_filters=(base_filters, 1, 2**16),
        num_downsamples=(num_downsamples, 5, 12),
    )
    check_input_shape(input_shape, num_downsamples)
    use_bias = has_bias(norm)
    widths = [base_filters * min(2**i, 8) for i in range(num_downsamples)]
    innermost = num_downsamples - 1
    ends = 16 * base_filters * (input_shape[2] + 2 * output_channels)
    check_weights(
        # Up, where the other half comes across, twice as many as down.
        ends + 48 * sum(math.prod(pair) for pair in itertools.pairwise(widths)),
        base_filters=base_filters,
        num_downsamples=num_downsamples,
    )

    inputs = keras.Input(input_shape)
    x = inputs
    maps = []  # what each level hands across
    for level, filters in enumerate(widths):
        x = convolution(x, filters, 4, strides=2, padding=1, use_bias=use_bias)
        if level == innermost:
            break
        if level > 0:
            x = normalization(norm)(x)
        x = LeakyReLU(0.2)(x)
        maps.append(x)

    for level in range(innermost, 0, -1):
        x = layers.ReLU()(x)
        x = _doubled(x, widths[level - 1], use_bias)
        x = normalization(norm)(x)
        if dropout and 4 <= level < innermost:
            x = Dropout(dropout)(x)
        # Activated, as the original's leaky ReLU works in place; the ReLU that
        # follows gives the same of either.
        x = layers.Concatenate()([maps.pop(), x])
    x = layers.ReLU()(x)
    x = _doubled(x, output_channels, use_bias=True)
    # float32 also under mixed precision, see dcgan.py.
    outputs = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _doubled(x, filters, use_bias):
    # Here `"same"` is PyTorch's padding 1: kernel 4 and stride 2 leave one
    # surplus row on either side.
    return layers.Conv2DTranspose(
        filters,
        4,
        2,
        "same",
        use_bias=use_bias,
        kernel_initializer=kernel_initializer(),
    )(x)
