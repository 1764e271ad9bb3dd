"""Label vectors: as the original makes them, and by name."""

import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.labels import KEYS, Labels, rows

JOINT = [["Black_Hair", "Brown_Hair", "Male"], ["angry", "happy"]]


def joint():
    return Labels(JOINT, [["Black_Hair", "Brown_Hair"], ["angry", "happy"]])


def test_columns_of_the_original(reference):
    fixture = reference("stargan_labels_losses")
    rafd = [f"expression {i}" for i in range(8)]
    for case, names, exclusive in (
        ("celeba", fixture.meta["celeba_attrs"], None),
        ("celeba2", fixture.meta["celeba2_attrs"], None),
        ("rafd", rafd, [rafd]),
    ):
        expected = fixture[f"create_labels/{case}_out"]
        given = fixture.arrays.get(f"create_labels/{case}_c_org", expected[0])
        labels = Labels(names, exclusive)
        assert len(expected) == len(names)
        for name, vectors in zip(names, expected, strict=True):
            np.testing.assert_array_equal(labels.toggled(given, name), vectors)


def test_hair_colors_of_celeba_exclude_one_another():
    assert Labels(["Male", "Gray_Hair", "Black_Hair"]).groups == (
        ("Gray_Hair", "Black_Hair"),
    )
    assert Labels(["Gray_Hair", "Black_Hair"], []).groups == ()
    assert Labels(["Male", "Gray_Hair"]).groups == ()
    # Classes are labels of which one holds, and no label is beside them.
    assert Labels(["Gray_Hair", "Black_Hair"]).is_exclusive(0)
    assert not Labels(["Male", "Gray_Hair", "Black_Hair"]).is_exclusive(0)


def test_changes_leave_other_labels_alone():
    labels = Labels(["Male", "Black_Hair", "Blond_Hair", "Young"])
    given = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], "float32")
    for to, expected in (
        ({"Blond_Hair": 1}, [[1, 0, 1, 0], [0, 0, 1, 1]]),
        ({"Blond_Hair": 0}, [[1, 1, 0, 0], [0, 0, 0, 1]]),
        ({"Male": 0, "Young": True}, [[0, 1, 0, 1], [0, 0, 1, 1]]),
        ({"Black_Hair": 1, "Blond_Hair": 0}, [[1, 1, 0, 0], [0, 1, 0, 1]]),
        ({"Black_Hair": 0, "Blond_Hair": 1}, [[1, 0, 1, 0], [0, 0, 1, 1]]),
    ):
        changed = labels.changed(given, to)
        assert changed.dtype == tf.float32
        np.testing.assert_array_equal(changed, expected, str(to))


def test_labels_are_drawn():
    labels = Labels(["Male", "Black_Hair", "Blond_Hair", "Gray_Hair", "Young"])
    many = labels.draw(4000, seed=3)
    assert many.dtype == "float32" and {*np.unique(many)} == {0.0, 1.0}
    # One of the group, all as often; each of the others by a fair coin.
    np.testing.assert_array_equal(many[:, 1:4].sum(-1), 1.0)
    expected = [1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 2]
    np.testing.assert_allclose(many.mean(0), expected, atol=0.04)
    assert abs(np.corrcoef(many[:, 0], many[:, 4])[0, 1]) < 0.08
    for count in (1, 2, 999):
        np.testing.assert_array_equal(labels.draw(count, 3), many[:count])
    firsts = [labels.draw(64, s) for s in (0, 3, -1, 2**63 - 1, -(2**63))]
    assert len(np.unique(firsts, axis=0)) == len(firsts)
    # They stay so.
    np.testing.assert_array_equal(
        labels.draw(2), [[0, 0, 0, 1, 1], [0, 0, 1, 0, 0]]
    )
    for arguments, message in (
        ((0,), "count must be an integer from 1 up"),
        ((1, 2**63), "seed must be an integer from"),
    ):
        with pytest.raises(ValueError, match=message):
            labels.draw(*arguments)
    with pytest.raises(ValueError, match="labels must name labels among"):
        joint().draw(1)


