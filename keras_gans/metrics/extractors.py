"""Create feature extractors by name.

`"faces"` is a small classifier trained on the attributes of the embedded
faces: it needs no download and suits drawings, not photographs.
`"inception_v3"` and `"vgg16"` are from `keras.applications`, `"fid_inception"`
is the network of the published FID. Distances are comparable only if their
whole protocols are the same.
"""

import contextlib
import os
import pathlib
import random

import keras

from keras_gans import files, images
from keras_gans.checks import UserError
from keras_gans.metrics import faces, fid_inception
from keras_gans.metrics.features import Extractor

EXTRACTORS = ("faces", "inception_v3", "vgg16", "fid_inception")
# The size for which each was trained, and the smallest that it takes.
_SIZES = {
    "faces": (64, 32),
    "inception_v3": (299, 75),
    "vgg16": (224, 32),
    "fid_inception": (299, 75),
}
# Layers whose maps are compared, from fine to coarse; those of vgg16 are
# Zhang et al.'s.
_MAPS = {
    "inception_v3": ("mixed2", "mixed7", "mixed10"),
    "vgg16": (
        "block1_conv2",
        "block2_conv2",
        "block3_conv3",
        "block4_conv3",
        "block5_conv3",
    ),
    "fid_inception": ("Mixed_5d", "Mixed_6e", "Mixed_7c"),
}


def extractor(
    name,
    weights=None,
    *,
    image_size=None,
    style="photo",
    train=None,
    folder=None,
    random_weights=False,
):
    """Create a feature extractor.

    Args:
        name: str, one of `EXTRACTORS`.
        weights: of `"faces"`, a `.keras` file or a `keras.Model` of a
            classifier; of `"inception_v3"` and `"vgg16"`, a file of Keras'
            weights without top, by default fetched by Keras; of
            `"fid_inception"`, see `metrics.fid_inception`.
        image_size: int, pixels to which images are resized. Default: 64 for
            `"faces"`, else the network's training size.
        style: str, style of the drawings that `"faces"` is trained on.
        train: function `(image_size, style=...)` to a classifier, such as
            `faces.edits.train_classifier`, which `"faces"` needs without
            weights. It must be a module-level function, and is called in a
            separate process.
        folder: path of the cache for `"faces"`, such as
            `files.cache_folder()`. Default: no cache.
        random_weights: bool, leave the network untrained, for tests.

    Returns:
        `Extractor`. The state of Python's random number generator, from which
        Keras draws its seeds, is unchanged.

    Raises:
        UserError: for an invalid argument, or in one line if weights are not
            available.
    """
    if name not in EXTRACTORS:
        raise UserError(
            f"extractor must be one of {', '.join(EXTRACTORS)}. "
            f"Received: {name!r}"
        )
    default, smallest = _SIZES[name]
    image_size = image_size or default
    if image_size < smallest:
        raise UserError(
            f"image_size of extractor {name} must be at least {smallest}. "
            f"Received: {image_size}"
        )
    if isinstance(weights, (str, os.PathLike)):
        weights = files.expanded(weights)
    with _undisturbed():
        if name == "faces":
            return _faces(weights, image_size, style, train, folder)
        source = "random" if random_weights else _source(weights)
        weights = None if random_weights else weights or "imagenet"
        if name == "fid_inception":
            network = _fid_inception(weights)
            scale = _unit
        else:
            network, scale = _application(name, weights, image_size)
        maps = {n: network.get_layer(n).output for n in _MAPS[name]}
        maps = keras.Model(network.inputs, maps)
        layer = network.layers[-2].name
        return Extractor(name, network, maps, scale, image_size, layer, source)


def _source(weights):
    if weights is None:
        return "ImageNet of keras.applications"
    if isinstance(weights, (str, os.PathLike)):
        return pathlib.Path(weights).name
    return "given"


def _unit(pixels):
    return (pixels - 128.0) / 128.0


def _fid_inception(weights):
    if weights == "imagenet":
        raise UserError(
            "extractor fid_inception must be given the file of its weights, "
            "fid_inception=FILE (keras_gans/metrics/fid_inception.py says "
            "how to make it). Received: none"
        )
    network = fid_inception.network()
    if weights is not None:
        with _one_line("fid_inception", weights):
            fid_inception.load(network, weights)
    return keras.Model(network.inputs, network.outputs[0])


def _application(name, weights, image_size):
    module = getattr(keras.applications, name)
    make = {"vgg16": "VGG16", "inception_v3": "InceptionV3"}[name]
    with _one_line(name, weights):
        network = getattr(module, make)(
            include_top=False,
            weights=weights and os.fspath(weights),
            input_shape=(image_size, image_size, 3),
            pooling="avg",
        )
    return network, module.preprocess_input


def _faces(weights, image_size, style, train, folder):
    source = f"learned from drawn faces ({style})"
    if weights is None:
        if train is None:
            raise UserError(
                "extractor faces must be given weights or train=keras_gans."
                "faces.edits.train_classifier. Received: neither"
            )
        weights = faces.trained(train, image_size, style, folder)
    elif not isinstance(weights, keras.Model):
        source = _source(weights)
        with _one_line("faces", weights):
            weights = keras.saving.load_model(weights, compile=False)
    maps = {
        layer.name: layer.output
        for layer in weights.layers
        if isinstance(layer, keras.layers.ReLU)
    }
    if not maps or weights.input_shape[1:] != (image_size, image_size, 3):
        raise UserError(
            "weights of extractor faces must be a classifier with ReLU layers "
            f"of images of image_size {image_size}. Received: one of "
            f"{weights.input_shape[1:]} with {len(maps)}"
        )
    maps = {f"convolution_{i}": m for i, m in enumerate(maps.values(), 1)}
    layer, last = list(maps.items())[-1]
    mean = keras.layers.GlobalAveragePooling2D()(last)
    network, maps = (keras.Model(weights.inputs, o) for o in (mean, maps))
    scale = images.to_float
    return Extractor("faces", network, maps, scale, image_size, layer, source)


@contextlib.contextmanager
def _undisturbed():
    """Build networks in float32 without changing a run's random state."""
    state, policy = random.getstate(), keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(state)


@contextlib.contextmanager
def _one_line(name, weights):
    """Raise errors of weights, from file or network, in one line."""
    try:
        yield
    # Keras raises a bare Exception when it cannot download.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        if weights == "imagenet":
            raise UserError(
                f"extractor {name} needs its weights, which could not be "
                f"downloaded; give them as {name}=FILE, or use faces "
                f"({reason})"
            ) from error
        where = weights if isinstance(weights, (str, os.PathLike)) else "given"
        raise UserError(
            f"weights of extractor {name} must be readable. "
            f"Received: {where} ({reason})"
        ) from error
