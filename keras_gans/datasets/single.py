"""One image collection, for models that generate images from noise."""

from keras_gans.checks import UserError
from keras_gans.datasets import passes, sources, streams
from keras_gans.datasets.data import Data
from keras_gans.datasets.pictures import Pictures, split


def single(
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
    growth=None,
):
    """Make a data set of batches from one image collection.

    Args:
        data: `Pictures` or an `open_source` argument.
        image_size, batch_size, flip, seed, start, held_out, cache_bytes,
            repeat: as in `unpaired`.
        load_size: int, images are scaled to this size, then randomly cropped
            to `image_size`. Default: that of opened data, else `image_size`,
            without a crop, as in the codes of the papers.
        growth: list of `[size, batches, images]`, for a model that starts
            with small images, its `growth`: until more than `images` have
            been seen, batches have images of this size, averaged from those
            of `image_size`, and `batches` times `batch_size` of them.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images`, float32
        `[batch_size, image_size, image_size, 3]` in [-1, 1].

    Raises:
        UserError: if an argument is invalid or the data cannot be opened.
    """
    passes.check(
        *(image_size, batch_size, load_size, seed, start, held_out),
        flip=flip,
        repeat=repeat,
    )
    if load_size is None and not isinstance(data, Pictures):
        load_size = image_size
    data = streams.opened(
        data, "data", image_size, load_size, seed, cache_bytes
    )
    kept, _ = split(data, held_out, seed)
    if repeat and len(kept) < batch_size:
        raise UserError(
            f"batch_size must be at most the {len(kept)} images of data, or "
            f"batches would hold images twice. Received: {batch_size}"
        )
    return streams.batches(
        *({"images": ("data", data)}, image_size, batch_size, flip, seed),
        *(start, held_out, repeat, growth),
    )


class SingleData(Data):
    """One image collection, see `single`; its setting is a list of one."""

    kind = "single"
    sources = ("data",)
    flags = ("data",)

    @classmethod
    def resolve(cls, settings):
        super().resolve(settings)
        data = settings["data"]
        if data is not None and len(data) != 1:
            raise UserError(
                "data must be given once for single data. "
                f"Received: {', '.join(data)}"
            )

    @staticmethod
    def _load_size(image_size):
        return image_size  # nothing is cut, see `single`

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        (spec,) = settings["data"]
        return {
            "data": sources.open_source(
                spec, load_size, "data", seed, cache_bytes
            )
        }

    def batches(self, start=0, repeat=True):
        return single(*self._sides(repeat), **self._options(start, repeat))

    def _domains(self, sides):
        return {None: sides["data"]}, None
