"""Use a trained model on uint8 images, from any source."""

import dataclasses
import functools
import logging
import math
import types

import numpy as np
import tensorflow as tf

from keras_gans import checks, images, verbs
from keras_gans.checks import UserError
from keras_gans.serving import (
    description,
    geometry,
    signatures,
    tensors,
    tiles,
)
from keras_gans.verbs import Amounts, Codes, Images, Labels, Latents

logger = logging.getLogger("keras_gans")

# The side of the tiles of an image that is too large to be taken whole.
_TILE = 512
_LEAST_TILE = 32


def of_model(model):
    """Return a `LoadedModel` of a live model."""
    traced = signatures.make(model, with_encoded=False)
    functions = {name: _on_arrays(one) for name, one in traced.items()}
    iterating = {
        verb.name: _iterating(verb)
        for verb in model.verbs()
        if verb.steps is not None
    }
    functions |= {name: verb.function for name, verb in iterating.items()}
    loaded = LoadedModel(functions, description.of_model(model), owner=model)
    loaded.verbs |= iterating
    return loaded


def of_saved_model(folder):
    """Return a `LoadedModel` of a version that `export` wrote.

    Raises:
        UserError: in one line, if `folder` has no `model.json`, is damaged, or
            its graph does more than compute.
    """
    about = description.read(folder)
    if about is None:
        raise UserError(
            f"path must be a SavedModel with {description.PLACE}, as "
            f"keras_gans.export writes it. Received: {str(folder)!r}"
        )
    try:
        description.check_graph(folder)
        loaded = tf.saved_model.load(folder)
        functions = {
            name: _on_arrays(loaded.signatures[name]) for name in about["verbs"]
        }
        return LoadedModel(functions, about, owner=loaded)
    except UserError:
        raise
    # TensorFlow raises nearly anything for what is damaged.
    except Exception as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"{folder} cannot be read: {reason}") from error


