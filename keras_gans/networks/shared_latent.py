"""Autoencoders of two domains, whose middle layers may be the same.

A code is a map of features. The functions `..._blocks` return the layers of
an encoder and of a decoder; `autoencoders` makes two of each, of which the
deepest layers of the encoders and the first of the decoders stand in both.

Reference: Liu, Breuel and Kautz 2017, "Unsupervised Image-to-Image
Translation Networks", arXiv:1703.00848, section 3 and appendix A.
"""

import keras
import tensorflow as tf
from keras import initializers, layers

from keras_gans import checks
from keras_gans.layers import (
    InstanceNormalization,
    LeakyReLU,
    ReflectionPadding2D,
    SampleNormalization,
)
from keras_gans.networks._blocks import check_weights, kernel_initializer

_MOST_BLOCKS = 100
_SLOPE = 0.2
_FIRST_SLOPE = 0.01  # of the first UNIT: PyTorch's default


class Block:
    """Layers in a row, made once, which may stand in several networks.

    Args:
        *parts: layers and blocks.
        residual: bool, whether to add the input to the output.
    """

    def __init__(self, *parts, residual=False):
        self.parts = parts
        self.add = layers.Add() if residual else None

    def __call__(self, inputs):
        x = inputs
        for part in self.parts:
            x = part(x)
        return self.add([inputs, x]) if self.add else x

    @property
    def trainable_variables(self):
        return [v for part in self.parts for v in part.trainable_variables]


def autoencoders(blocks, shared_layers=0, tie="equal", image_size=None):
    """Make an encoder and a decoder for each of two domains.

    Args:
        blocks: function to the blocks of a new encoder and a new decoder,
            the last of which gives the image.
        shared_layers: int, how many of the last blocks of the encoders, and
            of the first of the decoders, belong together.
        tie: `"equal"`: those are the same; `"close"`: they are not, but
            `distance` tells how far they are apart.
        image_size: int, height and width of the images, where the blocks
            take one size alone.

    Returns:
        `(encoders, decoders, distance)`: pairs of `keras.Model`s, for domain
        a and b. Encoders: float `[batch, height, width, 3]` in [-1, 1] to a
        float32 code; decoders back to float32 in [-1, 1] (tanh). `distance()`
        is the sum of the squared differences of the weights of the blocks
        that belong together.
    """
    (encoder_a, decoder_a), (encoder_b, decoder_b) = blocks(), blocks()
    deep = len(encoder_a) - shared_layers
    if tie == "equal":
        encoder_b[deep:] = encoder_a[deep:]
        decoder_b[:shared_layers] = decoder_a[:shared_layers]
    image_shape = image_size, image_size, 3
    encoders = [
        _network(image_shape, own, "linear", f"encoder_{domain}")
        for domain, own in (("a", encoder_a), ("b", encoder_b))
    ]
    code_shape = encoders[0].output_shape[1:]
    decoders = [
        _network(code_shape, own, "tanh", f"decoder_{domain}")
        for domain, own in (("a", decoder_a), ("b", decoder_b))
    ]

    def distance():
        ones, others = (
            [v for block in own for v in block.trainable_variables]
            for own in (
                encoder_a[deep:] + decoder_a[:shared_layers],
                encoder_b[deep:] + decoder_b[:shared_layers],
            )
        )
        return tf.add_n(
            [
                tf.reduce_sum(tf.square(one.value - other.value))
                for one, other in zip(ones, others, strict=True)
            ]
        )

    return encoders, decoders, distance


def _network(input_shape, blocks, activation, name):
    inputs = x = keras.Input(input_shape)
    for block in blocks:
        x = block(x)
    # float32 also under mixed precision, see dcgan.py.
    outputs = layers.Activation(activation, dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)


def article_blocks(base_filters=64):
    """Three 4x4 convolutions of stride 2; three transposed ones.

    Widths are `base_filters` times 1, 2, 4, which is the code's, then 2, 1
    and the image: the article's CycleGAN generator, cut in the middle.
    Instance instead of batch normalization, and leaky ReLU (slope 0.2), in
    all but the last.
    """
    check_weights(640 * base_filters**2, base_filters=base_filters)

    def block(layer, filters):
        return Block(
            layer(filters, 4, 2, "same"),
            InstanceNormalization(),
            LeakyReLU(_SLOPE),
        )

    f = base_filters
    return (
        [block(layers.Conv2D, filters) for filters in (f, 2 * f, 4 * f)],
        [
            block(layers.Conv2DTranspose, 2 * f),
            block(layers.Conv2DTranspose, f),
            Block(layers.Conv2DTranspose(3, 4, 2, "same")),
        ],
    )


