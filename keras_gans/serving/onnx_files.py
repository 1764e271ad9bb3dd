"""ONNX: one file per verb, through Keras' own exporter."""

import keras
import tensorflow as tf

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.serving import half, signatures
from keras_gans.serving.saved_model import check_pixels, expected_pixels


class _Verb(keras.Model):
    """A verb as Keras' exporter wants it: a model that can be called."""

    def __init__(self, function, model, name):
        super().__init__(name=name)
        self.owner = model  # so that its variables are found
        self.function = function
        self.built = True

    def call(self, *inputs):
        return self.function(*inputs)


def write(path, model, samples):
    """Write `<verb>.onnx` for each verb and check that it gives its pixels.

    A file takes `images`, float32 `[batch, height, width, 3]` in [-1, 1] of
    sides that the network takes, and what `serving_inputs` names; it gives
    the same. Decoding and scaling are left to the caller.

    Args:
        path: `pathlib.Path` of the folder to fill.
        model: as for `signatures.make`.
        samples: uint8 `[batch, image_size, image_size, 3]`.

    Raises:
        ImportError: if a package of the extra `onnx` is missing.
        UserError: if the model computes in lower precision than float32.
        RuntimeError: if a file gives other pixels than the model.
    """
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'format="onnx" needs packages that are missing: pip install '
            f'"keras_gans[onnx]" ({error})'
        ) from error
    if model.compute_dtype != "float32":
        raise UserError(
            'model must compute in float32 for format="onnx". '
            f"Received: {model.compute_dtype}"
        )
    floats = tf.TensorSpec([None, None, None, 3], tf.float32, "images")
    extra = signatures.sample_inputs(model, len(samples))
    inputs = {"images": images.to_float(samples), **extra}
    for verb, function in model.serving_signatures().items():
        file = path / f"{verb}.onnx"
        signature = [floats, *signatures.extra_inputs(model).values()]
        with half.Copies(model):
            _Verb(function, model, verb).export(
                file, format="onnx", input_signature=signature, verbose=False
            )
        (outputs,) = onnxruntime.InferenceSession(file).run(
            None, {name: rows.numpy() for name, rows in inputs.items()}
        )
        expected = expected_pixels(function, samples, extra)
        check_pixels(verb, images.to_uint8(outputs), expected)
