"""The signatures of an export: two forms of each verb, and the default.

A verb, such as `a_to_b`, is what a model's `serving_signatures()` names: a
function from float pictures in [-1, 1] to float pictures.

`a_to_b`
    `images`, uint8 `[batch, height, width, 3]`, to `images`, the same.
`a_to_b_encoded`
    `image_bytes`, string `[batch]`, each a JPEG, PNG or still WebP of any
    size, to `image_bytes`, PNG of these sizes, and `status`, string `[batch]`:
    `"ok"`, or why the answer is empty.
`serving_default`
    the encoded form of the first verb.

Both take what `serving_inputs` names, such as `labels`, a row per picture. One
bad picture or row of an encoded request has its status, the others are served;
a bad tensor fails as a whole, since it is one array.
"""

import numpy as np
import tensorflow as tf

from keras_gans.serving import half
from keras_gans.serving.encoded import encoded_form
from keras_gans.serving.tensors import tensor_form

ENCODED = "_encoded"
DEFAULT = "serving_default"


def make(model, half_kernels=(), with_encoded=True):
    """Trace the signatures of a model.

    Args:
        model: with `image_size` and `serving_signatures()`. `size_multiple`:
            what height and width must be multiples of, where pictures keep
            their scale; None or missing to scale them into `image_size`.
            `serving_inputs`: dict from name to `tf.TensorSpec`, `[None, ...]`
            in [0, 1], of what verbs take besides pictures, if anything.
        half_kernels: list, what `half.copies` returned, to be read instead.
        with_encoded: bool, whether to make the encoded forms and the default.

    Returns:
        dict from signature to a concrete function: tensors in, a dict out.
    """
    floats = tf.TensorSpec([None, None, None, 3], tf.float32, "pictures")
    pictures = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    texts = tf.TensorSpec([None], tf.string, "image_bytes")
    signatures = {}

    def trace(function, inputs, **options):
        function = tf.function(function, **options)
        return function.get_concrete_function(inputs, **extra_inputs(model))

    for verb, function in model.serving_signatures().items():
        network = trace(function, floats)
        if half_kernels:
            read = network.graph.variables
            function = half.reading(half_kernels, function, read)
            network = trace(function, floats)
        # In what follows no Python control flow is to be converted.
        on_pictures = tensor_form(network, model)
        signatures[verb] = trace(on_pictures, pictures, autograph=False)
        if with_encoded:
            on_bytes = encoded_form(network, signatures[verb], model)
            encoded = trace(on_bytes, texts, autograph=False)
            signatures[verb + ENCODED] = encoded
            signatures.setdefault(DEFAULT, encoded)
    return signatures


def extra_inputs(model):
    """Return what verbs take besides pictures: name -> `tf.TensorSpec`."""
    return dict(getattr(model, "serving_inputs", {}))


def sample_inputs(model, count):
    """Return tensors for `extra_inputs`: rows of zeros and ones, by chance."""
    rng = np.random.default_rng(0)
    return {
        name: tf.constant(rng.integers(0, 2, (count, *s.shape[1:])), s.dtype)
        for name, s in extra_inputs(model).items()
    }
