"""Axes in the latent space: one per feature, to move images along.

The labels of generated images are regressed on their latents. The weights of
a label, scaled to unit length, are the axis of its feature.

Reference: Guan 2018, "TL-GAN: transparent latent-space GAN",
github.com/SummitKwan/transparent_latent_gan, src/tl_gan/feature_axis.py.
"""

import json
import logging
import pathlib
import zipfile
import zlib

import numpy as np

from keras_gans import checks, files, verbs
from keras_gans.checks import UserError
from keras_gans.latents import linear
from keras_gans.latents.generators import (
    FINGERPRINT,
    Generator,
    check_names,
    classifier,
)

logger = logging.getLogger("keras_gans")

_DEVIATIONS = {"normal": 1.0, "uniform": 3.0**-0.5}

# A label that latents explain less is no knob. With an R^2 of 0.02 moving by
# 3 standard deviations moves the label by 0.4 of its own; with an AUC of 0.6
# the score is wrong for 40 of 100 pairs of an image with and one without.
# Noise alone stays below: of 4,000 samples held back, 2 % with the label, the
# standard deviation of the AUC is 0.03.
_LEAST_R2, _LEAST_AUC = 0.02, 0.6
# Images of the export of a generator differ from its own by rounding.
MOST_LEVELS = 1.0
_MOST_CONDITION = 1e6

_FORMAT = "keras_gans.latents.FeatureAxes 1"
_ARRAYS = (
    *("normals", "directions", "offsets", "ranges"),
    *("r2", "auc", "positives"),
)


def label_samples(
    generator,
    attributes,
    first,
    count,
    seed=0,
    names=None,
    labels=None,
    batch_size=64,
    progress=None,
):
    """Return the probabilities of labels of some images of a seed.

    Image number n of a seed is the same however many there are, so that a
    long sampling may be done, and kept, in parts.

    Args:
        generator: live or loaded model with a verb that takes latents.
        attributes, names: model with a verb `classify`; or a function from
            uint8 `[batch, height, width, 3]` to float `[batch, labels]` in
            [0, 1], with the `names` of the labels, a list of str.
        first: int from 0 up, number of the first image.
        count: int from 1 up.
        seed: int of 64 bits.
        labels: labels of all images of a generator with labels, as of its
            `generate`. Default: drawn from the seed.
        batch_size: int, images at a time.
        progress: function, called with the number of images that are done
            and `count`; or None.

    Returns:
        float32 `[count, labels]`.

    Raises:
        UserError: if an argument does not fit.
    """
    checks.at_least(1, batch_size=batch_size)
    generator = Generator.of(generator)
    classify, _ = classifier(attributes, names)
    latents, vectors = generator.drawn(first, count, seed, labels)
    parts = []
    for start in range(0, count, batch_size):
        rows = slice(start, min(start + batch_size, count))
        shown = generator(
            latents[rows], None if vectors is None else vectors[rows]
        )
        parts.append(classify(shown))
        if progress is not None:
            progress(rows.stop, count)
    return np.concatenate(parts)


