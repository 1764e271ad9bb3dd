"""Padding layers that Keras lacks."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads images by reflection, excluding the border row.

    Args:
        padding: int, pixels on each of the four sides; less than the height
            and width of the inputs.

    Call arguments:
        inputs: `[batch, height, width, channels]`.
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, inputs):
        sides = [self.padding, self.padding]
        return tf.pad(inputs, [[0, 0], sides, sides, [0, 0]], "REFLECT")

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [s and s + 2 * self.padding for s in sides]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
