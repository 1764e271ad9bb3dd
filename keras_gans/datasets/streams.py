"""Batches of unpaired image collections, shuffled independently."""

import numpy as np

from keras_gans import growth as growths
from keras_gans.datasets import passes, pipeline, sources
from keras_gans.datasets.pictures import Pictures


def opened(
    source, name, image_size, load_size, seed, cache_bytes, faces=sources.FACES
):
    """Open a collection if needed; arguments as in `open_source`.

    Raises:
        UserError: if it cannot be opened, or was opened at another size.
    """
    if isinstance(source, Pictures):
        passes.check_opened(source, name, image_size, load_size)
        return source
    size = load_size or sources.default_load_size(image_size)
    return sources.open_source(source, size, name, seed, cache_bytes, faces)


def batches(
    collections,
    image_size,
    batch_size,
    flip,
    seed,
    start,
    held_out,
    repeat,
    growth=None,
):
    """Make a data set of batches from independent collections.

    Args:
        collections: dict from the key in a batch to `(name, Pictures)`; the
            name is used in warnings.
        image_size, batch_size, flip, seed, start, held_out, repeat: as of
            `unpaired`.
        growth: as of `single`; a single pass has the largest images.

    Returns:
        `tf.data.Dataset`; elements are dicts with these keys, float32
        `[batch_size, image_size, image_size, 3]` in [-1, 1].
    """
    sides = [
        passes.chosen(side, held_out, seed, name, repeat).prepared()
        for name, side in collections.values()
    ]
    total = max(map(len, sides))
    order = growths.Batches(image_size, batch_size, growth if repeat else None)

    def make_batch(number):
        first, count, size = order.at(number)
        if not repeat:
            count = min(count, total - first)
        found = [
            passes.batch(side, stream, first, count, image_size, flip, seed)
            if repeat
            else passes.fixed(side, first, count, image_size)
            for stream, side in enumerate(sides)
        ]
        squares = [growths.reduced(images, size) for images, _ in found]
        return dict(zip(collections, squares, strict=True))

    spec = (order.shape, np.uint8)
    return pipeline.batches(
        make_batch,
        dict.fromkeys(collections, spec),
        start,
        None if repeat else -(-total // batch_size),
    )
