"""Drawing files: `python -m keras_gans.sketch`."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_gans import images, sketch
from keras_gans.datasets import sketches


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of two photographs and a broken one."""
    monkeypatch.chdir(tmp_path)
    pathlib.Path("photos/more").mkdir(parents=True)
    rng = np.random.RandomState(0)
    for name in ("a.jpg", "more/b.png"):
        pixels = rng.randint(0, 256, (21, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(f"photos/{name}")
    pathlib.Path("photos/c.jpg").write_bytes(b"no image")
    return "photos"


def test_a_folder(photos, capsys):
    arguments = [photos, "--output", "out", "--set", "sigma=1"]
    assert sketch.main(arguments) == 1
    told = capsys.readouterr()
    assert "2 drawn as xdog" in told.out and "c.jpg" in told.err
    drawn = images.read("out/more/b.png")
    photo = images.read("photos/more/b.png")
    np.testing.assert_array_equal(drawn, sketches.draw(photo, sigma=1))
    recorded = json.loads(pathlib.Path("out/sketch.json").read_text())
    assert recorded["parameters"]["sigma"] == 1
    pathlib.Path("photos/c.jpg").unlink()
    assert sketch.main(arguments) == 0
    assert "0 drawn as xdog, 0 images a second; 2 were" in (
        capsys.readouterr().out
    )
    assert sketch.main(arguments[:-2]) == 2
    assert "results with the same settings" in capsys.readouterr().err


def test_styles_into_folders_within_the_photographs(photos, capsys):
    output = ["--output", f"{photos}/out", "--size", "16"]
    styles = ["--style", "edges", "--style", "photocopy"]
    for _ in range(2):
        assert sketch.main([photos, *output, *styles]) == 1  # a broken one
    found = pathlib.Path(photos, "out").rglob("*.png")
    assert sorted(p.relative_to(photos).as_posix() for p in found) == [
        *("out/edges/a.png", "out/edges/more/b.png"),
        *("out/photocopy/a.png", "out/photocopy/more/b.png"),
    ]
    assert images.read(f"{photos}/out/edges/a.png").shape == (16, 16, 3)
    wrong = ["--set", "sigma=2"]
    assert sketch.main([photos, *output, *styles, *wrong]) == 2
    assert "a parameter of photocopy must be" in capsys.readouterr().err
