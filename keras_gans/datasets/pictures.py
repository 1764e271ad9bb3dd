"""Images of one source by index, all of one size, and held-out splits."""

import concurrent.futures
import copy
import dataclasses
import functools
import hashlib
import logging
import os
import threading
import typing

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError, shown

logger = logging.getLogger("keras_gans")

_MOST_WARNINGS = 10
_MOST_FAILURES = 100
# More are not decoded before training starts: they take a minute or more.
_MOST_PIXELS_AT_START = 2_000_000_000


@dataclasses.dataclass
class _Source:
    """State shared by all selections of the images of one source."""

    names: list
    decode: typing.Callable
    place: str
    find_headers: typing.Callable
    may_break: bool
    folder: str | None
    other_files: dict
    style: str | None
    argument: str
    is_kept: bool = False
    # Tells whether an image is broken without all of the work of `decode`.
    probe: typing.Callable | None = None
    # Reasons by number, and numbers that turned out to be broken in training.
    broken: dict = dataclasses.field(default_factory=dict)
    late: set = dataclasses.field(default_factory=set)
    # Those that `prepared` has looked at.
    seen: set = dataclasses.field(default_factory=set)
    lock: typing.Any = dataclasses.field(default_factory=threading.Lock)

    @functools.cached_property
    def headers(self):
        return self.find_headers()


