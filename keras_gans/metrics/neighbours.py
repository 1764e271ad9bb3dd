"""Metrics that compare individual images: KID, precision and recall."""

import numpy as np
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.metrics.distributions import DistributionMetric

# Rows of a matrix of distances that are in memory at once.
_ROWS = 1000


class _KeepingMetric(DistributionMetric):
    """A metric that stores all features, as it needs them at once.

    They are stored in host memory, 4 bytes per number: 80 MB for 10,000
    images with 2048 dimensions. So these metrics are updated eagerly; outputs
    of replicas may be passed as the strategy returns them.
    """

    def __init__(self, extractor, name=None):
        super().__init__(extractor, name)
        self._real, self._fake = [], []

    def update_features(self, real, fake):
        if not tf.executing_eagerly():
            raise UserError(
                f"{self.key} keeps features on the host: update_state must be "
                "called outside of tf.function and strategy.run. Received: a "
                "call within"
            )
        for kept, features in ((self._real, real), (self._fake, fake)):
            if features is not None:
                kept.append(np.array(features, np.float32))

    def counts(self):
        return sum(map(len, self._real)), sum(map(len, self._fake))

    def reset_state(self):
        super().reset_state()
        self._real.clear()
        self.reset_fakes()

    def reset_fakes(self):
        self._fake.clear()
        self.fake_size = None

    def _kept(self):
        real, fake = (
            np.concatenate(kept).astype(np.float64)
            for kept in (self._real, self._fake)
        )
        self._finite(real.sum(), fake.sum())
        return real, fake


class KID(_KeepingMetric):
    """Unbiased squared maximum mean discrepancy, by a cubic kernel.

    The kernel is (x.y / dimensions + 1)^3. The value is the mean over random
    subsets, which may be negative; the spread is the standard deviation.

    Args:
        extractor: `metrics.Extractor`.
        subsets: int.
        subset_size: int, images of each side in a subset. Default: 1,000,
            or half of the side with fewer, so that subsets differ.
        seed: int, seed of the subsets.

    Reference:
        Binkowski et al. 2018, "Demystifying MMD GANs", section 4.
    """

    key = "kid"

    def __init__(
        self, extractor, subsets=100, subset_size=None, seed=2020, name=None
    ):
        super().__init__(extractor, name)
        for argument, value, least in (
            ("subsets", subsets, 1),
            ("subset_size", 2 if subset_size is None else subset_size, 2),
        ):
            if value < least:
                raise UserError(
                    f"{argument} must be at least {least}. Received: {value!r}"
                )
        self.subsets, self.seed = subsets, seed
        self._asked = subset_size

    @property
    def title(self):
        return self._title("KID")

    def _size(self):
        return self._asked or min(1000, min(self.counts()) // 2)

    def result(self):
        # Half of them must leave two, between which the kernel can be taken.
        self._enough(self._asked or 4)
        real, fake = self._kept()
        # The generator and the order of draws of torch-fidelity.
        rng = np.random.RandomState(self.seed)
        size = self._size()
        values = [
            _discrepancy(
                real[rng.choice(len(real), size, replace=False)],
                fake[rng.choice(len(fake), size, replace=False)],
            )
            for _ in range(self.subsets)
        ]
        return {
            "kid": float(np.mean(values)),
            "kid_spread": float(np.std(values)),
        }

    def protocol(self):
        return {
            **super().protocol(),
            "subsets": self.subsets,
            "subset_size": self._size(),
            "seed": self.seed,
            "kernel": "(x.y / dimensions + 1)^3, unbiased",
        }


class PrecisionRecall(_KeepingMetric):
    """Shares of each set that lie within neighborhoods of the other set.

    Precision is the share of fakes no farther from some real image than its
    k-th nearest real neighbor; recall is the same with reals and fakes
    swapped. The main value is their harmonic mean.

    Args:
        extractor: `metrics.Extractor`.
        k: int.

    Reference:
        Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for
        Assessing Generative Models", eq. 1 and 2.
    """

    key, title, direction = "precision_recall", "precision and recall", "max"

    def __init__(self, extractor, k=3, name=None):
        super().__init__(extractor, name)
        if k < 1:
            raise UserError(f"k must be at least 1. Received: {k!r}")
        self.k = k
        self.fewest = k + 1

    def result(self):
        self._enough()
        real, fake = self._kept()
        precision, recall = self._share(fake, real), self._share(real, fake)
        both = precision + recall
        return {
            "f_score": 2.0 * precision * recall / both if both else 0.0,
            "precision": precision,
            "recall": recall,
        }

    def _share(self, points, centres):
        # A center is its own nearest neighbor, at 0.
        radii = np.concatenate(
            [
                np.partition(block, self.k, axis=1)[:, self.k]
                for block in _squared_distances(centres, centres)
            ]
        )
        inside = [
            (block <= radii).any(axis=1)
            for block in _squared_distances(points, centres)
        ]
        return float(np.concatenate(inside).mean())

    def protocol(self):
        return {**super().protocol(), "k": self.k}


def nearest(points, centers, k=1):
    """Return the distances and indices of the k nearest centers.

    Args:
        points: float `[count, dimensions]`.
        centers: the same, at least k.
        k: int.

    Returns:
        `(distances, indices)`, both `[count, k]`, the nearest first.
    """
    distances, indices = [], []
    for block in _squared_distances(points, centers):
        rows = np.argsort(block, axis=1)[:, :k]
        indices.append(rows)
        distances.append(np.sqrt(np.take_along_axis(block, rows, axis=1)))
    return np.concatenate(distances), np.concatenate(indices)


def nearness(samples, held_out):
    """Compare distances to the training images: a test of data copying.

    Args:
        samples: float `[count]`, distances of samples to their nearest
            training image.
        held_out: the same of real images that were not trained on.

    Returns:
        dict of floats: `nearer`, the probability that a sample lies nearer
        than a held-out image, 0.5 where both are alike and toward 1 where
        samples are copies; `if_alike`, its standard deviation where both are
        alike; `very_near`, the share of samples nearer than 95 percent of the
        held-out images, 0.05 where both are alike.

    Reference:
        Meehan et al. 2020, "A Non-Parametric Test to Detect Data-Copying in
        Generative Models", arXiv:2004.05675, section 3.1: `nearer` is one
        minus the global statistic, which is not divided into cells here.
        `very_near` is ours: it shows copies among samples that are else far
        away.
    """
    ordered = np.sort(held_out)
    # Of equal distances one half counts.
    before = sum(
        np.searchsorted(ordered, samples, s) for s in ("left", "right")
    )
    counts = len(samples), len(held_out)
    return {
        "nearer": float(1.0 - before.mean() / (2.0 * counts[1])),
        "if_alike": float(np.sqrt((sum(counts) + 1) / (12 * np.prod(counts)))),
        "very_near": float((samples < np.quantile(ordered, 0.05)).mean()),
    }


def _discrepancy(x, y):
    """Return the unbiased estimate of the squared discrepancy."""
    count = len(x)

    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    # An image is not compared with itself.
    within = sum(k.sum() - np.trace(k) for k in (kernel(x, x), kernel(y, y)))
    return within / (count * (count - 1)) - 2.0 * kernel(x, y).mean()


def _squared_distances(x, y):
    """Yield squared distances `[rows, len(y)]` of some rows of x at a time."""
    norms = (y * y).sum(axis=1)
    for first in range(0, len(x), _ROWS):
        rows = x[first : first + _ROWS]
        own = (rows * rows).sum(axis=1, keepdims=True)
        yield (own + norms - 2.0 * rows @ y.T).clip(0.0)
