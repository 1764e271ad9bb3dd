"""Unpaired images of any number of domains, two of them in a batch."""

import itertools
import os
import pathlib
import re
import unicodedata

import numpy as np

from keras_gans import files, images
from keras_gans.checks import UserError
from keras_gans.datasets import passes, pipeline, sources, streams
from keras_gans.datasets.data import SHOWN, Data


def domains(
    data,
    image_size=64,
    batch_size=64,
    load_size=None,
    flip=True,
    seed=0,
    start=0,
    held_out=0,
    cache_bytes=1 << 30,
    repeat=True,
):
    """Make a data set of batches from pairs of unpaired domains.

    Each batch has two domains. The n (n - 1) / 2 pairs come in random order,
    then again in another, so that all domains are used equally often. Each
    domain is shuffled again for every pass, and no image of it is dropped.

    Args:
        data: dict from domain name to `Pictures` or an `open_source`
            argument; two or more.
        batch_size: int, images of each of the two domains, over all replicas.
        image_size, load_size, flip, seed, start, held_out, cache_bytes,
            repeat: as in `unpaired`. A single pass has each domain twice,
            beside the one before and the one behind it.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images_a` and `images_b`,
        float32 `[batch_size, image_size, image_size, 3]` in [-1, 1], and
        `domain_a` and `domain_b`, float32 `[batch_size, n]`: in every row 1
        for the domain of the images, in the order of `data`, and else 0.

    Raises:
        UserError: if an argument is invalid or a domain cannot be opened.
    """
    passes.check(
        *(image_size, batch_size, load_size, seed, start, held_out),
        flip=flip,
        repeat=repeat,
    )
    if len(data) < 2:
        raise UserError(
            "data must have two domains or more. Received: "
            f"{', '.join(data) or 'none'}"
        )
    sides = {
        name: streams.opened(
            *(side, name, image_size, load_size, seed, cache_bytes),
            _faces(number, len(data)),
        )
        for number, (name, side) in enumerate(data.items())
    }
    _check_counts(sides)
    sides = [
        passes.chosen(side, held_out, seed, name, repeat).prepared()
        for name, side in sides.items()
    ]
    count = len(sides)

    def make_batch(number):
        pair, earlier = _drawn(number, count, seed)
        squares = [
            passes.batch(
                *(sides[domain], domain, turns * batch_size, batch_size),
                *(image_size, flip, seed),
            )[0]
            for domain, turns in zip(pair, earlier, strict=True)
        ]
        return _joined(squares, pair, count)

    fixed = [
        (pair, range(first, min(first + batch_size, total)))
        for pair in _neighbors(count)
        for total in [max(len(sides[domain]) for domain in pair)]
        for first in range(0, total, batch_size)
    ]

    def make_fixed_batch(number):
        pair, rows = fixed[number]
        squares = [
            passes.fixed(sides[domain], rows.start, len(rows), image_size)[0]
            for domain in pair
        ]
        return _joined(squares, pair, count)

    rows = batch_size if repeat else None
    image = (rows, image_size, image_size, 3), np.uint8
    domain = (rows, count), np.float32
    specs = dict(zip(_KEYS, (image, image, domain, domain), strict=True))
    if repeat:
        return pipeline.batches(make_batch, specs, start)
    return pipeline.batches(make_fixed_batch, specs, start, len(fixed))


_KEYS = "images_a", "images_b", "domain_a", "domain_b"


def _joined(squares, pair, count):
    """Return a batch of two domains."""
    vectors = [
        np.tile(np.eye(count, dtype=np.float32)[domain], (len(rows), 1))
        for domain, rows in zip(pair, squares, strict=True)
    ]
    return dict(zip(_KEYS, (*squares, *vectors), strict=True))


def _drawn(number, count, seed):
    """Return the pair of a step, and how often each was drawn before.

    Without a loop over all earlier steps: in a block of all pairs every
    domain is drawn `count - 1` times.
    """
    pairs = list(itertools.combinations(range(count), 2))
    block, place = divmod(number, len(pairs))
    # The stream behind those of the domains.
    order = passes.order(seed, count, block, len(pairs))
    pair = pairs[order[place]]
    earlier = [pairs[i] for i in order[:place]]
    return pair, [
        block * (count - 1) + sum(domain in other for other in earlier)
        for domain in pair
    ]


def _neighbors(count):
    """Return pairs in which each domain is beside the next."""
    pairs = [(domain, (domain + 1) % count) for domain in range(count)]
    return pairs if count > 2 else pairs[:1]


def _faces(number, count):
    """Return identities of drawn faces; domains share none of them."""
    return range(number, 2000 * count, count)


def _check_counts(sides):
    few = [name for name, side in sides.items() if len(side) < 2]
    if few:
        raise UserError(
            "data must have two images or more in each domain. Received: one "
            f"in {', '.join(few)}"
        )


