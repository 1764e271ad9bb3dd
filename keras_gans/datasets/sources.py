"""Where pictures come from: folders, tensorflow_datasets, drawn faces, arrays.

`open_source` turns the description of one side of a data set into `Pictures`,
which give any picture by its number, all of one size.
"""

import collections
import concurrent.futures
import difflib
import logging
import os
import pathlib
import re
import threading

import numpy as np

from keras_gans import images

logger = logging.getLogger("keras_gans")

_KINDS = (
    "a folder of pictures, tfds:NAME/CONFIG@SPLIT, or "
    "faces:photo, faces:anime or faces:sketch"
)
_MOST_WARNINGS = 10
_FACES_PER_SIDE = 2000


class Pictures:
    """The pictures of one side, by number; made by `open_source`.

    Attributes:
        names: list of str, one for each picture.
        load_size: int, height and width of the pictures in pixels.
        description: str, one line that says what was opened.
        left_out: list of (name, reason), the pictures that cannot be read.
    """

    def __init__(self, names, decode, load_size, description, left_out=()):
        self.names = list(names)
        self.load_size = load_size
        self.description = description
        self.left_out = list(left_out)
        self._decode = decode
        self._broken = set()
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.names)

    def load(self, index):
        """Return picture `index` as uint8 `[load_size, load_size, 3]`.

        A picture that turns out to be broken only now, because the data set
        did not fit into memory and just the headers were checked, is warned
        about once and replaced by the next one: the run goes on.
        """
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            if candidate in self._broken:
                continue
            try:
                return self._decode(candidate)
            except ValueError as error:
                with self._lock:
                    if candidate not in self._broken:
                        logger.warning("%s; using the next picture", error)
                    self._broken.add(candidate)
        raise ValueError(
            f"{self.description}: every picture turned out to be broken"
        )

    def subset(self, indices):
        """Return the pictures with these numbers, in this order."""
        indices = [int(i) for i in indices]
        return Pictures(
            [self.names[i] for i in indices],
            lambda i: self._decode(indices[i]),
            self.load_size,
            self.description,
            self.left_out,
        )


def split(pictures, held_out, seed=0):
    """Hold pictures back from training, the same ones for the same seed.

    Args:
        pictures: `Pictures`.
        held_out: int, how many to hold back.
        seed: int, 0 <= seed < 2**32.

    Returns:
        `(training, held_out)`, both `Pictures`. Of a side with fewer than
        four times `held_out` pictures none is held back: training then has
        all, and the held-out ones are among them.
    """
    # RandomState, as the streams of NumPy's newer generators may change.
    order = np.random.RandomState(seed).permutation(len(pictures))
    held = pictures.subset(order[:held_out])
    if held_out < 1 or len(pictures) < 4 * held_out:
        return pictures, held
    return pictures.subset(sorted(order[held_out:])), held


def open_source(
    spec,
    load_size,
    name="data_a",
    seed=0,
    cache_bytes=1 << 30,
    face_indices=None,
):
    """Open one side of a data set.

    Pictures that fit into `cache_bytes` are all decoded now; of others only
    the headers are checked, and each is decoded whenever it is asked for.

    Args:
        spec: path of a folder, searched with its subfolders;
            `"tfds:NAME/CONFIG@SPLIT"`; `"faces:photo"`, `"faces:anime"` or
            `"faces:sketch"`; or uint8 pictures `[height, width, 3]` as an
            array or a list.
        load_size: int, height and width in pixels.
        name: str, the argument that errors name.
        seed: int, of the drawn faces.
        cache_bytes: int, most memory for decoded pictures.
        face_indices: identities of the drawn faces. Default: 2000 odd ones
            where `name` ends in "b" and 2000 even ones elsewhere, so that
            two sides share nobody.

    Returns:
        `Pictures`.

    Raises:
        ValueError: in one line, if there is nothing to read.
    """
    if not isinstance(load_size, int) or load_size < 1:
        raise ValueError(
            f"load_size must be a positive int. Received: {load_size!r}"
        )
    if isinstance(spec, np.ndarray | list | tuple):
        source = _arrays(spec, load_size, name)
    elif str(spec).startswith("tfds:"):
        source = _tensorflow_dataset(spec, load_size, name)
    elif str(spec).startswith("faces:"):
        if face_indices is None:
            face_indices = range(name.endswith("b"), 2 * _FACES_PER_SIDE, 2)
        source = _faces(spec, load_size, name, seed, face_indices)
    else:
        source = _folder(spec, load_size, name)
    names, decode, check, place = source

    cache = None
    if len(names) * load_size**2 * 3 <= cache_bytes:
        cache = np.empty((len(names), load_size, load_size, 3), np.uint8)

    def reason_against(index):
        try:
            if cache is None:
                check(index)
            else:
                cache[index] = decode(index)
        except ValueError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(pool.map(reason_against, range(len(names))))
    good = [i for i, reason in enumerate(reasons) if reason is None]
    left_out = [(n, r) for n, r in zip(names, reasons, strict=True) if r]
    if not good:
        raise ValueError(
            f"{name} must have at least one readable picture. Received: "
            f"{len(names)} {place}, all broken; first {left_out[0][1]}"
        )
    for _, reason in left_out[:_MOST_WARNINGS]:
        logger.warning("%s: left out: %s", name, reason)
    if len(left_out) > _MOST_WARNINGS:
        logger.warning(
            "%s: left out: %d more", name, len(left_out) - _MOST_WARNINGS
        )
    if cache is not None:
        cache.flags.writeable = False
        decode = cache.__getitem__
    description = f"{len(good)} {place}"
    if left_out:
        description += f" ({len(left_out)} left out)"
    opened = Pictures(names, decode, load_size, description, left_out)
    return opened.subset(good) if left_out else opened


