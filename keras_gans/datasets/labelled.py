"""Batches of images with labels, from one data set or several in turn."""

import itertools
import math

import numpy as np

from keras_gans import checks
from keras_gans import growth as growths
from keras_gans.checks import UserError
from keras_gans.datasets import passes, pipeline
from keras_gans.datasets.data import SHOWN, Data
from keras_gans.datasets.labels import LabelledPictures, open_labelled
from keras_gans.datasets.pictures import Pictures, split
from keras_gans.faces import drawing
from keras_gans.faces.identities import FIRST_HELD_OUT


def labelled(
    data,
    labels=None,
    image_size=128,
    batch_size=16,
    batches_per_step=1,
    load_size=None,
    flip=True,
    seed=0,
    start=0,
    held_out=0,
    cache_bytes=1 << 30,
    repeat=True,
    growth=None,
):
    """Make a data set of images with their labels.

    Args:
        data: `LabelledPictures` or an `open_labelled` argument; or a list of
            `LabelledPictures`, two or more data sets with different labels,
            to train on in turn.
        labels: list of str, the labels to use; None for the default of
            `open_labelled`, or for opened data.
        image_size: int, height and width of the batches in pixels.
        batch_size: int, images per update, over all replicas.
        batches_per_step: int, number of such batches in an element, as
            StarGAN's critic is updated more often than its generator. Batch
            i is every `batches_per_step`-th row from i on, so that each
            replica, which gets consecutive rows, has a part of every batch.
        load_size: int, images are scaled to this size, then randomly
            cropped to `image_size`. Default: that of opened data, else
            `image_size`, without a crop, as in the paper: faces are aligned,
            and a crop could remove a labeled feature such as bangs or a hat.
        flip: bool, whether to flip each image at random (left to right).
        seed: int, 0 <= seed < 2**32.
        start: int, number of elements already consumed.
        held_out: int, images of each data set never used here;
            `held_out_labelled` gives them.
        cache_bytes: int, most memory for decoded images.
        repeat: bool, whether to repeat without end. False: one pass for
            validation, over the held-out images, or all if `held_out` is 0:
            one data set after the other, in a fixed order, center crops, no
            flips; the last element may be smaller.
        growth: as in `single`; for one data set and one batch per step.

    Returns:
        `tf.data.Dataset`; elements are dicts with `images`,
        float32 `[batches_per_step * batch_size, image_size, image_size, 3]`
        in [-1, 1], and `labels`, float32 of 0 and 1, a row for each image.
        With several data sets, each batch within an element comes from one of
        them in turn; the columns of `labels` are those of all sets in order,
        0 for images of other sets; and `mask`, float32, one row per image and
        one column per set, is 1 for the image's set.

    Raises:
        UserError: if an argument is invalid or the data cannot be opened.

    Reference:
        Choi et al. 2018, "StarGAN", sections 3.2 (mask) and 5.2.
    """
    passes.check(
        *(image_size, batch_size, load_size, seed, start, held_out),
        flip=flip,
        repeat=repeat,
    )
    checks.at_least(1, batches_per_step=batches_per_step)
    sets = _opened(data)
    if sets is None:
        size = load_size or image_size
        data = open_labelled(data, labels, size, "data", seed, cache_bytes)
        sets = {"data": data}
    elif labels is not None:
        raise UserError(
            "labels must be None for opened data, which has its own. "
            f"Received: {labels!r}"
        )
    if growth is not None and (len(sets) > 1 or batches_per_step > 1):
        raise UserError(
            "growth must be None for several data sets or batches_per_step. "
            f"Received: {growth!r}"
        )
    order = growths.Batches(image_size, batch_size, growth if repeat else None)
    for name, pictures in sets.items():
        passes.check_opened(pictures, name, image_size, load_size)
    sets = [
        passes.chosen(pictures, held_out, seed, name, repeat).prepared()
        for name, pictures in sets.items()
    ]

    def make_batch(turn):
        chosen, earlier = _whose_turn(turn, len(sets), batches_per_step)
        first, count, size = order.at(earlier)
        batch, indices = passes.batch(
            sets[chosen], chosen, first, count, image_size, flip, seed
        )
        rows = sets[chosen].labels_of(indices)
        batch = growths.reduced(batch, size)
        return {"images": batch} | _vectors(sets, chosen, rows)

    def make_element(number):
        first = number * batches_per_step
        turns = range(first, first + batches_per_step)
        return _joined(list(map(make_batch, turns)), np.stack, axis=1)

    count = batches_per_step * batch_size
    starts = [0, *itertools.accumulate(map(len, sets))]

    def make_fixed_element(number):
        first, last = number * count, (number + 1) * count
        parts = []
        for index, pictures in enumerate(sets):
            begin = max(first, starts[index])
            rows = min(last, starts[index + 1]) - begin
            if rows > 0:
                squares, indices = passes.fixed(
                    pictures, begin - starts[index], rows, image_size
                )
                labels = pictures.labels_of(indices)
                vectors = _vectors(sets, index, labels)
                parts.append({"images": squares} | vectors)
        return _joined(parts, np.concatenate)

    rows, *shape = order.shape
    rows = rows and count
    specs = {"images": ((rows, *shape), np.uint8)}
    for key, vectors in _vectors(sets, 0, sets[0].labels).items():
        specs[key] = ((rows, vectors.shape[1]), np.float32)
    if repeat:
        return pipeline.batches(make_element, specs, start)
    stop = -(-starts[-1] // count)
    return pipeline.batches(make_fixed_element, specs, start, stop)


def held_out_labelled(data, count, image_size=128, seed=0):
    """Return the held-out images of `labelled`, for sample grids.

    Args:
        data: `LabelledPictures` or a list of them, as given to `labelled`.
        count: int, its `held_out`.
        image_size: int, height and width of the center crop.
        seed: int, its `seed`.

    Returns:
        dict of float32 arrays as in an element of `labelled`, with `count`
        images of each data set, one set after the other; fewer if there are
        fewer.

    Raises:
        UserError: if an argument is out of range.
    """
    checks.at_least(1, count=count)
    checks.at_least(1, image_size=image_size)
    checks.seed(seed)
    opened = _opened(data)
    if opened is None:
        raise UserError(
            "data must be LabelledPictures, or a list of them, as "
            f"open_labelled returns. Received: {data!r}"
        )
    held = [split(p, count, seed)[1] for p in opened.values()]
    return _first(held, count, image_size)


def _first(sets, count, image_size):
    """Return center crops of the first images of each data set."""
    batches = []
    for number, pictures in enumerate(sets):
        checks.at_least(image_size, load_size=pictures.load_size)
        rows = pictures.labels_of(range(min(count, len(pictures))))
        squares = passes.middle(pictures, count, image_size)
        batches.append({"images": squares} | _vectors(sets, number, rows))
    return _joined(batches, np.concatenate)


def _opened(data):
    """Return opened data sets by name, or None if they must be opened."""
    if isinstance(data, LabelledPictures):
        return {"data": data}
    if (
        isinstance(data, list)
        and data
        and all(isinstance(entry, LabelledPictures) for entry in data)
    ):
        return {f"data[{number}]": entry for number, entry in enumerate(data)}
    return None


def _whose_turn(turn, num_sets, batches_per_step):
    """Return the index of the current data set and its earlier turns."""
    # If it were `turn` alone, then with two sets and an even number of
    # batches the last of a step, which the generator learns from, would
    # always come from the same set.
    common = math.gcd(num_sets, batches_per_step)
    shift = turn // math.lcm(num_sets, batches_per_step) % common
    return (turn + shift) % num_sets, turn // num_sets


def _vectors(sets, chosen, rows):
    """Return the labels of a data set in the vector of all sets, and mask."""
    if len(sets) == 1:
        return {"labels": rows}
    widths = [len(pictures.label_names) for pictures in sets]
    first = sum(widths[:chosen])
    labels = np.zeros((len(rows), sum(widths)), np.float32)
    labels[:, first : first + widths[chosen]] = rows
    mask = np.zeros((len(rows), len(sets)), np.float32)
    mask[:, chosen] = 1.0
    return {"labels": labels, "mask": mask}


def _joined(batches, join, **options):
    joined = {
        key: join([batch[key] for batch in batches], **options)
        for key in batches[0]
    }
    return {
        key: array.reshape(-1, *batches[0][key].shape[1:])
        for key, array in joined.items()
    }


class WithLabels(Data):
    """Base of the kinds of which a side or more has labels.

    Their settings have the lists `labels`, an entry for each such side, and
    `exclusive`.
    """

    @classmethod
    def resolve(cls, settings):
        super().resolve(settings)
        data, labels = settings.get("data"), settings["labels"]
        if labels and len(labels) != len(data or [None]):
            raise UserError(
                "labels must be given once for each data. Received: "
                f"{len(labels)} for {len(data or [None])}"
            )
        settings["labels"] = labels and []
        for text in labels or ():
            names = [n.strip() for n in text.split(",") if n.strip()]
            if not names or any(name.startswith("-") for name in names):
                raise UserError(
                    "labels must name what to learn; only translate takes "
                    f"labels off. Received: {text!r}"
                )
            settings["labels"].append(names)

    @classmethod
    def model_arguments(cls, settings):
        sets = settings["labels"]
        return {
            "labels": sets if len(sets) > 1 else sets[0],
            "exclusive": settings["exclusive"],
        }

    def _labelled(self):
        """Return the sides with labels, by name."""
        return {
            name: side
            for name, side in self.sides.items()
            if isinstance(side, LabelledPictures)
        }

    def recorded(self):
        sides = self._labelled().values()
        return super().recorded() | {
            "labels": [side.label_names for side in sides],
            "exclusive": sum((side.exclusive for side in sides), []),
        }

    def _unseen_faces(self, count):
        indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
        table = drawing.attribute_table(indices, self.settings["seed"])
        drawn = super()._unseen_faces(count)
        for name, side in self._labelled().items():
            columns = [drawing.ATTRIBUTES.index(n) for n in side.label_names]
            drawn[name] = LabelledPictures(
                drawn[name],
                table[:, columns].astype(np.float32),
                side.label_names,
                side.exclusive,
            )
        return drawn


class LabelledData(WithLabels):
    """One or more image collections with labels, see `labelled`.

    Its setting `data` is a list, an entry for each data set.
    """

    kind = "labelled"
    sources = ("data",)
    flags = ("data", "labels")

    @staticmethod
    def _load_size(image_size):
        return image_size  # nothing is cut, see `labelled`

    @classmethod
    def _open_sides(cls, settings, load_size, seed, cache_bytes):
        specs = settings["data"]
        wanted = settings.get("labels") or [None] * len(specs)
        if len(specs) != len(wanted):
            raise UserError(
                f"data must be given {len(wanted)} times, as in training. "
                f"Received: {', '.join(specs)}"
            )
        return {
            name: open_labelled(spec, names, load_size, name, seed, cache_bytes)
            for name, spec, names in zip(
                _names(specs), specs, wanted, strict=True
            )
        }

    def steps_of(self, epochs):
        # A batch is of one data set, a step may take several batches.
        batches = super().steps_of(epochs) * len(self.training)
        return -(-batches // self.settings.get("critic_steps", 1))

    def batches(self, start=0, repeat=True):
        sets = self._sides(repeat)
        return labelled(
            sets if len(sets) > 1 else sets[0],
            batches_per_step=self.settings.get("critic_steps", 1),
            **self._options(start, repeat),
        )

    def held_out(self, count=SHOWN):
        sets = list(self.held.values())
        return _first(sets, count, self.settings["image_size"])

    def _is_drawn(self):
        # With two data sets at once, no face is known to have all labels.
        return len(self.sides) == 1 and super()._is_drawn()

    def _domains(self, sides):
        sets = list(sides.values())
        rows = [_vectors(sets, n, p.labels) for n, p in enumerate(sets)]
        vectors = np.concatenate([np.hstack([*r.values()]) for r in rows])
        places = [(p, i) for p in sets for i in range(len(p))]
        images = Pictures(
            [name for pictures in sets for name in pictures.names],
            lambda i: places[i][0].read(places[i][1]),
            self.settings["image_size"],
            f"of {' and '.join(p.description for p in sets)}",
        )
        return {None: images}, vectors


def _names(specs):
    """Return the names of several data sets in errors."""
    several = [f"data[{number}]" for number in range(len(specs))]
    return several if len(several) > 1 else ["data"]