class Pictures:
    """The images of one source by index; created by `open_source`.

    Images are decoded only when they are needed.

    Args:
        names: list of str, one for each image.
        decode: function from an image's number to uint8 `[load_size,
            load_size, 3]`; raises UserError if it is broken.
        load_size: int, height and width of the images in pixels.
        place: str, description of the images, after their number.
        headers: function without arguments that returns a list with an
            `images.Header` for each image, or a str, the reason why it
            cannot be read.
        may_break: bool, whether an image with a good header may be broken.
        folder: str or None, the folder of the files.
        other_files: dict, number of files there that are not images, by
            extension.
        style: str or None, the style of drawn faces.
        argument: str, name of the source in errors.
        cache_bytes: int, most memory for decoded images.

    Attributes:
        names, load_size, folder, other_files, style: the arguments.
        headers: list of `images.Header`, one for each image.
        skipped: list of (name, reason), images that cannot be read.
        description: str, description of the source in one line.
    """

    # The sources of `variant`; none for images of one style.
    _variants = ()

    def __init__(
        self,
        names,
        decode,
        load_size,
        place,
        headers=list,
        may_break=True,
        folder=None,
        other_files=None,
        style=None,
        argument="data",
        cache_bytes=0,
    ):
        self._source = _Source(
            *(list(names), decode, place, headers, may_break, folder),
            *(other_files or {}, style, argument),
        )
        self._indices = range(len(self._source.names))
        self.load_size = load_size
        size = len(self._source.names) * (load_size or 0) ** 2 * 3
        if 0 < size <= cache_bytes:
            self._source.is_kept = True
            self._source.decode = _kept(decode, len(names), load_size)

    def __len__(self):
        return len(self._indices)

    @functools.cached_property
    def names(self):
        return [self._source.names[i] for i in self._indices]

    @functools.cached_property
    def headers(self):
        return [self._source.headers[i] for i in self._indices]

    @property
    def folder(self):
        return self._source.folder

    @property
    def other_files(self):
        return self._source.other_files

    @property
    def style(self):
        return self._source.style

    @property
    def skipped(self):
        names = self._source.names
        return [
            (names[i], reason.removeprefix(f"{shown(names[i])}: "))
            for i, reason in sorted(self._source.broken.items())
        ]

    @property
    def lacking(self):
        """The names of the images of the source that are not among these."""
        return [name for name, _ in self.skipped]

    @property
    def description(self):
        source = self._source
        skipped = len(source.broken)
        text = f"{len(source.names) - skipped} {source.place}"
        return text + (f" ({skipped} skipped)" if skipped else "")

    @property
    def fingerprint(self):
        """Their number and a digest of their names, as text."""
        names = hashlib.sha256("\n".join(self.names).encode(errors="replace"))
        return f"{len(self)}, names {names.hexdigest()[:8]}"

    def read(self, index):
        """Return image `index`; raise UserError if it is broken."""
        return self._source.decode(self._indices[index])

    def load(self, index):
        """Return image `index` as uint8 `[load_size, load_size, 3]`.

        A broken image causes one warning and is replaced by the next one, so
        that the run continues. UserError, if the folder is gone or 100 images
        in a row are broken.
        """
        failures = 0
        for step in range(len(self)):
            candidate = (index + step) % len(self)
            if self._is_broken(candidate):
                continue
            try:
                return self.read(candidate)
            except UserError as error:
                self._raise_if_gone()
                self._warn(self._indices[candidate], error)
                failures += 1
                if failures == _MOST_FAILURES:
                    raise UserError(
                        f"{self.description}: {failures} in a row cannot be "
                        f"read any more; the last: {error}"
                    ) from error
        raise UserError(
            f"{self.description}: every image turned out to be broken"
        )

    def _is_broken(self, index):
        number, source = self._indices[index], self._source
        return number in source.broken or number in source.late

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

    def _warn(self, number, error):
        source = self._source
        with source.lock:
            if number in source.late:
                return
            source.late.add(number)
            if len(source.late) <= _MOST_WARNINGS:
                logger.warning(
                    "%s: %s; the next one takes its place",
                    self.description,
                    error,
                )
            elif len(source.late) == _MOST_WARNINGS + 1:
                logger.warning(
                    "%s: more are broken and not named", self.description
                )

    def variant(self, number):
        """Return the same images in style `number` modulo their styles."""
        if not self._variants:
            return self
        chosen = copy.copy(self)
        chosen._source = self._variants[number % len(self._variants)]
        chosen._variants = ()
        return chosen

    def subset(self, indices):
        """Return the images with these indices, in this order."""
        return self._taken([int(i) for i in indices])

    def _taken(self, indices):
        taken = copy.copy(self)
        for name in ("names", "headers"):  # of the others
            vars(taken).pop(name, None)
        taken._indices = [self._indices[i] for i in indices]
        return taken

    def cropped(self, size):
        """Return center crops of `size` pixels."""
        corner, source = (self.load_size - size) // 2, self._source
        middle = slice(corner, corner + size)
        cropped = self._taken(range(len(self)))
        cropped.load_size, cropped._variants = size, ()
        cropped._source = dataclasses.replace(
            source,
            decode=lambda i: source.decode(i)[middle, middle],
            find_headers=lambda: source.headers,
        )
        return cropped

    def whole(self):
        """Return the images with readable headers; warn about the others.

        Raises:
            UserError: if there are none.
        """
        headers = self._source.headers
        return self._without(
            {
                i: headers[i]
                for i in self._indices
                if isinstance(headers[i], str)
            }
        )

    def prepared(self, twice=False):
        """Return the images that can be decoded; cache their pixels.

        Images that do not fit into `cache_bytes` are decoded again on each
        use. Files of more than 2,000 million pixels in total are not decoded
        here; all of them are returned.

        Args:
            twice: bool, whether to decode also images that do not fit.

        Raises:
            UserError: if there are none.
        """
        headers = self.headers
        pixels = sum(header.width * header.height for header in headers)
        if not (
            self._source.may_break
            and (self._source.is_kept or twice)
            and pixels <= _MOST_PIXELS_AT_START
        ):
            return self

        decode = self._source.probe or self._source.decode

        def error_of(number):
            try:
                decode(number)
            except UserError as error:
                return str(error)

        # Pillow leaves Python to other threads while it decodes.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            new = [i for i in self._indices if i not in self._source.seen]
            errors = zip(new, pool.map(error_of, new), strict=True)
            broken = {i: error for i, error in errors if error}
        self._source.seen.update(new)
        return self._without(broken)

    def _without(self, broken):
        source = self._source
        new = [i for i in broken if i not in source.broken]
        source.broken.update(broken)
        good = [
            n for n, i in enumerate(self._indices) if i not in source.broken
        ]
        if not good:
            first = next(iter(broken.values()), None)
            raise UserError(
                f"{source.argument} must have at least one readable image. "
                f"Received: {len(self)} {source.place}"
                + (f", all broken; the first: {first}" if first else "")
            )
        for i in new[:_MOST_WARNINGS]:
            logger.warning("%s: skipped: %s", source.argument, broken[i])
        if len(new) > _MOST_WARNINGS:
            logger.warning(
                "%s: skipped: %d more",
                source.argument,
                len(new) - _MOST_WARNINGS,
            )
        return self._taken(good) if len(good) < len(self) else self


def _kept(decode, count, load_size):
    """Return a caching version of `decode`."""
    pixels = np.empty((count, load_size, load_size, 3), np.uint8)
    done = np.zeros(count, bool)

    def load(index):
        if not done[index]:
            # Two threads at a time would write the same bytes.
            pixels[index] = decode(index)
            done[index] = True
        image = pixels[index]
        image.flags.writeable = False
        return image

    return load


def split(pictures, held_out, seed=0):
    """Hold out images from training, the same ones for the same seed.

    Args:
        pictures: `Pictures`.
        held_out: int, number of images to hold out.
        seed: int, 0 <= seed < 2**32.

    Returns:
        `(training, held_out)`, both `Pictures`. With fewer than four times
        `held_out` images, training gets all of them, including the held-out
        ones.
    """
    checks.at_least(0, held_out=held_out)
    # RandomState, as the streams of NumPy's newer generators may change.
    order = np.random.RandomState(seed).permutation(len(pictures))
    held = pictures.subset(order[:held_out])
    if held_out < 1 or len(pictures) < 4 * held_out:
        return pictures, held
    return pictures.subset(sorted(order[held_out:])), held
