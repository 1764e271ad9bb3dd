"""Declare what a trained model does: verbs with inputs and outputs.

The rest of the package uses a trained model only through its `verbs()`:
export signatures, `keras_gans.load`, command flags and evaluation.
"""

import dataclasses
import functools
import math
import numbers
import typing

import numpy as np

from keras_gans import checks, labels
from keras_gans.checks import UserError

DISTRIBUTIONS = "normal", "uniform"


class Images(typing.NamedTuple):
    """Images, float32 `[batch, height, width, 3]` in [-1, 1].

    Attributes:
        size: int, pixels, the side of the images of training.
        multiple: int, what height and width must be multiples of, where
            images keep their scale; None where the network knows one scale
            and images are scaled into a square of `size`.
    """

    size: int
    multiple: int | None = None

    @property
    def shape(self):
        return None, None, None, 3

    def describe(self):
        """Return the input as plain values."""
        return {"type": "images", **self._asdict()}


class Labels(typing.NamedTuple):
    """Label vectors, float32 `[batch, table.vector_size]` in [0, 1].

    Attributes:
        table: `keras_gans.labels.Labels`, their names.
    """

    table: labels.Labels
    key = "labels"  # of outputs in an export

    @property
    def shape(self):
        return None, self.table.vector_size

    def describe(self):
        """Return the input as plain values."""
        return {
            "type": "labels",
            "names": [list(names) for names in self.table.sets],
            "exclusive": [list(group) for group in self.table.groups],
        }


class Codes(typing.NamedTuple):
    """What an encoder makes of images, float32 `[batch, *sizes]`.

    Attributes:
        sizes: tuple of int, the shape of one code.
    """

    sizes: tuple
    key = "codes"  # of outputs in an export

    def describe(self):
        """Return the output as plain values."""
        return {"type": "codes", "sizes": list(self.sizes)}


