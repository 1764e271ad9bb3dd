"""Two pairs of networks with labels, as one public code has them.

`dense_...` are those of its conditional GAN, fully connected; `upsampling_...`
those of its AC-GAN, convolutions. First weights are PyTorch's, but for the
convolutions N(0, 0.02). Most batch normalizations have an epsilon of 0.8: the
code gives 0.8 where Keras' momentum stood in the code that it translates.

Reference: github.com/eriklindernoren/PyTorch-GAN, implementations/cgan/cgan.py
and implementations/acgan/acgan.py.
"""

import itertools
import math

import keras
from keras import initializers, layers, ops

from keras_gans import checks
from keras_gans.layers import BatchNormalization, Dropout, LeakyReLU
from keras_gans.networks._blocks import (
    check_weights,
    kernel_initializer,
)
from keras_gans.networks.noise import check_image_size

_EPSILON = 0.8
_SLOPE = 0.2


def dense_generator(
    image_size=64,
    latent_dim=100,
    num_labels=5,
    widths=(128, 256, 512, 1024),
    channels=3,
    name=None,
):
    """An embedding of the labels before the latents, then dense layers.

    Batch normalization on all but the first and the last, leaky ReLU (slope
    0.2). The embedding of several labels is the sum of theirs.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        latent_dim: int, length of a latent vector.
        num_labels: int, length of a label vector, and of its embedding.
        widths: units of the layers before the image.
        channels: int, channels of the image.
        name: str, name of the network.

    Returns:
        A `keras.Model`: the pair of float `[batch, latent_dim]` and float
        `[batch, num_labels]` to float32 `[batch, height, width, channels]` in
        [-1, 1] (tanh).

    Raises:
        UserError: if an argument does not fit.
    """
    shape = (*check_image_size(image_size), channels)
    latents, labels = _inputs(latent_dim, num_labels)
    size = latent_dim + num_labels
    check_weights(
        _weights(size, *widths, math.prod(shape)),
        image_size=image_size,
        latent_dim=latent_dim,
        widths=widths,
    )
    x = layers.Concatenate()([_embedded(labels, num_labels), latents])
    x = layers.Reshape((1, 1, size))(x)  # for the normalization of maps
    for place, width in enumerate(widths):
        x = _dense(x, width)
        if place:
            x = _normalized(x, gamma_initializer="ones")
        x = LeakyReLU(_SLOPE)(x)
    x = layers.Reshape(shape)(_dense(x, math.prod(shape)))
    return keras.Model([latents, labels], _image(x), name=name)


def dense_discriminator(
    image_size=64, num_labels=5, width=512, channels=3, name=None
):
    """The pixels and an embedding of the labels, then dense layers.

    Three of `width` with leaky ReLU (slope 0.2), the last two with dropout
    (0.4) in front of it, then the logit.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        num_labels: int, length of a label vector, and of its embedding.
        width: int, units.
        channels: int, channels of the image.
        name: str, name of the network.

    Returns:
        A `keras.Model`: the pair of float `[batch, height, width, channels]`
        in [-1, 1] and float `[batch, num_labels]` to float32 logits
        `[batch, 1]`.

    Raises:
        UserError: if an argument does not fit.
    """
    shape = (*check_image_size(image_size), channels)
    checks.between(1, checks.MOST_LABELS, num_labels=num_labels)
    check_weights(
        _weights(math.prod(shape) + num_labels, width, width, width, 1),
        image_size=image_size,
        width=width,
    )
    images = keras.Input(shape, name="images")
    labels = keras.Input((num_labels,), name="labels")
    x = layers.Flatten()(images)
    x = layers.Concatenate()([x, _embedded(labels, num_labels)])
    for place in range(3):
        x = _dense(x, width)
        if place:
            x = Dropout(0.4)(x)
        x = LeakyReLU(_SLOPE)(x)
    return keras.Model([images, labels], _logits(x, 1), name=name)


