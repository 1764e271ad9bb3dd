"""Pairs of input and target images, shuffled, cropped and flipped together."""

import re

import numpy as np

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.datasets import passes, pipeline, sketches, sources
from keras_gans.datasets.labels import LabelledPictures
from keras_gans.datasets.pictures import Pictures
from keras_gans.datasets.two_domains import TwoDomains

_FACES = range(2000)
_SHOWN = 3  # names in an error message


def paired(
    a,
    b=None,
    image_size=256,
    batch_size=1,
    load_size=None,
    flip=True,
    seed=0,
    start=0,
    held_out=0,
    cache_bytes=1 << 30,
    repeat=True,
    sketch_styles=None,
):
    """Make a data set of batches from pairs of images.

    Each pass takes all pairs in a new order; both images of a pair get the
    same crop and flip.

    Args:
        a: `Pictures` or an `open_source` argument, the inputs.
        b: the same for the targets. Images of two folders are paired by equal
            names without extensions; `DIR#left` and `DIR#right` are the halves
            of side-by-side images; two features of one tensorflow_datasets
            split, two lists and two styles of the drawn faces are paired in
            order. Targets that are `LabelledPictures` give their labels.
        image_size: int, height and width of the batches in pixels.
        batch_size: int, pairs, over all replicas.
        load_size: int, images are scaled to this size, then randomly
            cropped to `image_size`. Default: that of opened `Pictures`, else
            286/256 of `image_size`; equal to `image_size` means no crop.
        flip: bool, whether to flip each pair at random (left to right).
        seed: int, 0 <= seed < 2**32.
        start: int, number of batches already consumed.
        held_out: int, pairs never used here; `datasets.held_out` gives them
            for each side that `open_pair` returns.
        cache_bytes: int, most memory for decoded images of each side.
        repeat: bool, whether to repeat without end. False: one pass for
            validation, over the held-out pairs, or all if `held_out` is 0: in
            a fixed order, center crops, no flips; the last batch may be
            smaller.
        sketch_styles: as of `datasets.sketches.styles`, such as `"xdog"` or
            `["xdog", "fdog"]`: `a` are photographs and `b` is left out; the
            photographs become the targets, and the inputs are drawn from them
            in these styles, a random one each time, in a single pass in turn.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images_a` and
        `images_b`, float32 `[batch_size, image_size, image_size, 3]` in
        [-1, 1], in the same order; and of targets with labels `labels`,
        float32 of 0 and 1, a row for each pair.

    Raises:
        UserError: if an argument is invalid, a side cannot be opened, or the
            two are not pairs.
    """
    passes.check(
        *(image_size, batch_size, load_size, seed, start, held_out),
        flip=flip,
        repeat=repeat,
    )
    size = load_size
    for name, side in (("data_a", a), ("data_b", b)):
        if isinstance(side, Pictures):
            passes.check_opened(side, name, image_size, size)
            size = side.load_size
    size = size or sources.default_load_size(image_size)
    pairs = _joined(*open_pair(a, b, size, seed, cache_bytes, sketch_styles))
    pairs = passes.chosen(pairs, held_out, seed, "data", repeat).prepared()

    def make_batch(number):
        first = number * batch_size
        batch, indices = (
            passes.batch(pairs, 0, first, batch_size, image_size, flip, seed)
            if repeat
            else passes.fixed(
                pairs, first, min(batch_size, len(pairs) - first), image_size
            )
        )
        halves = {"images_a": batch[..., :3], "images_b": batch[..., 3:]}
        if "labels" in specs:
            halves["labels"] = pairs.labels_of(indices)
        return halves

    spec = ((batch_size, image_size, image_size, 3), np.uint8)
    specs = {"images_a": spec, "images_b": spec}
    if isinstance(pairs, LabelledPictures):
        specs["labels"] = ((batch_size, len(pairs.label_names)), np.float32)
    return pipeline.batches(
        make_batch,
        specs,
        start,
        None if repeat else -(-len(pairs) // batch_size),
    )


def open_pair(a, b, load_size, seed=0, cache_bytes=1 << 30, sketch_styles=None):
    """Open the two sides of pairs; return them in the same order.

    A pair with a broken image is skipped.

    Args:
        a: `Pictures`, or what `open_source` takes.
        b: the same.
        load_size: int, height and width in pixels.
        seed: int, seed of the drawn faces.
        cache_bytes: int, most memory for decoded images of each side.
        sketch_styles: as of `paired`.

    Returns:
        `(a, b)`, `Pictures` of the same number.

    Raises:
        UserError: in one line with names, if the other image of a pair is
            missing or of another size.
    """

    def opened(side, name):
        if isinstance(side, Pictures):
            return side
        return sources.open_source(
            side, load_size, name, seed, cache_bytes, face_indices=_FACES
        )

    if sketch_styles is not None:
        if b is not None:
            raise UserError(
                "data_b must be left out with sketch_styles, where data_a are "
                f"the photographs. Received: {b!r}"
            )
        photos = opened(a, "data")
        return _sketched(photos, sketch_styles, cache_bytes), photos
    if b is None:
        raise UserError(
            "data_b must be given without sketch_styles. Received: None"
        )
    a, b = opened(a, "data_a"), opened(b, "data_b")
    numbers_a, numbers_b = _by_key(a, "data_a"), _by_key(b, "data_b")
    broken = {_key(name) for side in (a, b) for name in side.lacking}
    for name, mine, others in (
        ("data_b", numbers_a, numbers_b),
        ("data_a", numbers_b, numbers_a),
    ):
        excused = {*others, *broken}
        missing = [key for key in mine if key not in excused]
        if missing:
            raise UserError(
                f"{name} must have a partner of every image on the other "
                f"side, with an equal name. Received none for "
                f"{len(missing)} of {len(mine)}: {_listed(missing)}"
            )
    keys = [key for key in numbers_a if key in numbers_b]
    if not keys:
        raise UserError(
            "data_a and data_b must have a pair of which both are whole. "
            f"Received: {a.description}, {b.description}"
        )
    a = a.subset(numbers_a[key] for key in keys)
    b = b.subset(numbers_b[key] for key in keys)
    _check_sizes(a, b)
    return a, b


def _key(name):
    """Return the part of a name that both images of a pair share.

    A path without its extension, in Unicode NFC; for numbered images the
    number without `#feature`, style or side.
    """
    key = re.sub(
        r"^faces:\w+|^data(_[ab])?(?=\[)|#\w+(?=\[\d+\]$)|\.\w+$", "", name
    )
    return files.same_name(key)


def _by_key(pictures, name):
    numbers = {}
    for number, file in enumerate(pictures.names):
        other = numbers.setdefault(_key(file), number)
        if other != number:
            raise UserError(
                f"{name} must have each name once, whatever its extension. "
                f"Received: {pictures.names[other]}, {file}"
            )
    return numbers


def _check_sizes(a, b):
    def sizes(number):
        return [
            f"{side.headers[number].width} x {side.headers[number].height}"
            for side in (a, b)
        ]

    differing = [i for i in range(len(a)) if len({*sizes(i)}) > 1]
    if differing:
        names = [f"{a.names[i]} ({', '.join(sizes(i))})" for i in differing]
        raise UserError(
            "data_a and data_b must have images of equal size in a pair. "
            f"Received {len(differing)} of {len(a)} that differ: "
            f"{_listed(names)}"
        )
    shapes = sorted(header.width / header.height for header in a.headers)
    are_halves = a.folder and a.folder == b.folder
    if are_halves and shapes[len(shapes) // 2] < 0.6:
        header = a.headers[0]
        raise UserError(
            "data must hold side-by-side pairs, about twice as wide as high; "
            "give single images in two folders, data_a and data_b. Received: "
            f"{a.names[0]}, {2 * header.width} x {header.height}"
        )


def _listed(names):
    more = ", ..." if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _sketched(photos, styles, cache_bytes):
    """Return sketches of photographs, drawn when they are needed.

    Sketch i has style i modulo the styles, and is known in all others.
    """
    styles = sketches.styles(styles)

    def place(named):
        return f"sketches ({named}) of {photos._source.place}"

    def made(decode, named, cache_bytes=0):
        return Pictures(
            photos.names,
            decode,
            photos.load_size,
            place(named),
            lambda: photos.headers,
            folder=photos.folder,
            other_files=photos.other_files,
            argument="data",
            cache_bytes=cache_bytes,
        )

    def drawn(name):
        return made(
            lambda i: sketches.draw(photos.read(i), name, **styles[name]),
            name,
            cache_bytes // len(styles),
        )

    known = [drawn(name) for name in styles]
    mixed = made(lambda i: known[i % len(known)].read(i), ", ".join(styles))
    mixed._variants = [one._source for one in known]
    mixed._source.is_kept = known[0]._source.is_kept
    mixed._source.probe = photos.read
    return mixed


def _joined(a, b):
    """Return pairs as six-channel images, which cannot be separated.

    They have the labels of `b`, if it has any.
    """
    pairs = Pictures(
        a.names,
        lambda i: np.concatenate([a.read(i), b.read(i)], axis=-1),
        a.load_size,
        f"pairs of {a.description} and {b.description}",
        lambda: a.headers,
        folder=a.folder,
    )
    pairs._source.is_kept = a._source.is_kept and b._source.is_kept
    pairs._source.probe = a._source.probe and b.read
    pairs._variants = [
        _joined(one, b)._source
        for one in map(a.variant, range(len(a._variants)))
    ]
    for one in pairs._variants:
        one.late = pairs._source.late  # a pair breaks in all its styles
    if isinstance(b, LabelledPictures):
        return LabelledPictures(pairs, b.labels, b.label_names, b.exclusive)
    return pairs


class PairedData(TwoDomains):
    """Input images and, in the same order, their targets, see `paired`."""

    kind = "paired"
    flags = (*TwoDomains.flags, "sketch_style")
    are_alike = True

    @classmethod
    def resolve(cls, settings):
        styles = settings["sketch_style"]
        if styles is not None:
            data = settings["data"] or ()
            others = settings["data_a"], settings["data_b"]
            if len(data) != 1 or any(others):
                raise UserError(
                    "sketch_style must be given with data, the photographs, "
                    f"once and alone. Received: data={', '.join(data)!r}, "
                    f"data_a={others[0]!r}, data_b={others[1]!r}"
                )
            if settings["direction"] != "a_to_b":
                raise UserError(
                    "direction must be a_to_b, from sketches to photographs, "
                    f"with sketch_style. Received: {settings['direction']!r}"
                )
            (both,) = data
            settings |= {
                "data": None,
                "data_a": both,
                "data_b": both,
                "sketch_style": sketches.styles(styles),
            }
        super().resolve(settings)

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        given = [settings[name] for name in cls.sources]
        if styles := settings.get("sketch_style"):
            given = given[1], None
        sides = open_pair(*given, load_size, seed, cache_bytes, styles or None)
        return dict(zip(cls.sources, sides, strict=True))

    @staticmethod
    def _prepared(sides, twice=False):
        whole = _joined(*sides.values()).prepared(twice)._indices
        return {name: side.subset(whole) for name, side in sides.items()}

    @staticmethod
    def _splits(data):
        raise UserError(
            "data must be a folder for paired data: splits of "
            "tensorflow_datasets are in no common order. Give two features "
            "of one split, data_a=tfds:NAME@SPLIT#FEATURE and data_b. "
            f"Received: {data!r}"
        )

    @staticmethod
    def _sides_of_other(folder, folders):
        pairs = folders.get("train", folder)
        return f"{pairs}#left", f"{pairs}#right"

    def batches(self, start=0, repeat=True):
        return paired(*self._sides(repeat), **self._options(start, repeat))

    def _is_drawn(self):
        if self.settings.get("sketch_style"):
            return bool(self.sides["data_b"].style)
        return super()._is_drawn()

    def _unseen_faces(self, count):
        faces = super()._unseen_faces(count)
        if styles := self.settings.get("sketch_style"):
            faces = {"data_a": _sketched(faces["data_b"], styles, 0)} | faces
        return faces
