"""Compare the distributions of real and fake images: the FID."""

import logging

import numpy as np
import tensorflow as tf

from keras_gans.metrics.base import PictureMetric, add, gathered

logger = logging.getLogger("keras_gans")


class DistributionMetric(PictureMetric):
    """A metric of the features of two sets of images.

    The sets may differ in size; either side of an update may be None.

    Args:
        extractor: `metrics.Extractor`.
    """

    paired = False
    needs_extractor = True

    def __init__(self, extractor, name=None):
        super().__init__(name)
        self.extractor = extractor

    def update_state(self, real, fake):
        """Add images, floats `[batch, height, width, 3]` in [-1, 1]."""
        features = {"real": real, "fake": fake}
        for side, pictures in features.items():
            if pictures is not None:
                pictures = gathered(pictures)
                self.look(side, pictures)
                features[side] = self.extractor.features(pictures)
        self.update_features(**features)

    def update_features(self, real, fake):
        """Add features, `[batch, dimensions]`, instead of images."""
        raise NotImplementedError

    def reset_fakes(self):
        """Reset only the fakes, so that reals are measured once."""
        raise NotImplementedError

    def protocol(self):
        extractor = self.extractor.protocol()
        return {**super().protocol(), "extractor": extractor}

    def _title(self, title):
        # Without the published network a value is of the same kind, but must
        # not be taken for one that can be looked up.
        published = self.extractor.is_published
        return title if published else f"{title}-like ({self.extractor.name})"


class FID(DistributionMetric):
    """Squared Frechet distance of two Gaussians fitted to the features.

    For means m, n and covariances A, B (of samples, divided by count - 1) it
    is |m - n|^2 + tr A + tr B - 2 tr (AB)^(1/2). Only the sums of the features
    and of their outer products are accumulated, in float64.

    AB is not symmetric, but has the eigenvalues of A^(1/2) B A^(1/2), which
    is symmetric and has none below zero. So the last trace is the sum of their
    roots, computed by decompositions that do not fail on singular matrices.
    With fewer images than dimensions the value is far too high, and the
    protocol has a `warning`.

    Reference:
        Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule
        Converge to a Local Nash Equilibrium", eq. 6.
    """

    key, fewest = "fid", 2

    def __init__(self, extractor, name=None):
        super().__init__(extractor, name)
        size = extractor.dimensions
        self.sums = {
            side: (
                self._add_sum((), f"{side}_count"),
                self._add_sum((size,), f"{side}_sum"),
                self._add_sum((size, size), f"{side}_products"),
            )
            for side in ("real", "fake")
        }
        self._warned = False

    @property
    def title(self):
        return self._title("FID")

    def update_features(self, real, fake):
        for side, features in (("real", real), ("fake", fake)):
            if features is None:
                continue
            features = tf.cast(features, tf.float64)
            count, total, products = self.sums[side]
            add(count, tf.cast(tf.shape(features)[0], tf.float64))
            add(total, tf.reduce_sum(features, axis=0))
            add(products, tf.matmul(features, features, transpose_a=True))

    def counts(self):
        return tuple(int(self.sums[s][0].numpy()) for s in ("real", "fake"))

    def reset_fakes(self):
        for variable in self.sums["fake"]:
            variable.assign(tf.zeros(variable.shape, variable.dtype))
        self.fake_size = None

    def result(self):
        self._enough()
        (m, a), (n, b) = (self._gaussian(side) for side in ("real", "fake"))
        self._finite(*m, *n, a.sum(), b.sum())
        warning = self._warning()
        if warning and not self._warned:
            self._warned = True
            logger.warning("%s: %s", self.key, warning)
        values, vectors = np.linalg.eigh(a)
        root = vectors * np.sqrt(values.clip(0.0)) @ vectors.T
        roots = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(0.0))
        distance = ((m - n) ** 2).sum() + np.trace(a) + np.trace(b)
        # For equal sets rounding gives values slightly below zero.
        return max(0.0, float(distance - 2.0 * roots.sum()))

    def _gaussian(self, side):
        count, total, products = (v.numpy() for v in self.sums[side])
        mean = total / count
        products = products - count * np.outer(mean, mean)
        return mean, products / (count - 1.0)

    def _warning(self):
        count, size = min(self.counts()), self.extractor.dimensions
        if count > size:
            return None
        return (
            f"{count} images are too few for {size} dimensions: the value "
            "is far too high and compares only with others of the same "
            f"counts; take more than {size}, or kid"
        )

    def protocol(self):
        warning = self._warning()
        extra = {"warning": warning} if warning else {}
        return {**super().protocol(), **extra}
