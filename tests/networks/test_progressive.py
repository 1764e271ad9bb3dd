"""Progressive networks against the authors' code and the PyTorch zoo."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop
from keras_gans.checks import UserError
from keras_gans.interop import progressive
from keras_gans.layers import (
    Doubled,
    EqualizedConv2D,
    EqualizedDense,
    MinibatchStandardDeviation,
    PixelNormalization,
)
from keras_gans.networks import (
    progressive_discriminator,
    progressive_generator,
)
from keras_gans.networks.progressive import at_size, widths
from tests.networks.pytorch_reference import nchw, nhwc


def fade_of(level):
    """Return the share of the smaller size, from a level of detail."""
    return tf.constant([level % 1.0], tf.float32)


def size_of(level, largest):
    return largest // 2 ** int(level)


def repeated(images, largest):
    """The authors' images, which are of the largest size at every level."""
    times = largest // images.shape[-1]
    return images.repeat(times, axis=2).repeat(times, axis=3)


def averaged(images, size):
    """Average squares of NCHW images down to a size."""
    batch, channels, side, _ = images.shape
    part = side // size
    return images.reshape(batch, channels, size, part, size, part).mean((3, 5))


FORWARD = {"image_size": 32, "filters": widths(32, 64, 16)}
LEVELS = (0, 0.3, 1, 1.5, 2, 2.75, 3)


def loaded(network, fixture, scope, source="progressive-gan"):
    weights = fixture.group(f"w/{scope}")
    interop.load_reference(network, weights, source=source)
    return network


@pytest.fixture
def forward(reference):
    return reference("pggan_forward")


@pytest.mark.parametrize("level", LEVELS)
def test_authors_generator(forward, level):
    network = progressive_generator(latent_dim=16, num_labels=3, **FORWARD)
    loaded(network, forward, "G")
    inputs = tf.constant(forward["in/latents"]), forward["in/labels"]
    inputs = [*map(tf.constant, inputs), fade_of(level)]
    images = at_size(network, size_of(level, 32))(inputs)
    actual = repeated(nchw(images), 32)
    forward.assert_close(f"out/G_lod{level}", actual, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fused", [True, False])
def test_authors_critic(forward, level, fused):
    network = progressive_discriminator(num_labels=3, fused=fused, **FORWARD)
    loaded(network, forward, "D")
    images = averaged(forward["in/images"], size_of(level, 32))
    critic = at_size(network, size_of(level, 32))
    for count in (8, 4, 3) if fused else (4,):
        logits = critic([tf.constant(nhwc(images[:count])), fade_of(level)])
        group = "out" if fused else "out_unfused"
        for part, actual in (
            ("scores", logits[:, :1]),
            ("labels", logits[:, 1:]),
        ):
            name = f"{group}/D_{part}_lod{level}_batch{count}"
            forward.assert_close(name, actual, rtol=1e-4, atol=1e-5)


def test_variants_of_the_generator(forward):
    for name, arguments in (
        ("no_pixelnorm", {"normalize_pixels": False}),
        ("relu", {"activation": "relu"}),
        ("raw_latents", {"normalize_latents": False}),
    ):
        network = progressive_generator(
            latent_dim=16, num_labels=3, **FORWARD, **arguments
        )
        loaded(network, forward, "G")
        inputs = [forward["in/latents"], forward["in/labels"], [0.0]]
        images = at_size(network, 8)([*map(tf.constant, inputs)])
        forward.assert_close(
            f"out_variant/G_{name}_lod2",
            repeated(nchw(images), 32),
            rtol=1e-4,
            atol=1e-5,
        )


def test_critic_without_deviation(forward):
    network = progressive_discriminator(num_labels=3, group_size=0, **FORWARD)
    weights = forward.group("w/D")
    weights["4x4/Conv/weight"] = weights["4x4/Conv/weight"][:, :, :-1]
    interop.load_reference(network, weights, source="progressive-gan")
    images = averaged(forward["in/images"][:4], 16)
    logits = at_size(network, 16)([tf.constant(nhwc(images)), fade_of(1)])
    name = "out_variant/D_no_mbstd_scores_lod1"
    forward.assert_close(name, logits[:, :1], rtol=1e-4, atol=1e-5)


@pytest.fixture
def operations(reference):
    return reference("pggan_ops")


def test_normalization_and_upsampling(operations):
    def close(name, actual):
        operations.assert_close(name, actual, rtol=1e-4, atol=1e-5)

    layer = PixelNormalization()
    close("pixelnorm/y", nchw(layer(nhwc(operations["pixelnorm/x"]))))
    for name in ("2", "2_small"):
        vectors = operations[f"pixelnorm/x{name}"]
        close(f"pixelnorm/y{name}", layer(vectors))
    images = nhwc(operations["scale/x"])
    close("scale/up2", nchw(Doubled()(images)))
    close("scale/up4", nchw(Doubled()(Doubled()(images))))


@pytest.mark.parametrize(
    "count, group", [(4, 4), (8, 4), (12, 4), (3, 4), (1, 4), (8, 2)]
)
def test_deviation_of_the_authors(operations, count, group):
    case = f"batch{count}_group{group}"
    images = nhwc(operations[f"mbstd/x_{case}"])
    outputs = MinibatchStandardDeviation(group)(images)
    np.testing.assert_array_equal(outputs[..., :-1], images)
    channel = nchw(outputs[..., -1:])
    operations.assert_close(f"mbstd/y_{case}", channel, rtol=1e-4, atol=1e-5)


def test_deviation_next_to_each_other_is_that_of_the_parts(operations):
    images = nhwc(operations["mbstd/x_batch8_group4"])
    layer = MinibatchStandardDeviation(4, is_strided=False)
    parts = [layer(images[:4]), layer(images[4:])]
    np.testing.assert_array_equal(layer(images), np.concatenate(parts))


def test_equalized_layers(operations):
    def assert_close(name, layer, x, kernel, convert=lambda y: y):
        layer.build(x.shape)
        layer.kernel.assign(kernel)
        y = convert(layer(x))
        operations.assert_close(f"wscale/{name}_y", y, rtol=1e-4, atol=1e-5)

    for name, options in (
        ("dense", {}),
        ("dense_gain_sqrt2_4", {"gain": 2**0.5 / 4}),
    ):
        x, w = (operations[f"wscale/{name}_{part}"] for part in "xw")
        assert_close(name, EqualizedDense(4, **options), x, w)
    for name, layer in (
        ("conv3", EqualizedConv2D(4, 3)),
        ("conv1_gain1", EqualizedConv2D(4, 1, gain=1.0)),
        ("conv_downscale", EqualizedConv2D(4, 3, halve=True)),
        ("upscale_conv", EqualizedConv2D(4, 3)),
    ):
        x, w = (operations[f"wscale/{name}_{part}"] for part in "xw")
        x = nhwc(x)
        if name == "upscale_conv":
            x, w = Doubled()(x), progressive.flipped(w)
        assert_close(name, layer, x, w, nchw)


@pytest.fixture
def zoo(reference):
    return reference("pggan_zoo_forward")


@pytest.mark.parametrize("size, shares", [(4, "0"), (8, "all"), (32, "all")])
def test_zoo_forward(zoo, size, shares):
    arguments = {"filters": [8, 8, 6, 4], "architecture": "zoo"}
    generator = progressive_generator(32, latent_dim=8, **arguments)
    critic = progressive_discriminator(32, **arguments)
    for network, scope in ((generator, "G"), (critic, "D")):
        loaded(network, zoo, scope, source="pytorch-gan-zoo")
    for share in ("0", "0.3", "0.75") if shares == "all" else shares:
        fade = tf.constant([float(share)])
        latents = tf.constant(zoo["in/latent"])
        image = tf.constant(nhwc(zoo[f"in/image_{size}"]))
        made = nchw(at_size(generator, size)([latents, fade]))
        logits = at_size(critic, size)([image, fade])
        for name, actual in (("G", made), ("D", logits)):
            zoo.assert_close(
                f"out/{name}_{size}_alpha{share}", actual, rtol=2e-4, atol=2e-5
            )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 8])
