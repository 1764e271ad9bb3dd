"""ComboGAN's networks against the numbers of the original."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import networks
from keras_gans.checks import UserError
from keras_gans.layers import DomainPlanes
from keras_gans.networks.combogan import (
    blur_kernel,
    coder_weights,
    discriminator_weights,
)
from tests.models.pytorch_training import under
from tests.networks.combogan_reference import load
from tests.networks.pytorch_reference import nchw, nhwc, tolerances


@pytest.fixture(scope="module")
def fixture(reference):
    return reference("combogan_train")


@pytest.fixture(scope="module")
def loaded(fixture):
    """Encoder, decoder and discriminator of the fixture's three domains."""
    found = (
        networks.combogan_encoder(3, 2, 2),
        networks.combogan_decoder(3, 2, 2),
        networks.combogan_discriminator(3, 2),
    )
    for scope, network in zip(("enc", "dec", "D"), found, strict=True):
        for domain in range(3):
            arrays = under(f"{scope}{domain}", fixture.group("w"))
            load(network, domain, arrays)
    return found


def test_outputs_of_the_original(fixture, loaded):
    encoder, decoder, discriminator = loaded

    def assert_close(name, actual):
        tolerance = tolerances(fixture)["out"]
        fixture.assert_close(f"out/{name}", actual, **tolerance)

    images = tf.constant(nhwc(fixture["in/A"]))
    codes = encoder([images, tf.constant([0])])
    assert_close("encoded_A", nchw(codes))
    for domain in range(3):
        fake = decoder([codes, tf.constant([domain])])
        assert_close(f"decoded_to_{domain}", nchw(fake))
    # Only what the fixture's discriminator of A says of A is stored.
    logits = discriminator([images, tf.constant([0])])
    assert len(logits) == 4
    for scale, maps in enumerate(logits):
        assert_close(f"D_real_A_scale{scale}", maps[..., 0])


def test_blur_of_the_original(fixture):
    kernel = fixture["aux/blur_kernel"]
    np.testing.assert_allclose(
        blur_kernel()[..., 0], kernel[:, 0].transpose(1, 2, 0), atol=1e-7
    )
    assert blur_kernel().sum() == pytest.approx(3)


@pytest.fixture
def zeros(monkeypatch):
    """Weights of zeros: only their number counts."""
    monkeypatch.setattr(
        "keras.initializers.RandomNormal.__call__",
        lambda self, shape, dtype=None: tf.zeros(shape, dtype or "float32"),
    )


@pytest.mark.usefixtures("zeros")
def test_counts_are_those_of_the_paper_for_each_domain():
    found = [
        network(2).count_params()
        for network in (
            networks.combogan_encoder,
            networks.combogan_decoder,
            networks.combogan_discriminator,
        )
    ]
    expected = [5_099_143, 6_565_770, 13_931_410]
    assert found == [2 * count for count in expected]
    assert coder_weights(64, 9) == pytest.approx(sum(expected[:2]), rel=2e-3)
    assert discriminator_weights(64, 4) == pytest.approx(expected[2], rel=2e-3)


def test_shared_blocks_see_the_domain():
    planes = DomainPlanes(3)([np.zeros((1, 2, 2, 1), "float32"), np.array(1)])
    np.testing.assert_array_equal(planes[0, 1, 1], [0, -1, 1, -1])
    for make in (networks.combogan_encoder, networks.combogan_decoder):
        network = make(3, 2, 0, num_shared_blocks=1)
        x = tf.random.normal((2, 12, 12, network.input_shape[0][-1]))
        # As if the weights of all domains were the same.
        for layer in network.layers:
            if hasattr(layer, "num_domains"):
                for weight in layer.weights:
                    weight.assign(tf.repeat(weight[:1], 3, 0))
        first, second = (
            network([x, tf.constant([domain])]) for domain in (0, 1)
        )
        assert not np.allclose(first, second)
        kernels = [w for w in network.weights if len(w.shape) == 4]
        assert [w.shape for w in kernels if w.shape[0] > 1] == 2 * [
            (3, 3, 8 + 3, 8)
        ]


def test_resized_maps_have_no_checkerboard():
    even = tf.fill((1, 24, 24, 8), 0.5)

    def pattern(upsampling):
        decoder = networks.combogan_decoder(2, 2, 0, upsampling=upsampling)
        outputs = decoder([even, tf.constant([1])])
        return np.ptp(outputs[0, 40:56, 40:56], axis=(0, 1)).max()

    assert pattern("resize") < 1e-6
    assert pattern("transposed") > 1e-3


@pytest.mark.parametrize(
    "make,arguments,message",
    [
        ("encoder", {"num_domains": 0}, "num_domains.*from 1 up.*0"),
        ("encoder", {"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ("decoder", {"num_residual_blocks": 101}, "from 0 to 100.*101"),
        ("decoder", {"num_shared_blocks": -1}, "num_shared_blocks.*-1"),
        ("decoder", {"base_filters": 2**15}, "at most 268,435,456 weights"),
        ("discriminator", {"num_layers": 1}, "num_layers.*from 2 up.*1"),
        ("discriminator", {"base_filters": 2**15}, "268,435,456 weights"),
    ],
)
def test_bad_arguments(make, arguments, message):
    with pytest.raises(UserError, match=message):
        getattr(networks, f"combogan_{make}")(**{"num_domains": 2, **arguments})
