"""Measure how clean edits in the latent space of a generator are.

Moving latents along the axis of a label should change that attribute of the
image, no other, and not whose face it is. A classifier and an identity
network tell, on any generator whose images they know. Of drawn faces that
were inverted, the true edit is known too.

The entanglement matrix has a row for each label that was moved and a column
for each attribute: the share of images in which it changed. In an exclusive
group, such as the colors of hair, setting one label clears the others; these
changes are intended, so they are left out of the matrix and are not counted
among the other attributes.

Reference: Shen et al. 2020, "InterFaceGAN: Interpreting the Disentangled Face
Representation Learned by GANs", arXiv:2005.09635, which also judges edits by
attribute classifiers and an identity network.
"""

import typing

import numpy as np

from keras_gans import checks, images
from keras_gans.checks import UserError
from keras_gans.faces import drawing
from keras_gans.labels import CELEBA_HAIR, Labels

_BATCH = 50
# Of the full range; the grain of the drawings stays below.
_CHANGED = 0.05
_SHARES = {
    "wanted": "changed as wanted",
    "others": "others changed",
    "any": "any other changed",
    "identity": "identity stays",
}


def reader(network, activation="linear"):
    """Return the function of uint8 images that a network computes.

    Args:
        network: `keras.Model` from float32 images `[batch, size, size, 3]`
            in [-1, 1] to `[batch, outputs]`.
        activation: str, name of a Keras activation on the outputs, such as
            `"sigmoid"` for the logits of `edits.train_classifier`.

    Returns:
        function from uint8 images `[n, height, width, 3]`, which are scaled
        to the size of the network, to a float32 array `[n, outputs]`.
    """
    import keras

    activate = keras.activations.get(activation)
    size = network.input_shape[1]

    def read(pictures):
        pictures = np.stack([images.fit_square(p, size) for p in pictures])
        outputs = [
            activate(network(images.to_float(batch), training=False))
            for batch in _batches(pictures)
        ]
        return np.concatenate(outputs)

    return read


class Look(typing.NamedTuple):
    """What a judge sees of images: one row each.

    Attributes:
        pictures: uint8 `[n, height, width, 3]`.
        seen: bool `[n, labels]`, whether each label is seen.
        embeddings: float `[n, dimensions]`, of length 1.
    """

    pictures: np.ndarray
    seen: np.ndarray
    embeddings: np.ndarray

    def where(self, mask, other):
        """Return these rows where `mask` is true, else those of `other`."""
        pairs = zip(self, other, strict=True)
        return Look(
            *(
                np.where(mask.reshape(-1, *[1] * (a.ndim - 1)), a, b)
                for a, b in pairs
            )
        )

    def rows(self, indices):
        """Return some of the rows."""
        return Look(*(array[indices] for array in self))


