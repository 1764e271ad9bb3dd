"""Translations of the embedded faces against the true drawings.

The faces are drawn in every style from the same identity, so the true
translation of each is known; no picture collection offers that.
"""

import numpy as np

from keras_gans.faces import edits
from keras_gans.faces.identities import FIRST_HELD_OUT


def against_truth(translate, source, target, image_size=64, count=200, seed=0):
    """Compare translations with the true drawings of held-out identities.

    Args:
        translate: function from float `[batch, size, size, 3]` in [-1, 1] to
            the same.
        source: style of the inputs, such as `"photo"`.
        target: style of the truth, such as `"anime"`.
        image_size: int, pixels.
        count: int, identities.
        seed: int, seed of the drawings.

    Returns:
        dict from `"translation"`, `"untouched input"` and `"mean drawing"` (of
        `target`, over other identities) to a dict with `l1`, the mean
        absolute difference in parts of the full range 0..1, and `ssim`, the
        mean structural similarity (Wang et al. 2004, as `tf.image.ssim`
        computes it, 11x11 windows), both over all `count` pictures.
    """
    import tensorflow as tf

    from keras_gans import datasets, images

    def drawings(first, style):
        # Drawn larger and cut like every held-out picture of a run.
        load_size = datasets.default_load_size(image_size)
        corner = (load_size - image_size) // 2
        pictures = datasets.open_source(
            f"faces:{style}",
            load_size,
            seed=seed,
            face_indices=range(first, first + count),
        )
        middle = slice(corner, corner + image_size)
        return np.stack(
            [pictures.load(i)[middle, middle] for i in range(count)]
        )

    inputs = drawings(FIRST_HELD_OUT, source)
    truth = drawings(FIRST_HELD_OUT, target)
    outputs = [
        images.to_uint8(translate(images.to_float(inputs[i : i + 50]))).numpy()
        for i in range(0, count, 50)
    ]
    mean = drawings(FIRST_HELD_OUT + count, target).mean(axis=0)
    candidates = {
        "translation": np.concatenate(outputs),
        "untouched input": inputs,
        "mean drawing": np.broadcast_to(np.rint(mean), truth.shape),
    }
    truth = tf.constant(truth / 255.0, tf.float32)
    results = {}
    for name, pictures in candidates.items():
        pictures = tf.constant(pictures / 255.0, tf.float32)
        results[name] = {
            "l1": float(tf.reduce_mean(tf.abs(pictures - truth))),
            "ssim": float(tf.reduce_mean(tf.image.ssim(pictures, truth, 1.0))),
        }
    return results


def table(results):
    """Format what `faces_of_run` returns as lines of Markdown."""
    if any("real" in rows for rows in results.values()):
        return edits.table(results)
    lines = [
        "| direction | picture | L1 (0..1) | SSIM |",
        "| --- | --- | --- | --- |",
    ]
    for direction, rows in results.items():
        lines += [
            f"| {direction} | {name} | {row['l1']:.3f} | {row['ssim']:.3f} |"
            for name, row in rows.items()
        ]
    return "\n".join(lines)


def faces_of_run(model, settings):
    """Measure a run on the embedded faces against the truth.

    Returns:
        dict from direction (`"photo to anime"`) to `against_truth`'s result,
        or from label to that of `attributes.measure`; empty if the run is on
        other pictures.
    """
    size, seed = settings["image_size"], settings["seed"]
    is_labelled = "labels" in settings
    data = (
        settings["data"]
        if is_labelled
        else [settings["data_a"], settings["data_b"]]
    )
    if not all(str(style).startswith("faces:") for style in data):
        return {}
    styles = [style.removeprefix("faces:").partition("@")[0] for style in data]
    if is_labelled:
        # Of two data sets at once none has all labels.
        return (
            {}
            if len(styles) > 1
            else edits.measure(
                lambda pictures, labels: model.translate(pictures, to=labels),
                settings["labels"][0],
                size,
                seed=seed,
                style=styles[0],
            )
        )
    style_of = dict(zip("ab", styles, strict=True))
    return {
        f"{style_of[verb.source]} to {style_of[verb.target]}": against_truth(
            verb.function,
            style_of[verb.source],
            style_of[verb.target],
            size,
            seed=seed,
        )
        for verb in model.verbs()
    }
