"""Export a model as a SavedModel that takes and gives plain pictures."""

import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

from keras_gans import images

# Largest difference, in grey levels, that the reloaded export may show.
_TOLERANCE = 1


def export(model, folder, samples):
    """Write the next version of a SavedModel and compare it with the model.

    The version is written beside its place and renamed when it is whole and
    has given the same pixels, so that a server which watches `folder` never
    sees half of one.

    Args:
        model: a model with `serving_signatures()`, `image_size`.
        folder: where the versions live, such as `saved_models/cyclegan`.
        samples: uint8 `[batch, height, width, 3]`, pictures to compare on.

    Returns:
        `pathlib.Path` of the version, such as `saved_models/cyclegan/1`.

    Raises:
        RuntimeError: if the export gives other pixels than the model.
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    beside = pathlib.Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        signatures = {
            name: _on_pictures(function, model.image_size)
            for name, function in model.serving_signatures().items()
        }
        _write(signatures, beside)
        _compare(beside, signatures, samples)
        # The 0700 of a temporary folder would lock other users' servers out.
        beside.chmod(0o755)
        return _publish(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write(signatures, path):
    """Save functions with just the variables that they read."""
    specification = tf.TensorSpec((None, None, None, 3), tf.uint8, "images")
    concrete = {
        name: tf.function(function).get_concrete_function(specification)
        for name, function in signatures.items()
    }
    module = tf.Module()
    module.weights = [
        variable
        for function in concrete.values()
        for variable in function.graph.variables
    ]
    tf.saved_model.save(module, path, signatures=concrete)


def _on_pictures(function, image_size):
    """Wrap a function on [-1, 1] into one on uint8 pictures of any size."""

    def on_pictures(pictures):
        size = tf.shape(pictures)[1:3]
        inputs = _resize(images.to_float(pictures), [image_size, image_size])
        outputs = _resize(function(inputs), size)
        return {"images": images.to_uint8(outputs)}

    return on_pictures


def _resize(pictures, size):
    return tf.cond(
        tf.reduce_all(tf.shape(pictures)[1:3] == size),
        lambda: pictures,
        lambda: tf.clip_by_value(
            tf.image.resize(pictures, size, "bicubic", antialias=True), -1, 1
        ),
    )


def _compare(path, signatures, samples):
    loaded = tf.saved_model.load(path)
    for name, function in signatures.items():
        pictures = tf.constant(samples)
        # In a graph, as training ran: there TensorFlow fuses operations that
        # it takes one by one outside, and bfloat16 rounds between each.
        expected = tf.function(function)(pictures)["images"].numpy()
        actual = loaded.signatures[name](images=pictures)["images"].numpy()
        difference = np.abs(actual.astype(int) - expected.astype(int)).max()
        if difference > _TOLERANCE:
            raise RuntimeError(
                f"export {name!r} must give the model's pixels within "
                f"{_TOLERANCE} grey level. Largest difference: {difference}; "
                "nothing was published"
            )


def _publish(beside, folder):
    """Rename to the next free version number."""
    version = 1 + max(
        (int(p.name) for p in folder.iterdir() if p.name.isdecimal()),
        default=0,
    )
    while True:
        try:
            # Onto a folder with content this fails, so that no version is
            # ever replaced, also when two runs publish at once.
            os.rename(beside, folder / str(version))
            return folder / str(version)
        except OSError:
            if not (folder / str(version)).exists():
                raise
            version += 1
