"""How well probabilities of labels tell the labels of images."""

import numpy as np

BINS = 15
PROTOCOL = (
    "Majority: the share of the more frequent value, what always giving that "
    "value reaches. Accuracy: of an exclusive group the most probable label "
    "is given, else each whose probability is above 1/2. AUC: probability "
    "that an image with the label gets a higher one than an image without. "
    "Calibration error: expected difference between probability and share of "
    f"images with the label, over {BINS} bins of equal width (Guo et al. "
    "2017, eq. 3)."
)
_COLUMNS = {
    "majority": ("majority", ".1%"),
    "accuracy": ("accuracy", ".1%"),
    "auc": ("AUC", ".4f"),
    "calibration_error": ("calibration error", ".3f"),
}


def auc(truth, scores):
    """Return the area under the ROC curve, by ranks; ties count half.

    Args:
        truth: bool `[count]`.
        scores: float `[count]`.

    Returns:
        float in [0, 1], or None if the truth is constant.

    Reference:
        Mann and Whitney 1947: it is U / (positives * negatives).
    """
    truth = np.asarray(truth, bool)
    positives = int(truth.sum())
    pairs = positives * (len(truth) - positives)
    if not pairs:
        return None
    _, places, counts = np.unique(
        scores, return_inverse=True, return_counts=True
    )
    ranks = np.cumsum(counts) - (counts - 1) / 2  # from 1, means of ties
    above = ranks[places][truth].sum() - positives * (positives + 1) / 2
    return float(above / pairs)


def calibration_error(truth, probabilities, bins=BINS):
    """Return the expected calibration error of a label.

    Args:
        truth: bool `[count]`.
        probabilities: float `[count]` in [0, 1], that it is true.
        bins: int, of equal width.

    Returns:
        float in [0, 1]: the mean over the images of the difference, in the
        bin of the image, between mean probability and share of the label.

    Reference:
        Guo et al. 2017, arXiv:1706.04599, eq. 3, for one outcome.
    """
    probabilities = np.asarray(probabilities, np.float64)
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    apart = np.bincount(places, probabilities - truth, bins)
    return float(np.abs(apart).sum() / len(probabilities))


def measure(table, truth, probabilities):
    """Measure the probabilities of labels against the true ones.

    Args:
        table: `keras_gans.labels.Labels` of one data set.
        truth: float or bool `[count, num_labels]`, 0 or 1.
        probabilities: float `[count, num_labels]`.

    Returns:
        dict with `count`, and `labels`, a dict from name to a dict of
        `majority`, `accuracy`, `auc` (None if all images are alike) and
        `calibration_error`, each from 0 to 1; see `PROTOCOL`.
    """
    truth = np.asarray(truth) > 0.5
    found = probabilities > 0.5
    for group in table.groups:
        places = [table.names.index(name) for name in group]
        most = probabilities[:, places].argmax(axis=-1)
        found[:, places] = np.eye(len(places))[most]
    rows = {}
    for place, name in enumerate(table.names):
        own, share = truth[:, place], float(truth[:, place].mean())
        rows[name] = {
            "majority": max(share, 1.0 - share),
            "accuracy": float((found[:, place] == own).mean()),
            "auc": auc(own, probabilities[:, place]),
            "calibration_error": calibration_error(
                own, probabilities[:, place]
            ),
        }
    return {"count": len(truth), "labels": rows}


def cells(result):
    """Return the result of `measure` as rows of text, means last."""
    rows = dict(result["labels"])
    rows["mean"] = {}
    for key in _COLUMNS:
        known = [row[key] for row in result["labels"].values()]
        known = [value for value in known if value is not None]
        rows["mean"][key] = float(np.mean(known)) if known else None
    heads = ["label", *(title for title, _ in _COLUMNS.values())]
    return [heads] + [
        [name]
        + [
            "none" if row[key] is None else format(row[key], form)
            for key, (_, form) in _COLUMNS.items()
        ]
        for name, row in rows.items()
    ]
