"""Read labels from tables, folders, tensorflow_datasets, faces or arrays.

Each function here returns a `Source`.
"""

import os
import pathlib
import typing

import numpy as np

from keras_gans.checks import UserError
from keras_gans.datasets import listings, sources, tables
from keras_gans.datasets.pictures import Pictures
from keras_gans.files import expanded, is_listed, same_name

FACES = range(4000)
# The labels of the StarGAN paper on CelebA.
_FACE_LABELS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
_CELEBA = ("list_attr_celeba.txt", "list_attr_celeba.csv")
_SHOWN = 4  # values, in an error
_SPLITS = {"train", "training", "test", "val", "valid", "validation"}


class Source(typing.NamedTuple):
    """Images, as an `open_source` argument, and their table of labels.

    Attributes:
        spec: argument of `open_source`.
        table: `tables.Table`.
        default: list of str or None, the default labels; None for the classes
            of the only column.
        pictures: `Pictures` if already opened, else None.
        without: list of str, names in rows without a file.
    """

    spec: object
    table: tables.Table
    default: typing.Sequence | None = None
    pictures: Pictures | None = None
    without: typing.Sequence = ()


def find(spec, table, labels, load_size, name, seed, cache_bytes):
    """Find the table of a data set; arguments as in `open_labelled`."""
    kind = sources.scheme(spec)
    if kind == "folder":
        return _folder(str(spec), table, labels, load_size, name, cache_bytes)
    if table is not None:
        raise UserError(
            f"table must be None where {name} is no folder. "
            f"Received: {str(table)!r}"
        )
    if kind == "array":
        return _arrays(spec, labels, name)
    if kind == "faces":
        return _faces(spec, load_size, name, seed)
    return _tensorflow_dataset(spec, load_size, name, seed, cache_bytes)


def _arrays(spec, labels, name):
    rule = (
        f"{name} must be a pair (images, labels) of equal length, the labels "
        "[count, num_labels] of 0 and 1 or [count] of classes. Received: "
    )
    try:
        if hasattr(spec, "__array__"):
            raise TypeError("one array")
        pictures, values = spec
        count, values = len(pictures), np.asarray(values)
    except (TypeError, ValueError) as error:  # no two, no list, or ragged
        raise UserError(f"{rule}no such pair ({error})") from error
    if values.ndim not in (1, 2) or len(values) != count:
        raise UserError(f"{rule}{count} images and shape {list(values.shape)}")
    names = [f"{name}[{i}]" for i in range(count)]
    if values.ndim == 1:
        classes = values.tolist()
        # NaN, which alone differs from itself, is a missing value.
        columns = {"class": [str(c) if c == c else "" for c in classes]}
        return Source(pictures, tables.Table("the array", names, columns))
    labels = labels or [str(i) for i in range(values.shape[1])]
    others = values[~np.isin(values, (0, 1))].tolist()
    if len(labels) != values.shape[1] or others:
        raise UserError(
            f"{rule}shape {list(values.shape)} for the labels "
            f"{', '.join(labels)}, other values {others[:_SHOWN]}"
        )
    columns = dict(zip(labels, values.T.astype(np.float32), strict=True))
    return Source(pictures, tables.Table("the array", names, columns), labels)


def _faces(spec, load_size, name, seed):
    from keras_gans.faces import drawing

    names = listings.faces(spec, load_size, name, FACES).names
    indices = listings.first(FACES, len(names))
    values = drawing.attribute_table(indices, seed)
    values = values.astype(np.float32)
    columns = dict(zip(drawing.ATTRIBUTES, values.T, strict=True))
    table = tables.Table("the drawn faces", names, columns)
    return Source(spec, table, _FACE_LABELS)


