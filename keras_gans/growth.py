"""Training that starts with small images: when and how they grow.

Everything is a pure function of the images seen, or of the number of a batch.

Reference: Karras et al. 2018, "Progressive Growing of GANs for Improved
Quality, Stability, and Variation", arXiv:1710.10196, section 3 and appendix A;
github.com/tkarras/progressive_growing_of_gans, train.py, TrainingSchedule.
"""

import dataclasses
import math

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError

SMALLEST = 4  # pixels, the side of the first images

# Images of a batch on one GPU, and rates that are not the usual.
BATCH_SIZES = {4: 128, 8: 128, 16: 128, 32: 64, 64: 32, 128: 16, 256: 8}
_LEAST_BATCH_SIZE = 4
_RATES = {1024: 1.5}  # times the usual one


@dataclasses.dataclass(frozen=True)
class Growth:
    """The image size and the fade at every moment of a training.

    Training starts at the smallest size. After `stable_images` images the
    next size is faded in over `fade_images`, and so on.

    Args:
        sizes: tuple of int, pixels, from the smallest to the largest.
        stable_images: int from 0 up, images per size without a fade.
        fade_images: int from 1 up, images of a fade.
    """

    sizes: tuple
    stable_images: int = 600_000
    fade_images: int = 600_000

    def __post_init__(self):
        checks.at_least(0, stable_images=self.stable_images)
        checks.at_least(1, fade_images=self.fade_images)

    def level(self, images):
        """Return the level of detail: 0 at the largest size, with fraction.

        The integer part is the number of halvings from the largest size, the
        fraction the share of the next smaller size in the images.
        """
        period = self.stable_images + self.fade_images
        steps, rest = divmod(images, period)
        faded = max(rest - self.stable_images, 0) / self.fade_images
        return max(len(self.sizes) - 1 - steps - faded, 0.0)

    def size(self, images):
        """Return the image size in pixels."""
        return self.sizes[-1] // 2 ** int(self.level(images))

    def stage(self, images):
        """Count stages from 0: the first size, a fade, the second size, ..."""
        level = self.level(images)
        halvings = len(self.sizes) - 1
        return 2 * halvings - math.floor(level) - math.ceil(level)

    def fade_start(self, size):
        """Return the images after which this size begins to be faded in."""
        before = self.sizes.index(size) - 1
        period = self.stable_images + self.fade_images
        return before * period + self.stable_images

    @property
    def images(self):
        """The images until the largest size is whole."""
        period = self.stable_images + self.fade_images
        return (len(self.sizes) - 1) * period

    def table(self):
        """Return the batches as plain values, for pipelines.

        Returns:
            list of `[image size, batches, images]`: until more than `images`
            have been seen (None: for ever), batches have images of this
            size, `batches` times as many as those of the largest size.
        """
        largest = self.sizes[-1]
        rows = [
            [size, batch_size_of(size) // batch_size_of(largest), None]
            for size in self.sizes
        ]
        for row, following in zip(rows, self.sizes[1:], strict=False):
            row[2] = self.fade_start(following)
        return rows


def batch_size_of(size):
    """Return the authors' batch size for images of this size."""
    return BATCH_SIZES.get(size, _LEAST_BATCH_SIZE)


def rate_factor(size):
    """Return what the learning rate is multiplied by at this size."""
    return _RATES.get(size, 1.0)


def sizes_between(initial_size, image_size):
    """Return the sizes from one to another, each twice the one before.

    Raises:
        UserError: unless the doublings of `initial_size` reach `image_size`.
    """
    sizes = [image_size]
    while sizes[0] > SMALLEST:
        sizes.insert(0, sizes[0] // 2)
    if initial_size not in sizes:
        raise UserError(
            f"initial_size must be one of {', '.join(map(str, sizes))} for "
            f"image_size={image_size}. Received: {initial_size!r}"
        )
    return tuple(sizes[sizes.index(initial_size) :])


class Batches:
    """Tells the place, number and size of the images of every batch.

    Args:
        image_size: int, pixels, side of the largest images.
        batch_size: int, images of a batch of the largest.
        growth: list of `[image size, batches, images]`, from the smallest
            size to `image_size`: until more than `images` have been seen,
            batches have images of this size and `batches` times
            `batch_size` of them; the last `images` is None. Or None: all
            batches are alike.

    Raises:
        UserError: if `growth` is no such list.
    """

    def __init__(self, image_size, batch_size, growth=None):
        rows = [[image_size, 1, None]] if growth is None else growth
        _check(rows, image_size)
        self._parts = []  # first batch, its first image, size, batch size
        number = first = 0
        for size, batches, images in rows:
            count = batches * batch_size
            self._parts.append((number, first, size, count))
            steps = 0
            if images is not None and images >= first:
                steps = (images - first) // count + 1
            number, first = number + steps, first + steps * count

    def at(self, number):
        """Return `(first image, images, size)` of batch `number`."""
        start, first, size, count = max(
            p for p in self._parts if p[0] <= number
        )
        return first + (number - start) * count, count, size

    def reach(self, images):
        """Return the number of batches with at least so many images."""
        start, first, _, count = max(p for p in self._parts if p[1] <= images)
        return start - (first - images) // count

    @property
    def shape(self):
        """The shape of the images of a batch, None where it changes."""
        if len(self._parts) > 1:
            return (None, None, None, 3)
        ((_, _, size, count),) = self._parts
        return (count, size, size, 3)


def reduced(squares, size):
    """Average squares of pixels, as the authors' files of each size.

    Args:
        squares: uint8 `[batch, side, side, channels]`.
        size: int, a divisor of `side`.

    Returns:
        uint8 `[batch, size, size, channels]`.
    """
    count, side, _, channels = squares.shape
    part = side // size
    if part == 1:
        return squares
    squares = squares.reshape(count, size, part, size, part, channels)
    return np.rint(squares.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)


def _check(rows, image_size):
    rule = (
        f"growth must be a list of [size, batches, images] up to size "
        f"{image_size}, such as the growth of a ProgressiveGAN"
    )
    is_list = isinstance(rows, (list, tuple)) and rows
    if not is_list or not all(
        isinstance(row, (list, tuple)) and len(row) == 3 for row in rows
    ):
        raise UserError(f"{rule}. Received: {rows!r}")
    for size, batches, images in rows:
        checks.between(1, image_size, **{"a size of growth": size})
        checks.between(1, 2**16, **{"batches of growth": batches})
        if images is not None:
            checks.between(0, 2**40, **{"images of growth": images})
        if image_size % size:
            raise UserError(f"{rule}, each a divisor. Received: {size}")
    sizes = [size for size, *_ in rows]
    lasts = [images for *_, images in rows]
    if (
        sizes[-1] != image_size
        or sizes != sorted({*sizes})
        or lasts[-1] is not None
        or None in lasts[:-1]
        or lasts[:-1] != sorted(lasts[:-1])
    ):
        raise UserError(f"{rule}, in this order. Received: {rows!r}")
