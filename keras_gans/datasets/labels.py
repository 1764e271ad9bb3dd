"""Pictures that know what they show: opened, and checked against their table.

`open_labelled` turns its description into `LabelledPictures`, as
`open_source` does for pictures alone.
"""

import logging

import numpy as np

from keras_gans.checks import UserError
from keras_gans.datasets import label_sources, sources, tables
from keras_gans.inspection.findings import Finding
from keras_gans.inspection.text import plural

logger = logging.getLogger("keras_gans")

_SHOWN = 3  # names in a message


class LabelledPictures(sources.Pictures):
    """The pictures of a data set and their labels; made by `open_labelled`.

    Attributes:
        labels: float32 `[len, len(label_names)]` of 0 and 1.
        label_names: list of str.
        exclusive: list of lists of names, labels of which a picture should
            have exactly one.
        found: list of `findings.Finding`, what opening found out.

    Besides, those of `Pictures`.
    """

    def __init__(self, pictures, labels, label_names, exclusive=(), found=()):
        vars(self).update(vars(pictures))
        self.labels = labels
        self.label_names = list(label_names)
        self.exclusive = [list(group) for group in exclusive]
        self.found = list(found)

    def labels_of(self, indices):
        """Return the labels, float32, of what `load` gives for `indices`.

        Those of another picture where it stands in for a broken one.
        """
        return self.labels[[self._whole(index) for index in indices]]

    def _whole(self, index):
        while index in self._broken:
            index = (index + 1) % len(self)
        return index

    def subset(self, indices):
        """Return the pictures with these numbers, in this order."""
        indices = [int(i) for i in indices]
        return LabelledPictures(
            super().subset(indices),
            self.labels[indices],
            self.label_names,
            self.exclusive,
            self.found,
        )


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
    """Open a data set with labels and check its table against its pictures.

    What the table and the pictures do not agree on is left out and logged,
    each kind in one line with its number.

    Args:
        spec: path of a folder with CelebA's `list_attr_celeba.txt` or `.csv`
            in it, above it or in `Anno`, or else with a folder for each
            class, or else with one csv; path of a csv file (see
            `tables.read`), whose pictures are in its folder;
            `"tfds:NAME/CONFIG@SPLIT"`, of which truth values and classes are
            labels; `"faces:STYLE"`, of which `faces.drawing.ATTRIBUTES`
            are; or a pair of uint8 pictures and an array, `[count,
            num_labels]` of 0 and 1, or `[count]` of classes.
        labels: list of str, the labels to use (see `tables.select`), or for
            an array `[count, num_labels]` their names. Default: all classes
            of folders, or of the table's only column; for faces the five of
            the StarGAN paper on CelebA; all of an array.
        load_size: int, height and width in pixels. CelebA's 178 x 218
            become the middle 178 x 178, scaled, as in the paper, though by
            bicubic interpolation.
        name: str, the argument that errors name.
        seed: int, of the drawn faces.
        cache_bytes: int, most memory for decoded pictures.
        table: path of the table of a folder of pictures, if none is found by
            these rules or another is meant.
        exclusive: list of lists of labels of which a picture should have
            exactly one. Default: the classes of folders or of a column, and
            the colours of the hair by CelebA's names. Pictures of none of
            several wanted classes of a column are left out; others that do
            not keep the rule are counted, logged and used.

    Returns:
        `LabelledPictures`.

    Raises:
        UserError: in one line, if the pictures or the table cannot be read,
            do not belong together, or a label is unknown or constant.
    """
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
    opened = LabelledPictures(
        pictures,
        # Whatever the last row says, those without one are left out.
        values[[source.rows.get(picture, -1) for picture in pictures.names]],
        label_names,
        groups,
    )
    opened = _usable(opened, source, classes)
    if not len(opened):
        reasons = "; ".join(finding.text for finding in opened.found)
        raise UserError(
            f"{name} must have pictures with labels. Received: "
            f"{pictures.description}: {reasons}"
        )
    count = len(opened)
    constant = [
        f"{label} ({number:.0f} of {plural(count, 'picture')})"
        for label, number in zip(
            label_names, opened.labels.sum(axis=0), strict=True
        )
        if number in (0, count)
    ]
    if constant:
        raise UserError(
            "labels must differ between the pictures. Received: "
            + ", ".join(constant)
        )
    opened.found += _not_exclusive(opened)
    for finding in opened.found:
        if finding.level != "note":
            shown = ", ".join(finding.names[:_SHOWN])
            more = ", ..." if len(finding.names) > _SHOWN else ""
            logger.warning("%s: %s (%s%s)", name, finding.text, shown, more)
    return opened


def _usable(opened, source, classes):
    """Leave out the pictures whose labels are not known."""
    place, names = source.table.name, opened.names
    has_row = np.array([name in source.rows for name in names])
    is_known = ~np.isnan(opened.labels).any(axis=1)
    is_wanted = np.ones(len(opened), bool)
    for group in classes:
        columns = [opened.label_names.index(label) for label in group]
        is_wanted &= opened.labels[:, columns].any(axis=1)
    rows = {*range(len(source.table.pictures))} - {*source.rows.values()}
    rows = [source.table.pictures[row] for row in sorted(rows)]
    found = []
    if rows:
        text = f"{len(rows):,} row{'s'[: len(rows) != 1]} of {place} left out"
        found.append(
            Finding("warning", f"{text}: no picture of their own", rows)
        )
    for level, left_out, reason in (
        ("warning", ~has_row, f"not in {place}"),
        ("warning", has_row & ~is_known, f"a cell of {place} is empty"),
        (
            "note",
            has_row & is_known & ~is_wanted,
            "of none of the wanted classes",
        ),
    ):
        chosen = [names[i] for i in np.flatnonzero(left_out)]
        if chosen:
            text = f"{plural(len(chosen), 'picture')} left out: {reason}"
            found.append(Finding(level, text, chosen))
    keep = np.flatnonzero(has_row & is_known & is_wanted)
    if len(keep) < len(opened):
        opened = opened.subset(keep)
        opened.description = f"{len(keep)} of {opened.description}"
    opened.found = found
    return opened


def _groups(names, classes, exclusive):
    """Return the groups of labels that exclude each other."""
    if exclusive is None:
        colours = [name for name in names if name in tables.HAIR_COLOURS]
        return classes + ([colours] if len(colours) > 1 else [])
    groups = [list(group) for group in exclusive]
    members = [label for group in groups for label in group]
    if (
        len({*members}) < len(members)
        or {*members} - {*names}
        or any(len(group) < 2 for group in groups)
    ):
        raise UserError(
            "exclusive must be lists of two or more of the labels "
            f"{', '.join(names)}, each label once at most. "
            f"Received: {exclusive!r}"
        )
    return groups


def _not_exclusive(opened):
    """Find the pictures that have none of a group, or several."""
    for group in opened.exclusive:
        columns = [opened.label_names.index(label) for label in group]
        numbers = opened.labels[:, columns].sum(axis=1)
        for what, is_so in (("none", numbers < 1), ("several", numbers > 1)):
            names = [opened.names[i] for i in np.flatnonzero(is_so)]
            if names:
                yield Finding(
                    "warning",
                    f"{len(names):,} of {plural(len(opened), 'picture')} with "
                    f"{what} of {', '.join(group)}, of which one is expected",
                    names,
                )
