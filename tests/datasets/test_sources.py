import logging
import os
import pathlib
import shutil
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import datasets
from keras_gans.datasets import sources

DATA = pathlib.Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, "keras_gans")
    return lambda: [record.getMessage() for record in caplog.records]


def save(path, value, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, 0, 0)).save(path)


def values(pictures):
    return [int(pictures.load(i)[0, 0, 0]) for i in range(len(pictures))]


def refuses(spec, match, name="data_b", **options):
    with pytest.raises(ValueError, match=match) as caught:
        datasets.open_source(spec, 8, name, **options)
    assert str(caught.value).startswith(
        (f"{name} must be", f"{name} must have")
    )
    assert "\n" not in str(caught.value)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a 文件夹"
    for value, name in enumerate(
        ("z.PNG", "sub/b.png", "sub/a.BMP", "Sub 2/一.png", "a.png")
    ):
        save(folder / name, value)
    return folder


@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_folder(folder, cache_bytes):
    for hidden in (".h.png", ".git/a.png", "__MACOSX/a.png", "sub/.x/a.png"):
        save(folder / hidden, 99)
    (folder / "notes.txt").write_text("no image")
    (folder / "up").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    (folder / "dead.png").symlink_to(folder / "nowhere.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    for spec in (folder, str(folder), os.path.relpath(folder)):
        pictures = datasets.open_source(spec, 8, cache_bytes=cache_bytes)
        expected = ["Sub 2/一.png", "a.png", "sub/a.BMP", "sub/b.png", "z.PNG"]
        assert pictures.names == expected
        assert values(pictures) == [3, 4, 2, 1, 0]
        assert pictures.load(0).shape == (8, 8, 3)
        assert pictures.load(0).dtype == np.uint8
        assert pictures.load_size == 8 and pictures.skipped == []
        assert pictures.description == f"5 images in {pathlib.Path(spec)}"


def test_linked_folders_are_read(folder, tmp_path):
    save(tmp_path / "elsewhere" / "x.png", 7)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    pictures = datasets.open_source(folder, 8)
    assert "link/x.png" in pictures.names and len(pictures) == 6


def test_prepared_looks_at_each_picture_once(folder):
    pictures = datasets.open_source(folder, 8)
    probe = pictures._source.probe or pictures._source.decode
    looked = pictures._source.probe = mock.Mock(side_effect=probe)
    for _ in range(2):
        assert len(pictures.prepared()) == len(pictures)
    assert looked.call_count == len(pictures)


def test_cached_pictures_are_decoded_once(folder):
    pictures = datasets.open_source(folder, 8, cache_bytes=5 * 8 * 8 * 3)
    assert len(pictures.prepared()) == 5
    for path in folder.rglob("*.*"):
        path.unlink()
    assert values(pictures) == [3, 4, 2, 1, 0]
    with pytest.raises(ValueError, match="read-only"):
        pictures.load(0)[:] = 0


def test_broken_pictures_are_named_and_left_out(folder, messages):
    (folder / "b.png").write_bytes(b"")
    for i in range(11):
        (folder / f"t{i:02}.png").write_bytes(b"text")
    pictures = datasets.open_source(folder, 8, name="data_b").prepared()
    assert values(pictures) == [3, 4, 2, 1, 0]
    assert pictures.description.endswith("(12 skipped)")
    assert pictures.skipped[0] == ("b.png", "is empty (0 bytes)")
    assert len(pictures.skipped) == 12
    lines = messages()
    assert len(lines) == 11
    assert lines[0] == "data_b: skipped: b.png: is empty (0 bytes)"
    assert lines[-1] == "data_b: skipped: 2 more"


def test_uncached_broken_pictures(folder, messages):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "b.png")
    data = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(data[: len(data) // 2])
    (folder / "c.png").write_bytes(b"")
    pictures = datasets.open_source(folder, 8, cache_bytes=0)
    # The header of b.png is whole; its place is taken by the next one.
    assert [reason[0] for reason in pictures.skipped] == ["c.png"]
    assert values(pictures) == [3, 4, 2, 2, 1, 0]
    assert values(pictures) == [3, 4, 2, 2, 1, 0]
    warnings = [line for line in messages() if "takes its place" in line]
    assert len(warnings) == 1 and "b.png: is damaged" in warnings[0]
    assert values(pictures.subset([2, 0])) == [3, 3]
    with pytest.raises(ValueError, match="every image turned out"):
        pictures.subset([2]).load(0)


def test_folder_errors(tmp_path, folder):
    refuses(tmp_path / "absent", r"Received: '.*absent' \(missing\)")
    refuses("", r"Received: '' \(missing\)")
    refuses(None, r"Received: 'None' \(missing\)")
    refuses("x" * 5000, "missing")
    refuses(folder / "a.png", r"a.png' \(a file\)")
    (tmp_path / "empty").mkdir()
    refuses(tmp_path / "empty", "jpg, jpeg, png, bmp.*empty' with 0 files$")
    for name in ("a.tif", "b/b.TIF", "c.txt"):
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_text("")
    refuses(tmp_path / "other", r"with 3 files \(2 .tif, 1 .txt\)$")
    (tmp_path / "broken").mkdir()
    for i in range(3):
        (tmp_path / "broken" / f"{i}.png").write_bytes(b"")
    for cache_bytes in (1 << 30, 0):
        refuses(
            tmp_path / "broken",
            "3 images in .*, all broken; the first: 0.png: is empty",
            cache_bytes=cache_bytes,
        )


@pytest.mark.parametrize(
    "folders,given",
    [
        (("trainA", "trainB", "testA", "testB"), "trainA"),
        (("testA", "testB", "readme"), "testA"),
        (("train_a", "train_b"), "train_a"),
        (("A", "B"), "A"),
        (("a", "b", "empty"), "a"),
    ],
)
def test_folder_above_both_sides(tmp_path, folders, given):
    for name in (*folders, "__MACOSX"):
        save(tmp_path / name / "x.png", 0)
    other = given[:-1] + {"A": "B", "a": "b"}[given[-1]]
    refuses(
        tmp_path, rf"above both.*data_a=\S*/{given} and data_b=\S*/{other}$"
    )
    refuses(tmp_path, rf"above both.* give data=\S*/{given}$", "data")
    # Also where the sides are still empty.
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    refuses(tmp_path, "above both sides")


def test_classes_named_by_letters_are_not_two_sides(tmp_path):
    for name in "abc":
        save(tmp_path / name / "x.png", 0)
    assert len(datasets.open_source(tmp_path, 8)) == 3
    (tmp_path / "c/x.png").unlink()
    (tmp_path / "c").rmdir()
    opened = datasets.open_labelled(tmp_path, None, 8)
    assert opened.label_names == ["a", "b"]


def test_unknown_kinds():
    refuses("kaggle:horses", r"tfds:NAME.*'kaggle:horses' \(unknown prefix\)")
    refuses("https://host/x.zip", "unknown prefix")
    refuses(r"C:\images", "missing")
    refuses("faces:oil", "photo, anime, sketch. Received: 'faces:oil'")
    for count in ("", "0", "250001", "few", "-1"):
        refuses(f"faces:photo@{count}", "count from 1 to 250000")
    for size in (0, -1, 8.0, True, None):
        with pytest.raises(ValueError, match="load_size must be an int"):
            datasets.open_source("faces:photo", size)
    with pytest.raises(ValueError, match="seed must be .*-1"):
        datasets.open_source("faces:photo", 64, seed=-1)
    with pytest.raises(ValueError, match="face_indices must be"):
        datasets.open_source("faces:photo", 64, face_indices=[3, -1])


def test_arrays():
    array = np.zeros((3, 20, 10, 3), np.uint8)
    array[1] = 50
    pillows = [Image.fromarray(image) for image in array]
    for spec in (array, list(array), tf.constant(array), pillows):
        pictures = datasets.open_source(spec, 8)
        assert values(pictures) == [0, 50, 0]
        assert pictures.description == "3 images in memory"
        assert pictures.names == ["data_a[0]", "data_a[1]", "data_a[2]"]
    refuses(array.astype(np.float32), "uint8 images")
    refuses(array[..., 0], "uint8 images")
    refuses([], "at least one")
    refuses(["a", "b"], "uint8 images")
    refuses(tf.zeros((2, 8, 8, 3)), r"Received: float32 \[8, 8, 3\]")
    for spec in (np.array(3), tf.constant(3), [[1, 2], [[3], 4]]):
        refuses(spec, "at least one. Received: none")


def test_faces():
    from keras_gans.faces import drawing

    sides = [
        datasets.open_source("faces:photo", 72, face_indices=indices)
        for indices in (range(0, 4000, 2), range(1, 4000, 2))
    ]
    assert [len(side) for side in sides] == [2000, 2000]
    assert not set(sides[0].names) & set(sides[1].names)
    assert sides[0].description == "2000 drawn faces, photo"
    for side, first in zip(sides, (0, 1), strict=True):
        face = drawing.draw(first + 2 * 3, "photo", 72, seed=0)
        np.testing.assert_array_equal(side.load(3), face)
    indices = range(1, 4000, 2)
    few = datasets.open_source("faces:photo@5", 72, face_indices=indices)
    assert few.description == "5 drawn faces, photo"
    np.testing.assert_array_equal(few.load(4), sides[1].load(4))
    more = datasets.open_source("faces:photo@2001", 72, face_indices=indices)
    assert more.names[:2000] == sides[1].names
    assert more.names[2000] == "faces:photo[4001]"
    # Of a range beyond those of training, fewer.
    held = range(1_000_000, 1_000_005)
    some = datasets.open_source("faces:photo@2", 72, face_indices=held)
    assert some.names == ["faces:photo[1000000]", "faces:photo[1000001]"]
    with pytest.raises(ValueError, match="count from 1 to 5"):
        datasets.open_source("faces:photo@6", 72, face_indices=held)
    other = datasets.open_source(
        "faces:anime", 72, seed=5, face_indices=[7], cache_bytes=0
    )
    face = drawing.draw(7, "anime", 72, seed=5)
    np.testing.assert_array_equal(other.load(0), face)
    # Sizes that are not drawn are scaled.
    for size in (16, 288):
        faces = datasets.open_source("faces:sketch", size, face_indices=[0])
        assert faces.load(0).shape == (size, size, 3)


def test_split():
    with pytest.raises(ValueError, match="held_out must be .* from 0 up.*-1"):
        datasets.split(
            datasets.open_source(np.zeros((3, 8, 8, 3), np.uint8), 8), -1
        )
    array = np.arange(40, dtype=np.uint8)[:, None, None, None]
    array = np.broadcast_to(array, (40, 8, 8, 3))
    pictures = datasets.open_source(array, 8)
    training, held = datasets.split(pictures, 10, seed=3)
    assert len(training) == 30 and len(held) == 10
    assert sorted(values(training) + values(held)) == list(range(40))
    assert values(held) != sorted(values(held))
    again = datasets.split(pictures, 10, seed=3)
    assert [values(side) for side in again] == [values(training), values(held)]
    assert set(values(datasets.split(pictures, 10, 4)[1])) != set(values(held))
    # Too few to hold any back.
    training, held = datasets.split(pictures, 11, seed=3)
    assert training is pictures and len(held) == 11
    assert values(held)[:10] == values(again[1])
    training, held = datasets.split(pictures, 0)
    assert training is pictures and len(held) == 0
    assert len(datasets.split(pictures, 99)[1]) == 40


def test_samples_of_real_data(messages):
    if not DATA.is_dir():
        pytest.skip("no sample data beside the repository")
    pictures = datasets.open_source(DATA / "face2genshin/testA", 72)
    assert len(pictures) == 100 and not pictures.skipped
    grey = datasets.open_source(DATA / "expressions/anger", 72)
    assert len(grey) == 181
    cars = datasets.open_source(DATA / "cars/test", 64, cache_bytes=0)
    assert cars.load(0).shape == (64, 64, 3)
    refuses(DATA / "face2genshin", "above both sides")
    assert not messages()


@pytest.fixture
def tfds(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    # The environment variable counts only before the first import.
    constants = tfds.core.constants
    monkeypatch.setattr(constants, "DATA_DIR", str(tmp_path / "tfds"))
    return tfds


@pytest.fixture(scope="module")
def tiny_dataset():
    """A data set with a gray and a color config, and known splits."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class TinyPictures(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.2.3")
        BUILDER_CONFIGS = [
            tfds.core.BuilderConfig(name="color"),
            tfds.core.BuilderConfig(name="gray"),
        ]

        def _info(self):
            depth = {"color": 3, "gray": 1}[self.builder_config.name]
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(None, None, depth)),
                        "label": tfds.features.ClassLabel(num_classes=2),
                    }
                )
            )

        def _split_generators(self, dl_manager):
            return {"trainA": self.pictures(6), "trainB": self.pictures(3)}

        def pictures(self, count):
            depth = self.info.features["image"].shape[-1]
            for i in range(count):
                shape = (9 + i, 12, depth)
                image = np.full(shape, 10 * i, np.uint8)
                yield i, {"image": image, "label": 0}

        _generate_examples = None

    yield TinyPictures


QUIET = pytest.mark.filterwarnings("ignore")


@QUIET
@pytest.mark.parametrize("config", ["color", "gray"])
@pytest.mark.parametrize("cache_bytes", [1 << 30, 0])
def test_tensorflow_datasets(tfds, tiny_dataset, config, cache_bytes):
    spec = f"tfds:tiny_pictures/{config}@trainA"
    pictures = datasets.open_source(spec, 8, cache_bytes=cache_bytes)
    assert sorted(values(pictures)) == [0, 10, 20, 30, 40, 50]
    assert pictures.load(0).shape == (8, 8, 3)
    assert pictures.names[1] == f"{spec}[1]"
    assert pictures.description == f"6 images from {spec}"
    again = datasets.open_source(spec, 8, cache_bytes=cache_bytes)
    assert values(again) == values(pictures)
    half = datasets.open_source(f"{spec}[:50%]", 8)
    assert values(half) == values(pictures)[:3]
    both = datasets.open_source(f"{spec}+trainB", 8)
    assert len(both) == 9


@QUIET
def test_tensorflow_datasets_errors(tfds, tiny_dataset, monkeypatch):
    for spec, match in (
        ("tiny_pictures/color@valid", r"split \(trainA, trainB\)"),
        ("tiny_pictures/color@", "known split"),
        ("tiny_pictures/color", "known split"),
        ("tiny_pictures/color@trainA[x]", "known split"),
        ("tiny_pictures/blue@trainA", r"config \(color, gray\)"),
        ("tiny_pictures/gray:9.9.9@trainA", r"version \(1.2.3\)"),
        ("tiny_picture@trainA", "name .*tiny_pictures"),
        ("cycle_gun/horse2zebra@trainA", "name .*cycle_gan"),
        ("imdb_reviews@train", "one with images"),
        ("tiny_pictures/color@trainA#label", r"feature \(image\)"),
        ("@", "known name"),
        # What `tfds.builder` would take, and is more than a name.
        ("tiny_pictures/color/data_dir=x@trainA", "config"),
        ("tiny_pictures/data_dir=x@trainA", "config"),
        ("tiny_pictures/@trainA", "config"),
        ("tiny_pictures/color:1.2.*@trainA", "version"),
        ("tiny_pictures/color:experimental_latest@trainA", "version"),
        ("tiny_pictures/color:@trainA", "version"),
        ("huggingface:mnist@train", "name"),
        ("kubric:movi_a/128x128@train", "name"),
        ("TinyPictures/color@trainA", "name"),
        ("../tiny_pictures@trainA", "name"),
        ("tiny_pictures /color@trainA", "name"),
        ("tiny_pictures/color@trainA,x=1", "split"),
    ):
        refuses(f"tfds:{spec}", f"{match}.*Received: 'tfds:{spec[:9]}")
    for error in (
        AssertionError("Manual directory x does not exist.\nCreate it"),
        tfds.download.DownloadError("Failed to get url"),
        tfds.download.download_manager.NonMatchingChecksumError("Artifact"),
    ):
        mocked = mock.Mock(side_effect=error)
        monkeypatch.setattr(tiny_dataset, "download_and_prepare", mocked)
        line = " ".join(str(error).split())
        spec = "tfds:tiny_pictures/gray@trainA"
        refuses(spec, f"prepared. Received: '{spec}': {line}")


@QUIET
@pytest.mark.parametrize("version", ["", ":1.2.3", ":1.0.0"])
def test_files_of_a_data_set_name_no_class(
    tfds, tiny_dataset, tmp_path, monkeypatch, version
):
    """Prepared data of somebody else: the classes are the catalog's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "payload.py").write_text("open('CODE_RAN', 'w')")
    datasets.open_source("tfds:tiny_pictures/gray@trainA", 8)
    prepared = tmp_path / "tfds/tiny_pictures/gray"
    shutil.copytree(prepared / "1.2.3", prepared / "1.0.0")
    for features in prepared.glob("*/features.json"):
        features.write_text('{"type": "payload.Feature", "content": {}}')
    spec = f"tfds:tiny_pictures/gray{version}@trainA"
    if version == ":1.0.0":
        refuses(spec, "version")
    else:
        assert len(datasets.open_source(spec, 8)) == 6
    refuses("tfds:tiny_pictures/gray/data_dir=tfds@trainA", "config")
    with pytest.raises(ValueError, match="known config"):
        datasets.open_labelled(
            "tfds:tiny_pictures/gray/data_dir=tfds@trainA", None, 8
        )
    assert not (tmp_path / "CODE_RAN").exists()


@QUIET
def test_tensorflow_datasets_by_mock(tfds):
    with tfds.testing.mock_data(num_examples=5):
        pictures = datasets.open_source("tfds:cycle_gan/horse2zebra@trainA", 16)
    assert len(pictures) == 5 and pictures.load(4).shape == (16, 16, 3)


def test_nothing_imports_tensorflow_before_it_is_needed():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from keras_gans import datasets, images\n"
        "datasets.open_source('faces:photo', 64).load(0)\n"
        "assert callable(datasets.unpaired)\n"
        "import keras_gans.datasets.unpaired\n"
        "assert callable(datasets.unpaired)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert sources.open_source is datasets.open_source