class LoadedModel:
    """A trained model for uint8 images, loaded from any source.

    Attributes:
        about: dict, the content of `model.json`.
        verbs: dict from name to `Verb`, whose functions take and return uint8
            arrays, or return labels or codes.
        owner: the live model, or the SavedModel.

    Verbs that return codes are methods: `encode_a(pictures, batch_size=64)`
    takes images as `classify` does, and returns float32 `[*sizes]` or
    `[batch, *sizes]`.
    """

    def __init__(self, functions, about, owner):
        self.about = about
        self.owner = owner  # functions do not keep the variables they read
        self.verbs = {
            name: verbs.described(name, functions[name], verb)
            for name, verb in about["verbs"].items()
        }

    def __getattr__(self, name):
        verb = vars(self).get("verbs", {}).get(name)
        if verb is None or not isinstance(verb.output, Codes):
            raise AttributeError(f"LoadedModel has no attribute {name!r}")
        return functools.partial(self._told, verb)

    def generate(
        self,
        count=16,
        seed=0,
        latents=None,
        labels=None,
        truncation=None,
        verb=None,
        batch_size=64,
    ):
        """Generate images from noise.

        Args:
            count, seed, latents, labels, truncation: as of
                `keras_gans.training.noise.NoiseModel.generate`.
            verb: str. Default: the first verb that takes latents.
            batch_size: int, most images to make at once.

        Returns:
            uint8 `[count, height, width, 3]`.

        Raises:
            UserError: if an argument does not fit.
        """
        verb = self.from_noise(verb)
        latents, labels = verb.drawn(count, seed, latents, labels, truncation)
        return _in_parts(verb, latents, labels, batch_size)

    def edit(self, amounts, count=16, seed=0, batch_size=64, **drawn):
        """Generate images from noise that is moved along axes.

        Args:
            amounts, count, seed, **drawn: as of
                `keras_gans.training.noise.NoiseModel.edit`.
            batch_size: int, most images to make at once.

        Returns:
            uint8 `[count, height, width, 3]`.

        Raises:
            UserError: if an argument does not fit, or the model has no axes.
        """
        verb = self._verb(None, Amounts)
        latents, labels = verb.drawn(count, seed, **drawn)
        name, declared = verb.input(Amounts)
        rows = declared.rows(amounts, len(latents))
        return _in_parts(verb, latents, labels, batch_size, **{name: rows})

    def from_noise(self, verb=None):
        """Return the `keras_gans.verbs.Verb` of `generate`.

        Raises:
            UserError: if the model takes no latents.
        """
        return self._verb(verb, Latents)

    def translate(
        self,
        pictures,
        to=None,
        labels=None,
        tile=None,
        verb=None,
        source=None,
        names=None,
        progress=None,
    ):
        """Translate images; warn of those that a live model finds odd.

        Args:
            pictures: uint8 `[height, width, 3]` or `[batch, height, width,
                3]`.
            to: str, the domain to translate into, such as `"b"`. Default:
                that of the first verb. For a model with labels, as for
                `StarGAN.translate`: dict from names of labels to 0 or 1, as
                `read_labels("Male,-Young")` returns; or all labels, float
                `[num_labels]` or `[batch, num_labels]` in [0, 1]. The verb is
                then the first, or the first from `source`.
            labels: float `[batch, num_labels]` of 0 and 1, the current labels
                of the images, where `to` is a dict. Default: all 0.
            tile: int from 32 up, pixels; translate in overlapping, blended
                tiles of this side. Default: no tiles, or tiles of 512 if an
                image has more pixels than the limit and the network works at
                any size.
            verb: str, the name of the verb, instead of `to`.
            source: str, the domain that the images are from, where several
                verbs lead to `to`.
            names: list of str, what warnings call the images. Default:
                "image 0" and so on.
            progress: function `(step, steps)` that a live model calls now and
                then, if its verb iterates.

        Returns:
            uint8, the shape of `pictures`.

        Raises:
            ValueError: if an argument does not fit.
        """
        pictures = _checked(pictures)
        batch = pictures.reshape(-1, *pictures.shape[-3:])
        verb = self._translating(to, verb, source)
        name, declared = verb.input(Images)
        extra = self.vectors(verb, to, labels, batch)
        tile = _tile(declared, tile, batch.shape[1:3])
        options = {}
        if verb.remarks and len(batch):
            names = names or [f"image {i}" for i in range(len(batch))]
            remarks = verb.remarks(**{name: batch}, **extra)
            for one, remark in zip(names, remarks, strict=True):
                if remark:
                    logger.warning("%s %s", one, remark)
            if progress:
                options["progress"] = lambda step, _: progress(step, verb.steps)

        def whole(batch, extra):
            return verb.function(**{name: batch}, **extra, **options)

        if tile is None:
            translated = whole(batch, extra)
        else:
            translated = batch.copy()
            for i, picture in enumerate(batch):
                row = {name: rows[i : i + 1] for name, rows in extra.items()}
                translated[i] = tiles.translate(
                    lambda part, row=row: whole(part, row), picture, tile
                )
        return translated.reshape(pictures.shape)

    def classify(self, pictures, batch_size=64):
        """Tell the labels of images; their names are in `label_table`.

        Args:
            pictures: uint8 `[height, width, 3]` or `[batch, height, width,
                3]`.
            batch_size: int, most images to take at once.

        Returns:
            float32 `[num_labels]` or `[batch, num_labels]`, probabilities.

        Raises:
            UserError: if an argument does not fit, or the model does not
                return labels.
        """
        verb = self._verb(None, Images, Labels)
        return self._told(verb, pictures, batch_size)

    def _told(self, verb, pictures, batch_size=64):
        """Return the outputs, which are no images, of a verb of images."""
        checks.at_least(1, batch_size=batch_size)
        pictures = _checked(pictures)
        batch = pictures.reshape(-1, *pictures.shape[-3:])
        name, declared = verb.input(Images)
        _tile(declared, None, batch.shape[1:3])
        rows = [
            verb.function(**{name: batch[start : start + batch_size]})
            for start in range(0, max(len(batch), 1), batch_size)
        ]
        rows = np.concatenate(rows)
        return rows.reshape(*pictures.shape[:-3], *rows.shape[1:])

    @property
    def label_table(self):
        """The `keras_gans.labels.Labels` of the first verb with labels."""
        for verb in self.verbs.values():
            for declared in (verb.output, verb.input(Labels)[1]):
                if isinstance(declared, Labels):
                    return declared.table
        return None

    def _verb(self, name, wanted, output=types.NoneType):
        """Return the verb of this name, or the first, from and to such."""
        if name is not None:
            checks.one_of(self.verbs, verb=name)
        for verb in self.verbs.values():
            if (
                name in (None, verb.name)
                and verb.input(wanted)[1]
                and isinstance(verb.output, output)
            ):
                return verb
        returned = "labels" if output is Labels else "images"
        raise UserError(
            f"verb must be one that takes {wanted.__name__.lower()} and "
            f"returns {returned}; this model has {', '.join(self.verbs)}. "
            f"Received: {name!r}"
        )

    def _translating(self, to, verb, source):
        """Return the verb that translates, by name or between domains."""
        named = self.verbs.get(to) if isinstance(to, str) else None
        if named and named.output:
            raise UserError(
                f"to must be a domain: {to} returns {named.output_key}, not "
                f"images; in Python, keras_gans.load(path).{to}(images). "
                f"Received: {to!r}"
            )
        if self.label_table is not None and not isinstance(to, str):
            to = None  # labels, and no domain
        ways = [v for v in self.verbs.values() if v.target is not None]
        if verb is None and ways and (to, source) != (None, None):
            ways = _chosen(ways, "target", "to", to)
            ways = _chosen(ways, "source", "source", source)
            if len(ways) > 1:
                names = ", ".join(way.name for way in ways)
                raise UserError(
                    "source and to must choose one way. Received: "
                    f"source={source!r} and to={to!r}, for {names}"
                )
            verb = ways[0].name
        elif source is not None:
            raise UserError(
                "source must be left out with verb or without domains. "
                f"Received: {source!r}"
            )
        elif to is not None and self.label_table is None:
            raise UserError(
                "to must be left out with verb or without domains. "
                f"Received: {to!r}"
            )
        return self._verb(verb, Images)

    def read_labels(self, text):
        """Parse text such as "Male,-Young" as a dict from name to 0 or 1.

        It is for `to` of `translate` and `labels` of `generate`.

        Raises:
            UserError: if the model has no labels, or names are invalid.
        """
        declared = [verb.input(Labels)[1] for verb in self.verbs.values()]
        declared = next(filter(None, declared), None)
        if not declared:
            raise UserError(
                "labels must be left out: this model has none. "
                f"Received: {text!r}"
            )
        return declared.table.read(text)

    def read_amounts(self, amounts):
        """Return amounts, a dict or all, as float32 `[num_axes]`.

        Raises:
            UserError: if they do not fit, or the model has no axes.
        """
        _, declared = self._verb(None, Amounts).input(Amounts)
        return declared.rows(amounts, 1)[0]

    def vectors(self, verb, to, labels, batch):
        """Return the label input of a verb: a dict, empty if it has none.

        Args:
            verb: `Verb`.
            to, labels: as of `translate`.
            batch: array `[batch, ...]`.

        Raises:
            UserError: if they do not fit.
        """
        name, declared = verb.input(Labels)
        if not declared:
            if labels is not None:
                raise UserError(
                    "labels must be left out: this model has none. "
                    f"Received: {labels!r}"
                )
            return {}
        if to is None or isinstance(to, str):
            raise UserError(
                f"to must set labels among "
                f"{', '.join(declared.table.names)}; on the command line that "
                f"is --labels NAME,.... Received: {to!r}"
            )
        return {name: declared.table.wanted(to, labels, batch).numpy()}


