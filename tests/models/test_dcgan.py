"""DCGAN against the training loops of its two codes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop
from keras_gans.models.dcgan import DCGAN
from keras_gans.optimizers import Adam, PyTorchAdam
from keras_gans.verbs import Latents
from tests.models.noise_training import Training
from tests.networks.pytorch_reference import nchw, nhwc


class DCGANTraining(Training):
    """A DCGAN beside the fixture of its code's training loop."""

    def __init__(self, fixture, source, latents, images, **arguments):
        model = DCGAN(latent_dim=latents.shape[1], **arguments)
        model.compile(run_eagerly=True)
        reference, variables = interop.SOURCES[source], {}
        for scope, network in zip("GD", model.networks, strict=True):
            weights = fixture.group(f"w/{scope}")
            interop.load_reference(network, weights, source=source)
            for name, variable in reference.variables(network).items():
                variables[f"{scope}/{name}"] = variable

        def to_reference(name, array):
            return reference.to_reference(array)

        super().__init__(
            *(model, fixture, variables, to_reference, latents), images=images
        )
        self.images = self.batch["images"]

    def assert_losses_and_gradients(self):
        """Compare what the initial weights give; return the fakes."""
        model = self.model
        with tf.GradientTape() as tape:
            fake = model.generator(self.latents, training=True)
            terms, _ = model._generator_terms(fake, training=True)
            total = model.weighted_sum(terms)
        self.assert_close("loss", "G", total)
        self.assert_gradients("grad_g", tape, total, model.generator_variables)
        with tf.GradientTape() as tape:
            terms, _ = model._discriminator_terms(
                self.images, fake, training=True
            )
            total = model.weighted_sum(terms)
        for name, value in (
            ("D_real", terms["real"]),
            ("D_fake", terms["fake"]),
            ("D", total),
        ):
            self.assert_close("loss", name, value)
        self.assert_gradients(
            "grad_d", tape, total, model.discriminator_variables
        )
        return fake


@pytest.fixture
def torch(reference):
    fixture = reference("dcgan_torch_train")
    latents, images = fixture["in/noise"][..., 0, 0], nhwc(fixture["in/real"])
    return DCGANTraining(
        *(fixture, "pytorch-dcgan", latents, images), base_filters=4
    )


@pytest.fixture
def tf1(reference):
    fixture = reference("dcgan_tf1_train")
    return DCGANTraining(
        *(fixture, "dcgan-tensorflow", fixture["in/z"], fixture["in/images"]),
        architecture="tf1",
        base_filters=3,
    )


def probabilities(logits):
    return tf.sigmoid(logits)[:, 0]


def test_torch_forward(torch):
    model, discriminator = torch.model, torch.model.discriminator
    torch.assert_close("out_eval", "G", nchw(model(torch.latents)))
    logits = discriminator(torch.images, training=False)
    torch.assert_close("out_eval", "D_real", probabilities(logits))
    fake = model.generator(torch.latents, training=True)
    torch.assert_close("out_train", "G", nchw(fake))
    logits = discriminator(torch.images, training=True)
    torch.assert_close("out_train", "D_real", probabilities(logits))
    assert torch.assert_group("running1") == 14
    logits = discriminator(fake, training=True)
    torch.assert_close("out_train", "D_fake", probabilities(logits))


def test_tf1_forward(tf1):
    model, discriminator = tf1.model, tf1.model.discriminator
    tf1.assert_close("out_eval", "sampler", model(tf1.latents))
    fake = model.generator(tf1.latents, training=True)
    tf1.assert_close("out_train", "G", fake)
    assert tf1.assert_group("running1") == 8
    for name, images in (("real", tf1.images), ("fake", fake)):
        logits = discriminator(images, training=True)
        tf1.assert_close("out_train", f"D_logits_{name}", logits)


@pytest.mark.parametrize("code", ["torch", "tf1"])
def test_losses_and_gradients(code, request):
    request.getfixturevalue(code).assert_losses_and_gradients()


