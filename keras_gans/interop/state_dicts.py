"""Read and clean state dicts of PyTorch modules.

Only files that cannot run code are read.
"""

import contextlib
import functools
import importlib
import os
import pickle
import zipfile

import numpy as np

from keras_gans import files
from keras_gans.checks import UserError

_MOST_NAMES = 5000  # a hundred residual blocks have 1,400
_SCOPE = "::"  # between the name of a state dict and those in it
_ZOO_CLASS = "models.utils.config.BaseConfig"
_PARAMETERS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def variables(modules):
    """Return variables by PyTorch names, from layers by module name."""
    return {
        f"{module}.{_PARAMETERS[weight.name]}": weight
        for module, layer in modules.items()
        for weight in layer.weights
    }


def plain(arrays):
    """Return the arrays without `nn.DataParallel`'s prefix `module.`."""
    if not all(str(name).startswith("module.") for name in arrays):
        return arrays
    return {name.removeprefix("module."): a for name, a in arrays.items()}


def clean(arrays, modules):
    """Return the arrays without PyTorch entries that are not weights.

    Removes the prefix `module.` of `nn.DataParallel`, the counters of
    normalizations, and running statistics that our layers do not have.
    """
    unused = {
        f"{module}.{statistic}"
        for module, layer in modules.items()
        if "Normalization" in type(layer).__name__
        for statistic in ("running_mean", "running_var")
    }.difference(variables(modules))
    return {
        name: array
        for name, array in plain(arrays).items()
        if name not in unused and not str(name).endswith("num_batches_tracked")
    }


def read(path, scope=None):
    """Return the arrays of a state dict by name, in PyTorch's layout.

    Args:
        path: str, a file that ends in `.pth`, `.pt` or `.ckpt`
            (`torch.save`), `.safetensors` or `.npz`. Pickled code is refused,
            in `torch.save` files by PyTorch's `weights_only`.
        scope: str, the name of a state dict in a file of `torch.save` that
            holds several, such as `"netG"`; None for the only one.

    Raises:
        UserError: if the scope does not fit, the file does not exist, is not
            a state dict, or holds more numbers than any network.
        ImportError: if the package that reads such files is not installed.
    """
    return _arrays(path, scope, lambda shape, read: read())


def outline(path, scope=None):
    """Return the arrays of `read` as zeros that take no memory.

    Shows the content of a file before it is read.
    """
    return _arrays(path, scope, lambda shape, read: empty(shape))


def empty(shape):
    """Return an array of zeros of this shape that takes no memory."""
    return np.broadcast_to(np.float32(0), tuple(shape))


def _arrays(path, scope, make):
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _READERS:
        raise UserError(
            f"path must be a file that ends in {', '.join(EXTENSIONS)}. "
            f"Received: {path!r}"
        )
    if scope is not None and _READERS[suffix] is not _open_torch:
        raise ScopeError([], scope)
    if not os.path.isfile(path):
        raise UserError(f"path must be a file that exists. Received: {path!r}")
    try:
        with _READERS[suffix](path) as entries:
            # They are shown in errors, and may come from a stranger.
            if not all(isinstance(n, str) and n.isprintable() for n in entries):
                raise UserError("names that are no text")
            if len(entries) > _MOST_NAMES:
                raise UserError(f"{len(entries):,} names")
            files.check_count(shape for shape, _ in entries.values())
            entries = _within(scope, entries)
            return {name: make(*entry) for name, entry in entries.items()}
    except (ImportError, ScopeError):
        raise
    except Exception as error:
        # There is no end to what the parsers raise on damaged bytes: errors
        # of zip, zlib, struct, pickle, assertions.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"path must be the file of a state dict. Received: {path!r} "
            f"({reason})"
        ) from None


class ScopeError(UserError):
    """There is no such state dict; `scopes` are those that there are."""

    def __init__(self, scopes, scope):
        self.scopes = scopes
        super().__init__(
            f"scope must be one of {', '.join(scopes)}, the state dicts in "
            f"the file. Received: {scope!r}"
            if scopes
            else "scope is only for TensorFlow 1 checkpoints and files of "
            f"several networks. Received: scope={scope!r}"
        )


def _within(scope, entries):
    """Return the entries of one state dict by their own names."""
    scopes = [n.partition(_SCOPE)[0] for n in entries if _SCOPE in n]
    if not scopes and scope is None:
        return entries
    if scope not in scopes:
        raise ScopeError(sorted({*scopes}), scope)
    start = f"{scope}{_SCOPE}"
    return {
        name.removeprefix(start): entry
        for name, entry in entries.items()
        if name.startswith(start)
    }


class _Configuration:
    """Stands for the settings in files of pytorch_GAN_zoo; does nothing."""


@contextlib.contextmanager
def _open_torch(path):
    torch = _optional_import("torch", path)
    if torch.__version__ < (2, 6):
        # `weights_only` could be made to run code (CVE-2025-32434).
        raise ImportError(
            f"{path!r} needs torch from 2.6 up to be read safely. "
            f"Installed: {torch.__version__}"
        )
    with open(path, "rb") as file:
        is_zip = file.read(4) == b"PK\3\4"
    if is_zip:
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type for member in archive.infolist()):
                raise UserError("compressed, which torch.save does not do")
    else:
        # The format of before 1.6 is read as a whole, to see what it holds.
        files.check_size(path, 8 * files.MOST_NUMBERS)
    try:
        # From a mapped file only the parts that are used are read.
        with torch.serialization.safe_globals([(_Configuration, _ZOO_CLASS)]):
            state = torch.load(
                path, map_location="cpu", weights_only=True, mmap=is_zip
            )
    except pickle.UnpicklingError:
        # PyTorch's own message explains how to load it all the same.
        raise UserError("damaged, or more than tensors") from None
    if not isinstance(state, dict):
        raise UserError("not a dictionary of tensors")
    several = {n: s for n, s in state.items() if isinstance(s, dict) and s}
    if several:
        state = {
            f"{scope}{_SCOPE}{name}": value
            for scope, one in several.items()
            for name, value in one.items()
        }
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError("not a dictionary of tensors")

    def reader(tensor):
        # float(): NumPy has no bfloat16.
        return lambda: tensor.detach().float().numpy()

    yield {n: (tuple(v.shape), reader(v)) for n, v in state.items()}


@contextlib.contextmanager
def _open_safetensors(path):
    safetensors = _optional_import("safetensors", path)
    with safetensors.safe_open(path, framework="numpy") as file:
        yield {
            name: (
                file.get_slice(name).get_shape(),
                functools.partial(file.get_tensor, name),
            )
            for name in file.keys()
        }


def _optional_import(package, path):
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ImportError(
            f"{path!r} needs the package {package}: "
            "pip install keras_gans[torch]"
        ) from None


_READERS = {
    ".pth": _open_torch,
    ".pt": _open_torch,
    ".ckpt": _open_torch,
    ".safetensors": _open_safetensors,
    ".npz": files.open_npz,
}
EXTENSIONS = tuple(_READERS)
