"""VGG-16 without its classifier, as a measure of what an image shows.

Reference: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for
Large-Scale Image Recognition", arXiv:1409.1556, table 1, column D.
"""

import os

import keras
import numpy as np
from keras import layers

from keras_gans.checks import UserError
from keras_gans.layers import InstanceNormalization

_MEAN = [103.939, 116.779, 123.68]  # blue, green, red, of 0..255
# Convolutions of each size, their width in units of `base_filters`.
_WIDTHS = (2 * [1], 2 * [2], 3 * [4], 3 * [8], 3 * [8])


def vgg16_features(base_filters=64, name="vgg16"):
    """The map `relu5_3`, at an eighth of the size, normalized per channel.

    As MUNIT has it: the last two groups of convolutions have the same size,
    as no pooling lies between them; the map is compared after instance
    normalization.

    Args:
        base_filters: int, channels of the first convolution; the trained
            network has 64.
        name: str, name of the network.

    Returns:
        A `keras.Model` that is not trained: float `[batch, height, width, 3]`
        in [-1, 1] to float `[batch, height / 8, width / 8, 8 *
        base_filters]`, rounded down. Its weights are in the order of
        `keras.applications.VGG16`.

    Reference:
        github.com/NVlabs/MUNIT, Vgg16 in networks.py, compute_vgg_loss in
        trainer.py.
    """
    inputs = keras.Input((None, None, 3))
    x = (inputs + 1.0) * 127.5
    x = x[..., ::-1] - np.asarray(_MEAN, "float32")
    for group, widths in enumerate(_WIDTHS):
        for width in widths:
            x = layers.Conv2D(width * base_filters, 3, 1, "same")(x)
            x = layers.ReLU()(x)
        if group < 3:
            x = layers.MaxPooling2D()(x)
    x = InstanceNormalization()(x)
    network = keras.Model(inputs, x, name=name)
    network.trainable = False
    return network


def trained_vgg16_features(path):
    """Return `vgg16_features` with the weights of a file.

    Args:
        path: file of the weights of `keras.applications.VGG16` without top.

    Raises:
        UserError: if it is not one.
    """
    if path is None or not os.path.isfile(path):
        raise UserError(
            f"perceptual_weights must be a file that exists. Received: {path!r}"
        )
    try:
        trained = keras.applications.VGG16(
            include_top=False, weights=os.fspath(path)
        )
    # There is no end to what the reader raises on damaged bytes.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            "perceptual_weights must be a file of the weights of "
            f"keras.applications.VGG16 without top. Received: {path!r} "
            f"({reason})"
        ) from None
    network = vgg16_features()
    network.set_weights(trained.get_weights())
    return network
