"""Compare images with their truth by pixels and by windows."""

import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.metrics.base import MeanMetric

# Wang et al. 2003, section 3.2, from the finest scale to the coarsest.
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW, _SIGMA = 11, 1.5
# The value of an equal pair: one infinity would make the mean infinite.
_MOST_DECIBELS = 100.0


class _PixelMetric(MeanMetric):
    def protocol(self):
        return {**super().protocol(), "bits": 8, **self._details()}

    def _details(self):
        return {"data_range": 1.0}


class L1(_PixelMetric):
    """Mean absolute difference, in parts of the full range 0..1."""

    key, title = "l1", "L1"

    def _measure(self, real, fake):
        return tf.reduce_mean(tf.abs(real - fake), axis=(1, 2, 3)) / 255.0


class CycleError(L1):
    """L1 between inputs (`real`) and their reconstructions (`fake`)."""

    key, title = "cycle_error", "cycle error (L1)"


class PSNR(_PixelMetric):
    """Peak signal-to-noise ratio in decibels, mean over images.

    An equal pair, with an infinite ratio, counts as 100.
    """

    key, title, direction = "psnr", "PSNR", "max"

    def _measure(self, real, fake):
        decibels = tf.image.psnr(real, fake, 255.0)
        return tf.where(tf.math.is_inf(decibels), _MOST_DECIBELS, decibels)

    def _details(self):
        return {
            **super()._details(),
            "unit": "dB",
            "equal_pair_counts": _MOST_DECIBELS,
        }


class SSIM(_PixelMetric):
    """Structural similarity, mean over images and channels; 1 is equal.

    Uses Gaussian windows of 11 pixels with a standard deviation of 1.5, and
    variances without correction for the sample size.

    Reference:
        Wang et al. 2004, "Image quality assessment: from error visibility to
        structural similarity".
    """

    key, title, direction = "ssim", "SSIM", "max"

    def _measure(self, real, fake):
        self._fits(real.shape[1:3], _WINDOW)
        return tf.image.ssim(real, fake, 255.0, _WINDOW, _SIGMA)

    def _fits(self, size, smallest):
        if min(size) < smallest:
            raise UserError(
                f"{self.key} must have images of at least {smallest} "
                f"pixels on each side. Received: {size[0]} x {size[1]}"
            )

    def _details(self):
        return {**super()._details(), "window": _WINDOW, "sigma": _SIGMA}


class MultiScaleSSIM(SSIM):
    """Structural similarity over several scales, each halving the image.

    The published five scales need 161 pixels on the shorter side. Smaller
    images use as many scales as leave room for a window, at least two, with
    the published weights scaled to sum to one: 4 from 81 pixels, 3 from 41, 2
    from 21. Values with different numbers of scales are not comparable.

    Args:
        scales: int from 2 to 5. Default: as many as fit.

    Raises:
        UserError: at the first images, if they are too small.

    Reference:
        Wang et al. 2003, "Multiscale structural similarity for image quality
        assessment".
    """

    key, title = "ms_ssim", "MS-SSIM"

    def __init__(self, scales=None, name=None):
        super().__init__(name)
        if scales is not None and scales not in range(2, 6):
            raise UserError(
                f"scales must be an int from 2 to 5. Received: {scales!r}"
            )
        self._asked = self.scales = scales

    def _measure(self, real, fake):
        shorter = min(real.shape[1:3])
        fitting = [n for n in range(2, 6) if _halved(shorter, n - 1) >= _WINDOW]
        self.scales = self._asked or max(fitting, default=2)
        self._fits(real.shape[1:3], _smallest(self.scales))
        return tf.image.ssim_multiscale(
            real, fake, 255.0, self._weights(), _WINDOW, _SIGMA
        )

    def _weights(self):
        weights = _SCALE_WEIGHTS[: self.scales]
        return [weight / sum(weights) for weight in weights]

    def _details(self):
        scales = {}
        if self.scales:
            weights = [round(weight, 4) for weight in self._weights()]
            scales = {"scales": self.scales, "scale_weights": weights}
        return {**super()._details(), **scales}


def _halved(size, times):
    # A last odd row is doubled before rows are joined.
    for _ in range(times):
        size = -(-size // 2)
    return size


def _smallest(scales):
    return next(n for n in range(1, 1000) if _halved(n, scales - 1) >= _WINDOW)
