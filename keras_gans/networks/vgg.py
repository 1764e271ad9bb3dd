"""VGG-16 and VGG-19 without their classifiers, as measures of images.

Reference: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for
Large-Scale Image Recognition", arXiv:1409.1556, table 1, columns D and E.
"""

import functools
import os

import keras
import numpy as np
from keras import layers as keras_layers

from keras_gans import checks, files, interop
from keras_gans.checks import UserError
from keras_gans.interop import state_dicts
from keras_gans.interop import vgg as names
from keras_gans.layers import InstanceNormalization

# What is subtracted from each channel, and what it is divided by then.
PREPROCESSING = {
    # Blue, green, red; of 0..255, without division.
    "caffe": ([103.939, 116.779, 123.68], [1.0, 1.0, 1.0]),
    # Red, green, blue; of 0..1.
    "torchvision": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}
POOLING = {
    "max": keras_layers.MaxPooling2D,
    "average": keras_layers.AveragePooling2D,
}
_WIDTHS = 1, 2, 4, 8, 8  # of the groups, in units of `base_filters`
_TRAINED_FILTERS = 64


def vgg(
    name,
    layers,
    *,
    pooling="max",
    preprocessing="caffe",
    base_filters=64,
    weights=None,
    seed=0,
):
    """Features of images at named layers.

    Args:
        name: str, `"vgg16"` or `"vgg19"`.
        layers: iterable of str, such as `"relu4_2"`, the second convolution
            of the fourth group after its ReLU, or `"conv4_2"`, the same
            before it. The network ends at the deepest.
        pooling: str, `"max"`, as it was trained, or `"average"` (Gatys et
            al. 2016, section 2).
        preprocessing: str, what the weights were trained with: `"caffe"`,
            BGR of 0..255 minus the mean, as Keras' files and those made of
            the authors' own; or `"torchvision"`, RGB of 0..1, minus the mean
            and divided by the deviation.
        base_filters: int, channels of the first convolution; the trained
            networks have 64.
        weights: `"imagenet"`, fetched by Keras; or a file, see
            `load_weights`; or None for random weights, see Notes.
        seed: int from 0 to below 2**32, of the random weights.

    Returns:
        A `keras.Model` that is not trained: float32 `[batch, height, width,
        3]` in [-1, 1], of any size of which pooling leaves something, to a
        dict from layer to float32 `[batch, height / 2**(g - 1), width /
        2**(g - 1), channels]` of group g, rounded down.

    Raises:
        UserError: if an argument or the file does not fit.
        ImportError: if the package that reads such files is not installed.

    Notes:
        Random weights are normal of variance 2 / inputs, biases are 0, as in
        He et al. 2015, arXiv:1502.01852, eq. 10. He, Wang and Hopcroft 2016,
        "A Powerful Generative Model Using Random Weights for the Deep Image
        Representation", arXiv:1606.04801, found that such a network serves
        for textures and style if the losses of its layers are weighted by
        what each one does to the image, see `losses.impacts`. The scale of
        the weights then cancels: without biases, features are in proportion
        to it.
    """
    checks.one_of(POOLING, pooling=pooling)
    checks.one_of(PREPROCESSING, preprocessing=preprocessing)
    checks.at_least(1, base_filters=base_filters)
    checks.seed(seed)
    layers = channels(name, layers)
    known = names.convolutions(name)
    inputs = keras.Input((None, None, 3))
    found = _maps(
        _preprocessed(inputs, preprocessing),
        known[: 1 + max(known.index(f"conv{layer[4:]}") for layer in layers)],
        pooling,
        base_filters,
        seed,
    )
    outputs = {n: keras.ops.cast(found[n], "float32") for n in layers}
    network = keras.Model(inputs, outputs, name=name)
    network.trainable = False
    if weights is not None:
        load_weights(network, weights)
    return network


def default_preprocessing(weights):
    """Return what the weights of a file were most likely trained with.

    Args:
        weights: as of `vgg`.

    Returns:
        `"caffe"` for None, `"imagenet"` and `.h5` files, which are Keras';
        else `"torchvision"`.
    """
    is_of_keras = str(weights).lower().endswith((".h5", "imagenet"))
    return "caffe" if weights is None or is_of_keras else "torchvision"


def channels(name, layers, base_filters=64):
    """Return the channels of layers, a dict by their names.

    Args:
        name, layers, base_filters: as of `vgg`.

    Raises:
        UserError: if the network has no such layers.
    """
    checks.one_of(names.GROUPS, name=name)
    checks.at_least(1, base_filters=base_filters)
    known = names.convolutions(name)
    layers = dict.fromkeys(layers)
    for layer in layers:
        kind, place = str(layer)[:4], str(layer)[4:]
        if kind not in ("conv", "relu") or f"conv{place}" not in known:
            raise UserError(
                f"layers must be of {name}, conv1_1 or relu1_1 to "
                f"{known[-1]} or relu{known[-1][4:]}. Received: {layer!r}"
            )
    if not layers:
        raise UserError("layers must hold one or more names. Received: none")
    return {n: base_filters * _WIDTHS[int(n[4]) - 1] for n in layers}


