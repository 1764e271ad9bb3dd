"""Compare a model of the embedded faces with what is known of them.

The faces are drawn in every style from the same identity, so the true
translation of each is known; no image collection offers that.
"""

import numpy as np

from keras_gans import checks
from keras_gans.faces import drawing, edits, samples
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.verbs import Labels

_COUNT, _COUNT_OF_SEARCHES = 200, 50  # identities to measure on


def against_truth(
    translate, source, target, image_size=64, count=_COUNT, seed=0, labels=()
):
    """Compare translations with the true drawings of held-out identities.

    Args:
        translate: function from float `[batch, size, size, 3]` in [-1, 1],
            and with `labels` float `[batch, num_labels]`, to images.
        source: style of the inputs, such as `"photo"`.
        target: style of the truth, such as `"anime"`.
        image_size: int, pixels.
        count: int, identities.
        seed: int, seed of the drawings.
        labels: sequence of str among `drawing.ATTRIBUTES`, which `translate`
            takes.

    Returns:
        dict from `"translation"`, `"untouched input"` and `"mean drawing"` (of
        `target`, over other identities) to a dict with `l1`, the mean
        absolute difference in parts of the full range 0..1, and `ssim`, the
        mean structural similarity (Wang et al. 2004, as `tf.image.ssim`
        computes it, 11x11 windows), both over all `count` images.
    """
    import tensorflow as tf

    from keras_gans import datasets, images
    from keras_gans.datasets import sources

    checks.at_least(11, image_size=image_size)  # the windows of SSIM

    def drawings(first, style):
        # Drawn larger and cut like every held-out image of a run.
        load_size = datasets.default_load_size(image_size)
        indices = range(first, first + count)
        drawn = sources.drawn(style, load_size, "style", indices, seed)
        drawn = drawn.cropped(image_size)
        return np.stack([drawn.read(i) for i in range(count)])

    inputs = drawings(FIRST_HELD_OUT, source)
    truth = drawings(FIRST_HELD_OUT, target)
    given = [images.to_float(inputs)]
    if labels:
        faces = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
        table = drawing.attribute_table(faces, seed).astype(np.float32)
        given.append(table[:, [drawing.ATTRIBUTES.index(n) for n in labels]])
    outputs = [
        images.to_uint8(translate(*(one[i : i + 50] for one in given))).numpy()
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
    """Format the result of `of_verbs` as lines of Markdown."""
    if any("real" in rows for rows in results.values()):
        return edits.table(results)
    if any("shares" in rows for rows in results.values()):
        return samples.table(results)
    lines = [
        "| verb | image | L1 (0..1) | SSIM |",
        "| --- | --- | --- | --- |",
    ]
    for direction, rows in results.items():
        lines += [
            f"| {direction} | {name} | {row['l1']:.3f} | {row['ssim']:.3f} |"
            for name, row in rows.items()
        ]
    return "\n".join(lines)


def of_verbs(verbs, data, train=edits.train_classifier):
    """Measure a model of the embedded faces against the truth.

    Args:
        verbs: iterable of `Verb`, those of the model.
        data: `datasets.Data`, its training data.
        train: argument of `edits.measure` and `samples.measure`.

    Returns:
        dict from direction (`"photo to anime"`) to `against_truth`'s result,
        from label to that of `edits.measure`, or from the name of a verb
        without images to that of `samples.measure`; empty for other images.
    """
    size, seed = data.settings["image_size"], data.settings["seed"]
    sides = data.sides
    styles = {name.removeprefix("data_"): p.style for name, p in sides.items()}
    # With two data sets at once, none has all labels.
    side, *others = sides.values()
    style = None if others else side.style
    results = {}
    for verb in verbs:
        if verb.source in styles and verb.target in styles:
            source, target = styles[verb.source], styles[verb.target]
            # A search takes a thousand times as long as a pass.
            count = _COUNT if verb.steps is None else _COUNT_OF_SEARCHES
            table = verb.input(Labels)[1]
            if source and target:
                results[f"{source} to {target}"] = against_truth(
                    *(verb.function, source, target, size, count, seed),
                    labels=table.table.names if table else (),
                )
        elif style and verb.images is None:
            results[verb.name] = samples.measure(
                verb, style, seed=seed, train=train
            )
        elif style and verb.input(Labels)[0]:
            results |= edits.measure(
                *(verb.function, side.label_names, size),
                **{"seed": seed, "style": style, "train": train},
            )
    return results
