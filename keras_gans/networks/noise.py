"""DCGAN's networks as two public codes have them: noise to images.

With labels they are those of a conditional GAN, with classes of an AC-GAN.

`"torch"` is the example of PyTorch: kernels of 4, no biases, convolutions
also at the two ends. `"tf1"` is the code for TensorFlow 1 that the authors
name: kernels of 5, biases, linear layers at the ends. `"contextual"` is that
with leaky ReLU in the generator, of the article on Contextual GAN;
`"stext2image"` the public code of that system, see `_SText2Image`.

Reference: Radford et al. 2016, "Unsupervised Representation Learning with
Deep Convolutional Generative Adversarial Networks", arXiv:1511.06434, section
3. github.com/pytorch/examples, dcgan/main.py;
github.com/carpedm20/DCGAN-tensorflow, model.py and ops.py. Lu et al. 2018,
"Image Generation from Sketch Constraint Using Contextual GAN",
arXiv:1711.08972; github.com/elliottwu/sText2Image, model.py.
"""

import math

import keras
from keras import initializers, layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import BatchNormalization, LabelPlanes, LeakyReLU
from keras_gans.networks._blocks import check_weights

_HALVINGS = 4
_UNIT = 2**_HALVINGS
_SLOPE = 0.2


def check_image_size(image_size):
    """Return the sides that an image size means.

    Args:
        image_size: int, or `(height, width)`.

    Returns:
        `(height, width)`.

    Raises:
        UserError: unless both are multiples of 16 from 16 up.
    """
    sides = image_size
    if not isinstance(image_size, (tuple, list)):
        sides = image_size, image_size
    if len(sides) != 2 or not all(
        type(side) is int and side > 0 and side % _UNIT == 0 for side in sides
    ):
        raise UserError(
            "image_size must be a multiple of 16 from 16 up (32, 48, 64, "
            f"128), or two, (height, width). Received: {image_size!r}"
        )
    for side in sides:
        checks.between(_UNIT, checks.MOST_SIDE, image_size=side)
    return tuple(sides)


def noise_generator(
    image_size=64,
    latent_dim=100,
    base_filters=64,
    architecture="torch",
    num_labels=0,
    name=None,
):
    """From a latent vector to a map of 1/16, then four doublings.

    Widths are `base_filters` times 8, 4, 2, 1, then the image. Every layer
    but the last has batch normalization and ReLU, or in contextual leaky
    ReLU. Labels, if any, are appended to the latent vector, in stext2image to
    the smallest map; in contextual and stext2image as -1 and 1.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        latent_dim: int, length of a latent vector.
        base_filters: int, channels before the image.
        architecture: `"torch"`, `"tf1"`, `"contextual"` or `"stext2image"`.
        num_labels: int, length of a label vector; 0 for none.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, latent_dim]`, or with labels the pair
        of it and float `[batch, num_labels]`, to float32 `[batch, height,
        width, 3]` in [-1, 1] (tanh).

    Raises:
        UserError: if an argument does not fit.
    """
    sides, style = _checked(image_size, base_filters, architecture)
    checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
    checks.between(0, checks.MOST_LABELS, num_labels=num_labels)
    size, (height, width) = style.kernel_size, sides
    check_weights(
        8 * height * width * (latent_dim + num_labels) * base_filters
        + size**2 * (42 * base_filters + 3) * base_filters,
        image_size=image_size,
        latent_dim=latent_dim,
        base_filters=base_filters,
    )
    inputs = x = keras.Input((latent_dim,), name="latents")
    labels = None
    if num_labels:
        given, labels = _labels(num_labels, style)
        inputs = [x, given]
    x = style.to_map(x, labels, (height, width, 8 * base_filters))
    x = style.activation()(style.normalization()(x))
    for factor in (4, 2, 1):
        x = style.doubled(x, factor * base_filters)
        x = style.activation()(style.normalization()(x))
    x = style.doubled(x, 3)
    # float32 also under mixed precision: eight bits of mantissa are fewer
    # than the gray levels of an image.
    outputs = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def noise_discriminator(
    image_size=64,
    base_filters=64,
    architecture="torch",
    num_labels=0,
    num_classes=0,
    name=None,
):
    """Four halvings, then one logit of the whole map.

    Widths are `base_filters` times 1, 2, 4, 8. Leaky ReLU (slope 0.2), and
    batch normalization on all but the first and the last. Labels, if any,
    are appended to the image as constant planes, in contextual and
    stext2image to the map after the first halving, as -1 and 1.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        base_filters: int, channels of the first convolution.
        architecture: `"torch"`, `"tf1"`, `"contextual"` or `"stext2image"`.
        num_labels: int, length of a label vector; 0 for none.
        num_classes: int, logits of a second head on the last map; 0 for
            none.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1], or with
        labels the pair of it and float `[batch, num_labels]`, to float32
        logits `[batch, 1]`, of stext2image `[batch, height / 16, width / 16,
        8 * base_filters]`, or with classes the pair of them and float32
        `[batch, num_classes]`.

    Raises:
        UserError: if an argument does not fit.
    """
    sides, style = _checked(image_size, base_filters, architecture)
    checks.between(
        0, checks.MOST_LABELS, num_labels=num_labels, num_classes=num_classes
    )
    size = style.kernel_size
    check_weights(
        8
        * math.prod(sides)
        * base_filters
        * (style.logits_of(base_filters) + num_classes)
        + size**2 * (42 * base_filters + 3 + num_labels) * base_filters,
        image_size=image_size,
        base_filters=base_filters,
    )
    inputs = x = keras.Input(
        (*(_UNIT * side for side in sides), 3), name="images"
    )
    if num_labels:
        given, labels = _labels(num_labels, style)
        inputs = [x, given]
    if num_labels and not style.has_late_labels:
        x = LabelPlanes()([x, labels])
    x = LeakyReLU(_SLOPE)(style.halved(x, base_filters))
    if num_labels and style.has_late_labels:
        x = LabelPlanes()([x, labels])
    for factor in (2, 4, 8):
        x = style.halved(x, factor * base_filters)
        x = LeakyReLU(_SLOPE)(style.normalization()(x))
    # float32 also under mixed precision: losses are made of these.
    outputs = [
        layers.Activation("linear", dtype="float32")(style.to_logits(x, count))
        for count in (1, num_classes)
        if count
    ]
    return keras.Model(
        inputs, outputs if num_classes else outputs[0], name=name
    )


