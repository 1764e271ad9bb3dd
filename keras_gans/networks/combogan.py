"""ComboGAN's networks: an encoder, a decoder and a critic for each domain.

Each network holds the weights of all domains, see
`keras_gans.layers.by_domain`, and takes the number of the domain to use.

Reference: Anoosheh et al. 2018, "ComboGAN: Unrestrained Scalability for Image
Domain Translation", arXiv:1712.06909; layers as in the authors' code,
github.com/AAnoosheh/ComboGAN, models/networks.py.
"""

import keras
import numpy as np
from keras import initializers, layers, ops

from keras_gans import checks
from keras_gans.layers import (
    DomainConv2D,
    DomainConv2DTranspose,
    DomainPlanes,
    DomainPReLU,
    Doubled,
    ReflectionPadding2D,
)
from keras_gans.networks._blocks import (
    UPSAMPLINGS,
    check_weights,
    convolution,
    normalization,
)

_GRAY = np.array([0.299, 0.587, 0.114], np.float32)
_MOST_FILTERS = 8


def combogan_encoder(
    num_domains,
    base_filters=64,
    num_residual_blocks=4,
    num_shared_blocks=0,
    name=None,
):
    """Two convolutions of stride 2 and residual blocks.

    Args:
        num_domains: int.
        base_filters: int, channels of the first convolution; the output has
            four times as many.
        num_residual_blocks: int from 0 to 100, those of each domain.
        num_shared_blocks: int from 0 to 100, blocks behind them that all
            domains share. Their convolutions see a plane for each domain, 1
            for that of the images and -1 for others.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1] and the
        domain, int64 `[1]`, to codes `[batch, height / 4, width / 4, 4 *
        base_filters]`, rounded up.

    Raises:
        UserError: if an argument does not fit.
    """
    _check(num_domains, base_filters, num_residual_blocks, num_shared_blocks)
    images = keras.Input((None, None, 3), name="images")
    number, domain = _domain()
    x = ReflectionPadding2D(3)(images)
    x = DomainConv2D(num_domains, base_filters, 7)([x, domain])
    x = _activated(x, domain, num_domains)
    for factor in (2, 4):
        x = layers.ZeroPadding2D(1)(x)
        x = DomainConv2D(num_domains, factor * base_filters, 3, 2)([x, domain])
        x = _activated(x, domain, num_domains)
    for _ in range(num_residual_blocks):
        x = _residual_block(x, domain, num_domains)
    for _ in range(num_shared_blocks):
        x = _shared_block(x, domain, num_domains)
    # float32 also under mixed precision: losses are made of these.
    x = layers.Activation("linear", dtype="float32")(x)
    return keras.Model([images, number], x, name=name)


def combogan_decoder(
    num_domains,
    base_filters=64,
    num_residual_blocks=5,
    num_shared_blocks=0,
    upsampling="transposed",
    name=None,
):
    """Residual blocks, two convolutions that enlarge, and the image.

    Args:
        num_domains, base_filters, num_residual_blocks, name: as of
            `combogan_encoder`.
        num_shared_blocks: int from 0 to 100, blocks before them that all
            domains share.
        upsampling: `"transposed"`, or `"resize"`: both enlarge by nearest
            neighbors before a 3x3 convolution with reflection padding.

    Returns:
        A `keras.Model`: codes of `combogan_encoder` and the domain, int64
        `[1]`, to float32 `[batch, 4 * rows, 4 * columns, 3]` in [-1, 1]
        (tanh).

    Raises:
        UserError: if an argument does not fit.
    """
    _check(num_domains, base_filters, num_residual_blocks, num_shared_blocks)
    checks.one_of(UPSAMPLINGS, upsampling=upsampling)
    codes = keras.Input((None, None, 4 * base_filters), name="codes")
    number, domain = _domain()
    x = codes
    for _ in range(num_shared_blocks):
        x = _shared_block(x, domain, num_domains)
    for _ in range(num_residual_blocks):
        x = _residual_block(x, domain, num_domains)
    for factor in (2, 1):
        filters = factor * base_filters
        if upsampling == "resize":
            x = ReflectionPadding2D(1)(Doubled()(x))
            enlarge = DomainConv2D(num_domains, filters, 3)
        else:
            enlarge = DomainConv2DTranspose(num_domains, filters, 4, 2)
        x = enlarge([x, domain])
        x = _activated(x, domain, num_domains)
    x = ReflectionPadding2D(3)(x)
    x = DomainConv2D(num_domains, 3, 7)([x, domain])
    x = layers.Activation("tanh", dtype="float32")(x)
    return keras.Model([codes, number], x, name=name)


