"""Find image files to translate and write results under their names."""

import glob
import os
import pathlib
import typing
import unicodedata

from PIL import Image

from keras_gans import files, images
from keras_gans.checks import UserError

# How each kind is written: what must lose something loses little. GIF, with
# its 256 colors, and whatever else there is become PNG.
_KINDS = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".png": ("PNG", {}),
    ".bmp": ("BMP", {}),
    ".webp": ("WEBP", {"lossless": True}),
}


class Task(typing.NamedTuple):
    """An image to translate and the path of its result."""

    source: pathlib.Path
    target: pathlib.Path


def find(inputs, output, as_png=False, overwrite=False):
    """Find the images named by the inputs, and the paths of their results.

    A result never replaces an input image, even if links, case or Unicode
    spelling differ. Results in an output folder that lies within an input, or
    matches a pattern, are not inputs; as it may also hold originals, none of
    its files may be replaced.

    Args:
        inputs: list of str: files, folders, with their subfolders, and
            patterns such as `photos/*.jpg`.
        output: folder of the results. Files keep their names, images of a
            folder their paths within it.
        as_png: bool, whether every result is a PNG. Else each has the format
            of its image, and PNG for GIF.
        overwrite: bool, whether to replace existing results.

    Returns:
        list of `Task`, in the order of the inputs, then of names, without
        duplicates.

    Raises:
        UserError: if an input names no image, two results have the same name,
            or a result would replace an image.
    """
    output = pathlib.Path(files.expanded(output))
    if os.path.lexists(output) and not output.is_dir():
        raise UserError(
            f"output must be a folder. Received: {str(output)!r} (a file)"
        )
    sources, is_within = {}, False
    for text in inputs:
        count = 0
        for source, name, is_in_output in _named(files.expanded(text), output):
            is_within |= is_in_output
            if not is_in_output:
                count += 1
                sources.setdefault(os.path.abspath(source), (source, name))
        if not count:
            raise UserError(
                "INPUT must be an image, a folder of images, or a pattern such "
                "as 'photos/*.jpg', and output another folder. "
                f"Received: {text!r} and {str(output)!r}"
            )
    tasks, targets = [], {}
    for source, name in sources.values():
        task = Task(source, _target(output, name, as_png))
        same = targets.setdefault(files.same_name(task.target), task).source
        if same is source:
            tasks.append(task)
        elif files.identity(same) != files.identity(source):
            raise UserError(
                "INPUT must name images whose results have different names. "
                f"Received: {same} and {source}, both {task.target}"
            )
    originals = {files.identity(path) for path in sources}
    folders = {os.path.dirname(path) for path in sources}
    beside = {files.identity(folder) for folder in folders}
    for target in (task.target for task in tasks if task.target.is_file()):
        may_be_original = overwrite and (
            is_within or files.identity(target.parent) in beside
        )
        if may_be_original or files.identity(target) in originals:
            raise UserError(
                "output must be another folder than that of the images, so "
                f"that none is replaced. Received: {str(output)!r}, where "
                f"{str(target)!r} is there"
            )
    return tasks


def _named(text, output):
    """Yield the images named by an input.

    Yields:
        `(path, name, is_in_output)`: `pathlib.Path` of an image; its name in
        the results; whether it lies in the output folder, below the input
        (for patterns, below a matching folder), and so is a result.
    """
    here = files.identity(output)

    def is_in_output(*folders):
        return here is not None and here in map(files.identity, folders)

    if os.path.isfile(text):
        yield pathlib.Path(text), os.path.basename(text), False
    elif os.path.isdir(text):
        inside = {"": is_in_output(text)}
        for name in files.listing(text):
            if os.path.splitext(name)[1].lower() in images.EXTENSIONS:
                path, parent = pathlib.Path(text, name), os.path.dirname(name)
                if parent not in inside:
                    above = path.parents[: name.count("/") + 1]
                    inside[parent] = is_in_output(*above)
                yield path, name, inside[parent]
    else:
        for path, folders in _matches(text):
            if is_in_output(*folders, path):
                yield path, path.name, True
            else:
                yield from _named(os.fspath(path), output)


def _matches(pattern):
    """Yield the matches of a pattern, and the folders that it fills in.

    Skips what `files.listing` skips, unless the pattern names it.
    """
    parts = pathlib.PurePath(pattern).parts
    fixed = [glob.escape(part) == part for part in (*parts, "*")].index(False)
    is_hidden = not all(map(files.is_listed, parts[fixed:]))
    for path in map(pathlib.Path, sorted(glob.glob(pattern, recursive=True))):
        below = path.parts[fixed:]
        if path.exists() and (is_hidden or all(map(files.is_listed, below))):
            yield path, path.parents[: max(len(below) - 1, 0)]


def _target(output, name, as_png):
    target = output / name
    if as_png or target.suffix.lower() not in _KINDS:
        target = target.with_suffix(".png")
    return target


def is_there(target):
    """Return whether there is a result, in either spelling of its name."""
    names = (unicodedata.normalize(f, target.name) for f in ("NFC", "NFD"))
    return any(p.is_file() for p in (target, *map(target.with_name, names)))


def profile(path):
    """Return the color profile of an RGB image as bytes, or None."""
    with Image.open(path) as image:
        found = image.info.get("icc_profile") or b""
    # That of a CMYK or gray image would be wrong for the RGB it becomes.
    return found if found[16:20] == b"RGB " else None


def write(path, pixels, icc_profile=None):
    """Write an image in the format of its extension, atomically.

    Args:
        path: `pathlib.Path`; folders are made as needed.
        pixels: uint8 `[height, width, 3]`.
        icc_profile: bytes or None, its color profile.

    Raises:
        UserError: if a folder or another non-file is there.
        OSError: if it cannot be written.
    """
    if os.path.lexists(path) and not path.is_file():
        raise UserError(f"{path} is there, and no file")
    kind, options = _KINDS[path.suffix.lower()]
    with files.whole(path) as unfinished:
        Image.fromarray(pixels).save(
            unfinished, kind, icc_profile=icc_profile, **options
        )
