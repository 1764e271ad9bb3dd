"""Names, exclusive groups and vectors of image labels.

A label vector is float32 `[batch, num_labels]`, 1 where a label holds, else
0. For several data sets the vectors are concatenated, with 0 for the labels
of the other sets, followed by a mask: a one-hot vector of the data set whose
labels are known.

Reference: Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks
for Multi-Domain Image-to-Image Translation", arXiv:1711.09020, section 3.3.
"""

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.files import same_name

CELEBA_LABELS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
CELEBA_HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
KEYS = 2**24  # whole numbers up to here are exact in float32, too


class Labels:
    """The labels of a data set, or of several that are trained together.

    Args:
        names: list of str; or a list of such lists, one per data set.
        exclusive: list of lists of str, groups of labels of which only one
            holds. Default: CelebA's hair colors, where a data set has two or
            more of them.

    Raises:
        UserError: if a name is repeated, or a group does not fit.

    Attributes:
        sets: for each data set, a tuple of its names.
        names: tuple of all names, in the order of the vectors.
        groups: tuple of tuples of names, the exclusive ones.
        ranges: tuple per data set of `(start, stop)` in the vectors.
        vector_size: int, length of a label vector with its mask.
    """

    def __init__(self, names, exclusive=None):
        self.sets = _check_names(names)
        count = sum(map(len, self.sets))
        if count > checks.MOST_LABELS:
            raise UserError(
                f"labels must be at most {checks.MOST_LABELS:,}. "
                f"Received: {count:,}"
            )
        self.names = sum(self.sets, ())
        _check_once("labels", self.names)
        if exclusive is None:
            hair = ([n for n in s if n in CELEBA_HAIR] for s in self.sets)
            exclusive = [group for group in hair if len(group) > 1]
        self.groups = self._check_groups(exclusive)
        stops = np.cumsum([len(s) for s in self.sets]).tolist()
        self.ranges = tuple(zip([0, *stops[:-1]], stops, strict=True))
        self.num_sets = len(self.sets)
        masks = self.num_sets if self.num_sets > 1 else 0
        self.vector_size = len(self.names) + masks

    @classmethod
    def of_one_set(cls, names, exclusive=None):
        """Make the labels of one data set, for a model that takes no masks.

        Raises:
            UserError: also if `names` are those of several.
        """
        table = cls(names, exclusive)
        if table.num_sets > 1:
            raise UserError(
                "labels must be those of one data set. Received: "
                f"{table.num_sets} sets, {table._listed()}"
            )
        return table

    def config(self):
        """Return `labels` and `exclusive`, arguments that make it again."""
        sets = [list(names) for names in self.sets]
        return {
            "labels": sets if len(sets) > 1 else sets[0],
            "exclusive": [list(group) for group in self.groups],
        }

    def _check_groups(self, exclusive):
        groups = []
        if not isinstance(exclusive, (list, tuple)):
            raise UserError(
                "exclusive must be a list of groups of labels. "
                f"Received: {exclusive!r}"
            )
        if len(exclusive) > len(self.names):
            raise UserError(
                "exclusive must have each label once at most. Received: "
                f"{len(exclusive):,} groups"
            )
        for group in exclusive:
            if (
                not isinstance(group, (list, tuple))
                or len(group) < 2
                or not all(isinstance(name, str) for name in group)
                or not any(set(group) <= set(s) for s in self.sets)
            ):
                raise UserError(
                    "exclusive must be groups of two or more labels of one "
                    f"data set, {self._listed()}. Received: {group!r}"
                )
            groups.append(tuple(group))
        _check_once("exclusive", sum(groups, ()))
        return tuple(groups)

    def _listed(self):
        return "; ".join(", ".join(names) for names in self.sets)

    def is_exclusive(self, index):
        """Tell whether exactly one label of a data set holds."""
        return any(set(group) == set(self.sets[index]) for group in self.groups)

    def draw(self, count, seed=0):
        """Draw label vectors: the first are the same however many there are.

        One label of each exclusive group holds, all equally likely; each of
        the others with probability 1/2.

        Args:
            count: int from 1 up.
            seed: int of 64 bits, from -2**63 to below 2**63.

        Returns:
            float32 `[count, num_labels]`.

        Raises:
            UserError: if an argument does not fit, or there are several data
                sets.
        """
        checks.at_least(1, count=count)
        checks.long_seed(seed)
        self._check_change({}, "labels")
        # Numbers that are the same in all versions of NumPy.
        numbers = np.random.Philox(key=seed % 2**64).random_raw(
            (count, len(self.names))
        )
        vectors = (numbers >> 63).astype(np.float32)  # the top bit
        for group in self.groups:
            places = [self.names.index(name) for name in group]
            largest = numbers[:, places].argmax(-1)
            vectors[:, places] = np.eye(len(group))[largest]
        return vectors

    def changed(self, vectors, to, argument="to"):
        """Return label vectors with some labels set.

        A label that is set to 1 clears the others of its exclusive group.

        Args:
            vectors: float `[batch, num_labels]`, the current labels.
            to: dict from names of one data set to 0 or 1. Empty: no change,
                but with several data sets one must be named.
            argument: str, the name of `to` in error messages.

        Returns:
            float32 `[batch, vector_size]`, with the mask of that set.

        Raises:
            UserError: if `to` does not fit.
        """
        index = self._check_change(to, argument)
        factors, offsets = np.ones((2, len(self.names)), "float32")
        offsets[:] = 0.0
        for name, value in to.items():
            for other in self._excluded(name) if value else ():
                factors[self.names.index(other)] = 0.0
            factors[self.names.index(name)] = 0.0
            offsets[self.names.index(name)] = value
        return self._vectors(vectors, factors, offsets, index)

    def read(self, text):
        """Parse text as the `to` argument of `changed`.

        Args:
            text: str, comma-separated names to set to 1, or to 0 with a
                leading minus. Empty: no change.

        Raises:
            UserError: if a label is both.
        """
        to = {}
        for word in same_name(text).split(","):
            word = word.strip()
            is_off = word.startswith("-") and word not in self.names
            name = word[is_off:].strip()
            if to.setdefault(name, int(not is_off)) == is_off:
                raise UserError(
                    "labels must have each name once, with a minus or "
                    f"without. Received: {text!r}"
                )
        to.pop("", None)
        return to

    def wanted(self, to, labels, images, argument="to"):
        """Return the target label vectors for a caller's arguments.

        Args:
            to: dict as of `changed`; or all labels, float `[vector_size]` or
                `[batch, vector_size]` in [0, 1].
            labels: float `[num_labels]` or `[batch, num_labels]`, the current
                labels, where `to` is a dict. Default: all 0.
            images: tensor `[batch, ...]`.
            argument: str, the name of `to` in error messages.

        Returns:
            float32 `[batch, vector_size]`.

        Raises:
            UserError: if an argument does not fit. In a graph there are no
                values yet.
        """
        import tensorflow as tf

        if not isinstance(to, dict):
            if labels is not None:
                raise UserError(
                    "labels must be left out where `to` holds all labels. "
                    f"Received shape: {np.shape(labels)}"
                )
            vectors = rows(argument, to, images, self.vector_size)
            if not tf.is_symbolic_tensor(vectors) and not tf.reduce_all(
                (vectors >= 0) & (vectors <= 1)  # NaN is neither
            ):
                raise UserError(
                    f"{argument} must lie in [0, 1]. Received: {to!r}"
                )
            return vectors
        count = len(self.names)
        labels = np.zeros(count, "float32") if labels is None else labels
        vectors = rows("labels", labels, images, count)
        return self.changed(vectors, to, argument)

    def toggled(self, vectors, name):
        """Return label vectors with one label inverted.

        A label of an exclusive group is always set, since clearing it leaves
        the group empty. Arguments and result as in `changed`.
        """
        if self._excluded(name):
            return self.changed(vectors, {name: 1})
        factors, offsets = np.ones((2, len(self.names)), "float32")
        factors[self.names.index(name)] = -1.0
        offsets[:] = np.equal(self.names, name)
        return self._vectors(vectors, factors, offsets, self._set_of(name))

    def shuffled(self, vectors, keys):
        """Shuffle label vectors within each data set.

        Args:
            vectors: float32 `[batch, vector_size]`.
            keys: int32 `[batch]` in [0, `KEYS`), the sort keys.
        """
        import tensorflow as tf

        sets = tf.zeros_like(keys)
        if self.num_sets > 1:
            masks = vectors[:, len(self.names) :]
            sets = KEYS * tf.argmax(masks, -1, tf.int32)
        places = tf.argsort(sets + tf.range(tf.size(keys)))
        vectors = tf.gather(vectors, tf.argsort(sets + keys))
        return tf.gather(vectors, tf.argsort(places))

    def _excluded(self, name):
        return [n for g in self.groups if name in g for n in g if n != name]

    def _set_of(self, name):
        return [name in names for names in self.sets].index(True)

    def _vectors(self, vectors, factors, offsets, index):
        import tensorflow as tf

        start, stop = self.ranges[index]
        own = np.zeros(len(self.names), "float32")
        own[start:stop] = 1.0
        vectors = tf.cast(vectors, tf.float32) * (factors * own) + offsets
        if self.num_sets == 1:
            return vectors
        mask = np.eye(self.num_sets, dtype="float32")[[index]]
        masks = tf.tile(mask, [tf.shape(vectors)[0], 1])
        return tf.concat([vectors, masks], -1)

    def _check_change(self, to, argument):
        """Return the index of the data set whose labels will change."""
        unknown = [name for name in to if name not in self.names]
        if unknown or not (to or self.num_sets == 1):
            raise UserError(
                f"{argument} must name labels among {self._listed()}. "
                f"Received: {', '.join(map(repr, unknown)) or to!r}"
            )
        for name, value in to.items():
            if value not in (0, 1):
                raise UserError(
                    f"{argument}[{name!r}] must be 0 or 1. Received: {value!r}"
                )
        for group in self.groups:
            together = [name for name in group if to.get(name)]
            if len(together) > 1:
                raise UserError(
                    f"{argument} must set only one of {', '.join(group)}. "
                    f"Received: {', '.join(together)}"
                )
        indices = {self._set_of(name) for name in to}
        if len(indices) > 1:
            raise UserError(
                f"{argument} must name labels of one data set, either of "
                f"{self._listed()}. Received: {', '.join(to)}"
            )
        return indices.pop() if to else 0


