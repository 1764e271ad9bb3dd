"""Differentiable augmentation: by hand, in the models, and continued."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.callbacks import checkpoints
from keras_gans.layers import augmentation
from tests.tiny import TINY, fit, make_batch, make_model, values

ALL = "color,translation,cutout"
SEED = (3, 4)
SIDE = 16


def pictures(count=6, channels=3, sides=(SIDE, SIDE)):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, *sides, channels)).astype("float32")


def apply(policy, images, mode="eager"):
    function = augmentation.POLICIES[policy]
    if mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla")
    return function(tf.constant(images), tf.constant(SEED)).numpy()


def shifted(image, down, right):
    """Move by whole pixels, in plain Python; 0 moves in."""
    result = np.zeros_like(image)
    height, width = image.shape[:2]
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                result[y, x] = image[y - down, x - right]
    return result


def test_translation_shifts_each_picture_by_up_to_an_eighth():
    images = pictures(40)
    found = set()
    for before, after in zip(images, apply("translation", images), strict=True):
        shifts = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.array_equal(shifted(before, down, right), after)
        ]
        assert len(shifts) == 1
        found |= {*shifts}
    assert {down for down, _ in found} == {right for _, right in found}
    assert {down for down, _ in found} == {-2, -1, 0, 1, 2}
    assert len(found) > 10  # the two directions do not go together


@pytest.mark.parametrize("sides", [(16, 16), (9, 14)])
def test_cutout_is_a_rectangle_of_half_the_sides(sides):
    images = np.ones((200, *sides, 3), "float32")
    lengths = [int(side * 0.5 + 0.5) for side in sides]
    cut = apply("cutout", images) == 0.0
    for axis, (side, length) in enumerate(zip(sides, lengths, strict=True)):
        centres = set()
        for picture in cut:
            lines = picture[..., 0].any(axis=1 - axis)
            (rows,) = np.nonzero(lines)
            assert 0 < len(rows) <= length
            assert len(rows) == rows[-1] - rows[0] + 1
            # What is missing of it lies beyond one of the ends.
            assert len(rows) == length or rows[0] == 0 or rows[-1] == side - 1
            centres.add((int(rows[0]), int(rows[-1])))
        starts = range(-(length // 2), side + 1 - length % 2 - length // 2)
        assert centres == {
            (max(0, start), min(side, start + length) - 1) for start in starts
        }
    # All channels, and nothing but a rectangle.
    assert (cut.all(-1) == cut.any(-1)).all()
    for picture in cut[..., 0]:
        rows, columns = picture.any(1), picture.any(0)
        np.testing.assert_array_equal(picture, np.outer(rows, columns))


def test_color_by_hand():
    images = pictures(200)
    outputs = apply("color", images)
    draws = []
    for before, after in zip(images, outputs, strict=True):
        # Differences between channels of a pixel: saturation and contrast.
        ratio = (after[..., 0] - after[..., 1]) / (
            before[..., 0] - before[..., 1]
        )
        both = np.median(ratio)
        np.testing.assert_allclose(ratio, both, rtol=0.02)
        grey_before, grey_after = before.mean(-1), after.mean(-1)
        contrast = (grey_after - grey_after.mean()).std() / grey_before.std()
        brightness = grey_after.mean() - grey_before.mean()
        draws.append((brightness, both / contrast, contrast))
        expected = before + brightness
        grey = expected.mean(-1, keepdims=True)
        expected = grey + (expected - grey) * (both / contrast)
        mean = expected.mean()
        expected = mean + (expected - mean) * contrast
        np.testing.assert_allclose(after, expected, atol=2e-3)
    for column, (low, high) in zip(
        np.transpose(draws), ((-0.5, 0.5), (0.0, 2.0), (0.5, 1.5)), strict=True
    ):
        assert low - 1e-3 <= column.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < column.max() <= high + 1e-3
    correlations = np.corrcoef(np.transpose(draws))
    assert np.abs(correlations - np.eye(3)).max() < 0.3


@pytest.mark.parametrize("policy", [*augmentation.POLICIES])
def test_a_pair_is_changed_as_one(policy):
    images = pictures()
    pair = apply(policy, np.concatenate([images, images], -1))
    np.testing.assert_array_equal(pair[..., :3], pair[..., 3:])
    # And each of a pair by its own mean.
    other = np.concatenate([images, -0.3 * images], -1)
    np.testing.assert_allclose(
        apply(policy, other)[..., :3], pair[..., :3], atol=1e-6
    )


@pytest.mark.parametrize("policy", [*augmentation.POLICIES])
def test_graph_and_xla_draw_the_same(policy):
    images = pictures(sides=(9, 14))
    expected = apply(policy, images)
    for mode in ("graph", "xla"):
        np.testing.assert_allclose(
            apply(policy, images, mode), expected, atol=1e-6
        )


@pytest.mark.parametrize("policy", [*augmentation.POLICIES])
def test_gradients_go_back_to_where_pictures_came_from(policy):
    images = tf.constant(pictures())
    seed = tf.constant(SEED)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = augmentation.POLICIES[policy](images, seed)
        total = tf.reduce_sum(outputs * outputs)
    gradients = tape.gradient(total, images).numpy()
    direction = np.sign(gradients)
    step = 1e-3
    moved = augmentation.POLICIES[policy](images + step * direction, seed)
    measured = float(tf.reduce_sum(moved * moved) - total)
    assert measured == pytest.approx(step * np.abs(gradients).sum(), rel=0.05)
    if policy != "color":  # what is seen of an image, and nothing else
        np.testing.assert_array_equal(gradients != 0, np.abs(gradients) > 1e-6)
        assert 0 < (gradients == 0).mean() < 0.7


def test_every_call_draws_anew_and_changes_each_picture_otherwise():
    augment = augmentation.Augmentation(augmentation.parse(ALL))
    images = tf.constant(np.repeat(pictures(1), 4, axis=0))
    real, fake = augment(images).numpy(), augment(images).numpy()
    for one, two in ((real, fake), (real[:1], real[1:]), (fake[:2], fake[2:])):
        assert not np.isclose(one, two).all((1, 2, 3)).any()


def test_seeds_move_on_alike_in_eager_graph_and_xla():
    images = tf.constant(pictures())
    expected = None
    for mode in ("eager", "graph", "xla"):
        keras.utils.set_random_seed(0)
        augment = augmentation.Augmentation(augmentation.parse(ALL))
        function = augment
        if mode != "eager":
            function = tf.function(augment, jit_compile=mode == "xla")
        outputs = [function(images).numpy() for _ in range(2)]
        expected = outputs if expected is None else expected
        np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_policies_are_named():
    assert augmentation.parse("color, cutout") == ("color", "cutout")
    assert augmentation.parse(None) == ()
    for text in ("colour", "color,,cutout", "", "color,color", "flip,cutout"):
        with pytest.raises(ValueError, match="augment_discriminator must be"):
            make_model("pix2pix", augment_discriminator=text)


@pytest.mark.parametrize("name", sorted(TINY))
def test_all_that_discriminators_see_is_changed_in_training_alone(name):
    model = make_model(name, augment_discriminator="cutout")
    plain = make_model(name)
    batch = make_batch(model)
    for each in (model, plain):
        each.seen = []
        parts = each.networks
        if name == "progressive":
            parts = each._at_size(each.image_size)
        for network in parts:
            if network.name.startswith(("discriminator", "classifier")):
                watch(network, each.seen)
    data = tf.data.Dataset.from_tensors(batch)
    assert model.evaluate(data, verbose=0, return_dict=True) == plain.evaluate(
        data, verbose=0, return_dict=True
    )
    model.seen.clear()
    fit(model, batch)
    fit(plain, batch)
    whole = [(p == 0).all(-1).mean() < 0.02 for p in model.seen]
    # The penalty's images lie between two that are cut in other places.
    mixed = {"stargan": model.critic_steps, "progressive": 1}.get(name, 0)
    assert whole and sum(whole) <= mixed
    assert not (model.augmentation is None or plain.augmentation)
    config = json.loads(json.dumps(model.get_compile_config()))
    assert config["augment_discriminator"] == "cutout"


def watch(network, seen):
    """Note what a network is called on."""
    call = network.call

    def noting(inputs, *args, **kwargs):
        value = inputs[0] if isinstance(inputs, list) else inputs
        if hasattr(value, "numpy"):
            seen.append(value.numpy())
        return call(inputs, *args, **kwargs)

    network.call = noting


def test_continued_draws_as_if_it_had_not_stopped(tmp_path):
    model = make_model("cyclegan", augment_discriminator=ALL)
    batch = make_batch(model)
    fit(model, batch, steps=2)
    checkpoints.save(model, tmp_path)
    expected = fit(model, batch, steps=2)
    resumed = make_model("cyclegan", seed=1, augment_discriminator=ALL)
    checkpoints.restore(resumed, tmp_path)
    assert fit(resumed, batch, steps=2) == expected
    for one, two in zip(
        values(model.trainable_variables),
        values(resumed.trainable_variables),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    whole = keras.models.load_model(tmp_path / "000002.keras")
    assert fit(whole, batch, steps=2) == expected