def _chosen(ways, attribute, argument, domain):
    """Return the verbs with this source or target; all if none is given."""
    if domain is None:
        return ways
    domains = dict.fromkeys(getattr(way, attribute) for way in ways)
    if not isinstance(domain, str) or domain not in domains:
        names = " or ".join(map(repr, domains))
        raise UserError(f"{argument} must be {names}. Received: {domain!r}")
    return [way for way in ways if getattr(way, attribute) == domain]


def _in_parts(verb, latents, labels, batch_size, **inputs):
    """Call a verb on some rows at a time; return all its images."""
    checks.at_least(1, batch_size=batch_size)
    inputs[verb.input(Latents)[0]] = latents
    if labels is not None:
        inputs[verb.input(Labels)[0]] = labels
    starts = range(0, len(latents), batch_size)
    parts = [slice(start, start + batch_size) for start in starts]
    return np.concatenate(
        [
            verb.function(**{n: rows[part] for n, rows in inputs.items()})
            for part in parts
        ]
    )


def _on_arrays(signature):
    """Return a signature as a function of arrays, by name."""

    def function(**inputs):
        inputs = {name: tf.constant(rows) for name, rows in inputs.items()}
        (outputs,) = signature(**inputs).values()
        return outputs.numpy()

    return function


def _iterating(verb):
    """Return a live verb that iterates, for uint8 arrays; it is not traced."""
    name, declared = verb.input(Images)

    def function(progress=None, **inputs):
        whole = functools.partial(verb.function, progress=progress)
        inputs = {name: tf.constant(rows) for name, rows in inputs.items()}
        (outputs,) = tensors.tensor_form(whole, verb)(**inputs).values()
        return outputs.numpy()

    def remarks(**inputs):
        floats = images.to_float(inputs[name])
        fitted = geometry.fit(floats, declared.size, declared.multiple)
        return verb.remarks(**inputs | {name: fitted})

    return dataclasses.replace(verb, function=function, remarks=remarks)


def _tile(declared, tile, size):
    """Return the side of the tiles to take; None for none."""
    limit, unit = tensors.pixel_limit(declared), declared.multiple or 1
    most = math.isqrt(limit) // unit * unit  # as tiles are rounded up
    if tile is not None and (
        not isinstance(tile, int) or not _LEAST_TILE <= tile <= most
    ):
        raise UserError(
            f"tile must be an integer from {_LEAST_TILE} to {most}. "
            f"Received: {tile!r}"
        )
    sides = [max(side, geometry.LEAST_SIDE) for side in size]
    area = math.prod(-(-side // unit) * unit for side in sides)
    if tile is not None or area <= limit:
        return tile
    if declared.multiple is None:
        raise UserError(
            f"images must have at most {limit} pixels. Received: {area}"
        )
    return _TILE


def _checked(pictures):
    pictures = np.asarray(pictures)
    shape = pictures.shape
    if (
        pictures.dtype != np.uint8
        or len(shape) not in (3, 4)
        or shape[-1] != 3
        or 0 in shape[-3:]
    ):
        raise UserError(
            "images must be uint8 [height, width, 3] or [batch, height, "
            f"width, 3]. Received: {pictures.dtype} {shape}"
        )
    return pictures