def test_three_steps_of_torch(torch):
    model = torch.model
    for step in (1, 2, 3):
        logs = torch.step()
        for log, name in (
            ("d_real", "errD_real"),
            ("d_fake", "errD_fake"),
            ("d_loss", "errD"),
            ("g_loss", "errG"),
        ):
            torch.assert_close("step_loss", f"{name}_{step}", logs[log])
        if step == 2:
            continue
        assert torch.assert_group(f"adam{step}") == 24
        # One pass of the generator in a step, three of the discriminator.
        assert torch.assert_group(f"adam{step}_running") == 14
        group = f"adam{step}_out_train"
        statistics = torch.statistics()
        fake = model.generator(torch.latents, training=True)
        torch.assert_close(group, "G", nchw(fake))
        logits = model.discriminator(torch.images, training=True)
        torch.assert_close(group, "D_real", probabilities(logits))
        torch.restore(statistics)


def test_three_steps_of_tf1(tf1):
    """The code's generator makes five passes a step, of which we make two.

    What its two others of the training and its two of the printed losses do
    to the moving statistics is done here by passes of the test.
    """
    model = tf1.model

    def passed():
        return model.generator(tf1.latents, training=True)

    for step in (1, 2, 3):
        passed()  # for the discriminator's update; ours is the next one
        tf1.step()
        passed()
        fake = passed()
        terms, _ = model._discriminator_terms(tf1.images, fake, training=True)
        tf1.assert_close("step_loss", f"d_{step}", model.weighted_sum(terms))
        terms, _ = model._generator_terms(fake, training=True)
        tf1.assert_close("step_loss", f"g_{step}", terms["adversarial"])
        if step == 2:
            continue
        assert tf1.assert_group(f"adam{step}") == 28
        assert tf1.assert_group(f"adam{step}_running") == 5
        if step == 1:
            statistics = tf1.statistics()
            tf1.assert_close("adam1_out_train", "G", passed())
            tf1.restore(statistics)