class DomainsData(Data):
    """Image collections by domain, see `domains`.

    Its setting is `data`, a list of sources. Each is preceded by the name of
    its domain and `=`, or its name is the last part of the path; of drawn
    faces it is the style.
    """

    kind = "domains"
    sources = ("data",)
    flags = ("data",)

    @classmethod
    def resolve(cls, settings):
        super().resolve(settings)
        data = settings["data"]
        if data is None:
            return
        if len(data) == 1 and sources.scheme(data[0]) == "folder":
            folder = pathlib.Path(files.expanded(data[0]))
            if not os.path.exists(folder) and "=" not in data[0]:
                raise UserError(
                    f"data must be a folder that exists. Received: {data[0]!r}"
                )
            names = files.subfolders(folder) if os.path.isdir(folder) else []
            train, test = (
                [n for n in names if re.fullmatch(half, n, re.IGNORECASE)]
                for half in (r"train[_-]?\w?", r"(test|val)[_-]?\w?")
            )
            if train and test:
                given = " ".join(f"--data {folder / name}" for name in train)
                raise UserError(
                    "data must be a folder with a folder for each domain, not "
                    "for training and test images. Received: "
                    f"{data[0]!r} with {', '.join(names)}: give {given}"
                )
            data = [os.path.join(folder, name) for name in names]
        if len(data) < 2:
            raise UserError(
                "data must be given for each domain, two or more, or once, a "
                "folder with a folder for each. Received: "
                f"{', '.join(settings['data'])}"
            )
        settings["data"] = data
        _by_name(data)

    @classmethod
    def known_arguments(cls, settings):
        return {"domains": [*_by_name(settings["data"])]}

    @classmethod
    def replaced(cls, settings, find):
        # Domains keep their names, which also may follow from the source.
        by_name = _by_name(settings["data"])
        found = super().replaced({"data": [*by_name.values()]}, find)
        if not found:
            return None
        names = zip(by_name, found["data"], strict=True)
        return {"data": [f"{name}={source}" for name, source in names]}

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        data = _by_name(settings["data"])
        sides = {
            name: sources.open_source(
                *(source, load_size, name, seed, cache_bytes),
                _faces(number, len(data)),
            )
            for number, (name, source) in enumerate(data.items())
        }
        _check_counts(sides)
        return sides

    def batches(self, start=0, repeat=True):
        sides = self.training if repeat else self.held
        return domains(sides, **self._options(start, repeat))

    def held_out(self, count=SHOWN):
        """Return a batch of held-out images, for sample grids.

        Args:
            count: int; twice as many images in all, fewer if there are fewer.

        Returns:
            dict of float32 arrays, as in a batch: `images_a` are of all
            domains, and `images_b` beside them of the domain behind.
        """
        held, size = list(self.held.values()), self.settings["image_size"]
        most = max(1, 2 * count // len(held))
        parts = []
        for number, side in enumerate(held):
            pair = number, (number + 1) % len(held)
            rows = min(most, len(side))
            squares = [passes.fixed(held[i], 0, rows, size)[0] for i in pair]
            squares = [images.to_float(one).numpy() for one in squares]
            parts.append(_joined(squares, pair, len(held)))
        return {
            key: np.concatenate([part[key] for part in parts]) for key in _KEYS
        }

    def _domains(self, sides):
        return sides, None


def _by_name(data):
    """Return the sources of domains by name.

    Raises:
        UserError: if two have the same name or the same images, or a name
            cannot be part of the name of a file.
    """
    found = {}
    for spec in data:
        name, source = _named(spec)
        name = files.same_name(name)
        # Marks, as of Hindi's vowels, are no letters to `re`.
        letters = "".join(c for c in name if unicodedata.category(c)[0] != "M")
        if not re.fullmatch(r"\w[\w .-]*", letters):
            raise UserError(
                "data must be domains with names of letters, digits, spaces, "
                f"dots and dashes, as in NAME=SOURCE. Received: {name!r}"
            )
        if name in found:
            raise UserError(
                "data must be domains of different names, as in NAME=SOURCE. "
                f"Received: {', '.join(data)}"
            )
        place = source
        if sources.scheme(source) == "folder":
            place = os.path.realpath(files.expanded(source))
        same = [n for n, (_, other) in found.items() if other == place]
        if same:
            raise UserError(
                "data must be domains of different images. Received: "
                f"{source!r} for {same[0]} and {name}"
            )
        found[name] = source, place
    return {name: source for name, (source, _) in found.items()}


def _named(spec):
    """Return the name of a domain and its source."""
    name, equals, source = spec.partition("=")
    if equals and re.fullmatch(r"[^/\\:]*", name) and not os.path.exists(spec):
        return name, source
    path = spec
    if sources.scheme(spec) != "folder":
        path = spec.partition("@")[0].partition(":")[2]
    return pathlib.Path(files.expanded(path)).name, spec
