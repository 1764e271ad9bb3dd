"""Signatures: any size, any batch, and no image fails another."""

import functools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.serving import geometry, signatures
from keras_gans.serving.tensors import NOT_FOUND
from keras_gans.serving.translation import LoadedModel
from keras_gans.verbs import Images, Verb
from tests import serving_pictures as pictures
from tests.tiny import make_bare


def make(model, **options):
    """Trace the signatures, as functions whose first input has no name."""
    made = signatures.make(model, **options)
    functions = {}
    for name, signature in made.items():
        key = "images" if name in {v.name for v in model.verbs()} else None
        functions[id(signature)] = functools.partial(
            _called, signature, key or "image_bytes"
        )
    return {name: functions[id(one)] for name, one in made.items()}


def _called(signature, key, first, **inputs):
    return signature(**{key: tf.convert_to_tensor(first)}, **inputs)


@pytest.fixture(scope="module", params=["cyclegan", "cyclegan-resnet"])
def served(request):
    """A model of one scale, or of any, and its signatures."""
    keras.utils.set_random_seed(0)
    model = make_bare(request.param)
    return model, make(model)


@pytest.fixture(scope="module")
def labelled():
    keras.utils.set_random_seed(0)
    model = make_bare("stargan")
    return model, make(model)


def live_pixels(model, batch, verb="a_to_b", **extra):
    verb = {v.name: v for v in model.verbs()}[verb]
    outputs = verb.function(images=images.to_float(batch), **extra)
    return images.to_uint8(outputs).numpy()


def png(*sizes):
    return [
        pictures.encode(pictures.pixels(*size, seed=seed), "PNG")
        for seed, size in enumerate(sizes)
    ]


def sizes_of(image_bytes):
    return [
        images.read(one).shape[:2] if one else None
        for one in image_bytes.numpy()
    ]


def test_default_is_the_encoded_form_of_the_first_verb(served):
    _, made = served
    encoded = {"a_to_b_encoded", "b_to_a_encoded"}
    assert set(made) == {"a_to_b", "b_to_a", "serving_default"} | encoded
    assert made["serving_default"] is made["a_to_b_encoded"]


def test_both_forms_give_the_pixels_of_the_model(served):
    model, made = served
    size = model.image_size
    batch = np.stack([pictures.pixels(size, size, seed=i) for i in range(3)])
    texts = tf.constant(png(*[(size, size)] * 3))
    for verb in ("a_to_b", "b_to_a"):
        expected = live_pixels(model, batch, verb)
        outputs = made[verb](tf.constant(batch))
        np.testing.assert_array_equal(outputs["images"], expected)
        outputs = made[f"{verb}_encoded"](texts)
        actual = [images.read(one) for one in outputs["image_bytes"].numpy()]
        np.testing.assert_array_equal(actual, expected)


def test_own_size_keeps_the_scale():
    model = make_bare("cyclegan-resnet")
    batch = pictures.pixels(28, 40)[None]
    outputs = make(model, with_encoded=False)["a_to_b"](batch)
    expected = live_pixels(model, batch).astype(int)
    # Graphs sum in another order.
    np.testing.assert_allclose(outputs["images"], expected, atol=1)


def test_every_size_comes_back(served):
    model, made = served
    sizes = [(1, 1), (5, 90), (31, 7), (64, 48)]
    outputs = made["a_to_b_encoded"](tf.constant(png(*sizes)))
    assert outputs["status"].numpy().tolist() == [b"ok"] * 4
    assert sizes_of(outputs["image_bytes"]) == sizes
    tensors = [
        made["a_to_b"](pictures.pixels(*size, seed=seed)[None])["images"][0]
        for seed, size in enumerate(sizes)
    ]
    for one, tensor in zip(
        outputs["image_bytes"].numpy(), tensors, strict=True
    ):
        np.testing.assert_allclose(images.read(one), tensor, atol=1)


def test_empty_batches(served):
    _, made = served
    outputs = made["a_to_b"](tf.zeros([0, 32, 32, 3], tf.uint8))
    assert outputs["images"].shape == (0, 32, 32, 3)
    outputs = made["serving_default"](tf.constant([], tf.string))
    assert outputs["image_bytes"].shape == outputs["status"].shape == (0,)


def test_bad_picture_fails_alone(served):
    _, made = served
    good, other = png((40, 40), (20, 30))
    bomb = pictures.broken()["png bomb"][0]
    batch = [good, b"", other, good[:200], b"text", bomb]
    outputs = made["serving_default"](tf.constant(batch))
    assert sizes_of(outputs["image_bytes"])[:3] == [(40, 40), None, (20, 30)]
    assert outputs["image_bytes"].numpy()[3:].tolist() == [b""] * 3
    statuses = [status.decode() for status in outputs["status"].numpy()]
    for status, reason in zip(
        statuses,
        (
            "ok",
            "is empty",
            "ok",
            "damaged",
            "is not a JPEG",
            "must have at most",
        ),
        strict=True,
    ):
        assert reason in status
    outputs = made["serving_default"](tf.constant([b"text"]))
    assert outputs["image_bytes"].numpy().tolist() == [b""]


