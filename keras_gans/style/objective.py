"""What an image is compared by: content, style, total variation."""

import typing

import numpy as np
import tensorflow as tf

from keras_gans import losses

_HALF_RANGE = 127.5  # levels of 0..255 in 1.0


class Region(typing.NamedTuple):
    """Where an image is to have which style.

    Attributes:
        mask: float32 `[height, width]` in [0, 1], or None for everywhere.
        styles: list of `(share, image, mask)`: float, the shares of all
            regions together being 1; float32 `[height, width, 3]` in [-1, 1];
            and the part of that image that counts, as `mask`.
    """

    mask: np.ndarray | None
    styles: list


class Objective:
    """The weighted terms of an image of one size, and their gradient.

    Args:
        network: `keras.Model` of `networks.vgg.vgg`.
        recipe: `presets.Recipe`.
        content: float32 `[height, width, 3]` in [-1, 1].
        regions: list of `Region`.
        noise: float32, the shape of `content`: weigh each term by the norm of
            its gradient there, see `losses.impacts`, with equal parts for the
            layers of a term. None: weigh as the recipe says.
    """

    def __init__(self, network, recipe, content, regions, noise=None):
        self._network, self._recipe = network, recipe
        weights = recipe.content_weight, recipe.style_weight
        layers = recipe.content_layers, recipe.style_layers
        # Terms of weight 0 are not computed.
        self._content_layers, self._style_layers = (
            layers if weight else {}
            for weight, layers in zip(weights, layers, strict=True)
        )
        found = network(content[np.newaxis])
        self._contents = {n: found[n] for n in self._content_layers}
        self._regions = [self._targets(region) for region in regions]
        factors = {"total_variation": recipe.variation_weight}
        for weight, kind, own in (
            (recipe.content_weight, "content", self._content_layers),
            (recipe.style_weight, "style", self._style_layers),
        ):
            for layer, part in own.items():
                part = part if noise is None else 1 / len(own)
                factors[f"{kind} {layer}"] = weight * part
        self._factors = {n: x for n, x in factors.items() if x}
        if noise is not None:
            found = losses.impacts(self._parts, noise[np.newaxis])
            self._factors = {
                n: x / max(float(found[n]), 1e-12)
                for n, x in self._factors.items()
            }
        self._compiled = tf.function(self._evaluate)

    def _targets(self, region):
        """Return the mask, the share and the Gram matrices of a region."""
        share = sum(share for share, _, _ in region.styles)
        grams = dict.fromkeys(self._style_layers, 0.0)
        for part, image, mask in region.styles:
            found = self._network(image[np.newaxis])
            # The squared distance to a mean of matrices is, but for a
            # constant, the mean of the squared distances.
            for layer in grams:
                grams[layer] += part / share * self._gram(found[layer], mask)
        return region.mask, share, grams

    def _gram(self, features, mask):
        weights = None if mask is None else _resized(mask, features.shape)
        return losses.gram(features, self._recipe.normalization, weights)

    def _parts(self, images):
        """Return the terms by name and layer, each without its weight."""
        found, parts = self._network(images), {}
        for layer, target in self._contents.items():
            part = losses.content(found[layer], target)
            if self._recipe.halved_sums:
                part *= target.shape.num_elements() / 2
            parts[f"content {layer}"] = part
        for layer in self._style_layers:
            parts[f"style {layer}"] = tf.add_n(
                [
                    share
                    * losses.content(self._gram(found[layer], mask), g[layer])
                    for mask, share, g in self._regions
                ]
            ) * (0.25 if self._recipe.halved_sums else 1.0)
        if self._recipe.variation_weight:
            variation = losses.total_variation(images * _HALF_RANGE)
            parts["total_variation"] = variation
        return parts

    def _evaluate(self, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            terms = {}
            for name, part in self._parts(images).items():
                term = name.split()[0]
                part *= self._factors[name]
                terms[term] = terms.get(term, 0.0) + part
            total = tf.add_n(list(terms.values()))
        return {"total": total, **terms}, tape.gradient(total, images)

    def __call__(self, pixels):
        """Evaluate an image.

        Args:
            pixels: float `[height, width, 3]`; [-1, 1] is the range of
                images, which it may exceed.

        Returns:
            `(terms, gradient)`: dict from `"total"` and the names of terms to
            weighted floats; float32, the shape of `pixels`.
        """
        images = tf.cast(pixels, tf.float32)[tf.newaxis]
        terms, gradient = self._compiled(images)
        terms = {name: float(value) for name, value in terms.items()}
        return terms, gradient[0].numpy()


def _resized(mask, shape):
    mask = tf.constant(mask, tf.float32)[tf.newaxis, ..., tf.newaxis]
    return tf.image.resize(mask, shape[1:3], "area")
