"""Networks that grow: a generator and a critic for every image size at once.

Each network holds the layers of all sizes from the first. The generator has
an output, the critic an input and an output, per size; `at_size` returns the
part of a network for one size, which computes nothing for the larger ones.
The input `fade` is the share, in [0, 1], that the next smaller size has in
the images, while a new size is faded in.

Reference: Karras et al. 2018, "Progressive Growing of GANs for Improved
Quality, Stability, and Variation", arXiv:1710.10196, table 2 and figure 2;
github.com/tkarras/progressive_growing_of_gans, networks.py;
github.com/facebookresearch/pytorch_GAN_zoo,
models/networks/progressive_conv_net.py.
"""

import functools
import math

import keras
from keras import layers

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.growth import SMALLEST
from keras_gans.layers import (
    Doubled,
    EqualizedConv2D,
    EqualizedDense,
    Faded,
    LeakyReLU,
    MinibatchStandardDeviation,
    PixelNormalization,
)
from keras_gans.networks._blocks import check_weights

_SLOPE = 0.2


def sizes_to(image_size):
    """Return the image sizes from 4 to this one, each twice the one before.

    Raises:
        UserError: unless `image_size` is 4 times a power of two, from 8 up.
    """
    checks.between(2 * SMALLEST, checks.MOST_SIDE, image_size=image_size)
    if image_size & (image_size - 1):
        raise UserError(
            "image_size must be 4 times a power of two (8, 16, 32, 64, 128, "
            f"..., 1024), as the networks double it. Received: {image_size!r}"
        )
    doublings = (image_size // SMALLEST).bit_length()
    return [SMALLEST * 2**n for n in range(doublings)]


def widths(image_size, base_filters=8192, max_filters=512):
    """Return the channels of each size, from 4 pixels up (the paper's nf).

    At 4 x 2^n pixels min(base_filters / 2^(n + 1), max_filters), at least 1.
    """
    return [
        max(1, min(base_filters // 2 ** (n + 1), max_filters))
        for n, _ in enumerate(sizes_to(image_size))
    ]


def progressive_generator(
    image_size=64,
    latent_dim=512,
    num_labels=0,
    filters=None,
    architecture="authors",
    activation="leaky_relu",
    normalize_latents=True,
    normalize_pixels=True,
    name=None,
):
    """Latents to a map of 4 x 4, then doublings, an image from each.

    Args:
        image_size: int, pixels, the largest size.
        latent_dim: int.
        num_labels: int, length of the label vectors that are appended to the
            latents.
        filters: list of int, channels of each size. Default: `widths`.
        architecture: `"authors"` or `"zoo"`, which scales biases and all
            weights alike.
        activation: `"leaky_relu"` (slope 0.2) or `"relu"`.
        normalize_latents: bool, whether to normalize latents and labels,
            together, before the first layer.
        normalize_pixels: bool, whether to do so with each pixel behind each
            activation.
        name: str.

    Returns:
        A `keras.Model` from `[latents, fade]`, or `[latents, labels, fade]`,
        float `[batch, latent_dim]`, `[batch, num_labels]` and `[1]`, to a
        list of float32 images `[batch, size, size, 3]`, from 4 pixels up.
        Their range is not limited; trained ones are in [-1, 1].

    Raises:
        UserError: if an argument does not fit.
    """
    style, filters = _checked(image_size, filters, architecture)
    checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
    checks.one_of(("leaky_relu", "relu"), activation=activation)
    latents = keras.Input((latent_dim,), name="latents")
    labels = [keras.Input((num_labels,), name="labels")] if num_labels else []
    fade = keras.Input(batch_shape=(1,), name="fade")

    def activated(x):
        is_leaky = activation == "leaky_relu"
        x = (LeakyReLU(_SLOPE) if is_leaky else layers.ReLU())(x)
        return PixelNormalization()(x) if normalize_pixels else x

    x = layers.Concatenate()([latents, *labels]) if labels else latents
    if normalize_latents:
        x = PixelNormalization()(x)
    x = activated(style.to_map(x, filters[0]))
    images, smaller = [], None
    for size, width in zip(sizes_to(image_size), filters, strict=True):
        if size > SMALLEST:
            x = Doubled()(x)
            x = activated(style.convolution(width, name=f"up_{size}")(x))
        x = activated(style.convolution(width, name=f"conv_{size}")(x))
        rgb = style.linear(EqualizedConv2D, 3, 1, name=f"to_rgb_{size}")(x)
        image = rgb
        if smaller is not None:
            image = Faded()([rgb, Doubled()(smaller), fade])
        smaller = rgb
        # float32 also under mixed precision: eight bits of mantissa are
        # fewer than the gray levels of an image.
        images.append(layers.Activation("linear", dtype="float32")(image))
    return keras.Model([latents, *labels, fade], images, name=name)


def progressive_discriminator(
    image_size=64,
    num_labels=0,
    filters=None,
    dense_units=None,
    architecture="authors",
    fused=None,
    group_size=4,
    is_strided=None,
    name=None,
):
    """Images of each size down to 4 x 4, then one logit, and one per label.

    Args:
        image_size, num_labels, filters, architecture: as of
            `progressive_generator`. `"zoo"` also halves after the activation,
            groups images of a batch as PyTorch's code does, and does not
            fade at 8 pixels.
        dense_units: int, of the last layer but one. Default: the channels at
            4 pixels.
        fused: bool, whether halving comes before bias and activation, in one
            convolution. Default: the architecture's.
        group_size: int, of `MinibatchStandardDeviation`; 0 for none.
        is_strided: bool, its groups. Default: the architecture's.
        name: str.

    Returns:
        A `keras.Model` from a list of images `[batch, size, size, 3]` in
        [-1, 1], from 4 pixels up, and the fade, to a list of float32 logits
        `[batch, 1 + num_labels]`, one array for each size.

    Raises:
        UserError: if an argument does not fit.
    """
    style, filters = _checked(image_size, filters, architecture)
    checks.at_least(0, group_size=group_size)
    fused = style.fused if fused is None else fused
    is_strided = style.is_strided if is_strided is None else is_strided
    sizes = sizes_to(image_size)
    leaky = LeakyReLU(_SLOPE)
    pooled = layers.AveragePooling2D(2)

    def shared(make, *args, **options):
        layer = make(*args, **options)
        return lambda x: leaky(layer(x))

    wider = dict(zip(sizes, [filters[0], *filters], strict=False))
    from_rgb, conv, down = {}, {}, {}
    for size, width in zip(sizes, filters, strict=True):
        from_rgb[size] = shared(
            style.convolution, width, 1, name=f"from_rgb_{size}"
        )
        if size > SMALLEST:
            conv[size] = shared(style.convolution, width, name=f"conv_{size}")
            down[size] = shared(
                style.convolution,
                wider[size],
                halve=fused,
                name=f"down_{size}",
            )
    deviation = (
        MinibatchStandardDeviation(group_size, is_strided, style.is_biased)
        if group_size
        else lambda x: x
    )
    conv[SMALLEST] = shared(style.convolution, filters[0], name="conv_4")
    dense = shared(style.dense, dense_units or filters[0], name="dense")
    last = style.linear(EqualizedDense, 1 + num_labels, name="logits")

    fade = keras.Input(batch_shape=(1,), name="fade")
    images = [
        keras.Input((size, size, 3), name=f"images_{size}") for size in sizes
    ]
    logits = []
    for image in images:
        x = from_rgb[image.shape[1]](image)
        while (size := x.shape[1]) > SMALLEST:
            x = down[size](conv[size](x))
            x = x if fused else pooled(x)
            if size == image.shape[1] and size > style.unfaded:
                old = from_rgb[size // 2](pooled(image))
                x = Faded()([x, old, fade])
        x = conv[SMALLEST](deviation(x))
        x = layers.Flatten()(layers.Permute((3, 1, 2))(x))  # channels first
        x = dense(x)
        # float32 also under mixed precision: losses are made of these.
        logits.append(layers.Activation("linear", dtype="float32")(last(x)))
    return keras.Model([*images, fade], logits, name=name)


def at_size(network, size):
    """Return the part of a network for images of one size.

    Args:
        network: of `progressive_generator` or `progressive_discriminator`.
        size: int, pixels, 4 times a power of two.

    Returns:
        `keras.Model` of the same layers: from `[latents, labels?, fade]` to
        images, or from `[images, fade]` to logits.
    """
    index = (size // SMALLEST).bit_length() - 1
    *inputs, fade = network.inputs
    if len(inputs[0].shape) == 4:  # images
        inputs = [inputs[index]]
    return keras.Model(
        [*inputs, fade], network.outputs[index], name=f"{network.name}_{size}"
    )


class _Authors:
    """As the paper's authors: gains by layer, biases as they are."""

    fused = True
    is_strided = True
    is_biased = True
    unfaded = 0

    @staticmethod
    def to_map(x, width):
        return EqualizedDense(
            width,
            map_shape=(SMALLEST, SMALLEST),
            gain=math.sqrt(2.0) / 4.0,
            name="dense",
        )(x)

    @staticmethod
    def convolution(width, kernel_size=3, **options):
        return EqualizedConv2D(width, kernel_size, **options)

    dense = staticmethod(EqualizedDense)

    @staticmethod
    def linear(make, *args, **options):
        return make(*args, gain=1.0, **options)


class _Zoo:
    """As pytorch_GAN_zoo: one gain, which also scales biases."""

    fused = False
    is_strided = False
    is_biased = False
    unfaded = 8  # up to this size its critic takes the new layers alone

    @staticmethod
    def to_map(x, width):
        # A bias for each pixel.
        x = EqualizedDense(SMALLEST**2 * width, scale_bias=True, name="dense")(
            x
        )
        x = layers.Reshape((width, SMALLEST, SMALLEST))(x)
        return layers.Permute((2, 3, 1))(x)

    @staticmethod
    def convolution(width, kernel_size=3, **options):
        return EqualizedConv2D(width, kernel_size, scale_bias=True, **options)

    dense = staticmethod(functools.partial(EqualizedDense, scale_bias=True))

    @staticmethod
    def linear(make, *args, **options):
        return make(*args, scale_bias=True, **options)


_STYLES = {"authors": _Authors, "zoo": _Zoo}


def _checked(image_size, filters, architecture):
    sizes = sizes_to(image_size)
    checks.one_of(_STYLES, architecture=architecture)
    filters = widths(image_size) if filters is None else filters
    is_list = isinstance(filters, (list, tuple))
    if not is_list or len(filters) != len(sizes):
        raise UserError(
            f"filters must be {len(sizes)} integers, one per size from 4 to "
            f"{image_size}. Received: {filters!r}"
        )
    checks.at_least(1, filters=min(filters))
    check_weights(
        sum(27 * width * max(filters) for width in filters),
        image_size=image_size,
        filters=filters,
    )
    return _STYLES[architecture], list(filters)