def test_search_that_meets_nan_fails_alone():
    def find(images):
        mean = tf.reduce_mean(images, (1, 2, 3), keepdims=True)
        return tf.where(mean > 0, images, np.nan)

    verb = Verb("find", find, {"images": Images(16)}, steps=2)
    made = make(types.SimpleNamespace(verbs=lambda: [verb]))
    white, black = (np.full((1, 16, 16, 3), v, np.uint8) for v in (255, 0))
    encoded = [pictures.encode(one[0], "PNG") for one in (black, white)]
    outputs = made["find_encoded"](encoded)
    statuses = [NOT_FOUND.encode(), b"ok"]
    assert outputs["status"].numpy().tolist() == statuses
    assert sizes_of(outputs["image_bytes"]) == [None, (16, 16)]
    np.testing.assert_array_equal(made["find"](white)["images"], white)
    with pytest.raises(tf.errors.InvalidArgumentError, match=NOT_FOUND):
        made["find"](black)


def test_bad_tensors_are_named(served):
    _, made = served
    for shape, reason in (
        ((1, 0, 0, 3), "height and width of images must be from 1 up"),
        ((1, 5_800, 5_800, 3), "images must have at most"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
            made["a_to_b"](np.zeros(shape, "uint8"))


def test_labels_out_of_range(labelled):
    model, made = labelled
    size = model.image_size
    batch = np.stack([pictures.pixels(size, size, seed=i) for i in range(3)])
    texts = tf.constant(png(*[(size, size)] * 3))
    labels = np.float32([[0, 1, 0], [0, 7, 0], [np.nan, 0, 0]])
    outputs = made["serving_default"](texts, labels=tf.constant(labels))
    wrong = b"labels must lie in [0, 1]"
    assert outputs["status"].numpy().tolist() == [b"ok", wrong, wrong]
    expected = live_pixels(model, batch[:1], "translate", labels=labels[:1])
    actual = images.read(outputs["image_bytes"].numpy()[0])
    np.testing.assert_array_equal(actual, expected[0])
    for rows, reason in (
        (labels, "labels must lie in"),
        (labels[:1], "labels must have a row for each image"),
    ):
        rows = tf.constant(rows)
        with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
            made["translate"](tf.constant(batch), labels=rows)
    with pytest.raises(tf.errors.InvalidArgumentError, match="row for each"):
        made["serving_default"](texts, labels=tf.constant(labels[:1]))


def test_the_size_of_training_is_served_however_large():
    side = 1500  # of more pixels than the limit of smaller models
    verb = Verb(
        "translate", lambda images: -images, {"images": Images(side, 4)}
    )
    made = make(types.SimpleNamespace(verbs=lambda: [verb]))
    black = np.zeros((1, side, side, 3), np.uint8)
    assert (made["translate"](black)["images"].numpy() == 255).all()
    outputs = made["serving_default"]([pictures.encode(black[0], "PNG")])
    assert outputs["status"].numpy().tolist() == [b"ok"]
    # Tiles are rounded up too, and must stay within the limit.
    about = {"verbs": {"translate": verb.describe()}}
    loaded = LoadedModel({"translate": None}, about, None)
    with pytest.raises(UserError, match="tile must be .* from 32 to 1500"):
        loaded.translate(black, tile=1501)
    verb = Verb("translate", None, {"images": Images(32, 256)})
    about = {"verbs": {"translate": verb.describe()}}
    loaded = LoadedModel({"translate": None}, about, None)
    with pytest.raises(UserError, match="tile must be .* from 32 to 1280"):
        loaded.translate(black, tile=1281)


def test_faces_keep_their_proportions():
    """A wide image is scaled as a whole and filled up by its mirror image."""
    batch = images.to_float(pictures.pixels(30, 60)[None])
    canvas = geometry.fit(batch, 32)
    assert canvas.shape == (1, 32, 32, 3)
    inner = canvas[:, 8:24]
    np.testing.assert_array_equal(canvas[:, :8], inner[:, :8][:, ::-1])
    np.testing.assert_array_equal(canvas[:, 24:], inner[:, 8:][:, ::-1])
    restored = geometry.restore(canvas, [30, 60], 32)
    assert np.abs(restored - batch).mean() < 0.02


@pytest.mark.parametrize(
    "count", [200, pytest.param(4_000, marks=pytest.mark.slow)]
)
def test_mutated_pictures_never_stop_the_others(served, count):
    """Of each hundred and one images the last is whole."""
    _, made = served
    rng = np.random.default_rng(0)
    whole = list(pictures.whole().values())
    answered = 0
    for start in range(0, count, 100):
        batch = [
            pictures.mutate(rng, whole[(start + i) % len(whole)], whole)
            for i in range(100)
        ]
        outputs = made["serving_default"](tf.constant([*batch, whole[0]]))
        statuses, texts = outputs["status"].numpy(), outputs["image_bytes"]
        assert statuses[-1] == b"ok"
        for status, text in zip(statuses, texts.numpy(), strict=True):
            assert (status == b"ok") == bool(text)
        answered += (statuses == b"ok").sum()
    # The changes must neither be harmless nor end in the first bytes.
    assert 0.05 * count < answered < 0.5 * count
