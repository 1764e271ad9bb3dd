"""Checkpoints: whole or not there, and exact."""

import errno
import io
import logging
import shutil
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from tests.tiny import fit, make_batch, make_model


@pytest.fixture
def model():
    return make_model("dcgan")


def test_restore_gives_back_everything(model, tmp_path):
    batch = make_batch(model)
    fit(model, batch, steps=2)
    path = checkpoints.save(model, tmp_path)
    assert path.name == "000002.keras"
    other = make_model("dcgan", seed=1)
    assert checkpoints.restore(other, tmp_path) == 2
    for ours, theirs in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert fit(model, batch) == fit(other, batch)


def test_loss_scales_of_both_optimizers_are_kept(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model, other = make_model("dcgan"), make_model("dcgan", seed=1)
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
    with pytest.raises(
        ValueError, match="must include one that is whole.*Received 1: .*000002"
    ):
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


def rewritten(path, change, compression=zipfile.ZIP_STORED):
    """Rewrite a zip file; `change` is given its members by name."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_weights(change):
    """Return a change of members that changes the arrays in the HDF5 file."""

    def changed(members):
        content = io.BytesIO(members["model.weights.h5"])
        with h5py.File(content, "r+") as weights:
            change(weights)
        return members | {"model.weights.h5": content.getvalue()}

    return changed


def last_array(weights):
    """Return the name of the array that Keras reads last, or nearly."""
    names = []
    weights.visititems(
        lambda name, entry: (
            names.append(name) if isinstance(entry, h5py.Dataset) else None
        )
    )
    return max(name for name in names if name.startswith("generator/"))


def reshape_the_last(weights):
    name = last_array(weights)
    del weights[name]
    weights[name] = np.zeros((7, 7), "float32")


def declare_much(chunks, shape):
    def change(weights):
        name = last_array(weights)
        del weights[name]
        weights.create_dataset(
            name, shape, "f4", chunks=chunks, maxshape=(None,), compression=9
        )

    return change


def of_config(content):
    return lambda members: members | {"config.json": content}


def renamed(old, new):
    return lambda members: {
        (new if name == old else name): c for name, c in members.items()
    }


DAMAGES = {
    "renamed config": renamed("config.json", "konfig.json"),
    "renamed weights": renamed("model.weights.h5", "model.weights.h6"),
    "foreign zip": lambda members: {"readme.txt": b"hello"},
    "no json": of_config(b"{"),
    "no model": of_config(b"[1]"),
    "deep": of_config(b"[" * 100_000),
    "number for a class": of_config(b'{"class_name": 3, "config": {}}'),
    "no config": of_config(b'{"class_name": "DCGAN", "config": null}'),
    "another kind": of_config(
        b'{"class_name": "Sequential", "config": {"name": "x"},'
        b' "module": "keras", "registered_name": null}'
    ),
    "large config": of_config(b" " * (2**22 + 1)),
    "cut weights": lambda members: (
        members | {"model.weights.h5": members["model.weights.h5"][:5000]}
    ),
    "no weights": lambda members: members | {"model.weights.h5": b""},
    "another shape": with_weights(reshape_the_last),
    "no own state": with_weights(lambda weights: weights.pop("vars")),
    "large array": with_weights(declare_much((1000,), (10**11,))),
    "large chunk": with_weights(declare_much((10**8,), (10,))),
    "large member": lambda members: members | {"x": b"\0" * 2**25},
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A model of no training step, and the folder of its steps 1 and 2."""
    model, folder = make_model("dcgan"), tmp_path_factory.mktemp("two")
    for step in (1, 2):
        model.step.assign(step)
        checkpoints.save(model, folder)
    model.step.assign(0)
    return model, folder


def everything(model):
    return [v.numpy() for v in checkpoints._variables(model)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_wrong_the_one_before_is_taken(
    two, tmp_path, caplog, damage
):
    model, whole = two
    shutil.copytree(whole, tmp_path / "copy")
    newest = tmp_path / "copy" / "000002.keras"
    rewritten(newest, DAMAGES[damage], zipfile.ZIP_DEFLATED)
    before = everything(model)
    tracemalloc.start()
    with pytest.raises(UserError, match="000002.keras") as caught:
        checkpoints.load_weights(model, newest)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert len(str(caught.value).splitlines()) == 1
    for old, new in zip(before, everything(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert checkpoints.restore(model, tmp_path / "copy") == 1
    assert "000002.keras" in caplog.text and "it is skipped" in caplog.text
    model.step.assign(0)


def test_a_missing_optimizer_is_not_skipped(two, tmp_path):
    model, whole = two
    newest = shutil.copy(whole / "000002.keras", tmp_path)
    rewritten(
        newest, with_weights(lambda weights: weights.pop("generator_optimizer"))
    )
    with pytest.raises(UserError, match="damaged"):
        checkpoints.load_weights(model, newest)
    assert int(model.step.numpy()) == 0


def test_a_folder_in_place_of_a_checkpoint(two, tmp_path, caplog):
    model, whole = two
    shutil.copytree(whole, tmp_path / "copy")
    newest = tmp_path / "copy" / "000002.keras"
    newest.unlink()
    newest.mkdir()
    assert checkpoints.restore(model, tmp_path / "copy") == 1
    assert "000002.keras cannot be read" in caplog.text
    # It is in nobody's way later.
    newest.rename(tmp_path / "copy" / "000009.keras")
    for step in (3, 4):
        model.step.assign(step)
        checkpoints.save(model, tmp_path / "copy", keep=1)
    assert checkpoints.steps(tmp_path / "copy") == [4, 9]
    model.step.assign(10)
    checkpoints.save(model, tmp_path / "copy", keep=1)
    assert checkpoints.steps(tmp_path / "copy") == [9, 10]
    model.step.assign(0)


def test_another_model_is_said(two, tmp_path, caplog):
    _, whole = two
    before = everything(other := make_model("pix2pix"))
    with pytest.raises(UserError, match="another model: DCGAN there, Pix2P"):
        checkpoints.restore(other, whole)
    for old, new in zip(before, everything(other), strict=True):
        np.testing.assert_array_equal(old, new)
    rewritten(
        newest := shutil.copy(whole / "000002.keras", tmp_path),
        lambda members: of_config(
            members["config.json"].replace(
                b'"base_filters": 2', b'"base_filters": 4'
            )
        )(members),
    )
    # The weights tell, not what is written beside them.
    assert checkpoints.restore(make_model("dcgan"), tmp_path) == 2
    model = make_model("dcgan")
    rewritten(newest, with_weights(reshape_the_last))
    with pytest.raises(UserError, match="base_filters 4 there, 2 here"):
        checkpoints.restore(model, tmp_path)


def flip(path, count, seed=0):
    """Yield `count` times, with another bit of its directory turned."""
    whole = path.read_bytes()
    start = whole.rindex(b"PK\5\6")
    directory = int.from_bytes(whole[start + 16 : start + 20], "little")
    rng = np.random.default_rng(seed)
    for _ in range(count):
        place, bit = rng.integers(directory, len(whole)), rng.integers(8)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        yield place, bit


@pytest.mark.parametrize(
    "count", [15, pytest.param(1600, marks=pytest.mark.slow)]
)
def test_flipped_bits_of_the_directory(two, tmp_path, count):
    model, whole = two
    shutil.copytree(whole, tmp_path / "copy")
    for _ in flip(tmp_path / "copy" / "000002.keras", count):
        model.step.assign(0)
        assert checkpoints.restore(model, tmp_path / "copy") in (1, 2)
        assert int(model.step.numpy()) in (1, 2)
    model.step.assign(0)
