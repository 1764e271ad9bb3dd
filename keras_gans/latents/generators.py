"""Live and loaded models as functions from arrays to arrays.

A live model takes and returns floats in tensors, one that `keras_gans.load`
returns uint8 in arrays. Here both become functions on arrays.
"""

import numpy as np

from keras_gans import checks, images, verbs
from keras_gans.checks import UserError
from keras_gans.labels import Labels

FINGERPRINT = (4, 8, 8, 3)  # shape of the images that tell generators apart
_BATCH = 64  # images at a time


class Generator:
    """A generator of images as a function from latents to uint8 images.

    Args:
        model: with a verb that takes latents: a live model of this package,
            or what `keras_gans.load` returns.

    Raises:
        UserError: if it has no such verb.

    Attributes:
        model: the live or loaded model.
        latents: `keras_gans.verbs.Latents` that it takes.
    """

    def __init__(self, model):
        self.model = model
        self._verb, is_live = _verb(
            model, "generator", lambda verb: verb.input(verbs.Latents)[1]
        )
        self._latents_name, self.latents = self._verb.input(verbs.Latents)
        self._labels_name, self._labels = self._verb.input(verbs.Labels)
        self._function = self._verb.function
        if is_live:
            self._function = _traced(self._verb)

    @classmethod
    def of(cls, model):
        """Return a model as a `Generator`; one stays as it is."""
        return model if isinstance(model, cls) else cls(model)

    def drawn(self, first, count, seed=0, labels=None):
        """Return some of the latents of a seed, and the labels beside them.

        Args:
            first: int from 0 up, the first vector.
            count: int from 1 up.
            seed: int of 64 bits.
            labels: for a generator with labels: those of all images, as of
                `keras_gans.verbs.Verb.drawn`. Default: drawn from the seed.

        Returns:
            `(latents, labels)`: float32 `[count, size]`, and float32 `[count,
            vector_size]`, or None if it takes none.

        Raises:
            UserError: if an argument does not fit.
        """
        checks.at_least(0, first=first)
        checks.at_least(1, count=count)
        latents, labels = self._verb.drawn(first + count, seed, labels=labels)
        if labels is not None:
            labels = np.asarray(labels)[first:]
        return latents[first:], labels

    def __call__(self, latents, labels=None):
        """Return images, uint8 `[count, height, width, 3]`."""
        inputs = {self._latents_name: latents}
        if labels is not None:
            inputs[self._labels_name] = labels
        # All at once would take the memory of all.
        parts = [
            {n: rows[first : first + _BATCH] for n, rows in inputs.items()}
            for first in range(0, max(len(latents), 1), _BATCH)
        ]
        return np.concatenate([self._function(**part) for part in parts])

    def fingerprint(self):
        """Return what tells this generator from others: four small images.

        They are nearly the same from a run folder, a file and an export of
        it. Those of a generator with labels have the first label.

        Returns:
            uint8 `[4, 8, 8, 3]`.
        """
        first = self._labels and {self._labels.table.names[0]: 1}
        count, size, *_ = FINGERPRINT
        shown = self(*self.drawn(0, count, labels=first))
        return np.stack([images.fit_square(image, size) for image in shown])

    def differs(self, fingerprint):
        """Return by how many gray levels another's four images differ."""
        levels = np.subtract(fingerprint, self.fingerprint(), dtype=float)
        return np.abs(levels).mean()


def classifier(attributes, names=None):
    """Return a function from images to probabilities, and their labels.

    Args:
        attributes: with a verb `classify`, a live or loaded model; or a
            function from uint8 `[batch, height, width, 3]` to probabilities,
            float `[batch, labels]` in [0, 1].
        names: list of str, of the labels of a function.

    Returns:
        `(function, table)`: from uint8 images to float32 `[batch, labels]`;
        `keras_gans.labels.Labels`.

    Raises:
        UserError: if an argument does not fit; the function, if what it is
            given does not return probabilities.
    """
    if hasattr(attributes, "verbs"):
        if names is not None:
            raise UserError(
                "names must be left out: the model of attributes has its own. "
                f"Received: {names!r}"
            )
        verb, is_live = _verb(
            attributes, "attributes", lambda verb: verb.name == "classify"
        )
        table = verb.output.table
        function = _on_pixels(verb) if is_live else attributes.classify
    elif callable(attributes):
        function, table = attributes, Labels(check_names(names))
    else:
        raise UserError(
            "attributes must be a model with a verb classify, or a function. "
            f"Received: {type(attributes).__name__}"
        )

    def classify(pictures):
        values = np.asarray(function(pictures), np.float32)
        shape = len(pictures), len(table.names)
        is_between = (values >= 0) & (values <= 1)  # NaN is neither
        if values.shape != shape or not is_between.all():
            raise UserError(
                f"attributes must return probabilities {shape} in [0, 1]. "
                f"Received: shape {values.shape}, from {values.min():g} to "
                f"{values.max():g}"
            )
        return values

    return classify, table


def check_names(names):
    """Return the names of axes as a tuple.

    Raises:
        UserError: unless they are different words.
    """
    is_list = isinstance(names, (list, tuple)) and names
    if not is_list or not all(isinstance(n, str) and n for n in names):
        raise UserError(
            f"names must be a list of one word or more. Received: {names!r}"
        )
    if len({*names}) < len(names):
        raise UserError(f"names must have each once. Received: {names!r}")
    return tuple(names)


def _verb(model, argument, fits):
    """Return a model's first verb that fits, and whether it is live."""
    declared = getattr(model, "verbs", {})
    is_live = callable(declared)
    for verb in declared() if is_live else declared.values():
        if fits(verb):
            return verb, is_live
    raise UserError(
        f"{argument} must be a model that "
        + ("takes latents" if argument == "generator" else "classifies")
        + f", live or from keras_gans.load. Received: {type(model).__name__}"
    )


def _traced(verb):
    """Return the function of a live verb in a graph, to uint8."""
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec(declared.shape, tf.float32, name)
        for name, declared in verb.inputs.items()
    }
    traced = tf.function(
        lambda inputs: images.to_uint8(verb.function(**inputs)), [specs]
    )
    return lambda **inputs: traced(inputs)


def _on_pixels(verb):
    """Return the function of a live verb, from uint8 of any size."""
    import tensorflow as tf

    name, declared = verb.input(verbs.Images)
    sides = declared.size, declared.size

    def function(pictures):
        pixels = images.to_float(pictures)
        if declared.multiple is None and pixels.shape[1:3] != sides:
            pixels = tf.image.resize(pixels, sides, antialias=True)
        return verb.function(**{name: pixels})

    return function