class Judge:
    """Tells what differs between images: attributes, identity and pixels.

    Args:
        labels: list of names, in the order of the classifier.
        classify: function from uint8 images `[n, height, width, 3]` to
            probabilities `[n, len(labels)]`. A label above one half is
            seen; of an exclusive group the most probable one.
        embed: function from such images to embeddings `[n, dimensions]` of
            length 1, such as the `reader` of an identity network.
        threshold: float, the cosine above which identity stays; see
            `identity_network.verify`.
        exclusive: list of lists of names, as in `keras_gans.labels.Labels`.

    Raises:
        UserError: if the labels do not fit.
    """

    def __init__(self, labels, classify, embed, threshold, exclusive=None):
        table = Labels.of_one_set(labels, exclusive)
        self.labels, self._groups = table.names, table.groups
        self._classify, self._embed = classify, embed
        self._threshold = threshold

    def look(self, pictures):
        """Return the `Look` of uint8 images `[n, height, width, 3]`."""
        rows = np.asarray(self._classify(pictures))
        if rows.shape != (len(pictures), len(self.labels)):
            raise UserError(
                "classify must return a row per image and a column for each "
                f"of {', '.join(self.labels)}. Received shape: {rows.shape}"
            )
        seen = rows > 0.5
        for group in self._groups:
            columns = [self.labels.index(name) for name in group]
            best = rows[:, columns].argmax(axis=-1)
            seen[:, columns] = np.eye(len(columns), dtype=bool)[best]
        return Look(pictures, seen, np.asarray(self._embed(pictures)))

    def cosines(self, before, after):
        """Return the mean cosine of embeddings, and the share where it stays.

        Args:
            before: `Look`.
            after: `Look` of as many images.

        Returns:
            dict of `cosine`, the mean, and `identity`, the share above the
            threshold.
        """
        found = np.sum(before.embeddings * after.embeddings, axis=-1)
        return {
            "cosine": float(found.mean()),
            "identity": float((found > self._threshold).mean()),
        }

    def compare(self, label, target, before, after):
        """Measure edits of one label.

        Args:
            label: str, what was to be changed.
            target: bool `[n]`, whether the label was wanted.
            before: `Look` of the images.
            after: `Look` of the edited images.

        Returns:
            dict of

            - `wanted`: share in which the label is then seen as wanted;
            - `changed`: dict from the label, and those that it does not
              exclude, to the share in which the decision about it changed;
            - `others`: mean of these shares but that of the label itself;
            - `any`: share in which one of those others changed, or more;
            - `cosine` and `identity`, see `cosines`;
            - `pixels`: mean absolute change, in parts of the full range.
        """
        group = {name for g in self._groups if label in g for name in g}
        changed = {
            name: rows
            for name, rows in zip(
                self.labels, (before.seen != after.seen).T, strict=True
            )
            if name == label or name not in group
        }
        others = [rows for name, rows in changed.items() if name != label]
        others = np.array(others or [np.zeros(len(target), bool)])
        wanted = after.seen[:, self.labels.index(label)] == target
        return {
            "wanted": float(wanted.mean()),
            "changed": {name: float(s.mean()) for name, s in changed.items()},
            "others": float(others.mean()),
            "any": float(others.any(axis=0).mean()),
            **self.cosines(before, after),
            "pixels": float(_apart(before.pictures, after.pictures).mean()),
        }


def measure(generate, move, latents, judge, amount=1.5, moved=None, seed=0):
    """Edit the images of latents label by label and count what changes.

    Latents move by `amount` where the label is not seen, and by its opposite
    where it is. For comparison they move just as far in random directions.

    Args:
        generate: function from float32 latents `[n, size]` to uint8 images
            `[n, height, width, 3]`.
        move: function from latents and a dict from one label to an amount to
            moved latents.
        latents: float32 `[n, size]`, such as `verbs.Latents(size).draw(200)`.
        judge: `Judge`.
        amount: float above 0.
        moved: list of labels to move. Default: all of the judge.
        seed: int, seed of the random directions.

    Returns:
        dict from moved label to a dict of `count`, the result of
        `Judge.compare`, and

        - `random`: result of `Judge.compare` for random directions;
        - `seen`: dict of the share of images that show the label: `before`,
          and with all latents moved by `plus` and by `minus` the amount.

    Raises:
        UserError: if an argument does not fit.
    """
    latents, moved = _checked(latents, judge, amount, moved)
    rng = np.random.default_rng(seed)
    before = judge.look(_generated(generate, latents))
    results = {}
    for label in moved:
        column = judge.labels.index(label)
        target = ~before.seen[:, column]
        up, down = (
            np.asarray(move(latents, {label: a})) for a in (amount, -amount)
        )
        plus, minus = (judge.look(_generated(generate, p)) for p in (up, down))
        way = np.where(target[:, None], up, down) - latents
        strayed = judge.look(_generated(generate, latents + _stray(way, rng)))
        edited = plus.where(target, minus)
        looks = {"before": before, "plus": plus, "minus": minus}
        results[label] = {
            "count": len(latents),
            **judge.compare(label, target, before, edited),
            "random": judge.compare(label, target, before, strayed),
            "seen": {
                key: float(look.seen[:, column].mean())
                for key, look in looks.items()
            },
        }
    return results