def unit_blocks(base_filters=64, num_residual_blocks=4):
    """The layers of UNIT as its authors publish it today.

    A 7x7 convolution, two 4x4 of stride 2, residual blocks; residual blocks,
    twice nearest-neighbor upsampling and a 5x5 convolution, a 7x7 one.
    Widths are `base_filters` times 1, 2, 4, which is the code's, then 2, 1
    and the image. ReLU; reflection padding; instance normalization, but
    after upsampling one over the whole image. The code is a sum, without
    ReLU.

    Args:
        base_filters: int, channels of the first convolution.
        num_residual_blocks: int, in the encoder and in the decoder.

    Reference:
        github.com/NVlabs/MUNIT, VAEGen in networks.py, which
        github.com/mingyuliutw/UNIT shares.
    """
    _check_residual(base_filters, num_residual_blocks)

    def block(filters, size, stride, padding, *rest):
        return Block(
            ReflectionPadding2D(padding),
            layers.Conv2D(filters, size, stride, kernel_initializer=_kaiming()),
            *rest,
        )

    def normalized(filters, size, stride, padding):
        rest = InstanceNormalization(), layers.ReLU()
        return block(filters, size, stride, padding, *rest)

    def residual(filters):
        return Block(
            normalized(filters, 3, 1, 1),
            block(filters, 3, 1, 1, InstanceNormalization()),
            residual=True,
        )

    def enlarged(filters):
        rest = SampleNormalization(), layers.ReLU()
        return Block(layers.UpSampling2D(), block(filters, 5, 1, 2, *rest))

    f, count = base_filters, num_residual_blocks
    return (
        [
            normalized(f, 7, 1, 3),
            normalized(2 * f, 4, 2, 1),
            normalized(4 * f, 4, 2, 1),
            *(residual(4 * f) for _ in range(count)),
        ],
        [
            *(residual(4 * f) for _ in range(count)),
            enlarged(2 * f),
            enlarged(f),
            block(3, 7, 1, 3),
        ],
    )


def first_unit_blocks(base_filters=64, num_residual_blocks=4):
    """The layers of UNIT as its authors published it first.

    A 7x7 convolution, two 3x3 of stride 2, residual blocks; residual blocks,
    transposed convolutions, two 3x3 of stride 2 and a 1x1. Widths are
    `base_filters` times 1, 2, 4, which is the code's, then 2, 1 and the
    image. Leaky ReLU (slope 0.01); zero padding; instance normalization, and
    ReLU, in residual blocks alone.

    Args: as `unit_blocks`.

    Reference:
        github.com/mingyuliutw/UNIT, branch version_02, COCOResGen2 in
        src/trainers/cocogan_nets.py.
    """
    _check_residual(base_filters, num_residual_blocks)

    def half():
        return Block(
            layers.Conv2D(
                4 * base_filters,
                3,
                padding="same",
                kernel_initializer=kernel_initializer(),
            ),
            InstanceNormalization(),
        )

    def residual():
        return Block(half(), layers.ReLU(), half(), residual=True)

    def doubled(filters):
        # Aligned as in PyTorch: see `_doubled` in resnet.py.
        return Block(
            layers.Conv2DTranspose(
                filters, 3, 2, kernel_initializer=kernel_initializer()
            ),
            layers.Cropping2D(((1, 0), (1, 0))),
            LeakyReLU(_FIRST_SLOPE),
        )

    f, count = base_filters, num_residual_blocks
    return (
        [
            _halved(f, 7, 1),
            _halved(2 * f, 3, 2),
            _halved(4 * f, 3, 2),
            *(residual() for _ in range(count)),
        ],
        [
            *(residual() for _ in range(count)),
            doubled(2 * f),
            doubled(f),
            Block(
                layers.Conv2DTranspose(
                    3, 1, kernel_initializer=kernel_initializer()
                )
            ),
        ],
    )


