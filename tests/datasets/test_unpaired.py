import importlib
import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import datasets, images

module = importlib.import_module("keras_gans.datasets.passes")


def numbered(count, size=8, first=0):
    """Images whose every pixel is their number."""
    array = np.arange(first, first + count, dtype=np.uint8)
    array = np.broadcast_to(array[:, None, None, None], (count, size, size, 3))
    return datasets.open_source(array, size)


def ramps(count, size=12):
    """Images whose pixels say where they are: number, row, column."""
    y, x = np.mgrid[:size, :size]
    array = np.stack(
        [np.stack([0 * y + i, y, x], -1) for i in range(count)]
    ).astype(np.uint8)
    return datasets.open_source(array, size)


def pixels(batch):
    return images.to_uint8(batch).numpy()


def take(dataset, count):
    """Return the first `count` elements as uint8 by side."""
    elements = list(dataset.take(count))
    return {
        key: np.concatenate([pixels(element[key]) for element in elements])
        for key in ("images_a", "images_b")
    }


def passes(dataset, key, count, batches):
    """Return the numbers of the images, one row for each pass."""
    numbers = take(dataset, batches)[key][:, 0, 0, 0]
    whole = len(numbers) // count * count
    return numbers[:whole].reshape(-1, count)


def test_elements():
    dataset = datasets.unpaired(
        numbered(5), numbered(3), image_size=4, batch_size=2
    )
    spec = tf.TensorSpec((2, 4, 4, 3), tf.float32)
    assert dataset.element_spec == {"images_a": spec, "images_b": spec}
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    for element in dataset.take(3):
        for batch in element.values():
            assert batch.dtype == tf.float32
            assert -1 <= tf.reduce_min(batch) <= tf.reduce_max(batch) <= 1
    white = np.full((1, 4, 4, 3), 255, np.uint8)
    dataset = datasets.unpaired(white, white // 255 * 0, 4, 1, load_size=4)
    element = next(iter(dataset))
    assert (element["images_a"].numpy() == 1).all()
    assert (element["images_b"].numpy() == -1).all()


def test_every_picture_once_per_pass_of_its_side():
    # A batch of 4 divides neither side, and reaches over several passes
    # of the smaller one.
    dataset = datasets.unpaired(
        numbered(21), numbered(3, first=100), image_size=8, batch_size=4
    )
    of_a = passes(dataset, "images_a", 21, batches=42)
    of_b = passes(dataset, "images_b", 3, batches=42)
    assert of_a.shape == (8, 21) and of_b.shape == (56, 3)
    assert (np.sort(of_a) == np.arange(21)).all()
    assert (np.sort(of_b) == np.arange(100, 103)).all()
    # Each pass in another order; of three images there are six.
    assert len({tuple(row) for row in of_a}) == 8
    assert len({tuple(row) for row in of_b}) == 6


def test_sides_are_shuffled_independently():
    dataset = datasets.unpaired(
        numbered(20), numbered(20), image_size=8, batch_size=20
    )
    sides = [passes(dataset, f"images_{side}", 20, 20) for side in "ab"]
    same = np.mean(sides[0] == sides[1])
    assert same < 0.15  # 1 / 20 by chance


@pytest.mark.parametrize("start", [1, 3, 17])
def test_resume_is_exact(start):
    sides = ramps(7), ramps(4)
    options = {"image_size": 8, "batch_size": 3, "seed": 2}
    straight = take(datasets.unpaired(*sides, **options), 20)
    resumed = take(datasets.unpaired(*sides, start=start, **options), 3)
    for key, batch in resumed.items():
        np.testing.assert_array_equal(
            batch, straight[key][3 * start : 3 * start + 9]
        )


def test_sequence_does_not_depend_on_batches_or_threads(monkeypatch):
    sides = ramps(7), ramps(4)
    expected = take(datasets.unpaired(*sides, 8, batch_size=6), 4)
    other = take(datasets.unpaired(*sides, 8, batch_size=1), 24)
    original = module.batch

    def slowed(pictures, side, first, *args):
        import time

        # Later batches are ready before earlier ones.
        time.sleep(0.02 * (first // 6 % 2 == side))
        return original(pictures, side, first, *args)

    monkeypatch.setattr(module, "batch", slowed)
    threaded = take(datasets.unpaired(*sides, 8, batch_size=6), 4)
    for key in expected:
        np.testing.assert_array_equal(other[key], expected[key])
        np.testing.assert_array_equal(threaded[key], expected[key])


def test_one_pass_for_validation():
    sides = ramps(5), numbered(3, size=12, first=100)
    options = {"image_size": 8, "batch_size": 2, "repeat": False}
    dataset = datasets.unpaired(*sides, **options)
    assert int(dataset.cardinality()) == 3
    assert dataset.element_spec["images_a"].shape.as_list() == [None, 8, 8, 3]
    for _ in range(2):
        batches = take(dataset, 9)
        np.testing.assert_array_equal(
            batches["images_a"][:, 0, 0], [[i, 2, 2] for i in range(5)]
        )
        numbers = batches["images_b"][:, 0, 0, 0]
        assert numbers.tolist() == [100, 101, 102, 100, 101]
    rest = take(datasets.unpaired(*sides, start=2, **options), 9)
    assert rest["images_a"][:, 0, 0, 0].tolist() == [4]
    with pytest.raises(ValueError, match="repeat must be True or False.*'no'"):
        datasets.unpaired(*sides, image_size=8, repeat="no")


def test_one_pass_is_of_what_is_held_out():
    side = numbered(20)
    dataset = datasets.unpaired(
        side, side, image_size=8, batch_size=3, held_out=4, repeat=False
    )
    held_out = pixels(datasets.held_out(side, 4, image_size=8))
    for batch in take(dataset, 9).values():
        np.testing.assert_array_equal(batch, held_out)


def test_seeds_differ():
    sides = ramps(7), ramps(4)
    of_seed = [
        take(datasets.unpaired(*sides, 8, 8, seed=seed), 2)["images_a"]
        for seed in (0, 0, 1, 2**32 - 1)
    ]
    np.testing.assert_array_equal(of_seed[0], of_seed[1])
    assert (of_seed[0] != of_seed[2]).any()
    assert (of_seed[0] != of_seed[3]).any()


def test_crops_and_flips():
    dataset = datasets.unpaired(
        ramps(5), ramps(5), image_size=8, batch_size=100
    )
    batches = take(dataset, 4)
    corners = {}
    for key, batch in batches.items():
        tops, lefts = batch[:, 0, 0, 1], batch[:, 0, :, 2].min(axis=1)
        flipped = batch[:, 0, 0, 2] > batch[:, 0, 7, 2]
        for picture, top, left, flip in zip(
            batch, tops, lefts, flipped, strict=True
        ):
            rows, columns = np.mgrid[top : top + 8, left : left + 8]
            columns = columns[:, ::-1] if flip else columns
            np.testing.assert_array_equal(picture[..., 1], rows)
            np.testing.assert_array_equal(picture[..., 2], columns)
        # Every corner of 0 to 4, all about equally often.
        for corner in (tops, lefts):
            counts = np.bincount(corner, minlength=5)
            assert len(counts) == 5 and 50 < counts.min() < counts.max() < 115
        assert 0.4 < flipped.mean() < 0.6
        corners[key] = np.stack([tops, lefts, flipped])
    # Rows and columns, and the two sides, have their own chances.
    assert abs(np.corrcoef(corners["images_a"])[0, 1]) < 0.2
    for a, b in zip(*corners.values(), strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.2


def test_without_crops_and_flips():
    pictures = ramps(3, size=8)
    dataset = datasets.unpaired(
        pictures, pictures, image_size=8, batch_size=6, flip=False
    )
    for picture in take(dataset, 2)["images_a"]:
        expected = pictures.load(int(picture[0, 0, 0]))
        np.testing.assert_array_equal(picture, expected)


def test_load_size_by_default(tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (100, 80)).save(tmp_path / f"{name}.png")
    opened = []
    original = datasets.sources.open_source

    def spy(spec, load_size, *args):
        opened.append((load_size, *args))
        return original(spec, load_size, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.sources, "open_source", spy)
        datasets.unpaired(tmp_path, tmp_path, image_size=64, cache_bytes=9)
        datasets.unpaired(tmp_path, tmp_path, image_size=20, load_size=30)
    assert [entry[0] for entry in opened] == [72, 72, 30, 30]
    assert opened[0][1:4] == ("data_a", 0, 9)
    assert opened[1][1:4] == ("data_b", 0, 9)


def test_cached_or_not_is_the_same(tmp_path):
    random = np.random.default_rng(0)
    for i in range(9):
        noise = random.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    batches = [
        take(
            datasets.unpaired(
                tmp_path, tmp_path, 16, 4, cache_bytes=cache_bytes
            ),
            5,
        )
        for cache_bytes in (1 << 30, 0)
    ]
    for key in batches[0]:
        np.testing.assert_array_equal(batches[0][key], batches[1][key])


def test_a_picture_that_breaks_later_does_not_end_the_run(tmp_path, caplog):
    for i in range(4):
        Image.new("RGB", (9, 9), (i, 0, 0)).save(tmp_path / f"{i}.png")
    dataset = datasets.unpaired(
        tmp_path, numbered(4, 9), 8, 4, load_size=9, cache_bytes=0
    )
    (tmp_path / "2.png").unlink()
    numbers = take(dataset, 5)["images_a"][:, 0, 0, 0].reshape(5, 4)
    assert (np.sort(numbers) == [0, 1, 3, 3]).all()
    assert len(caplog.records) == 1
    assert "2.png: cannot be opened" in caplog.records[0].getMessage()


def test_held_out_pictures_are_never_trained_on(caplog):
    a, b = numbered(24), numbered(9)
    options = {"image_size": 8, "seed": 5}
    held = pixels(datasets.held_out(a, 6, **options))[:, 0, 0, 0]
    assert len(set(held)) == 6
    with caplog.at_level(logging.WARNING, "keras_gans"):
        dataset = datasets.unpaired(a, b, batch_size=6, held_out=6, **options)
    assert [record.getMessage() for record in caplog.records] == [
        "data_b: none of its 9 images is held out, as they are fewer "
        "than 4 times 6"
    ]
    of_a = passes(dataset, "images_a", 18, batches=9)
    assert (np.sort(of_a) == sorted(set(range(24)) - set(held))).all()
    of_b = passes(dataset, "images_b", 9, batches=9)
    assert (np.sort(of_b) == np.arange(9)).all()


def test_held_out_is_the_middle():
    held = datasets.held_out(ramps(8), 2, image_size=8)
    assert held.dtype == np.float32 and held.shape == (2, 8, 8, 3)
    held = pixels(held)
    assert held[0, 0, 0, 1:].tolist() == [2, 2]
    assert held[0, -1, -1, 1:].tolist() == [9, 9]
    # Fewer than asked for, if there are not more.
    assert len(datasets.held_out(ramps(3), 18, image_size=8)) == 3


@pytest.mark.parametrize(
    "argument,value,match",
    [
        ("image_size", 0, "image_size must be an integer from 1 up"),
        ("image_size", 8.0, "image_size must be an int.*8.0"),
        ("image_size", "8", "image_size must be an int.*'8'"),
        ("batch_size", 0, "batch_size must be an integer from 1 up.*0"),
        ("batch_size", True, "batch_size must be an int.*True"),
        ("load_size", 7, "load_size must be an integer from 8 up.*7"),
        ("load_size", 10, "load_size must be that of the opened data_a, 9"),
        ("image_size", 10, "load_size must be an integer from 10 up.*9"),
        ("seed", -1, "seed must be an integer from 0 up.*-1"),
        ("seed", 2**32, "seed must be below"),
        ("start", -1, "start must be an integer from 0 up"),
        ("held_out", -1, "held_out must be an integer from 0 up"),
        ("b", "/no/such/folder", "data_b must be a folder.*missing"),
    ],
)
def test_bad_arguments(argument, value, match):
    arguments = {"a": numbered(2, 9), "b": numbered(2, 9), "image_size": 8}
    with pytest.raises(ValueError, match=match) as caught:
        datasets.unpaired(**{**arguments, argument: value})
    assert "\n" not in str(caught.value)


TWO_REPLICAS = """
import numpy as np
import tensorflow as tf
from keras_gans import datasets

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
array = np.arange(16, dtype=np.uint8)[:, None, None, None]
array = np.broadcast_to(array, (16, 8, 8, 3))
sides = [datasets.open_source(array, 8) for _ in "ab"]
dataset = datasets.unpaired(*sides, image_size=8, batch_size=4)
distributed = iter(strategy.experimental_distribute_dataset(dataset))
for expected in dataset.take(6):
    batch = next(distributed)
    for key in expected:
        halves = strategy.experimental_local_results(batch[key])
        assert [half.shape for half in halves] == [(2, 8, 8, 3)] * 2
        np.testing.assert_array_equal(tf.concat(halves, 0), expected[key])
iterators = [iter(dataset) for _ in range(4)]
for iterator in iterators:
    next(iterator)
# The interpreter now shuts down with iterators alive and their buffers not
# yet full. Without the wait in `pipeline` it hangs now and then.
"""


def test_two_replicas_share_each_batch_and_the_process_ends():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run(
        [sys.executable, "-c", TWO_REPLICAS],
        env=environment,
        timeout=120,
        check=True,
    )