def measure_inverted(
    generate,
    move,
    latents,
    indices,
    judge,
    amount=1.5,
    moved=None,
    style="photo",
    seed=0,
):
    """Edit inverted drawn faces and compare them with the true edits.

    Latents move by `amount` where the drawn face lacks the label, and by its
    opposite where it has it. A color of the hair is only set, for faces that
    have another.

    Args:
        generate, move, judge, amount, moved: as in `measure`.
        latents: float32 `[n, size]`, whose images are near the drawings.
        indices: sequence of n int, the identities of the drawings.
        style: str, one of `drawing.STYLES`.
        seed: int, seed of the drawings.

    Returns:
        dict from moved label to a dict of `count`, the result of
        `Judge.compare` with the inversion before and the edit after, and

        - `already`: share of the inversions that show the label as wanted;
        - `recognized`: dict of the share of `inversion` and `edit` in which
          the identity of the drawing stays;
        - `l1`: dict of mean absolute differences in parts of the full range:
          `inversion`, of the inversion from the drawing, and `untouched` and
          `edit`, of the inversion and of the edit from the drawing with the
          label changed;
        - `l1_changed`: the same over only those pixels in which the two
          drawings differ by more than 0.05.

    Raises:
        UserError: if an argument does not fit.
    """
    latents, moved = _checked(latents, judge, amount, moved)
    if len(indices) != len(latents):
        raise UserError(
            f"indices must be one for each of {len(latents)} latents. "
            f"Received: {len(indices)}"
        )
    for label in moved:
        checks.one_of(drawing.ATTRIBUTES, moved=label)
    inverted = judge.look(_generated(generate, latents))
    size = inverted.pictures.shape[1]
    drawn = judge.look(_drawn(indices, {}, style, size, seed))
    results = {}
    for label in moved:
        has = [drawing.attributes(i, seed)[label] for i in indices]
        rows = np.arange(len(latents))
        if label in CELEBA_HAIR:
            rows = np.flatnonzero(np.equal(has, 0))
        if not len(rows):
            raise UserError(
                f"indices must be of faces of which one has no {label}. "
                f"Received: {len(indices)} that have it"
            )
        target = np.equal(has, 0)[rows]
        ways = (move(latents[rows], {label: a}) for a in (amount, -amount))
        places = np.where(target[:, None], *ways)
        edited = judge.look(_generated(generate, places))
        before, real = inverted.rows(rows), drawn.rows(rows)
        truth = np.concatenate(
            [
                _drawn([indices[row]], {label: int(value)}, style, size, seed)
                for row, value in zip(rows, target, strict=True)
            ]
        )
        apart = {
            "inversion": _apart(before.pictures, real.pictures),
            "untouched": _apart(before.pictures, truth),
            "edit": _apart(edited.pictures, truth),
        }
        differs = _apart(real.pictures, truth).max(axis=-1) > _CHANGED
        already = before.seen[:, judge.labels.index(label)] == target
        results[label] = {
            "count": len(rows),
            **judge.compare(label, target, before, edited),
            "already": float(already.mean()),
            "recognized": {
                "inversion": judge.cosines(real, before)["identity"],
                "edit": judge.cosines(real, edited)["identity"],
            },
            "l1": {key: float(d.mean()) for key, d in apart.items()},
            "l1_changed": {
                key: float(d[differs].mean()) for key, d in apart.items()
            },
        }
    return results


def table(results):
    """Format the result of `measure` as lines of Markdown, means last.

    Shares are in percent, pixels in parts of the full range; in brackets
    those of random directions. The last columns are the shares of images that
    show the label before, and moved by plus and by minus the amount.
    """
    lines = []
    for label, row in _with_mean(results).items():
        chance = row["random"]
        lines.append(
            (
                label,
                *(f"{row[key]:.1%} ({chance[key]:.1%})" for key in _SHARES),
                f"{row['pixels']:.3f} ({chance['pixels']:.3f})",
                *(f"{share:.1%}" for share in row["seen"].values()),
            )
        )
    heads = "moved", *_SHARES.values(), "pixels", "before", "plus", "minus"
    return _markdown(heads, lines)


def inverted_table(results):
    """Format the result of `measure_inverted` as lines of Markdown.

    L1 is in parts of the full range 0..1, over the whole image and, in
    brackets, where the true drawing changes.
    """
    lines = []
    for label, row in _with_mean(results).items():
        shares = row["already"], row["wanted"], row["others"]
        shares = *shares, *row["recognized"].values()
        errors = ((row["l1"][k], row["l1_changed"][k]) for k in row["l1"])
        lines.append(
            (
                label,
                *(f"{share:.1%}" for share in shares),
                *(f"{whole:.3f} ({part:.3f})" for whole, part in errors),
            )
        )
    heads = (
        *("moved", "as wanted before", "as wanted after", "others changed"),
        *("identity of inversion", "identity of edit", "L1 of inversion"),
        *("L1 of inversion from true edit", "L1 of edit from true edit"),
    )
    return _markdown(heads, lines)


