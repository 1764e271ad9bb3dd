"""Many images of a generator, kept small in files.

Labels are regressed on thousands of latent vectors. Their images are generated
once: a stopped run goes on, and one more label needs only its own network.
"""

import pathlib
import zipfile

import numpy as np

from keras_gans import files, images

CHUNK = 500  # images of a file


def kept(folder, count, generate, size):
    """Yield images, from files as far as they are there.

    Args:
        folder: path, of the files of this generator, these latents and this
            size alone.
        count: int, number of images.
        generate: function from a slice of `range(count)` to images, uint8
            `[rows, height, width, 3]`.
        size: int, pixels; larger images are scaled into squares of this side.

    Yields:
        uint8 `[rows, height, width, 3]`, `CHUNK` rows at most.

    Raises:
        OSError: if a file cannot be written.
    """
    for first in range(0, count, CHUNK):
        rows = slice(first, min(first + CHUNK, count))
        path = pathlib.Path(folder, f"{first:06d}_{rows.stop - first}.npz")
        chunk = _read(path)
        if chunk is None:
            chunk = generate(rows)
            if max(chunk.shape[1:3]) > size:
                chunk = np.stack([images.fit_square(i, size) for i in chunk])
            with files.whole(path) as unfinished:
                np.savez_compressed(unfinished, images=chunk)
        yield chunk


def _read(path):
    """Return the images of a file, or None if there is no whole one."""
    try:
        # Opened here: of a broken file NumPy leaves it open.
        with path.open("rb") as file, np.load(file) as arrays:
            return arrays["images"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