class FeatureAxes:
    """Axes in the latent space of a generator, one per feature.

    An axis has a normal, that of the plane in which its label is as likely as
    not, and a direction to move in, the same until `orthogonalize`. The
    coordinate of a latent vector is its distance from that plane.

    Amounts and coordinates are in standard deviations of drawn latents along
    an axis: 1 for normal ones, 1 / sqrt(3) for uniform ones in [-1, 1].

    Args:
        names: list of str.
        normals: float `[axes, latent_dim]`, scaled to unit length here.
        offsets: float `[axes]`, added to `normal . latents`: 0 on the plane.
            Default: 0.
        directions: float `[axes, latent_dim]`, as normals. Default: normals.
        ranges: float `[axes, 2]`, the lowest and the highest coordinate of
            the samples. Default: not known, so nothing lies beyond.
        r2, auc, positives: float `[axes]`: R^2, and area under the curve, on
            samples that were held back; the share of samples with the label.
            Default: NaN.
        groups: list of lists of names, labels of which one holds: setting one
            clears the others. Names without an axis may be among them.
        distribution: `"normal"` or `"uniform"`, of latents.
        meaningless: dict from names of labels without an axis to the reason.
        fingerprint: uint8 `[4, 8, 8, 3]`, of the generator, or None.
        about: dict of plain values, how they were found.

    Raises:
        UserError: if an argument does not fit.

    Attributes:
        latents: `keras_gans.verbs.Latents`, of the generator.
        deviation: float, standard deviation of drawn latents.
    """

    def __init__(
        self,
        names,
        normals,
        offsets=None,
        directions=None,
        ranges=None,
        r2=None,
        auc=None,
        positives=None,
        groups=(),
        distribution="normal",
        meaningless=None,
        fingerprint=None,
        about=None,
    ):
        checks.one_of(verbs.DISTRIBUTIONS, distribution=distribution)
        self.names = check_names(names)
        count = len(self.names)
        size = np.shape(normals)[-1] if np.ndim(normals) == 2 else "size"
        self.normals = linear.unit(_floats("normals", normals, (count, size)))
        self.directions = self.normals
        if directions is not None:
            directions = _floats("directions", directions, (count, size))
            self.directions = linear.unit(directions)
        if offsets is None:
            offsets = np.zeros(count)
        if ranges is None:
            ranges = np.tile([-np.inf, np.inf], (count, 1))
        self.offsets = _floats("offsets", offsets, (count,))
        self.ranges = _floats("ranges", ranges, (count, 2), finite=False)
        unknown = np.full(count, np.nan)
        for name, values in zip(
            ("r2", "auc", "positives"), (r2, auc, positives), strict=True
        ):
            values = unknown if values is None else values
            setattr(self, name, _floats(name, values, (count,), finite=False))
        self.latents = verbs.Latents(size, distribution)
        self.deviation = _DEVIATIONS[distribution]
        self.groups = [list(group) for group in groups]
        self.meaningless = dict(meaningless or {})
        if fingerprint is not None:
            fingerprint = np.asarray(fingerprint)
            kind = fingerprint.dtype.name, fingerprint.shape
            if kind != ("uint8", FINGERPRINT):
                raise UserError(
                    f"fingerprint must be uint8 {FINGERPRINT}. Received: {kind}"
                )
        self.fingerprint = fingerprint
        self._warned = set()
        self.about = dict(about or {})

    @classmethod
    def fit(
        cls,
        generator,
        attributes,
        samples=20_000,
        seed=0,
        method="tanh",
        names=None,
        labels=None,
        batch_size=64,
        progress=None,
    ):
        """Find the axes of a generator: draw, generate, label, regress.

        Args:
            generator, attributes, seed, names, labels, batch_size, progress:
                as of `label_samples`.
            samples: int, images; above 1.25 times the length of latents.
            method: as of `of_samples`.

        Returns:
            `FeatureAxes`.

        Raises:
            UserError: if an argument does not fit, or no label has an axis.
        """
        checks.one_of(linear.METHODS, method=method)
        generator = Generator.of(generator)
        linear.check_count(samples, generator.latents.size)
        _, table = classifier(attributes, names)
        probabilities = label_samples(
            generator,
            attributes,
            *(0, samples, seed, names, labels, batch_size, progress),
        )
        latents, _ = generator.drawn(0, samples, seed, labels)
        return cls.of_samples(
            latents,
            probabilities,
            table.names,
            method,
            groups=table.groups,
            distribution=generator.latents.distribution,
            fingerprint=generator.fingerprint(),
            about={"seed": seed},
        )

    @classmethod
    def of_samples(
        cls,
        latents,
        probabilities,
        names,
        method="tanh",
        groups=(),
        distribution="normal",
        fingerprint=None,
        about=None,
    ):
        """Find axes from latents and the labels of their images.

        R^2 and the area under the curve are those of a fit without the last
        fifth of the samples, on that fifth; the axes are fitted to all. R^2 is
        that of what the method fits: for `"logistic"` of probabilities for 0
        and 1. A label is meaningless if it is the same for all samples, or if
        its R^2 is below 0.02 or its area below 0.6.

        Args:
            latents: float `[samples, latent_dim]`, in no order.
            probabilities: float `[samples, labels]` in [0, 1].
            names: list of str, of the labels.
            method: `"tanh"`, as published; `"linear"`; or `"logistic"`, see
                `latents.linear.regress`.
            distribution, fingerprint, about: as of `FeatureAxes`.

        Returns:
            `FeatureAxes` of the labels that have an axis.

        Raises:
            UserError: if an argument does not fit, or no label has an axis.
        """
        checks.one_of(linear.METHODS, method=method)
        checks.one_of(verbs.DISTRIBUTIONS, distribution=distribution)
        names = check_names(names)
        if np.ndim(latents) != 2:
            raise UserError(
                "latents must be numbers of shape [samples, size]. "
                f"Received shape: {np.shape(latents)}"
            )
        samples, size = np.shape(latents)
        linear.check_count(samples, size)
        latents = np.asarray(
            verbs.Latents(size, distribution).check(latents), np.float64
        )
        probabilities = _floats(
            "probabilities", probabilities, (samples, len(names))
        )
        if probabilities.min() < 0.0 or probabilities.max() > 1.0:
            raise UserError(
                "probabilities must lie in [0, 1]. Received: from "
                f"{probabilities.min():g} to {probabilities.max():g}"
            )
        targets = 2.0 * probabilities - 1.0
        meaningless = linear.without_two_values(names, targets, method)
        varied = [n for n, name in enumerate(names) if name not in meaningless]
        figures = np.full((2, len(names)), np.nan)
        if varied:
            figures[:, varied] = linear.judged(
                latents, targets[:, varied], method
            )
        for place in varied:
            r2, auc = figures[:, place]
            if r2 < _LEAST_R2 or auc < _LEAST_AUC:  # NaN is not below
                meaningless[names[place]] = (
                    f"latents explain too little: R^2 {r2:.3f}, area under "
                    f"the curve {auc:.2f}"
                )
        places = [n for n, name in enumerate(names) if name not in meaningless]
        if not places:
            raise UserError(
                "attributes must have a label that latents explain. Received: "
                + "; ".join(f"{n} ({why})" for n, why in meaningless.items())
            )
        weights, biases = linear.regress(latents, targets[:, places], method)
        r2, auc = figures[:, places]
        axes = cls(
            [names[place] for place in places],
            weights,
            biases / np.linalg.norm(weights, axis=-1),
            r2=r2,
            auc=auc,
            positives=(targets[:, places] >= 0.0).mean(0),
            groups=groups,
            distribution=distribution,
            meaningless=meaningless,
            fingerprint=fingerprint,
            about={"samples": samples, "method": method, **(about or {})},
        )
        found = axes.coordinates(latents)
        return axes.changed(ranges=np.stack([found.min(0), found.max(0)], -1))

    def orthogonalize(self, keep=(), method="joint"):
        """Make axes perpendicular to others, so that moves leave these alone.

        It starts from the normals: what an earlier call did is undone. Of the
        kept axes a normal is the direction, but where the method says
        otherwise.

        Args:
            keep: list of names, the features that are to stay.
            method: `"joint"`: each other axis becomes the nearest direction
                that is perpendicular to all kept normals, so that moves leave
                the kept coordinates as they are; no order matters.
                `"published"`: the kept ones are made perpendicular to one
                another in their order, and each other axis loses its part
                along each of them; also without an order among the others.
                `"sequential"`: the kept ones, then the others in their order,
                each lose their parts along all before. Those named last lose
                most, and moves along the first still change the last.
                `"dual"`: each other axis becomes perpendicular to the normals
                of all others and of the kept ones: a move changes no other
                coordinate, but those of its exclusive group.

        Returns:
            `FeatureAxes`. An axis of which less than a tenth is left is
            reported, and goes to `meaningless`.

        Raises:
            UserError: if an argument does not fit.
        """
        checks.one_of(linear.ORTHOGONALIZATIONS, method=method)
        kept = [self._place(name, "keep") for name in keep]
        together = [
            [self.names.index(name) for name in group if name in self.names]
            for group in self.groups
        ]
        made = linear.orthogonalized(
            self.normals, kept, method=method, together=together
        )
        is_left = np.any(made, axis=-1)
        gone = [self.names[n] for n in np.flatnonzero(~is_left)]
        others = {"joint": "those kept", "dual": "all others"}
        reason = "it lies in the span of " + others.get(method, "those before")
        for name in gone:
            logger.warning("axis %s is left out: %s", name, reason)
        return self.changed(
            is_left,
            directions=made[is_left],
            meaningless=self.meaningless | dict.fromkeys(gone, reason),
            about=self.about
            | {"keep": list(keep), "orthogonalization": method},
        )

    def correlations(self):
        """Return the cosines between directions, float64 `[axes, axes]`."""
        return self.directions @ self.directions.T

    def coordinates(self, latents):
        """Return how far latents lie from the plane of each axis.

        Args:
            latents: float `[count, latent_dim]`.

        Returns:
            float64 `[count, axes]`, standard deviations; above 0 the label
            is more likely than not.

        Raises:
            UserError: if they do not fit.
        """
        latents = np.asarray(self.latents.check(latents), np.float64)
        return (latents @ self.normals.T + self.offsets) / self.deviation

    def moved(self, latents, amounts):
        """Move latents; also in a graph, without checks.

        Args:
            latents: float `[batch, latent_dim]`.
            amounts: float `[batch, axes]`, standard deviations.

        Returns:
            float32 tensor `[batch, latent_dim]`. Uniform latents are clipped
            to [-1, 1].
        """
        import tensorflow as tf

        steps = tf.constant(self.deviation * self.directions, tf.float32)
        latents, amounts = (
            tf.cast(one, tf.float32) for one in (latents, amounts)
        )
        moved = latents + amounts @ steps
        if self.latents.distribution == "uniform":
            moved = tf.clip_by_value(moved, -1.0, 1.0)
        return moved

    def move(self, latents, amounts):
        """Move latents along axes; warns where that leads beyond the samples.

        Args:
            latents: float `[count, latent_dim]`.
            amounts: dict from names to float, or float `[count]`: standard
                deviations, such as `{"Smiling": 1.5}`.

        Returns:
            float32 `[count, latent_dim]`. Uniform latents are clipped to
            [-1, 1].

        Raises:
            UserError: if an argument does not fit.
        """
        latents = self.latents.check(latents)
        places, columns = self._columns(amounts, len(latents))
        return self._moved(latents, places, columns)

    def set(self, latents, amounts):
        """Move latents so that named axes have given coordinates.

        Of all moves along the named directions there is one. Before
        `orthogonalize` it is the shortest of all moves to these coordinates,
        and after `"joint"` the shortest that leaves the kept ones alone.

        Arguments, result, errors and warnings as of `move`; the amounts are
        coordinates.

        Raises:
            UserError: also if the named axes cannot be told apart.
        """
        latents = self.latents.check(latents)
        places, columns = self._columns(amounts, len(latents))
        wanted = columns - self.coordinates(latents)[:, places]
        effects = self.directions[places] @ self.normals[places].T
        if places and np.linalg.cond(effects) > _MOST_CONDITION:
            raise UserError(
                "amounts must name axes that differ. Received: "
                f"{', '.join(amounts)}"
            )
        return self._moved(latents, places, wanted @ np.linalg.inv(effects))

    def _moved(self, latents, places, columns):
        amounts = np.zeros((len(latents), len(self.names)))
        amounts[:, places] = columns
        moved = self.moved(latents, amounts).numpy()
        beyond = self.beyond(moved) & np.isin(range(len(self.names)), places)
        if beyond.any():
            names = [self.names[n] for n in np.flatnonzero(beyond.any(0))]
            text = ", ".join(names)
            if text not in self._warned:  # else every image of a row tells it
                self._warned.add(text)
                logger.warning(
                    "latents lie beyond those sampled, on %s: images may fall "
                    "apart",
                    text,
                )
        return moved

    def beyond(self, latents):
        """Return where latents lie beyond the samples: bool `[count, axes]`."""
        found = self.coordinates(latents)
        return (found < self.ranges[:, 0]) | (found > self.ranges[:, 1])

    def check_generator(self, generator):
        """Check that a generator is the one that these are the axes of.

        Args:
            generator: live or loaded model with a verb that takes latents.

        Raises:
            UserError: if its latents are others, or the images of four of
                them, made small, differ by more than a gray level.
        """
        rule = "axes must be those of this generator. Received axes of "
        generator = Generator.of(generator)
        if generator.latents != self.latents:
            theirs, its = (
                f"{one.size} {one.distribution} numbers"
                for one in (self.latents, generator.latents)
            )
            raise UserError(f"{rule}{theirs} for a generator of {its}")
        if self.fingerprint is None:
            return
        difference = generator.differs(self.fingerprint)
        if difference > MOST_LEVELS:
            raise UserError(
                f"{rule}one whose images differ by {difference:.1f} gray levels"
            )

    def changed(self, rows=slice(None), **changes):
        """Return the axes of some rows, with other arguments.

        Args:
            rows: index of NumPy, such as a list of int. Default: all.
            **changes: arguments of `FeatureAxes`.
        """
        names = np.array(self.names, object)[rows].tolist()
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS}
        others = {
            name: getattr(self, name)
            for name in ("groups", "meaningless", "fingerprint", "about")
        }
        arguments = {"distribution": self.latents.distribution, **others}
        return type(self)(names, **(arrays | arguments | changes))

    def save(self, path):
        """Write the axes into one file of plain arrays, atomically.

        Args:
            path: of the file, ending in `.npz`.

        Raises:
            UserError: if the path does not fit.
            OSError: if it cannot be written.
        """
        path = pathlib.Path(files.expanded(path))
        if path.suffix != ".npz":
            raise UserError(f"path must end in .npz. Received: {path}")
        about = {
            "format": _FORMAT,
            "names": list(self.names),
            "groups": self.groups,
            "distribution": self.latents.distribution,
            "meaningless": self.meaningless,
            "about": self.about,
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.fingerprint is not None:
            arrays["fingerprint"] = self.fingerprint
        # As bytes: of text NumPy makes an array that no other program reads.
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        with files.whole(path) as unfinished:
            np.savez(unfinished, about_json=text, **arrays)

    @classmethod
    def load(cls, path):
        """Read axes that `save` has written.

        Raises:
            UserError: in one line, if there are none.
        """
        path = files.expanded(path)
        try:
            with files.open_npz(path) as entries:
                arrays = {name: read() for name, (_, read) in entries.items()}
            about = json.loads(arrays.pop("about_json").tobytes())
            if about.pop("format") != _FORMAT:
                raise UserError("of another format")
            return cls(**about, **arrays)
        except FileNotFoundError:
            reason = "there is no such file"
        # What is damaged, or made by another program.
        except (
            *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
            *(ValueError, KeyError, TypeError, AttributeError),
            *(NotImplementedError, RecursionError),
        ) as error:
            reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(
            "path must be a file of axes, as FeatureAxes.save writes it. "
            f"Received: {str(path)!r} ({reason})"
        )

    def _place(self, name, argument):
        """Return the place of a name from a caller."""
        if name not in self.names:
            reason = self.meaningless.get(name) if self.meaningless else None
            raise UserError(
                f"{argument} must name axes among {', '.join(self.names)}. "
                f"Received: {name!r}" + (f", {reason}" if reason else "")
            )
        return self.names.index(name)

    def _columns(self, amounts, count):
        """Return the places of amounts, and these, float `[count, named]`."""
        if not isinstance(amounts, dict):
            raise UserError(
                'amounts must be a dict, such as {"Smiling": 1.5}. '
                f"Received: {amounts!r}"
            )
        places = [self._place(name, "amounts") for name in amounts]
        columns = np.zeros((count, len(places)))
        for column, (name, value) in zip(
            columns.T, amounts.items(), strict=True
        ):
            try:
                column[:] = value
            except (TypeError, ValueError):
                column[:] = np.nan
            if not np.isfinite(column).all():
                raise UserError(
                    f"amounts[{name!r}] must be a finite number, or {count} of "
                    f"them. Received: {value!r}"
                )
        return places, columns


def _floats(name, values, shape, finite=True):
    """Return an array from a caller as float64 of a shape."""
    try:
        values = np.asarray(values, np.float64)
        is_right = values.shape == shape
    except (TypeError, ValueError):
        is_right = False
    if not is_right:
        shown = getattr(values, "shape", type(values).__name__)
        wanted = ", ".join(map(str, shape))
        raise UserError(
            f"{name} must be numbers of shape [{wanted}]. Received: {shown}"
        )
    if finite and not np.isfinite(values).all():
        raise UserError(f"{name} must be finite. Received: NaN or infinity")
    return values
