"""StarGAN against the training loop of its authors."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop
from keras_gans.models.stargan import StarGAN
from tests.networks.pytorch_reference import nchw, nhwc, tolerances

SOURCE = interop.SOURCES["stargan"]


class Training:
    """A model beside the fixture of the original's training loop."""

    def __init__(self, fixture):
        self.fixture = fixture
        self.model = model = StarGAN(
            image_size=32,
            base_filters=4,
            num_residual_blocks=1,
            num_discriminator_layers=4,
            critic_steps=1,
        )
        model.compile(run_eagerly=True, schedule="constant")
        self.variables = {}
        for scope, network in zip(
            "GD", (model.generator, model.discriminator), strict=True
        ):
            weights = fixture.group(f"w/{scope}")
            interop.load_reference(network, weights, source="stargan")
            for name, variable in SOURCE.variables(network).items():
                self.variables[f"{scope}/{name}"] = variable
        order = tf.constant(fixture.meta["label_permutation"])
        self.mixing = tf.constant(fixture["in/alpha"])
        # What the model draws; it shuffles by itself.
        model._draw = lambda count: (order, self.mixing)
        self.batch = {
            "images": tf.constant(nhwc(fixture["in/x_real"])),
            "labels": tf.constant(fixture["in/label_org"]),
        }

    def assert_close(self, group, name, actual):
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[group]
        )

    def step(self):
        self.model.reset_metrics()
        return self.model.train_step(self.batch)


@pytest.fixture
def training(reference):
    return Training(reference("stargan_celeba_train"))


def test_losses_and_gradients(training):
    model, fixture = training.model, training.fixture
    real, source = training.batch["images"], training.batch["labels"]
    target = tf.constant(fixture["aux/c_trg"])
    for scope, variables, terms_of, args in (
        ("G", model.generator_variables, model._generator_terms, ()),
        (
            "D",
            model.discriminator_variables,
            model._discriminator_terms,
            (training.mixing,),
        ),
    ):
        with tf.GradientTape() as tape:
            terms, _ = terms_of(real, source, target, *args, training=True)
            total = model.weighted_sum(terms)
        for name, term in {
            "fake": "adversarial" if scope == "G" else "fake",
            "real": "real",
            "cls": "classification",
            "rec": "reconstruction",
            "gp": "gradient_penalty",
        }.items():
            if term in terms:
                training.assert_close("loss", f"{scope}_{name}", terms[term])
        training.assert_close("loss", f"{scope}_total", total)
        gradients = tape.gradient(total, variables)
        gradients = {
            id(v): g for v, g in zip(variables, gradients, strict=True)
        }
        group = f"grad_{scope.lower()}"
        names = list(fixture.group(group))
        for name in names:
            gradient = gradients[id(training.variables[name])]
            training.assert_close(group, name, SOURCE.to_reference(gradient))
        assert len(names) == len(variables)


def test_three_steps_of_the_original(training):
    model, fixture = training.model, training.fixture
    for step in (1, 2, 3):
        logs = training.step()
        for log, name in (
            ("d_real", "D_loss_real"),
            ("d_fake", "D_loss_fake"),
            ("d_classification", "D_loss_cls"),
            ("d_gradient_penalty", "D_loss_gp"),
            ("g_adversarial", "G_loss_fake"),
            ("g_reconstruction", "G_loss_rec"),
            ("g_classification", "G_loss_cls"),
        ):
            training.assert_close("step_loss", f"{name}_{step}", [logs[log]])
        if step == 2:
            continue
        group = f"adam{step}"
        compared = 0
        for name, variable in training.variables.items():
            actual = SOURCE.to_reference(variable)
            reliable = fixture.arrays.get(f"reliable/{group}/{name}")
            if reliable is not None:
                # The others have no gradient: Adam follows the rounding.
                assert 0.9 < reliable.mean() < 1.0
                actual = np.where(reliable, actual, fixture[f"{group}/{name}"])
            training.assert_close(group, name, actual)
            compared += 1
        assert compared == len(fixture.group(group))
        real, target = training.batch["images"], fixture["aux/c_trg"]
        outputs = model([real, tf.constant(target)])
        training.assert_close(f"{group}_out_train", "G", nchw(outputs))
        patches, _ = model.discriminator(real)
        training.assert_close(f"{group}_out_train", "D_src", nchw(patches))
