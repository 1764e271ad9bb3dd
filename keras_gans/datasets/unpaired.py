"""Batches of unpaired images of two domains, shuffled independently."""

from keras_gans.datasets import passes, sources, streams
from keras_gans.datasets.two_domains import TwoDomains

# Identities of drawn faces; the domains share none of them.
FACES = range(0, 4000, 2), range(1, 4000, 2)


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
    repeat=True,
):
    """Make a data set of batches from two unpaired sides.

    Each side is shuffled again for every pass; sides may have different
    lengths, and no image of the longer one is dropped.

    Args:
        a: `Pictures` or an `open_source` argument, of domain a.
        b: the same of domain b.
        image_size: int, height and width of the batches in pixels.
        batch_size: int, images of each side, over all replicas.
        load_size: int, images are scaled to this size, then randomly
            cropped to `image_size`. Default: that of opened `Pictures`, else
            286/256 of `image_size` (72 for 64); equal to `image_size` means
            no crop.
        flip: bool, whether to flip each image at random (left to right).
        seed: int, 0 <= seed < 2**32.
        start: int, number of batches already consumed.
        held_out: int, images of each side never used here;
            `datasets.held_out` gives them.
        cache_bytes: int, most memory for decoded images of each side.
        repeat: bool, whether to repeat without end. False: one pass for
            validation, over the held-out images, or all if `held_out` is 0:
            in a fixed order, center crops, no flips; the last batch may be
            smaller, and the shorter side starts again from its first image.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images_a` and
        `images_b`, float32 `[batch_size, image_size, image_size, 3]` in
        [-1, 1].

    Raises:
        UserError: if an argument is invalid or a side cannot be opened.
    """
    passes.check(
        *(image_size, batch_size, load_size, seed, start, held_out),
        flip=flip,
        repeat=repeat,
    )
    collections = {
        f"images_{domain}": (
            f"data_{domain}",
            streams.opened(
                *(side, f"data_{domain}", image_size, load_size, seed),
                *(cache_bytes, faces),
            ),
        )
        for domain, side, faces in zip("ab", (a, b), FACES, strict=True)
    }
    return streams.batches(
        *(collections, image_size, batch_size, flip, seed, start),
        *(held_out, repeat),
    )


class UnpairedData(TwoDomains):
    """Two image collections, see `unpaired`."""

    kind = "unpaired"

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        return {
            name: sources.open_source(
                settings[name], load_size, name, seed, cache_bytes, faces
            )
            for name, faces in zip(cls.sources, FACES, strict=True)
        }

    def batches(self, start=0, repeat=True):
        return unpaired(*self._sides(repeat), **self._options(start, repeat))
