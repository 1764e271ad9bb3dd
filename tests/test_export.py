"""Exports: next free version, never half of one, never other pixels."""

import os

import numpy as np
import pytest

from keras_gans import export
from tests.models.test_contract import make_model


@pytest.fixture(scope="module")
def model():
    return make_model("cyclegan")


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 32, 32, 3), dtype="uint8")


def test_versions_count_up_and_none_is_replaced(model, samples, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "notes").mkdir()
    assert export.export(model, tmp_path, samples).name == "8"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["7", "8", "notes"]
    assert os.stat(tmp_path / "8").st_mode & 0o777 == 0o755


def test_only_the_exported_networks_are_stored(model, samples, tmp_path):
    path = export.export(model, tmp_path, samples)
    stored = sum(f.stat().st_size for f in path.glob("variables/*.data*"))
    needed = 4 * sum(
        network.count_params()
        for network in (model.generator_ab, model.generator_ba)
    )
    # Beside them a table of contents; the discriminators would add a third.
    assert needed <= stored < 1.2 * needed


def test_other_pixels_are_not_published(model, samples, tmp_path, monkeypatch):
    real = export._write

    def write_another(signatures, path):
        real(dict.fromkeys(signatures, signatures["a_to_b"]), path)

    monkeypatch.setattr(export, "_write", write_another)
    with pytest.raises(RuntimeError, match="'b_to_a'.*nothing was published"):
        export.export(model, tmp_path, samples)
    assert not list(tmp_path.iterdir())
