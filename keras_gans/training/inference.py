"""The base of all models: predict and export, as in Keras."""

import keras
import tensorflow as tf

from keras_gans.training import backend, batches


class InferenceModel(keras.Model):
    """Base of all models: checks Keras' settings, predicts and exports.

    A subclass defines `_check_inputs`, which takes the arguments of `call` or
    their `tf.TensorSpec`s and returns tensors.

    Raises:
        UserError: if Keras' settings are not supported.
    """

    data_kind = None
    labelled_kind = None

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        backend.check_settings(self.dtype_policy.name)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        # Networks are made by the policy that is in force.
        policy = keras.config.dtype_policy()
        recorded = config.get("dtype", policy)
        keras.config.set_dtype_policy(keras.dtype_policies.get(recorded))
        try:
            return super().from_config(config, custom_objects)
        finally:
            keras.config.set_dtype_policy(policy)

    @property
    def call_signature(self):
        """The inputs of `model(...)`: a `tf.TensorSpec` or a list of them."""
        return tf.TensorSpec([None, None, None, 3], tf.float32, "images")

    def _check_element(self, element):
        inputs, *_ = keras.utils.unpack_x_y_sample_weight(element)
        self._check_inputs(inputs)

    def predict(self, *args, **kwargs):
        """Predict as `keras.Model.predict`; of `fit`'s dicts, use the inputs.

        Raises:
            UserError: if the data never end, or do not match the model.
        """
        arguments = batches.bound(super().predict, args, kwargs)
        x = arguments.get("x")
        if isinstance(x, tuple) and len(x) > 1:
            arguments["x"] = list(x)  # the inputs, and no targets
        data = batches.Data(self._check_element)
        data.prepare(arguments, "x", "steps")
        with data.errors():
            return super().predict(**arguments)

    def predict_on_batch(self, x):
        self._check_inputs(x)
        return super().predict_on_batch(x)

    def export(self, filepath, *args, **kwargs):
        """Export `model(images)` as `keras.Model.export`, floats in [-1, 1].

        For serving use `keras_gans.export`: uint8 images or files in and out,
        all verbs of the model, checked against it.
        """
        arguments = batches.bound(super().export, (filepath, *args), kwargs)
        if arguments.get("input_signature") is None:
            arguments["input_signature"] = [self.call_signature]
        return super().export(**arguments)
