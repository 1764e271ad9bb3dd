"""From the names of a data set to its opened sides."""

import os
import pathlib

from keras_gans import checks, files
from keras_gans.checks import UserError
from keras_gans.datasets import labels, paired, sources


def open_sides(kind, settings, image_size, seed=0, cache_bytes=1 << 30):
    """Open what a run of `kind` reads.

    Args:
        kind: str, the model's `data_kind`.
        settings: dict with `data_a` and `data_b`, as `open_source` takes them;
            for labelled data with `data` and `labels`, lists of what
            `open_labelled` takes.
        image_size: int, height and width of the training pictures in pixels.
        seed: int, of the drawn faces.
        cache_bytes: int, most memory for decoded pictures of each side.

    Returns:
        dict from name to `Pictures`, of their kind's default load size.

    Raises:
        UserError: in one line, if a side cannot be opened.
    """
    checks.at_least(1, image_size=image_size)
    load_size = sources.default_load_size(image_size)
    if kind == "labelled":
        specs = settings["data"]
        wanted = settings["labels"] or [None] * len(specs)
        names = [f"data[{i}]" for i in range(len(specs))]
        names = names if len(specs) > 1 else ["data"]
        return {
            name: labels.open_labelled(
                spec, label_names, image_size, name, seed, cache_bytes
            )
            for name, spec, label_names in zip(
                names, specs, wanted, strict=True
            )
        }
    names = ("data_a", "data_b")
    given = [settings[name] for name in names]
    if kind == "paired":
        sides = paired.open_pair(*given, load_size, seed, cache_bytes)
    else:
        sides = [
            sources.open_source(side, load_size, name, seed, cache_bytes)
            for name, side in zip(names, given, strict=True)
        ]
    return dict(zip(names, sides, strict=True))


def sides_of(data, kind):
    """Return the sources of both sides of a data set.

    Args:
        data: str. `"tfds:NAME/CONFIG"` means its splits `trainA` and
            `trainB`; a folder that holds `trainA` and `trainB` (or `A` and
            `B`; capitals do not matter) means these; for paired data another
            folder means the halves of its side-by-side pictures, of those in
            its subfolder `train` where there is one.
        kind: str, `"unpaired"` or `"paired"`.

    Returns:
        `(data_a, data_b)`, each as `open_source` takes it.

    Raises:
        UserError: if `data` has no two sides.
    """
    if data.startswith("tfds:"):
        if "@" in data or "#" in data:
            raise UserError(
                "data must be tfds:NAME/CONFIG, of which trainA and trainB are "
                "taken; give other splits as data_a and data_b. Received: "
                f"{data!r}"
            )
        if kind == "paired":
            raise UserError(
                "data must be a folder for paired data: splits of "
                "tensorflow_datasets are in no common order. Give two features "
                "of one split, data_a=tfds:NAME@SPLIT#FEATURE and data_b. "
                f"Received: {data!r}"
            )
        return f"{data}@trainA", f"{data}@trainB"
    if data.startswith("faces:"):
        raise UserError(
            "data must be a data set with two sides; give faces:STYLE as "
            f"data_a and data_b. Received: {data!r}"
        )
    folder = str(pathlib.Path(files.expanded(data)))
    if not os.path.isdir(folder):
        raise UserError(
            "data must be a folder that exists, or tfds:NAME/CONFIG. "
            f"Received: {data!r}"
        )
    folders = {
        name.lower(): os.path.normpath(os.path.join(folder, name))
        for name in files.subfolders(folder)
    }
    for a, b in (("traina", "trainb"), ("train_a", "train_b"), ("a", "b")):
        if a in folders and b in folders:
            return folders[a], folders[b]
    if kind == "paired":
        pairs = folders.get("train", folder)
        return f"{pairs}#left", f"{pairs}#right"
    raise UserError(
        "data must be a folder with the folders trainA and trainB in it; any "
        "two folders can be given as data_a and data_b. Received: "
        f"{data!r} with {', '.join(list(folders)[:5]) or 'no folders'}"
    )
