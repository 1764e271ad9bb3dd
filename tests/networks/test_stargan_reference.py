"""StarGAN's networks and losses against the original's numbers."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop, losses
from keras_gans.layers import frozen_statistics
from keras_gans.networks import stargan_discriminator, stargan_generator
from tests.networks.pytorch_reference import (
    nchw,
    nhwc,
    parameters,
    recipe_weights,
    tolerances,
)

SOURCE = interop.SOURCES["stargan"]

# fixture -> arguments of the generator, arguments of the discriminator
TRAINED = {
    "stargan_celeba": (
        {"base_filters": 6},
        {"image_size": 64, "base_filters": 4},
    ),
    "stargan_celeba_train": (
        {"base_filters": 4, "num_residual_blocks": 1},
        {"image_size": 32, "base_filters": 4, "num_layers": 4},
    ),
}


def load(network, weights):
    interop.load_reference(network, weights, source="stargan")
    return network


def gradients(tape, objective, network, names):
    """Return gradients in the original's layout; 0 where there is none."""
    variables = SOURCE.variables(network)
    values = tape.gradient(
        objective,
        [variables[name].value for name in names],
        unconnected_gradients="zero",
    )
    return {
        name: SOURCE.to_reference(value)
        for name, value in zip(names, values, strict=True)
    }


class Case:
    """A training fixture: its two networks, inputs and terms."""

    def __init__(self, fixture, name, **generator_arguments):
        self.fixture = fixture
        generator, discriminator = TRAINED[name]
        self.g = load(
            stargan_generator(**generator, **generator_arguments),
            fixture.group("w/G"),
        )
        self.d = load(
            stargan_discriminator(**discriminator), fixture.group("w/D")
        )
        self.real = tf.constant(nhwc(fixture["in/x_real"]))
        self.source = tf.constant(fixture["aux/c_org"])
        self.target = tf.constant(fixture["aux/c_trg"])

    def critic(self, images):
        return self.d(images, training=True)[0]

    def generator_objective(self):
        fake = self.g([self.real, self.target], training=True)
        patches, classes = self.d(fake, training=True)
        terms = {
            "G_fake": losses.wasserstein_generator(patches),
            "G_cls": losses.attribute_classification(self.target, classes),
            "G_rec": losses.l1(
                self.real, self.g([fake, self.source], training=True)
            ),
        }
        total = terms["G_fake"] + terms["G_cls"] + 10.0 * terms["G_rec"]
        return terms | {"G_total": total}

    def discriminator_objective(self):
        fake = self.g([self.real, self.target], training=True)
        patches, classes = self.d(self.real, training=True)
        real_term, fake_term = losses.wasserstein_discriminator(
            patches, self.critic(fake)
        )
        terms = {
            "D_real": real_term,
            "D_fake": fake_term,
            "D_cls": losses.attribute_classification(self.source, classes),
            "D_gp": losses.gradient_penalty(
                self.critic, self.real, fake, self.fixture["in/alpha"]
            ),
        }
        total = real_term + fake_term + terms["D_cls"] + 10.0 * terms["D_gp"]
        return terms | {"D_total": total}

    def assert_close(self, group, name, actual):
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[group]
        )


@pytest.fixture(params=TRAINED)
def case(request, reference):
    return Case(reference(request.param), request.param)


def test_outputs(case):
    expected = set(case.fixture.group("out_train"))
    # The original never leaves training mode, so both modes are this one.
    for training in (True, False):
        fake = case.g([case.real, case.target], training=training)
        patches, classes = case.d(case.real, training=training)
        outputs = {
            "G": nchw(fake),
            "D_src": nchw(patches),
            "D_cls": classes,
        }
        if "G_rec" in expected:
            outputs["G_rec"] = nchw(
                case.g([fake, case.source], training=training)
            )
        assert set(outputs) == expected
        for name, actual in outputs.items():
            case.assert_close("out_train", name, actual)


