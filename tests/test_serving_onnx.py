"""ONNX through Keras' exporter, checked with onnxruntime."""

import json
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import export, images
from keras_gans.checks import UserError
from keras_gans.serving import onnx_files
from tests import serving_pictures as pictures
from tests import tiny
from tests.tiny import make_bare
from tests.toys.noise import NoiseToy


def test_files_give_the_pixels_of_the_model(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    model = make_bare("stargan")
    samples = np.stack([pictures.pixels(16, 16, seed=i) for i in range(2)])
    version = export.export(model, tmp_path, samples, format="onnx")
    assert version == tmp_path / "1"
    names = sorted(path.name for path in version.iterdir())
    assert names == ["model.json", "translate.onnx"]
    about = json.loads((version / "model.json").read_text())
    labels = about["verbs"]["translate"]["inputs"]["labels"]
    assert "Black_Hair" in json.dumps(labels)
    session = runtime.InferenceSession(version / "translate.onnx")
    # Another size than that of the samples.
    batch = images.to_float(pictures.pixels(24, 20)[None])
    labels = tf.constant([[0.0, 1.0, 1.0]])
    (outputs,) = session.run(
        None, {"images": batch.numpy(), "labels": labels.numpy()}
    )
    expected = model.translate(batch, to=labels)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_domains_may_have_any_name(tmp_path):
    pytest.importorskip("tf2onnx")
    with mock.patch.dict(tiny.TINY["combogan"], domains=["été", "Van Gogh"]):
        model = make_bare("combogan")
    samples = pictures.pixels(16, 16)[None]
    version = export.export(model, tmp_path / "o", samples, format="onnx")
    names = {path.stem for path in version.iterdir()}
    assert {"été_to_Van Gogh", "Van Gogh_to_été"} < names
    # Where servers look for SavedModels there is none of another kind.
    (tmp_path / "s/3").mkdir(parents=True)
    (tmp_path / "s/3/saved_model.pb").touch()
    with pytest.raises(UserError, match="folder must be new.*3 of another"):
        export.export(model, tmp_path / "s", samples, format="onnx")
    with pytest.raises(UserError, match="folder must be new.*1 of another"):
        export.export(model, tmp_path / "o", samples)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    samples = np.zeros((1, 32, 32, 3), np.uint8)
    with pytest.raises(ImportError, match=r"keras_gans\[onnx\]"):
        export.export(make_bare("dcgan"), tmp_path, samples, format="onnx")


@pytest.mark.parametrize("labels", [None, ["Male", "Young"]])
def test_generators(labels, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    model = NoiseToy(labels=labels) if labels else make_bare("dcgan")
    samples = np.zeros((2, 16, 16, 3), np.uint8)
    version = export.export(model, tmp_path, samples, format="onnx")
    session = runtime.InferenceSession(version / "generate.onnx")
    inputs = {"latents": model.latents.draw(3, seed=1)}
    if labels:
        inputs["labels"] = model.label_table.draw(3, seed=1)
    (outputs,) = session.run(None, inputs)
    expected = model.generate(3, seed=1)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)


def test_other_pixels_are_not_published(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    model = make_bare("stargan")
    real = onnx_files.expected_outputs
    monkeypatch.setattr(
        onnx_files, "expected_outputs", lambda *args: 255 - real(*args)
    )
    with pytest.raises(RuntimeError, match="'translate'.*nothing was"):
        export.export(
            model, tmp_path, pictures.pixels(16, 16)[None], format="onnx"
        )
    assert not list(tmp_path.iterdir())