def matrix(results):
    """Format the entanglement matrix as lines of Markdown, in percent.

    Rows are the moved labels, columns the attributes that changed. Those that
    the moved label excludes are left empty.
    """
    names = [*results]
    for row in results.values():
        names += [name for name in row["changed"] if name not in names]
    lines = [
        (
            label,
            *(
                f"{row['changed'][name]:.1%}" if name in row["changed"] else ""
                for name in names
            ),
        )
        for label, row in results.items()
    ]
    return _markdown(("moved", *names), lines)


def comparison(before, after):
    """Format two results as one table: before and after orthogonalization.

    Args:
        before: result of `measure` or `measure_inverted`.
        after: the same of the same labels.

    Returns:
        str, lines of Markdown, means last. The last two columns are ratios of
        after to before: how often other attributes changed, and the same per
        wanted change, since an axis that moves less also spoils less.

    Raises:
        UserError: if the labels differ.
    """
    if {*before} != {*after}:
        raise UserError(
            f"after must have the labels {', '.join(before)}. Received: "
            f"{', '.join(after)}"
        )
    before, after = _with_mean(before), _with_mean(after)
    lines = []
    for label, old in before.items():
        new = after[label]
        cells = (f"{old[key]:.1%} → {new[key]:.1%}" for key in _SHARES)
        spoiled = _ratio(new["others"], old["others"])
        wanted = _ratio(new["wanted"], old["wanted"])
        ratios = spoiled, _ratio(spoiled, wanted)
        ratios = ("" if np.isnan(r) else f"{r:.2f}" for r in ratios)
        lines.append((label, *cells, *ratios))
    heads = *_SHARES.values(), "ratio of others", "ratio per wanted change"
    return _markdown(("moved", *heads), lines)


def _ratio(one, other):
    return one / other if other else np.nan


def _checked(latents, judge, amount, moved):
    """Return latents as float32 and the labels to move."""
    latents = np.asarray(latents, np.float32)
    if latents.ndim != 2 or not len(latents):
        raise UserError(
            "latents must have the shape [n, size] with n from 1 up. "
            f"Received shape: {latents.shape}"
        )
    if not amount > 0:
        raise UserError(f"amount must be above 0. Received: {amount!r}")
    moved = judge.labels if moved is None else moved
    for label in moved:
        checks.one_of(judge.labels, moved=label)
    return latents, moved


def _stray(way, rng):
    """Return vectors as long as these in random directions."""
    other = rng.standard_normal(way.shape)
    lengths = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (way, other))
    return other * np.divide(*lengths)


def _generated(generate, latents):
    latents = np.asarray(latents, np.float32)
    pictures = np.concatenate([generate(b) for b in _batches(latents)])
    if pictures.dtype != np.uint8:
        raise UserError(
            f"generate must return uint8 images. Received: {pictures.dtype}"
        )
    return pictures


def _drawn(indices, changes, style, size, seed):
    load = drawing.drawn_size(size)
    faces = drawing.draw_many(indices, style, load, seed, changes)
    return np.stack([images.fit_square(face, size) for face in faces])


def _apart(one, other):
    """Return absolute differences of uint8 images, float32 in [0, 1]."""
    return np.abs(np.float32(one) - np.float32(other)) / 255


def _batches(array):
    return np.split(array, range(_BATCH, len(array), _BATCH))


def _with_mean(results):
    return {**results, "mean": _mean_of([*results.values()])}


def _mean_of(rows):
    """Return the means of dicts of the same keys, but of the matrix."""
    return {
        key: _mean_of([row[key] for row in rows])
        if isinstance(value, dict)
        else float(np.mean([row[key] for row in rows]))
        for key, value in rows[0].items()
        if key != "changed"
    }


def _markdown(heads, lines):
    lines = heads, ["---"] * len(heads), *lines
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
