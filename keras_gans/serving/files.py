"""Picture files in, picture files out, under their own names."""

import glob
import os
import pathlib
import typing

from PIL import Image

from keras_gans import files, images

# How each kind is written: what must lose something loses little. GIF, with
# its 256 colours, and whatever else there is become PNG.
_KINDS = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".png": ("PNG", {}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True}),
}


class Task(typing.NamedTuple):
    """A picture to translate, and where the result goes."""

    source: pathlib.Path
    target: pathlib.Path


def find(inputs, output, as_png=False):
    """Return the pictures that inputs name, and where their results go.

    Args:
        inputs: list of str: files, folders, with their subfolders, and
            patterns such as `photos/*.jpg`.
        output: folder of the results. A file goes there under its name, a
            picture of a folder under its path within.
        as_png: bool, whether every result is a PNG. Else each is of the kind
            of its picture, and PNG for GIF.

    Returns:
        list of `Task`, in the order of the inputs, then of names.

    Raises:
        ValueError: if an input names no picture, or two results would have
            one name, or one that of its picture.
    """
    tasks = {}
    for text in inputs:
        exists = os.path.exists(text)
        paths = [text] if exists else sorted(glob.glob(text, recursive=True))
        found = [pair for path in paths for pair in _pictures(path)]
        if not found:
            raise ValueError(
                "INPUT must be a picture, a folder of pictures, or a pattern "
                f"such as 'photos/*.jpg'. Received: {text!r}"
            )
        for source, name in found:
            target = pathlib.Path(output, name)
            if as_png or target.suffix.lower() not in _KINDS:
                target = target.with_suffix(".png")
            same = tasks.setdefault(target, Task(source, target)).source
            if same != source:
                raise ValueError(
                    "INPUT must name pictures whose results have different "
                    f"names. Received: {same} and {source}, both {target}"
                )
            if target.resolve() == source.resolve():
                raise ValueError(
                    "output must be another folder than that of the pictures. "
                    f"Received: {str(output)!r}"
                )
    return list(tasks.values())


def _pictures(path):
    """Yield the pictures at a path, each with its name below `path`."""
    path = pathlib.Path(path)
    if path.is_file():
        yield path, path.name
    for source in sorted(path.rglob("*")):
        if source.suffix.lower() in images.EXTENSIONS and source.is_file():
            yield source, source.relative_to(path)


def profile(path):
    """Return the colour profile of an RGB picture as bytes, or None."""
    with Image.open(path) as image:
        found = image.info.get("icc_profile") or b""
    # That of a CMYK or grey picture would be wrong for the RGB it becomes.
    return found if found[16:20] == b"RGB " else None


def write(path, pixels, icc_profile=None):
    """Write a picture as its extension says; whole or not at all.

    Args:
        path: `pathlib.Path`; folders are made as needed.
        pixels: uint8 `[height, width, 3]`.
        icc_profile: bytes or None, its colour profile.

    Raises:
        OSError: if it cannot be written.
    """
    kind, options = _KINDS[path.suffix.lower()]
    with files.whole(path) as unfinished:
        Image.fromarray(pixels).save(
            unfinished, kind, icc_profile=icc_profile, **options
        )