def upsampling_generator(
    image_size=64,
    latent_dim=100,
    num_labels=5,
    widths=(128, 64),
    channels=3,
    name=None,
):
    """From latents times labels to a map of a quarter, then two doublings.

    Nearest-neighbor upsampling, 3x3 convolutions, batch normalization, leaky
    ReLU (slope 0.2). The latents are multiplied by the embedding of the
    label, element by element; with several labels by 1 plus what each
    embedding differs from 1, so that without any they stay.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        latent_dim: int, length of a latent vector, and of the embeddings.
        num_labels: int, length of a label vector.
        widths: channels of the smaller and of the larger map.
        channels: int, channels of the image.
        name: str, name of the network.

    Returns:
        A `keras.Model`, as `dense_generator`.

    Raises:
        UserError: if an argument does not fit.
    """
    height, width = (side // 4 for side in check_image_size(image_size))
    latents, labels = _inputs(latent_dim, num_labels)
    check_weights(
        height * width * widths[0] * latent_dim
        + 9 * _weights(widths[0], *widths, channels),
        image_size=image_size,
        latent_dim=latent_dim,
        widths=widths,
    )
    without = 1.0 - ops.sum(labels, -1, keepdims=True)
    factors = layers.Add()([_embedded(labels, latent_dim), without])
    x = layers.Multiply()([latents, factors])
    x = _dense(x, height * width * widths[0])
    x = layers.Reshape((height, width, widths[0]))(x)
    x = _normalized(x, epsilon=1e-5)
    for filters in widths:
        x = _convolution(layers.UpSampling2D()(x), filters)
        x = LeakyReLU(_SLOPE)(_normalized(x))
    x = _convolution(x, channels)
    return keras.Model([latents, labels], _image(x), name=name)


def upsampling_discriminator(
    image_size=64,
    num_classes=5,
    widths=(16, 32, 64, 128),
    channels=3,
    name=None,
):
    """Four halvings, then two dense heads: the logit, and those of classes.

    3x3 convolutions of stride 2, leaky ReLU (slope 0.2), dropout of whole
    channels (0.25), and batch normalization on all but the first.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        num_classes: int, logits of the second head.
        widths: channels of the four maps.
        channels: int, channels of the image.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` in [-1, 1]
        to the pair of float32 logits `[batch, 1]` and `[batch,
        num_classes]`.

    Raises:
        UserError: if an argument does not fit.
    """
    shape = (*check_image_size(image_size), channels)
    checks.between(1, checks.MOST_LABELS, num_classes=num_classes)
    check_weights(
        9 * _weights(channels, *widths)
        + math.prod(shape[:2]) // 256 * widths[-1] * (1 + num_classes),
        image_size=image_size,
        widths=widths,
        num_classes=num_classes,
    )
    images = x = keras.Input(shape, name="images")
    for place, filters in enumerate(widths):
        x = LeakyReLU(_SLOPE)(_convolution(x, filters, strides=2))
        x = Dropout(0.25, noise_shape=(None, 1, 1, None))(x)
        if place:
            x = _normalized(x)
    x = layers.Flatten()(x)
    outputs = [_logits(x, 1), _logits(x, num_classes)]
    return keras.Model(images, outputs, name=name)


def _inputs(latent_dim, num_labels):
    """Check the sizes of a generator's inputs; return these."""
    checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
    checks.between(1, checks.MOST_LABELS, num_labels=num_labels)
    return [
        keras.Input((latent_dim,), name="latents"),
        keras.Input((num_labels,), name="labels"),
    ]


def _weights(*widths):
    """Return how many weights layers between these widths have."""
    return sum(math.prod(pair) for pair in itertools.pairwise(widths))


def _embedded(labels, size):
    """Return the sum of the embeddings of the labels that hold."""
    initializer = initializers.RandomNormal(0.0, 1.0)
    return layers.Dense(
        size, use_bias=False, kernel_initializer=initializer, name="embedding"
    )(labels)


def _dense(x, units):
    return layers.Dense(
        units,
        kernel_initializer=initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform"
        ),
        bias_initializer=_bias_initializer(x.shape[-1]),
    )(x)


def _convolution(x, filters, strides=1):
    x = layers.ZeroPadding2D(1)(x)  # at stride 2 `"same"` pads otherwise
    return layers.Conv2D(
        filters,
        3,
        strides,
        kernel_initializer=kernel_initializer(),
        bias_initializer=_bias_initializer(9 * x.shape[-1]),
    )(x)


def _bias_initializer(fan_in):
    return initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


def _normalized(x, epsilon=_EPSILON, gamma_initializer=None):
    return BatchNormalization(
        # PyTorch's momentum 0.1 is the weight of the new value.
        momentum=0.9,
        epsilon=epsilon,
        gamma_initializer=gamma_initializer
        or initializers.RandomNormal(1.0, 0.02),
    )(x)


# float32 also under mixed precision: eight bits of mantissa are fewer than
# the gray levels of an image, and losses are made of logits.
def _image(x):
    return layers.Activation("tanh", dtype="float32")(x)


def _logits(x, count):
    return layers.Activation("linear", dtype="float32")(_dense(x, count))
