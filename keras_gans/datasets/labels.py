"""Open images with labels and check them against their table.

`open_labelled` opens `LabelledPictures`, as `open_source` does for images
without labels.
"""

import logging

import numpy as np

from keras_gans.checks import UserError
from keras_gans.datasets import label_sources, sources, tables
from keras_gans.datasets.pictures import Pictures
from keras_gans.files import same_name
from keras_gans.inspection.findings import Finding
from keras_gans.inspection.text import plural
from keras_gans.labels import CELEBA_HAIR, Labels

logger = logging.getLogger("keras_gans")

_SHOWN = 3  # names in a message


class LabelledPictures(Pictures):
    """The images of a data set and their labels; made by `open_labelled`.

    Args:
        pictures: `Pictures`.
        labels: float32 `[len(images), len(label_names)]` of 0 and 1.
        label_names: list of str.
        exclusive: list of lists of names, labels of which an image should
            have exactly one.
        found: list of `findings.Finding` made when opening.

    Attributes:
        labels, label_names, exclusive, found: the arguments.
    """

    def __init__(self, pictures, labels, label_names, exclusive=(), found=()):
        # A selection of the same source, with its pixels and broken images.
        self._source, self._indices = pictures._source, pictures._indices
        self._variants = pictures._variants
        self.load_size = pictures.load_size
        self.labels = labels
        self.label_names = list(label_names)
        self.exclusive = [list(group) for group in exclusive]
        self.found = list(found)
        self._num_opened = None

    @property
    def lacking(self):
        # Also those without labels.
        return [*{*self._source.names} - {*self.names}]

    @property
    def description(self):
        text = super().description
        return (
            text
            if self._num_opened is None
            else (f"{self._num_opened} of {text}")
        )

    def labels_of(self, indices):
        """Return the float32 labels of the images that `load` returns.

        For a broken image, those of the image that replaces it.
        """
        return self.labels[[self._whole(index) for index in indices]]

    def _whole(self, index):
        while self._is_broken(index):
            index = (index + 1) % len(self)
        return index

    def _taken(self, indices):
        taken = super()._taken(indices)
        taken.labels = self.labels[indices]
        return taken


def open_labelled(
    spec,
    labels=None,
    load_size=128,
    name="data",
    seed=0,
    cache_bytes=1 << 30,
    table=None,
    exclusive=None,
):
    """Open a data set with labels and check its table against its images.

    Mismatches between table and images are skipped and logged, each kind in
    one line with its count.

    Args:
        spec: path of a folder with CelebA's `list_attr_celeba.txt` or `.csv`
            in it, above it or in `Anno`, or else with a folder for each
            class, or else with one csv; path of a csv file (see
            `tables.read`), whose images are in its folder;
            `"tfds:NAME/CONFIG@SPLIT"`, of which truth values and classes are
            labels; `"faces:STYLE"`, of which `faces.drawing.ATTRIBUTES`
            are; or a pair of uint8 images and an array, `[count,
            num_labels]` of 0 and 1, or `[count]` of classes.
        labels: list of str, the labels to use (see `tables.select`), or for
            an array `[count, num_labels]` their names. Default: all classes
            of folders, or of the table's only column; for faces the five of
            the StarGAN paper on CelebA; all of an array.
        load_size: int, height and width in pixels. CelebA's 178 x 218
            become the middle 178 x 178, scaled, as in the paper, though by
            bicubic interpolation.
        name: str, the argument name for errors.
        seed: int, seed of the drawn faces.
        cache_bytes: int, most memory for decoded images.
        table: path of the table for a folder of images, instead of the one
            found by these rules.
        exclusive: list of lists of labels of which an image should have
            exactly one. Default: the classes of folders or of a column, and
            CelebA's hair colors. Images with none of the selected classes of
            a column are skipped; others that violate the rule are counted,
            logged and used.

    Returns:
        `LabelledPictures`.

    Raises:
        UserError: in one line, if the images or the table cannot be read,
            do not belong together, or a label is unknown or constant.
    """
    if labels is not None:
        if (
            not isinstance(labels, list | tuple)
            or not labels
            or not all(isinstance(label, str) for label in labels)
        ):
            raise UserError(
                "labels must be a list of names, at least one. "
                f"Received: {labels!r}"
            )
        labels = [same_name(label) for label in labels]
    source = label_sources.find(
        spec, table, labels, load_size, name, seed, cache_bytes
    )
    label_names, values, classes = tables.select(
        source.table, labels, source.default
    )
    groups = _groups(label_names, classes, exclusive)
    pictures = source.pictures or sources.open_source(
        source.spec,
        load_size,
        name,
        seed,
        cache_bytes,
        face_indices=label_sources.FACES,
    )
    pictures = pictures.whole()
    opened = _labelled(pictures, source, values, label_names, classes, groups)
    count = len(opened)
    reasons = "".join(f"; {finding.text}" for finding in opened.found)
    if not count:
        raise UserError(
            f"{name} must have images with labels. Received: "
            f"{pictures.description}{reasons}"
        )
    constant = [
        f"{label} ({number:.0f} of {count:,} images)"
        for label, number in zip(
            label_names, opened.labels.sum(axis=0), strict=True
        )
        if number in (0, count)
    ]
    if constant:
        raise UserError(
            "labels must differ between the images. Received: "
            f"{', '.join(constant)}{reasons}"
        )
    opened.found += _not_exclusive(opened)
    for finding in opened.found:
        if finding.level != "note":
            shown = ", ".join(finding.names[:_SHOWN])
            more = ", ..." if len(finding.names) > _SHOWN else ""
            logger.warning("%s: %s (%s%s)", name, finding.text, shown, more)
    return opened


