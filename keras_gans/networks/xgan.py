"""The networks of XGAN: an image is a single vector to them.

Convolutions have no biases and are initialized from N(0, 0.02), cut off at
two deviations. The networks take images of one size alone.

Reference: Royer et al. 2017, "XGAN: Unsupervised Image-to-Image Translation
for Many-to-Many Mappings", arXiv:1711.05139, section 3 and appendix;
github.com/CS2470FinalProject/X-GAN, module.py.
"""

import os

import keras
import numpy as np
from keras import initializers, layers

from keras_gans.checks import UserError
from keras_gans.layers import (
    GradientReversal,
    InstanceNormalization,
    LeakyReLU,
)
from keras_gans.networks._blocks import check_weights
from keras_gans.networks.shared_latent import Block

_SLOPE = 0.2


def _convolution(layer, filters, kernel_size, strides=1, padding="same"):
    return layer(
        filters,
        kernel_size,
        strides,
        padding,
        use_bias=False,
        kernel_initializer=_normal(),
    )


def _dense(units):
    return layers.Dense(units, use_bias=False, kernel_initializer=_normal())


def _normal():
    return initializers.TruncatedNormal(0.0, 0.02)


def _normalization():
    return InstanceNormalization(scale=True, center=True)


def blocks(image_size, base_filters, decoder_filters, embedding_dim):
    """The layers of an encoder and of a decoder.

    4x4 convolutions of stride 2 with widths `base_filters` times 1, 2, 4, 8,
    leaky ReLU (slope 0.2), and two dense layers to the embedding, the first
    with leaky ReLU, neither normalized; a transposed convolution of a
    sixteenth of the image size with width 8 `decoder_filters`, and 4x4 ones
    of stride 2 with widths `decoder_filters` times 4, 2, 1 and the image.
    ReLU, also on the embedding. Instance normalization with scale and offset
    in all convolutions but the last.

    Args:
        image_size: int, a multiple of 16.
        base_filters: int, channels of the encoder's first convolution.
        decoder_filters: int, channels of the decoder's last but one.
        embedding_dim: int.

    Returns:
        Two lists of blocks, for `shared_latent.autoencoders`. What both
        domains share is the last of the encoder and the first of the decoder.
    """
    side = image_size // 16

    def halved(filters):
        return Block(
            _convolution(layers.Conv2D, filters, 4, 2),
            _normalization(),
            LeakyReLU(_SLOPE),
        )

    def enlarged(filters, size=4, strides=2):
        return Block(
            _convolution(layers.Conv2DTranspose, filters, size, strides),
            _normalization(),
            layers.ReLU(),
        )

    f, d = base_filters, decoder_filters
    return (
        [
            halved(f),
            halved(2 * f),
            Block(
                halved(4 * f),
                halved(8 * f),
                layers.Flatten(),
                _dense(embedding_dim),
                LeakyReLU(_SLOPE),
                _dense(embedding_dim),
            ),
        ],
        [
            Block(
                layers.ReLU(),
                layers.Reshape((1, 1, embedding_dim)),
                enlarged(8 * d, side, side),
                enlarged(4 * d),
            ),
            enlarged(2 * d),
            enlarged(d),
            Block(_convolution(layers.Conv2DTranspose, 3, 4, 2)),
        ],
    )


def check_size(image_size, base_filters, decoder_filters, embedding_dim):
    """Check that the networks are not too large; `blocks` has the arguments.

    Raises:
        UserError: if there would be too many weights.
    """
    f, d, e = base_filters, decoder_filters, embedding_dim
    pixels = (image_size // 16) ** 2
    check_weights(
        704 * (f**2 + d**2) + e * (8 * pixels * (f + d) + 4 * e),
        image_size=image_size,
        base_filters=base_filters,
        decoder_filters=decoder_filters,
        embedding_dim=embedding_dim,
    )


def domain_classifier(embedding_dim, name=None):
    """Tells from an embedding which domain it came from.

    Behind a gradient reversal three dense layers as wide as the embedding,
    with leaky ReLU (slope 0.2), and one to the logit.

    Args:
        embedding_dim: int.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, embedding_dim]` to float32 logits
        `[batch, 1]`.
    """
    inputs = keras.Input((embedding_dim,))
    x = GradientReversal()(inputs)
    for _ in range(3):
        x = LeakyReLU(_SLOPE)(_dense(embedding_dim)(x))
    return _judge(inputs, _dense(1)(x), name)


def discriminator(image_size, base_filters=16, name=None):
    """Four 4x4 convolutions of stride 2, and one over all that is left.

    Widths are `base_filters` times 1, 2, 2, 2; leaky ReLU (slope 0.2);
    instance normalization with scale and offset in all but the first.

    Args:
        image_size: int, a multiple of 16.
        base_filters: int, channels of the first convolution.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, image_size, image_size, 3]` in
        [-1, 1] to float32 logits `[batch, 1, 1, 1]`.

    Raises:
        UserError: if there would be too many weights.
    """
    check_weights(160 * base_filters**2, discriminator_filters=base_filters)
    inputs = keras.Input((image_size, image_size, 3))
    x = _convolution(layers.Conv2D, base_filters, 4, 2)(inputs)
    x = LeakyReLU(_SLOPE)(x)
    for _ in range(3):
        x = _convolution(layers.Conv2D, 2 * base_filters, 4, 2)(x)
        x = LeakyReLU(_SLOPE)(_normalization()(x))
    x = _convolution(layers.Conv2D, 1, image_size // 16, padding="valid")(x)
    return _judge(inputs, x, name)


def trained_teacher(path, image_size, embedding_dim):
    """Return a model of embeddings from a file.

    Args:
        path: file of a Keras model.
        image_size: int, height and width of its inputs.
        embedding_dim: int, numbers of its outputs.

    Raises:
        UserError: if it is no such model.
    """
    if path is None or not os.path.isfile(path):
        raise UserError(
            f"teacher must be a file that exists. Received: {path!r}"
        )
    try:
        network = keras.saving.load_model(path, compile=False)
        images = np.zeros((1, image_size, image_size, 3), "float32")
        found = (None, *network(images).shape[1:])
    # There is no end to what the reader raises on damaged bytes.
    except Exception as error:
        found = " ".join(str(error).split())[:300]
    if found != (None, embedding_dim):
        raise UserError(
            "teacher must be a file of a Keras model with inputs of shape "
            f"{(None, image_size, image_size, 3)} and outputs of shape "
            f"{(None, embedding_dim)}. Received: {os.fspath(path)!r} ({found})"
        )
    return network


def _judge(inputs, x, name):
    # float32 also under mixed precision: losses are made of these.
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
