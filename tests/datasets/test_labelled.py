"""Batches of images with labels, from one data set or several in turn."""

import itertools
import logging

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import datasets, images
from keras_gans.datasets.labelled import _whose_turn
from keras_gans.datasets.labels import open_labelled


def numbered(count, size=8, first=0, labels=2):
    """Images whose pixels are their number, labels the number's bits."""
    numbers = np.arange(first, first + count)
    array = np.broadcast_to(
        numbers.astype(np.uint8)[:, None, None, None], (count, size, size, 3)
    )
    bits = numbers[:, None] >> np.arange(labels) & 1
    return open_labelled(
        (array, bits), [f"bit{i}" for i in range(labels)], size
    )


def take(dataset, count):
    """Return the first `count` elements, the numbers of images by row."""
    elements = list(dataset.take(count).as_numpy_iterator())
    for element in elements:
        pixels = images.to_uint8(element["images"]).numpy()
        element["numbers"] = pixels[:, 0, 0, 0].astype(int)
    return elements


@pytest.mark.parametrize("sets,critic_steps", [(1, 1), (1, 5), (2, 1), (2, 5)])
def test_epochs_are_passes_through_each_set(sets, critic_steps):
    settings = {"image_size": 8, "batch_size": 4, "seed": 0}
    settings |= {"data": ["faces:photo@40", "faces:anime@40"][:sets]}
    settings |= {"labels": [["Male"], ["Young"]][:sets]}
    settings |= {"critic_steps": critic_steps}
    data = datasets.KINDS["labelled"].open(settings, held_out=0)
    batches = data.steps_of(3) * critic_steps
    assert batches == 3 * 10 * sets


def test_elements():
    dataset = datasets.labelled(
        numbered(9), image_size=8, batch_size=2, batches_per_step=5
    )
    assert dataset.element_spec == {
        "images": tf.TensorSpec((10, 8, 8, 3), tf.float32),
        "labels": tf.TensorSpec((10, 2), tf.float32),
    }
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    elements = take(dataset, 9)
    for element in elements:
        assert -1 <= element["images"].min() <= element["images"].max() <= 1
        bits = element["numbers"][:, None] >> np.arange(2) & 1
        np.testing.assert_array_equal(element["labels"], bits)
    # Every image once in a pass.
    numbers = [element["numbers"].reshape(2, 5).T for element in elements]
    numbers = np.concatenate(numbers)
    assert (np.sort(numbers.reshape(10, 9)) == np.arange(9)).all()


@pytest.mark.parametrize("joint", [False, True])
def test_resume_is_exact(joint):
    data = [numbered(7), numbered(5, first=50)] if joint else numbered(7)
    options = {
        "image_size": 6,
        "batch_size": 3,
        "batches_per_step": 3,
        "seed": 2,
    }
    straight = take(datasets.labelled(data, **options), 9)
    resumed = take(datasets.labelled(data, **options, start=4), 3)
    for expected, element in zip(straight[4:7], resumed, strict=True):
        for key in expected:
            np.testing.assert_array_equal(element[key], expected[key])
    options["seed"] = 3
    other = take(datasets.labelled(data, **options), 1)[0]
    assert (other["numbers"] != straight[0]["numbers"]).any()


