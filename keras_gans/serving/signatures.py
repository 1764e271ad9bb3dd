"""Build the signatures of an export: two per verb, and the default.

The tensor form, such as `a_to_b`:
    takes `images`, uint8 `[batch, height, width, 3]`, and returns the same.
The encoded form, `a_to_b_encoded`:
    takes `image_bytes`, string `[batch]`, each a JPEG, PNG or WebP of any
    size, and returns `image_bytes`, PNG of these sizes, and `status`, string
    `[batch]`: `"ok"`, or the reason for an empty answer.
`serving_default`:
    the encoded form of the first verb.

Both forms take the other declared inputs, such as `labels` or `latents`, a row
per image; a verb without images, such as `generate`, takes only these. A bad
image or row of an encoded request gets its own status and the others are
served; a bad tensor fails as a whole, since it is one array.
"""

import numpy as np
import tensorflow as tf

from keras_gans import verbs
from keras_gans.serving.encoded import encoded_form
from keras_gans.serving.tensors import tensor_form

ENCODED = "_encoded"
DEFAULT = "serving_default"


def make(model, scope=None, with_encoded=True):
    """Trace the signatures of a model.

    Args:
        model: a model with `verbs()`, see `keras_gans.verbs`.
        scope: `weights.NamedWeights`, to use instead of the model's own, or
            None.
        with_encoded: bool, whether to add the encoded forms and the default.

    Returns:
        dict from signature to a concrete function from tensors to a dict.
    """
    signatures = {}
    for verb in model.verbs():
        network = trace(_within(scope, verb.function), specs(verb))
        # In what follows no Python control flow is to be converted.
        on_tensors = trace(
            tensor_form(network, verb),
            specs(verb, images=tf.uint8),
            autograph=False,
        )
        signatures[verb.name] = on_tensors
        if with_encoded:
            encoded = trace(
                encoded_form(network, on_tensors, verb),
                specs(verb, images=tf.string),
                autograph=False,
            )
            signatures[verb.name + ENCODED] = encoded
            signatures.setdefault(DEFAULT, encoded)
    return signatures


def _within(scope, function):
    if scope is None:
        return function

    def scoped(**inputs):
        with scope:
            return function(**inputs)

    return scoped


def trace(function, specifications, **options):
    """Return the concrete function for inputs of these specifications."""
    function = tf.function(function, **options)
    return function.get_concrete_function(**specifications)


def specs(verb, images=tf.float32):
    """Return the inputs of a form of a verb: name -> `tf.TensorSpec`.

    Args:
        verb: `Verb`.
        images: dtype of images: float32, uint8, or string if encoded.
    """
    specifications = {}
    for name, declared in verb.inputs.items():
        shape, dtype = declared.shape, tf.float32
        if isinstance(declared, verbs.Images):
            dtype = images
            if images == tf.string:
                name, shape = "image_bytes", (None,)
        specifications[name] = tf.TensorSpec(shape, dtype, name)
    return specifications


def sample_inputs(verb, count):
    """Return tensors for all inputs but images, drawn from a fixed seed."""
    rng = np.random.default_rng(0)
    drawn = {}
    for name, declared in verb.inputs.items():
        if isinstance(declared, verbs.Labels):
            drawn[name] = rng.integers(0, 2, (count, *declared.shape[1:]))
        elif isinstance(declared, verbs.Latents):
            drawn[name] = declared.draw(count)
    return {name: tf.constant(rows, tf.float32) for name, rows in drawn.items()}
