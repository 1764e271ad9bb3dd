"""Leaky ReLU whose gradient leaves TensorFlow free to fuse it."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class LeakyReLU(keras.layers.LeakyReLU):
    """Leaky ReLU, with the gradient from the output instead of the input.

    Both have the same sign, so results and gradients are those of
    `keras.layers.LeakyReLU`, bit for bit. Its gradient reads the input, which
    TensorFlow removes on CPUs where it fuses convolution, bias and leaky
    ReLU; it then gives up all fusions of the graph ("remapper failed").

    Takes the arguments of `keras.layers.LeakyReLU`, a slope above 0.

    Call arguments:
        inputs: floating point, of any shape.
    """

    def call(self, inputs):
        slope = self.negative_slope

        @tf.custom_gradient
        def leaky_relu(x):
            # Second derivatives would otherwise go through the input, too.
            y = tf.nn.leaky_relu(tf.stop_gradient(x), slope)

            def gradient(upstream):
                return tf.raw_ops.LeakyReluGrad(
                    gradients=upstream, features=y, alpha=slope
                )

            return y, gradient

        return leaky_relu(inputs)