def vgg16_features(base_filters=64):
    """The map `relu5_3`, at an eighth of the size, normalized per channel.

    As MUNIT has it: the last two groups of convolutions have the same size,
    as no pooling lies between them; the map is compared after instance
    normalization.

    Args:
        base_filters: int, channels of the first convolution; the trained
            network has 64.

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
    known = names.convolutions("vgg16")
    x = _preprocessed(inputs, "caffe")
    x = _maps(x, known, "max", base_filters, 0, pooled=3)["relu5_3"]
    network = keras.Model(inputs, InstanceNormalization()(x), name="vgg16")
    network.trainable = False
    return network


def trained_vgg16_features(path):
    """Return `vgg16_features` with the weights of a file.

    Args:
        path: a file as of `load_weights`, for Caffe's preprocessing.

    Raises:
        UserError: if it is not one.
    """
    network = vgg16_features()
    load_weights(network, path, "perceptual_weights")
    return network


def load_weights(network, weights, argument="weights"):
    """Give a network of this module trained weights.

    Args:
        network: `keras.Model`, of `vgg` or `vgg16_features`.
        weights: `"imagenet"`, which Keras fetches if it has not done so, or a
            file: `.h5`, of `keras.applications` without top; or `.pth`, `.pt`,
            `.safetensors` or `.npz`, of torchvision (`features.0.weight`, ...)
            or with the layers' names (`conv1_1.weight`, ...).
        argument: str, what errors call it.

    Raises:
        UserError: if it is not one of this network.
        ImportError: if the package that reads such files is not installed.
    """
    is_file = weights != "imagenet"
    if is_file:
        if weights is None or not os.path.isfile(files.expanded(weights)):
            raise UserError(
                f"{argument} must be a file that exists. Received: {weights!r}"
            )
        weights = files.expanded(weights)
    read = _load_keras
    if is_file and weights.lower().endswith(state_dicts.EXTENSIONS):
        read = functools.partial(interop.load_reference, source="vgg")
    try:
        read(network, weights)
    except UserError as error:
        raise UserError(
            f"{argument} must be a file of the weights of {network.name}. "
            f"Received: {weights!r} ({error})"
        ) from None


def _load_keras(network, weights):
    filters = network.get_layer("conv1_1").filters
    if filters != _TRAINED_FILTERS:
        raise UserError(f"they are not for base_filters={filters}")
    try:
        trained = getattr(keras.applications, network.name.upper())(
            include_top=False, weights=weights
        )
    # There is no end to what the reader raises on damaged bytes; if it
    # cannot fetch a file, a bare Exception.
    except Exception as error:
        raise UserError(" ".join(str(error).split())[:300]) from None
    for layer in network.layers:
        if layer.name.startswith("conv"):
            block = layer.name.replace("_", "_conv").replace("conv", "block", 1)
            layer.set_weights(trained.get_layer(block).get_weights())


def about(name, weights, pooling="max", seed=0):
    """Describe a network in a few words, for what is made with it.

    Args:
        name, weights, pooling, seed: as of `vgg`.
    """
    kind = f"weights of {os.path.basename(weights or '')}"
    if weights in (None, "imagenet"):
        kind = {
            None: f"random weights of seed {seed}",
            "imagenet": "ImageNet weights of keras.applications",
        }[weights]
    return f"{name}, {pooling} pooling, {kind}"


def _preprocessed(images, preprocessing):
    mean, deviation = (
        np.asarray(values, "float32") for values in PREPROCESSING[preprocessing]
    )
    if preprocessing == "caffe":
        return (images[..., ::-1] + 1.0) * 127.5 - mean
    return ((images + 1.0) * 0.5 - mean) / deviation


def _maps(x, convolutions, pooling, base_filters, seed, pooled=4):
    """Return all maps by layer; `pooled` groups have pooling behind them."""
    found, last = {}, "1"
    for number, name in enumerate(convolutions):
        group, _, _ = name.removeprefix("conv").partition("_")
        if group != last and int(last) <= pooled:
            x = POOLING[pooling](2, name=f"pool{last}")(x)
        last = group
        found[name] = keras_layers.Conv2D(
            _WIDTHS[int(group) - 1] * base_filters,
            3,
            padding="same",
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, "fan_in", "untruncated_normal", seed=seed + number
            ),
            name=name,
        )(x)
        relu = name.replace("conv", "relu")
        x = found[relu] = keras_layers.ReLU(name=relu)(found[name])
    return found
