"""UNIT beside the training loop of the code that its authors gave first."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import SharedLatent
from keras_gans.checks import UserError
from keras_gans.optimizers import PyTorchAdam
from tests.models.unit_training import (
    close,
    compare_gradients,
    compare_steps,
    compare_terms,
)
from tests.networks.pytorch_reference import assign, layers_of, nchw, nhwc

CONVOLUTIONS = "Conv2D", "Conv2DTranspose"
G_TERMS = {
    "reconstruction": ("gen_ll_loss_a", "gen_ll_loss_b"),
    "adversarial": ("gen_ad_loss_a", "gen_ad_loss_b"),
    "cycle": ("gen_ll_loss_aba", "gen_ll_loss_bab"),
    # The mean over both domains, which the code counts twice.
    "kl": ("gen_enc_loss", "gen_enc_loss"),
    "cycle_kl": ("gen_enc_aba_loss", "gen_enc_bab_loss"),
}
TOTALS = "dis_loss", "gen_total_loss"


def variables(model):
    """Return the variables by the code's names, shared ones once."""
    found = {}
    for domain in "ab":
        own = domain.upper()
        encode, decode = f"gen/encode_{own}", f"gen/decode_{own}"
        for network, names in (
            (
                getattr(model, f"encoder_{domain}"),
                [
                    *(f"{encode}.{n}.model.0" for n in range(4)),
                    f"{encode}.3.model.3",
                    *(f"gen/enc_shared.0.model.{n}" for n in (0, 3)),
                ],
            ),
            (
                getattr(model, f"decoder_{domain}"),
                [
                    *(f"gen/dec_shared.0.model.{n}" for n in (0, 3)),
                    *(f"{decode}.0.model.{n}" for n in (0, 3)),
                    *(f"{decode}.{n}.model.0" for n in (1, 2)),
                    f"{decode}.3",
                ],
            ),
            (
                getattr(model, f"discriminators_{domain}")[0],
                [
                    *(f"dis/model_{own}.{n}.model.0" for n in (0, 1)),
                    *(f"dis/model_S.{n}.model.0" for n in (0, 1)),
                    "dis/model_S.2",
                ],
            ),
        ):
            layers = layers_of(network, *CONVOLUTIONS)
            for name, layer in zip(names, layers, strict=True):
                found[f"{name}.weight"] = layer.kernel
                found[f"{name}.bias"] = layer.bias
    return found


@pytest.fixture
def fixture(reference):
    return reference("unit_cocogan_train")


@pytest.fixture
def model(fixture):
    model = SharedLatent(
        architecture="unit-v1",
        image_size=32,
        base_filters=3,
        discriminator_filters=2,
        num_residual_blocks=2,
        num_discriminator_layers=4,
    )
    model.compile(run_eagerly=True)
    assign(variables(model), fixture.group("w"))
    model._draw = lambda images: None
    return model


@pytest.fixture
def reals(fixture):
    return nhwc(fixture["in/images_a"]), nhwc(fixture["in/images_b"])


def test_shared_weights_are_those_of_the_code(model, fixture):
    found = variables(model)
    assert {*found} == {*fixture.group("w")}
    assert len(found) == len(model.trainable_variables) == 62
    assert len(model.generator_variables) == 48


def test_forward(model, fixture, reals):
    codes = model._encoded(*reals, training=False)
    (own_a, fake_a), (fake_b, own_b) = model._decoded(codes, training=False)
    shared_bab, shared_aba = model._encoded(fake_a, fake_b, training=False)
    for name, actual in {
        "shared": tf.concat(codes, 0),
        **{"x_aa": own_a, "x_ba": fake_a, "x_ab": fake_b, "x_bb": own_b},
        **{"shared_bab": shared_bab, "shared_aba": shared_aba},
        "x_bab": model.decode(shared_bab, "b"),
        "x_aba": model.decode(shared_aba, "a"),
    }.items():
        close(fixture, "out", name, nchw(actual))
    for domain, real, fake in zip("ab", reals, (fake_a, fake_b), strict=True):
        (network,) = getattr(model, f"discriminators_{domain}")
        for name, images in (("real", real), ("fake", fake)):
            logits = np.ravel(network(images))
            close(fixture, "out", f"dis_{domain}_{name}_0", logits)


def test_losses_and_gradients(model, fixture, reals):
    terms = compare_gradients(model, fixture, variables(model), reals, TOTALS)
    compare_terms(fixture.group("loss"), terms, G_TERMS)


def test_three_steps_of_the_recipe(model, fixture, reals):
    compare_steps(model, fixture, variables(model), reals, G_TERMS, TOTALS)


def test_defaults_are_the_published_recipe():
    model = SharedLatent(architecture="unit-v1")
    assert (model.image_size, model.default_batch_size) == (256, 1)
    count = sum(int(np.prod(v.shape)) for v in model.generator_variables)
    assert count == 18_017_286
    widths = [
        layer.filters for layer in layers_of(model.networks[-1], "Conv2D")
    ]
    assert widths == [64, 128, 256, 512, 1024, 2048, 1]
    model.compile()
    assert model.adversarial_loss == "non_saturating"
    assert model.loss_weights == {
        **{"reconstruction": 100.0, "cycle": 100.0, "adversarial": 10.0},
        **{"kl": 0.1, "cycle_kl": 0.1, "real": 10.0, "fake": 10.0},
    }
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is PyTorchAdam and optimizer.l2 == 1e-4
        assert np.isclose(float(optimizer.learning_rate), 1e-4)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 4}, "image_size.*from 8 up.*4"),
        ({"num_discriminator_layers": 1}, "discriminator_layers.*2 up.*1"),
        ({"perceptual_weights": "vgg16.h5"}, "left out for.*unit-v1.*vgg16"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SharedLatent(architecture="unit-v1", **arguments)