def _halved(filters, size, stride):
    """A convolution of the first UNIT, padded equally on all sides."""
    return Block(
        layers.ZeroPadding2D(size // 2),
        layers.Conv2D(
            filters, size, stride, kernel_initializer=kernel_initializer()
        ),
        LeakyReLU(_FIRST_SLOPE),
    )


def first_unit_discriminators(base_filters=64, num_layers=6):
    """The discriminators of the first UNIT, of which two layers are apart.

    Convolutions of stride 2 with widths `base_filters` times 1, 2, 4, ...,
    a 7x7 one and 3x3 ones, and a 1x1 one to the logit; leaky ReLU (slope
    0.01), no normalization. All but the first two are shared.

    Args:
        base_filters: int, channels of the first convolution.
        num_layers: int from 2 up, convolutions of stride 2.

    Returns:
        Pair of `keras.Model`s, of domain a and b: float `[batch, height,
        width, 3]` in [-1, 1] to float32 logits `[batch, rows, columns, 1]`,
        height and width halved `num_layers` times, rounded up.

    Reference:
        github.com/mingyuliutw/UNIT, branch version_02, COCOSharedDis in
        src/trainers/cocogan_nets.py.
    """
    checks.between(2, 8, num_discriminator_layers=num_layers)
    check_weights(
        6 * base_filters**2 * 4 ** (num_layers - 1),
        discriminator_filters=base_filters,
        num_discriminator_layers=num_layers,
    )
    shared = [
        *(_halved(base_filters * 2**i, 3, 2) for i in range(2, num_layers)),
        Block(layers.Conv2D(1, 1, kernel_initializer=kernel_initializer())),
    ]
    networks = []
    for domain in "ab":
        own = _halved(base_filters, 7, 2), _halved(2 * base_filters, 3, 2)
        blocks = [*own, *shared]
        networks.append(
            _network(
                (None, None, 3), blocks, "linear", f"discriminator_{domain}"
            )
        )
    return networks


def _check_residual(base_filters, num_residual_blocks):
    checks.between(0, _MOST_BLOCKS, num_residual_blocks=num_residual_blocks)
    check_weights(
        base_filters**2 * (820 + 1152 * num_residual_blocks),
        base_filters=base_filters,
        num_residual_blocks=num_residual_blocks,
    )


def _kaiming():
    return initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")


def scale_discriminators(
    base_filters=64, num_layers=4, num_scales=3, name="discriminator"
):
    """UNIT's discriminators: the same layers at several scales.

    4x4 convolutions of stride 2 with widths `base_filters` times 1, 2, 4,
    ..., and a 1x1 one to the logit; leaky ReLU (slope 0.2), reflection
    padding, no normalization. Each scale has half the size of the one
    before, by means of 3x3 pixels, at the border of those that exist.

    Args:
        base_filters: int, channels of the first convolution.
        num_layers: int, convolutions of stride 2.
        num_scales: int, networks.
        name: str, beginning of their names.

    Returns:
        list of `keras.Model`s: float `[batch, height, width, 3]` in [-1, 1],
        height and width from 2 ** (`num_layers` + `num_scales` - 1) up, to
        float32 logits `[batch, rows, columns, 1]`.

    Reference:
        github.com/NVlabs/MUNIT, MsImageDis in networks.py.
    """
    checks.between(1, 8, num_discriminator_layers=num_layers)
    check_weights(
        11 * num_scales * base_filters**2 * 4 ** (num_layers - 1),
        discriminator_filters=base_filters,
        num_discriminator_layers=num_layers,
    )
    networks = []
    for scale in range(num_scales):
        inputs = x = keras.Input((None, None, 3))
        for _ in range(scale):
            # At every pixel, then of every second: the windows lie as
            # PyTorch's, "same" with stride 2 would move them.
            x = layers.AveragePooling2D(3, 1, "same")(x)
            x = layers.MaxPooling2D(1, 2)(x)
        for layer in range(num_layers):
            x = ReflectionPadding2D(1)(x)
            x = layers.Conv2D(
                base_filters * 2**layer,
                4,
                2,
                kernel_initializer=kernel_initializer(),
            )(x)
            x = LeakyReLU(_SLOPE)(x)
        networks.append(_judge(inputs, x, f"{name}_{scale}"))
    return networks


def latent_discriminator(channels, base_filters=32, name=None):
    """Tells from a code which encoder it came from.

    Two 4x4 convolutions of stride 2 with widths `base_filters` times 4 and
    8, and a 1x1 one to the logit; leaky ReLU (slope 0.2).

    Args:
        channels: int, of the codes.
        base_filters: int.
        name: str, name of the network.

    Returns:
        A `keras.Model`: float `[batch, height, width, channels]` to float32
        logits `[batch, height / 4, width / 4, 1]`, rounded up.
    """
    check_weights(
        64 * base_filters * (channels + 8 * base_filters),
        discriminator_filters=base_filters,
    )
    inputs = x = keras.Input((None, None, channels))
    for factor in (4, 8):
        x = layers.Conv2D(factor * base_filters, 4, 2, "same")(x)
        x = LeakyReLU(_SLOPE)(x)
    return _judge(inputs, x, name)


def _judge(inputs, x, name):
    x = layers.Conv2D(1, 1, kernel_initializer=kernel_initializer())(x)
    # float32 also under mixed precision: losses are made of these.
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name=name)