def test_one_pass_for_validation():
    dataset = datasets.labelled(
        [numbered(3), numbered(2, first=49)],
        image_size=6,
        batch_size=2,
        batches_per_step=2,
        repeat=False,
    )
    elements = take(dataset, 9)
    assert [len(element["images"]) for element in elements] == [4, 1]
    joined = {
        key: np.concatenate([element[key] for element in elements])
        for key in ("numbers", "labels", "mask")
    }
    assert joined["numbers"].tolist() == [0, 1, 2, 49, 50]
    np.testing.assert_array_equal(
        joined["labels"],
        [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    )
    np.testing.assert_array_equal(
        joined["mask"], [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]
    )


def test_batches_do_not_depend_on_how_many_are_in_a_step():
    one = take(datasets.labelled(numbered(7), None, 8, 4), 6)
    three = take(datasets.labelled(numbered(7), None, 8, 4, 3), 2)
    for key in one[0]:
        np.testing.assert_array_equal(
            np.concatenate([element[key] for element in one]),
            np.concatenate(
                [element[key][i::3] for element in three for i in range(3)]
            ),
        )


def test_two_data_sets_take_turns():
    def in_turn(rows):
        return rows.reshape(2, 5).T.ravel()

    data = [numbered(7), numbered(6, first=64, labels=3)]
    dataset = datasets.labelled(
        data, image_size=8, batch_size=2, batches_per_step=5
    )
    assert dataset.element_spec["labels"].shape == (10, 5)
    assert dataset.element_spec["mask"] == tf.TensorSpec((10, 2), tf.float32)
    numbers, from_second = [], []
    for element in take(dataset, 14):
        assert (element["mask"].sum(axis=1) == 1).all()
        second = element["mask"][:, 1] == 1
        np.testing.assert_array_equal(second, element["numbers"] >= 64)
        bits = element["numbers"][:, None] >> np.array([0, 1, 0, 1, 2]) & 1
        bits[second, :2] = bits[~second, 2:] = 0
        np.testing.assert_array_equal(element["labels"], bits)
        numbers.append(in_turn(element["numbers"]))
        from_second.append(in_turn(second))
    # Batches of two, one set after the other, across elements as well.
    turns = np.concatenate(from_second).reshape(70, 2)
    np.testing.assert_array_equal(turns[:, 0], np.arange(70) % 2 == 1)
    np.testing.assert_array_equal(turns[:, 0], turns[:, 1])
    # Each set passes through all its images.
    numbers = np.concatenate(numbers)
    first = numbers[numbers < 64].reshape(10, 7)
    second = numbers[numbers >= 64][:66].reshape(11, 6)
    assert (np.sort(first) == np.arange(7)).all()
    assert (np.sort(second) == np.arange(64, 70)).all()


@pytest.mark.parametrize("sets", [1, 2, 3, 4])
@pytest.mark.parametrize("batches", [1, 2, 3, 4, 5, 6])
def test_whose_turn(sets, batches):
    turns = [
        _whose_turn(turn, sets, batches)
        for turn in range(sets * sets * batches)
    ]
    counts = [itertools.count() for _ in range(sets)]
    for chosen, earlier in turns:
        assert earlier == next(counts[chosen])
    # Every set has equally many of the last batches, the generator's.
    last = [chosen for chosen, _ in turns[batches - 1 :: batches]]
    assert np.bincount(last, minlength=sets).tolist() == [sets] * sets


def test_held_out_pictures_are_never_trained_on(caplog):
    data = numbered(24)
    options = {"image_size": 8, "seed": 5}
    held = datasets.held_out_labelled(data, 6, **options)
    assert held["images"].dtype == held["labels"].dtype == np.float32
    pixels = images.to_uint8(held["images"]).numpy()
    numbers = pixels[:, 0, 0, 0].astype(int)
    assert len({*numbers}) == 6
    np.testing.assert_array_equal(
        held["labels"], numbers[:, None] >> np.arange(2) & 1
    )
    assert held.keys() == {"images", "labels"}
    dataset = datasets.labelled(data, batch_size=6, held_out=6, **options)
    trained = np.concatenate([e["numbers"] for e in take(dataset, 3)])
    assert sorted([*trained, *numbers]) == list(range(24))
    with caplog.at_level(logging.WARNING, "keras_gans"):
        datasets.labelled(numbered(9), batch_size=6, held_out=6, image_size=8)
    assert "data: none of its 9 images is held out" in caplog.text


def test_held_out_of_several_data_sets():
    data = [numbered(20, first=1), numbered(3, first=66, labels=3)]
    held = datasets.held_out_labelled(data, 4, image_size=8)
    assert held["images"].shape == (7, 8, 8, 3)
    assert held["mask"].tolist() == [[1, 0]] * 4 + [[0, 1]] * 3
    assert held["labels"].shape == (7, 5)
    assert not held["labels"][:4, 2:].any() and not held["labels"][4:, :2].any()


def test_pictures_are_not_cut_unless_asked_to(tmp_path):
    for i, name in enumerate(("low", "high")):
        (tmp_path / name).mkdir()
        ramp = np.zeros((12, 12, 3), np.uint8)
        ramp[..., 0], ramp[..., 1] = np.arange(12), i
        Image.fromarray(ramp).save(tmp_path / name / "x.png")
    whole = datasets.labelled(tmp_path, None, 12, 4)
    for element in take(whole, 3):
        shown = images.to_uint8(element["images"]).numpy()
        rows = shown[:, 0, :, 0].tolist()
        assert all(row in ([*range(12)], [*range(11, -1, -1)]) for row in rows)
        np.testing.assert_array_equal(
            element["labels"].argmax(axis=1), 1 - shown[:, 0, 0, 1]
        )
    unflipped = datasets.labelled(tmp_path, ["low"], 12, 4, flip=False)
    shown = images.to_uint8(next(iter(unflipped))["images"]).numpy()
    assert (shown[:, :, :, 0] == np.arange(12)).all()
    cut = datasets.labelled(tmp_path, None, 8, 50, load_size=12, flip=False)
    shown = images.to_uint8(next(iter(cut))["images"]).numpy()
    assert {*shown[:, 0, 0, 0].tolist()} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("argument", "value", "match"),
    [
        ("batches_per_step", 0, "batches_per_step must be an integer from"),
        ("batch_size", 2.0, "batch_size must be an int"),
        ("image_size", 10, "load_size must be an integer from 10 up.*8"),
        ("load_size", 9, "load_size must be that of the opened data, 8"),
        ("start", -1, "start must be an int"),
        ("labels", ["bit0"], "labels must be None for opened data"),
        ("data", "/no/such/folder", "data must be a folder.*missing"),
        ("data", [], "data must be a pair"),
        ("data", [numbered(4), "faces:photo"], "data must be a pair"),
    ],
)
def test_bad_arguments(argument, value, match):
    arguments = {"data": numbered(4), "image_size": 8, argument: value}
    with pytest.raises(ValueError, match=match) as caught:
        datasets.labelled(**arguments)
    assert "\n" not in str(caught.value)
