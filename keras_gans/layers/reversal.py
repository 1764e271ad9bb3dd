"""The layer that turns a minimization into a game."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class GradientReversal(keras.layers.Layer):
    """Returns its inputs; turns the sign of their gradient.

    What follows the layer minimizes a loss, what comes before it maximizes
    the same loss, in one update of both.

    Args:
        factor: float, by which the turned gradient is multiplied.

    Call arguments:
        inputs: floating point, of any shape.

    Reference:
        Ganin and Lempitsky 2015, "Unsupervised Domain Adaptation by
        Backpropagation", arXiv:1409.7495, eq. 7 and 8.
    """

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        @tf.custom_gradient
        def reverse(x):
            return tf.identity(x), lambda upstream: -self.factor * upstream

        return reverse(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
