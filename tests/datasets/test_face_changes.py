"""The same face with other attributes: nothing else changes."""

import numpy as np
import pytest

from keras_gans.faces import drawing
from keras_gans.faces.drawing import ATTRIBUTES, attributes, draw
from keras_gans.faces.drawing.changes import changed
from keras_gans.faces.drawing.identity import identity

COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair")


@pytest.mark.parametrize("label", ATTRIBUTES)
def test_just_the_named_attribute_changes(label):
    for index in range(60):
        before = attributes(index)
        value = 1 if label in COLORS else 1 - before[label]
        after = attributes(index, changes={label: value})
        assert after[label] == value
        differing = {name for name in ATTRIBUTES if after[name] != before[name]}
        if label in COLORS:
            assert len(differing & {*COLORS}) in (0, 2)
            differing -= {*COLORS}
        # A beard is lost with the sex, and never grown by it.
        if label == "Male" and before["Beard"]:
            assert after["Beard"] == 0
            differing -= {"Beard"}
        assert differing <= {label}


@pytest.mark.parametrize(
    ("label", "rows", "columns"),
    [
        ("Smiling", (24, 58), (10, 54)),  # and the lower lids
        ("Eyeglasses", (20, 46), (6, 58)),
        ("Beard", (32, 62), (10, 54)),
    ],
)
def test_only_its_place_in_the_picture_changes(label, rows, columns):
    for index in range(8):
        value = 1 - attributes(index)[label]
        before, after = (
            draw(index, "anime"),
            draw(index, "anime", changes={label: value}),
        )
        differs = (before != after).any(axis=-1)
        assert differs.any()
        differs[slice(*rows), slice(*columns)] = False
        assert not differs.any()


def test_a_change_back_gives_the_same_hair_and_age():
    for index in range(30):
        who = identity(index, 0)
        label = "Blond_Hair" if who.hair_label != "Blond_Hair" else "Black_Hair"
        other = changed(who, {label: 1})
        assert other.hair_label == label and other.hair != who.hair
        back = changed(other, {who.hair_label: 1})
        np.testing.assert_allclose(back.hair, who.hair)
        young = attributes(index)["Young"]
        other = changed(who, {"Young": 1 - young})
        back = changed(other, {"Young": young})
        assert back.age == pytest.approx(who.age) or who.cut == "bald"


def test_what_is_so_already_changes_nothing():
    for index in (0, 5):
        who = identity(index, 0)
        assert changed(who, attributes(index)) is who
        assert changed(who, {}) is who
        np.testing.assert_array_equal(
            draw(index, "photo", changes=attributes(index)),
            draw(index, "photo"),
        )


def test_several_at_once_and_many_faces():
    wanted = {"Male": 1, "Beard": 1, "Bangs": 1, "Blond_Hair": 1}
    for index in range(20):
        labels = attributes(index, changes=wanted)
        assert {name: labels[name] for name in wanted} == wanted
    faces = drawing.draw_many([3, 4], "photo", changes=wanted)
    np.testing.assert_array_equal(faces[1], draw(4, "photo", changes=wanted))


@pytest.mark.parametrize(
    "changes",
    [
        {"Blond_Hair": 1, "Black_Hair": 1},
        {"Black_Hair": 0, "Blond_Hair": 0, "Brown_Hair": 0},
        {"Bald": 1},
        {"Smiling": 2},
        {"Smiling": -1},
    ],
)
def test_impossible_changes_are_refused(changes):
    with pytest.raises(ValueError, match="changes must .*Received: {"):
        draw(0, "photo", changes=changes)
