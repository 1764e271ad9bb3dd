"""Write SavedModels for serving and compare them with the model."""

import numpy as np
import tensorflow as tf

from keras_gans import images
from keras_gans.serving import description, signatures, warmup, weights

# Largest differences that an export may show, of images in gray levels, of
# labels and codes in parts of the largest number, or of 1.
TOLERANCE = 1
NUMBERS_TOLERANCE = 1e-3


def write(path, model, samples, about):
    """Write a SavedModel and check that it gives the model's outputs.

    Args:
        path: `pathlib.Path` of the folder to fill; its parent has the served
            name of the model.
        model: as for `signatures.make`.
        samples: uint8 `[batch, image_size, image_size, 3]`.
        about: dict of plain values at the beginning of `model.json`.

    Raises:
        RuntimeError: if the SavedModel gives different outputs.
        OSError: if it cannot be written.
    """
    scope = weights.NamedWeights(model)
    functions = signatures.make(model, scope)
    module = tf.Module()
    # Just what is read: discriminators and optimizers stay out.
    module.weights = scope.variables
    try:
        tf.saved_model.save(module, path, signatures=functions)
    except tf.errors.OpError as error:  # such as a full disk
        raise OSError(str(error).split("\n")[0]) from error
    forms = {
        "images": tf.constant(samples),
        "image_bytes": tf.stack([tf.io.encode_png(one) for one in samples]),
        "seeds": tf.range(len(samples), dtype=tf.int64),
    }
    _compare(path, model, functions, forms)
    tables = description.tables(functions)
    for verb in model.verbs():
        forms |= signatures.sample_inputs(verb, len(samples))
    requests = {
        name: {key: forms[key][:1] for key in table["inputs"]}
        for name, table in tables.items()
    }
    warmup.write(path, path.parent.name, requests)
    description.write(path, model, about | {"signatures": tables})


def _compare(path, model, functions, forms):
    served = tf.saved_model.load(path).signatures
    # Which operations TensorFlow takes together depends on what stands around
    # a network, and between any two bfloat16 rounds by a gray level. So a
    # model of lower precision is compared with the same live graph.
    # So is a search, which goes on from what was rounded; one image is enough
    # of it.
    is_float = all(n.compute_dtype == "float32" for n in model.networks)
    for verb in model.verbs():
        is_exact = is_float and verb.steps is None
        if verb.steps is not None:
            forms = {name: rows[:1] for name, rows in forms.items()}
        extra = signatures.sample_inputs(verb, len(forms["images"]))
        if is_exact:
            expected = expected_outputs(verb, forms["images"], extra)
        for form in ("", signatures.ENCODED, signatures.FROM_SEEDS):
            name = verb.name + form
            if name not in functions:
                continue
            if not is_exact:
                expected = _outputs(functions[name], forms, extra)
            check_outputs(name, _outputs(served[name], forms, extra), expected)


def _outputs(signature, forms, extra):
    """Return the outputs of a signature of either form for the samples."""
    wanted = signature.structured_input_signature[1]
    outputs = signature(**{n: {**forms, **extra}[n] for n in wanted})
    if "image_bytes" in outputs:
        return np.stack(list(map(tf.io.decode_png, outputs["image_bytes"])))
    return next(v for n, v in outputs.items() if n != "status").numpy()


def expected_outputs(verb, samples, extra):
    """Return the outputs of a verb of the live model, images as uint8."""
    inputs = dict(extra)
    if verb.images:
        inputs["images"] = images.to_float(samples)
    # In a graph, as training ran: there TensorFlow fuses operations that it
    # takes one by one outside, and bfloat16 rounds between each.
    outputs = tf.function(verb.function)(**inputs)
    return (outputs if verb.output else images.to_uint8(outputs)).numpy()


def check_outputs(name, actual, expected):
    """Raise `RuntimeError` if outputs differ by more than allowed."""
    difference = np.abs(np.asarray(actual, float) - expected).max()
    allowed, rule = TOLERANCE, f"pixels within {TOLERANCE} gray level"
    if expected.dtype != np.uint8:
        allowed = NUMBERS_TOLERANCE * max(1.0, np.abs(expected).max())
        rule = f"numbers within {allowed:g}"
    if not difference <= allowed:
        raise RuntimeError(
            f"export {name!r} must give the model's {rule}. Largest "
            f"difference: {difference:g}; nothing was published"
        )
