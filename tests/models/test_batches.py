"""What Keras' methods are given: right batches pass, all others in a line."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import CycleGAN, StarGAN, datasets
from keras_gans.checks import UserError
from keras_gans.training.batches import Data
from tests.tiny import make_model


def images(count=4, size=32, channels=3, dtype="float32", scale=1.0):
    rng = np.random.default_rng(0)
    shape = (count, size, size, channels)
    return (scale * rng.uniform(-1, 1, shape)).astype(dtype)


def batch(count=4, **options):
    pictures = images(count, **options)
    return {"images_a": pictures, "images_b": pictures[::-1]}


def data_set(arrays, size=2):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(size)


def generator(arrays):
    yield arrays


def unknown(arrays):
    """Return a data set that does not know the shapes of its batches."""
    return tf.data.Dataset.from_generator(
        lambda: iter([arrays]), dict.fromkeys(arrays, tf.float32)
    )


class Batches(keras.utils.PyDataset):
    def __init__(self, arrays, num_batches=2):
        super().__init__()
        self.arrays, self.count = arrays, num_batches

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        return self.arrays


def made(**arguments):
    model = CycleGAN(image_size=32, base_filters=2)
    model.compile(**{"run_eagerly": True} | arguments)
    return model


def make_stargan():
    model = StarGAN(
        16, base_filters=2, num_residual_blocks=0, critic_steps=2, name="s"
    )
    model.compile(run_eagerly=True)
    return model


def labelled(count=4, width=5, dtype="float32", scale=1):
    labels = (np.arange(count * width) % 2 * scale).reshape(count, width)
    return {"images": images(count, 16), "labels": labels.astype(dtype)}


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.fixture(scope="module")
def stargan():
    return make_stargan()


def assert_one_line(message, function, *args, **kwargs):
    with pytest.raises(UserError, match=message) as raised:
        function(*args, **kwargs)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300


BAD = [
    (batch(scale=127.0), r"images_a must lie in \[-1, 1\].*to_float.*from -12"),
    (batch(scale=np.nan), r"images_a must lie in \[-1, 1\].*nan"),
    (batch(dtype="uint8"), "images_a.*to_float converts uint8.*uint8"),
    (batch(dtype="int64"), "images_a must be floating point.*int64"),
    (batch(size=48), r"images_a.*\[batch, 32, 32, 3\].*48, 48, 3\)"),
    (batch(channels=1), r"images_a.*32, 32, 1\)"),
    (batch(channels=4), r"images_a.*32, 32, 4\)"),
    ({"images_a": images()}, "batch must be a dict with .*: images_a$"),
    (batch() | {"labels": np.zeros(4)}, "dict with images_a, images_b, .*lab"),
    (images(), "batch must be a dict with images_a, images_b"),
]


@pytest.mark.parametrize("bad,message", BAD)
def test_bad_batches_are_one_line_everywhere(model, bad, message):
    before = int(model.step.numpy()), [v.numpy() for v in model.weights]
    options = {"verbose": 0, "shuffle": False}
    for data in (bad, data_set(bad), generator(bad), Batches(bad)):
        assert_one_line(message, model.fit, data, **options)
    assert_one_line(message, model.fit, batch(), validation_data=bad, **options)
    for data in (bad, data_set(bad)):
        assert_one_line(message, model.evaluate, data, verbose=0)
    assert_one_line(message, model.train_on_batch, bad)
    assert_one_line(message, model.test_on_batch, bad)
    assert int(model.step.numpy()) == before[0]
    for old, variable in zip(before[1], model.weights, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
    # What is seen in the values alone, after the first epoch.
    options["validation_data"] = data_set(bad)
    assert_one_line(message, model.fit, batch(), **options)


def test_values_are_looked_at_in_a_graph_that_has_trained():
    model = made(run_eagerly=False)
    # A smaller last batch, float64 and float16 are fine.
    history = model.fit(data_set(batch(5)), verbose=0, shuffle=False)
    assert np.isfinite(history.history["g_loss"]).all()
    for dtype in ("float64", "float16"):
        model.fit(data_set(batch(dtype=dtype)), verbose=0, shuffle=False)
    wrong = data_set(batch(scale=127.0))
    assert_one_line("must lie in", model.fit, wrong, verbose=0, shuffle=False)
    assert_one_line("must lie in", model.evaluate, wrong, verbose=0)
    assert_one_line("must lie in", model.predict, data_set(images(scale=9.0)))
    # Nothing is read twice, and no batch is lost.
    seen = []

    def counted(number):
        seen.append(int(number))
        return np.int64(number)

    numbers = tf.data.Dataset.range(3).map(
        lambda n: tf.ensure_shape(tf.numpy_function(counted, [n], tf.int64), [])
    )
    good = batch(2)
    step = int(model.step.numpy())
    model.fit(numbers.map(lambda n: good), verbose=0, shuffle=False)
    assert int(model.step.numpy()) == step + 3 and seen == [0, 1, 2]


@pytest.mark.parametrize(
    "bad,message",
    [
        (images(scale=127.0), r"images must lie in \[-1, 1\]"),
        (images(dtype="uint8"), "images.*to_float converts uint8"),
        (images(channels=1), r"\[batch, height, width, 3\].*32, 1\)"),
        (images(size=36), "multiples of 8.*36"),
        (images()[0], r"batch, height, width, 3\].*\(32, 32, 3\)"),
        (np.array(["a.jpg"]), "images must be floating point"),
    ],
)
def test_predict_and_translate(model, bad, message):
    for method in (model.predict, model.predict_on_batch, model):
        assert_one_line(message, method, bad)
    assert_one_line(message, model.translate, bad)
    if "lie in" not in message:  # a graph has no values when it is made
        assert_one_line(message, tf.function(model.translate), bad)
    if bad.ndim == 4:
        assert_one_line(message, model.predict, data_set(bad))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_what_fits(model):
    good = batch(5)
    expected = model.translate(good["images_a"])
    for data in (good["images_a"], good, data_set(good)):
        actual = model.predict(data, batch_size=None, verbose=0)
        np.testing.assert_allclose(actual, expected, atol=1e-5)
    for data in (generator(good), Batches(good), unknown(good)):
        model.fit(data, verbose=0, shuffle=False)
    wrong = unknown(batch(size=48))
    assert_one_line("48, 48", model.fit, wrong, verbose=0, shuffle=False)
    history = model.fit(good, validation_split=0.4, batch_size=2, verbose=0)
    assert "val_g_loss" in history.history
    history = model.fit(good, None, 2, 1, 0, validation_data=(good, None))
    assert "val_d_loss" in history.history


def test_unequal_rows_and_targets(model):
    unequal = {"images_a": images(2), "images_b": images(3)}
    data = tf.data.Dataset.from_tensors(unequal)
    for given in (unequal, data):
        assert_one_line("as many rows.*3 for 2", model.fit, given, verbose=0)
    ones = np.ones(4)
    for name in ("y", "sample_weight", "class_weight"):
        message = f"{name} must be left out"
        assert_one_line(message, model.fit, batch(), **{name: ones})
        assert_one_line(message, model.train_on_batch, batch(), **{name: ones})
    assert_one_line(
        "batch must be a dict", model.fit, data_set((batch(), ones)), verbose=0
    )
    assert_one_line("x must be given", model.fit)


@pytest.mark.parametrize(
    "bad,message",
    [
        (labelled(width=4), r"labels must be numbers in \[0, 1\].*5\].*4\)"),
        (labelled(scale=255), r"labels must lie in \[0, 1\].*255"),
        (labelled(scale=np.nan), "labels must lie.*nan"),
        (labelled(dtype="str"), r"labels must be numbers.*string|bytes|str"),
        (labelled() | {"labels": np.arange(4)}, r"labels.*\(4,\)|\(None,\)"),
        (labelled() | {"mask": np.ones((4, 1))}, "dict with images, labels,"),
    ],
)
def test_labels(stargan, bad, message):
    for data in (bad, data_set(bad)):
        assert_one_line(message, stargan.fit, data, verbose=0, shuffle=False)
        assert_one_line(message, stargan.evaluate, data, verbose=0)
    if "mask" not in bad:
        inputs = [bad["images"], bad["labels"]]
        assert_one_line(message, stargan.predict, inputs, verbose=0)
        assert_one_line(message, stargan.predict_on_batch, inputs)


def test_last_batches_of_stargan(stargan):
    # Fewer images than critic steps: means of nothing would be NaN.
    for data in (data_set(labelled(5), 4), data_set(labelled(1), 4)):
        logs = stargan.fit(data, verbose=0, shuffle=False).history
        assert all(np.isfinite(value).all() for value in logs.values())
    for dtype in ("int64", "bool"):
        stargan.fit(data_set(labelled(dtype=dtype)), verbose=0, shuffle=False)
    whole = labelled(3)
    outputs = stargan.predict([whole["images"], whole["labels"]], verbose=0)
    np.testing.assert_array_equal(outputs, stargan.predict(whole, verbose=0))
    both = whole["images"], whole["labels"]
    np.testing.assert_array_equal(outputs, stargan.predict(both, verbose=0))
    assert_one_line(r"must be \[images, labels\]", stargan, whole["images"])


@pytest.mark.parametrize("count", [0, -3])
def test_no_steps_are_not_steps_without_end(model, count):
    endless = data_set(batch()).repeat()
    options = {"verbose": 0, "steps_per_epoch": count}
    message = f"steps_per_epoch must be from 1 up. Received: {count}"
    assert_one_line(message, model.fit, endless, **options)
    message = f"steps must be from 1 up. Received: {count}"
    assert_one_line(message, model.evaluate, endless, steps=count)


def test_replicas_share_every_batch():
    shared = Data(lambda batch: None, replicas=2)
    for size, is_right in ((4, True), (3, False), (1, False)):
        arguments = {"x": data_set(batch(4)).unbatch().batch(size, True)}
        if is_right:
            shared.prepare(arguments, "x", "steps")
            continue
        rule = f"batch_size must be a multiple of the 2.*batches of {size}"
        assert_one_line(rule, shared.prepare, arguments, "x", "steps")


def test_what_never_ends_is_refused(model):
    endless = datasets.unpaired(
        *("faces:photo@5", "faces:anime@5"), image_size=32, batch_size=2
    )
    for data in (endless, data_set(batch()).repeat(), Batches(batch(), None)):
        options = {"verbose": 0, "shuffle": False}
        message = "steps_per_epoch must be given.*repeat=False"
        assert_one_line(message, model.fit, data, **options)
        options["validation_data"] = data
        message = "validation_steps must be given"
        assert_one_line(message, model.fit, batch(), **options)
        message = "^steps must be given where x never ends"
        assert_one_line(message, model.evaluate, data, verbose=0)
        assert_one_line(message, model.predict, data, verbose=0)
    one_pass = datasets.unpaired(
        *("faces:photo@3", "faces:anime@5"),
        image_size=32,
        batch_size=2,
        repeat=False,
    )
    for options in (
        {"validation_data": endless, "validation_steps": 2},
        {"validation_data": one_pass},
    ):
        history = model.fit(
            endless, steps_per_epoch=1, verbose=0, shuffle=False, **options
        )
        assert np.isfinite(history.history["val_g_loss"]).all()
    assert model.predict(endless, steps=2, verbose=0).shape == (4, 32, 32, 3)
    assert model.evaluate(one_pass, verbose=0) == model.evaluate(
        one_pass, verbose=0
    )


def test_a_model_is_freed_after_fit():
    model = make_model("noise", run_eagerly=False)
    data = datasets.single(np.zeros((9, 16, 16, 3), np.uint8), 16, batch_size=2)
    for _ in range(2):
        model.fit(data, steps_per_epoch=2, shuffle=False, verbose=0)
    model.evaluate(data.take(2), verbose=0)
    known = weakref.ref(model)
    del model
    gc.collect()
    assert known() is None
