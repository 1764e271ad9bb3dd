"""List the images of folders, tensorflow_datasets, drawn faces and arrays.

Each function here returns `Pictures` of all images.
"""

import collections
import difflib
import os
import pathlib
import re

import numpy as np

from keras_gans import files, images
from keras_gans.checks import UserError, shown
from keras_gans.datasets import headers
from keras_gans.datasets.pictures import Pictures
from keras_gans.faces.identities import FIRST_OF_CLASSIFIER

_RULE = (
    "a folder of images, tfds:NAME/CONFIG@SPLIT, or "
    "faces:photo, faces:anime or faces:sketch"
)
_HALVES = ("left", "right")


def arrays(arrays, load_size, name, cache_bytes=0):
    """Use uint8 images `[height, width, 3]` unchanged."""
    try:
        arrays = [np.asarray(array) for array in arrays]
    except (TypeError, ValueError):  # a single number, or ragged ones
        arrays = []
    wrong = [
        f"{array.dtype} {list(array.shape)}"
        for array in arrays
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3
    ]
    if wrong or not arrays:
        raise UserError(
            f"{name} must be uint8 images [height, width, 3], at least one. "
            f"Received: {wrong[0] if wrong else 'none'}"
        )
    return Pictures(
        [f"{name}[{i}]" for i in range(len(arrays))],
        lambda i: images.fit_square(arrays[i], load_size),
        load_size,
        "images in memory",
        lambda: [
            images.Header("array", "RGB", array.shape[1], array.shape[0])
            for array in arrays
        ],
        may_break=False,
        argument=name,
        cache_bytes=cache_bytes,
    )


def faces(spec, load_size, name, indices, seed=0, cache_bytes=0):
    """Draw the faces with these numbers, or as many as the spec says.

    Numbers that are a range go on beyond its end, to those of the classifier.
    """
    from keras_gans.faces import drawing

    style, at, count = spec.removeprefix("faces:").partition("@")
    if style not in drawing.STYLES:
        raise UserError(
            f"{name} must be faces: and one of "
            f"{', '.join(drawing.STYLES)}. Received: {spec!r}"
        )
    if at:
        most = len(indices)
        if isinstance(indices, range):
            further = range(indices.start, FIRST_OF_CLASSIFIER, indices.step)
            most = max(most, len(further))
        if not count.isdecimal() or not 1 <= int(count) <= most:
            raise UserError(
                f"{name} must be faces:{style}@COUNT with a count from 1 to "
                f"{most}. Received: {spec!r}"
            )
        indices = first(indices, int(count))
    return drawn(style, load_size, name, indices, seed, cache_bytes)


def first(indices, count):
    """Return the first numbers of faces; a range goes on beyond its end."""
    if isinstance(indices, range):
        start, step = indices.start, indices.step
        return range(start, start + step * count, step)
    return indices[:count]


def drawn(style, load_size, name, indices, seed=0, cache_bytes=0):
    """Draw the faces with these numbers in a style of `faces.drawing`."""
    from keras_gans.faces import drawing

    if not len(indices) or min(indices) < 0:
        raise UserError(
            "face_indices must be at least one int, none negative. "
            f"Received: {indices!r}"
        )

    def decode(i):
        size = drawing.drawn_size(load_size)
        face = drawing.draw(indices[i], style, size, seed)
        return face if size == load_size else images.fit_square(face, load_size)

    header = images.Header("drawing", "RGB", load_size, load_size)
    return Pictures(
        [f"faces:{style}[{i}]" for i in indices],
        decode,
        load_size,
        f"drawn faces, {style}",
        lambda: [header] * len(indices),
        may_break=False,
        style=style,
        argument=name,
        cache_bytes=cache_bytes,
    )


