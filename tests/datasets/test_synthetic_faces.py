"""The drawn faces: pure, aligned between styles, and true to their labels."""

import dataclasses
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gans.faces import drawing
from keras_gans.faces.drawing import (
    ATTRIBUTES,
    STYLES,
    attribute_table,
    attributes,
    draw,
    draw_many,
    styles,
)

HAIR_COLORS = ("Black_Hair", "Blond_Hair", "Brown_Hair")


@pytest.fixture(scope="module")
def faces():
    """24 identities in every style, float in [0, 1]."""
    return {style: draw_many(range(24), style) / 255.0 for style in STYLES}


@pytest.fixture(scope="module")
def table():
    return attribute_table(range(500))


def variant(index, style, **changes):
    """Draws an identity with some of its fields replaced, and nothing else."""
    who = drawing._identity(index, seed=0)
    who = dataclasses.replace(who, turn=0.0, tilt=0.0, shift=(0, 0), **changes)
    return styles.paint(who, style, 64) / 255.0


def region(picture, top, bottom, left, right):
    """Cuts a rectangle given in pixels of 64."""
    return picture[top:bottom, left:right]


def difference(one, other):
    return np.abs(one - other).mean()


@pytest.mark.parametrize("style", STYLES)
def test_a_face_is_a_pure_function_of_its_arguments(style):
    first = draw(5, style)
    np.random.default_rng(0).random(3)
    backwards = draw_many([7, 6, 5], style)
    assert first.dtype == np.uint8 and first.shape == (64, 64, 3)
    assert np.array_equal(draw(5, style), first)
    assert np.array_equal(backwards[2], first)
    assert np.array_equal(draw(np.int64(5), style), first)
    assert not np.array_equal(draw(6, style), first)
    assert not np.array_equal(draw(5, style, seed=1), first)


