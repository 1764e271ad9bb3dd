"""Export ONNX: one file per verb, with Keras' exporter."""

import warnings

import keras

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.serving import description, signatures
from keras_gans.serving.saved_model import check_outputs, expected_outputs


class _Verb(keras.Model):
    """Wraps a verb for Keras' exporter as a model that can be called."""

    def __init__(self, name, function, names, model):
        super().__init__(name=name)
        self.owner = model  # so that its variables are found
        self.function = function
        self.names = names
        self.built = True

    def call(self, *inputs):
        return self.function(**dict(zip(self.names, inputs, strict=True)))


def write(path, model, samples, about):
    """Write `<verb>.onnx` for each verb and check that pixels are equal.

    A file takes the declared inputs of the verb, images as float32 `[batch,
    height, width, 3]` in [-1, 1] of sides that the network takes, and returns
    such images, or labels or codes. Decoding and scaling are left to
    the caller.

    Args:
        path: `pathlib.Path` of the folder to fill.
        model: as for `signatures.make`.
        samples: uint8 `[batch, image_size, image_size, 3]`.
        about: dict of plain values for `model.json`, see `description.write`.

    Raises:
        ImportError: if a package of the extra `onnx` is missing.
        UserError: if the model computes in lower precision than float32, or
            a verb iterates.
        RuntimeError: if a file gives different outputs than the model.
    """
    check(model, "onnx")
    if any(verb.steps is not None for verb in model.verbs()):
        raise UserError(
            'format must be "savedmodel" for a model that searches: an ONNX '
            "file has no gradients. Received: 'onnx'"
        )
    for verb in model.verbs():
        extra = signatures.sample_inputs(verb, len(samples))
        inputs = {name: rows.numpy() for name, rows in extra.items()}
        if verb.images:
            inputs["images"] = images.to_float(samples).numpy()
        specifications = signatures.specs(verb)
        file = path / f"{verb.name}.onnx"
        outputs = convert(file, verb.function, specifications, model, inputs)
        if not verb.output:
            outputs = images.to_uint8(outputs)
        expected = expected_outputs(verb, samples, extra)
        check_outputs(verb.name, outputs, expected)
    # What a caller must know: sizes, the order of labels, latents.
    description.write(path, model, about | {"signatures": {}})


def check(model, format):
    """Check that a model can be exported in a format that is made of ONNX.

    Raises:
        ImportError: if a package of the extra `onnx` is missing.
        UserError: if the model computes in lower precision than float32.
    """
    if model.compute_dtype != "float32":
        raise UserError(
            f'model must compute in float32 for format="{format}". '
            f"Received: {model.compute_dtype}"
        )
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'format="{format}" needs packages that are missing: pip install '
            f'"keras_gans[onnx]" ({error})'
        ) from error


def convert(file, function, specifications, model, inputs):
    """Write a function of a model as an ONNX file and run that.

    Args:
        file: `pathlib.Path` to write.
        function: function of tensors by name to one tensor.
        specifications: dict from name to `tf.TensorSpec`, its arguments.
        model: the model whose variables it reads.
        inputs: dict from name to array, what to run it on.

    Returns:
        array, the outputs of the file.
    """
    import onnxruntime

    # TensorFlow allows fewer characters in names than domains may have.
    verb = _Verb("verb", function, list(specifications), model)
    signature = [*specifications.values()]
    with warnings.catch_warnings():
        # Keras asks NumPy for a name that NumPy warns of.
        warnings.filterwarnings("ignore", ".*np.object", FutureWarning)
        verb.export(
            file, format="onnx", input_signature=signature, verbose=False
        )
    (outputs,) = onnxruntime.InferenceSession(file).run(None, inputs)
    return outputs
