import logging
import unicodedata

import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets, images
from keras_gans.datasets import sketches
from keras_gans.verbs import Images, Verb


def pair_arrays(count, size=12):
    """Images of number, row, column; their answers have 100 more."""
    y, x = np.mgrid[:size, :size]
    a = np.stack([np.stack([0 * y + i, y, x], -1) for i in range(count)])
    return a.astype(np.uint8), (a + 100).astype(np.uint8)


def write(folder, names, width=12, height=12):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        color = (number, 0, 0)
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (width, height), color).save(folder / name)
    return folder


def take(dataset, count):
    batches = list(dataset.take(count))
    return [
        np.concatenate([images.to_uint8(b[key]).numpy() for b in batches])
        for key in ("images_a", "images_b")
    ]


def test_pairs_stay_together_under_crop_and_flip():
    options = {"image_size": 8, "batch_size": 2, "load_size": 12}
    a, b = take(datasets.paired(*pair_arrays(5), **options), 20)
    np.testing.assert_array_equal(a + np.uint8(100), b)
    assert (np.sort(a[:40, 0, 0, 0].reshape(-1, 5)) == np.arange(5)).all()
    assert len({tuple(corner) for corner in a[:, 0, 0, 1:]}) > 10
    is_mirrored = a[:, 0, 0, 2] > a[:, 0, -1, 2]
    assert 5 < is_mirrored.sum() < 35


def test_one_pass_for_validation():
    dataset = datasets.paired(
        *pair_arrays(5),
        image_size=8,
        batch_size=2,
        load_size=12,
        repeat=False,
    )
    assert int(dataset.cardinality()) == 3
    a, b = take(dataset, 9)
    np.testing.assert_array_equal(a[:, 0, 0], [[i, 2, 2] for i in range(5)])
    np.testing.assert_array_equal(a + np.uint8(100), b)


def test_it_continues_with_the_next_batch():
    sides = datasets.open_pair(*pair_arrays(7), 12)
    options = {"image_size": 8, "batch_size": 3, "seed": 4}
    whole = take(datasets.paired(*sides, **options), 6)
    rest = take(datasets.paired(*sides, start=2, **options), 4)
    for one, other in zip(whole, rest, strict=True):
        np.testing.assert_array_equal(one[6:], other)


def test_an_opened_side_gives_the_other_its_size():
    a, b = pair_arrays(5)
    opened_a = datasets.open_source(a, 12, "data_a")
    opened_b = datasets.open_source(b, 12, "data_b")
    for sides in ((opened_a, b), (a, opened_b)):
        one, other = take(datasets.paired(*sides, image_size=8), 3)
        np.testing.assert_array_equal(one + np.uint8(100), other)
    smaller = datasets.open_source(b, 10, "data_b")
    rule = "load_size must be that of the opened data_b, 10. Received: 12"
    with pytest.raises(ValueError, match=rule):
        datasets.paired(opened_a, smaller, image_size=8)


def test_held_out_pairs_are_pairs_and_never_trained_on(caplog):
    sides = datasets.open_pair(*pair_arrays(12), 12)
    held = [
        images.to_uint8(datasets.held_out(side, 3, 8, seed=1)).numpy()
        for side in sides
    ]
    np.testing.assert_array_equal(held[0] + np.uint8(100), held[1])
    dataset = datasets.paired(*sides, image_size=8, held_out=3, seed=1)
    a, _ = take(dataset, 18)
    assert not set(a[:, 0, 0, 0]) & set(held[0][:, 0, 0, 0])
    with caplog.at_level(logging.WARNING, "keras_gans"):
        datasets.paired(*sides, image_size=8, held_out=4, seed=1)
    assert "data: none of its 12 images" in caplog.text


def test_side_by_side(tmp_path):
    for i in range(4):
        whole = np.zeros((10, 20, 3), np.uint8)
        whole[:, :10] = i
        whole[:, 10:] = 100 + i
        Image.fromarray(whole).save(tmp_path / f"{i}.png")
    left, right = f"{tmp_path}#left", f"{tmp_path}#right"
    opened = datasets.open_pair(left, right, 10)
    assert opened[0].description == f"4 left halves of images in {tmp_path}"
    assert {h.width for h in opened[0].headers} == {10}
    a, b = take(datasets.paired(right, left, 8, 4, seed=3), 1)
    np.testing.assert_array_equal(a, b + np.uint8(100))


