"""Layers with weights of their own for each domain, in one variable.

The weights of all domains are stacked along a first axis, and a call reads
those of one. So the graph of a network is the same for any number of domains,
and neither a pass nor its gradient, a `tf.IndexedSlices`, touches the weights
of others. `keras_gans.optimizers.RowAdam` updates only these.

All layers take a pair of inputs: the images or features, and the number of
their domain, int64 without axes.
"""

import keras
import tensorflow as tf
from keras import initializers


class ByDomain(keras.layers.Layer):
    """Base: stacked weights, of which a call gets one row."""

    def __init__(self, num_domains, **kwargs):
        super().__init__(**kwargs)
        self.num_domains = num_domains

    def _stacked(self, name, shape, initializer):
        # Read and cast by row: `autocast` would cast the rows of all domains.
        return self.add_weight(
            name=name,
            shape=(self.num_domains, *shape),
            initializer=initializer,
            autocast=False,
        )

    def _of(self, stack, domain):
        return tf.cast(tf.gather(stack.value, domain), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "num_domains": self.num_domains}


@keras.saving.register_keras_serializable("keras_gans")
class DomainConv2D(ByDomain):
    """A convolution without padding, from N(0, 0.02), with bias.

    Args:
        num_domains: int.
        filters: int, output channels.
        kernel_size: int.
        strides: int.

    Call arguments:
        inputs: `[batch, height, width, channels]` and the domain.
    """

    def __init__(self, num_domains, filters, kernel_size, strides=1, **kwargs):
        super().__init__(num_domains, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides

    def build(self, input_shape):
        channels = input_shape[0][-1]
        side = self.kernel_size
        self.kernel = self._stacked(
            "kernel",
            (side, side, *self._channels(channels)),
            initializers.RandomNormal(0.0, 0.02),
        )
        self.bias = self._stacked("bias", (self.filters,), "zeros")

    def _channels(self, channels):
        return channels, self.filters

    def _convolved(self, x, kernel):
        return tf.nn.conv2d(x, kernel, self.strides, "VALID")

    def call(self, inputs):
        x, domain = inputs
        x = self._convolved(x, self._of(self.kernel, domain))
        return x + self._of(self.bias, domain)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


@keras.saving.register_keras_serializable("keras_gans")
class DomainConv2DTranspose(DomainConv2D):
    """A transposed convolution to `strides` times the height and width.

    Args: as `DomainConv2D`. With a kernel of 4 and a stride of 2 it is
        aligned as PyTorch's with padding 1.
    """

    def _channels(self, channels):
        return self.filters, channels

    def _convolved(self, x, kernel):
        batch, height, width, _ = tf.unstack(tf.shape(x))
        times = self.strides
        shape = batch, times * height, times * width, self.filters
        return tf.nn.conv2d_transpose(x, kernel, shape, times, "SAME")

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape[0]
        sides = [side and self.strides * side for side in sides]
        return (batch, *sides, self.filters)


@keras.saving.register_keras_serializable("keras_gans")
class DomainPReLU(ByDomain):
    """Leaky ReLU with one learned slope, 0.25 at first.

    Args:
        num_domains: int.

    Call arguments:
        inputs: features of any shape, and the domain.

    Reference:
        He et al. 2015, "Delving Deep into Rectifiers", arXiv:1502.01852,
        section 2.1, channel-shared.
    """

    def build(self, input_shape):
        self.slope = self._stacked("slope", (), initializers.Constant(0.25))

    def call(self, inputs):
        x, domain = inputs
        return tf.where(x > 0, x, self._of(self.slope, domain) * x)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("keras_gans")
class DomainPlanes(keras.layers.Layer):
    """Appends a plane for each domain: 1 for that of the images, -1 for others.

    Args:
        num_domains: int.

    Call arguments:
        inputs: `[batch, height, width, channels]` and the domain.
    """

    def __init__(self, num_domains, **kwargs):
        super().__init__(**kwargs)
        self.num_domains = num_domains

    def call(self, inputs):
        x, domain = inputs
        signs = tf.one_hot(domain, self.num_domains, 1.0, -1.0, dtype=x.dtype)
        shape = tf.concat([tf.shape(x)[:-1], [self.num_domains]], 0)
        return tf.concat([x, tf.broadcast_to(signs, shape)], -1)

    def compute_output_shape(self, input_shape):
        *outer, channels = input_shape[0]
        return (*outer, channels + self.num_domains)

    def get_config(self):
        return {**super().get_config(), "num_domains": self.num_domains}
