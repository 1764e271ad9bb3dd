"""StarGAN's networks: one generator and one discriminator for all domains.

Reference: Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks
for Multi-Domain Image-to-Image Translation", arXiv:1711.09020, tables 4 and
5; biases, padding and first weights as in the authors' PyTorch code,
github.com/yunjey/stargan.
"""

import itertools
import math

import keras
from keras import initializers, layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import (
    Doubled,
    InstanceNormalization,
    LabelPlanes,
    LeakyReLU,
)
from keras_gans.networks._blocks import (
    UPSAMPLINGS,
    check_arguments,
    check_weights,
)

_LEAST_SIDE = 8  # at a quarter, two pixels: one alone is normalized to 0


def stargan_generator(
    input_shape=(None, None, 3),
    num_labels=5,
    base_filters=64,
    num_residual_blocks=6,
    moving_statistics=False,
    upsampling="transposed",
    name=None,
):
    """Two convolutions of stride 2, residual blocks, two transposed ones.

    The labels are appended to the image's channels as constant planes. Widths
    are `base_filters` times 1, 2, 4, 4 in the blocks, then 2, 1 and the image.
    All but the last are followed by instance normalization with scale and
    offset, and none has a bias.

    All use zero padding. With reflection padding the convolution of a constant
    plane adds one number to the whole map, which instance normalization
    removes, so that labels have no effect. Only the border of zeros lets them
    through.

    Args:
        input_shape: `(height, width, channels)`; height and width from 8 up,
            or None for any.
        num_labels: int from 1 up, length of the label vector.
        base_filters: int, channels of the first convolution.
        num_residual_blocks: int from 0 to 100.
        moving_statistics: bool, whether inference normalizes with moving
            statistics. The original records them, but never leaves training
            mode: its results correspond to `False`.
        name: str, name of the network.

    Returns:
        A `keras.Model`, called on the pair `[images, labels]`: float
        `[batch, height, width, channels]` in [-1, 1] and float
        `[batch, num_labels]`, to float32 images in [-1, 1] (tanh), height
        and width rounded down to multiples of 4.

    Raises:
        UserError: if an argument does not fit.
    """
    check_arguments(
        input_shape,
        "instance",
        num_labels=(num_labels, 1, 2 * checks.MOST_LABELS),
        base_filters=(base_filters, 1, 2**16),
        num_residual_blocks=(num_residual_blocks, 0, 100),
    )
    checks.one_of(UPSAMPLINGS, upsampling=upsampling)
    ends = 49 * base_filters * (2 * input_shape[2] + num_labels)
    check_weights(
        ends + base_filters**2 * (320 + 288 * num_residual_blocks),
        base_filters=base_filters,
        num_residual_blocks=num_residual_blocks,
    )
    if any(side is not None and side < _LEAST_SIDE for side in input_shape[:2]):
        raise UserError(
            f"height and width in input_shape must be from {_LEAST_SIDE} up. "
            f"Received: {input_shape!r}"
        )

    def normalized(x):
        return InstanceNormalization(
            epsilon=1e-5,
            scale=True,
            center=True,
            moving_statistics=moving_statistics,
        )(x)

    def activated(x):
        return layers.ReLU()(normalized(x))

    images = keras.Input(input_shape, name="images")
    labels = keras.Input((num_labels,), name="labels")
    x = LabelPlanes()([images, labels])
    x = activated(_convolution(x, base_filters, 7))
    for factor in (2, 4):
        x = activated(_halved(x, factor * base_filters))
    for _ in range(num_residual_blocks):
        shortcut = x
        x = activated(_convolution(x, 4 * base_filters, 3))
        x = normalized(_convolution(x, 4 * base_filters, 3))
        x = layers.Add()([shortcut, x])  # and no ReLU behind the sum
    for factor in (2, 1):
        x = activated(_doubled(x, factor * base_filters, upsampling))
    x = _convolution(x, input_shape[2], 7)
    # float32 also under mixed precision, see dcgan.py.
    outputs = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([images, labels], outputs, name=name)


