"""SavedModels: written with what a server needs, held against the model."""

import numpy as np
import tensorflow as tf

from keras_gans import images
from keras_gans.serving import description, half, signatures, warmup

# Largest difference, in grey levels, that an export may show.
TOLERANCE = 1


def write(path, model, samples, is_half, about):
    """Write a SavedModel and check that it gives the pixels of the model.

    Args:
        path: `pathlib.Path` of the folder to fill; its parent is called what
            the model is served as.
        model: as for `signatures.make`.
        samples: uint8 `[batch, image_size, image_size, 3]`.
        is_half: bool, whether kernels are stored in float16.
        about: dict of plain values that `model.json` begins with.

    Raises:
        RuntimeError: if the SavedModel gives other pixels than the model.
        OSError: if it cannot be written.
    """
    copies = half.Copies(model, is_half)
    functions = signatures.make(model, copies)
    module = tf.Module()
    # Just what is read: discriminators and optimizers stay out.
    module.weights = copies.variables
    try:
        tf.saved_model.save(module, path, signatures=functions)
    except tf.errors.OpError as error:  # such as a full disk
        raise OSError(str(error).split("\n")[0]) from error
    extra = signatures.sample_inputs(model, len(samples))
    forms = {
        "images": tf.constant(samples),
        "image_bytes": tf.stack([tf.io.encode_png(one) for one in samples]),
    }
    _compare(path, model, functions, forms, extra)
    tables = description.tables(functions)
    requests = {
        name: {key: {**forms, **extra}[key][:1] for key in table["inputs"]}
        for name, table in tables.items()
    }
    warmup.write(path, path.parent.name, requests)
    about |= {
        "weights": "float16" if is_half else "float32",
        "signatures": tables,
    }
    description.write(path, model, about)


def _compare(path, model, functions, forms, extra):
    served = tf.saved_model.load(path).signatures
    # Which operations TensorFlow takes together depends on what stands around
    # a network, and between any two bfloat16 rounds by a grey level. So a
    # model of lower precision is held against the same graph, still alive.
    is_exact = all(n.compute_dtype == "float32" for n in model.networks)
    for verb, function in model.serving_signatures().items():
        if is_exact:
            expected = expected_pixels(function, forms["images"], extra)
        for name in (verb, verb + signatures.ENCODED):
            if not is_exact:
                expected = _pixels(functions[name], name, forms, extra)
            actual = _pixels(served[name], name, forms, extra)
            check_pixels(name, actual, expected)


def _pixels(signature, name, forms, extra):
    """Return what a signature of either form makes of the samples."""
    is_encoded = name.endswith(signatures.ENCODED)
    key = "image_bytes" if is_encoded else "images"
    outputs = signature(**{key: forms[key]}, **extra)[key]
    if is_encoded:
        outputs = [tf.io.decode_png(one) for one in outputs]
    return np.asarray(outputs, int)


def expected_pixels(function, samples, extra):
    """Return what a verb of the live model makes of pictures, as uint8."""
    # In a graph, as training ran: there TensorFlow fuses operations that it
    # takes one by one outside, and bfloat16 rounds between each.
    outputs = tf.function(function)(images.to_float(samples), **extra)
    return images.to_uint8(outputs).numpy()


def check_pixels(name, actual, expected):
    """Raise `RuntimeError` if pixels differ by more than `TOLERANCE`."""
    difference = np.abs(np.asarray(actual, int) - expected).max()
    if difference > TOLERANCE:
        raise RuntimeError(
            f"export {name!r} must give the model's pixels within "
            f"{TOLERANCE} grey level. Largest difference: {difference}; "
            "nothing was published"
        )
