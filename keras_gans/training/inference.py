"""What models do that are only used: predict and export, as in Keras."""

import keras
import tensorflow as tf

from keras_gans.training import backend, batches


class InferenceModel(keras.Model):
    """Base of all models: Keras' settings, `predict`, `export`.

    A subclass has `_check_inputs`, which takes what `call` takes, or
    `tf.TensorSpec`s of it, and returns tensors.

    Raises:
        UserError: if Keras' settings are none that models work under.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        backend.check_settings(self.dtype_policy.name)

    @property
    def call_signature(self):
        """What `model(...)` takes: `tf.TensorSpec`, or a list of them."""
        return tf.TensorSpec([None, None, None, 3], tf.float32, "images")

    def _check_element(self, element):
        inputs, *_ = keras.utils.unpack_x_y_sample_weight(element)
        self._check_inputs(inputs)

    def predict(self, *args, **kwargs):
        """As `keras.Model.predict`; of a dict, as `fit` takes it, its inputs.

        Raises:
            UserError: if the data never end, or do not fit the model.
        """
        arguments = batches.bound(super().predict, args, kwargs)
        data = batches.Data(self._check_element)
        data.prepare(arguments, "x", "steps")
        with data.errors():
            return super().predict(**arguments)

    def predict_on_batch(self, x):
        self._check_inputs(x)
        return super().predict_on_batch(x)

    def export(self, filepath, *args, **kwargs):
        """As `keras.Model.export`: `model(images)`, float images in [-1, 1].

        `keras_gans.export` writes what is to be served: uint8 images or files
        in and out, all that the model can do, checked against it.
        """
        arguments = batches.bound(super().export, (filepath, *args), kwargs)
        if arguments.get("input_signature") is None:
            arguments["input_signature"] = [self.call_signature]
        return super().export(**arguments)
