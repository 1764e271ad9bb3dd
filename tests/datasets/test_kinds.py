import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets


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