@pytest.mark.parametrize("name", TRAINED)
def test_moving_statistics(reference, name):
    fixture = reference(name)
    case = Case(fixture, name, moving_statistics=True)
    outputs = case.g([case.real, case.target], training=False)
    case.assert_close("out_eval", "G", nchw(outputs))
    with frozen_statistics():
        case.g([case.real, case.target], training=True)
    again = case.g([case.real, case.target], training=False)
    np.testing.assert_array_equal(outputs, again)

    outputs = case.g([case.real, case.target], training=True)
    case.assert_close("out_train", "G", nchw(outputs))
    variables = SOURCE.variables(case.g)
    recorded = fixture.group("running1")
    assert recorded
    for name in recorded:
        network, _, weight = name.partition("/")
        assert network == "G"
        case.assert_close("running1", name, variables[weight])


def test_losses_and_gradients(case):
    for prefix, network, objective in (
        ("d", case.d, case.discriminator_objective),
        ("g", case.g, case.generator_objective),
    ):
        with tf.GradientTape() as tape:
            terms = objective()
        for name, value in terms.items():
            case.assert_close("loss", name, value)
        group = f"grad_{prefix}"
        names = list(case.fixture.group(f"{group}/{prefix.upper()}"))
        assert names and len(names) == len(case.fixture.group(group))
        total = terms[f"{prefix.upper()}_total"]
        for name, gradient in gradients(tape, total, network, names).items():
            case.assert_close(group, f"{prefix.upper()}/{name}", gradient)


def test_gradient_penalty(reference):
    fixture = reference("stargan_gradient_penalty")
    network = load(
        stargan_discriminator(32, 4, base_filters=6, num_layers=3),
        fixture.group("w/D"),
    )
    real, fake = nhwc(fixture["in/real"]), nhwc(fixture["in/fake"])
    x_hat = tf.constant(nhwc(fixture["out/x_hat"]))

    def critic(images):
        return network(images, training=True)[0]

    with tf.GradientTape() as tape:
        tape.watch(x_hat)
        patches = critic(x_hat)
    fixture.assert_close("out/D_src", nchw(patches))
    # Of a tensor, a tape differentiates the sum.
    fixture.assert_close("out/dydx", nchw(tape.gradient(patches, x_hat)))
    fixture.assert_close(
        "out/dydx_l2norm", losses.gradient_norms(critic, x_hat)
    )

    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            critic, real, fake, fixture["in/alpha"]
        )
    fixture.assert_close("loss/gp", penalty)
    names = list(fixture.group("grad_gp/D"))
    assert len(names) == len(fixture.group("grad_gp")) == 7
    for name, gradient in gradients(tape, penalty, network, names).items():
        fixture.assert_close(f"grad_gp/D/{name}", gradient)


def full_width_weights(fixture, net):
    fixture.meta["seeds"] = {net: fixture.meta[f"seed_{net}"]}
    weights = recipe_weights(fixture, net)
    for name, total in zip(weights, fixture[f"check/{net}_sum"], strict=True):
        assert np.isclose(weights[name].sum(dtype="float64"), total, rtol=1e-4)
    return weights


def test_generator_of_full_width(reference):
    fixture = reference("stargan_fullwidth")
    network = stargan_generator()
    assert parameters(network) == 8_430_528
    tracked = stargan_generator(moving_statistics=True)
    assert parameters(tracked) == 8_430_528
    weights = full_width_weights(fixture, "G")
    for group, model in (("out_train", network), ("out_eval", tracked)):
        load(model, weights)
        outputs = model([nhwc(fixture["in/x"]), fixture["in/c"]])
        fixture.assert_close(f"{group}/G", nchw(outputs), rtol=1e-3, atol=1e-4)


def test_discriminator_of_full_width(reference):
    fixture = reference("stargan_fullwidth")
    network = stargan_discriminator()
    assert parameters(network) == 44_762_048
    load(network, full_width_weights(fixture, "D"))
    patches, classes = network(nhwc(fixture["in/x128"]))
    fixture.assert_close("out/D_src", nchw(patches), rtol=1e-3, atol=1e-4)
    fixture.assert_close("out/D_cls", classes, rtol=1e-3, atol=1e-4)
