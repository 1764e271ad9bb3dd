"""A classifier small enough for tests, and an extractor of it."""

import pathlib

import keras
import numpy as np

from keras_gans import metrics

SIZE = 32


def classifier(image_size=SIZE, style="photo"):
    """Return an untrained one; called as `attributes.train_classifier`."""
    if style == "none":
        raise ValueError("style must be known")
    layers = []
    for filters in (4, 8):
        layers += [keras.layers.Conv2D(filters, 3, 2), keras.layers.ReLU()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((image_size, image_size, 3)), *layers])


def counted(image_size, style):
    """Do as `classifier`, and leave a mark in the working folder."""
    with pathlib.Path("calls").open("a") as calls:
        calls.write(f"{style} {image_size}\n")
    return classifier(image_size, style)


def extractor():
    keras.utils.set_random_seed(1)
    return metrics.extractor("faces", classifier(), image_size=SIZE)


def pictures(count=12, size=SIZE, seed=0):
    """Return float32 `[count, size, size, 3]` in [-1, 1], on 8-bit levels."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (count, size // 8, size // 8, 3))
    levels = blocks.repeat(8, 1).repeat(8, 2)
    return (levels / 127.5 - 1.0).astype(np.float32)
