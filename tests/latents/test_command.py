"""`python -m keras_gans.axes`: axes of a generator, and photos that move."""

import json
import sys
import types

import numpy as np
import pytest

from keras_gans import axes, images
from keras_gans.latents import FeatureAxes, Generator, sampling, summary
from tests.tiny import make_model


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Files of a generator and of an attribute network, both untrained."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("dcgan", "attributes"):
        model = make_model(name)
        first = model.generator if name == "dcgan" else model.classifier
        for variable in first.trainable_variables:
            variable.assign(5.0 * variable)  # else all images are gray
        model.save(folder / f"{name}.keras")
    return folder


@pytest.fixture
def find(paths, tmp_path):
    def run(*arguments):
        return axes.main(
            [
                *("--model", str(paths / "dcgan.keras")),
                *("--output", str(tmp_path / "axes"), *arguments),
            ]
        )

    run.labels = "--attributes", str(paths / "attributes.keras")
    run.output = tmp_path / "axes"
    return run


def test_axes_of_labels_and_an_edited_photo(find, tmp_path, capsys):
    few = *find.labels, "--samples=150"
    assert find(*few) == 0
    printed = capsys.readouterr().out
    assert "| axis | R^2 | AUC |" in printed
    found = FeatureAxes.load(find.output / "axes.npz")
    strips = sorted((find.output / "strips").iterdir())
    assert [path.stem[3:] for path in strips] == [*found.names]
    for name in ("r2.png", "correlations.png"):
        assert images.read(find.output / name).shape[2] == 3
    assert f"| {found.names[0]} |" in printed

    photo = Generator(make_model("dcgan"))(*find_latents())[0]
    images.write(tmp_path / "photo.png", photo)
    edited = tmp_path / "edited"
    edit = [
        *("--axes", str(find.output / "axes.npz"), "--steps=3"),
        *("--edit", str(tmp_path / "photo.png"), "--output", str(edited)),
        f"--set={found.names[0]}=1.5",
    ]
    assert find(*edit) == 0
    assert "photo: found within 0." in capsys.readouterr().out
    names = ["photo_edited.png", "photo_row.png"]
    assert sorted(path.name for path in edited.iterdir()) == names
    assert images.read(edited / names[0]).shape == photo.shape
    assert find(*edit[:-1], "--set=Hat=1") == 2
    assert "a name in set must be one of" in capsys.readouterr().err


def find_latents():
    return np.zeros((1, 8), np.float32), None


def test_samples_are_made_once(find, monkeypatch, capsys):
    monkeypatch.setattr(sampling, "CHUNK", 60)
    made = []

    def stopped(self, latents, labels=None):
        made.append(len(latents))
        if len(made) == 3:  # after the images that tell generators apart
            raise KeyboardInterrupt
        return called(self, latents, labels)

    called = Generator.__call__
    few = *find.labels, "--samples=150"
    with monkeypatch.context() as patch:
        patch.setattr(Generator, "__call__", stopped)
        assert find(*few) == 130
    assert "the same command goes on" in capsys.readouterr().err
    (first,) = (find.output / "samples_16").iterdir()
    before = first.stat().st_mtime_ns
    assert find(*few) == 0
    assert first.stat().st_mtime_ns == before
    assert len([*(find.output / "samples_16").iterdir()]) == 3
    once = FeatureAxes.load(find.output / "axes.npz")
    first.write_bytes(first.read_bytes()[:100])  # a broken one is made again
    assert find(*few) == 0
    again = FeatureAxes.load(find.output / "axes.npz")
    np.testing.assert_array_equal(again.directions, once.directions)
    assert find(*few, "--seed=1") == 2
    assert "output must be a new folder" in capsys.readouterr().err
    record = json.loads((find.output / "axes.json").read_text())
    assert record["seed"] == 0
    # One that was trained anew to the same step.
    small = images.read(find.output / "generator.png")
    images.write(find.output / "generator.png", np.rot90(small, 2))
    assert find(*few) == 2
    assert "axes of the same generator" in capsys.readouterr().err


def test_names_of_labels_are_no_formulas(tmp_path):
    axes = types.SimpleNamespace(r2=np.array([0.5]), names=["$50% off$"])
    summary.write_fit(tmp_path / "r2.png", axes)
    assert images.read(tmp_path / "r2.png").shape[2] == 3


def test_a_missing_package_is_named_before_the_images(
    find, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert find(*find.labels) == 2
    assert 'pip install "keras_gans[axes]"' in capsys.readouterr().err
    assert not (find.output / "samples_16").exists()


@pytest.mark.parametrize("method", ["sefa", "ganspace"])
def test_axes_without_labels(find, method):
    samples = ["--samples=500"] * (method == "ganspace")
    assert find(f"--method={method}", *samples) == 0
    found = FeatureAxes.load(find.output / "axes.npz")
    assert found.names[0].endswith("1")
    assert len([*(find.output / "strips").iterdir()]) == len(found.names)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "attributes must be given with method labels"),
        (["--method=sefa", "--keep=Male"], "keep must be left out"),
        (["--method=sefa", "--samples=500"], "samples must be left out"),
        (["--edit=a.png", "--method=labels"], "must be"),
        (["--edit=a.png", "--axes=b.npz", "--set=x=nan"], "set must be NAME="),
        (["--edit=a.png"], "axes must be given with edit"),
        (["--set=Male=1"], "attributes must be given"),
        (["--attributes=nowhere", "--set=Male=1"], "set must be left out"),
        (["--attributes=nowhere"], "path must be a run folder"),
        (["--edit=a.png", "--axes=b.npz", "--set=x"], "set must be NAME="),
        (["--edit=a.png", "--axes=b.npz", "--set=x=1"], "path must be a file"),
        (["--attributes=nowhere", "--seed", str(2**63)], "seed"),
    ],
)
def test_wrong_use_is_one_line(find, arguments, message, capsys):
    assert find(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and message in line


def test_a_generator_that_the_axes_are_not_of(find, paths, tmp_path, capsys):
    others = FeatureAxes(["Male"], np.ones((1, 3)))
    others.save(tmp_path / "others.npz")
    images.write(tmp_path / "photo.png", np.zeros((9, 9, 3), np.uint8))
    assert (
        find(
            *("--axes", str(tmp_path / "others.npz"), "--set=Male=1"),
            *("--edit", str(tmp_path / "photo.png")),
        )
        == 2
    )
    assert "axes must be those of this generator" in capsys.readouterr().err
