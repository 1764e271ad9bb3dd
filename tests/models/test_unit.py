"""UNIT beside the training loop of its authors' public code."""

import contextlib
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import SharedLatent
from keras_gans.checks import UserError
from keras_gans.models import shared_latent
from keras_gans.networks.vgg import vgg16_features
from keras_gans.optimizers import PyTorchAdam
from tests.models.unit_training import (
    close,
    compare_gradients,
    compare_steps,
    compare_terms,
)
from tests.networks.pytorch_reference import assign, layers_of, nchw, nhwc
from tests.tiny import moved, values

# Our term -> those of the code.
G_TERMS = {
    "reconstruction": ("gen_recon_x_a", "gen_recon_x_b"),
    "adversarial": ("gen_adv_a", "gen_adv_b"),
    "cycle": ("gen_cyc_x_a", "gen_cyc_x_b"),
    "kl": ("gen_recon_kl_a", "gen_recon_kl_b"),
    "cycle_kl": ("gen_recon_kl_cyc_aba", "gen_recon_kl_cyc_bab"),
    "perceptual": ("gen_vgg_a", "gen_vgg_b"),
}
TOTALS = "dis_total", "gen_total"


def modules(model):
    """Return convolutions and normalizations by the code's names."""
    blocks = [f"model.{b}.model.{c}" for b in (0, 1) for c in (0, 1)]
    encoder = [*"012", *(f"3.{block}" for block in blocks)]
    decoder = [*(f"0.{block}" for block in blocks), "2", "4", "5"]
    found = {}
    for domain in "ab":
        for part, names, network in (
            ("enc", encoder, getattr(model, f"encoder_{domain}")),
            ("dec", decoder, getattr(model, f"decoder_{domain}")),
        ):
            names = [f"gen_{domain}/{part}.model.{name}" for name in names]
            found |= zip(
                [f"{name}.conv" for name in names],
                layers_of(network, "Conv2D"),
                strict=True,
            )
            found |= zip(
                [f"{name}.norm" for name in names[-3:-1] if part == "dec"],
                layers_of(network, "SampleNormalization"),
                strict=True,
            )
        for scale, network in enumerate(
            getattr(model, f"discriminators_{domain}")
        ):
            places = ["0.conv", "1.conv", "2.conv", "3"]
            found |= zip(
                [f"dis_{domain}/cnns.{scale}.{place}" for place in places],
                layers_of(network, "Conv2D"),
                strict=True,
            )
    return found


def variables(model):
    names = {"kernel": "weight"}
    return {
        f"{module}.{names.get(v.name, v.name)}": v
        for module, layer in modules(model).items()
        for v in layer.weights
    }


@pytest.fixture
def fixture(reference):
    return reference("unit_train")


@pytest.fixture
def features(fixture):
    """The fixture's VGG, two channels wide at first."""
    network = vgg16_features(base_filters=2)
    numbers = [f"{g}_{n}" for g in (1, 2) for n in (1, 2)]
    numbers += [f"{g}_{n}" for g in (3, 4, 5) for n in (1, 2, 3)]
    convolutions = zip(numbers, layers_of(network, "Conv2D"), strict=True)
    assign(
        {
            f"conv{number}.{part}": variable
            for number, layer in convolutions
            for part, variable in (
                ("weight", layer.kernel),
                ("bias", layer.bias),
            )
        },
        fixture.group("w/vgg"),
    )
    return network


@pytest.fixture
def model(fixture, features, monkeypatch):
    monkeypatch.setattr(
        shared_latent.vgg, "trained_vgg16_features", lambda path: features
    )
    model = SharedLatent(
        architecture="unit",
        image_size=32,
        base_filters=2,
        discriminator_filters=3,
        num_residual_blocks=2,
        num_discriminator_layers=3,
        perceptual_weights="vgg16.h5",
    )
    model.compile(run_eagerly=True, loss_weights={"perceptual": 1.0})
    model.make_train_function()
    assign(variables(model), fixture.group("w"))
    model._draw = lambda images: None
    return model


@pytest.fixture
def reals(fixture):
    return nhwc(fixture["in/x_a"]), nhwc(fixture["in/x_b"])


