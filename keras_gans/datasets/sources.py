"""Open a source: a folder, a data set, drawn faces or arrays."""

from keras_gans import checks
from keras_gans.datasets import listings
from keras_gans.datasets.listings import drawn

__all__ = ["FACES", "default_load_size", "drawn", "open_source", "scheme"]

# Identities of drawn faces where none are given.
FACES = range(0, 4000, 2)


def scheme(spec):
    """Return the type of a source: array, tfds, faces or folder."""
    if isinstance(spec, list | tuple) or hasattr(spec, "__array__"):
        return "array"
    start = str(spec).partition(":")[0]
    return (
        start if start in ("tfds", "faces") and ":" in str(spec) else "folder"
    )


def open_source(
    spec,
    load_size,
    name="data_a",
    seed=0,
    cache_bytes=1 << 30,
    face_indices=FACES,
):
    """Open the images of one domain without decoding them.

    Args:
        spec: path of a folder, searched with its subfolders, or with
            `#left` or `#right` appended for the halves of its images;
            `"tfds:NAME/CONFIG@SPLIT"`, with `#FEATURE` for a feature other
            than `image`; `"faces:photo"`, `"faces:anime"` or
            `"faces:sketch"`, with `@COUNT` for fewer or more of them; or
            uint8 images `[height, width, 3]` as an array, a tensor or a list,
            also of Pillow's.
        load_size: int, height and width in pixels.
        name: str, the argument name for errors.
        seed: int, seed of the drawn faces.
        cache_bytes: int, most memory for decoded images. Those that do not
            fit are decoded again on each use.
        face_indices: sequence of int, identities of the drawn faces. For
            more of them a range goes on beyond its end.

    Returns:
        `Pictures` with readable headers.

    Raises:
        UserError: in one line, if there is nothing to read.
    """
    checks.at_least(1, load_size=load_size)
    checks.seed(seed)
    kind = scheme(spec)
    if kind == "array":
        pictures = listings.arrays(spec, load_size, name, cache_bytes)
    elif kind == "tfds":
        pictures = listings.tensorflow_dataset(
            spec, load_size, name, cache_bytes
        )
    elif kind == "faces":
        pictures = listings.faces(
            spec, load_size, name, face_indices, seed, cache_bytes
        )
    else:
        pictures = listings.folder(str(spec), load_size, name, cache_bytes)
    return pictures.whole()


def default_load_size(image_size):
    """Return the size of images before the random crop.

    286 for 256 as in pix2pix and CycleGAN, which also gives the article's
    72 for 64, and 143 for 128.
    """
    return (image_size * 286 + 128) // 256
