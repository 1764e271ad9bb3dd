"""Checkpoints: whole or not there, and exact."""

import errno
import logging

import keras
import numpy as np
import pytest

from keras_gans import checkpoints
from tests.models.test_contract import fit, make_batch, make_model


@pytest.fixture
def model():
    return make_model("cyclegan")


def test_restore_gives_back_everything(model, tmp_path):
    batch = make_batch(model)
    fit(model, batch, steps=2)
    path = checkpoints.save(model, tmp_path)
    assert path.name == "000002.keras"
    other = make_model("cyclegan", seed=1)
    assert checkpoints.restore(other, tmp_path) == 2
    for ours, theirs in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert fit(model, batch) == fit(other, batch)


def test_loss_scales_of_both_optimizers_are_kept(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, other = make_model("cyclegan"), make_model("cyclegan", seed=1)
    finally:
        keras.config.set_dtype_policy("float32")
    for factor, name in ((2, "generator"), (8, "discriminator")):
        optimizer = getattr(model, f"{name}_optimizer")
        optimizer.dynamic_scale.assign(factor)
        optimizer.step_counter.assign(factor + 1)
    model.step.assign(1)
    checkpoints.save(model, tmp_path)
    checkpoints.restore(other, tmp_path)
    for factor, name in ((2, "generator"), (8, "discriminator")):
        optimizer = getattr(other, f"{name}_optimizer")
        assert float(optimizer.dynamic_scale.numpy()) == factor
        assert int(optimizer.step_counter.numpy()) == factor + 1


def test_an_empty_folder_is_a_fresh_start(model, tmp_path):
    assert checkpoints.restore(model, tmp_path) == 0
    assert checkpoints.restore(model, tmp_path / "missing") == 0
    assert checkpoints.steps(tmp_path / "missing") == []


def test_only_the_newest_stay(model, tmp_path):
    for step in (1, 2, 3, 10):
        model.step.assign(step)
        checkpoints.save(model, tmp_path, keep=2)
    assert checkpoints.steps(tmp_path) == [3, 10]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_newest_one_is_passed_over(model, tmp_path, caplog, damage):
    for step in (1, 2):
        model.step.assign(step)
        path = checkpoints.save(model, tmp_path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    else:
        content = b""
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING, logger="keras_gans"):
        assert checkpoints.restore(model, tmp_path) == 1
    assert "000002.keras is damaged" in caplog.text
    (tmp_path / "000001.keras").unlink()
    with pytest.raises(ValueError, match="must include one that is whole.*Received 1: .*000002"):
        checkpoints.restore(model, tmp_path)


def test_a_full_disk_leaves_the_older_ones_whole(model, tmp_path, monkeypatch):
    model.step.assign(1)
    checkpoints.save(model, tmp_path)

    def save_half(path):
        path.write_bytes(b"half of a checkpoint")
        raise OSError(errno.ENOSPC, "No space left on device")

    model.step.assign(2)
    monkeypatch.setattr(model, "save", save_half)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["000001.keras"]


def test_what_does_not_read_back_is_no_checkpoint(model, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "save", lambda path: path.write_bytes(b"PK"))
    with pytest.raises(OSError, match="does not read back"):
        checkpoints.save(model, tmp_path)
    assert not list(tmp_path.iterdir())