@contextlib.contextmanager
def of_fixture(model, fixture):
    """Let the translations be the fixture's, to the last digit.

    A unit of a discriminator is so near the kink of its leaky ReLU that
    rounding in the translations, 3e-6, turns its slope.
    """
    decoded = model._decoded

    def exact(codes, training):
        (own_a, fake_a), (fake_b, own_b) = decoded(codes, training)
        fakes = []
        for name, ours in (("x_ba", fake_a), ("x_ab", fake_b)):
            theirs = nhwc(fixture[f"out/{name}"])
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
            fakes.append(ours + tf.stop_gradient(theirs - ours))
        return (own_a, fakes[0]), (fakes[1], own_b)

    with mock.patch.object(model, "_decoded", exact):
        yield


def test_all_weights_have_a_place(model, fixture):
    names = {n for n in fixture.group("w") if not n.startswith("vgg")}
    assert {*variables(model)} == names
    assert len(model.trainable_variables) == len(names) == 112


def test_forward(model, fixture, reals):
    def out(name, actual):
        close(fixture, "out", name, nchw(actual))

    codes = model._encoded(*reals, training=False)
    (own_a, fake_a), (fake_b, own_b) = model._decoded(codes, training=False)
    back = model._encoded(fake_a, fake_b, training=False)
    for names, images in (
        ("h_a h_b", codes),
        ("x_a_recon x_b_recon", (own_a, own_b)),
        ("x_ba x_ab", (fake_a, fake_b)),
        ("h_b_recon h_a_recon", back),
        ("x_aba", [model.decode(back[1], "a")]),
        ("x_bab", [model.decode(back[0], "b")]),
    ):
        for name, actual in zip(names.split(), images, strict=True):
            out(name, actual)
    np.testing.assert_allclose(model(reals[0]), fake_b, atol=1e-6)
    for domain, real, fake in zip("ab", reals, (fake_a, fake_b), strict=True):
        networks = getattr(model, f"discriminators_{domain}")
        for scale, network in enumerate(networks):
            out(f"dis_{domain}_real_scale{scale}", network(real))
            out(f"dis_{domain}_fake_scale{scale}", network(fake))
    smallest = model.discriminators_a[2]
    pools = layers_of(smallest, "MaxPooling2D")
    for scale, pool in enumerate(pools, 1):
        halved = keras.Model(smallest.input, pool.output)(reals[0])
        out(f"x_a_down{scale}", halved)


def test_features_are_vgg16(fixture, features, reals):
    first, last = features.layers[0].output, features.layers[-2].output
    assert last.shape[1:] == (None, None, 16)
    before = layers_of(features, "Conv2D")[0].input
    scaled, found = keras.Model(first, [before, last])(reals[0])
    close(fixture, "vgg", "vgg_preprocess_x_a", nchw(scaled))
    close(fixture, "vgg", "vgg_relu5_3_x_a", nchw(found))


def test_losses_and_gradients(model, fixture, reals):
    with of_fixture(model, fixture):
        terms = compare_gradients(
            model, fixture, variables(model), reals, TOTALS
        )
    compare_terms(fixture.group("loss"), terms, G_TERMS)


def test_noise_is_added_to_codes_and_not_to_their_kl(model, fixture, reals):
    noise = {k: nhwc(v) for k, v in fixture.group("noise_in").items()}
    d_terms, _ = model._discriminator_terms(
        *reals, (noise["dis_n_a"], noise["dis_n_b"]), training=True
    )
    losses = fixture.group("noise_loss")
    np.testing.assert_allclose(
        d_terms["real"] + d_terms["fake"], losses["dis_total"], rtol=1e-4
    )
    g_terms, _ = model._generator_terms(
        *reals,
        (noise["gen_n_a"], noise["gen_n_b"]),
        (noise["gen_n_b_recon"], noise["gen_n_a_recon"]),
        training=True,
    )
    compare_terms(losses, g_terms, G_TERMS)


def test_three_steps_of_the_recipe(model, fixture, reals):
    before = values(model.trainable_variables)
    first = of_fixture(model, fixture)
    compare_steps(
        model, fixture, variables(model), reals, G_TERMS, TOTALS, first
    )
    # Also those without a gradient: the weight decay pulls at them.
    assert all(moved(before, model.trainable_variables))