def _tensorflow_dataset(spec, load_size, name, seed, cache_bytes):
    """Read the truth values and classes of a split, in image order."""
    # First, as it says what is wrong with the name, and downloads.
    pictures = sources.open_source(spec, load_size, name, seed, cache_bytes)
    import tensorflow_datasets as tfds

    builder, split, _ = listings.tensorflow_builder(spec, name)

    def is_label(feature):
        return isinstance(feature, tfds.features.ClassLabel) or (
            feature.shape == () and feature.np_dtype == np.bool_
        )

    # `attributes` of CelebA is a dict of truth values.
    wanted, found = {}, {}
    for key, feature in builder.info.features.items():
        # Not of a sequence, such as of the objects in an image.
        is_dict = isinstance(feature, tfds.features.FeaturesDict)
        inner = dict(feature.items()) if is_dict else {}
        chosen = {k: f for k, f in inner.items() if is_label(f)}
        if chosen:
            wanted[key] = dict.fromkeys(chosen, True)
            found |= {k: ((key, k), f) for k, f in chosen.items()}
        elif not inner and is_label(feature):
            wanted[key] = True
            found[key] = ((key,), feature)
    if not found:
        raise UserError(
            f"{name} must be a data set with truth values or classes. "
            f"Received: {spec!r} with {', '.join(builder.info.features)}"
        )
    examples = builder.as_dataset(
        split=split, decoders=tfds.decode.PartialDecoding(wanted)
    )
    cells = {label: [] for label in found}
    for example in tfds.as_numpy(examples):
        for label, (place, _) in found.items():
            value = example
            for key in place:
                value = value[key]
            cells[label].append(int(value))
    columns = {
        label: ["" if c < 0 else feature.int2str(c) for c in cells[label]]
        if isinstance(feature, tfds.features.ClassLabel)
        else np.array(cells[label], np.float32)
        for label, (_, feature) in found.items()
    }
    count = len(next(iter(cells.values())))
    names = [f"{spec}[{i}]" for i in range(count)]
    table = tables.Table(spec, names, columns)
    return Source(spec, table, pictures=pictures)


def _folder(spec, table, labels, load_size, name, cache_bytes):
    path = expanded(spec)
    if (
        table is None
        and os.path.isfile(path)
        and path.lower().endswith((".csv", ".tsv", ".txt"))
    ):
        table = path
        spec = os.path.dirname(path) or "."
    # The images that are opened, before any is looked at.
    pictures = listings.folder(
        spec, load_size, name, cache_bytes, has_classes=True
    )
    # Of halves of images, the folder of both.
    files, folder = pictures.names, pathlib.Path(pictures.folder)
    classes = {
        file: same_name(file.partition("/")[0]) for file in files if "/" in file
    }
    folders = sorted({*classes.values()})
    table = expanded(table) if table else _celeba_table(folder)
    if table is None and len(folders) < 2:
        near = sorted(
            file
            for file in os.listdir(folder)
            if file.lower().endswith((".csv", ".tsv")) and is_listed(file)
        )
        if len(near) != 1:
            found = [*folders, *near][:5]
            raise UserError(
                f"{name} must have labels: {_CELEBA[0]}, a folder for each "
                "class, at least two, or one csv of images and labels beside "
                f"the images. Received: {spec!r} with {len(files)} images and "
                + (", ".join(found) or "nothing else")
            )
        table = folder / near[0]
    if table is not None:
        content, without = tables.read(table, files, folder, labels)
        return Source(spec, content, pictures=pictures, without=without)
    if {folder.lower() for folder in folders} <= _SPLITS:
        raise UserError(
            f"{name} must be the folder above the classes. Received: {spec!r} "
            f"with {', '.join(folders)}: give one of them"
        )
    columns = {"folder": list(classes.values())}
    table = tables.Table("the class folders", [*classes], columns)
    return Source(spec, table, pictures=pictures)


def _celeba_table(folder):
    folder = folder.absolute()
    for place in (folder, folder / "Anno", folder.parent):
        for file in _CELEBA:
            if (place / file).is_file():
                return place / file
    return None
