"""Networks that tell the labels of an image.

Reference: github.com/SummitKwan/transparent_latent_gan at da7ae907 ("TL-GAN"),
for the head on a frozen MobileNet: mean of the map, dense 256, dense.
"""

import os
import pathlib

import keras
import tensorflow as tf
from keras import layers

from keras_gans import checks, files
from keras_gans.checks import UserError
from keras_gans.layers import BatchNormalization, Dropout
from keras_gans.networks._blocks import check_weights

# Name -> class in `keras.applications`; scale and offset from [-1, 1] to what
# it takes. Not those whose layers depend on the weights that are asked for,
# such as EfficientNetB0: a saved one could not be built without a download.
BACKBONES = {
    "efficientnet_v2_b0": ("EfficientNetV2B0", 127.5, 127.5),
    "mobilenet": ("MobileNet", 1.0, 0.0),
    "mobilenet_v2": ("MobileNetV2", 1.0, 0.0),
}
SAVED = "saved"
_SOURCES = (
    f'"imagenet", which Keras downloads, a file of weights, or "{SAVED}" where '
    "a checkpoint with all weights is loaded next"
)
_LEAST_SIDE = 32  # pixels that backbones take
_HIDDEN = 256


def attribute_network(
    image_size=64,
    num_labels=5,
    backbone=None,
    backbone_weights=None,
    base_filters=32,
    dropout=0.3,
    name=None,
):
    """Four 3x3 convolutions of stride 2 and a dense layer, or a backbone.

    From scratch, widths are `base_filters` times 1, 2, 4, 4, each with batch
    normalization (momentum 0.9) and ReLU; the last map is flattened. A
    backbone is a network of `keras.applications`, frozen and in inference
    mode; the mean of its last map goes to a dense layer of 256 with ReLU.
    Dropout and a dense layer to the logits follow.

    Args:
        image_size: int, pixels; with a backbone from 32 up.
        num_labels: int.
        backbone: str in `BACKBONES`, or None.
        backbone_weights: `"imagenet"`, downloaded by Keras on first use; the
            path of a file of Keras' weights without top; or `"saved"`,
            random, until those of a saved network are loaded.
        base_filters: int, channels of the first convolution from scratch.
        dropout: float from 0 to below 1.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, image_size, image_size, 3]` in [-1, 1]
        to float32 logits `[batch, num_labels]`.

    Raises:
        UserError: if an argument does not fit, or weights cannot be read.
    """
    least = 1 if backbone is None else _LEAST_SIDE
    checks.between(least, checks.MOST_SIDE, image_size=image_size)
    checks.at_least(1, num_labels=num_labels, base_filters=base_filters)
    _check_dropout(dropout)
    inputs = keras.Input((image_size, image_size, 3))
    if backbone is None:
        if backbone_weights is not None:
            raise UserError(
                "backbone_weights must be left out without a backbone. "
                f"Received: {backbone_weights!r}"
            )
        features = _convolutions(inputs, base_filters, num_labels)
    else:
        features = _transferred(inputs, backbone, backbone_weights)
    x = Dropout(dropout)(features)
    outputs = layers.Dense(num_labels, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def _check_dropout(dropout):
    is_number = isinstance(dropout, (int, float)) and dropout is not True
    if not is_number or not 0 <= dropout < 1:
        raise UserError(
            f"dropout must be a rate from 0 to below 1. Received: {dropout!r}"
        )


def _convolutions(inputs, base_filters, num_labels):
    side = -(-inputs.shape[1] // 16)
    check_weights(
        234 * base_filters**2 + 4 * side**2 * base_filters * num_labels,
        base_filters=base_filters,
        image_size=inputs.shape[1],
    )
    x = inputs
    for factor in (1, 2, 4, 4):
        filters = factor * base_filters
        x = layers.Conv2D(filters, 3, 2, "same", use_bias=False)(x)
        x = BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return layers.Flatten()(x)


def _transferred(inputs, backbone, weights):
    checks.one_of(BACKBONES, backbone=backbone)
    name, scale, offset = BACKBONES[backbone]
    if not isinstance(weights, (str, os.PathLike)):
        raise UserError(
            f"backbone_weights must be {_SOURCES}: a frozen network with "
            f"random weights learns nothing. Received: {weights!r}"
        )
    if weights not in ("imagenet", SAVED):
        weights = files.expanded(weights)
        if not pathlib.Path(weights).is_file():
            raise UserError(
                f"backbone_weights must be {_SOURCES}. Received: {weights!r}"
            )
    try:
        network = getattr(keras.applications, name)(
            include_top=False,
            weights=None if weights == SAVED else weights,
            input_shape=tuple(inputs.shape[1:]),
        )
    # Keras raises a bare Exception when it cannot download.
    except Exception as error:
        if weights == SAVED:
            raise
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"backbone_weights must be {_SOURCES}. Received: {weights!r}, "
            f"which could not be read ({reason})"
        ) from error
    network.trainable = False
    x = layers.Rescaling(scale, offset)(inputs)
    x = layers.GlobalAveragePooling2D()(network(x, training=False))
    return layers.Dense(_HIDDEN, activation="relu")(x)


def label_scales(num_labels, name=None):
    """One factor for each logit, 1 at first and not trained by gradients.

    Returns:
        A `keras.Model`: float32 `[batch, num_labels]` to the same; its only
        weight has shape `[num_labels]`.
    """
    inputs = keras.Input((num_labels,), dtype="float32")
    outputs = layers.EinsumDense(
        "ij,j->ij",
        num_labels,
        kernel_initializer="ones",
        trainable=False,
        dtype="float32",
    )(inputs)
    return keras.Model(inputs, outputs, name=name)


def probabilities(table, logits):
    """Return the probability of each label: softmax of groups, sigmoid else.

    Args:
        table: `keras_gans.labels.Labels` of one data set.
        logits: `[batch, num_labels]`.

    Returns:
        float32 `[batch, num_labels]`; the labels of an exclusive group have
        sum 1.
    """
    logits = tf.cast(logits, tf.float32)
    columns = tf.unstack(tf.sigmoid(logits), axis=-1)
    for group in table.groups:
        places = [table.names.index(name) for name in group]
        shares = tf.nn.softmax(tf.gather(logits, places, axis=-1))
        for place, share in zip(
            places, tf.unstack(shares, axis=-1), strict=True
        ):
            columns[place] = share
    return tf.stack(columns, axis=-1)