def test_noise_is_drawn_for_training_alone():
    model = SharedLatent(
        architecture="unit",
        image_size=16,
        base_filters=2,
        num_residual_blocks=0,
        num_discriminator_layers=2,
    )
    images = tf.zeros((500, 16, 16, 3))
    noise = model._draw(images)
    assert noise.shape == (500, 4, 4, 8)
    assert abs(float(tf.reduce_mean(noise))) < 0.02
    assert abs(float(tf.math.reduce_std(noise)) - 1.0) < 0.02
    assert np.any(noise != model._draw(images))
    np.testing.assert_array_equal(model(images[:1]), model(images[:1]))


def test_defaults_are_the_published_recipe():
    model = SharedLatent(architecture="unit", image_size=64)
    assert model.recipe_of("unit").image_size == 256
    assert model.base_filters == model.discriminator_filters == 64
    # Four convolutions of kernel 4 and widths 64 to 512, three scales.
    judge = 3 * 64 * 16 + 64 + 2 * 16 * 64**2 * 21 + 64 * 14 + 513
    assert [n.count_params() for n in model.discriminators_b] == 3 * [judge]
    assert len(layers_of(model.encoder_a, "Add")) == 4
    model.compile()
    assert model.adversarial_loss == "least_squares"
    assert model.loss_weights == {
        **{"reconstruction": 10.0, "cycle": 10.0, "adversarial": 1.0},
        **{"kl": 0.01, "cycle_kl": 0.01, "perceptual": 0.0},
        **{"real": 1.0, "fake": 1.0},
    }
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is PyTorchAdam and optimizer.l2 == 1e-4
        rates = [
            float(model.default_learning_rate(step))
            for step in (0, 99_999, 100_000, 999_999)
        ]
        np.testing.assert_allclose(rates, [1e-4, 1e-4, 5e-5, 1e-4 / 2**9])
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
    model.compile(schedule="constant")
    rate = model.discriminator_optimizer.learning_rate
    assert not model.rate_decays and float(rate) == np.float32(1e-4)


def test_shared_residual_blocks_are_in_both(reals):
    model = SharedLatent(
        architecture="unit",
        image_size=32,
        base_filters=2,
        num_residual_blocks=2,
        num_discriminator_layers=3,
        shared_layers=1,
    )
    for ours, theirs in (
        (model.encoder_a, model.encoder_b),
        (model.decoder_a, model.decoder_b),
    ):
        both = {id(v) for v in ours.weights} & {id(v) for v in theirs.weights}
        assert len(both) == 4  # a block has two convolutions
    model.compile(run_eagerly=True, recompute=True)
    again = SharedLatent.from_config(model.get_config())
    again.set_weights(model.get_weights())
    again.compile(run_eagerly=True)
    none = None, None
    expected, _ = again._generator_terms(*reals, none, none, training=True)
    found, _ = model._generator_terms(*reals, none, none, training=True)
    for term, value in expected.items():
        np.testing.assert_allclose(found[term], value, rtol=1e-5, err_msg=term)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 66}, "multiple of 4 from 64 up.*66"),
        ({"image_size": 60}, "image_size.*from 64 up.*60"),
        ({"num_discriminator_layers": 0}, "discriminator_layers.*from 1 up.*0"),
        ({"num_residual_blocks": -1}, "num_residual_blocks.*from 0 up.*-1"),
        ({"shared_layers": 5}, "shared_layers.*from 0 to 4.*5"),
        ({"tie": "close"}, "tie must be one of equal.*close"),
        ({"base_filters": 10**4}, "at most 268,435,456 weights.*=10000"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SharedLatent(architecture="unit", **arguments)


def test_perceptual_weights_must_be_a_file(tmp_path):
    for path, message in (
        (None, "perceptual_weights must be a file that exists.*None"),
        (str(tmp_path), "perceptual_weights must be a file that exists"),
        (__file__, "perceptual_weights must be a file of the weights"),
    ):
        model = SharedLatent(
            architecture="unit",
            image_size=16,
            base_filters=1,
            num_residual_blocks=0,
            num_discriminator_layers=1,
            perceptual_weights=path,
        )
        # To translate, none is needed.
        model.compile(loss_weights={"perceptual": 1.0})
        with pytest.raises(UserError, match=message):
            model.make_train_function()