def rows(argument, vectors, images, size):
    """Check label vectors from a caller; return one row per image.

    Args:
        argument: str, their name in error messages.
        vectors: `[batch, size]`, or `[size]` for all images.
        images: tensor `[batch, ...]`.
        size: int.

    Returns:
        float32 `[batch, size]`.

    Raises:
        UserError: if `vectors` have another shape.
    """
    import tensorflow as tf

    count, given = images.shape[0], vectors
    rule = (
        f"{argument} must be numbers of shape [{count or 'batch'}, {size}], "
        "one row per image. Received: "
    )
    try:
        vectors = tf.convert_to_tensor(vectors)
    except (TypeError, ValueError) as error:  # None, or rows of two lengths
        raise UserError(f"{rule}{given!r}") from error
    if vectors.shape.rank == 1:
        vectors = tf.tile(vectors[None], [tf.shape(images)[0], 1])
    if vectors.dtype == tf.string or not vectors.shape.is_compatible_with(
        (count, size)
    ):
        raise UserError(f"{rule}{vectors.dtype.name} {vectors.shape}")
    return tf.cast(vectors, tf.float32)


def _check_names(names):
    """Return the names as a tuple of tuples, one per data set."""
    is_list = isinstance(names, (list, tuple))
    is_flat = is_list and all(isinstance(name, str) for name in names)
    sets = (names,) if is_flat else names
    if not is_list or not all(
        isinstance(s, (list, tuple))
        and s
        and all(isinstance(name, str) and name for name in s)
        for s in sets
    ):
        raise UserError(
            "labels must be a list of one name or more, or a list of such "
            f"lists, one per data set. Received: {names!r}"
        )
    return tuple(tuple(s) for s in sets)


def _check_once(argument, names):
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"{argument} must have each name once. Received more often: "
            f"{', '.join(twice)}"
        )