def folder(spec, load_size, name, cache_bytes=0, has_classes=False):
    """List a folder and its subfolders, or one half of its images.

    With `has_classes`, folders a and b may be two classes.
    """
    half = spec.rpartition("#")[2]
    folder = files.expanded(spec)
    # From os.path, as methods of Path raise if a name is too long.
    if half in _HALVES and not os.path.exists(folder):
        return _half(spec[: -len(half) - 1], half, load_size, name, cache_bytes)
    if not os.path.exists(folder):
        prefix = r"[A-Za-z]\w+:"  # not the one letter of a Windows drive
        problem = "unknown prefix" if re.match(prefix, spec) else "missing"
        raise UserError(
            f"{name} must be {_RULE}. Received: {spec!r} ({problem})"
        )
    folder = str(pathlib.Path(folder))
    if not os.path.isdir(folder):
        raise UserError(
            f"{name} must be a folder of images. Received: {spec!r} (a file)"
        )
    found = files.listing(folder)
    extensions = [os.path.splitext(file)[1].lower() for file in found]
    names = [
        file
        for file, extension in zip(found, extensions, strict=True)
        if extension in images.EXTENSIONS
    ]
    others = collections.Counter(extensions)
    for extension in images.EXTENSIONS:
        del others[extension]
    _refuse_parent_of_sides(folder, name, has_classes)
    if not names:
        seen = others.most_common(5)
        seen = ", ".join(f"{n} {extension or 'none'}" for extension, n in seen)
        raise UserError(
            f"{name} must be a folder with images in it or its subfolders "
            f"({', '.join(e[1:] for e in images.EXTENSIONS)}). Received: "
            f"{spec!r} with {len(found)} files" + (f" ({seen})" if seen else "")
        )

    def decode(i):
        path = os.path.join(folder, names[i])
        return images.read(path, size=load_size, name=names[i])

    return Pictures(
        names,
        decode,
        load_size,
        f"images in {folder}",
        lambda: headers.read(folder, names),
        folder=folder,
        other_files=others,
        argument=name,
        cache_bytes=cache_bytes,
    )


