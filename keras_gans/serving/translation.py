"""A model that translates plain pictures, wherever it was loaded from."""

import math

import numpy as np
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.labels import Labels
from keras_gans.serving import description, signatures, tiles

# The side of the tiles of a picture that is too large to be taken whole.
_TILE = 512
_LEAST_TILE = 32


def of_model(model):
    """Return a `PictureTranslator` of a live model."""
    functions = signatures.make(model, with_encoded=False)
    about = description.of_model(model)
    return PictureTranslator(functions, about, owner=model)


def of_saved_model(folder):
    """Return a `PictureTranslator` of a version that `export` wrote.

    Raises:
        UserError: in one line, if `folder` has no `model.json`, is damaged, or
            its graph does more than to compute.
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
            name: loaded.signatures[name]
            for name, table in about["signatures"].items()
            if "images" in table["inputs"]
        }
        return PictureTranslator(functions, about, owner=loaded)
    except UserError:
        raise
    # TensorFlow raises nearly anything for what is damaged.
    except Exception as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise UserError(f"{folder} cannot be read: {reason}") from error


class PictureTranslator:
    """Translates plain pictures of any size.

    Attributes:
        about: dict, what `model.json` tells of the model.
        verbs: tuple of str, such as `("a_to_b", "b_to_a")`.
    """

    def __init__(self, functions, about, owner):
        self.about = about
        self.verbs = tuple(functions)
        self._functions = functions
        self._owner = owner  # functions do not keep the variables they read
        names = about["config"].get("labels")
        self._labels = names and Labels(names, about["config"]["exclusive"])

    def translate(self, pictures, to=None, labels=None, tile=None):
        """Translate pictures.

        Args:
            pictures: uint8 `[height, width, 3]` or `[batch, height, width,
                3]`.
            to: `"a"` or `"b"`, the domain to translate into. Default: that of
                the first verb. For a model with labels, as for
                `StarGAN.translate`: dict from names of labels to 0 or 1; or
                all labels, float `[num_labels]` or `[batch, num_labels]` in
                [0, 1].
            labels: float `[batch, num_labels]` of 0 and 1, what the pictures
                show, where `to` is a dict. Default: all 0.
            tile: int from 32 up, pixels; translate in overlapping tiles of
                that side that are blended into one another. Default: whole,
                or in tiles of 512 if a picture has more pixels than
                `about["pixel_limit"]` and the network works at any size.

        Returns:
            uint8, the shape of `pictures`.

        Raises:
            ValueError: if an argument does not fit.
        """
        pictures = _checked(pictures)
        batch = pictures.reshape(-1, *pictures.shape[-3:])
        function = self._functions[self._verb(to)]
        extra = self._vectors(to, labels, len(batch))
        tile = self._tile(tile, batch.shape[1:3])

        def whole(batch, extra):
            extra = {name: tf.constant(rows) for name, rows in extra.items()}
            outputs = function(images=tf.constant(batch), **extra)
            return outputs["images"].numpy()

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

    def _verb(self, to):
        if to is None or self._labels:
            return self.verbs[0]
        for verb in self.verbs:
            if isinstance(to, str) and verb.endswith(f"_to_{to}"):
                return verb
        domains = " or ".join(repr(verb[-1]) for verb in self.verbs)
        raise UserError(f"to must be {domains}. Received: {to!r}")

    def _vectors(self, to, labels, count):
        """Return the input that a model with labels takes besides."""
        if not self._labels:
            if labels is not None:
                raise UserError(
                    "labels must be left out: this model has none. "
                    f"Received: {labels!r}"
                )
            return {}
        names, size = self._labels.names, self._labels.vector_size
        if isinstance(to, dict):
            if labels is None:
                labels = np.zeros((count, len(names)), "float32")
            vectors = self._labels.changed(labels, to).numpy()
        elif to is None or isinstance(to, str):
            raise UserError(
                f"to must set labels among {', '.join(names)}; on the command "
                f"line that is --labels NAME,.... Received: {to!r}"
            )
        else:
            vectors = np.asarray(to, "float32")
        if (
            vectors.shape not in ((size,), (count, size))
            or not ((vectors >= 0) & (vectors <= 1)).all()
        ):
            raise UserError(
                f"to must have shape [{size}] or [{count}, {size}] and lie in "
                f"[0, 1]. Received: {to!r}"
            )
        return {"labels": np.broadcast_to(vectors, (count, size))}

    def _tile(self, tile, size):
        """Return the side of the tiles to take; None for none."""
        limit, unit = self.about["pixel_limit"], self.about["size_multiple"]
        most = math.isqrt(limit)
        if tile is not None and (
            not isinstance(tile, int) or not _LEAST_TILE <= tile <= most
        ):
            raise UserError(
                f"tile must be an integer from {_LEAST_TILE} to {most}. "
                f"Received: {tile!r}"
            )
        area = math.prod(-(-side // (unit or 1)) * (unit or 1) for side in size)
        if tile is not None or area <= limit:
            return tile
        if unit is None:
            raise UserError(
                f"pictures must have at most {limit} pixels. Received: {area}"
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
            "pictures must be uint8 [height, width, 3] or [batch, height, "
            f"width, 3]. Received: {pictures.dtype} {shape}"
        )
    return pictures
