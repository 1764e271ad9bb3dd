"""DCGAN's networks as two public codes have them: noise to images.

With labels they are those of a conditional GAN, with classes of an AC-GAN.

`"torch"` is the example of PyTorch: kernels of 4, no biases, convolutions
also at the two ends. `"tf1"` is the code for TensorFlow 1 that the authors
name: kernels of 5, biases, linear layers at the ends.

Reference: Radford et al. 2016, "Unsupervised Representation Learning with
Deep Convolutional Generative Adversarial Networks", arXiv:1511.06434, section
3. github.com/pytorch/examples, dcgan/main.py;
github.com/carpedm20/DCGAN-tensorflow, model.py and ops.py.
"""

import math

import keras
from keras import initializers, layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.layers import BatchNormalization, LabelPlanes
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
    but the last has batch normalization and ReLU. Labels, if any, are
    appended to the latent vector.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        latent_dim: int, length of a latent vector.
        base_filters: int, channels before the image.
        architecture: `"torch"` or `"tf1"`.
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
    if num_labels:
        inputs = [x, keras.Input((num_labels,), name="labels")]
        x = layers.Concatenate()(inputs)
    x = style.to_map(x, (height, width, 8 * base_filters))
    x = layers.ReLU()(style.normalization()(x))
    for factor in (4, 2, 1):
        x = style.doubled(x, factor * base_filters)
        x = layers.ReLU()(style.normalization()(x))
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
    are appended to the image as constant planes.

    Args:
        image_size: int, or `(height, width)`; pixels, multiples of 16.
        base_filters: int, channels of the first convolution.
        architecture: `"torch"` or `"tf1"`.
        num_labels: int, length of a label vector; 0 for none.
        num_classes: int, logits of a second head on the last map; 0 for
            none.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1], or with
        labels the pair of it and float `[batch, num_labels]`, to float32
        logits `[batch, 1]`, or with classes the pair of them and float32
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
        8 * math.prod(sides) * base_filters * (1 + num_classes)
        + size**2 * (42 * base_filters + 3 + num_labels) * base_filters,
        image_size=image_size,
        base_filters=base_filters,
    )
    inputs = x = keras.Input(
        (*(_UNIT * side for side in sides), 3), name="images"
    )
    if num_labels:
        inputs = [x, keras.Input((num_labels,), name="labels")]
        x = LabelPlanes()(inputs)
    x = layers.LeakyReLU(_SLOPE)(style.halved(x, base_filters))
    for factor in (2, 4, 8):
        x = style.halved(x, factor * base_filters)
        x = layers.LeakyReLU(_SLOPE)(style.normalization()(x))
    # float32 also under mixed precision: losses are made of these.
    outputs = [
        layers.Activation("linear", dtype="float32")(style.to_logits(x, count))
        for count in (1, num_classes)
        if count
    ]
    return keras.Model(
        inputs, outputs if num_classes else outputs[0], name=name
    )


class _Torch:
    """Kernels of 4, no biases, a convolution at each end."""

    kernel_size = 4

    @staticmethod
    def _options():
        initializer = initializers.RandomNormal(0.0, 0.02)
        return {"use_bias": False, "kernel_initializer": initializer}

    @classmethod
    def to_map(cls, latents, shape):
        x = layers.Reshape((1, 1, latents.shape[-1]))(latents)
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


class _TensorFlow:
    """Kernels of 5, biases, a linear layer at each end."""

    kernel_size = 5

    @staticmethod
    def _options():
        return {"kernel_initializer": initializers.RandomNormal(0.0, 0.02)}

    @classmethod
    def to_map(cls, latents, shape):
        x = layers.Dense(math.prod(shape), **cls._options())(latents)
        return layers.Reshape(shape)(x)

    @classmethod
    def doubled(cls, x, filters):
        return layers.Conv2DTranspose(filters, 5, 2, "same", **cls._options())(
            x
        )

    @staticmethod
    def halved(x, filters):
        initializer = initializers.TruncatedNormal(0.0, 0.02)
        return layers.Conv2D(
            filters, 5, 2, "same", kernel_initializer=initializer
        )(x)

    @classmethod
    def to_logits(cls, x, count):
        return layers.Dense(count, **cls._options())(layers.Flatten()(x))

    @staticmethod
    def normalization():
        return BatchNormalization(momentum=0.9, epsilon=1e-5)


_STYLES = {"torch": _Torch, "tf1": _TensorFlow}


def _checked(image_size, base_filters, architecture):
    """Return the sides of the smallest map, and the style."""
    height, width = check_image_size(image_size)
    checks.at_least(1, base_filters=base_filters)
    checks.one_of(_STYLES, architecture=architecture)
    return (height // _UNIT, width // _UNIT), _STYLES[architecture]