class Latents(typing.NamedTuple):
    """Latent vectors, float32 `[batch, size]`.

    Attributes:
        size: int, length of a vector.
        distribution: `"normal"`, or `"uniform"` in [-1, 1].
    """

    size: int
    distribution: str = "normal"

    @property
    def shape(self):
        return None, self.size

    def describe(self):
        """Return the input as plain values."""
        return {"type": "latents", **self._asdict()}

    def draw(self, count, seed=0, truncation=None):
        """Draw latent vectors: the first are the same however many there are.

        They are made of the whole numbers of a counter-based generator,
        Philox, by the inverse of the distribution function.

        Args:
            count: int from 1 up.
            seed: int of 64 bits, from -2**63 to below 2**63.
            truncation: float above 0, for a uniform distribution at most 1:
                draw from [-truncation, truncation] alone, for images that
                are more typical and differ less (the "truncation trick" of
                Brock et al. 2019, arXiv:1809.11096, section 3.1). There
                numbers outside are drawn again; here all numbers of a seed
                move, with no jump. Default: the whole distribution.

        Returns:
            float32 `[count, size]`.

        Raises:
            UserError: if an argument does not fit.
        """
        import tensorflow as tf

        checks.at_least(1, count=count)
        checks.long_seed(seed)
        self._check_truncation(truncation)
        with tf.init_scope(), tf.device("CPU:0"):
            bits = self._bits(tf.constant(seed, tf.int64), count)
            return self._vectors(bits, truncation).numpy()

    def of_seeds(self, seeds):
        """Return the first vector of each seed, also in a graph.

        Args:
            seeds: int64 `[batch]`.

        Returns:
            float32 tensor `[batch, size]`, `draw(1, seed)` of each.
        """
        import tensorflow as tf

        # Devices differ in the last digits of what `_vectors` returns.
        with tf.device("CPU:0"):
            bits = tf.map_fn(
                lambda seed: self._bits(seed, 1)[0],
                seeds,
                fn_output_signature=tf.TensorSpec([self.size], tf.uint32),
            )
            return self._vectors(bits)

    def _bits(self, seed, count):
        """Return whole numbers, uint32 `[count, size]`."""
        import tensorflow as tf

        return tf.random.stateless_uniform(
            [count, self.size],
            tf.stack([seed, tf.zeros_like(seed)]),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
            alg="philox",  # TensorFlow's own choice depends on the device
        )

    def _vectors(self, bits, truncation=None):
        """Return the vectors, float32, that whole numbers stand for."""
        import tensorflow as tf

        parts = (tf.cast(bits, tf.float64) + 0.5) / 2.0**32  # in (0, 1)
        if self.distribution == "uniform":
            vectors = (2.0 * parts - 1.0) * (truncation or 1.0)
        else:
            tail = 0.0  # what is cut off on either side
            if truncation is not None:
                tail = math.erfc(truncation / math.sqrt(2.0)) / 2.0
            vectors = tf.math.ndtri(tail + (1.0 - 2.0 * tail) * parts)
        return tf.cast(vectors, tf.float32)

    def _check_truncation(self, truncation):
        is_uniform = self.distribution == "uniform"
        is_number = isinstance(truncation, numbers.Real)
        is_number &= not isinstance(truncation, bool)
        most = 1.0 if is_uniform else math.inf
        if truncation is not None and not (
            is_number and 0.0 < truncation <= most
        ):
            raise UserError(
                "truncation must be a number above 0"
                + (" and at most 1" if is_uniform else "")
                + f". Received: {truncation!r}"
            )

    def between(self, first, second, count):
        """Return vectors on the way from one to another, both included.

        Args:
            first, second: float `[size]`.
            count: int from 2 up.

        Returns:
            float32 `[count, size]`: on a straight line, and for the normal
            distribution on an arc, whose vectors are as long as drawn ones.
        """
        checks.at_least(2, count=count)
        first, second = (np.asarray(one, np.float64) for one in (first, second))
        part = np.linspace(0.0, 1.0, count)[:, None]
        lengths = np.linalg.norm(first) * np.linalg.norm(second)
        cosine = first @ second / lengths if lengths else 1.0
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        if self.distribution == "uniform" or np.sin(angle) < 1e-3:
            weights = 1.0 - part, part
        else:
            weights = (
                np.sin(angle * way) / np.sin(angle)
                for way in (1.0 - part, part)
            )
        there, here = weights
        return (there * first + here * second).astype(np.float32)

    def check(self, latents):
        """Check latent vectors from a caller; return them as float32.

        Args:
            latents: array or tensor, float `[count, size]`, finite; or a
                `tf.TensorSpec`, which is returned. In a graph there are no
                values yet.

        Raises:
            UserError: naming what does not fit.
        """
        import tensorflow as tf

        rule = f"latents must be numbers of shape [count, {self.size}]"
        if isinstance(latents, tf.TensorSpec) or tf.is_symbolic_tensor(latents):
            if not latents.shape.is_compatible_with(self.shape):
                raise UserError(f"{rule}. Received shape: {latents.shape}")
            is_spec = isinstance(latents, tf.TensorSpec)
            return latents if is_spec else tf.cast(latents, tf.float32)
        try:
            with np.errstate(over="ignore"):
                latents = np.asarray(latents).astype(np.float32)
        except (TypeError, ValueError):
            kind = type(latents).__name__
            raise UserError(f"{rule}. Received: {kind}") from None
        shape = latents.shape
        if len(shape) != 2 or shape[1] != self.size or not shape[0]:
            raise UserError(f"{rule}. Received shape: {shape}")
        if not np.isfinite(latents).all():
            raise UserError(
                "latents must be finite. Received: NaN or infinity in "
                f"{np.count_nonzero(~np.isfinite(latents))} places"
            )
        return latents


class Amounts(typing.NamedTuple):
    """Moves along axes of the latent space, float32 `[batch, len(names)]`.

    Attributes:
        names: tuple of str, those of the axes. An amount of 1 is one standard
            deviation of drawn latents along the axis.
    """

    names: tuple

    @property
    def shape(self):
        return None, len(self.names)

    def describe(self):
        """Return the input as plain values."""
        return {"type": "amounts", "names": list(self.names)}

    def draw(self, count, seed=0):
        """Draw amounts as far as latents differ: standard normal.

        Args:
            count: int from 1 up.
            seed: int of 64 bits.

        Returns:
            float32 `[count, len(names)]`.
        """
        random = np.random.default_rng(seed % 2**64)
        return random.standard_normal((count, len(self.names)), np.float32)

    def rows(self, amounts, count):
        """Check amounts from a caller; return a row for each image.

        Args:
            amounts: dict from names to float, such as `{"Smiling": 1.5}`, all
                others 0; or all, float `[len(names)]` or `[count,
                len(names)]`.
            count: int, number of images.

        Returns:
            float32 `[count, len(names)]`.

        Raises:
            UserError: if they do not fit.
        """
        values = amounts
        if isinstance(amounts, dict):
            for name in amounts:
                checks.one_of(self.names, **{"a name in amounts": name})
            values = [amounts.get(name, 0.0) for name in self.names]
        rows = np.full((count, len(self.names)), np.nan, np.float32)
        try:
            values = np.asarray(values, np.float32)
            if values.shape[-1:] == rows.shape[1:]:
                rows[:] = values
        except (TypeError, ValueError):
            pass  # no numbers, or not as many rows
        if not np.isfinite(rows).all():
            raise UserError(
                "amounts must be finite numbers of shape [count, "
                f"{len(self.names)}], or a dict from names to numbers. "
                f"Received: {amounts!r}"
            )
        return rows


