"""Systems that are no translators, from the command to the report.

What is asked of every model is asked of them in `models/test_contract.py`;
here they are trained, exported and measured as any other, with a line in the
registry and no more.
"""

import functools
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

import keras_gans
from keras_gans import evaluate, export, images, registry, train
from keras_gans.callbacks import checkpoints
from keras_gans.evaluation import extractors
from keras_gans.faces import samples
from tests.metrics import tiny
from tests.tiny import TOYS

EXPECTED = {
    # verbs, what is known of each, and columns of a sample grid
    "noise": (["generate"], ["diversity"], 1),
    "painter": (["paint"], ["l1", "diversity"], 2),
    "domains": (
        [
            *("photo_to_anime", "photo_to_sketch", "anime_to_photo"),
            *("anime_to_sketch", "sketch_to_photo", "sketch_to_anime"),
        ],
        ["l1", "diversity", "cycle_error"],
        3,
    ),
}


@pytest.fixture
def toy(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(registry.MODELS, request.param, TOYS[request.param])
    # Instead of a classifier that is trained for a minute.
    monkeypatch.setattr(
        *(extractors, "classifier"),
        lambda *args, **options: (
            lambda images, training: np.ones((len(images), 10), np.float32)
        ),
    )
    monkeypatch.setattr(extractors, "opened", lambda text: tiny.extractor())
    few = functools.partial(samples.measure, count=9)
    monkeypatch.setattr(samples, "measure", few)
    return request.param


@pytest.mark.parametrize(
    "toy",
    [
        "noise",
        "painter",
        # Six verbs, exported twice.
        pytest.param("domains", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_from_the_command_to_the_report(toy, capsys):
    verbs, known, columns = EXPECTED[toy]
    command = ["--model", toy, "--steps", "2", "--save-every", "2"]
    assert train.main([*command, "--evaluate-every", "0"]) == 0
    run = pathlib.Path("runs", toy)
    assert checkpoints.steps(run / "checkpoints") == [2]
    shares = "| generate | Male |" if toy == "noise" else ""
    assert shares in capsys.readouterr().out
    result = json.loads((run / "result.json").read_text())["metrics"]
    about = pathlib.Path(f"saved_models/{toy}/1/model.json").read_text()
    assert json.loads(about)["metrics"] == result
    assert ("generate" in result) == (toy == "noise")
    grids = list((run / "samples").rglob("*.png"))
    # Of noise also a way between two.
    expected = len({name.partition("_to")[0] for name in verbs})
    assert len(grids) == expected + (toy == "noise")
    with Image.open(grids[0]) as grid:
        assert grid.width // (16 + 2) % columns == 0
    # What is asked for and cannot be known is said.
    options = ["--count", "4", "--metrics", "l1,diversity,cycle_error"]
    code = evaluate.main(["--run-dir", str(run), *options])
    assert code == (len(known) < 3)
    content = json.loads((run / "metrics.json").read_text())
    assert content["truth"] == result
    page = (run / "report.html").read_text()
    assert ("whose truth is known" in page) == bool(result)
    measured = content["directions"]
    assert [*measured] == verbs
    for entry in measured.values():
        assert [*entry["values"]] == known
    shown = capsys.readouterr().out
    assert "| verb | metric |" in shown and shares in shown
    # A run folder, its checkpoint and its export do the same.
    pixels = []
    for path in (run, f"saved_models/{toy}"):
        loaded = keras_gans.load(path)
        assert [*loaded.verbs] == verbs
        verb = loaded.verbs[verbs[0]]
        inputs = {
            name: np.full((2, 16, 16, 3), 99, np.uint8)
            if name == "images"
            else kind.draw(2)
            for name, kind in verb.inputs.items()
        }
        pixels.append(verb.function(**inputs))
        assert pixels[-1].shape == (2, 16, 16, 3)
    np.testing.assert_allclose(*np.array(pixels, int), atol=1)
    command = [str(run), "--output", "again"]
    assert export.main(command) == 0
    assert pathlib.Path("again/1/model.json").exists()


@pytest.mark.usefixtures("eagerly", "unexported")
@pytest.mark.parametrize("toy", ["domains"], indirect=True)
def test_domains_are_folders(toy):
    rng = np.random.default_rng(0)
    for name in ("spring", "summer", "autumn"):
        for i in range(3):
            pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
            images.write(f"seasons/{name}/{i}.png", pixels)
    command = "--model domains --data seasons --steps 1 --run-dir run"
    assert train.main(command.split()) == 0
    verbs = keras_gans.load("run").verbs
    assert len(verbs) == 6 and "spring_to_autumn" in verbs
    settings = json.loads(pathlib.Path("run/arguments.json").read_text())
    assert len(settings["data"]) == 3


@pytest.mark.parametrize(
    "toy,arguments,message",
    [
        ("noise", "--data a --data b", "data must be given once for single"),
        ("noise", "--data-a a", "data_a must be left out for single data"),
        ("noise", "--data nowhere", "data must be a folder"),
        ("painter", "--labels Male", "labels must be left out for single"),
        ("painter", "--set adversarial_loss=hinge", "set must be KEY=VALUE"),
        ("domains", "--data nowhere", "data must be a folder that exists"),
        ("domains", "--data faces:photo", "data must be given for each do"),
        (
            "domains",
            "--data faces:photo --data faces:photo@5",
            "data must be domains of different names",
        ),
    ],
    indirect=["toy"],
)
def test_wrong_use_is_one_line(toy, arguments, message, capsys):
    assert train.main(["--model", toy, *arguments.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
