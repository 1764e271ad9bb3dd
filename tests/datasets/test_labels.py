"""Opening images with labels: sources, and the table against the files."""

import logging
import pathlib
import unicodedata

import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets, images
from keras_gans.checks import UserError
from keras_gans.datasets.labels import LabelledPictures, open_labelled

DATA = pathlib.Path(__file__).parents[3] / "shared" / "data"
HAIR = ["Black_Hair", "Blond_Hair", "Brown_Hair"]
PAPER = [*HAIR, "Male", "Young"]


@pytest.fixture
def messages(caplog):
    caplog.set_level(logging.INFO, "keras_gans")
    return lambda: [record.getMessage() for record in caplog.records]


def save(path, value=0, size=(10, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


@pytest.fixture
def celeba(tmp_path):
    """Six images in CelebA's layout; of 3.png and 4.png no or two colors."""
    rows = ["1 -1 1", "-1 1 1", "-1 -1 -1", "1 1 -1", "1 -1 1", "-1 1 -1"]
    for i in range(6):
        save(tmp_path / "images" / f"{i + 1}.png", i)
    rows = [f"{i + 1}.png {row}\n" for i, row in enumerate(rows)]
    table = f"{len(rows)}\nBlack_Hair Blond_Hair Male\n{''.join(rows)}"
    (tmp_path / "list_attr_celeba.txt").write_text(table)
    return tmp_path


def test_celeba(celeba, messages):
    labels = ["Male", "Black_Hair", "Blond_Hair"]
    places = [celeba, celeba / "images", celeba / "list_attr_celeba.txt"]
    for spec in (*places, str(celeba)):
        opened = open_labelled(spec, labels, 8)
        assert isinstance(opened, datasets.Pictures)
        assert [pathlib.Path(name).name for name in opened.names] == [
            f"{i + 1}.png" for i in range(6)
        ]
        assert opened.label_names == labels
        assert opened.labels.dtype == np.float32
        assert opened.labels[:3].tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]
        assert opened.exclusive == [["Black_Hair", "Blond_Hair"]]
        assert opened.load(4)[0, 0, 0] == 4
    assert messages()[:2] == [
        "data: 1 of 6 images with none of Black_Hair, Blond_Hair, of which "
        "one is expected (images/3.png)",
        "data: 1 of 6 images with several of Black_Hair, Blond_Hair, of "
        "which one is expected (images/4.png)",
    ]
    assert len(messages()) == 8
    # In Anno it is found as well.
    (celeba / "Anno").mkdir()
    table = celeba / "list_attr_celeba.txt"
    table.rename(celeba / "Anno" / table.name)
    again = open_labelled(celeba, labels, 8)
    np.testing.assert_array_equal(again.labels, opened.labels)


def test_exclusive_groups_by_argument(celeba, messages):
    options = {"labels": ["Male", "Black_Hair"], "load_size": 8}
    assert open_labelled(celeba, **options).exclusive == []
    assert not messages()
    opened = open_labelled(
        celeba, **options, exclusive=[("Male", "Black_Hair")]
    )
    assert opened.exclusive == [["Male", "Black_Hair"]]
    assert len(messages()) == 2
    both = ["Black_Hair", "Blond_Hair"]
    assert open_labelled(celeba, both, 8, exclusive=[]).exclusive == []
    for wrong in ([["Male"]], [["Male", "Bald"]], [both, ["Male", *both]]):
        with pytest.raises(ValueError, match="exclusive must .*Received"):
            open_labelled(celeba, [*both, "Male"], 8, exclusive=wrong)


def test_the_table_against_the_files(tmp_path, messages):
    for i in range(7):
        save(tmp_path / f"{i}.png", i)
    (tmp_path / "3.png").write_bytes(b"")
    rows = ["0,1,red", "1,,red", "2,0,", "3,1,red", "4,0,blue", "7,1,red"]
    rows += ["4,0,blue", "5,1,red", "5,0,red", "4,,blue", "8,0,red"]
    rows = "\n".join(f"{row[0]}.png{row[1:]}" for row in rows)
    (tmp_path / "labels.csv").write_text(f"file,Bald,hair\n{rows}\n")
    opened = open_labelled(tmp_path, ["Bald", "blue"], 8)
    assert opened.names == ["0.png", "4.png"]
    assert opened.labels.tolist() == [[1, 0], [0, 1]]
    assert opened.description == f"2 of 6 images in {tmp_path} (1 skipped)"
    assert messages()[1:] == [
        "data: 2 rows of labels.csv left out: no image of that name "
        "(7.png, 8.png)",
        "data: 1 image left out: not in labels.csv (6.png)",
        "data: 1 image left out: their rows in labels.csv contradict one "
        "another (5.png)",
        "data: 2 images left out: a value is missing in labels.csv "
        "(1.png, 2.png)",
    ]
    assert [len(finding.names) for finding in opened.found] == [2, 1, 1, 2]
    # Only the columns of these labels must be full, and agree.
    assert len(open_labelled(tmp_path, ["Bald"], 8)) == 3


def test_nothing_left_and_constant_labels(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", i)
    table = tmp_path / "labels.csv"
    table.write_text("file,Bald,Male\n0.png,,1\n1.png,,1\n")
    with pytest.raises(
        ValueError,
        match="have images with labels.*2 images left out: a value",
    ):
        open_labelled(table, ["Bald"], 8, name="data_x")
    with pytest.raises(ValueError, match=r"must differ.*Male \(2 of 2 imag"):
        open_labelled(table, ["Male"], 8)
    table.write_text("file,Bald,Male\n0.png,0,1\n1.png,0,0\n")
    with pytest.raises(ValueError, match=r"Received: Bald \(0 of 2 images"):
        open_labelled(table, ["Male", "Bald"], 8)


def test_a_folder_for_each_class(tmp_path, messages):
    for i, name in enumerate(("red/b/x", "blue/x", "blue/y", "green/x", "z")):
        save(tmp_path / f"{name}.png", i)
    opened = open_labelled(tmp_path, None, 8)
    assert opened.label_names == ["blue", "green", "red"]
    assert opened.exclusive == [["blue", "green", "red"]]
    assert opened.names == ["blue/x.png", "blue/y.png", "green/x.png"] + [
        "red/b/x.png"
    ]
    assert opened.labels.argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert (opened.labels.sum(axis=1) == 1).all()
    assert messages() == [
        "data: 1 image left out: not in the class folders (z.png)"
    ]
    # Of several wanted classes, images of none are left out, ...
    some = open_labelled(tmp_path, ["red", "blue"], 8)
    assert some.names == ["blue/x.png", "blue/y.png", "red/b/x.png"]
    assert some.found[-1].level == "note"
    assert some.found[-1].text.startswith("1 image left out: of none of")
    # ... and one alone is a label that an image has or has not.
    one = open_labelled(tmp_path, ["green"], 8)
    assert len(one) == 4 and one.labels.sum() == 1 and one.exclusive == []
    with pytest.raises(ValueError, match=r"class folders.*'gren' \(nearest: g"):
        open_labelled(tmp_path, ["gren"], 8)


def test_any_name_is_a_class(tmp_path):
    zoe = unicodedata.normalize("NFD", "Zoë")
    names = ["1", "None", zoe, "folder", "nan"]
    for name in [*names, ".hidden", "__MACOSX"]:
        save(tmp_path / name / "x.png")
    opened = open_labelled(tmp_path, None, 8)
    assert opened.label_names == ["1", "None", "Zoë", "folder", "nan"]
    assert opened.labels.argmax(axis=0).tolist() == [0, 1, 2, 3, 4]
    some = open_labelled(tmp_path, [zoe, "folder=folder"], 8)
    assert len(some) == 2 and some.label_names == ["Zoë", "folder=folder"]


def test_classes_exclude_each_other_once(tmp_path):
    for name in HAIR:
        save(tmp_path / name / "x.png")
    assert open_labelled(tmp_path, None, 8).exclusive == [HAIR]


def test_csv_beside_the_images(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    (tmp_path / "._labels.csv").write_bytes(b"\0\5\x16\7")
    table = tmp_path / "Labels.CSV"
    table.write_text("file;Bald\na;yes\nb;no\n")
    for spec in (tmp_path, table):
        opened = open_labelled(spec, ["Bald"], 8)
        assert opened.labels.tolist() == [[1], [0]]
    (tmp_path / "other.tsv").write_text("")
    with pytest.raises(ValueError, match="2 images and Labels.CSV, other.tsv"):
        open_labelled(tmp_path, ["Bald"], 8)


def test_folders_without_labels(tmp_path):
    save(tmp_path / "one" / "a.png")
    for spec, found in ((tmp_path, "one"), (tmp_path / "one", "nothing else")):
        match = f"data must have labels: list_at.*1 images and {found}"
        with pytest.raises(ValueError, match=match):
            open_labelled(spec, None, 8)
    save(tmp_path / "sides" / "train" / "a.png")
    save(tmp_path / "sides" / "test" / "a.png")
    with pytest.raises(ValueError, match="above the classes.*test, train"):
        open_labelled(tmp_path / "sides", None, 8)
    with pytest.raises(ValueError, match="data must be a folder.*missing"):
        open_labelled(tmp_path / "none.csv", None, 8)


def test_a_table_elsewhere(tmp_path):
    for i in range(2):
        save(tmp_path / "pictures" / f"{i}.png", i)
    table = tmp_path / "any.csv"
    table.write_text("file,kind\npictures/0.png,a\npictures/1.png,b\n")
    opened = open_labelled(tmp_path / "pictures", None, 8, table=table)
    assert opened.label_names == ["a", "b"]
    assert opened.labels.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="table must be None where data is no"):
        open_labelled("faces:photo", None, 64, table=table)


@pytest.mark.parametrize("labels", [[], "Bald", [1], [["Bald"]], 3])
def test_labels_are_names(labels):
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="labels must be a list of names"):
        open_labelled((pictures, [[0], [1], [1], [0]]), labels, 8)


def test_arrays():
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    values = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    opened = open_labelled((pictures, values), ["Bald", "Male"], 8)
    assert opened.labels.tolist() == values.tolist()
    assert opened.label_names == ["Bald", "Male"] and len(opened) == 4
    assert open_labelled((pictures, values), None, 8).label_names == ["0", "1"]
    classes = open_labelled((pictures, ["x", "y", "z", "x"]), ["y", "x"], 8)
    assert classes.labels.tolist() == [[0, 1], [1, 0], [0, 1]]
    numbered = open_labelled((list(pictures), [0, 1, 1, 0]), None, 8)
    assert numbered.label_names == ["0", "1"]
    for wrong in (
        pictures,
        (pictures, values[:3]),
        (pictures, 2 * values),
        (pictures, values, values),
        (pictures, values[:, :1]),
        (pictures, [[0, 1], [1], [1, 0], [0, 0]]),
        (pictures, [["a", "b"]] * 4),
        (pictures, [[None, 0]] * 4),
        (pictures, [[np.nan, 0]] * 4),
        (5, values),
    ):
        with pytest.raises(ValueError, match="data must be a pair") as caught:
            open_labelled(wrong, ["Bald", "Male"], 8)
        assert isinstance(caught.value, UserError)
    missing = open_labelled((pictures, [0.0, 1.0, 1.0, np.nan]), None, 8)
    assert missing.label_names == ["0.0", "1.0"] and len(missing) == 3


def test_faces():
    from keras_gans.faces import drawing

    opened = open_labelled("faces:anime", None, 64)
    assert opened.label_names == PAPER and opened.exclusive == [HAIR]
    assert len(opened) == 4000 and opened.found == []
    truth = drawing.attributes(7)
    assert opened.labels[7].tolist() == [truth[name] for name in PAPER]
    np.testing.assert_array_equal(opened.load(7), drawing.draw(7, "anime", 64))
    some = open_labelled("faces:photo", ["Smiling", "Beard"], 64, seed=3)
    truth = drawing.attributes(5, seed=3)
    assert some.labels[5].tolist() == [truth["Smiling"], truth["Beard"]]
    more = open_labelled("faces:photo@4001", ["Male"], 64)
    assert more.labels[4000].tolist() == [drawing.attributes(4000)["Male"]]
    with pytest.raises(ValueError, match="data must be faces: and one of"):
        open_labelled("faces:oil", None, 64)


def test_subsets_keep_their_labels():
    pictures = np.arange(4, dtype=np.uint8)[:, None, None, None]
    pictures = np.broadcast_to(pictures, (4, 8, 8, 3))
    opened = open_labelled((pictures, [[0], [1], [1], [0]]), ["Bald"], 8)
    part = opened.subset([2, 0])
    assert isinstance(part, LabelledPictures)
    assert part.labels.tolist() == [[1], [0]] and part.load(0)[0, 0, 0] == 2
    _, held = datasets.split(opened, 1, seed=0)
    assert held.label_names == ["Bald"] and len(held.labels) == 1


def test_labels_follow_the_picture_that_stands_in(tmp_path):
    for i in range(4):
        save(tmp_path / ("low", "high")[i // 2] / f"{i}.png", i)
    opened = open_labelled(tmp_path, ["low", "high"], 8, cache_bytes=0)
    assert opened.names[1] == "high/3.png"
    (tmp_path / "low" / "1.png").unlink()
    assert [opened.load(i)[0, 0, 0] for i in range(4)] == [2, 3, 0, 2]
    labels = opened.labels_of([0, 1, 2, 3])
    assert labels[:, 0].tolist() == [0, 0, 1, 0]


def test_celebas_pictures_are_cut_as_in_the_paper(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    for name in ("low", "high"):
        (tmp_path / name).mkdir()
        Image.fromarray(noise).save(tmp_path / name / "x.png")
    picture = Image.fromarray(noise).crop((0, 20, 178, 198))
    for size in (178, 128, 64):
        expected = picture.resize((size, size), Image.Resampling.BICUBIC)
        opened = open_labelled(tmp_path, None, size)
        # At its upper and lower edge Pillow looks beyond the square.
        np.testing.assert_array_equal(
            opened.load(0)[2:-2], np.asarray(expected)[2:-2]
        )


QUIET = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def tfds(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    return tfds


@pytest.fixture(scope="module")
def tiny_labels():
    """A builder whose labels say what its images show."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class TinyLabels(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features
            return self.dataset_info_from_configs(
                features=features.FeaturesDict(
                    {
                        "image": features.Image(shape=(9, 9, 3)),
                        "attributes": {"Bright": np.bool_, "Odd": np.bool_},
                        "kind": features.ClassLabel(names=["low", "high"]),
                        # Those of what is in an image are none of it.
                        "objects": features.Sequence(
                            {"crowd": np.bool_, "thing": np.int64}
                        ),
                        "bounds": features.Tensor(shape=(2,), dtype=np.int64),
                        "name": features.Text(),
                    }
                )
            )

        def _split_generators(self, dl_manager):
            return {"train": self.pictures(12)}

        def pictures(self, count):
            for i in range(count):
                yield (
                    i,
                    {
                        "image": np.full((9, 9, 3), i, np.uint8),
                        "attributes": {"Bright": i > 3, "Odd": i % 2 == 1},
                        # -1 where it is not known.
                        "kind": -1 if i == 5 else int(i > 7),
                        "objects": {"crowd": [True], "thing": [1]},
                        "bounds": [0, 0],
                        "name": "x",
                    },
                )

        _generate_examples = None

    yield TinyLabels


@QUIET
def test_tensorflow_datasets(tfds, tiny_labels):
    spec = "tfds:tiny_labels@train"
    opened = open_labelled(spec, ["Odd", "high", "Bright"], 8)
    assert len(opened) == 11
    shown = np.array([opened.load(i)[0, 0, 0] for i in range(11)])
    assert sorted(shown) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    expected = np.stack([shown % 2, shown > 7, shown > 3], axis=1)
    np.testing.assert_array_equal(opened.labels, expected)
    part = open_labelled(f"{spec}[:50%]", ["Odd"], 8)
    assert len(part) == 6
    with pytest.raises(ValueError, match="out of Bright, Odd, high, low"):
        open_labelled(spec, None, 8)


@QUIET
def test_tensorflow_celeba(tfds):
    with tfds.testing.mock_data(num_examples=20):
        opened = open_labelled("tfds:celeb_a@train", PAPER, 16)
        assert len(opened) == 20 and opened.labels.shape == (20, 5)
        assert opened.exclusive == [HAIR]
        with pytest.raises(ValueError, match="truth values or classes"):
            open_labelled("tfds:downsampled_imagenet/32x32@train", None, 8)


def test_samples_of_real_data():
    if not DATA.is_dir():
        pytest.skip("no sample data beside the repository")
    opened = open_labelled(DATA / "celeba_sample", PAPER, 64, cache_bytes=0)
    assert len(opened) == 2000 and opened.exclusive == [HAIR]
    first = dict(zip(opened.names, opened.labels, strict=True))
    assert first["images/000571.jpg"].tolist() == [1, 0, 0, 1, 1]
    table = DATA / "celeba_sample" / "list_attr_celeba.csv"
    again = open_labelled(table, PAPER, 64, cache_bytes=0)
    np.testing.assert_array_equal(again.labels, opened.labels)
    folders = open_labelled(DATA / "anime_hair", None, 64, cache_bytes=0)
    assert folders.labels.sum(axis=0).tolist() == [120] * 12
    wanted = [f"hair={name}" for name in folders.label_names]
    table = DATA / "anime_hair" / "labels.csv"
    column = open_labelled(table, wanted, 64, cache_bytes=0)
    np.testing.assert_array_equal(column.labels, folders.labels)
    assert column.names == folders.names


def test_home_and_hidden_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("0.png", "1.png", "._0.png"):
        images.write(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "labels.csv").write_text("file,male\n0.png,0\n1.png,1\n")
    (tmp_path / "._labels.csv").write_bytes(b"\0\5\26\7")
    for spec in ("~", "~/labels.csv"):
        opened = open_labelled(spec, ["male"], 8)
        assert opened.names == ["0.png", "1.png"]


def test_class_folders_in_any_unicode_form(tmp_path):
    for form, name in (("NFC", "é"), ("NFD", "é"), ("NFC", "e")):
        folder = tmp_path / unicodedata.normalize(form, name)
        for i in range(2):
            path = folder / f"{form}{i}.png"
            images.write(path, np.zeros((8, 8, 3), np.uint8))
    opened = open_labelled(tmp_path, None, 8)
    assert opened.label_names == ["e", "é"] and len(opened) == 6
