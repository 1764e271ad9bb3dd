"""Generating files from noise, with a model that has learned nothing."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

import keras_gans
from keras_gans import export, generate, images
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.models.dcgan import DCGAN
from keras_gans.verbs import Latents
from tests.tiny import make_bare, make_model


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """One model in a run folder, in a file and as a SavedModel."""
    folder = tmp_path_factory.mktemp("homes")
    model = make_model("dcgan")
    checkpoints.save(model, folder / "run" / "checkpoints")
    (folder / "run" / "arguments.json").write_text("{}")
    model.save(folder / "model.keras")
    samples = np.zeros((2, 32, 32, 3), np.uint8)
    export.export(model, folder / "versions", samples)
    paths = {
        "run folder": folder / "run",
        "file": folder / "model.keras",
        "versions": folder / "versions",
        "version": folder / "versions" / "1",
    }
    return model, paths


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(homes, *arguments, home="file"):
    model = str(homes[1][home])
    return generate.main(["--model", model, "--output", "out", *arguments])


def pixels(name):
    with Image.open(pathlib.Path("out", name)) as image:
        return np.array(image).astype(int)


@pytest.mark.parametrize("home", ["run folder", "file", "versions", "version"])
def test_every_home_gives_the_images_of_the_model(homes, home, capsys):
    assert run(homes, "--count=3", "--seed=3", home=home) == 0
    expected = images.to_uint8(homes[0].generate(3, seed=3)).numpy()
    names = [f"seed3_000{number}.png" for number in range(3)]
    assert sorted(p.name for p in pathlib.Path("out").iterdir()) == names
    for name, image in zip(names, expected, strict=True):
        np.testing.assert_allclose(pixels(name), image, atol=1)
    assert "3 files written" in capsys.readouterr().out
    loaded = keras_gans.load(homes[1][home])
    assert loaded.latents() == Latents(8)
    made = loaded.generate(3, seed=3, batch_size=2).astype(int)
    np.testing.assert_allclose(made, expected, atol=1)
    latents = homes[0].latents.draw(3, 3)
    made = loaded.generate(latents=latents[1:]).astype(int)
    np.testing.assert_allclose(made, expected[1:], atol=1)


def test_the_batch_size_changes_nothing(homes):
    assert run(homes, "--count=5", "--batch-size=2") == 0
    small = [pixels(f"seed0_000{i}.png") for i in range(5)]
    assert run(homes, "--count=5", "--overwrite") == 0
    for number, before in enumerate(small):
        np.testing.assert_allclose(
            pixels(f"seed0_000{number}.png"), before, atol=1
        )


def test_what_is_there_is_skipped(homes, capsys):
    pathlib.Path("out").mkdir()
    mine = np.zeros((5, 5, 3), np.uint8)
    images.write("out/seed0_0001.png", mine)
    assert run(homes, "--count=3") == 0
    assert "2 files written" in (text := capsys.readouterr().out)
    assert "1 were there already; 0 failed" in text
    np.testing.assert_array_equal(pixels("seed0_0001.png"), mine)
    assert run(homes, "--count=3", "--overwrite") == 0
    assert "3 files written" in capsys.readouterr().out
    assert pixels("seed0_0001.png").shape == (32, 32, 3)
    assert run(homes, "--count=3") == 0
    assert "0 files written" in capsys.readouterr().out


def test_grid_and_row_between_seeds(homes):
    assert run(homes, "--count=5", "--grid", "--interpolate=4") == 0
    assert len(list(pathlib.Path("out").iterdir())) == 7
    grid, row = pixels("seed0_grid.png"), pixels("seed0_to_seed1.png")
    side = 32 + 2
    assert grid.shape == (2 * side + 2, 3 * side + 2, 3)
    assert row.shape == (side + 2, 4 * side + 2, 3)
    # Image 4 is the second of the second row.
    np.testing.assert_allclose(
        grid[side + 2 : 2 * side, side + 2 : 2 * side],
        pixels("seed0_0004.png"),
        atol=1,
    )
    ends = pixels("seed0_0000.png"), homes[0].generate(1, seed=1)[0]
    ends = ends[0], images.to_uint8(ends[1]).numpy()
    for column, expected in ((0, ends[0]), (3, ends[1])):
        left = column * side + 2
        np.testing.assert_allclose(
            row[2 : 2 + 32, left : left + 32], expected, atol=1
        )


def test_failures_are_listed_and_the_others_written(homes, capsys):
    pathlib.Path("out/seed0_0001.png").mkdir(parents=True)
    assert run(homes, "--count=3") == 1
    shown = capsys.readouterr()
    assert "failed: out/seed0_0001.png" in shown.err
    assert "and no file" in shown.err and "Traceback" not in shown.err
    assert "2 files written" in shown.out and "1 failed" in shown.out
    assert pathlib.Path("out/seed0_0002.png").is_file()


def test_ctrl_c_leaves_whole_files(homes, monkeypatch, capsys):
    write = images.write

    def interrupted(path, image):
        if path.name == "seed0_0001.png":
            raise KeyboardInterrupt
        write(path, image)

    monkeypatch.setattr(images, "write", interrupted)
    assert run(homes, "--count=3") == 130
    assert "the same command goes on" in capsys.readouterr().out
    assert [p.name for p in pathlib.Path("out").iterdir()] == ["seed0_0000.png"]


@pytest.mark.parametrize(
    "arguments,message",
    [
        ("--count=0", "count must be an integer from 1 up. Received: 0"),
        ("--count=100001", "count must be an integer from 1 to 100000."),
        ("--seed=-1", "seed must be an integer from 0 up. Received: -1"),
        ("--seed=4294967296", "seed must be below 2**32."),
        ("--seed=4294967295 --interpolate=8", "seed must be below 2**32."),
        ("--interpolate=1", "interpolate must be an integer from 2 up."),
        ("--batch-size=0", "batch_size must be an integer from 1 up."),
        ("--count=5000 --grid", "count must be at most 4096 with --grid."),
        ("--model=nowhere", "path must be a run folder"),
        ("--output=file", "output must be a folder that can be written."),
    ],
)
def test_wrong_use_is_one_line(homes, arguments, message, capsys):
    pathlib.Path("file").write_text("")
    assert run(homes, *arguments.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    assert not pathlib.Path("out").exists()


def test_a_model_that_takes_no_latents(capsys):
    make_bare("pix2pix").save("pairs.keras")
    command = ["--model", "pairs.keras", "--output", "out"]
    assert generate.main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "error: verb must be one that takes latents; this model has a_to_b. "
        "Received: None"
    )
    with pytest.raises(UserError, match="takes latents.*'a_to_b'"):
        keras_gans.load("pairs.keras").generate(verb="a_to_b")


@pytest.mark.parametrize(
    "latents,message",
    [
        (np.zeros((2, 7)), r"shape \[count, 8\].*\(2, 7\)"),
        (np.zeros(8), r"shape \[count, 8\].*\(8,\)"),
        (np.full((2, 8), np.inf), "latents must be finite.*16"),
        ([["a"] * 8], "latents must be numbers.*list"),
    ],
)
def test_latents_that_do_not_fit(homes, latents, message):
    loaded = keras_gans.load(homes[1]["file"])
    with pytest.raises(UserError, match=message):
        loaded.generate(latents=latents)


@pytest.mark.parametrize(
    "change", [{"size": 0}, {"size": 10**12}, {"distribution": "beta"}]
)
def test_a_description_of_other_latents_is_damaged(homes, change, tmp_path):
    path = shutil.copytree(homes[1]["version"], tmp_path / "1")
    about = json.loads((path / "model.json").read_text())
    about["verbs"]["generate"]["inputs"]["latents"] |= change
    (path / "model.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"model.json is damaged \(verbs\)"):
        keras_gans.load(path)


def test_images_that_are_not_square(capsys):
    model = DCGAN(image_size=(32, 48), base_filters=2, latent_dim=4)
    model.save("model.keras")
    assert export.main(["model.keras", "--output", "versions"]) == 0
    command = ["--model", "versions", "--output", "out", "--count", "1"]
    assert generate.main(command) == 0
    assert pixels("seed0_0000.png").shape == (32, 48, 3)


def test_latents_are_drawn_alike_everywhere():
    for distribution, first in (("normal", 1.7640524), ("uniform", 0.0976270)):
        latents = Latents(4, distribution)
        many = latents.draw(6, seed=0)
        assert many.dtype == "float32" and many.shape == (6, 4)
        np.testing.assert_array_equal(latents.draw(2, seed=0), many[:2])
        assert not np.array_equal(latents.draw(6, seed=1), many)
        assert abs(many[0, 0] - first) < 1e-6, many[0, 0]


def test_the_way_between_latents():
    first, second = Latents(100).draw(2)
    way = Latents(100).between(first, second, 5)
    np.testing.assert_allclose(way[[0, -1]], [first, second], atol=1e-6)
    # An arc keeps the length that drawn vectors have; a line cuts it short.
    lengths = np.linalg.norm(way, axis=1)
    assert lengths.min() > 0.9 * min(lengths[0], lengths[-1])
    line = Latents(100, "uniform").between(first, second, 5)
    np.testing.assert_allclose(line[2], (first + second) / 2, atol=1e-6)
    for other in (first, -first, np.zeros(100, "float32")):
        assert np.isfinite(Latents(100).between(first, other, 5)).all()
    with pytest.raises(ValueError, match="count must be an integer from 2 up"):
        Latents(100).between(first, second, 1)
