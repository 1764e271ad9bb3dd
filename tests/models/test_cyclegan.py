"""What is CycleGAN's own: directions, identity term, statistics, errors."""

import keras
import numpy as np
import pytest

from keras_gans import CycleGAN


@pytest.fixture(scope="module")
def model():
    return CycleGAN(image_size=32, base_filters=4)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")


def test_defaults_are_the_article():
    model = CycleGAN()
    assert (model.image_size, model.base_filters) == (64, 64)
    assert model.discriminator_filters == 32
    model.compile()
    assert model.adversarial_loss == "non_saturating"
    assert model.loss_weights["cycle"] == 10.0
    assert model.loss_weights["identity"] == 0.0
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert np.isclose(float(optimizer.learning_rate), 4e-4)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
        assert optimizer.epsilon == 1e-8


def test_call_and_translate(model, images):
    np.testing.assert_array_equal(model(images), model.translate(images, "b"))
    np.testing.assert_array_equal(
        model.translate(images, to="a"), model.generator_ba(images)
    )
    # The generators are convolutional: other sizes work too.
    wide = np.zeros((1, 40, 64, 3), "float32")
    assert model.translate(wide).shape == wide.shape


def test_samples_are_input_translation_reconstruction(model, images):
    batch = {"images_a": images, "images_b": -images}
    samples = model.samples(batch)
    assert list(samples) == ["a_to_b", "b_to_a"]
    columns = samples["a_to_b"].columns
    assert [c.role for c in columns] == ["input", "output", "back"]
    real, fake, reconstructed = (c.images for c in columns)
    np.testing.assert_array_equal(real, images)
    np.testing.assert_array_equal(fake, model.generator_ab(images))
    np.testing.assert_array_equal(reconstructed, model.generator_ba(fake))


@pytest.mark.parametrize(
    "bad,message",
    [
        (np.zeros((32, 32, 3), "float32"), r"\[batch, height, width, 3\]"),
        (np.zeros((1, 32, 32, 1), "float32"), r"\[batch, height, width, 3\]"),
        (np.zeros((1, 32, 32, 3), "uint8"), "to_float.*uint8"),
        (np.full((1, 32, 32, 3), 255.0), r"\[-1, 1\].*255"),
        (np.full((1, 32, 32, 3), np.nan), r"\[-1, 1\].*nan"),
        (np.zeros((1, 33, 32, 3), "float32"), "multiples of 8.*33"),
    ],
)
def test_translate_names_what_does_not_fit(model, bad, message):
    with pytest.raises(ValueError, match=message):
        model.translate(bad)


def test_direction_must_be_a_domain(model, images):
    with pytest.raises(ValueError, match='"a" or "b".*anime'):
        model.translate(images, to="anime")


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"architecture": "unet"}, "architecture must be one of dcgan"),
        ({"image_size": 60}, 'multiple of 16 from 32.*="dcgan"'),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"base_filters": 8.5}, "base_filters.*8.5"),
        ({"base_filters": 10**6}, "at most 268,435,456 weights.*=1000000"),
        ({"image_size": 2**20}, "image_size.*from 32 to 4096.*1048576"),
        ({"pool_size": 10**9}, "pool_size.*from 0 to 65536.*1000000000"),
        ({"discriminator_filters": -2}, "discriminator_filters.*-2"),
        ({"cycle": "once"}, "cycle must be one of both, forward, backward"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CycleGAN(**arguments)


def test_one_direction_of_the_cycle(images):
    terms = {}
    for cycle in ("both", "forward", "backward"):
        keras.utils.set_random_seed(0)
        model = CycleGAN(image_size=32, base_filters=4, cycle=cycle)
        model.compile(run_eagerly=True)
        assert CycleGAN.from_config(model.get_config()).cycle == cycle
        found, _ = model._generator_terms(images, -images, training=False)
        terms[cycle] = float(found["cycle"])
    there = model.translate(images, to="b")
    back = model.translate(there, to="a").numpy()
    assert np.isclose(terms["forward"], np.abs(images - back).mean())
    assert np.isclose(terms["both"], terms["forward"] + terms["backward"])


def test_statistics_record_translations_of_real_pictures_only(images):
    model = CycleGAN(image_size=32, base_filters=4)
    model.compile(loss_weights={"identity": 1.0})
    twin = CycleGAN.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    model._generator_terms(images, -images, training=True)
    twin.generator_ab(images, training=True)
    for ours, expected in zip(
        model.generator_ab.non_trainable_variables,
        twin.generator_ab.non_trainable_variables,
        strict=True,
    ):
        np.testing.assert_array_equal(ours.numpy(), expected.numpy())