def test_deviation_of_the_zoo(zoo, count):
    layer = MinibatchStandardDeviation(is_strided=False, is_biased=False)
    outputs = layer(nhwc(zoo[f"mbstd/x_batch{count}"]))
    channel = nchw(outputs[..., -1:])
    zoo.assert_close(f"mbstd/y_batch{count}", channel, rtol=1e-4, atol=1e-5)


def test_scales_of_the_zoo(zoo):
    arguments = {"filters": [8, 8, 6, 4], "architecture": "zoo"}
    for scope, network in (
        ("G", progressive_generator(32, latent_dim=8, **arguments)),
        ("D", progressive_discriminator(32, **arguments)),
    ):
        named = interop.SOURCES["pytorch-gan-zoo"].variables(network)
        for layer in network.layers:
            if layer.weights:
                names = [n for n, v in named.items() if v is layer.kernel]
                name = names[0].removesuffix(".module.weight")
                zoo.assert_close(
                    f"scale/{scope}/{name}", layer.scale, rtol=1e-6, atol=0
                )


def test_counts_of_the_paper():
    for size, base, most, counts in (
        (32, 8192, 512, (20_719_628, 20_726_785)),
        (64, 2048, 128, (1_407_823, 1_409_729)),
        (64, 8192, 512, (22_490_383, 22_498_049)),
    ):
        filters = widths(size, base, most)
        latent_dim = min(base, most)
        networks = (
            progressive_generator(size, latent_dim, filters=filters),
            progressive_discriminator(size, filters=filters),
        )
        assert tuple(n.count_params() for n in networks) == counts


def test_bad_arguments_are_named():
    for size in (0, 4, 48, 65, "64", None, 2**14):
        with pytest.raises(UserError, match="image_size must be"):
            progressive_generator(size)
    with pytest.raises(UserError, match="filters must be 3 integers"):
        progressive_discriminator(16, filters=[4, 4])
    with pytest.raises(UserError, match="filters must be an integer from 1"):
        progressive_discriminator(16, filters=[4, 4, 0])
    with pytest.raises(UserError, match="must make a network of at most"):
        progressive_generator(16, filters=[4, 4, 10**6])
    with pytest.raises(UserError, match="architecture must be one of"):
        progressive_generator(16, architecture="paper")
    with pytest.raises(UserError, match="network must be a progressive_gen"):
        interop.load_reference(
            tf.keras.Sequential([tf.keras.Input((3,))]), {}, "pytorch-gan-zoo"
        )
