"""Compute many metrics on the same images; each may fail separately."""

import contextlib
import itertools

import numpy as np

from keras_gans.checks import UserError
from keras_gans.metrics.distributions import DistributionMetric

# Which values are good, by the direction of a metric.
BETTER = {"min": "lower", "max": "higher", "half": "near 0.5"}


def evaluate(metrics, real, fake, batch_size=32):
    """Compute metrics; if one fails, report why and continue.

    Images pass each extractor once for all feature metrics that share it.
    Call eagerly, not within `strategy.run`.

    Args:
        metrics: dict from name to a metric, whose state is reset first.
        real, fake: arrays `[count, ...]`, or iterables of batches, such as a
            `tf.data.Dataset` of images. `real=None` keeps the earlier reals,
            for metrics that can.
        batch_size: int, rows of an array per batch.

    Returns:
        dict from each name to a dict: `value`, float, the main value;
        `values`, dict from name to float; `direction`; `protocol`; and
        `error`, None or the reason in one line, in which case there is
        neither value nor protocol.
    """
    failed = {}

    def attempt(name, function, *arguments):
        if name not in failed:
            try:
                return function(*arguments)
            except UserError as error:
                failed[name] = error

    for name, metric in metrics.items():
        attempt(name, _reset, metric, real is None)
    try:
        for pair in itertools.zip_longest(
            _batches(real, batch_size), _batches(fake, batch_size)
        ):
            features = {}
            for name, metric in metrics.items():
                attempt(name, _update, metric, pair, features)
    # An image that cannot be read is no single metric's fault.
    except UserError as error:
        failed = dict.fromkeys(metrics, error) | failed
    for name in {*metrics} & {*failed}:
        # Reals of which some are missing must not be kept for the next time.
        with contextlib.suppress(UserError):
            _reset(metrics[name], real is None)
    results = {}
    for name, metric in metrics.items():
        values = attempt(name, metric.result)
        results[name] = attempt(name, _report, metric, values)
    for name, error in failed.items():
        results[name] = {
            **dict.fromkeys(("value", "values", "protocol")),
            "direction": metrics[name].direction,
            "error": " ".join(str(error).split()),
        }
    return results


def describe(protocol):
    """Return a protocol as one line of text."""
    counts = f"{protocol['real_count']} real and {protocol['fake_count']} fake"
    parts = [
        f"{name.replace('_', ' ')} {_text(value)}"
        for name, value in protocol.items()
        if name
        not in ("metric", "title", "direction", "real_count", "fake_count")
    ]
    better = BETTER[protocol["direction"]]
    return f"{protocol['title']} ({better} is better): " + "; ".join(
        [f"{counts} images", *parts]
    )


def _text(value):
    if isinstance(value, dict):
        inner = (f"{n.replace('_', ' ')} {_text(v)}" for n, v in value.items())
        return f"({', '.join(inner)})"
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return str(value)


def _reset(metric, keeps_reals):
    if not keeps_reals:
        metric.reset_state()
    elif hasattr(metric, "reset_fakes"):
        metric.reset_fakes()
    else:
        raise UserError(
            f"{metric.key} must have a real image for each fake. "
            "Received: real=None"
        )


def _batches(pictures, batch_size):
    if pictures is None:
        return ()
    if hasattr(pictures, "shape"):
        count = pictures.shape[0]
        return (
            pictures[i : i + batch_size] for i in range(0, count, batch_size)
        )
    return iter(pictures)


def _update(metric, pair, features):
    if not isinstance(metric, DistributionMetric):
        if metric.paired and (pair[0] is None or pair[1] is None):
            raise UserError(
                f"{metric.key} must have as many real as fake images. "
                f"Received: more {'fake' if pair[0] is None else 'real'} ones"
            )
        metric.update_state(*pair)
        return
    seen = []
    for side, pictures in zip(("real", "fake"), pair, strict=True):
        key = id(metric.extractor), side
        if pictures is not None:
            metric.look(side, pictures)
            if key not in features:
                features[key] = metric.extractor.features(pictures)
        seen.append(features.get(key))
    metric.update_features(*seen)


def _report(metric, values):
    if not isinstance(values, dict):
        values = {metric.key: values}
    values = {name: float(np.asarray(v)) for name, v in values.items()}
    return {
        "value": next(iter(values.values())),
        "values": values,
        "direction": metric.direction,
        "protocol": metric.protocol(),
        "error": None,
    }
