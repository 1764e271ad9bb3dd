"""The ResNet CycleGAN against the training loop of its authors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import CycleGAN
from keras_gans.optimizers import PyTorchAdam
from tests.models.pytorch_training import Training

# The original names discriminators after the generator that they teach.
NETWORKS = {
    "G_A": "generator_ab",
    "G_B": "generator_ba",
    "D_A": "discriminator_b",
    "D_B": "discriminator_a",
}
TINY = {
    "architecture": "resnet",
    "image_size": 24,
    "base_filters": 2,
    "num_residual_blocks": 1,
}


@pytest.fixture
def training(reference):
    model = CycleGAN(
        architecture="resnet", image_size=32, base_filters=3, pool_size=0
    )
    model.compile(run_eagerly=True)
    return Training(model, reference("pix_cyclegan_train"), NETWORKS)


def images(count=1, size=24, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, size, size, 3)).astype("float32")


def batch(count=1, seed=0):
    return {
        "images_a": images(count, seed=seed),
        "images_b": images(count, seed=seed + 100),
    }


def fit(model, steps, **arguments):
    dataset = tf.data.Dataset.from_tensors(batch()).repeat()
    return model.fit(
        dataset, steps_per_epoch=steps, verbose=0, shuffle=False, **arguments
    )


def test_losses_and_gradients(training):
    model, fixture = training.model, training.fixture
    a, b = training.batch["images_a"], training.batch["images_b"]
    with tf.GradientTape() as tape:
        g_terms, (fake_a, fake_b) = model._generator_terms(a, b, training=True)
        g_loss = model.weighted_sum(g_terms)
    gradients = tape.gradient(g_loss, model.generator_variables)
    assert training.assert_gradients(
        "grad_g", model.generator_variables, gradients
    )
    with tf.GradientTape() as tape:
        d_terms, _ = model._discriminator_terms(
            a, b, fake_a, fake_b, training=True
        )
        d_loss = model.weighted_sum(d_terms)
    gradients = tape.gradient(d_loss, model.discriminator_variables)
    assert training.assert_gradients(
        "grad_d", model.discriminator_variables, gradients
    )
    losses = fixture.group("step_loss")
    for actual, names, weight in (
        (g_loss, ("G_1",), 1),
        (g_terms["adversarial"], ("G_A_1", "G_B_1"), 1),
        (g_terms["cycle"], ("cycle_A_1", "cycle_B_1"), 10),
        (g_terms["identity"], ("idt_A_1", "idt_B_1"), 5),
        (d_loss, ("D_A_1", "D_B_1"), 1),
    ):
        expected = sum(losses[name] for name in names) / weight
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_translations(training):
    a, b = training.batch["images_a"], training.batch["images_b"]
    fake_b = training.assert_output("out_train", "fake_B", "G_A", a)
    fake_a = training.assert_output("out_train", "fake_A", "G_B", b)
    training.assert_output("out_train", "rec_A", "G_B", fake_b)
    training.assert_output("out_train", "rec_B", "G_A", fake_a)


def test_three_steps_of_the_recipe(training):
    for step in (1, 2, 3):
        logs = training.step()
        for log, names, weight in (
            ("g_loss", ("G",), 1),
            ("g_adversarial", ("G_A", "G_B"), 1),
            ("g_cycle", ("cycle_A", "cycle_B"), 10),
            ("g_identity", ("idt_A", "idt_B"), 5),
            ("d_loss", ("D_A", "D_B"), 1),
        ):
            expected = sum(
                training.fixture[f"step_loss/{name}_{step}"] for name in names
            )
            np.testing.assert_allclose(
                weight * logs[log],
                expected,
                rtol=1e-4,
                atol=1e-5,
                err_msg=f"{log} of step {step}",
            )
        if step == 2:
            continue
        assert training.assert_weights(f"adam{step}") == 52
        a = training.batch["images_a"]
        training.assert_output(f"adam{step}_out_train", "fake_B", "G_A", a)


def test_defaults_are_the_published_recipe():
    model = CycleGAN(architecture="resnet")
    assert model.image_size == 256 and model.num_residual_blocks == 9
    assert model.base_filters == model.discriminator_filters == 64
    assert model.pool_size == 50 and model.default_batch_size == 1
    counts = [network.count_params() for network in model.networks]
    assert counts == [11_378_179, 11_378_179, 2_764_737, 2_764_737]
    assert model.pool_a.images.shape == (50, 256, 256, 3)
    model.compile()
    assert model.adversarial_loss == "least_squares"
    assert model.loss_weights == {
        "adversarial": 1.0,
        "cycle": 10.0,
        "identity": 5.0,
        "real": 0.5,
        "fake": 0.5,
    }
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is PyTorchAdam
        assert np.isclose(float(optimizer.learning_rate), 2e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
        assert optimizer.epsilon == 1e-8


def test_defaults_depend_on_the_size_and_the_architecture():
    assert CycleGAN.default_settings() == {
        **{"image_size": 64, "batch_size": 64},
        **{"steps": 100_000, "epochs": None},
    }
    assert CycleGAN.default_settings(architecture="resnet") == {
        **{"image_size": 256, "batch_size": 1},
        **{"steps": None, "epochs": 200},
    }
    model = CycleGAN(architecture="resnet", image_size=252, base_filters=1)
    assert model.num_residual_blocks == 6
    assert CycleGAN(base_filters=4).pool_size == 0


def test_what_passes_together_is_what_passes_alone():
    model = CycleGAN(**TINY)
    model.compile(run_eagerly=True)
    a, b = images(2), images(2, seed=1)
    together, (fake_a, fake_b) = model._generator_terms(a, b, training=True)
    np.testing.assert_allclose(fake_b, model.generator_ab(a), atol=1e-6)
    np.testing.assert_allclose(fake_a, model.generator_ba(b), atol=1e-6)
    expected = np.mean(np.abs(b - model.generator_ab(b))) + np.mean(
        np.abs(a - model.generator_ba(a))
    )
    np.testing.assert_allclose(together["identity"], expected, rtol=1e-5)
    terms, _ = model._discriminator_terms(a, b, fake_a, fake_b, training=True)
    expected = np.mean(model.discriminator_a(fake_a) ** 2) + np.mean(
        model.discriminator_b(fake_b) ** 2
    )
    np.testing.assert_allclose(terms["fake"], expected, rtol=1e-5)


def test_the_generators_pass_four_times_and_judges_twice():
    model = CycleGAN(**TINY)
    model.compile(run_eagerly=True)
    calls = []
    for network in model.networks:
        network.call = _counted(network.call, network.name, calls)
    model.train_step({k: tf.constant(v) for k, v in batch().items()})
    assert sorted(calls) == sorted(
        2 * [network.name for network in model.networks]
    )


def _counted(call, name, calls):
    def counted(*args, **kwargs):
        calls.append(name)
        return call(*args, **kwargs)

    return counted


def test_discriminators_learn_from_the_pool():
    model = CycleGAN(**TINY, pool_size=2)
    model.compile(run_eagerly=True)
    seen = []
    terms = model._discriminator_terms

    def watched(real_a, real_b, fake_a, fake_b, training):
        if training:
            seen.append((fake_a.numpy(), fake_b.numpy()))
        return terms(real_a, real_b, fake_a, fake_b, training)

    model._discriminator_terms = watched
    fakes = []
    for step in range(12):
        inputs = {k: tf.constant(v) for k, v in batch(seed=step).items()}
        fakes.append(model.translate(inputs["images_a"]).numpy())
        model.train_step(inputs)
    sources = [
        next(
            past
            for past in range(12)
            if np.allclose(fake_b, fakes[past], atol=1e-5)
        )
        for _, fake_b in seen
    ]
    assert sources[:2] == [0, 1]
    assert all(past <= step for step, past in enumerate(sources))
    assert any(past < step for step, past in enumerate(sources))
    assert int(model.pool_b.filled) == 2


def test_rate_over_a_run_of_known_length():
    model = CycleGAN(**TINY, pool_size=0)
    model.compile(total_steps=6, run_eagerly=True)
    rates = []
    for _ in range(6):
        rates.append(float(model.generator_optimizer.learning_rate))
        fit(model, 1)
    np.testing.assert_allclose(
        rates, 2e-4 * np.array([1, 1, 1, 3 / 4, 2 / 4, 1 / 4]), rtol=1e-6
    )
    assert float(model.discriminator_optimizer.learning_rate) == 0.0


def test_rate_by_epochs_without_it():
    model = CycleGAN(**TINY, pool_size=0)
    model.compile(run_eagerly=True)
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, step, logs=None):
            rates.append(
                float(self.model.discriminator_optimizer.learning_rate)
            )

    fit(model, 1, initial_epoch=98, epochs=102, callbacks=[Watch()])
    np.testing.assert_allclose(
        rates, 2e-4 * np.array([1, 1, 100 / 101, 99 / 101]), rtol=1e-6
    )
    rates.clear()
    fit(model, 2, callbacks=Watch())
    np.testing.assert_allclose(rates, [2e-4, 2e-4], rtol=1e-6)


def test_any_size_is_translated_and_rounded_up():
    model = CycleGAN(**TINY)
    wide = np.zeros((1, 26, 40, 3), "float32")
    assert model.translate(wide).shape == (1, 28, 40, 3)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"image_size": 30}, "multiple of 4 from 24.*30"),
        ({"image_size": 20}, "multiple of 4 from 24.*20"),
        ({"image_size": 256.0}, "multiple of 4 from 24.*256.0"),
        ({"num_residual_blocks": -1}, "num_residual_blocks.*from 0 up.*-1"),
        ({"pool_size": -1}, "pool_size.*from 0 up.*-1"),
        ({"image_size": 2**20}, "image_size.*from 24 to 4096.*1048576"),
        ({"num_residual_blocks": 10**6}, "from 0 to 100.*1000000"),
        ({"pool_size": 1.5}, "pool_size.*1.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CycleGAN(architecture="resnet", **arguments)


def test_residual_blocks_are_of_resnet_only():
    with pytest.raises(ValueError, match="only for architecture=.*6"):
        CycleGAN(num_residual_blocks=6)


@pytest.mark.parametrize("total_steps", [0, -3, 2.5])
def test_total_steps_must_be_a_count(total_steps):
    model = CycleGAN(**TINY, pool_size=0)
    with pytest.raises(ValueError, match=f"total_steps.*{total_steps}"):
        model.compile(total_steps=total_steps)