def test_two_folders_by_name_whatever_the_extension(tmp_path):
    a = write(tmp_path / "a", ["x/1.png", "x/2.png", "3.jpg"])
    b = write(tmp_path / "b", ["3.png", "x/1.jpg", "x/2.bmp"])
    opened = datasets.open_pair(a, b, 8)
    assert opened[0].names == ["3.jpg", "x/1.png", "x/2.png"]
    assert opened[1].names == ["3.png", "x/1.jpg", "x/2.bmp"]


def test_names_are_equal_in_any_unicode_form(tmp_path):
    names = [unicodedata.normalize(f, "é/ガ.png") for f in ("NFC", "NFD")]
    for side, name in zip("ab", names, strict=True):
        (tmp_path / side / name).parent.mkdir(parents=True)
        write(tmp_path / side, [name])
    a, b = datasets.open_pair(tmp_path / "a", tmp_path / "b", 8)
    assert a.names + b.names == names and names[0] != names[1]


def test_a_pair_with_a_broken_half_is_left_out(tmp_path, caplog):
    names = [f"{i}.png" for i in range(5)]
    a, b = write(tmp_path / "a", names), write(tmp_path / "b", names)
    (b / "2.png").write_bytes(b"broken")
    opened = datasets.open_pair(a, b, 8)
    assert [len(side) for side in opened] == [4, 4]
    assert opened[0].names == opened[1].names
    assert "2.png" in caplog.text


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_half_that_breaks_later_takes_its_partner_along(tmp_path, side):
    names = [f"{i}.png" for i in range(4)]
    folders = [write(tmp_path / name, names) for name in "ab"]
    dataset = datasets.paired(*folders, image_size=8, cache_bytes=0)
    (tmp_path / side / "1.png").unlink()
    a, b = take(dataset, 8)
    np.testing.assert_array_equal(a, b)
    assert 1 not in a


def test_faces_of_the_same_identities():
    a, b = datasets.open_pair("faces:sketch", "faces:photo", 64)
    assert len(a) == len(b) == 2000
    assert a.names[7] == "faces:sketch[7]" and b.names[7] == "faces:photo[7]"
    from keras_gans.faces import drawing

    np.testing.assert_array_equal(b.load(7), drawing.draw(7, "photo", 64, 0))


def refuses(a, b, match):
    with pytest.raises(ValueError, match=match) as caught:
        datasets.open_pair(a, b, 8)
    assert "\n" not in str(caught.value)


def test_what_does_not_match_is_named(tmp_path):
    a = write(tmp_path / "a", ["1.png", "2.png", "3.png"])
    b = write(tmp_path / "b", ["1.png", "3.png"])
    refuses(a, b, "data_b must have a partner.* none for 1 of 3: 2$")
    refuses(b, a, "data_a must have a partner.* none for 1 of 3: 2$")
    write(b, ["1.png", "2.png", "3.png"], width=14)
    refuses(a, b, r"equal size.* 3 of 3 .*: 1.png \(12 x 12, 14 x 12\), 2.png")
    write(a, ["1.jpg"])
    refuses(a, b, "data_a must have each name once.*: 1.jpg, 1.png")
    refuses(f"{a}#left", f"{a}#right", "each name once")
    refuses(*[np.zeros((n, 8, 8, 3), np.uint8) for n in (3, 4)], "partner")
    refuses("faces:photo", b, "data_b must have a partner.* 2000 of 2000")


def test_halves_of_single_pictures_are_refused(tmp_path):
    folder = write(tmp_path / "a", ["1.png"])
    refuses(f"{folder}#left", f"{folder}#right", "side-by-side.*1.png, 12 x 12")
    odd = write(tmp_path / "odd", ["1.png"], width=23)
    refuses(f"{odd}#left", f"{odd}#right", "no halves, as it is 23 pixels")
    refuses(
        f"{tmp_path}/no#left", f"{tmp_path}/no#right", "data_a must be a fo"
    )


@pytest.mark.filterwarnings("ignore")
def test_two_features_of_one_split():
    tfds = pytest.importorskip("tensorflow_datasets")
    spec = "tfds:scene_parse150@train"
    with tfds.testing.mock_data(num_examples=3):
        a, b = datasets.open_pair(f"{spec}#annotation", spec, 8)
        assert len(a) == len(b) == 3
        refuses(spec, "tfds:scene_parse150@test", "data_b must have a partner")