def _half(spec, half, load_size, name, cache_bytes):
    """List the left or right halves of the images in a folder."""
    whole = folder(spec, None, name)

    def halved(name, header):
        if isinstance(header, str):
            return header
        if header.width % 2:
            return (
                f"{shown(name)}: has no halves, as it is {header.width} pixels "
                "wide"
            )
        return header._replace(width=header.width // 2)

    def decode(i):
        image = whole.read(i)
        middle = image.shape[1] // 2
        image = image[:, :middle] if half == "left" else image[:, middle:]
        if load_size is None:
            return image
        return images.fit_square(image, load_size)

    return Pictures(
        whole.names,
        decode,
        load_size,
        f"{half} halves of images in {whole.folder}",
        lambda: list(map(halved, whole.names, whole.headers)),
        folder=whole.folder,
        other_files=whole.other_files,
        argument=name,
        cache_bytes=cache_bytes,
    )


def _refuse_parent_of_sides(folder, name, has_classes):
    """Raise if the folder holds the folders of both sides, not one side."""
    names = files.subfolders(folder)
    # Folders a, b, c and so on may be classes; a and b alone are two sides.
    has_classes = has_classes or not {"c", "C"}.isdisjoint(names)
    pattern = "(train|test|val)_?a" + ("" if has_classes else "|a")
    # From the end, as of the usual names trainA is the one to give.
    for side_a in reversed(names):
        if not re.fullmatch(pattern, side_a, re.IGNORECASE):
            continue
        side_b = side_a[:-1] + chr(ord(side_a[-1]) + 1)
        if side_b in names:
            raise UserError(
                f"{name} must be the folder of one side. Received: "
                f"{folder!r}, which looks like the folder above both "
                "sides: give "
                + (
                    f"data={folder}, or "
                    f"data_a={pathlib.Path(folder, side_a)} "
                    f"and data_b={pathlib.Path(folder, side_b)}"
                    if name in ("data_a", "data_b")
                    else f"{name}={pathlib.Path(folder, side_a)}"
                )
            )


def _unknown(spec, name, what, choices):
    choices = ", ".join(choices)
    return UserError(
        f"{name} must be tfds:NAME/CONFIG@SPLIT, with :VERSION before @ for "
        "another version and with #FEATURE for another feature than image, "
        f"with a known {what}"
        + (f" ({choices})" if choices else "")
        + f". Received: {spec!r}"
    )


def tensorflow_builder(spec, name):
    """Return the builder of a data set of the installed catalog.

    `tfds.builder` would read more from a name: builder arguments such as the
    data folder, namespaces of community data sets, and, with a version, class
    names stored in data files. Here only catalog classes with one of their
    listed configurations are built.

    Args:
        spec: str, `"tfds:NAME[/CONFIG][:VERSION]@SPLIT[#FEATURE]"`.
        name: str, the argument name for errors.

    Returns:
        `(builder, split, feature)`; the feature is `"image"` if none is
        given.

    Raises:
        UserError: in one line, if there is no such data set.
    """
    import tensorflow_datasets as tfds

    whole, _, feature = spec.removeprefix("tfds:").partition("#")
    path, _, split = whole.partition("@")
    path, mark, version = path.partition(":")
    dataset, slash, config = path.partition("/")
    known = tfds.list_builders(with_community_datasets=False)
    if dataset not in known:
        near = difflib.get_close_matches(dataset, known, n=5)
        raise _unknown(spec, name, "name", near)
    builder = tfds.builder_cls(dataset)
    if slash and config not in builder.builder_configs:
        raise _unknown(spec, name, "config", builder.builder_configs)
    wrong = _unknown(spec, name, "version", [str(builder.VERSION)])
    if mark and not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise wrong
    try:
        made = builder(config=config or None, version=version or None)
    except AssertionError as error:  # by which versions are checked
        if mark:
            raise wrong from error
        raise
    return made, split, feature or "image"


def tensorflow_dataset(spec, load_size, name, cache_bytes=0):
    """Prepare a data set, with a download if needed; keep encoded bytes."""
    import tensorflow_datasets as tfds

    builder, wanted, feature = tensorflow_builder(spec, name)

    def error(what, choices):
        return _unknown(spec, name, what, choices)

    info = builder.info
    features = dict(getattr(info.features, "items", list)())
    pictures = [
        key
        for key, kind in features.items()
        if isinstance(kind, tfds.features.Image)
    ]
    if not pictures:
        raise error("name, one with images", ())
    if feature not in pictures:
        raise error("feature", pictures)
    base = re.split(r"[\[+]", wanted)[0]
    # Some builders know their splits only once they are prepared.
    if not re.fullmatch(r"\w[\w.:%+\[\]-]*", wanted) or (
        info.splits and base not in (*info.splits, "all")
    ):
        raise error("split", info.splits)
    try:
        builder.download_and_prepare()
    except (
        AssertionError,  # that it is to be downloaded by hand, and how
        tfds.download.DownloadError,
        tfds.download.download_manager.NonMatchingChecksumError,
    ) as wrong:
        reason = " ".join(str(wrong).split())
        raise UserError(
            f"{name} must be a data set that can be prepared. Received: "
            f"{spec!r}: {reason}"
        ) from wrong
    # Encoded bytes take less memory, and one path through `images.read`.
    decoders = tfds.decode.PartialDecoding(
        {feature: True}, decoders={feature: tfds.decode.SkipDecoding()}
    )
    try:
        examples = builder.as_dataset(split=wanted, decoders=decoders)
    except (ValueError, AssertionError) as wrong:
        raise error("split", info.splits) from wrong
    encoded = [example[feature] for example in tfds.as_numpy(examples)]
    names = [f"{spec}[{i}]" for i in range(len(encoded))]

    def header(i):
        try:
            return images.check(encoded[i], name=names[i])
        except UserError as broken:
            return str(broken)

    return Pictures(
        names,
        lambda i: images.read(encoded[i], size=load_size, name=names[i]),
        load_size,
        f"images from {spec}",
        lambda: [header(i) for i in range(len(names))],
        argument=name,
        cache_bytes=cache_bytes,
    )
