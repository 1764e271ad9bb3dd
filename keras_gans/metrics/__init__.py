"""Metrics of images, each with its measurement protocol.

    extractor = metrics.extractor("vgg16")
    chosen = metrics.create(["kid", "precision_recall"], extractor)
    results = metrics.evaluate(chosen, real, fake)

A metric is a `keras.metrics.Metric` of float images `[batch, height, width,
3]` in [-1, 1]: `update_state(real, fake)`, `result()`, `reset_state()`, and
`protocol()`, a dict of plain JSON without which no number should be printed.
"""

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.metrics import extractors
from keras_gans.metrics.base import PictureMetric
from keras_gans.metrics.distributions import FID
from keras_gans.metrics.extractors import EXTRACTORS, extractor
from keras_gans.metrics.features import Extractor
from keras_gans.metrics.neighbours import (
    KID,
    PrecisionRecall,
    nearest,
    nearness,
)
from keras_gans.metrics.perceptual import Diversity, PerceptualDistance
from keras_gans.metrics.pixels import L1, PSNR, SSIM, CycleError, MultiScaleSSIM
from keras_gans.metrics.runner import BETTER, describe, evaluate

METRICS = {
    metric.key: metric
    for metric in (
        CycleError,
        Diversity,
        FID,
        KID,
        L1,
        MultiScaleSSIM,
        PerceptualDistance,
        PrecisionRecall,
        PSNR,
        SSIM,
    )
}

__all__ = [
    "BETTER",
    "EXTRACTORS",
    "METRICS",
    "Extractor",
    "PictureMetric",
    "create",
    "describe",
    "evaluate",
    "extractor",
    "get",
    "names",
    "nearest",
    "nearness",
    *sorted(metric.__name__ for metric in METRICS.values()),
]


def names():
    """Return the names of the metrics, sorted."""
    return sorted(METRICS)


def get(name):
    """Return the class of a metric; its `direction` tells which is better.

    Raises:
        UserError: if no metric has that name.
    """
    checks.one_of(names(), metric=name)
    return METRICS[name]


def create(chosen, extractor=None):
    """Create metrics by name; feature metrics share one extractor.

    Args:
        chosen: list of names.
        extractor: `Extractor`, or the name of one.

    Returns:
        dict from name to metric.

    Raises:
        UserError: for an unknown name, or if a metric needs an extractor but
            there is None.
    """
    if isinstance(extractor, str):
        extractor = extractors.extractor(extractor)
    made = {}
    for name in chosen:
        metric = get(name)
        if not metric.needs_extractor:
            made[name] = metric()
        elif extractor is None:
            raise UserError(
                f"extractor must be given for metric {name}. Received: None"
            )
        else:
            made[name] = metric(extractor)
    return made