def test_another_process_draws_the_same_bits_without_tensorflow():
    code = (
        "import sys, zlib\n"
        "from keras_gans.faces import drawing as f\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "print(*(zlib.crc32(f.draw(3, s).tobytes()) for s in f.STYLES))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = [zlib.crc32(draw(3, style).tobytes()) for style in STYLES]
    assert [int(word) for word in ran.stdout.split()] == here


def test_nobody_else_may_write_into_a_later_face():
    face = draw(4, "anime")
    kept = face.copy()
    face[:] = 0
    assert np.array_equal(draw(4, "anime"), kept)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("image_size", [64, 72, 129, 256])
def test_every_size_in_the_range_is_drawn(style, image_size):
    face = draw(1, style, image_size)
    assert face.shape == (image_size, image_size, 3)
    assert draw_many([], style, image_size).shape == (0, *face.shape)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("image_size", [128, 256])
def test_sizes_differ_as_by_resampling(style, image_size, faces):
    for index in range(6):
        large = Image.fromarray(draw(index, style, image_size))
        small = np.asarray(large.resize((64, 64), Image.BOX)) / 255
        assert difference(small, faces[style][index]) < 0.025
        # Far nearer than the next face.
        assert difference(small, faces[style][index + 1]) > 0.03


@pytest.mark.parametrize("image_size", [63, 257, 64.5, "64", None])
def test_a_size_out_of_range_is_refused(image_size):
    rule = "image_size must be an int from 64 to 256. Received: "
    with pytest.raises(ValueError, match=rule):
        draw(0, "photo", image_size)
    with pytest.raises(ValueError, match=rule):
        draw_many([0], "photo", image_size)


def test_an_unknown_style_is_refused_with_the_known_ones():
    message = "photo, anime, sketch. Received: 'oil'"
    with pytest.raises(ValueError, match=message):
        draw(0, "oil")
    with pytest.raises(ValueError, match=message):
        draw_many([], "oil")
    assert tuple(styles.STYLES) == STYLES


@pytest.mark.parametrize("call", [draw, draw_many, attributes, attribute_table])
@pytest.mark.parametrize("name", ["index", "seed"])
@pytest.mark.parametrize("value", [-1, 1.5])
def test_a_wrong_index_or_seed_is_refused(call, name, value):
    index, seed = (value, 0) if name == "index" else (0, value)
    many = call in (draw_many, attribute_table)
    arguments = [[index] if many else index]
    if call in (draw, draw_many):
        arguments.append("photo")
    with pytest.raises(ValueError, match=f"{name} must be an int >= 0"):
        call(*arguments, seed=seed)


def test_the_table_holds_the_attributes(table):
    assert table.shape == (500, len(ATTRIBUTES))
    for index in (0, 3, 77):
        labels = attributes(index)
        assert tuple(labels) == ATTRIBUTES
        assert all(type(value) is int for value in labels.values())
        assert list(labels.values()) == table[index].tolist()
    assert set(np.unique(table)) == {0, 1}
    assert not np.array_equal(attribute_table(range(500), seed=1), table)


def test_exactly_one_hair_color(table):
    columns = [ATTRIBUTES.index(name) for name in HAIR_COLORS]
    assert (table[:, columns].sum(axis=1) == 1).all()


def test_every_attribute_is_neither_rare_nor_the_rule(table):
    share = dict(zip(ATTRIBUTES, table.mean(axis=0), strict=True))
    assert all(0.15 < value < 0.75 for value in share.values()), share
    beard, male = (table[:, ATTRIBUTES.index(n)] for n in ("Beard", "Male"))
    assert not (beard & ~male & 1).any()


def test_no_two_labels_say_the_same(table):
    correlation = np.corrcoef(table.T) - np.eye(len(ATTRIBUTES))
    assert np.abs(correlation).max() < 0.75


@pytest.mark.parametrize("style", STYLES)
def test_faces_vary(style, faces):
    flat = faces[style].reshape(24, -1)
    apart = np.abs(flat[:, None] - flat[None]).mean(axis=-1)
    apart = apart[~np.eye(24, dtype=bool)]
    assert apart.min() > 0.03
    assert apart.mean() > 0.09


def test_styles_differ_far_more_in_color_than_in_shape(faces):
    photo, anime = faces["photo"], faces["anime"]
    assert 0.18 < difference(photo, anime) < 0.32
    # The map rises: what is brighter in one style is so in the other.
    brightness = [faces[s].mean(axis=-1) for s in ("photo", "anime")]
    same = [
        np.corrcoef(one.ravel(), other.ravel())[0, 1]
        for one, other in zip(*brightness, strict=True)
    ]
    assert min(same) > 0 and np.mean(same) > 0.5
    assert (anime.mean(axis=(1, 2, 3)) > photo.mean(axis=(1, 2, 3))).all()


@pytest.mark.parametrize("other", ["anime", "sketch"])
def test_edges_coincide_between_styles(faces, other):
    def edges(style):
        grey = faces[style].mean(axis=-1)
        return np.hypot(*np.gradient(grey, axis=(1, 2)))

    mine, theirs = edges("photo"), edges(other)
    inside = (slice(None), slice(3, -3), slice(3, -3))
    fits = {
        (down, right): np.corrcoef(
            mine[inside].ravel(),
            np.roll(theirs, (down, right), axis=(1, 2))[inside].ravel(),
        )[0, 1]
        for down in range(-2, 3)
        for right in range(-2, 3)
    }
    assert max(fits, key=fits.get) == (0, 0)
    assert fits[0, 0] > 0.4


@pytest.mark.parametrize("style", STYLES)
def test_glasses_show_around_the_eyes_alone(style):
    bare = variant(2, style, glasses="", cut="short", fringe="")
    worn = variant(2, style, glasses="square", cut="short", fringe="")
    eyes, chin = (24, 40, 14, 50), (46, 64, 0, 64)
    assert difference(region(bare, *eyes), region(worn, *eyes)) > 0.04
    assert difference(region(bare, *chin), region(worn, *chin)) < 1e-3


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("changes", "place", "least"),
    [
        ({"smile": True, "teeth": True}, (42, 52, 24, 40), 0.015),
        ({"beard": "full"}, (40, 54, 18, 46), 0.05),
        ({"beard": "goatee"}, (40, 54, 18, 46), 0.03),
        ({"fringe": "straight"}, (14, 30, 18, 46), 0.05),
        ({"age": 0.95}, (10, 54, 14, 50), 0.005),
        ({"cut": "curly"}, (4, 30, 8, 56), 0.02),
        ({"hair": (0.8, 0.65, 0.4)}, (8, 20, 18, 46), 0.05),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_each_label_shows_where_it_belongs(style, changes, place, least):
    plain = {
        "smile": False,
        "beard": "",
        "fringe": "",
        "age": 0.3,
        "cut": "short",
        "hair": (0.08, 0.07, 0.08),
        "hair_label": "Black_Hair",
        "glasses": "",
        "skin": (0.93, 0.74, 0.62),
        "male": True,
    }
    without = variant(2, style, **plain)
    changed = variant(2, style, **{**plain, **changes})
    shown = difference(region(without, *place), region(changed, *place))
    assert shown > least, shown
