"""Drawn faces with known attributes and true translations.

A data set that needs no files and no download. A face is an `Identity`, a
pure function of `(seed, index)`, drawn in any of `STYLES`. The same index in
two styles gives a true translation: outlines, eye centers, mouth and hair
coincide, and colors follow one fixed map per style. `attributes` gives the
labels of an index.

Needs NumPy and Pillow only. Nothing here imports TensorFlow.
"""

import operator

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.faces.drawing import styles
from keras_gans.faces.drawing.changes import changed as _changed
from keras_gans.faces.drawing.identity import ATTRIBUTES
from keras_gans.faces.drawing.identity import identity as _identity
from keras_gans.faces.drawing.identity import labels as _labels

STYLES = ("photo", "anime", "sketch")
MIN_SIZE, MAX_SIZE = 64, 256


def _whole(name, value, low, high=None):
    """Returns `value` as an int in `[low, high]`, or raises UserError."""
    rule = f">= {low}" if high is None else f"from {low} to {high}"
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high and number > high):
        raise UserError(f"{name} must be an int {rule}. Received: {value!r}")
    return number


def _checked_identity(index, seed, changes=None):
    who = _identity(_whole("index", index, 0), _whole("seed", seed, 0))
    return _changed(who, changes or {})


def _checked_size(style, image_size):
    checks.one_of(STYLES, style=style)
    return _whole("image_size", image_size, MIN_SIZE, MAX_SIZE)


def drawn_size(image_size):
    """Return the size to draw at; a face of another size is then scaled."""
    return min(max(image_size, MIN_SIZE), MAX_SIZE)


def draw(index, style, image_size=64, seed=0, changes=None):
    """Draws one face.

    Args:
        index: which face, an integer >= 0.
        style: one of `STYLES`.
        image_size: height and width in pixels, an integer from 64 to 256.
            Two sizes of one face differ as by resampling.
        seed: which population of faces, an integer >= 0.
        changes: dict from names in `ATTRIBUTES` to 0 or 1 to change, all else
            being equal: the true translation. Of the hair colors, set one to
            1.

    Returns:
        uint8 array `[image_size, image_size, 3]`, RGB in 0..255. The bits
        depend on the arguments only.

    Raises:
        UserError: for an invalid argument.
    """
    size = _checked_size(style, image_size)
    return styles.paint(_checked_identity(index, seed, changes), style, size)


def draw_many(indices, style, image_size=64, seed=0, changes=None):
    """Draws several faces; arguments and errors as in `draw`.

    Returns:
        uint8 array `[len(indices), image_size, image_size, 3]`.
    """
    size = _checked_size(style, image_size)
    faces = np.empty((len(indices), size, size, 3), np.uint8)
    for face, index in zip(faces, indices, strict=True):
        face[:] = draw(index, style, size, seed, changes)
    return faces


def attributes(index, seed=0, changes=None):
    """Returns the labels of one face: a dictionary of name to int, 0 or 1.

    The keys are `ATTRIBUTES` in order. Exactly one of the three hair colors
    is 1. `changes` can change further labels: for example, only men keep a
    beard. Arguments and errors as in `draw`.
    """
    return _labels(_checked_identity(index, seed, changes))


def attribute_table(indices, seed=0):
    """Returns the labels of several faces, one row each.

    Returns:
        uint8 array `[len(indices), len(ATTRIBUTES)]` of 0 and 1, columns in
        the order of `ATTRIBUTES`. Raises UserError as `attributes` does.
    """
    table = np.empty((len(indices), len(ATTRIBUTES)), np.uint8)
    for row, index in zip(table, indices, strict=True):
        row[:] = list(attributes(index, seed).values())
    return table
