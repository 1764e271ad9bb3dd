"""Train the classifier of drawn faces once and cache it.

It is trained in a separate process, on the CPU and from a fixed seed, so that
it is always the same network and does not affect the random numbers of a run.
"""

import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import keras

import keras_gans.layers  # noqa: F401, so that Keras finds them in a file
from keras_gans import files
from keras_gans.checks import UserError

# Code that makes the network, beside the module that trains it.
_MADE_OF = (
    *("faces/drawing/*.py", "faces/identities.py", "models/attributes.py"),
    *("networks/attributes.py", "layers/normalization.py", "layers/random.py"),
)
_PACKAGE = pathlib.Path(files.__file__).parent
_CODE = """
import sys
import keras
import tensorflow as tf
from {module} import {name} as train
keras.utils.set_random_seed(0)
tf.config.experimental.enable_op_determinism()
train(int(sys.argv[1]), style=sys.argv[2]).save(sys.argv[3])
"""


def trained(train, image_size, style, folder=None):
    """Return the classifier, from the cache if possible.

    Args:
        train: module-level function from `(image_size, style=...)` to a
            `keras.Model`.
        image_size: int, pixels.
        style: str, style of the drawings.
        folder: path of the cache, or None.

    Raises:
        UserError: in one line, if training fails.
    """
    if not inspect.isfunction(train) or not train.__qualname__.isidentifier():
        raise UserError(
            "train must be a function at the top of a module, such as "
            f"keras_gans.faces.edits.train_classifier. Received: {train!r}"
        )
    # A change of the code makes another file.
    name = f"faces-{style}-{image_size}-{_digest(train)}.keras"
    place = folder and pathlib.Path(files.expanded(folder), "extractors", name)
    if place and place.exists():
        return _load(place)
    with tempfile.TemporaryDirectory() as beside:
        path = pathlib.Path(beside, name)
        _train(train, image_size, style, path)
        if place:
            _keep(path, place)
        return _load(path)


def _digest(train):
    paths = [pathlib.Path(inspect.getfile(train))]
    for pattern in _MADE_OF:
        paths += sorted(_PACKAGE.glob(pattern))
    code = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(code).hexdigest()[:8]


def _train(train, image_size, style, path):
    code = _CODE.format(module=train.__module__, name=train.__qualname__)
    done = subprocess.run(
        [sys.executable, "-c", code, str(image_size), style, str(path)],
        env={
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = (done.stderr.strip() or "no reason").splitlines()[-1]
        raise UserError(
            f"extractor faces could not be trained at image_size {image_size} "
            f"and style {style!r} ({reason})"
        )


def _keep(path, place):
    try:
        with files.whole(place) as unfinished:
            shutil.copy(path, unfinished)
    except OSError:
        pass  # no room or no right to write: the next run trains again


def _load(path):
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise UserError(
            f"extractor faces must be a whole file; delete {path} "
            f"({type(error).__name__})"
        ) from error