def _labelled(pictures, source, values, label_names, classes, groups):
    """Assign labels to images; skip images with unknown labels."""
    place, names = source.table.name, pictures.names
    numbers = {name: number for number, name in enumerate(names)}
    owners = [numbers.get(file, -1) for file in source.table.files]
    values = values[np.greater_equal(owners, 0)]
    owners = np.array([owner for owner in owners if owner >= 0], int)
    # Of several rows for one image; an empty cell contradicts none.
    least, most = np.full((2, len(names), len(label_names)), np.nan, "float32")
    np.fmin.at(least, owners, values)
    np.fmax.at(most, owners, values)
    has_row = np.bincount(owners, minlength=len(names)) > 0
    agrees = ~(least < most).any(axis=1)
    is_unknown = np.isnan(least)
    is_wanted = np.ones(len(names), bool)
    for group in classes:
        columns = [label_names.index(label) for label in group]
        is_wanted &= least[:, columns].any(axis=1)
    keep, found = np.ones(len(names), bool), []
    if source.without:
        text = plural(len(source.without), "row")
        text += f" of {place} left out: no image of that name"
        found.append(Finding("warning", text, source.without))
    for level, is_good, reason in (
        ("warning", has_row, f"not in {place}"),
        ("warning", agrees, f"their rows in {place} contradict one another"),
        ("warning", ~is_unknown.any(axis=1), f"a value is missing in {place}"),
        ("note", is_wanted, "of none of the wanted classes"),
    ):
        chosen = [names[i] for i in np.flatnonzero(keep & ~is_good)]
        keep &= is_good
        if chosen:
            text = f"{plural(len(chosen))} left out: {reason}"
            found.append(Finding(level, text, chosen))
    opened = LabelledPictures(pictures, least, label_names, groups, found)
    if not keep.all():
        opened = opened.subset(np.flatnonzero(keep))
        opened._num_opened = len(opened)
    return opened


def _groups(names, classes, exclusive):
    """Return the groups of mutually exclusive labels."""
    if exclusive is None:
        classified = sum(classes, [])
        hair = [n for n in names if n in CELEBA_HAIR and n not in classified]
        exclusive = classes + [hair] * (len(hair) > 1)
    return [list(group) for group in Labels(names, exclusive).groups]


def _not_exclusive(opened):
    """Find the images with none or several labels of a group."""
    for group in opened.exclusive:
        columns = [opened.label_names.index(label) for label in group]
        numbers = opened.labels[:, columns].sum(axis=1)
        for what, is_so in (("none", numbers < 1), ("several", numbers > 1)):
            names = [opened.names[i] for i in np.flatnonzero(is_so)]
            if names:
                yield Finding(
                    "warning",
                    f"{len(names):,} of {plural(len(opened))} with "
                    f"{what} of {', '.join(group)}, of which one is expected",
                    names,
                )
