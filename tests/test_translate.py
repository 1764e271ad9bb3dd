"""Translating files, and loading a model from wherever it is."""

import os
import pathlib
import re
import shutil
import unicodedata

import keras
import numpy as np
import pytest
from PIL import Image, ImageCms

import keras_gans
from keras_gans import images, translate
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.serving import files, tiles
from keras_gans.serving.translation import LoadedModel
from tests import serving_pictures as pictures
from tests.tiny import make_bare, make_model

# Most of it is about files.
pytestmark = pytest.mark.usefixtures("loaded_once")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def homes(tmp_path_factory, exported_cyclegan):
    """One model in a run folder, in a file and as a SavedModel."""
    folder = tmp_path_factory.mktemp("homes")
    model = make_model("cyclegan")
    checkpoints.save(model, folder / "run" / "checkpoints")
    (folder / "run" / "arguments.json").write_text("{}")
    model.save(folder / "model.keras")
    paths = {
        "run folder": folder / "run",
        "file": folder / "model.keras",
        "versions": exported_cyclegan.parent,
        "version": exported_cyclegan,
    }
    return model, paths


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Arguments that translate an image by a model with labels."""
    path = tmp_path_factory.mktemp("faces") / "faces.keras"
    make_bare("stargan").save(path)
    return [f"--model={path}", "--output=out", "photos/c.png"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `photos` of images of many kinds."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "more").mkdir(parents=True)
    rgb = Image.fromarray(pictures.pixels(40, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.save("photos/a.jpg", icc_profile=PROFILE)
    rgb.save("photos/more/b.JPEG", exif=exif)
    rgb.save("photos/c.png", icc_profile=PROFILE)
    rgb.save("photos/d.webp", icc_profile=PROFILE)
    rgb.save("photos/e.bmp")
    rgb.save("photos/f.gif")
    cmyk_profile = PROFILE[:16] + b"CMYK" + PROFILE[20:]
    rgb.convert("CMYK").save("photos/g.jpg", icc_profile=cmyk_profile)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path


def run(homes, *arguments):
    model = str(homes[1]["versions"])
    return translate.main(["--model", model, "--output", "out", *arguments])


def test_every_home_gives_the_same_translate(homes):
    model, paths = homes
    batch = np.stack([pictures.pixels(32, 32, seed=i) for i in range(2)])
    for to in ("a", "b"):
        outputs = model.translate(images.to_float(batch), to=to)
        expected = images.to_uint8(outputs).numpy().astype(int)
        for path in paths.values():
            actual = keras_gans.load(path).translate(batch, to=to)
            # Graphs sum in another order.
            np.testing.assert_allclose(actual, expected, atol=1)
    translator = keras_gans.load(path)
    one = translator.translate(batch[0])
    np.testing.assert_array_equal(one, translator.translate(batch, to="b")[0])


def test_damaged_checkpoint_is_passed_over(homes, tmp_path, caplog):
    model, paths = homes
    whole = (paths["run folder"] / "checkpoints").glob("*.keras")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "arguments.json").write_text("{}")
    damaged = tmp_path / "checkpoints" / "000009.keras"
    damaged.write_bytes(b"PK")
    with pytest.raises(ValueError, match="must hold a whole checkpoint"):
        keras_gans.load(tmp_path)
    shutil.copy(next(whole), tmp_path / "checkpoints" / "000008.keras")
    assert [*keras_gans.load(tmp_path).verbs] == ["a_to_b", "b_to_a"]
    assert "000009.keras is damaged" in caplog.text


def test_no_model_is_named(tmp_path):
    import tensorflow as tf

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(
        tmp_path / "other.keras"
    )
    (tmp_path / "broken.keras").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    tf.saved_model.save(tf.Module(), str(tmp_path / "foreign" / "1"))
    for name, reason in (
        ("nothing", "path must be a run folder"),
        ("empty", "path must be a run folder"),
        ("broken.keras", "is damaged"),
        ("other.keras", "holds a Sequential"),
        ("foreign", "with model.json"),
    ):
        with pytest.raises(ValueError, match=f"{reason}") as caught:
            keras_gans.load(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_load_leaves_the_policy_alone(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        make_bare("cyclegan").save(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    from keras_gans.serving import loading

    model, _ = loading.read_model(tmp_path / "model.keras")
    assert model.generator_ab.layers[1].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def test_files_keep_name_size_profile_and_stand_upright(homes, folder, capsys):
    assert run(homes, "photos") == 0
    sizes, profiles = {}, {}
    for path in (folder / "out").rglob("*.*"):
        name = path.relative_to(folder / "out").as_posix()
        with Image.open(path) as image:
            sizes[name] = image.size
            profiles[name] = image.info.get("icc_profile")
            assert 0x0112 not in image.getexif()
    assert sizes == {
        "a.jpg": (30, 40),
        "more/b.JPEG": (40, 30),
        "c.png": (30, 40),
        "d.webp": (30, 40),
        "e.bmp": (30, 40),
        "f.png": (30, 40),
        "g.jpg": (30, 40),
    }
    kept = dict.fromkeys(("a.jpg", "c.png", "d.webp"), PROFILE)
    assert profiles == dict.fromkeys(profiles) | kept
    expected = keras_gans.load(homes[1]["versions"]).translate(
        images.read("photos/c.png"), to="b"
    )
    np.testing.assert_array_equal(images.read("out/c.png"), expected)
    assert "7 translated" in capsys.readouterr().out


def test_done_is_passed_over_and_failures_are_named(homes, folder, capsys):
    (folder / "photos" / "broken.png").write_bytes(b"no image")
    assert run(homes, "photos") == 1
    out, err = capsys.readouterr()
    assert "7 translated" in out and "1 failed" in out
    assert "failed: photos/broken.png: " in err
    first = (folder / "out" / "c.png").stat().st_mtime_ns
    (folder / "out" / "a.jpg").unlink()
    assert run(homes, "photos") == 1
    assert "1 translated" in capsys.readouterr().out
    assert (folder / "out" / "c.png").stat().st_mtime_ns == first
    assert run(homes, "photos", "--overwrite") == 1
    assert (folder / "out" / "c.png").stat().st_mtime_ns > first


def test_patterns_png_and_direction(homes, folder):
    arguments = ("photos/[ag].jpg", "photos/**/b.*", "--png", "--to=a")
    assert run(homes, *arguments) == 0
    names = sorted(path.name for path in (folder / "out").iterdir())
    assert names == ["a.png", "b.png", "g.png"]
    translator = keras_gans.load(homes[1]["version"])
    np.testing.assert_array_equal(
        images.read("out/a.png"),
        translator.translate(images.read("photos/a.jpg"), to="a"),
    )


@pytest.mark.parametrize(
    "arguments,reason",
    [
        (["nothing"], "INPUT must be an image.*nothing"),
        (["photos", "--to=c"], "to must be 'b' or 'a'.*'c'"),
        (["photos", "--labels=b"], "labels must be left out.*none.*'b'"),
        (["photos", "--labels="], "labels must be left out.*none.*''"),
        (["photos", "--tile=3"], "tile must be an integer from 32"),
        (["photos", "--batch-size=0"], "batch_size must be from 1 up"),
        (["photos", "--output=photos"], "output another folder"),
        (["photos", "--output=/proc/none"], "output must be a folder that can"),
        (["photos", "--png"], "different names.*a.jpg"),
        (["photos", f"--model={'x' * 300}"], "path must be.*too long"),
        (["photos", "--model=nothing"], "path must be a run folder.*nothing"),
    ],
)
def test_wrong_use_is_one_line(arguments, reason, homes, folder, capsys):
    if "--png" in arguments:
        (folder / "photos" / "a.gif").write_bytes(b"")
    assert run(homes, *arguments) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    assert re.search(reason, line)
    assert not (folder / "out").exists()


def test_too_large_fails_alone(homes, folder, capsys, monkeypatch):
    """What does not fit into memory is named, and the next one translated."""
    real = LoadedModel.translate

    def translate_small(self, batch, **options):
        if batch.shape[-3:] == (40, 30, 3):
            raise MemoryError("no room")
        return real(self, batch, **options)

    monkeypatch.setattr(LoadedModel, "translate", translate_small)
    assert run(homes, "photos") == 1
    out, err = capsys.readouterr()
    assert "1 translated" in out and "6 failed" in out
    assert err.count("MemoryError: no room") == 6


def test_tiles_are_blended_without_seams():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (95, 150, 3), dtype="uint8")
    shapes = []

    def negative(tile):
        shapes.append(tile.shape)
        return 255 - tile

    result = tiles.translate(negative, picture, 40)
    np.testing.assert_array_equal(result, 255 - picture)
    assert set(shapes) == {(1, 40, 40, 3)}
    assert tiles.translate(negative, picture[:10], 40).shape == (10, 150, 3)
    assert shapes[-1] == (1, 10, 40, 3)

    # Tiles that differ from one another, as by their statistics.
    levels = iter(range(0, 250, 20))
    steps = tiles.translate(
        lambda tile: np.full_like(tile, next(levels)), picture[:40], 40
    )
    steps = np.diff(steps[..., 0].astype(int), axis=1)
    # 20 gray levels over the ten pixels of the overlap.
    assert 0 < np.abs(steps).max() <= 4


@pytest.mark.parametrize(
    "labels,vector",
    [
        (["--labels=Blond_Hair,Male"], [0, 1, 1]),
        (["--labels", " Blond_Hair , -Male,"], [0, 1, 0]),
        (["--labels", "-Male"], [0, 0, 0]),
        (["--labels", "-Male, Black_Hair"], [1, 0, 0]),
        (["--labels", ""], [0, 0, 0]),
        (["--labels=-Blond_Hair"], [0, 0, 0]),
    ],
)
def test_labels_from_names(labels, vector, faces, folder):
    assert translate.main([*faces, *labels]) == 0
    expected = keras_gans.load(faces[0][8:]).translate(
        images.read("photos/c.png"), to=np.float32(vector)
    )
    np.testing.assert_array_equal(images.read("out/c.png"), expected)


@pytest.mark.parametrize(
    "labels,reason",
    [
        ([], "to must set labels among Black_Hair"),
        (["--to=b"], "to must set labels among Black_Hair"),
        (["--labels=Beard"], "to must name labels among Black_.*'Beard'"),
        (["--labels", "-Beard"], "to must name labels among Black_.*'Beard'"),
        (["--labels", "Male,-Male"], "labels must have each name once"),
        (["--labels", "Black_Hair,Blond_Hair"], "to must set only one of"),
    ],
)
def test_wrong_labels(labels, reason, faces, folder, capsys):
    assert translate.main([*faces, *labels]) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    assert re.search(reason, line)


@pytest.mark.parametrize(
    "to,labels,reason",
    [
        ([0, 1], None, r"to must be numbers of shape \[1, 3\].*\(1, 2\)"),
        ([[0, 1, 0], [1]], None, "to must be numbers of shape"),
        ("b", None, "to must set labels among"),
        ([0, 2, 0], None, r"to must lie in \[0, 1\]"),
        ([0, np.nan, 0], None, r"to must lie in \[0, 1\]"),
        ([0, 1, 0], [0, 1, 0], "labels must be left out where"),
        ({"Male": 1}, [0, 1], r"labels must be numbers of shape \[1, 3\]"),
        ({"Male": 1}, ["x", "y", "z"], "labels must be numbers of shape"),
    ],
)
def test_wrong_label_vectors(to, labels, reason, faces):
    translator = keras_gans.load(faces[0][8:])
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match=reason) as caught:
        translator.translate(image, to, labels)
    assert "\n" not in str(caught.value)


def make(*names, content=b""):
    for name in names:
        path = pathlib.Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(inputs, output, **options):
    tasks = files.find(inputs, output, **options)
    return {str(t.source): str(t.target) for t in tasks}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "way", ["in/out", "in/sub/../out", "link/out", "to_out"]
)
def test_results_within_an_input_are_no_inputs(way, here):
    make("in/a.png", "in/sub/b.png", "in/sub/out/c.png", "in/out/a.png")
    make("in/out/sub/b.png", "in/.hidden/a.png", "in/@eaDir/a.png")
    (here / "link").symlink_to("in")
    (here / "to_out").symlink_to("in/out")
    (here / "in" / "linked").symlink_to("sub/out")
    names = ["in/a.png", "in/sub/b.png", "in/sub/out/c.png"]
    for named in (["in"], ["in", "./in"], ["~/in"], [str(here / "in"), "link"]):
        targets = found(named, way).values()
        expected = {f"{way}/{name[3:]}" for name in names}
        assert {*targets} == expected and len(targets) == 3
    patterns = ["in/*", "in/**/*.png", "i*/**"]
    for pattern in patterns:
        assert not [s for s in found([pattern], way) if "in/out" in s]
    for named in ("in", *patterns):
        with pytest.raises(UserError, match="so that none is replaced"):
            found([named], way, overwrite=True)
    # On purpose.
    assert found(["in/out"], "out2", overwrite=True)
    assert found(["in/*.png"], way, overwrite=True)


@pytest.mark.parametrize(
    "inputs,output",
    [
        (["in"], "in"),
        (["in"], "link"),
        (["in"], "."),  # in/in/c.png would replace in/c.png
        (["in/c.png"], "in"),
        (["in/c.png"], "in/sub/.."),
        (["~/in/c.png"], "link"),
        (["in/c.png", "other/a.png"], "other"),
        (["in", "other"], "other"),
        (["in/in"], "hard"),
        (["in/in"], "soft"),
        (["*"], "."),
        (["in", "soft/c.png"], "out"),
    ],
)
def test_no_input_is_the_place_of_a_result(inputs, output, here):
    make("in/c.png", "in/sub/c.png", "in/in/c.png", "other/a.png")
    (here / "link").symlink_to("in")
    for folder in ("hard", "soft"):
        (here / folder).mkdir()
    os.link("in/in/c.png", "hard/c.png")
    os.symlink("../in/in/c.png", "soft/c.png")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="another folder|different names"):
            found(inputs, output, overwrite=overwrite)


def test_png_never_takes_the_place_of_an_original(here):
    make("in/b.jpg", "in/b.png", "in/c.gif")
    with pytest.raises(UserError, match="so that none is replaced.*in/b.png"):
        found(["in/b.jpg"], "in", as_png=True, overwrite=True)
    with pytest.raises(UserError, match="different names"):
        found(["in"], "out", as_png=True)
    assert found(["in/b.jpg"], "in", as_png=True) == {"in/b.jpg": "in/b.png"}
    assert found(["in/c.gif"], "in", overwrite=True) == {"in/c.gif": "in/c.png"}


def test_results_may_lie_above_and_beside(here):
    make("in/a.png", "in/sub/b.png", "a.png", "out/a.png")
    expected = {"in/a.png": "a.png", "in/sub/b.png": "sub/b.png"}
    assert found(["in"], ".", overwrite=True) == expected
    assert found(["in/a.png"], ".", overwrite=True) == {"in/a.png": "a.png"}
    assert found(["out"], "out2") == {"out/a.png": "out2/a.png"}
    overlapping = found(["in", "in/sub/b.png", "in/sub", "in/a.png"], "o")
    assert overlapping == {"in/a.png": "o/a.png", "in/sub/b.png": "o/sub/b.png"}
    make("file", "~x/a.png")
    with pytest.raises(UserError, match="output must be a folder.*file"):
        found(["in"], "file")
    assert found(["~x"], "~/out") == {"~x/a.png": str(here / "out/a.png")}


def test_patterns_take_hidden_files_only_if_asked(here):
    make("in/a.png", "in/._a.png", "in/__MACOSX/b.png", ".in/.c.png")
    assert [*found(["in/**"], "out")] == ["in/a.png"]
    assert [*found(["in/**/*.png"], "out")] == ["in/a.png"]
    assert [*found(["in/.*.png"], "out")] == ["in/._a.png"]
    assert [*found([".in/.c.png"], "out")] == [".in/.c.png"]
    with pytest.raises(UserError, match="INPUT must be"):
        found(["in/__*"], "in")


def test_names_that_differ_by_unicode_form(here):
    one, other = (unicodedata.normalize(f, "é.png") for f in ("NFC", "NFD"))
    make(f"a/{one}", f"b/{other}", f"out/{other}")
    with pytest.raises(UserError, match="different names"):
        found(["a", "b"], "out")
    (task,) = files.find(["a"], "out")
    assert files.is_there(task.target)
    assert not files.is_there(pathlib.Path("out", "e.png"))


def test_nothing_is_replaced_by_surprise(homes, here, capsys):
    """Places that only show while writing: folders, links between results."""
    make("in/a.png", "in/y/a.png", "in/z/a.png", "in/folder.png")
    for path in (here / "in").rglob("*.png"):
        Image.fromarray(pictures.pixels(40, 30)).save(path)
    (here / "out" / "folder.png").mkdir(parents=True)
    (here / "out" / "y").mkdir()
    (here / "out" / "z").symlink_to("y")
    (here / "out" / "a.png").symlink_to("nowhere")
    for options in ((), ("--overwrite",)):
        assert run(homes, "in", *options) == 1
        out, err = capsys.readouterr()
        assert "failed: in/folder.png: out/folder.png is there, and no " in err
        assert "failed: in/a.png: out/a.png is there, and no file" in err
        if options:
            assert "in/z/a.png: out/z/a.png is the place of in/y/a.png" in err
    assert os.readlink("out/a.png") == "nowhere"
    assert len(list((here / "in").rglob("*.png"))) == 4


def test_hostile_names_are_escaped(homes, here, capfd):
    name = "\x1b]0;title\x07\x1b[31mred\nfake line: 0 failed\u202e\udcff.png"
    make(f"in/{name}", "in/two\nlines/\x1b.png", content=b"x")
    assert run(homes, "in") == 1
    out, err = capfd.readouterr()
    assert not {"\x1b", "\x07", "\u202e"} & {*out, *err}
    assert len([s for s in err.split("\n") if s.startswith("failed: in/")]) == 2
    assert r"\x1b[31mred\nfake line: 0 failed\u202e\udcff.png" in err