def combogan_discriminator(
    num_domains, base_filters=64, num_layers=4, name=None
):
    """Two patch discriminators, one of gray and one of blurred images.

    One sees structure without color, the other color without detail. Each
    gives logits at several depths: convolutions but the first have a channel
    more, whose values are logits, and the next one does not see it.

    Args:
        num_domains: int.
        base_filters: int, channels of the first convolution.
        num_layers: int from 2 to 10, convolutions of stride 2; each gives
            logits but the first, and so do the two of stride 1 behind them.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, 3]` in [-1, 1] and the
        domain, int64 `[1]`, to a list of `num_layers` logits, float32
        `[batch, 2 * rows, columns, 1]`, those of the gray above those of the
        blurred image.

    Raises:
        UserError: if an argument does not fit.
    """
    checks.at_least(1, num_domains=num_domains)
    checks.between(1, 2**16, base_filters=base_filters)
    checks.between(2, 10, num_layers=num_layers)
    check_weights(
        discriminator_weights(base_filters, num_layers),
        base_filters=base_filters,
        num_layers=num_layers,
    )
    images = keras.Input((None, None, 3), name="images")
    number, domain = _domain()
    gray = ops.sum(images * _GRAY, -1, keepdims=True)
    blurred = ops.depthwise_conv(images, blur_kernel(), padding="same")
    branches = [
        _logits(x, branch, domain, num_domains, base_filters, num_layers)
        for branch, x in (("gray", gray), ("blurred", blurred))
    ]
    outputs = [
        layers.Concatenate(axis=1, dtype="float32")([*maps])
        for maps in zip(*branches, strict=True)
    ]
    return keras.Model([images, number], outputs, name=name)


def blur_kernel():
    """Return a Gaussian of 3 pixels, cut at 5x5: float32 `[5, 5, 3, 1]`.

    What is cut off is reflected back into it.
    """
    places = np.arange(-12, 13)
    gaussian = np.exp(-(places**2) / (2 * 3**2))
    line = np.pad(np.eye(5)[2], 12, mode="symmetric")
    line = np.convolve(line, gaussian / gaussian.sum(), "valid")
    kernel = np.outer(line, line).astype(np.float32)
    return np.tile(kernel[:, :, None, None], (1, 1, 3, 1))


def coder_weights(base_filters, num_blocks):
    """Return the number of weights of one domain's encoder and decoder."""
    return base_filters * (294 + base_filters * (250 + 288 * num_blocks))


def discriminator_weights(base_filters, num_layers):
    """Return the number of weights of one domain's discriminator."""
    widths = _widths(base_filters, num_layers)
    inner = sum(a * (b + 1) for a, b in zip(widths, widths[1:], strict=False))
    return 2 * 16 * (2 * base_filters + inner)


def _check(num_domains, base_filters, num_residual_blocks, num_shared_blocks):
    checks.at_least(1, num_domains=num_domains)
    checks.between(1, 2**16, base_filters=base_filters)
    checks.between(
        *(0, 100),
        num_residual_blocks=num_residual_blocks,
        num_shared_blocks=num_shared_blocks,
    )
    check_weights(
        coder_weights(base_filters, num_residual_blocks + num_shared_blocks),
        base_filters=base_filters,
        num_residual_blocks=num_residual_blocks,
        num_shared_blocks=num_shared_blocks,
    )


def _domain():
    """Return the input for the number of a domain, and the number alone."""
    number = keras.Input((), dtype="int64", name="domain")
    return number, number[0]


def _activated(x, domain, num_domains):
    x = normalization("instance")(x)
    return DomainPReLU(num_domains)([x, domain])


def _residual_block(x, domain, num_domains):
    filters = x.shape[-1]
    y = ReflectionPadding2D(1)(x)
    y = DomainConv2D(num_domains, filters, 3)([y, domain])
    y = _activated(y, domain, num_domains)
    y = ReflectionPadding2D(1)(y)
    y = DomainConv2D(num_domains, filters, 3)([y, domain])
    y = normalization("instance")(y)
    return layers.Add()([x, y])


def _shared_block(x, domain, num_domains):
    filters = x.shape[-1]
    planes = DomainPlanes(num_domains)
    y = ReflectionPadding2D(1)(x)
    y = convolution(planes([y, domain]), filters, 3)
    y = normalization("instance")(y)
    y = layers.PReLU(initializers.Constant(0.25), shared_axes=[1, 2, 3])(y)
    y = ReflectionPadding2D(1)(y)
    y = convolution(planes([y, domain]), filters, 3)
    y = normalization("instance")(y)
    return layers.Add()([x, y])


def _widths(base_filters, num_layers):
    return [
        base_filters * min(2**i, _MOST_FILTERS) for i in range(num_layers + 1)
    ]


def _logits(x, name, domain, num_domains, base_filters, num_layers):
    """Return the logits of one branch, those of the lowest layer first."""
    widths = _widths(base_filters, num_layers)

    def convolve(x, depth, filters, strides):
        x = layers.ZeroPadding2D(2)(x)
        return DomainConv2D(
            *(num_domains, filters, 4, strides), name=f"{name}_{depth}"
        )([x, domain])

    def activated(x, depth):
        return DomainPReLU(num_domains, name=f"{name}_slope_{depth}")(
            [x, domain]
        )

    x = activated(convolve(x, 0, widths[0], 2), 0)
    found = []
    for depth in range(1, num_layers):
        x = convolve(x, depth, widths[depth] + 1, 2)
        x = activated(normalization("instance")(x), depth)
        found.append(x[..., -1:])
        x = x[..., :-1]
    x = convolve(x, num_layers, widths[-1], 1)
    x = activated(normalization("instance")(x), num_layers)
    return [*found, convolve(x, "last", 1, 1)]