def stargan_discriminator(
    image_size=128, num_labels=5, base_filters=64, num_layers=6, name=None
):
    """4x4 convolutions of stride 2, then two heads on the last map.

    Widths are `base_filters` times 1, 2, 4, ..., doubled without limit; leaky
    ReLU (slope 0.01), no normalization. One head judges the 3x3 neighborhood
    of every position of the map, real or fake; the other, with a kernel as
    large as the map, classifies the image. The heads have no bias.

    Args:
        image_size: int, pixels, from 2 ** `num_layers` up.
        num_labels: int from 1 up, number of class logits.
        base_filters: int, channels of the first convolution.
        num_layers: int from 1 up, convolutions of stride 2.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, image_size, image_size, 3]` in [-1, 1]
        to the pair of float32 patch logits `[batch, side, side, 1]` and class
        logits `[batch, num_labels]`; side is `image_size` halved `num_layers`
        times, rounded down.

    Raises:
        UserError: if an argument does not fit.
    """
    checks.at_least(
        1,
        image_size=image_size,
        num_labels=num_labels,
        base_filters=base_filters,
        num_layers=num_layers,
    )
    if num_layers >= image_size.bit_length():
        raise UserError(
            f"image_size must be from {2 ** min(num_layers, 64)} up for "
            f"num_layers={num_layers}. Received: {image_size!r}"
        )
    checks.between(
        1, checks.MOST_SIDE, image_size=image_size, num_labels=num_labels
    )
    widths = [3, *(base_filters * 2**layer for layer in range(num_layers))]
    side = image_size // 2**num_layers
    check_weights(
        16 * sum(math.prod(pair) for pair in itertools.pairwise(widths))
        + side**2 * widths[-1] * num_labels,
        image_size=image_size,
        base_filters=base_filters,
        num_layers=num_layers,
        num_labels=num_labels,
    )

    inputs = keras.Input((image_size, image_size, 3), name="images")
    x = inputs
    for filters in widths[1:]:
        x = _halved(x, filters, use_bias=True)
        x = LeakyReLU(0.01)(x)
    patches = _convolution(x, 1, 3, name="patch_head")
    classes = _convolution(x, num_labels, side, "valid", name="class_head")
    # float32 also under mixed precision: losses are made of these.
    patch_logits = layers.Activation("linear", dtype="float32")(patches)
    class_logits = layers.Reshape((num_labels,), dtype="float32")(classes)
    return keras.Model(inputs, [patch_logits, class_logits], name=name)


def _convolution(
    x, filters, kernel_size, padding="same", use_bias=False, **arguments
):
    # PyTorch's first biases have the bound of the kernel in front of them.
    bound = (kernel_size**2 * x.shape[-1]) ** -0.5
    return layers.Conv2D(
        filters,
        kernel_size,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=_kernel_initializer(),
        bias_initializer=initializers.RandomUniform(-bound, bound),
        **arguments,
    )(x)


def _halved(x, filters, use_bias=False):
    # On an odd side Keras' `"same"` pads, and so aligns, in another way.
    x = layers.ZeroPadding2D(1)(x)
    return _convolution(x, filters, 4, "valid", use_bias, strides=2)


def _doubled(x, filters, upsampling):
    if upsampling == "resize":
        return _convolution(Doubled()(x), filters, 3)
    return layers.Conv2DTranspose(
        filters,
        4,
        2,
        "same",
        use_bias=False,
        kernel_initializer=_kernel_initializer(),
    )(x)


def _kernel_initializer():
    """Return PyTorch's default initializer, as in the original.

    Kaiming uniform with a = sqrt(5), which equals U(-b, b) with
    b = 1 / sqrt(fan in). For transposed convolutions both PyTorch and Keras
    use the output channels as the fan in.
    """
    return initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