def test_of_several_data_sets_one_is_known():
    labels = joint()
    assert labels.names == tuple(JOINT[0] + JOINT[1])
    assert labels.ranges == ((0, 3), (3, 5)) and labels.vector_size == 7
    assert [labels.is_exclusive(i) for i in (0, 1)] == [False, True]
    given = np.array([[1, 0, 1, 0, 1]], "float32")
    for change, expected in (
        (labels.changed(given, {"Brown_Hair": 1}), [0, 1, 1, 0, 0, 1, 0]),
        (labels.changed(given, {"angry": 1}), [0, 0, 0, 1, 0, 0, 1]),
        (labels.toggled(given, "Male"), [1, 0, 0, 0, 0, 1, 0]),
        (labels.toggled(given, "happy"), [0, 0, 0, 0, 1, 0, 1]),
    ):
        np.testing.assert_array_equal(change, [expected])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_shuffling_keeps_to_the_data_set(jit_compile):
    labels = joint()
    rng = np.random.default_rng(0)
    sets = np.array([1, 0, 0, 1, 1, 0, 0, 1])
    vectors = rng.uniform(size=(8, 7)).astype("float32")
    vectors[:, 5:] = np.eye(2)[sets]
    keys = rng.integers(0, KEYS, 8).astype("int32")
    shuffle = tf.function(labels.shuffled, jit_compile=jit_compile)
    shuffled = shuffle(tf.constant(vectors), tf.constant(keys)).numpy()
    for index in (0, 1):
        own = np.flatnonzero(sets == index)
        order = own[np.argsort(keys[own])]
        assert not np.array_equal(order, own)
        np.testing.assert_array_equal(shuffled[own], vectors[order])
    alone = Labels(["Male"])
    np.testing.assert_array_equal(
        alone.shuffled(tf.constant([[0.0], [1.0], [2.0]]), [7, 5, KEYS - 1]),
        [[1.0], [0.0], [2.0]],
    )


@pytest.mark.parametrize(
    "text,to",
    [
        ("Male,Young", {"Male": 1, "Young": 1}),
        (" -Male ,Young, ", {"Male": 0, "Young": 1}),
        ("- Male,Male 2,Male 2", {"Male": 0, "Male 2": 1}),
        ("-5, 5", {"-5": 1, "5": 1}),  # a label may be called so
        ("--5", {"-5": 0}),
        (unicodedata.normalize("NFD", "-Zoë"), {"Zoë": 0}),
        ("", {}),
        (" , ", {}),
    ],
)
def test_names_from_text(text, to):
    assert Labels(["-5", "5"]).read(text) == to


@pytest.mark.parametrize("text", ["Male,-Male", "-Male, Young, Male"])
def test_names_with_and_without_a_minus(text):
    with pytest.raises(ValueError, match=f"each name once.*'{text}'"):
        Labels(["Male"]).read(text)


def test_a_change_of_nothing():
    labels = Labels(["Male", "Young"])
    given = np.array([[1, 0]], "float32")
    np.testing.assert_array_equal(labels.changed(given, {}), given)


def test_rows():
    images = tf.zeros([2, 8, 8, 3])
    for given in ([1, 0, 1], np.array([[1, 0, 1], [1, 0, 1]])):
        np.testing.assert_array_equal(
            rows("to", given, images, 3), [[1, 0, 1]] * 2
        )
    for given in (
        "Male",
        [1, 0],
        np.zeros((3, 3)),
        np.zeros((2, 3, 1)),
        [*"abc"],
        [[1], [1, 2]],
        None,
        object(),
    ):
        with pytest.raises(ValueError, match=r"to must be.*shape \[2, 3\]"):
            rows("to", given, images, 3)


@pytest.mark.parametrize(
    "to,message",
    [
        ({}, "name labels among Black_Hair.*{}"),
        ({"Male": 1, "Bald": 1}, "among.*; angry, happy.*'Bald'"),
        ({"Male": 2}, r"to\['Male'\] must be 0 or 1.*2"),
        ({"Male": "1"}, "must be 0 or 1.*'1'"),
        (
            {"Brown_Hair": 1, "Black_Hair": 1},
            "only one of Black_Hair, Brown_Hair.*Black_Hair, Brown_Hair",
        ),
        ({"Male": 1, "happy": 1}, "one data set.*Male, happy"),
    ],
)
def test_bad_changes(to, message):
    with pytest.raises(ValueError, match=message):
        joint().changed(np.zeros((1, 5)), to)


@pytest.mark.parametrize(
    "names,exclusive,message",
    [
        ([], None, r"labels must be a list of one name.*\[\]"),
        ("Male", None, "labels must be a list.*'Male'"),
        (["Male", 3], None, "labels must be a list.*3"),
        ([["Male"], []], None, "labels must be a list"),
        (["Male", ""], None, "labels must be a list"),
        (["Male", "Male"], None, "labels must have each name once.*Male"),
        ([["Male"], ["Male"]], None, "labels must have each name once"),
        (["a", "b"], ["a", "b"], "groups of two or more.*'a'"),
        (["a", "b"], [["a"]], r"groups of two or more.*\['a'\]"),
        (["a", "b"], [["a", "c"]], "a, b. Received.*'c'"),
        ([["a"], ["b"]], [["a", "b"]], "of one data set, a; b"),
        (["a", "b", "c"], [["a", "b"], ["b", "c"]], "exclusive.*once.*b"),
        (["a", "b"], 5, "exclusive must be a list of groups.*5"),
        (["a", "b"], [["a", ["b"]]], "groups of two or more"),
    ],
)
def test_bad_labels(names, exclusive, message):
    with pytest.raises(ValueError, match=message):
        Labels(names, exclusive)
