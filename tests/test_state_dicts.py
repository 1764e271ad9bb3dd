"""Files of PyTorch state dicts: read, refused, and never run."""

import io
import pathlib
import pickle
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from keras_gans import interop, networks
from keras_gans.interop import state_dicts
from tests.test_interop import PYTORCH, assert_loaded, reference_arrays


@pytest.fixture
def discriminator():
    return networks.patch_discriminator(
        base_filters=2, num_layers=1, norm="batch", name="discriminator"
    )


def test_npz_file(discriminator, tmp_path):
    arrays, values = reference_arrays(discriminator, PYTORCH)
    path = tmp_path / "latest_net_D.npz"
    np.savez(path, **arrays)
    interop.load_reference(discriminator, path, source=PYTORCH)
    assert_loaded(discriminator, PYTORCH, values)


def test_safetensors_file(discriminator, tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays, values = reference_arrays(discriminator, PYTORCH)
    path = tmp_path / "latest_net_D.safetensors"
    safetensors.save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        path,
    )
    interop.load_reference(discriminator, str(path), source=PYTORCH)
    assert_loaded(discriminator, PYTORCH, values)


@pytest.mark.parametrize("zipped", [True, False])
def test_pth_file(discriminator, tmp_path, zipped):
    torch = pytest.importorskip("torch")
    arrays, values = reference_arrays(discriminator, PYTORCH)
    state = {
        name: torch.from_numpy(np.ascontiguousarray(array))
        for name, array in arrays.items()
    }
    state["model.3.num_batches_tracked"] = torch.tensor(7)
    path = tmp_path / "latest_net_D.pth"
    # The published files are older than PyTorch's zip format.
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    interop.load_reference(discriminator, path, source=PYTORCH)
    assert_loaded(discriminator, PYTORCH, values)


class _Stranger:
    """Pickles to a call, as a malicious checkpoint would."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


def test_pth_file_cannot_run_code(discriminator, tmp_path):
    torch = pytest.importorskip("torch")
    proof = tmp_path / "ran"
    path = tmp_path / "stranger.pth"
    torch.save({"model.0.weight": _Stranger(proof)}, path)
    with pytest.raises(ValueError, match="file of a state dict.*stranger"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    torch.save(_Stranger(proof), path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="file of a state dict.*stranger"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(ValueError, match="not a dictionary of tensors"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    assert not proof.exists()


def test_pytorch_whose_safe_loading_is_not_safe(
    discriminator, tmp_path, monkeypatch
):
    torch = pytest.importorskip("torch")
    path = tmp_path / "latest_net_D.pth"
    torch.save({}, path)
    old = type(torch.__version__)("2.5.1")
    monkeypatch.setattr(torch, "__version__", old)
    with pytest.raises(ImportError, match=r"torch from 2\.6 up.*2\.5\.1"):
        interop.load_reference(discriminator, path, source=PYTORCH)


def test_npz_file_cannot_run_code(discriminator, tmp_path):
    proof = tmp_path / "ran"
    path = tmp_path / "stranger.npz"
    array = np.empty(1, object)
    array[0] = _Stranger(proof)
    np.savez(path, **{"model.0.weight": array})
    with pytest.raises(ValueError, match="file of a state dict.*stranger"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    path.write_bytes(pickle.dumps(_Stranger(proof)))
    with pytest.raises(ValueError, match="file of a state dict.*stranger"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    assert not proof.exists()


@pytest.mark.parametrize(
    "suffix,package", [(".pth", "torch"), (".safetensors", "safetensors")]
)
def test_file_whose_package_is_not_installed(
    discriminator, tmp_path, monkeypatch, suffix, package
):
    path = tmp_path / f"latest_net_D{suffix}"
    path.touch()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{package}.*keras_gans\[torch\]"):
        interop.load_reference(discriminator, path, source=PYTORCH)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pth"])
def test_file_that_is_none(discriminator, tmp_path, suffix):
    if suffix != ".npz":
        pytest.importorskip({".pth": "torch"}.get(suffix, "safetensors"))
    path = tmp_path / f"broken{suffix}"
    for content in (b"", b"no state dict at all"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="file of a state dict.*broken"):
            interop.load_reference(discriminator, path, source=PYTORCH)


def test_path_errors(discriminator, tmp_path):
    for path, scope, message in (
        ("latest_net_D.h5", None, r"ends in \.pth, .*\.npz.*latest_net_D\.h5"),
        ("latest_net_D.pth", None, r"file that exists.*latest_net_D\.pth"),
        ("latest_net_D.npz", "D", "scope is only for TensorFlow 1.*'D'"),
    ):
        with pytest.raises(ValueError, match=message):
            interop.load_reference(
                discriminator, tmp_path / path, source=PYTORCH, scope=scope
            )


def npy(shape, dtype="<f4", version=b"\1\0"):
    """Return the header of a file of such an array, and no more."""
    buffer = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    content = buffer.getvalue()
    return content[:6] + version + content[8:]


ZEROS = b"\0" * 2**26
BOMBS = {
    "declared": {"model.0.weight.npy": npy((2**28, 4))},
    "other shape": {"model.0.weight.npy": npy((2**24,)) + ZEROS},
    "no array": {"model.0.weight": ZEROS},
    "surplus": {"more.npy": npy((2**24,)) + ZEROS},
    "another header": {"model.0.weight.npy": npy((1,), version=b"\2\0")},
    "long header": {"x.npy": b"\x93NUMPY\2\0\xff\xff\xff\x3f" + ZEROS},
    "text": {"model.0.weight.npy": npy((2,), "<U90000000")},
    "below nothing": {"model.0.weight.npy": npy((-(2**30), 4))},
    "many": {f"{i}.npy": npy((0,)) for i in range(5001)},
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_npz_that_is_far_larger_than_the_network(discriminator, tmp_path, bomb):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in BOMBS[bomb].items():
            archive.writestr(name, content)
    before = discriminator.get_weights()
    tracemalloc.start()
    with pytest.raises(ValueError, match="arrays must be|file of a state dict"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()
    for old, new in zip(before, discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pth_that_is_far_larger_than_the_network(discriminator, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "bomb.pth"
    # One number that counts as 10**12.
    large = torch.zeros(1, dtype=torch.bfloat16).expand(10**6, 10**6)
    torch.save({"model.0.weight": large}, path)
    with pytest.raises(ValueError, match="1,000,000,000,000 numbers, at most"):
        interop.load_reference(discriminator, path, source=PYTORCH)
    torch.save({"model.0.weight": torch.zeros(2**20)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="compressed, which torch.save"):
        interop.load_reference(discriminator, path, source=PYTORCH)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pth"])
def test_an_outline_has_the_shapes_and_takes_no_memory(tmp_path, suffix):
    arrays = {"a": np.ones((3, 2), "float32"), "b": np.ones((), "int64")}
    path = str(tmp_path / f"file{suffix}")
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".pth":
        torch = pytest.importorskip("torch")
        torch.save({n: torch.tensor(a) for n, a in arrays.items()}, path)
    else:
        pytest.importorskip("safetensors.numpy").save_file(arrays, path)
    outline = state_dicts.outline(path)
    assert {n: a.shape for n, a in outline.items()} == {"a": (3, 2), "b": ()}
    assert not any(outline["a"].strides)
    for name, array in state_dicts.read(path).items():
        np.testing.assert_array_equal(array, arrays[name])
