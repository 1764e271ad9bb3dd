"""Whether samples from noise are copies of training images."""

import numpy as np

from keras_gans import images, metrics
from keras_gans.checks import UserError
from keras_gans.evaluation.measure import BATCH, batches

# Training images. Of each only the features are kept: 10 MB of the extractor
# faces, 160 MB of inception_v3.
MOST = 10_000
_SHOWN = 6  # samples
_BESIDE = 3  # training images beside each
_MOST_SIZE = 128  # pixels
_HEADINGS = ["sample", "nearest", "second", "third"]


def add(measured, evaluator, extractor, subject):
    """Compare samples with training images; write some of them side by side.

    The samples that are shown are those nearest to a held-out image, the most
    realistic, and those nearest to a training image. Training images are read
    in batches, and none is kept.

    Args:
        measured: dict, the result of `evaluator`; each verb without images
            gets a result `nearness`, see `metrics.nearness`.
        evaluator: `measure.Evaluator`, after a call.
        extractor: `metrics.Extractor`.
        subject: has `trained_on`, as of `subjects.Subject`, and `folder`,
            `pathlib.Path`, which receives `examples/`.

    Returns:
        list of entries as of `examples.write`.
    """
    entries = []
    for name, results in measured.items():
        case = evaluator.cases[name]
        fakes = evaluator.fakes.get(name)
        if fakes and case.images is None and subject.trained_on:
            result = dict.fromkeys(("value", "values", "protocol", "error"))
            results["nearness"] = result | {"direction": "half"}
            try:
                found, shown = _of_case(name, case, fakes, extractor, subject)
                results["nearness"] |= found
                entries += shown
            except UserError as error:
                results["nearness"]["error"] = str(error)
    return entries


def _of_case(name, case, fakes, extractor, subject):
    training = subject.trained_on(MOST)
    fake, real = (_features(extractor, batches(p)) for p in (fakes, case.reals))
    known = _features(
        extractor,
        (
            # One that turns out to be broken is replaced by the next.
            images.to_float(np.stack([training.load(i) for i in rows]))
            for rows in np.split(
                np.arange(len(training)), range(BATCH, len(training), BATCH)
            )
        ),
    )
    distances, indices = metrics.nearest(fake, known, _BESIDE)
    typical = metrics.nearest(real, known)[0][:, 0]
    values = metrics.nearness(distances[:, 0], typical)
    protocol = {
        "metric": "nearness",
        "title": f"nearness to training images ({extractor.name})",
        "direction": "half",
        "real_count": len(real),
        "fake_count": len(fake),
        "training_count": len(known),
        "extractor": extractor.protocol(),
        "nearer": "probability that a sample lies nearer to its nearest "
        "training image than a held-out image to its own; near 1 for copies, "
        "near 0 for samples unlike all images",
        "if_alike": "standard deviation of nearer around 0.5 if samples are "
        "as held-out images",
        "very_near": "share of samples nearer than 95 percent of held-out "
        "images, 0.05 if alike",
        "reference": case.text,
    }
    orders = {
        "most realistic": metrics.nearest(fake, real)[0][:, 0],
        "nearest to a training image": distances[:, 0],
    }
    entries = []
    for what, by in orders.items():
        rows = np.argsort(by, kind="stable")[:_SHOWN]
        file = f"{name}_{what.replace(' ', '_')}.png"
        images.write(
            subject.folder / "examples" / file,
            images.grid(
                [
                    _row([fakes.load(i), *map(training.load, indices[i])])
                    for i in rows
                ],
                headings=_HEADINGS[: 1 + indices.shape[1]],
            ),
        )
        shown = "; ".join(
            f"{fakes.names[i]}: "
            + ", ".join(f"{distance:.3g}" for distance in distances[i])
            for i in rows
        )
        entries.append(
            {
                "file": file,
                "title": f"{name}, {what}, beside the training images "
                "nearest to them",
                "pictures": f"{shown} (distances; of held-out images "
                f"typically {np.median(typical):.3g})",
            }
        )
    found = {"value": values["nearer"], "values": values, "protocol": protocol}
    return found, entries


def _features(extractor, pictures):
    rows = [extractor.features(batch).numpy() for batch in pictures]
    return np.concatenate(rows).astype(np.float64)


def _row(pictures):
    size = min(_MOST_SIZE, *pictures[0].shape[:2])
    return np.stack([images.fit_square(p, size) for p in pictures])
