"""The verbs of a live model, as functions of uint8 arrays."""

import dataclasses

import numpy as np

from keras_gans import images, verbs
from keras_gans.checks import UserError


def of_model(model):
    """Return the verbs of a live model, for arrays.

    Args:
        model: a model with `verbs()`.

    Returns:
        dict from name to `Verb`, whose function takes uint8 images
        `[batch, height, width, 3]` and other inputs as float32, and returns
        uint8 images, labels or codes, as in `keras_gans.load(...).verbs`.
    """
    return {verb.name: _on_arrays(verb) for verb in model.verbs()}


def _on_arrays(verb):
    name, _ = verb.input(verbs.Images)

    def function(**inputs):
        if name:
            inputs[name] = images.to_float(inputs[name])
        outputs = verb.function(**inputs)
        # As uint8 not finite ones would be black images.
        if not np.isfinite(outputs).all():
            raise UserError("outputs must be finite. Received: NaN")
        return (outputs if verb.output else images.to_uint8(outputs)).numpy()

    return dataclasses.replace(verb, function=function)
