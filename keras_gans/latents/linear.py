"""The linear algebra of axes: regression, and making axes perpendicular.

Reference: Guan 2018, "TL-GAN: transparent latent-space GAN",
github.com/SummitKwan/transparent_latent_gan, src/tl_gan/feature_axis.py;
Shen et al. 2020, "Interpreting the Latent Space of GANs for Semantic Face
Editing", arXiv:1907.10786, section 2.2, of conditional manipulation.
"""

import math

import numpy as np

from keras_gans import checks

METHODS = "tanh", "linear", "logistic"
ORTHOGONALIZATIONS = "joint", "published", "sequential", "dual"
_MOST_TANH = math.tanh(3.0)  # of a label, before arctanh makes it 3
# Of an axis that keeps a shorter part, a move is nearly all of others'.
_LEAST_LENGTH = 0.1
_ROUNDING = 16 * np.finfo(np.float64).eps  # of the length of a unit vector


def check_count(samples, size):
    """Check that the samples without a fifth tell more than `size` weights."""
    least = max(50, math.ceil(1.25 * (size + 2)))
    checks.at_least(least, samples=samples)


def regress(latents, targets, method="tanh", intercept=True):
    """Regress targets on latents by a linear model of scikit-learn.

    Args:
        latents: float `[samples, latent_dim]`.
        targets: float `[samples, axes]`, labels from -1 to 1.
        method: `"linear"`, least squares; `"tanh"`, the same for the arctanh
            of targets that are clipped to +/-tanh(3); `"logistic"`, logistic
            regression of whether a target is 0 or more.
        intercept: bool, whether to fit one.

    Returns:
        `(weights, biases)`, float64 `[axes, latent_dim]` and `[axes]`.
    """
    from sklearn import linear_model

    latents = np.asarray(latents, np.float64)
    if method == "logistic":
        model = linear_model.LogisticRegression(
            fit_intercept=intercept, max_iter=1000
        )
        fits = [
            (fit.coef_[0], *np.broadcast_to(fit.intercept_, 1))
            for fit in (model.fit(latents, y >= 0) for y in targets.T)
        ]
        weights, biases = map(np.array, zip(*fits, strict=True))
        return weights, biases
    if method == "tanh":
        targets = _stretched(targets)
    fit = linear_model.LinearRegression(fit_intercept=intercept)
    fit.fit(latents, targets)
    return fit.coef_, np.broadcast_to(fit.intercept_, len(fit.coef_))


def _stretched(targets):
    return np.arctanh(np.clip(targets, -_MOST_TANH, _MOST_TANH))


def _fitted(samples):
    """Return how many samples are fitted where the last fifth is held back."""
    return samples - samples // 5


def without_two_values(names, targets, method):
    """Return the labels that cannot be regressed, with the reason."""
    fitted = _fitted(len(targets))
    reasons = {}
    for name, column in zip(names, targets.T, strict=True):
        classes = {*(column[:fitted] >= 0.0)}
        if np.ptp(column) < 1e-6:
            reasons[name] = "it is the same for all samples"
        elif method == "logistic" and len(classes) < 2:
            which = "with" if True in classes else "without"
            reasons[name] = f"samples are all {which} it"
    return reasons


def judged(latents, targets, method):
    """Return R^2 and area of each target on the last fifth of the samples."""
    from scipy.special import expit
    from sklearn import metrics

    fitted = _fitted(len(latents))
    weights, biases = regress(latents[:fitted], targets[:fitted], method)
    scores = latents[fitted:] @ weights.T + biases
    rest = targets[fitted:]
    holds = rest >= 0.0
    aims, answers = rest, scores
    if method == "tanh":
        aims = _stretched(rest)
    elif method == "logistic":
        aims, answers = holds.astype(float), expit(scores)
    r2 = metrics.r2_score(aims, answers, multioutput="raw_values")
    auc = [
        metrics.roc_auc_score(*pair)
        if 0 < pair[0].sum() < len(rest)
        else np.nan
        for pair in zip(holds.T, scores.T, strict=True)
    ]
    return r2, auc


def unit(vectors):
    """Return vectors `[count, size]` of length 1; those of 0 stay.

    So do those of length 1, to the bit, on every processor.
    """
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    stay = (lengths == 0.0) | (np.abs(lengths - 1.0) < _ROUNDING)
    return vectors / np.where(stay, 1.0, lengths)


def losing_each(vectors, base):
    """Return vectors without their parts along each base vector in turn.

    The results are perpendicular to all of them only if these are so to one
    another.

    Args:
        vectors: float `[count, size]`.
        base: float `[base, size]`.

    Returns:
        float `[count, size]`; 0 for a vector of which less than a tenth of
        the length is left.
    """
    left = vectors
    for one in base:
        left = left - np.outer(left @ one / max(one @ one, 1e-300), one)
    return _or_nothing(left, vectors)


def gram_schmidt(vectors):
    """Make vectors `[count, size]` perpendicular, each to those before it.

    Their lengths are what is left of them; 0, if that is less than a tenth.
    """
    result = np.empty_like(vectors)
    for place in range(len(vectors)):
        one = slice(place, place + 1)
        result[one] = losing_each(vectors[one], result[:place])
    return result


def without_span(vectors, base):
    """Return vectors without their parts in the span of base vectors.

    Arguments and result as of `losing_each`; the results are perpendicular to
    all base vectors, and no order matters.
    """
    inside = vectors @ np.linalg.pinv(base) @ base
    return _or_nothing(vectors - inside, vectors)


def _or_nothing(left, vectors):
    kept = np.linalg.norm(left, axis=-1, keepdims=True)
    least = _LEAST_LENGTH * np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(kept < least, 0.0, left)


def orthogonalized(
    vectors, kept, others=None, method="joint", together=(), normalize=True
):
    """Make axes perpendicular to some of them.

    Args:
        vectors: float `[axes, size]`.
        kept: list of int, places of those that come first.
        others: list of int, places of those that are changed. Default: all
            that are not kept. Those in neither are only scaled.
        method: see `FeatureAxes.orthogonalize`.
        together: lists of int, places of axes that `"dual"` does not make
            perpendicular to one another.
        normalize: bool, whether to scale the results to unit length too.

    Returns:
        float64 `[axes, size]`; 0 for an axis of which less than a tenth of
        the length is left.
    """
    result = unit(np.asarray(vectors, np.float64))
    kept = list(kept)
    if others is None:
        others = [n for n in range(len(result)) if n not in kept]
    if method == "published":
        result[kept] = gram_schmidt(result[kept])
        result[others] = losing_each(result[others], result[kept])
    elif method == "sequential":
        result[kept + others] = gram_schmidt(result[kept + others])
    elif method == "joint":
        result[others] = without_span(result[others], result[kept])
    else:
        away = []
        for place in others:
            group = {n for one in together if place in one for n in one}
            rest = sorted({*kept, *others} - group - {place})
            away.append(without_span(result[[place]], result[rest])[0])
        result[others] = away
    return unit(result) if normalize else result