class _DCGAN:
    """What the styles have in common."""

    # As in the code of sText2Image: -1 and 1, in the discriminator after the
    # first halving.
    has_late_labels = False
    activation = layers.ReLU

    @staticmethod
    def logits_of(base_filters):
        """Return the number of logits of the discriminator's head."""
        return 1

    @staticmethod
    def joined(latents, labels):
        """Return what the generator starts from."""
        if labels is None:
            return latents
        return layers.Concatenate()([latents, labels])


class _Torch(_DCGAN):
    """Kernels of 4, no biases, a convolution at each end."""

    kernel_size = 4

    @staticmethod
    def _options():
        initializer = initializers.RandomNormal(0.0, 0.02)
        return {"use_bias": False, "kernel_initializer": initializer}

    @classmethod
    def to_map(cls, latents, labels, shape):
        x = cls.joined(latents, labels)
        x = layers.Reshape((1, 1, x.shape[-1]))(x)
        height, width, filters = shape
        return layers.Conv2DTranspose(
            filters, (height, width), **cls._options()
        )(x)

    @classmethod
    def doubled(cls, x, filters):
        return layers.Conv2DTranspose(filters, 4, 2, "same", **cls._options())(
            x
        )

    @classmethod
    def halved(cls, x, filters):
        return layers.Conv2D(filters, 4, 2, "same", **cls._options())(x)

    @classmethod
    def to_logits(cls, x, count):
        x = layers.Conv2D(count, x.shape[1:3], **cls._options())(x)
        return layers.Reshape((count,))(x)

    @staticmethod
    def normalization():
        return BatchNormalization(
            # PyTorch's momentum 0.1 is the weight of the new value.
            momentum=0.9,
            epsilon=1e-5,
            gamma_initializer=initializers.RandomNormal(1.0, 0.02),
        )


class _TensorFlow(_DCGAN):
    """Kernels of 5, biases, a linear layer at each end."""

    kernel_size = 5

    @staticmethod
    def _options():
        return {"kernel_initializer": initializers.RandomNormal(0.0, 0.02)}

    @classmethod
    def to_map(cls, latents, labels, shape):
        x = cls.joined(latents, labels)
        x = layers.Dense(math.prod(shape), **cls._options())(x)
        return layers.Reshape(shape)(x)

    @classmethod
    def doubled(cls, x, filters):
        return layers.Conv2DTranspose(filters, 5, 2, "same", **cls._options())(
            x
        )

    @staticmethod
    def convolution(filters, size, strides):
        initializer = initializers.TruncatedNormal(0.0, 0.02)
        return layers.Conv2D(
            filters, size, strides, "same", kernel_initializer=initializer
        )

    @classmethod
    def halved(cls, x, filters):
        return cls.convolution(filters, 5, 2)(x)

    @classmethod
    def to_logits(cls, x, count):
        return layers.Dense(count, **cls._options())(layers.Flatten()(x))

    @staticmethod
    def normalization():
        return BatchNormalization(momentum=0.9, epsilon=1e-5)


class _Contextual(_TensorFlow):
    """As the article on Contextual GAN has it: leaky ReLU also in G."""

    has_late_labels = True

    @staticmethod
    def activation():
        return LeakyReLU(_SLOPE)


class _SText2Image(_TensorFlow):
    """A smaller linear layer, widened by a 1x1 convolution; many logits.

    The kernel of the last convolution is as large as the map, and it gives as
    many logits as the map has numbers.
    """

    has_late_labels = True

    @staticmethod
    def logits_of(base_filters):
        return 8 * base_filters

    @classmethod
    def to_map(cls, latents, labels, shape):
        *sides, filters = shape
        x = super().to_map(latents, None, (*sides, filters // 8))
        if labels is not None:
            x = LabelPlanes()([x, labels])
        return layers.Conv2DTranspose(filters, 1, **cls._options())(x)

    @classmethod
    def to_logits(cls, x, count):
        *sides, filters = x.shape[1:]
        return cls.convolution(filters, sides, 1)(x)


_STYLES = {
    "torch": _Torch,
    "tf1": _TensorFlow,
    "contextual": _Contextual,
    "stext2image": _SText2Image,
}


def _labels(count, style):
    """Return the input of labels, 0 and 1, and what the layers take."""
    given = keras.Input((count,), name="labels")
    if style.has_late_labels:
        return given, layers.Rescaling(2.0, -1.0)(given)
    return given, given


def _checked(image_size, base_filters, architecture):
    """Return the sides of the smallest map, and the style."""
    height, width = check_image_size(image_size)
    checks.at_least(1, base_filters=base_filters)
    checks.one_of(_STYLES, architecture=architecture)
    return (height // _UNIT, width // _UNIT), _STYLES[architecture]
