import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets, images, verbs


@pytest.mark.parametrize(
    "folders,expected",
    [
        (("trainA", "trainB", "testA", "testB"), ("trainA", "trainB")),
        (("train_a", "train_b"), ("train_a", "train_b")),
        (("A", "B"), ("A", "B")),
    ],
)
@pytest.mark.parametrize("kind", ["unpaired", "paired"])
def test_two_folders_in_one(tmp_path, folders, expected, kind):
    for folder in folders:
        (tmp_path / folder).mkdir()
    sides = datasets.KINDS[kind].sides_of(str(tmp_path))
    assert sides == tuple(str(tmp_path / folder) for folder in expected)


def test_side_by_side(tmp_path):
    def sides():
        return datasets.KINDS["paired"].sides_of(str(tmp_path))

    assert sides() == (f"{tmp_path}#left", f"{tmp_path}#right")
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
    assert sides() == (f"{tmp_path}/train#left", f"{tmp_path}/train#right")


def test_splits_of_tensorflow_datasets():
    sides_of = datasets.KINDS["unpaired"].sides_of
    assert sides_of("tfds:cycle_gan/horse2zebra") == (
        "tfds:cycle_gan/horse2zebra@trainA",
        "tfds:cycle_gan/horse2zebra@trainB",
    )


@pytest.mark.parametrize(
    "data,kind,match",
    [
        ("tfds:cycle_gan/maps@trainA", "unpaired", "trainA and trainB are ta"),
        ("tfds:cycle_gan/maps", "paired", "data must be a folder for paired"),
        ("faces:photo", "paired", "data must be a data set with two sides"),
        ("nowhere", "unpaired", "data must be a folder that exists.*nowhere"),
        (".", "unpaired", "trainA and trainB in it.*no folders"),
    ],
)
def test_what_has_no_two_sides(data, kind, match, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=match) as caught:
        datasets.KINDS[kind].sides_of(data)
    assert "\n" not in str(caught.value)


def test_open_sides(tmp_path):
    for i in range(3):
        Image.new("RGB", (20, 10), (i, 0, 0)).save(tmp_path / f"{i}.png")
    for kind in ("paired", "unpaired"):
        settings = {
            "data_a": f"{tmp_path}#left",
            "data_b": f"{tmp_path}#right",
            "image_size": 8,
            "seed": 0,
        }
        sides = datasets.KINDS[kind].open(settings).sides
        assert list(sides) == ["data_a", "data_b"]
        for side in sides.values():
            np.testing.assert_array_equal(side.load(2)[0, 0], [2, 0, 0])


@pytest.mark.parametrize("kind", ["unpaired", "paired"])
def test_opening_decodes_nothing(tmp_path, kind, monkeypatch):
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        for i in range(40):
            color = (i, 0, 0)
            Image.new("RGB", (20, 20), color).save(tmp_path / side / f"{i}.png")
    decoded = []
    read = images.read

    def count(source, *args, **options):
        decoded.append(source)
        return read(source, *args, **options)

    monkeypatch.setattr(images, "read", count)
    settings = {
        "data_a": str(tmp_path / "a"),
        "data_b": str(tmp_path / "b"),
        **{"image_size": 16, "seed": 0, "batch_size": 4},
    }
    data = datasets.KINDS[kind].open(settings, held_out=8)
    assert data.steps_of(1) == 8 and not decoded
    data.held_out(3)
    assert len(decoded) == 2 * 3
    verb = verbs.Verb("a_to_b", None, {"images": verbs.Images(16)}, "a", "b")
    (case,) = data.cases([verb], 100).values()
    assert len(case.images) == 8 and len(decoded) == 2 * 8
    assert case.is_paired == (kind == "paired")
    data.prepare()
    assert len(decoded) == 2 * 40
    next(iter(data.batches()))
    assert len(decoded) == 2 * 40


def test_who_is_held_out_does_not_depend_on_what_is_broken_inside(tmp_path):
    for i in range(40):
        Image.new("RGB", (20, 20), (i, 0, 0)).save(tmp_path / f"{i:02d}.png")
    settings = {"data": [str(tmp_path)], "image_size": 16, "seed": 0}

    def open_and_prepare():
        data = datasets.KINDS["single"].open(settings, held_out=8)
        held = {*data.held["data"].names}
        data.prepare()
        return held, {*data.held["data"].names}, len(data.training["data"])

    whole, same, count = open_and_prepare()
    assert whole == same and len(whole) == 8 and count == 32
    # One that is held out and one that is not, with good headers.
    other = min({f"{i:02d}.png" for i in range(40)} - whole)
    for name in (min(whole), other):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-30])
    held, left, count = open_and_prepare()
    assert held == whole and left == whole - {min(whole)} and count == 31