@pytest.mark.parametrize(
    "argument,value,match",
    [
        ("image_size", 0, "image_size must be an integer from 1 up"),
        ("batch_size", 0, "batch_size must be an integer from 1 up.*0"),
        ("load_size", 7, "load_size must be an integer from 8 up.*7"),
        ("seed", -1, "seed must be an integer from 0 up.*-1"),
        ("start", -1, "start must be an integer from 0 up"),
        ("held_out", -1, "held_out must be an integer from 0 up"),
        ("flip", "no", "flip must be True or False.*'no'"),
    ],
)
def test_bad_arguments(argument, value, match):
    a, b = pair_arrays(3)
    with pytest.raises(ValueError, match="sketch_style must be names.*5"):
        datasets.paired(a, sketch_styles=5)
    with pytest.raises(ValueError, match=match):
        datasets.paired(a, b, **{"image_size": 8, argument: value})


PHOTOS = np.random.RandomState(0).randint(0, 256, (12, 14, 14, 3), np.uint8)


def test_sketches_of_photographs_in_mixed_styles():
    styles = ["xdog", "edges"]
    options = {
        "image_size": 12,
        "batch_size": 5,
        "load_size": 14,
        "seed": 3,
        "sketch_styles": styles,
    }
    a, b = take(datasets.paired(PHOTOS, **options), 12)
    rest = take(datasets.paired(PHOTOS, start=7, **options), 5)
    for one, other in zip((a, b), rest, strict=True):
        np.testing.assert_array_equal(one[35:], other)
    # Both halves of a pair have the same crop and flip.
    known = {}
    for number, photo in enumerate(PHOTOS):
        for style in styles:
            drawn = sketches.draw(photo, style)
            both = np.concatenate([drawn, photo], axis=-1)
            for y, x in np.ndindex(3, 3):
                pair = both[y : y + 12, x : x + 12]
                for flipped in (pair, pair[:, ::-1]):
                    known[flipped.tobytes()] = number, style
    seen = [known[p.tobytes()] for p in np.concatenate([a, b], axis=-1)]
    assert {*seen} == {(n, s) for n in range(12) for s in styles}
    assert 20 < sum(style == "xdog" for _, style in seen) < 40


def test_sketches_of_held_out_photographs(tmp_path):
    for i, photo in enumerate(PHOTOS[:8]):
        Image.fromarray(photo).save(tmp_path / f"{i}.png")
    (tmp_path / "9.png").write_bytes(b"no image")
    kind = datasets.KINDS["paired"]
    settings = datasets.FLAGS | {
        "data": [str(tmp_path)],
        "sketch_style": "edges,photocopy",
    }
    kind.resolve(settings)
    assert [*settings["sketch_style"]] == ["edges", "photocopy"]
    settings |= {"image_size": 14, "seed": 0, "batch_size": 2}
    data = kind.open(settings, held_out=2)
    data.prepare()
    assert data.sides["data_a"].description.startswith(
        "8 sketches (edges, photocopy) of images in"
    )
    held = data.held_out()
    assert held["images_a"].shape == (2, 14, 14, 3)
    a, b = data.held.values()
    for i in range(2):
        style = ("edges", "photocopy")[int(b.names[i][0]) % 2]
        np.testing.assert_array_equal(
            a.read(i), sketches.draw(b.read(i), style)
        )
    case = data.cases([Verb("x", None, {"i": Images(14)}, "a", "b")], 5)["x"]
    assert case.is_paired and len(case.reals) == 2


def test_sketches_of_drawn_faces_have_unseen_identities():
    settings = datasets.FLAGS | {
        "data": ["faces:photo@4"],
        "sketch_style": "edges",
    }
    kind = datasets.KINDS["paired"]
    kind.resolve(settings)
    data = kind.open(settings | {"image_size": 32, "seed": 0})
    case = data.cases([Verb("x", None, {"i": Images(14)}, "a", "b")], 2)["x"]
    assert "never drawn for training" in case.text
    drawn = sketches.draw(data._unseen_faces(1)["data_b"].read(0), "edges")
    np.testing.assert_array_equal(case.images.read(0), drawn[2:-2, 2:-2])


@pytest.mark.parametrize(
    "changes,match",
    [
        ({"data": None}, "sketch_style must be given with data"),
        ({"data_b": "x"}, "sketch_style must be given with data"),
        ({"direction": "b_to_a"}, "direction must be a_to_b, from sketches"),
        ({"sketch_style": "pen"}, "sketch_style must be one of"),
    ],
)
def test_wrong_use_of_sketches(changes, match):
    given = datasets.FLAGS | {"data": ["photos"], "sketch_style": "xdog"}
    with pytest.raises(ValueError, match=match):
        datasets.KINDS["paired"].resolve(given | changes)
    with pytest.raises(ValueError, match="sketch_style must be left out"):
        datasets.KINDS["single"].resolve(given)
    with pytest.raises(ValueError, match="data_b must be left out"):
        datasets.paired(PHOTOS, PHOTOS, sketch_styles="xdog")
