"""Append labels to the channels of an image as constant planes."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class LabelPlanes(keras.layers.Layer):
    """Appends one constant plane per label to an image's channels.

    Call arguments:
        inputs: pair of `[batch, height, width, channels]` and
            `[batch, num_labels]`, to `[batch, height, width, channels +
            num_labels]`.

    Reference:
        Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks
        for Multi-Domain Image-to-Image Translation", arXiv:1711.09020,
        figure 3.
    """

    def call(self, inputs):
        images, labels = inputs
        shape = tf.concat([tf.shape(images)[:-1], tf.shape(labels)[-1:]], 0)
        planes = tf.broadcast_to(labels[:, None, None, :], shape)
        return tf.concat([images, planes], -1)

    def compute_output_shape(self, input_shape):
        (*outer, channels), (_, num_labels) = input_shape
        return (*outer, channels + num_labels)