# Each of the following returns names, decode(index), check(index) and what
# the pictures are called in a sentence that starts with their number.


def _arrays(arrays, load_size, name):
    if not len(arrays) or any(
        getattr(array, "dtype", None) != np.uint8
        or array.ndim != 3
        or array.shape[2] != 3
        for array in arrays
    ):
        raise ValueError(
            f"{name} must be uint8 pictures [height, width, 3], at least "
            f"one. Received: {len(arrays)} of another kind"
        )
    return (
        [f"{name}[{i}]" for i in range(len(arrays))],
        lambda i: images.fit_square(arrays[i], load_size),
        lambda i: None,
        "pictures in memory",
    )


def _faces(spec, load_size, name, seed, indices):
    from keras_gans.datasets import synthetic_faces

    style = str(spec).removeprefix("faces:")
    if style not in synthetic_faces.STYLES:
        raise ValueError(
            f"{name} must be faces: and one of "
            f"{', '.join(synthetic_faces.STYLES)}. Received: {spec!r}"
        )
    return (
        [f"{spec}[{i}]" for i in indices],
        lambda i: synthetic_faces.draw(indices[i], style, load_size, seed),
        lambda i: None,
        f"drawn faces, {style}",
    )


def _folder(spec, load_size, name):
    folder = pathlib.Path(spec)
    if not folder.exists():
        known = r"^[A-Za-z]\w+:"  # not the one letter of a Windows drive
        problem = "unknown prefix" if re.match(known, str(spec)) else "missing"
        raise ValueError(
            f"{name} must be {_KINDS}. Received: {str(spec)!r} ({problem})"
        )
    if not folder.is_dir():
        raise ValueError(
            f"{name} must be a folder of pictures. Received: {str(spec)!r} "
            "(a file)"
        )
    files = _files_below(folder)
    paths = [p for p in files if p.suffix.lower() in images.EXTENSIONS]
    _refuse_parent_of_sides(folder, paths, name)
    if not paths:
        seen = collections.Counter(p.suffix.lower() or "none" for p in files)
        seen = ", ".join(f"{n} {e}" for e, n in seen.most_common(5))
        raise ValueError(
            f"{name} must be a folder with pictures in it or its subfolders "
            f"({', '.join(e[1:] for e in images.EXTENSIONS)}). Received: "
            f"{str(spec)!r} with {len(files)} files"
            + (f" ({seen})" if seen else "")
        )
    return (
        [p.relative_to(folder).as_posix() for p in paths],
        lambda i: images.read(paths[i], size=load_size),
        lambda i: images.check(paths[i]),
        f"pictures in {folder}",
    )


def _files_below(folder):
    """List all visible files, in the same order on every machine."""
    files, seen = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        # A link to a folder above would be walked for ever.
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(
            f for f in folders if f[0] != "." and f != "__MACOSX"
        )
        # is_file() is false for pipes, which would block, and dead links.
        paths = (pathlib.Path(parent, n) for n in names if n[0] != ".")
        files += [path for path in paths if path.is_file()]
    return sorted(files, key=lambda p: p.relative_to(folder).as_posix())


def _refuse_parent_of_sides(folder, paths, name):
    """Raise if the folder holds the folders of both sides, not one side."""
    names = {p.relative_to(folder).parts[0] for p in paths}
    names |= {p.name for p in folder.iterdir() if p.is_dir()}
    for side_a in sorted(names):
        if not re.fullmatch(r"(train|test|val)?_?a", side_a, re.IGNORECASE):
            continue
        side_b = side_a[:-1] + chr(ord(side_a[-1]) + 1)
        if side_b in names:
            raise ValueError(
                f"{name} must be the folder of one side. Received: "
                f"{str(folder)!r}, which looks like the folder above both "
                f"sides: give data_a={folder / side_a} and "
                f"data_b={folder / side_b}"
            )


def _tensorflow_dataset(spec, load_size, name):
    import tensorflow_datasets as tfds

    path, _, wanted = str(spec).removeprefix("tfds:").partition("@")

    def refuse(rule, choices):
        choices = ", ".join(choices)
        return ValueError(
            f"{name} must be tfds:NAME/CONFIG@SPLIT with {rule}"
            + (f" ({choices})" if choices else "")
            + f". Received: {str(spec)!r}"
        )

    dataset, _, config = path.partition("/")
    known = tfds.list_builders(with_community_datasets=False)
    if dataset not in known:
        near = difflib.get_close_matches(dataset, known, n=5)
        raise refuse("a known name", near)
    configs = tfds.builder_cls(dataset).builder_configs
    if config and configs and config.partition(":")[0] not in configs:
        raise refuse("a known config", configs)
    builder = tfds.builder(path)
    if "image" not in builder.info.features:
        raise refuse("a feature called image", builder.info.features)
    base = re.split(r"[\[+]", wanted)[0]
    # Some builders know their splits only once they are prepared.
    if base not in builder.info.splits and (builder.info.splits or not base):
        raise refuse("a split", builder.info.splits)
    builder.download_and_prepare()
    if base not in builder.info.splits and builder.info.splits:
        raise refuse("a split", builder.info.splits)
    # Encoded bytes take less memory, and one path through `images.read`.
    decoders = tfds.decode.PartialDecoding(
        {"image": True}, decoders={"image": tfds.decode.SkipDecoding()}
    )
    examples = tfds.as_numpy(
        builder.as_dataset(split=wanted, decoders=decoders)
    )
    encoded = [bytes(example["image"]) for example in examples]
    names = [f"{spec}[{i}]" for i in range(len(encoded))]
    return (
        names,
        lambda i: images.read(encoded[i], size=load_size, name=names[i]),
        lambda i: images.check(encoded[i], name=names[i]),
        f"pictures from {spec}",
    )
