"""Layers with an equalized learning rate, and others of progressive GANs.

Reference: Karras et al. 2018, "Progressive Growing of GANs for Improved
Quality, Stability, and Variation", arXiv:1710.10196, sections 3 and 4.
"""

import math

import keras
import tensorflow as tf

_EPSILON = 1e-8
_GAIN = math.sqrt(2.0)


class _Equalized(keras.layers.Layer):
    """Base of layers that scale their weights at run time.

    Weights are drawn from N(0, 1) and multiplied by gain / sqrt(fan-in) in
    every pass, so that all weights have the same range, and Adam's steps the
    same size relative to it.

    Args:
        units: int, channels of the outputs.
        gain: float. Default sqrt(2), for a ReLU behind.
        scale_bias: bool, whether to multiply the bias by the same factor.
    """

    def __init__(self, units, gain=_GAIN, scale_bias=False, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gain = gain
        self.scale_bias = scale_bias

    def _add_weights(self, shape, bias):
        self.scale = self.gain / math.sqrt(math.prod(shape[:-1]))
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )
        self.bias = self.add_weight(
            name="bias", shape=(bias,), initializer="zeros"
        )

    def _biased(self, outputs):
        return outputs + self.bias * (self.scale if self.scale_bias else 1.0)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "gain": self.gain,
            "scale_bias": self.scale_bias,
        }


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedDense(_Equalized):
    """Dense layer with an equalized learning rate, to a vector or a map.

    Args:
        units, gain, scale_bias: as of `keras.layers.Dense`; see above.
        map_shape: `(height, width)` of a map that the outputs become, with
            one bias per channel; or None.

    Call arguments:
        inputs: `[batch, features]`; to `[batch, units]`, or `[batch, height,
            width, units]`.

    Reference:
        Karras et al. 2018, section 4.1.
    """

    def __init__(self, units, map_shape=None, **kwargs):
        super().__init__(units, **kwargs)
        self.map_shape = tuple(map_shape) if map_shape else None

    def build(self, input_shape):
        width = math.prod(self.map_shape or ()) * self.units
        self._add_weights((input_shape[-1], width), self.units)

    def call(self, inputs):
        outputs = tf.matmul(inputs, self.kernel * self.scale)
        if self.map_shape:
            # In the order of the authors' weights: channels first.
            outputs = tf.reshape(outputs, [-1, self.units, *self.map_shape])
            outputs = tf.transpose(outputs, (0, 2, 3, 1))
        return self._biased(outputs)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(self.map_shape or ()), self.units)

    def get_config(self):
        return {**super().get_config(), "map_shape": self.map_shape}


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedConv2D(_Equalized):
    """Convolution with an equalized learning rate, padded to the same size.

    Args:
        units, gain, scale_bias: `units` are the filters; see above.
        kernel_size: int, 1 or 3.
        halve: bool, whether to average the outputs over squares of 2 x 2
            pixels before the bias is added; computed as one convolution of
            stride 2 with a larger kernel, the authors' fused scaling.

    Call arguments:
        inputs: `[batch, height, width, channels]`.

    Reference:
        Karras et al. 2018, section 4.1;
        github.com/tkarras/progressive_growing_of_gans, networks.py.
    """

    def __init__(self, units, kernel_size, halve=False, **kwargs):
        super().__init__(units, **kwargs)
        self.kernel_size = kernel_size
        self.halve = halve

    def build(self, input_shape):
        size = self.kernel_size
        shape = (size, size, input_shape[-1], self.units)
        self._add_weights(shape, self.units)

    def call(self, inputs):
        kernel = self.kernel * self.scale
        if self.halve:
            # The mean of the kernel at four places.
            kernel = tf.pad(kernel, [[1, 1], [1, 1], [0, 0], [0, 0]])
            kernel = kernel[1:] + kernel[:-1]
            kernel = 0.25 * (kernel[:, 1:] + kernel[:, :-1])
        stride = 2 if self.halve else 1
        return self._biased(tf.nn.conv2d(inputs, kernel, stride, "SAME"))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        part = 2 if self.halve else 1
        sides = (side and side // part for side in (height, width))
        return (batch, *sides, self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "halve": self.halve,
        }


@keras.saving.register_keras_serializable("keras_gans")
class PixelNormalization(keras.layers.Layer):
    """Scales the channels of each pixel to a mean square of 1.

    Call arguments:
        inputs: `[batch, ..., channels]`; or vectors `[batch, channels]`.

    Reference:
        Karras et al. 2018, section 4.2.
    """

    def call(self, inputs):
        # float16 has no 1e-8.
        x = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)
        return tf.cast(x * tf.math.rsqrt(mean + _EPSILON), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_gans")
class MinibatchStandardDeviation(keras.layers.Layer):
    """Appends a channel that tells how much the images of a batch differ.

    The standard deviation over the images of a group, averaged over all
    channels and pixels, is one number per group.

    Args:
        group_size: int, images of a group. A batch that it does not divide is
            one group.
        is_strided: bool, whether the members of a group lie apart in the
            batch, as in the authors' code, or next to each other. The latter
            gives several replicas the groups of a single one.
        is_biased: bool, whether the variance is divided by the number of
            images, as in the authors' code, or by one less; a group of one
            then has 0.

    Call arguments:
        inputs: `[batch, height, width, channels]`; to one channel more.

    Reference:
        Karras et al. 2018, section 3;
        github.com/tkarras/progressive_growing_of_gans, networks.py;
        github.com/facebookresearch/pytorch_GAN_zoo,
        models/networks/mini_batch_stddev_module.py.
    """

    def __init__(self, group_size=4, is_strided=True, is_biased=True, **kwargs):
        super().__init__(**kwargs)
        self.group_size = group_size
        self.is_strided = is_strided
        self.is_biased = is_biased

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)
        count, *shape = tf.unstack(tf.shape(x))
        is_whole = tf.equal(count % self.group_size, 0)
        size = tf.where(is_whole, self.group_size, count)
        groups = count // size
        # [members, groups, ...] or [groups, members, ...]
        first, second = (size, groups) if self.is_strided else (groups, size)
        axis = 0 if self.is_strided else 1
        x = tf.reshape(x, [first, second, *shape])
        x -= tf.reduce_mean(x, axis, keepdims=True)
        number = tf.cast(size, tf.float32)
        if not self.is_biased:
            number = tf.maximum(number - 1.0, 1.0)
        variance = tf.reduce_sum(tf.square(x), axis) / number
        deviation = tf.sqrt(variance + _EPSILON)
        if not self.is_biased:
            deviation = tf.where(size > 1, deviation, 0.0)
        means = tf.reduce_mean(deviation, axis=[1, 2, 3])  # [groups]
        each = (
            tf.tile(means, [size])
            if self.is_strided
            else tf.repeat(means, size)
        )
        channel = tf.broadcast_to(
            each[:, None, None, None], [count, *shape[:2], 1]
        )
        return tf.concat([inputs, tf.cast(channel, inputs.dtype)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self):
        return {
            **super().get_config(),
            "group_size": self.group_size,
            "is_strided": self.is_strided,
            "is_biased": self.is_biased,
        }


def doubled(images):
    """Enlarge images to twice their size: each pixel becomes 2 x 2.

    By reshapes of at most four axes, unlike `keras.layers.UpSampling2D`, so
    that every export format takes it.

    Args:
        images: `[batch, height, width, channels]`.
    """
    _, *sides, channels = images.shape
    height, width = (
        tf.shape(images)[axis] if side is None else side
        for axis, side in enumerate(sides, 1)
    )
    x = tf.concat([images, images], axis=-1)  # each pixel twice
    x = tf.reshape(x, [-1, height, 2 * width * channels])
    x = tf.concat([x, x], axis=-1)  # each row twice
    return tf.reshape(x, [-1, 2 * height, 2 * width, channels])


@keras.saving.register_keras_serializable("keras_gans")
class Doubled(keras.layers.Layer):
    """Nearest-neighbor upsampling by 2, see `doubled`."""

    def call(self, inputs):
        return doubled(inputs)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(side and 2 * side for side in sides), channels)


@keras.saving.register_keras_serializable("keras_gans")
class Faded(keras.layers.Layer):
    """The first input, with a share of the second: x + (y - x) * share.

    Call arguments:
        inputs: list of x and y, of one shape, and the share, float `[1]` in
            [0, 1]. With a share of 0 the result is x to the bit.
    """

    def call(self, inputs):
        x, y, share = inputs
        return x + (y - x) * tf.cast(share, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
