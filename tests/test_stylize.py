"""Style transfer of files: `python -m keras_gans.stylize`."""

import csv
import itertools
import json
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import files, images, stylize
from keras_gans.networks import vgg
from keras_gans.style import transfer
from keras_gans.style.objective import Objective

NAMES = ["--content", "a.png", "--style", "b.jpg", "--output", "out/c.png"]
ARGUMENTS = [*NAMES, "--size", "22,32", "--steps", "6,5", "--every", "4"]


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    """Two images in the working folder, a narrow VGG, frequent saving."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (24, 32, 3)), ("b.jpg", (30, 30, 3))):
        pixels = rng.integers(0, 256, shape, dtype="uint8")
        Image.fromarray(pixels).save(name)
    monkeypatch.setattr(
        *(transfer, "vgg"),
        lambda *args, **kwargs: vgg.vgg(*args, **kwargs | {"base_filters": 2}),
    )
    monkeypatch.setattr(transfer, "PART", 3)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def at_evaluation(monkeypatch, number, spoil):
    """Let `spoil` change what an evaluation gives."""
    evaluate, count = Objective.__call__, itertools.count(1)

    def call(self, pixels):
        terms, gradient = evaluate(self, pixels)
        return terms, spoil(gradient) if next(count) == number else gradient

    monkeypatch.setattr(Objective, "__call__", call)


def press_ctrl_c(gradient):
    raise KeyboardInterrupt


def test_goes_on_and_records_what_was_used(capsys, monkeypatch):
    assert stylize.main(ARGUMENTS) == 0
    told = capsys.readouterr().out
    assert (
        "vgg19, average pooling, random weights of seed 0; about 0.8 GiB"
        in told
    )
    assert "wrote out/c.png, 32 x 24 pixels, with vgg19, average" in told
    whole = pathlib.Path("out/c.png").read_bytes()
    folder = pathlib.Path("out/c_steps")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("log.csv", "settings.json", "step_000004.png", "step_000008.png"),
    ]
    with open(folder / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 12))
    with Image.open("out/c.png") as image:
        kept = json.loads(image.text["keras_gans"])
    assert kept == json.loads((folder / "settings.json").read_text())
    assert kept["features"].endswith("random weights of seed 0")
    assert kept["content"][0] == "a.png" and kept["steps"] == [6, 5]

    assert stylize.main(ARGUMENTS) == 0
    assert "was there already" in capsys.readouterr().out
    assert stylize.main([*ARGUMENTS, "--seed", "1"]) == 2
    assert "average pooling, random weights of seed 1' for" in (
        capsys.readouterr().err
    )
    # Wrong use leaves what was there.
    assert stylize.main([*ARGUMENTS, "--colors", "x", "--overwrite"]) == 2
    assert pathlib.Path("out/c.png").read_bytes() == whole

    with monkeypatch.context() as patch:
        at_evaluation(patch, 10, press_ctrl_c)
        assert stylize.main([*ARGUMENTS, "--overwrite"]) == 130
    told = capsys.readouterr().out
    assert "the same command without --overwrite goes on" in told
    assert (folder / "state.npz").exists()
    at_evaluation(monkeypatch, 3, press_ctrl_c)  # two are left
    assert stylize.main(ARGUMENTS) == 0
    assert pathlib.Path("out/c.png").read_bytes() == whole
    with open(folder / "log.csv") as file:
        again = list(csv.DictReader(file))
    assert [r["total"] for r in again] == [r["total"] for r in rows]

    (folder / "state.npz").write_bytes(b"nothing")
    pathlib.Path("out/c.png").unlink()
    assert stylize.main(ARGUMENTS) == 2
    assert "state.npz is damaged" in capsys.readouterr().err


def test_nan_keeps_the_last_good_image(capsys, monkeypatch):
    at_evaluation(monkeypatch, 5, lambda gradient: gradient * np.nan)
    assert stylize.main(ARGUMENTS) == 3
    error = capsys.readouterr().err
    assert (
        "error: NaN or infinity in the objective at step 5; the last " in error
    )
    assert images.read("out/c_steps/last_good.png").shape == (16, 22, 3)
    assert not pathlib.Path("out/c.png").exists()


def test_all_flags_together(capsys):
    mask = np.zeros((24, 32, 3), "uint8")
    mask[:, :16] = 255
    images.write("mask.png", mask)
    gray = Image.open("b.jpg").convert("L")
    gray.save("gray.png")
    clear = Image.open("a.png").convert("RGBA")
    clear.putalpha(128)
    clear.save("clear.png")
    arguments = [
        *("--content", "clear.png", "--output", "d.png", "--size", "32"),
        *("--steps", "2", "--style", "gray.png", "--style", "b.jpg"),
        *("--share", "1", "--share", "3", "--mask", "mask.png", "--mask", ""),
        *(
            "--style-mask",
            "",
            "--style-mask",
            "mask.png",
            "--optimizer",
            "adam",
        ),
        *("--learning-rate", "3", "--colors", "histogram", "--start", "noise"),
        *("--preset", "neural-style", "--content-weight", "2", "--every", "0"),
        *("--style-weight", "3", "--variation-weight", "0.1", "--seed", "2"),
        *("--style-scale", "0.8", "--network", "vgg16", "--pooling", "max"),
    ]
    assert stylize.main(arguments) == 0
    told = capsys.readouterr().out
    assert "content clear.png: what is transparent is white" in told
    assert "style gray.png is gray" in told
    assert "vgg16, max pooling, random weights of seed 2" in told
    settings = files.read_json("d_steps/settings.json")
    assert settings["masks"][0][0] == "mask.png"
    assert settings["masks"][1] is None
    assert [settings["shares"], settings["learning_rate"]] == [[1, 3], 3]


@pytest.mark.parametrize(
    "arguments,rule",
    [
        ("--content none.png", "none.png: cannot be opened"),
        ("--style text.jpg", "text.jpg: is not a JPEG, PNG"),
        ("--output c.jpg", "output must end in .png. Received: c.jpg"),
        ("--output a.png", "output must be a new file.*Received: a.png"),
        ("--size 8 --steps 9,9", "steps must be as many numbers as sizes"),
        ("--size 8", "content must have sides from 16 pixels up"),
        ("--size 32 --steps 0", "steps must be an integer from 1 up"),
        ("--style-scale nan", "style_scale must be a finite number.*nan"),
        ("--size 10000", "size must be one for which there is memory"),
        (
            "--weights none.pth",
            "weights must be imagenet or a file that can be",
        ),
        ("--weights a.png", "weights must be a file of the weights of vgg19"),
    ],
)
def test_wrong_use_is_one_line(arguments, rule, capsys, monkeypatch):
    pathlib.Path("text.jpg").write_text("no image")
    monkeypatch.setattr(stylize, "_free_memory", lambda: 2**33)
    code = stylize.main([*NAMES, *arguments.split()])
    error = capsys.readouterr().err
    assert code == 2 and error.count("\n") == 1
    assert re.search(rule, error)
    assert not pathlib.Path("out").exists()
