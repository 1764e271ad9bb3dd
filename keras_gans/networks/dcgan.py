"""The article's networks: strided convolutions in the style of DCGAN.

Reference: Radford et al. 2016, "Unsupervised Representation Learning with
Deep Convolutional Generative Adversarial Networks", section 3; widths, depths
and the encoder half of the generator are the article's.
"""

import keras
from keras import layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import BatchNormalization, Doubled, LeakyReLU
from keras_gans.networks._blocks import UPSAMPLINGS, check_weights

_SLOPE = 0.2


def _normalized(x):
    # The defaults of TensorFlow 1: momentum 0.99, epsilon 1e-3.
    x = BatchNormalization(momentum=0.99, epsilon=1e-3)(x)
    return LeakyReLU(_SLOPE)(x)


def check_image_size(image_size, architecture=None):
    """Check that both networks can take images of this size.

    Args:
        image_size: int, pixels.
        architecture: str, of a model for whose other ones the rule differs.

    Raises:
        UserError: unless `image_size` is a multiple of 16 from 32 up.
    """
    if (
        not isinstance(image_size, int)
        or image_size < 32
        or image_size % 16 != 0
    ):
        whose = f' for architecture="{architecture}"' if architecture else ""
        raise UserError(
            "image_size must be a multiple of 16 from 32 up (32, 48, 64, 80, "
            f"96, ...){whose}. Received: {image_size!r}"
        )
    checks.between(32, checks.MOST_SIDE, image_size=image_size)


def dcgan_generator(
    base_filters=64, output_channels=3, upsampling="transposed", name=None
):
    """Three 4x4 convolutions of stride 2, three transposed ones.

    Widths are `base_filters` times 1, 2, 4, 2, 1, then the image. Every
    layer but the last has batch normalization and leaky ReLU (slope 0.2).

    Args:
        base_filters: int, channels of the first convolution.
        output_channels: int, channels of the output image.
        upsampling: `"transposed"`, or `"resize"`: each of the latter three
            doubles its map by nearest neighbors before a 3x3 convolution,
            which leaves no checkerboard (Odena et al. 2016).
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1], height
        and width multiples of 8, to float32 of that size in [-1, 1] (tanh).

    Raises:
        UserError: if there would be too many weights, or `upsampling` is
            unknown.
    """
    checks.one_of(UPSAMPLINGS, upsampling=upsampling)

    def enlarged(x, filters):
        if upsampling == "resize":
            return layers.Conv2D(filters, 3, padding="same")(Doubled()(x))
        return layers.Conv2DTranspose(filters, 4, 2, "same")(x)

    check_weights(320 * base_filters**2, base_filters=base_filters)
    inputs = keras.Input((None, None, 3))
    x = inputs
    for factor in (1, 2, 4):
        x = layers.Conv2D(factor * base_filters, 4, 2, "same")(x)
        x = _normalized(x)
    for factor in (2, 1):
        x = _normalized(enlarged(x, factor * base_filters))
    x = enlarged(x, output_channels)
    # float32 also under mixed precision: eight bits of mantissa are fewer
    # than the gray levels of an image.
    outputs = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def dcgan_discriminator(image_size=64, base_filters=32, name=None):
    """Four 4x4 convolutions of stride 2, then a 4x4 valid one to the logit.

    Widths are `base_filters` times 1, 2, 4, 8. Every layer but the last has
    batch normalization and leaky ReLU (slope 0.2).

    Args:
        image_size: int, pixels; a multiple of 16 from 32 up. At 64 the
            result is one logit. Larger images give a map of overlapping
            patches, since the last kernel stays 4x4; below 64 the kernel
            shrinks to the map, and the result is one logit.
        base_filters: int, channels of the first convolution.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, image_size, image_size, 3]` in [-1, 1]
        to float32 logits `[batch, n, n, 1]`, n = max(1, image_size / 16 - 3).

    Raises:
        UserError: if `image_size` does not fit, or there would be too many
            weights.
    """
    check_image_size(image_size)
    check_weights(672 * base_filters**2, base_filters=base_filters)
    inputs = keras.Input((image_size, image_size, 3))
    x = inputs
    for factor in (1, 2, 4, 8):
        x = layers.Conv2D(factor * base_filters, 4, 2, "same")(x)
        x = _normalized(x)
    x = layers.Conv2D(1, min(4, image_size // 16))(x)
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
