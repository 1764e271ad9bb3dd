"""Perceptual distances between the feature maps of a network."""

import os

import numpy as np
import tensorflow as tf

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.metrics.base import MeanMetric, PictureMetric, add, gathered

# Zhang et al.'s code adds it to the length of a vector of channels.
_EPSILON = 1e-10


class PerceptualDistance(MeanMetric):
    """Squared difference of unit-length feature vectors, summed over layers.

    It is the distance of LPIPS, mean over positions and sum over channels and
    layers, but without its learned channel weights and on the backbone in the
    protocol: values are not comparable with LPIPS.

    Args:
        extractor: `metrics.Extractor`, the backbone.
        channel_weights: dict, or path of a `.npz` file, from the names of
            the layers to `[channels]`, none below 0. Default: all 1.

    Raises:
        UserError: if the weights do not match the layers.

    Reference:
        Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features
        as a Perceptual Metric", eq. 1.
    """

    key, needs_extractor = "perceptual_distance", True

    def __init__(self, extractor, channel_weights=None, name=None):
        super().__init__(name)
        self.backbone = _Backbone(extractor, channel_weights)

    @property
    def title(self):
        return f"perceptual distance ({self.backbone.extractor.name})"

    def per_picture(self, real, fake):
        self._pair(real, fake)
        return tf.add_n(
            [
                tf.reduce_sum(tf.square(x - y), axis=(1, 2, 3))
                for x, y in zip(
                    self.backbone(gathered(real)),
                    self.backbone(gathered(fake)),
                    strict=True,
                )
            ]
        )

    def protocol(self):
        return {**super().protocol(), **self.backbone.protocol()}


class Diversity(PictureMetric):
    """Mean perceptual distance between pairs of outputs.

    Over all pairs of n outputs in a single pass: the distance is a squared
    Euclidean one between vectors x, so the mean equals
    2 / (n - 1) (sum |x|^2 - |sum x|^2 / n). The sums, in float64, take 50 MB
    for `vgg16` at 224 pixels.

    Args:
        extractor, channel_weights: as for `PerceptualDistance`.
    """

    key, direction, fewest = "diversity", "max", 2
    paired, needs_extractor = False, True

    def __init__(self, extractor, channel_weights=None, name=None):
        super().__init__(name)
        self.backbone = _Backbone(extractor, channel_weights)
        self.count = self._add_sum((), "count")
        self.squares = self._add_sum((), "squares")
        self.sums = [
            self._add_sum(shape, f"sum_{layer}")
            for layer, shape in extractor.map_shapes.items()
        ]

    @property
    def title(self):
        return f"diversity ({self.backbone.extractor.name})"

    def update_state(self, real, fake):
        """Add `fake`; `real`, an argument of all metrics, is ignored."""
        if fake is None:
            return
        fake = gathered(fake)
        self.look("fake", fake)
        add(self.count, tf.cast(tf.shape(fake)[0], tf.float64))
        for total, maps in zip(self.sums, self.backbone(fake), strict=True):
            maps = tf.cast(maps, tf.float64)
            add(self.squares, tf.reduce_sum(tf.square(maps)))
            add(total, tf.reduce_sum(maps, axis=0))

    def counts(self):
        return 0, int(self.count.numpy())

    def reset_fakes(self):
        """Reset everything, as no state of the reals is kept."""
        self.reset_state()

    def result(self):
        count = self.counts()[1]
        if count < self.fewest:
            raise UserError(
                f"{self.key} must have at least {self.fewest} fake images. "
                f"Received: {count}"
            )
        squares = float(self.squares.numpy())
        self._finite(squares)
        of_sum = sum(float((s.numpy() ** 2).sum()) for s in self.sums)
        return max(0.0, 2.0 * (squares - of_sum / count) / (count - 1))

    def protocol(self):
        return {**super().protocol(), **self.backbone.protocol()}


class _Backbone:
    """Feature maps whose squared distance is the perceptual distance."""

    def __init__(self, extractor, channel_weights):
        self.extractor = extractor
        self.source = "all 1" if channel_weights is None else "given"
        if isinstance(channel_weights, (str, os.PathLike)):
            self.source = os.path.basename(channel_weights)
            with files.open_npz(channel_weights) as arrays:
                channel_weights = {n: read() for n, (_, read) in arrays.items()}
        shapes = extractor.map_shapes
        if channel_weights is None:
            channel_weights = {n: np.ones(s[-1]) for n, s in shapes.items()}
        wanted = {name: (shape[-1],) for name, shape in shapes.items()}
        received = {n: np.shape(w) for n, w in channel_weights.items()}
        if received != wanted or any(
            np.min(w) < 0 for w in channel_weights.values()
        ):
            raise UserError(
                "channel_weights must be of the layers and channels "
                f"{wanted}, none below 0. Received: {received}"
            )
        self.factors = {
            name: np.sqrt(channel_weights[name] / (height * width))
            for name, (height, width, _) in shapes.items()
        }

    def __call__(self, pictures):
        """Return a float32 map `[batch, height, width, channels]` per layer.

        Channel vectors have unit length, times the root of the weight of a
        channel and a position.
        """
        maps = self.extractor.maps(pictures)
        return [
            maps[name]
            / (tf.norm(maps[name], axis=-1, keepdims=True) + _EPSILON)
            * factor.astype(np.float32)
            for name, factor in self.factors.items()
        ]

    def protocol(self):
        extractor = self.extractor.protocol()
        del extractor["layer"], extractor["dimensions"]
        extractor["layers"] = list(self.factors)
        return {"extractor": extractor, "channel_weights": self.source}
