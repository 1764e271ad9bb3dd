"""Declare what a trained model does: verbs with inputs and outputs.

The rest of the package uses a trained model only through its `verbs()`:
export signatures, `keras_gans.load`, command flags and evaluation.
"""

import dataclasses
import typing

from keras_gans import labels


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

    def draw(self, count, seed=0):
        """Draw latent vectors, float32 `[count, size]`, the same by seed."""
        import numpy as np

        rng = np.random.default_rng(seed)
        shape = count, self.size
        if self.distribution == "uniform":
            return rng.uniform(-1.0, 1.0, shape).astype(np.float32)
        return rng.standard_normal(shape, np.float32)


@dataclasses.dataclass(frozen=True)
class Verb:
    """One thing that a trained model does.

    Attributes:
        name: str, also that of the exported signature.
        function: from tensors by the names of `inputs` to images, float32
            `[batch, height, width, 3]` in [-1, 1].
        inputs: dict from name to `Images`, `Labels` or `Latents`.
        source: str or None, the domain that the images are from, such as
            `"a"`.
        target: str or None, the domain that the outputs are to resemble.
        back: str or None, name of the verb that leads back.
    """

    name: str
    function: typing.Callable
    inputs: dict
    source: str | None = None
    target: str | None = None
    back: str | None = None

    def input(self, wanted):
        """Return `(name, input)` of this class, or `(None, None)`."""
        inputs = self.inputs.items()
        found = (item for item in inputs if type(item[1]) is wanted)
        return next(found, (None, None))

    @property
    def images(self):
        """The `Images` input, or None."""
        return self.input(Images)[1]

    def describe(self):
        """Return the verb as plain values, without its function."""
        return {
            "inputs": {n: one.describe() for n, one in self.inputs.items()},
            "source": self.source,
            "target": self.target,
            "back": self.back,
        }


def described(name, function, description):
    """Rebuild a verb from `describe`, with another function."""
    inputs = {n: _input(about) for n, about in description["inputs"].items()}
    places = {key: description[key] for key in ("source", "target", "back")}
    return Verb(name, function, inputs, **places)


def _input(about):
    about = dict(about)
    name = about.pop("type")
    if name == "labels":
        return Labels(labels.Labels(about["names"], about["exclusive"]))
    return {"images": Images, "latents": Latents}[name](**about)
