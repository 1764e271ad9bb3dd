"""Inversion: latents that are known are found, far images are named."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images, labels
from keras_gans.checks import UserError
from keras_gans.latents import encoder
from keras_gans.latents.inversion import invert
from keras_gans.serving import translation
from keras_gans.verbs import Images, Labels, Latents, Verb
from tests import tiny

TABLE = labels.Labels([["Dark"]])
HEIGHT, WIDTH, SIZE = 8, 12, 5
FAR = np.uint8(np.indices((HEIGHT, WIDTH, 3)).sum(0) % 2 * 255)


class Linear:
    """Images that are a linear map of latents; dark ones if asked for."""

    def __init__(self, distribution="normal", with_labels=False):
        rng = np.random.default_rng(0)
        shape = SIZE, HEIGHT * WIDTH * 3
        self.map = rng.normal(size=shape).astype("float32") * 0.1
        self.inputs = {"latents": Latents(SIZE, distribution)}
        if with_labels:
            self.inputs["labels"] = Labels(TABLE)

    def generate(self, latents, labels=None):
        outputs = tf.reshape(latents @ self.map, (-1, HEIGHT, WIDTH, 3))
        if labels is not None:
            outputs -= 0.5 * tf.cast(labels, tf.float32)[:, :, None, None]
        return outputs

    def verbs(self):
        return [Verb("generate", self.generate, self.inputs)]

    def known(self, count=4, **labels):
        latents = self.inputs["latents"].draw(count, seed=9)
        return latents, images.to_uint8(
            self.generate(latents, **labels)
        ).numpy()


def blocks(pixels):
    return [
        tf.nn.avg_pool2d(pixels + 2.0, side, side, "VALID") for side in (2, 4)
    ]


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_known_latents_are_found(distribution, caplog):
    generator = Linear(distribution)
    latents, pictures = generator.known()
    found = invert(generator, pictures, prior_weight=0.0)
    np.testing.assert_allclose(found.latents, latents, atol=0.02)
    np.testing.assert_array_equal(found.targets, pictures)
    assert found.curve.shape == (300, 4)
    assert found.feature_error is None
    assert found.images.dtype == np.uint8
    difference = np.abs(found.images / 255.0 - pictures / 255.0)
    np.testing.assert_allclose(
        found.pixel_error, difference.mean((1, 2, 3)), rtol=1e-4
    )
    assert found.pixel_error.max() < 0.005 < found.far_error
    assert not found.is_far.any() and not caplog.messages


def test_far_image_is_named(caplog):
    generator = Linear()
    _, pictures = generator.known(2)
    found = invert(generator, [pictures[0], FAR, pictures[1]], steps=100)
    assert found.is_far.tolist() == [False, True, False]
    (message,) = caplog.messages
    assert "1 of 3 images are too far" in message
    assert f"{found.pixel_error[1]:.3f}" in message


def test_an_image_has_one_result_whatever_is_beside_it():
    generator = Linear()
    _, pictures = generator.known()
    together = invert(generator, pictures, steps=50, features=blocks)
    alone = invert(generator, pictures[2:3], steps=50, features=blocks)
    for name in ("latents", "pixel_error", "feature_error"):
        np.testing.assert_allclose(
            getattr(alone, name)[0], getattr(together, name)[2], atol=1e-5
        )


def test_images_of_any_size_are_scaled_and_cropped():
    generator = Linear()
    _, pictures = generator.known(1)
    large = pictures[0].repeat(3, axis=0).repeat(3, axis=1)
    taller = np.pad(large, ((9, 9), (0, 0), (0, 0)))
    found = invert(generator, [large, taller], steps=0)
    assert found.targets.shape == (2, HEIGHT, WIDTH, 3)
    # The filter reaches over the edge of what is cropped.
    np.testing.assert_array_equal(*found.targets[:, 2:-2])
    assert np.abs(np.int32(found.targets[0]) - pictures[0]).mean() < 20


def test_labels_stay_as_they_are():
    generator = Linear(with_labels=True)
    latents, pictures = generator.known(labels=np.ones((4, 1)))
    settings = {"steps": 150, "prior_weight": 0.0}
    right = invert(generator, pictures, labels={"Dark": 1}, **settings)
    wrong = invert(generator, pictures, labels={"Dark": 0}, **settings)
    assert right.pixel_error.max() < 0.02 < wrong.pixel_error.min()
    with pytest.raises(UserError, match="labels must be given.*None"):
        invert(generator, pictures)


def test_perceptual_term_is_zhangs():
    """One position whose vectors are at right angles: |x - y|^2 is 2."""
    generator = Linear()
    _, pictures = generator.known(1)

    def features(pixels):
        mean = tf.reduce_mean(pixels, axis=(1, 2), keepdims=True)
        is_target = tf.reduce_all(pixels == images.to_float(pictures))
        angle = tf.where(is_target, 0.0, np.pi / 2)
        return [
            tf.concat([tf.cos(angle + 0 * mean), tf.sin(angle + 0 * mean)], -1)
            * 5.0
        ]

    found = invert(generator, pictures, steps=0, features=features)
    np.testing.assert_allclose(found.feature_error, [2.0], rtol=1e-5)
    assert found.curve.shape == (0, 1)


def test_features_bring_nearer_in_features():
    generator = Linear()
    without = invert(generator, [FAR], steps=50)
    settings = {"features": blocks, "steps": 200}
    with_them = invert(generator, [FAR], perceptual_weight=10.0, **settings)
    ignored = invert(generator, [FAR], perceptual_weight=0.0, **settings)
    assert with_them.feature_error < 0.9 * ignored.feature_error
    assert with_them.pixel_error > ignored.pixel_error
    assert without.feature_error is None


def test_prior_keeps_the_length_and_uniform_latents_their_range():
    free = invert(Linear(), [FAR], steps=200, prior_weight=0.0)
    held = invert(Linear(), [FAR], steps=200, prior_weight=10.0)
    assert np.mean(free.latents**2) > 2.0
    np.testing.assert_allclose(np.mean(held.latents**2), 1.0, atol=0.05)
    white = np.full_like(FAR, 255)
    clipped = invert(Linear("uniform"), [white], steps=200, prior_weight=10.0)
    assert np.abs(clipped.latents).max() == 1.0


def test_encoder_starts_the_search():
    generator = Linear()
    latents, pictures = generator.known()
    other = invert(generator, pictures, steps=0)
    found = invert(
        generator, pictures, steps=0, encoder=lambda pixels: latents / 3.0
    )
    # Rescaled to the length of drawn latents.
    length = np.linalg.norm(latents, axis=1, keepdims=True) / SIZE**0.5
    np.testing.assert_allclose(found.latents, latents / length, rtol=1e-5)
    assert np.all(found.pixel_error < other.pixel_error)


def test_encoder_learns():
    generator = Linear()
    state = keras.random.SeedGenerator(3).state.numpy()
    settings = {"steps": 30, "base_filters": 4, "learning_rate": 0.02}
    trained = encoder.train_encoder(generator, **settings)
    again = encoder.train_encoder(generator, **settings)
    latents, pictures = generator.known(64)
    guessed = trained(images.to_float(pictures))
    assert np.mean((guessed - latents) ** 2) < 0.7 * np.mean(latents**2)
    np.testing.assert_allclose(
        again(images.to_float(pictures)), guessed, atol=1e-4
    )
    np.testing.assert_array_equal(keras.random.SeedGenerator(3).state, state)
    start = invert(generator, pictures[:4], steps=0, encoder=trained)
    without = invert(generator, pictures[:4], steps=0)
    assert start.pixel_error.mean() < without.pixel_error.mean()


@pytest.mark.parametrize("name", ["dcgan", "progressive"])
def test_models_are_inverted_and_stopped(name):
    model = tiny.make_bare(name)
    pictures = model.generate(2, seed=5)
    calls = []
    found = invert(
        model,
        images.to_uint8(pictures).numpy(),
        steps=30,
        candidates=4,
        progress=lambda step, losses: calls.append(step) or step < 20,
    )
    assert calls == [10, 20]
    assert found.curve.shape == (20, 2)
    assert np.all(found.curve[-1] < found.curve[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": np.zeros((1, 8, 8, 3))},
        {"images": np.zeros((8, 8, 3), np.uint8)},
        {"images": np.zeros((0, 8, 8, 3), np.uint8)},
        {"images": "photo.jpg"},
        {"labels": {"Dark": 1}},
        {"candidates": 0},
        {"steps": -1},
        {"pixel_weight": -1.0},
        {"perceptual_weight": np.nan},
        {"prior_weight": "much"},
        {"features": "vgg16"},
        {"features": lambda pixels: pixels},
        {"features": lambda pixels: [tf.round(pixels)]},
        {"encoder": "runs/encoder"},
        {"encoder": lambda pixels: pixels[:, 0, 0]},
        {"seed": -1},
        {"progress": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_arguments(wrong):
    (name,) = wrong
    arguments = {"images": [FAR], "steps": 1, **wrong}
    with pytest.raises(UserError, match=f"^{name} must .*Received"):
        invert(Linear(), **arguments)


def test_wrong_generators():
    with pytest.raises(UserError, match="generator must be a live model"):
        invert(translation.of_model(tiny.make_bare("dcgan")), [FAR])
    with pytest.raises(UserError, match="generator must make images from"):
        generator = Linear()
        generator.inputs = {"images": Images(8)}
        invert(generator, [FAR])
    with pytest.raises(UserError, match="generator must make finite images"):
        generator = Linear()
        generator.map *= np.nan
        invert(generator, [FAR], steps=1)
    with pytest.raises(UserError, match="^batch_size must be"):
        encoder.train_encoder(Linear(), batch_size=0)


def test_called_again_it_is_not_traced_again():
    traces = []

    class Counted(Linear):
        def generate(self, latents, labels=None):
            traces.append(tf.is_symbolic_tensor(latents))
            return super().generate(latents, labels)

    generator = Counted()
    _, pictures = generator.known(2)
    invert(generator, pictures, steps=5)
    first = sum(traces)
    invert(generator, pictures[::-1], steps=5)
    assert sum(traces) == first > 0