@dataclasses.dataclass(frozen=True)
class Verb:
    """One thing that a trained model does.

    Attributes:
        name: str, also that of the exported signature.
        function: from tensors by the names of `inputs` to images, float32
            `[batch, height, width, 3]` in [-1, 1], or to `output`.
        inputs: dict from name to `Images`, `Labels`, `Latents` or `Amounts`.
        source: str or None, the domain that the images are from, such as
            `"a"`.
        target: str or None, the domain that the outputs are to resemble.
        back: str or None, name of the verb that leads back.
        output: `Labels`, where the outputs are their probabilities; `Codes`;
            None for images.
        steps: int or None, steps of what iterates. A live model's function
            then also takes `progress`, a function `(step, losses)`, unless it
            is traced.
        remarks: of a live model, function from the same inputs, by name, to
            what is odd about each image, a list of str or None; None if
            nothing is known.
    """

    name: str
    function: typing.Callable
    inputs: dict
    source: str | None = None
    target: str | None = None
    back: str | None = None
    output: Labels | Codes | None = None
    steps: int | None = None
    remarks: typing.Callable | None = None

    def input(self, wanted):
        """Return `(name, input)` of this class, or `(None, None)`."""
        inputs = self.inputs.items()
        found = (item for item in inputs if type(item[1]) is wanted)
        return next(found, (None, None))

    @property
    def images(self):
        """The `Images` input, or None."""
        return self.input(Images)[1]

    @property
    def output_key(self):
        """The name of the outputs in an export."""
        return self.output.key if self.output else "images"

    def drawn(self, count, seed, latents=None, labels=None, truncation=None):
        """Return the inputs of images from noise; draw what is not given.

        Args:
            count, seed, truncation: as of `Latents.draw`.
            latents: float `[count, size]`, in place of drawn ones.
            labels: None, drawn from the seed; or as of
                `keras_gans.labels.Labels.wanted`.

        Returns:
            `(latents, labels)`: float32 `[count, size]`, and float32 `[count,
            vector_size]`, or None if the verb takes none.

        Raises:
            UserError: if an argument does not fit.
        """
        noise, vectors = self.input(Latents)[1], self.input(Labels)[1]
        if latents is None:
            latents = noise.draw(count, seed, truncation)
        elif truncation is not None:
            raise UserError(
                "truncation must be left out where latents are given. "
                f"Received: {truncation!r}"
            )
        latents = noise.check(latents)
        if vectors is None:
            if labels is not None:
                raise UserError(
                    "labels must be left out: this model has none. "
                    f"Received: {labels!r}"
                )
        elif labels is None:
            labels = vectors.table.draw(latents.shape[0], seed)
        else:
            labels = vectors.table.wanted(labels, None, latents, "labels")
        return latents, labels

    def describe(self):
        """Return the verb as plain values, without its functions."""
        return {
            "inputs": {n: one.describe() for n, one in self.inputs.items()},
            "source": self.source,
            "target": self.target,
            "back": self.back,
            "output": self.output and self.output.describe(),
            "steps": self.steps,
        }


def between(domains, translate, images):
    """Return the verbs that translate between any two domains.

    Args:
        domains: list of str, their names.
        translate: function of images, `to` and `source` to images.
        images: `Images`.

    Returns:
        list of `Verb`, such as `a_to_b`, for each ordered pair.
    """
    return [
        Verb(
            f"{source}_to_{target}",
            functools.partial(translate, to=target, source=source),
            {"images": images},
            source,
            target,
            back=f"{target}_to_{source}",
        )
        for source in domains
        for target in domains
        if source != target
    ]


def described(name, function, description):
    """Rebuild a verb from `describe`, with another function."""
    inputs = {n: _input(about) for n, about in description["inputs"].items()}
    places = {key: description[key] for key in ("source", "target", "back")}
    # Earlier exports lack these two.
    output, steps = description.get("output"), description.get("steps")
    output = output and _input(output)
    return Verb(name, function, inputs, **places, output=output, steps=steps)


def _input(about):
    about = dict(about)
    name = about.pop("type")
    if name == "labels":
        return Labels(labels.Labels(about["names"], about["exclusive"]))
    if name == "amounts":
        return Amounts(tuple(about["names"]))
    if name == "codes":
        return Codes(tuple(about["sizes"]))
    return {"images": Images, "latents": Latents}[name](**about)
