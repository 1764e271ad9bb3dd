"""The CycleGAN paper's generator: down, residual blocks, up.

Reference: Zhu et al. 2017, "Unpaired Image-to-Image Translation using
Cycle-Consistent Adversarial Networks", arXiv:1703.10593, appendix 7.2, after
Johnson et al. 2016, arXiv:1603.08155; biases, padding and alignment as in the
authors' PyTorch code.
"""

import keras
from keras import layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import Doubled, Dropout, ReflectionPadding2D
from keras_gans.networks._blocks import (
    UPSAMPLINGS,
    check_arguments,
    check_weights,
    convolution,
    has_bias,
    kernel_initializer,
    normalization,
)

_LEAST_SIDE = 5  # at a quarter, two pixels: the least that one reflects into


def resnet_generator(
    input_shape=(None, None, 3),
    output_channels=3,
    base_filters=64,
    num_residual_blocks=9,
    norm="instance",
    dropout=0.0,
    upsampling="transposed",
    name=None,
):
    """Two convolutions of stride 2, residual blocks, two transposed ones.

    Widths are `base_filters` times 1, 2, 4, 4 in the blocks, then 2, 1 and
    the image. Stem, blocks and head use reflection padding.

    Args:
        input_shape: `(height, width, channels)`; height and width from 5 up,
            or None for any.
        output_channels: int, channels of the output image.
        base_filters: int, channels of the first convolution.
        num_residual_blocks: int from 0 to 100. The paper has 9 for images of
            256 pixels and more, and 6 for smaller ones.
        norm: `"instance"` (without scale and offset) or `"batch"`.
        dropout: float, rate within the blocks; the original uses 0 or 0.5.
        upsampling: `"transposed"`, or `"resize"`: the two last double their
            map by nearest neighbors before a 3x3 convolution with reflection
            padding, which leaves no checkerboard (Odena et al. 2016).
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` in [-1, 1]
        to float32 in [-1, 1] (tanh), height and width rounded up to
        multiples of 4.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(
        input_shape,
        norm,
        dropout,
        output_channels=(output_channels, 1, 2**16),
        base_filters=(base_filters, 1, 2**16),
        num_residual_blocks=(num_residual_blocks, 0, 100),
    )
    checks.one_of(UPSAMPLINGS, upsampling=upsampling)
    ends = 49 * base_filters * (input_shape[2] + output_channels)
    check_weights(
        ends + base_filters**2 * (180 + 288 * num_residual_blocks),
        base_filters=base_filters,
        num_residual_blocks=num_residual_blocks,
    )
    if any(side is not None and side < _LEAST_SIDE for side in input_shape[:2]):
        raise UserError(
            f"height and width in input_shape must be from {_LEAST_SIDE} up. "
            f"Received: {input_shape!r}"
        )
    use_bias = has_bias(norm)

    inputs = keras.Input(input_shape)
    x = ReflectionPadding2D(3)(inputs)
    x = convolution(x, base_filters, 7, use_bias=use_bias)
    x = _activated(x, norm)
    for factor in (2, 4):
        x = convolution(
            x, factor * base_filters, 3, strides=2, padding=1, use_bias=use_bias
        )
        x = _activated(x, norm)
    for _ in range(num_residual_blocks):
        x = _residual_block(x, 4 * base_filters, norm, dropout)
    for factor in (2, 1):
        x = _enlarged(x, factor * base_filters, use_bias, upsampling)
        x = _activated(x, norm)
    x = ReflectionPadding2D(3)(x)
    x = convolution(x, output_channels, 7)
    # float32 also under mixed precision, see dcgan.py.
    outputs = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _activated(x, norm):
    return layers.ReLU()(normalization(norm)(x))


def _residual_block(x, filters, norm, dropout):
    shortcut = x
    x = ReflectionPadding2D(1)(x)
    x = convolution(x, filters, 3, use_bias=has_bias(norm))
    x = _activated(x, norm)
    if dropout:
        x = Dropout(dropout)(x)
    x = ReflectionPadding2D(1)(x)
    x = convolution(x, filters, 3, use_bias=has_bias(norm))
    x = normalization(norm)(x)
    return layers.Add()([shortcut, x])  # and no ReLU behind the sum


def _enlarged(x, filters, use_bias, upsampling="transposed"):
    """3x3 convolution to twice the size; transposed, aligned as in PyTorch.

    PyTorch's padding 1 removes a row above and one below, and its output
    padding 1 restores the lower one. Keras' `"same"` keeps the upper row
    instead: equal in size, but shifted by one pixel.
    """
    if upsampling == "resize":
        x = ReflectionPadding2D(1)(Doubled()(x))
        return convolution(x, filters, 3, use_bias=use_bias)
    x = layers.Conv2DTranspose(
        filters,
        3,
        2,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer(),
    )(x)
    return layers.Cropping2D(((1, 0), (1, 0)))(x)
