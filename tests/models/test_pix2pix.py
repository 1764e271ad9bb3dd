"""Pix2Pix against the training loop of its authors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.models.pix2pix import Pix2Pix
from keras_gans.optimizers import PyTorchAdam
from tests.models.pytorch_training import Training

NETWORKS = {"G": "generator", "D": "discriminator"}


@pytest.fixture
def training(reference):
    model = Pix2Pix(image_size=32, base_filters=3, discriminator_filters=4)
    model.compile(run_eagerly=True)
    return Training(model, reference("pix_pix2pix_train"), NETWORKS)


def images(count=2, size=64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, size, size, 3)).astype("float32")


def batch(count=2, size=64, seed=0):
    return {
        "images_a": images(count, size, seed),
        "images_b": images(count, size, seed + 100),
    }


def tensors(batch):
    return {name: tf.constant(array) for name, array in batch.items()}


def test_losses_and_gradients(training):
    model = training.model
    a, b = training.batch["images_a"], training.batch["images_b"]
    with tf.GradientTape() as tape:
        fake_b = training.assert_output("out_train", "fake_B", "G", a)
        g_terms, _ = model._generator_terms(fake_b, a, b, training=True)
        g_loss = model.weighted_sum(g_terms)
    gradients = tape.gradient(g_loss, model.generator_variables)
    assert training.assert_gradients(
        "grad_g", model.generator_variables, gradients
    )
    with tf.GradientTape() as tape:
        d_terms, _ = model._discriminator_terms(a, b, fake_b, training=True)
        d_loss = model.weighted_sum(d_terms)
    gradients = tape.gradient(d_loss, model.discriminator_variables)
    assert training.assert_gradients(
        "grad_d", model.discriminator_variables, gradients
    )
    for name, actual in (
        ("D_real_1", d_terms["real"]),
        ("D_fake_1", d_terms["fake"]),
        ("D_1", d_loss),
        # The adversarial one is, in the loop, that of the next discriminator.
        ("G_L1_1", 100 * g_terms["reconstruction"]),
    ):
        training.assert_close("step_loss", name, actual)


def test_three_steps_of_the_recipe(training):
    for step in (1, 2, 3):
        logs = training.step()
        for log, name, weight in (
            ("g_loss", "G", 1),
            ("g_adversarial", "G_GAN", 1),
            ("g_reconstruction", "G_L1", 100),
            ("d_loss", "D", 1),
            ("d_real", "D_real", 1),
            ("d_fake", "D_fake", 1),
        ):
            training.assert_close(
                "step_loss", f"{name}_{step}", weight * logs[log]
            )
        if step == 2:
            continue
        assert training.assert_weights(f"adam{step}") == 38
        a = training.batch["images_a"]
        training.assert_output(f"adam{step}_out_train", "fake_B", "G", a)


def test_defaults_are_the_published_recipe():
    model = Pix2Pix()
    assert (model.image_size, model.num_downsamples) == (256, 8)
    assert model.dropout == 0.5 and model.default_batch_size == 1
    trained = [
        sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        for network in model.networks
    ]
    assert trained == [54_413_955, 2_768_705]
    settings = {"image_size": 256, "batch_size": 1, "epochs": 200}
    assert Pix2Pix.default_settings() == {**settings, "steps": None}
    assert Pix2Pix(image_size=128, base_filters=1).num_downsamples == 7


def test_default_compilation():
    model = Pix2Pix(image_size=32, base_filters=1)
    model.compile()
    assert model.adversarial_loss == "non_saturating"
    assert model.loss_weights["reconstruction"] == 100.0
    assert model.loss_weights["real"] == model.loss_weights["fake"] == 0.5
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is PyTorchAdam
        assert np.isclose(float(optimizer.learning_rate), 2e-4)
        assert (optimizer.beta_1, optimizer.epsilon) == (0.5, 1e-8)
    model.compile(total_steps=10)
    rates = [float(model.optimizer.learning_rate)]
    model.optimizer.iterations.assign(9)
    rates.append(float(model.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [2e-4, 2e-4 / 6], rtol=1e-6)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_one_generator_pass_serves_both_updates(run_eagerly):
    """With dropout, a second pass would have another mask."""
    model = Pix2Pix(image_size=64, base_filters=2)
    model.compile(run_eagerly=run_eagerly)
    seen = {}
    for name in ("_generator_terms", "_discriminator_terms"):
        setattr(model, name, _watched(model, name, seen))
    state = next(v for v in model.variables if v.name == "seed_generator_state")
    before = state.numpy()
    step = model.train_step if run_eagerly else tf.function(model.train_step)
    step(tensors(batch()))
    if run_eagerly:
        np.testing.assert_array_equal(
            seen["_generator_terms"], seen["_discriminator_terms"]
        )
    assert state.numpy()[1] == before[1] + 1


def _watched(model, name, seen):
    terms = getattr(model, name)

    def watched(*args, training):
        seen[name] = args[0] if name == "_generator_terms" else args[-1]
        return terms(*args, training=training)

    return watched


def test_moving_statistics_record_one_pass_per_step():
    model = Pix2Pix(image_size=32, base_filters=2)
    model.compile(run_eagerly=True)
    twin = Pix2Pix(image_size=32, base_filters=2)
    twin.set_weights(model.get_weights())
    inputs = tensors(batch(size=32))
    model.train_step(inputs)
    twin.record_statistics(inputs)
    for ours, expected in zip(
        model.generator.non_trainable_variables,
        twin.generator.non_trainable_variables,
        strict=True,
    ):
        np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-6)


def test_call_and_translate_are_the_same_every_time():
    model = Pix2Pix(image_size=64, base_filters=2)
    inputs = images()
    np.testing.assert_array_equal(model(inputs), model.translate(inputs))
    np.testing.assert_array_equal(model(inputs), model.translate(inputs))
    # Whatever else is in the batch.
    np.testing.assert_allclose(
        model(inputs)[:1], model(inputs[:1]), rtol=1e-5, atol=1e-6
    )


def test_noise_is_the_test_time_of_the_paper():
    model = Pix2Pix(image_size=64, base_filters=2)
    inputs = images()
    statistics = [v.numpy() for v in model.generator.non_trainable_variables]
    first, second = (model.translate(inputs, noise=True) for _ in range(2))
    assert first.shape == inputs.shape
    assert not np.array_equal(first, second)
    for before, variable in zip(
        statistics, model.generator.non_trainable_variables, strict=True
    ):
        if variable.name != "seed_generator_state":
            np.testing.assert_array_equal(before, variable.numpy())
    # Without dropout: each image by its own statistics.
    model = Pix2Pix(image_size=64, base_filters=2, dropout=0.0)
    alone = model.generator(inputs[1:], training=True)
    np.testing.assert_allclose(
        model.translate(inputs, noise=True)[1:], alone, rtol=1e-4, atol=1e-5
    )


def test_other_sizes_are_translated_too():
    model = Pix2Pix(image_size=64, base_filters=2, num_downsamples=5)
    wide = np.zeros((1, 32, 96, 3), "float32")
    assert model.translate(wide).shape == wide.shape
    with pytest.raises(ValueError, match="multiples of 32.*48"):
        model.translate(np.zeros((1, 48, 64, 3), "float32"))


def test_samples_are_input_translation_answer():
    model = Pix2Pix(image_size=32, base_filters=2)
    pairs = batch(size=32)
    (name, grid), *others = model.samples(pairs).items()
    assert name == "a_to_b" and not others
    assert [c.role for c in grid.columns] == ["input", "output", "truth"]
    real_a, fake_b, real_b = (c.images for c in grid.columns)
    np.testing.assert_array_equal(real_a, pairs["images_a"])
    np.testing.assert_array_equal(fake_b, model(pairs["images_a"]))
    np.testing.assert_array_equal(real_b, pairs["images_b"])


def test_dropout_continues_exactly(tmp_path):
    model, other = (Pix2Pix(image_size=64, base_filters=2) for _ in range(2))
    for each in (model, other):
        each.compile(run_eagerly=True)
    inputs = tensors(batch())
    model.train_step(inputs)
    model.save(tmp_path / "model.keras")
    other.load_weights(tmp_path / "model.keras")
    for each in (model, other):
        each.train_step(inputs)
    for ours, theirs in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_float16_scales_through_the_recorded_pass():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = Pix2Pix(image_size=32, base_filters=2)
    finally:
        keras.config.set_dtype_policy("float32")
    twin = Pix2Pix(image_size=32, base_filters=2)
    twin.set_weights(model.get_weights())
    adam = PyTorchAdam(2e-4, 0.5)
    # The usual first scale overflows here, and its step would be skipped.
    model.compile(
        generator_optimizer=keras.optimizers.LossScaleOptimizer(
            adam, initial_scale=256.0
        ),
        run_eagerly=True,
    )
    twin.compile(run_eagerly=True)
    for each in (model, twin):
        each.train_step(tensors(batch(size=32)))
    moments = [
        np.abs(optimizer._momentums[-2].numpy()).sum()
        for optimizer in (adam, twin.optimizer)
    ]
    # Without unscaling, or with it done twice, they are 256 times apart.
    assert 0.5 < moments[0] / moments[1] < 2


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"image_size": 200}, r"power of two.*64, 128, 256.*200"),
        ({"image_size": 16}, "power of two from 32.*16"),
        ({"image_size": 256.0}, "power of two.*256.0"),
        (
            {"image_size": 96, "num_downsamples": 6},
            "multiple of 64 for num_downsamples=6.*96",
        ),
        ({"num_downsamples": 4}, "num_downsamples.*from 5 up.*4"),
        ({"num_downsamples": 10**6}, "num_downsamples.*from 5 to 12.*1000000"),
        ({"image_size": 2**20}, "image_size.*from 32 to 4096.*1048576"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"discriminator_filters": 2.5}, "discriminator_filters.*2.5"),
        ({"dropout": 1}, "dropout.*1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Pix2Pix(**arguments)
