"""Build the signatures of an export: two or three per verb, and the default.

The tensor form, such as `a_to_b`:
    takes `images`, uint8 `[batch, height, width, 3]`, and returns the same.
The encoded form, `a_to_b_encoded`:
    takes `image_bytes`, string `[batch]`, each a JPEG, PNG or WebP of any
    size, and returns `image_bytes`, PNG of these sizes, and `status`, string
    `[batch]`: `"ok"`, or the reason for an empty answer.
From seeds, `generate_from_seeds`, of a verb that takes latents:
    the encoded form with `seeds`, int64 `[batch]`, in place of `latents`, so
    that a client need not draw noise: each image is the first of its seed.
Of a verb whose outputs are labels, such as `classify`, both forms return
`labels`, float32 `[batch, num_labels]`, instead of images; of one whose
outputs are codes, such as `encode_a`, `codes`, float32.
`serving_default`:
    the encoded form of the first verb.

All take the other declared inputs, such as `labels` or `latents`, a row per
image; a verb without images, such as `generate`, takes only these. A bad
image or row of an encoded request gets its own status and the others are
served; a bad tensor fails as a whole, since it is one array.
"""

import numpy as np
import tensorflow as tf

from keras_gans import verbs
from keras_gans.serving.encoded import encoded_form
from keras_gans.serving.tensors import tensor_form

ENCODED = "_encoded"
FROM_SEEDS = "_from_seeds"
DEFAULT = "serving_default"


def make(model, scope=None, with_encoded=True):
    """Trace the signatures of a model.

    Args:
        model: a model with `verbs()`, see `keras_gans.verbs`.
        scope: `weights.NamedWeights`, to use instead of the model's own, or
            None.
        with_encoded: bool, whether to add the forms that return files, and
            the default. Without them, as for a live model, verbs that iterate
            are left out: these tell their progress.

    Returns:
        dict from signature to a concrete function from tensors to a dict.
    """
    signatures = {}
    for verb in model.verbs():
        if verb.steps is not None and not with_encoded:
            continue
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
            if verb.input(verbs.Latents)[1]:
                signatures[verb.name + FROM_SEEDS] = trace(
                    _from_seeds(encoded, *verb.input(verbs.Latents)),
                    specs(verb, images=tf.string, latents=tf.int64),
                    autograph=False,
                )
    return signatures


def _from_seeds(encoded, name, declared):
    def on_seeds(**inputs):  # by name alone, as a loaded signature
        latents = declared.of_seeds(inputs.pop("seeds"))
        return encoded(**{name: latents}, **inputs)

    return on_seeds


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


def specs(verb, images=tf.float32, latents=tf.float32):
    """Return the inputs of a form of a verb: name -> `tf.TensorSpec`.

    Args:
        verb: `Verb`.
        images: dtype of images: float32, uint8, or string if encoded.
        latents: dtype of latents: float32, or int64 for their seeds.
    """
    specifications = {}
    for name, declared in verb.inputs.items():
        shape, dtype = declared.shape, tf.float32
        if isinstance(declared, verbs.Images):
            dtype = images
            if images == tf.string:
                name, shape = "image_bytes", (None,)
        elif isinstance(declared, verbs.Latents) and latents == tf.int64:
            name, shape, dtype = "seeds", (None,), latents
        specifications[name] = tf.TensorSpec(shape, dtype, name)
    return specifications


def sample_inputs(verb, count):
    """Return tensors for all inputs but images; latents of seeds 0, 1, ..."""
    rng = np.random.default_rng(0)
    drawn = {}
    for name, declared in verb.inputs.items():
        if isinstance(declared, verbs.Labels):
            drawn[name] = rng.integers(0, 2, (count, *declared.shape[1:]))
        elif isinstance(declared, verbs.Latents):
            drawn[name] = declared.of_seeds(tf.range(count, dtype=tf.int64))
        elif isinstance(declared, verbs.Amounts):
            drawn[name] = declared.draw(count)
    return {name: tf.constant(rows, tf.float32) for name, rows in drawn.items()}
