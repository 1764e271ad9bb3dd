"""Unpaired pictures of two domains, each shuffled for itself, for ever.

Which picture stands at which position, and how it is cropped and flipped, is
a pure function of the seed and the position. So a run that is stopped goes on
with the very batch it would have seen next, and neither the batch size nor
the number of threads changes the sequence.
"""

import functools
import logging

import numpy as np

from keras_gans import images
from keras_gans.datasets import pipeline, sources

logger = logging.getLogger("keras_gans")


def unpaired(
    a,
    b,
    image_size=64,
    batch_size=64,
    load_size=None,
    flip=True,
    seed=0,
    start=0,
    held_out=0,
    cache_bytes=1 << 30,
):
    """Make an endless data set of batches from two sides without pairs.

    Each side passes through all its pictures in a new order every time; the
    sides may be of different lengths, and none of the longer is dropped.

    Args:
        a: `Pictures`, or what `open_source` takes, of domain a.
        b: the same of domain b.
        image_size: int, height and width of the batches in pixels.
        batch_size: int, pictures of each side, over all replicas.
        load_size: int, pictures are scaled to this size and a random square
            of `image_size` is cut. Default: that of opened `Pictures`, else
            286/256 of `image_size` (72 for 64); equal to `image_size` means
            no crop.
        flip: bool, whether to mirror every second picture by chance.
        seed: int, 0 <= seed < 2**32.
        start: int, batches that were consumed already.
        held_out: int, pictures of each side never used here; `held_out()`
            gives them.
        cache_bytes: int, most memory for decoded pictures of each side.

    Returns:
        `tf.data.Dataset` without end; elements are dicts with `images_a` and
        `images_b`, float32 `[batch_size, image_size, image_size, 3]` in
        [-1, 1].

    Raises:
        ValueError: if an argument is wrong or a side cannot be opened.
    """
    for name, value, least in (
        ("image_size", image_size, 1),
        ("batch_size", batch_size, 1),
        ("start", start, 0),
        ("held_out", held_out, 0),
    ):
        sources.check_int(name, value, least)
    sources.check_seed(seed)
    if load_size is not None:
        sources.check_int("load_size", load_size, image_size)
    sides = [
        _open(side, name, image_size, load_size, seed, cache_bytes)
        for name, side in (("data_a", a), ("data_b", b))
    ]
    for number, pictures in enumerate(sides):
        sides[number], _ = sources.split(pictures, held_out, seed)
        if held_out and sides[number] is pictures:
            logger.warning(
                "data_%s: none of its %d pictures is held out, as they are "
                "fewer than 4 times %d",
                "ab"[number],
                len(pictures),
                held_out,
            )

    def make_batch(number):
        return {
            f"images_{'ab'[side]}": _batch(
                pictures,
                side,
                number * batch_size,
                batch_size,
                image_size,
                flip,
                seed,
            )
            for side, pictures in enumerate(sides)
        }

    spec = ((batch_size, image_size, image_size, 3), np.uint8)
    return pipeline.endless(
        make_batch, {"images_a": spec, "images_b": spec}, start
    )


def held_out(pictures, count, image_size=64, seed=0):
    """Return the pictures that `unpaired` holds back, for sample grids.

    Args:
        pictures: `Pictures`, as given to `unpaired`.
        count: int, its `held_out`.
        image_size: int, height and width of the middle square that is cut.
        seed: int, its `seed`.

    Returns:
        float32 array `[count, image_size, image_size, 3]` in [-1, 1]; fewer
        if there are not that many pictures.

    Raises:
        ValueError: if an argument is out of range.
    """
    sources.check_int("count", count, 1)
    sources.check_int("image_size", image_size, 1)
    sources.check_seed(seed)
    sources.check_int("load_size", pictures.load_size, image_size)
    _, held = sources.split(pictures, count, seed)
    corner = (pictures.load_size - image_size) // 2
    middle = slice(corner, corner + image_size)
    batch = [held.load(i)[middle, middle] for i in range(len(held))]
    return images.to_float(np.stack(batch)).numpy()


def _batch(pictures, side, first, batch_size, image_size, flip, seed):
    """Make the batch that starts at position `first` of one side.

    Returns:
        uint8 `[batch_size, image_size, image_size, 3]`.
    """
    # Philox is a function of key and counter: the four words of a position
    # are the same in whatever batch it comes.
    words = np.random.Philox(key=(seed, side), counter=first)
    words = words.random_raw((batch_size, 4))
    corners = words[:, :2] % (pictures.load_size - image_size + 1)
    mirrored = words[:, 2] & flip
    batch = np.empty((batch_size, image_size, image_size, 3), np.uint8)
    for row in range(batch_size):
        epoch, place = divmod(first + row, len(pictures))
        index = _order(seed, side, epoch, len(pictures))[place]
        y, x = corners[row].tolist()
        picture = pictures.load(index)
        picture = picture[y : y + image_size, x : x + image_size]
        batch[row] = picture[:, ::-1] if mirrored[row] else picture
    return batch


@functools.lru_cache(maxsize=8)
def _order(seed, side, epoch, count):
    """Return the order of one pass through one side.

    Not `tf.random.experimental.index_shuffle`: in TensorFlow 2.21 it fails
    for a vector of seeds, which a batch across two passes needs, and its
    permutations of few elements are measurably uneven.
    """
    return np.random.RandomState([seed, side, epoch]).permutation(count)


def _open(side, name, image_size, load_size, seed, cache_bytes):
    if not isinstance(side, sources.Pictures):
        load_size = load_size or sources.default_load_size(image_size)
        return sources.open_source(side, load_size, name, seed, cache_bytes)
    sources.check_int("load_size", side.load_size, image_size)
    if load_size not in (None, side.load_size):
        raise ValueError(
            f"load_size must be that of the opened {name}, {side.load_size}. "
            f"Received: {load_size}"
        )
    return side
