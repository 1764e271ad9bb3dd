"""Passes through images: their order, crops and flips.

All are pure functions of the seed and the position. So a stopped run resumes
with exactly the next batch, and neither the batch size nor the number of
threads changes the sequence.
"""

import functools
import logging

import numpy as np

from keras_gans import checks, images
from keras_gans.checks import UserError
from keras_gans.datasets.pictures import split

logger = logging.getLogger("keras_gans")


def batch(pictures, stream, first, batch_size, image_size, flip, seed):
    """Make the batch that starts at position `first` of a stream.

    Each pass takes all images in a new order; streams are independent. Images
    of several styles are in a random one.

    Args:
        pictures: `Pictures`.
        stream: int, number of the stream.
        first: int, position of the batch's first image.
        batch_size: int.
        image_size: int, height and width of the crop.
        flip: bool, whether to flip each image at random (left to right).
        seed: int, 0 <= seed < 2**32.

    Returns:
        `(batch, indices)`: uint8 `[batch_size, image_size, image_size,
        channels]`, and the numbers of these images.
    """
    # Philox is a function of key and counter: the four words of a position
    # are the same in whatever batch it comes.
    words = np.random.Philox(key=(seed, stream), counter=first)
    words = words.random_raw((batch_size, 4))
    corners = words[:, :2] % (pictures.load_size - image_size + 1)
    mirrored = words[:, 2] & flip
    squares = []
    indices = np.empty(batch_size, np.int64)
    for row in range(batch_size):
        epoch, place = divmod(first + row, len(pictures))
        indices[row] = order(seed, stream, epoch, len(pictures))[place]
        y, x = corners[row].tolist()
        picture = pictures.variant(int(words[row, 3])).load(indices[row])
        picture = picture[y : y + image_size, x : x + image_size]
        squares.append(picture[:, ::-1] if mirrored[row] else picture)
    return np.stack(squares), indices


def fixed(pictures, first, count, image_size):
    """Return `count` images from position `first`, in their own order.

    Without randomness, for validation: center crops. After the last image
    comes the first.

    Args:
        pictures: `Pictures`.
        first: int, position of the first image.
        count: int.
        image_size: int, height and width of the crop.

    Returns:
        `(batch, indices)`, as in `batch`.
    """
    corner = (pictures.load_size - image_size) // 2
    middle = slice(corner, corner + image_size)
    indices = np.arange(first, first + count) % len(pictures)
    squares = [pictures.load(i)[middle, middle] for i in indices]
    return np.stack(squares), indices


@functools.lru_cache(maxsize=32)
def order(seed, stream, epoch, count):
    """Return the order of one pass through `count` things.

    Not `tf.random.experimental.index_shuffle`: in TensorFlow 2.21 it fails
    for a vector of seeds, which a batch across two passes needs, and its
    permutations of few elements are measurably uneven.
    """
    return np.random.RandomState([seed, stream, epoch]).permutation(count)


def held_out(pictures, count, image_size=64, seed=0):
    """Return the held-out images of a pipeline, for sample grids.

    Args:
        pictures: `Pictures`, as given to the pipeline.
        count: int, its `held_out`.
        image_size: int, height and width of the center crop.
        seed: int, its `seed`.

    Returns:
        float32 array `[count, image_size, image_size, 3]` in [-1, 1]; fewer
        if there are not that many images.

    Raises:
        UserError: if an argument is out of range.
    """
    checks.at_least(1, count=count)
    checks.at_least(1, image_size=image_size)
    checks.seed(seed)
    checks.at_least(image_size, load_size=pictures.load_size)
    return middle(split(pictures, count, seed)[1], count, image_size)


def middle(pictures, count, image_size):
    """Return center crops of the first `count`, float32 in [-1, 1]."""
    squares, _ = fixed(pictures, 0, min(count, len(pictures)), image_size)
    return images.to_float(squares).numpy()


def chosen(pictures, held_out, seed, name, repeat):
    """Return the images that a pipeline uses.

    An endless pipeline takes all but the held-out images, or all of them with
    a warning if there are too few. A single pass takes the held-out images,
    or all if there are none.
    """
    rest, held = split(pictures, held_out, seed)
    if not repeat:
        return held if held_out else pictures
    if held_out and rest is pictures:
        warn_of_few(name, pictures, held_out)
    return rest


def warn_of_few(name, pictures, held_out):
    """Warn that images are too few for some to be held out."""
    logger.warning(
        "%s: none of its %d images is held out, as they are fewer than "
        "4 times %d",
        name,
        len(pictures),
        held_out,
    )


def check(image_size, batch_size, load_size, seed, start, held_out, **booleans):
    """Check the arguments that all pipelines share.

    Raises:
        UserError: naming the argument that is out of range.
    """
    checks.at_least(1, image_size=image_size, batch_size=batch_size)
    checks.at_least(0, start=start, held_out=held_out)
    checks.seed(seed)
    for name, value in booleans.items():
        if not isinstance(value, bool | np.bool_):
            raise UserError(
                f"{name} must be True or False. Received: {value!r}"
            )
    if load_size is not None:
        checks.at_least(image_size, load_size=load_size)


def check_opened(pictures, name, image_size, load_size):
    """Check the sizes of images that are already opened.

    Raises:
        UserError: if they are too small, or were opened for another size.
    """
    checks.at_least(image_size, load_size=pictures.load_size)
    if load_size not in (None, pictures.load_size):
        raise UserError(
            f"load_size must be that of the opened {name}, "
            f"{pictures.load_size}. Received: {load_size}"
        )
