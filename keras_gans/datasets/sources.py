"""One side of a data set: pictures by number, all of one size.

`open_source` turns its description into `Pictures`; `split` holds some back.
"""

import concurrent.futures
import logging
import os
import threading

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError, shown
from keras_gans.datasets import kinds

logger = logging.getLogger("keras_gans")

_MOST_WARNINGS = 10
_MOST_FAILURES = 100
# More are not decoded before training starts: they take a minute or more.
_MOST_PIXELS_AT_START = 2_000_000_000
_FACES_PER_SIDE = 2000


class Pictures:
    """The pictures of one side, by number; made by `open_source`.

    Attributes:
        names: list of str, one for each picture.
        load_size: int, height and width of the pictures in pixels.
        description: str, one line that says what was opened.
        left_out: list of (name, reason), the pictures that cannot be read.
        headers: list of `images.Header`, one for each picture.
        folder: str or None, where the files lie.
        passed_over: dict, number of files there that are no pictures, by
            extension.
    """

    def __init__(
        self,
        names,
        load,
        load_size,
        description,
        left_out=(),
        headers=(),
        folder=None,
        passed_over=None,
    ):
        self.names = list(names)
        self.load_size = load_size
        self.description = description
        self.left_out = list(left_out)
        self.headers = list(headers)
        self.folder = folder
        self.passed_over = passed_over or {}
        self._load = load
        self._broken = set()
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.names)

    def read(self, index):
        """Return picture `index`; raise UserError if it is broken."""
        return self._load(index)

    def load(self, index):
        """Return picture `index` as uint8 `[load_size, load_size, 3]`.

        A picture that turns out to be broken only now, because just the
        headers were checked, is warned about once and replaced by the next
        one: the run goes on. It ends, with a ValueError, if the folder is
        gone, or 100 pictures in a row are.
        """
        failures = 0
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            if candidate in self._broken:
                continue
            try:
                return self._load(candidate)
            except UserError as error:
                self._raise_if_gone()
                self._warn(candidate, error)
                failures += 1
                if failures == _MOST_FAILURES:
                    raise UserError(
                        f"{self.description}: {failures} in a row cannot be "
                        f"read any more; the last: {error}"
                    ) from error
        raise UserError(
            f"{self.description}: every picture turned out to be broken"
        )

    def _raise_if_gone(self):
        if self.folder is None:
            return
        try:
            with os.scandir(self.folder) as entries:
                problem = None if any(entries) else "empty"
        except OSError as error:
            problem = error.strerror
        if problem:
            raise UserError(
                f"{self.description}: the folder cannot be read any more "
                f"({problem}); was it deleted, moved or unmounted?"
            )

    def _warn(self, index, error):
        with self._lock:
            if index in self._broken:
                return
            self._broken.add(index)
            if len(self._broken) <= _MOST_WARNINGS:
                logger.warning(
                    "%s: %s; the next one takes its place",
                    self.description,
                    error,
                )
            elif len(self._broken) == _MOST_WARNINGS + 1:
                logger.warning(
                    "%s: more are broken and not named", self.description
                )

    def subset(self, indices):
        """Return the pictures with these numbers, in this order."""
        indices = [int(i) for i in indices]
        return Pictures(
            [self.names[i] for i in indices],
            lambda i: self._load(indices[i]),
            self.load_size,
            self.description,
            self.left_out,
            [self.headers[i] for i in indices] if self.headers else (),
            self.folder,
            self.passed_over,
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

    Pictures that fit into `cache_bytes` are all decoded now; drawn faces, and
    files of more than 2,000 million pixels in all, when first asked for.
    Where they do not fit, only their headers are checked, and each is decoded
    again whenever it is asked for.

    Args:
        spec: path of a folder, searched with its subfolders, or with
            `#left` or `#right` behind it the halves of its pictures;
            `"tfds:NAME/CONFIG@SPLIT"`, with `#FEATURE` for pictures that the
            data set calls otherwise than `image`; `"faces:photo"`,
            `"faces:anime"` or `"faces:sketch"`, with `@COUNT` for fewer of
            them; or uint8 pictures
            `[height, width, 3]` as an array or a list.
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
        UserError: in one line, if there is nothing to read.
    """
    checks.at_least(1, load_size=load_size)
    checks.seed(seed)
    if isinstance(spec, np.ndarray | list | tuple):
        listing = kinds.arrays(spec, load_size, name)
    elif str(spec).startswith("tfds:"):
        listing = kinds.tensorflow_dataset(spec, load_size, name)
    elif str(spec).startswith("faces:"):
        if face_indices is None:
            face_indices = range(name.endswith("b"), 2 * _FACES_PER_SIDE, 2)
        listing = kinds.faces(spec, load_size, name, seed, face_indices)
    else:
        listing = kinds.folder(str(spec), load_size, name)
    names, load = listing.names, listing.decode
    headers = listing.headers()
    broken = {i: h for i, h in enumerate(headers) if isinstance(h, str)}
    good = [i for i in range(len(names)) if i not in broken]
    if len(names) * load_size**2 * 3 <= cache_bytes:
        load = _remembered(load, len(names), load_size)
        pixels = sum(headers[i].width * headers[i].height for i in good)
        if listing.may_break and pixels <= _MOST_PIXELS_AT_START:
            broken |= _find_broken(load, good)
            broken = dict(sorted(broken.items()))
    if len(broken) == len(names):
        first = f", all broken; the first: {broken[0]}" if names else ""
        raise UserError(
            f"{name} must have at least one readable picture. Received: "
            f"{len(names)} {listing.place}{first}"
        )
    for reason in list(broken.values())[:_MOST_WARNINGS]:
        logger.warning("%s: left out: %s", name, reason)
    if len(broken) > _MOST_WARNINGS:
        rest = len(broken) - _MOST_WARNINGS
        logger.warning("%s: left out: %d more", name, rest)
    description = f"{len(names) - len(broken)} {listing.place}"
    if broken:
        description += f" ({len(broken)} left out)"
    left_out = [
        (names[i], reason.removeprefix(f"{shown(names[i])}: "))
        for i, reason in broken.items()
    ]
    pictures = Pictures(
        names,
        load,
        load_size,
        description,
        left_out,
        headers,
        listing.folder,
        listing.passed_over,
    )
    if not broken:
        return pictures
    return pictures.subset(i for i in range(len(names)) if i not in broken)


def _remembered(decode, count, load_size):
    """Return a function like `decode` that does the work only once."""
    pictures = np.empty((count, load_size, load_size, 3), np.uint8)
    done = np.zeros(count, bool)

    def load(index):
        if not done[index]:
            # Two threads at a time would write the same bytes.
            pictures[index] = decode(index)
            done[index] = True
        picture = pictures[index]
        picture.flags.writeable = False
        return picture

    return load


def _find_broken(load, indices):
    """Return a dict from number to error of the pictures that are broken."""

    def error_of(index):
        try:
            load(index)
        except UserError as error:
            return str(error)

    # Pillow leaves Python to other threads while it decodes.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = pool.map(error_of, indices)
        return {i: e for i, e in zip(indices, errors, strict=True) if e}


def default_load_size(image_size):
    """Return the size that pictures have before the random crop.

    286 for 256 as in pix2pix and CycleGAN, which also gives the article's
    72 for 64, and 143 for 128.
    """
    return (image_size * 286 + 128) // 256
