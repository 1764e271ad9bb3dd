"""Models and exports, as functions of uint8 pictures by direction."""

import numpy as np

from keras_gans import images
from keras_gans.checks import UserError


def of_model(model):
    """Return the directions of a live model.

    Args:
        model: an `AdversarialModel`.

    Returns:
        dict from direction to a function from uint8 `[batch, height, width,
        3]`, and for a model with labels float32 `[batch, size]`, to uint8
        pictures.
    """

    def make(function):
        def translate(pictures, *labels):
            outputs = function(images.to_float(pictures), *labels)
            # As uint8 they would be black pictures.
            if not np.isfinite(outputs).all():
                raise UserError("translations must be finite. Received: NaN")
            return images.to_uint8(outputs).numpy()

        return translate

    return {
        direction: make(function)
        for direction, function in model.serving_signatures().items()
    }


def of_loaded(translator):
    """Return the directions of what `keras_gans.load` returned, likewise."""

    def make(direction):
        def translate(pictures, *labels):
            to = labels[0] if labels else direction[-1]
            return translator.translate(pictures, to=to)

        return translate

    return {direction: make(direction) for direction in translator.verbs}