@pytest.mark.parametrize("architecture,passes", [("torch", 1), ("tf1", 2)])
def test_moving_statistics_record_each_image_that_is_made(architecture, passes):
    model, twin = (
        DCGAN(architecture, image_size=32, base_filters=2, latent_dim=4)
        for _ in range(2)
    )
    twin.set_weights(model.get_weights())
    model.compile(run_eagerly=True, learning_rate=0.0)
    latents = tf.constant(model.latents.draw(4))
    model._draw = lambda images, seed: latents
    model.train_step({"images": tf.zeros((4, 32, 32, 3))})
    for _ in range(passes):
        twin.generator(latents, training=True)
    for ours, expected in zip(
        model.generator.non_trainable_variables,
        twin.generator.non_trainable_variables,
        strict=True,
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_defaults_are_the_two_recipes():
    model = DCGAN()
    counts = [
        sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        for network in model.networks
    ]
    assert counts == [3_576_704, 2_765_568]
    model.compile()
    assert type(model.generator_optimizer) is PyTorchAdam
    assert float(model.generator_optimizer.beta_1) == 0.5
    assert np.isclose(float(model.generator_optimizer.learning_rate), 2e-4)
    assert model.latents == Latents(100, "normal")
    other = DCGAN("tf1", image_size=32, base_filters=1)
    other.compile()
    assert type(other.discriminator_optimizer) is Adam
    assert other.latents.distribution == "uniform"
    assert (model.generator_steps, other.generator_steps) == (1, 2)
    sizes = [
        DCGAN.default_settings(architecture=name)["batch_size"]
        for name in ("torch", "tf1")
    ]
    assert sizes == [128, 64]


def test_a_falling_rate_counts_steps_not_updates():
    model = tiny(generator_steps=2)
    model.compile(run_eagerly=True, schedule="linear", total_steps=4)
    batch = {"images": np.zeros((2, 32, 32, 3), "float32")}
    for _ in range(3):
        model.train_on_batch(batch)
    rates = [
        float(model.optimizer_of(player).learning_rate)
        for player in model.players
    ]
    np.testing.assert_allclose(rates, [2e-4 / 3] * 2, rtol=1e-5)


def tiny(**arguments):
    arguments = {"image_size": 32, "latent_dim": 4} | arguments
    return DCGAN(base_filters=2, **arguments)


def test_generate():
    model = tiny()
    images = model.generate(5, seed=3)
    assert images.shape == (5, 32, 32, 3) and images.dtype == "float32"
    assert np.abs(images).max() <= 1.0
    # The same of the same seed, however many there are.
    np.testing.assert_allclose(model.generate(2, seed=3), images[:2], atol=1e-5)
    assert not np.allclose(model.generate(5, seed=4), images)
    latents = model.latents.draw(5, 3)
    np.testing.assert_array_equal(model.generate(latents=latents), images)
    np.testing.assert_array_equal(model(latents), images)
    np.testing.assert_allclose(
        model.predict(latents, verbose=0), images, atol=1e-5
    )


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"count": 0}, "count must be an integer from 1 up.*0"),
        ({"count": 2.0}, "count must be an integer.*2.0"),
        ({"seed": 2**63}, "seed must be an integer from -9223372036854775808"),
        ({"seed": 0.5}, "seed must be an integer.*0.5"),
        ({"truncation": 0}, "truncation must be a number above 0.*0"),
        ({"labels": {"Male": 1}}, "labels must be left out: this model"),
        ({"latents": np.zeros((2, 5))}, r"shape \[count, 4\].*\(2, 5\)"),
        ({"latents": np.zeros(4)}, r"shape \[count, 4\].*\(4,\)"),
        ({"latents": np.zeros((0, 4))}, r"shape \[count, 4\].*\(0, 4\)"),
        ({"latents": "noise"}, "latents must be numbers.*str"),
        ({"latents": {"images": 1}}, "latents must be numbers.*dict"),
        ({"latents": np.full((2, 4), np.nan)}, "latents must be finite.*8"),
        ({"latents": np.full((1, 4), 1e300)}, "latents must be finite.*4"),
    ],
)
def test_what_generates_nothing(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny().generate(**arguments)


def test_inputs_are_latents():
    model = tiny()
    with pytest.raises(ValueError, match="latents must be numbers"):
        model.predict({"images": np.zeros((2, 32, 32, 3), "float32")})
    with pytest.raises(ValueError, match=r"shape \[count, 4\]"):
        model.predict(np.zeros((2, 3), "float32"))


@pytest.mark.parametrize("architecture", ["torch", "tf1"])
def test_images_need_not_be_square(architecture, tmp_path):
    model = tiny(architecture=architecture, image_size=(32, 64))
    assert model.generate(2).shape == (2, 32, 64, 3)
    assert model.get_config()["image_size"] == [32, 64]
    model.compile(run_eagerly=True)
    images = np.zeros((4, 32, 64, 3), "float32")
    logs = model.train_on_batch({"images": images}, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.generate(2), model.generate(2))


def test_samples_are_fixed_latents_and_a_way():
    model = tiny()
    batch = {"images": np.zeros((3, 32, 32, 3), "float32")}
    grids = model.samples(batch)
    assert [*grids] == ["generate", "interpolation"]
    (fixed,), (way,) = (grid.of("output") for grid in grids.values())
    assert fixed.shape[0] == 3 and way.shape[0] == 8
    np.testing.assert_array_equal(fixed, model.generate(3))
    # From the first to the second.
    for place, number in ((0, 0), (-1, 1)):
        np.testing.assert_allclose(way[place], fixed[number], atol=1e-5)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"architecture": "dcgan"}, "architecture must be one of torch, tf1"),
        ({"image_size": 60}, "image_size must be a multiple of 16.*60"),
        ({"image_size": 0}, "image_size must be a multiple of 16.*0"),
        ({"image_size": (64, 60)}, "image_size must be a multiple of 16"),
        ({"image_size": (64,)}, "image_size must be a multiple of 16"),
        ({"image_size": 64.0}, "image_size must be a multiple of 16.*64.0"),
        ({"image_size": 2**14}, "image_size.*from 16 to 4096"),
        ({"latent_dim": 0}, "latent_dim must be an integer from 1 up.*0"),
        ({"latent_distribution": "beta"}, "latent_distribution.*'beta'"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"base_filters": 10**5}, "at most 268,435,456 weights"),
        ({"latent_dim": 10**9}, "latent_dim.*from 1 to 65536.*1000000000"),
        ({"discriminator_filters": 1.5}, "discriminator_filters.*1.5"),
        ({"generator_steps": 0}, "generator_steps.*from 1 up.*0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DCGAN(**arguments)
