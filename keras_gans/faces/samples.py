"""Measure samples from noise by the labels that they show.

A sample has no true image. But the shares of the labels among the drawn faces
are known, and where labels are asked for, so is the truth of each. A
classifier of drawn faces reads the labels off the samples.
"""

import numpy as np

from keras_gans import images
from keras_gans.datasets import sources
from keras_gans.faces import drawing, edits
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.labels import Labels
from keras_gans.verbs import Labels as LabelsInput

_BATCH = 50
_SIZE = 64  # pixels, of larger images when they are classified
_RIGHT = "samples", "real images", "chance"
_EXCLUSIVE = Labels(drawing.ATTRIBUTES).groups
_ALONE = (n for n in drawing.ATTRIBUTES if n not in sum(_EXCLUSIVE, ()))
_GROUPS = *_EXCLUSIVE, *((name,) for name in _ALONE)


def measure(
    verb,
    style="photo",
    count=500,
    seed=0,
    train=edits.train_classifier,
):
    """Read the labels off samples and compare them with the truth.

    Labels that are asked for are those of `count` held-out identities. Real
    images, of as many other identities, show what a perfect model reaches.

    Args:
        verb: `Verb` from latents, or latents and labels, to square images.
        style: str, one of `drawing.STYLES`.
        count: int, number of samples.
        seed: int, seed of the drawings and of the latents.
        train: function `(image_size, style=...)` to a classifier of all
            labels, as `edits.train_classifier`.

    Returns:
        dict with `count` and

        - `shares`: dict from label to a dict of `true`, its share among the
          held-out identities, and `samples` and `real images`, its share
          as the classifier sees it;
        - `total variation`: dict from label, or labels of an exclusive
          group, and `"mean"` of all these, to a dict of `samples` and
          `real images`: half the sum of the absolute differences between
          their shares and the true ones, from 0 to 1;
        - `asked`, for a verb with labels: dict from label to a dict of
          `samples` and `real images`, the share that the classifier sees as
          it was asked for or is, and `chance`, what samples with these shares
          would reach if they ignored the labels.
    """
    names = drawing.ATTRIBUTES
    indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + 2 * count)
    truth = drawing.attribute_table(indices, seed) == 1
    given, asked = verb.input(LabelsInput)
    columns = [names.index(n) for n in asked.table.names] if asked else []
    inputs = {
        name: truth[:count, columns].astype(np.float32)
        if name == given
        else kind.draw(count, seed)
        for name, kind in verb.inputs.items()
    }
    batches = np.split(np.arange(count), range(_BATCH, count, _BATCH))
    samples = [
        images.to_uint8(
            verb.function(**{name: rows[b] for name, rows in inputs.items()})
        ).numpy()
        for b in batches
    ]
    size = samples[0].shape[1]
    others = sources.drawn(style, size, "data", indices[count:], seed)
    reals = (np.stack([others.read(i) for i in batch]) for batch in batches)
    small = min(size, _SIZE)
    classifier = train(small, style=style)
    seen = {
        "samples": _seen(classifier, samples, small),
        "real images": _seen(classifier, reals, small),
    }
    true = truth[:count].mean(axis=0)
    shares = {key: rows.mean(axis=0) for key, rows in seen.items()}
    apart = {}
    for group in _GROUPS:
        rows = [names.index(name) for name in group]
        # Of a label alone its absence is the other half.
        factor = 0.5 if len(group) > 1 else 1.0
        apart[", ".join(group)] = {
            key: float(factor * np.abs(share[rows] - true[rows]).sum())
            for key, share in shares.items()
        }
    apart["mean"] = {
        key: float(np.mean([row[key] for row in apart.values()]))
        for key in seen
    }
    results = {
        "count": count,
        "shares": {
            name: {
                "true": float(true[i]),
                **{key: float(share[i]) for key, share in shares.items()},
            }
            for i, name in enumerate(names)
        },
        "total variation": apart,
    }
    if asked:
        right = {
            "samples": seen["samples"] == truth[:count],
            "real images": seen["real images"] == truth[count:],
        }
        share = shares["samples"]
        chance = true * share + (1.0 - true) * (1.0 - share)
        results["asked"] = {
            names[i]: {
                **{key: float(r[:, i].mean()) for key, r in right.items()},
                "chance": float(chance[i]),
            }
            for i in columns
        }
    return results


def _seen(classifier, batches, size):
    """Return the labels that the classifier sees, bool `[count, labels]`."""
    logits = []
    for batch in batches:
        pictures = np.stack([images.fit_square(p, size) for p in batch])
        logits.append(classifier(images.to_float(pictures), training=False))
    logits = np.concatenate(logits)
    seen = logits > 0
    for group in _EXCLUSIVE:  # exactly one of which holds
        rows = [drawing.ATTRIBUTES.index(name) for name in group]
        seen[:, rows] = np.eye(len(rows))[logits[:, rows].argmax(axis=-1)]
    return seen


def table(results):
    """Format results of `measure` as lines of Markdown, means last.

    Shares are in percent. Total variation is from 0 to 1, of labels of an
    exclusive group together; in brackets that of real images.

    Args:
        results: dict from the name of a verb to its result.
    """
    heads = ["verb", "attribute", "true share", "real images", "samples"]
    heads.append("total variation (real images)")
    if any("asked" in found for found in results.values()):
        heads += ["samples as asked", "real images read right", "by chance"]
    lines = [heads, ["---"] * len(heads)]
    for verb, found in results.items():
        apart, asked = found["total variation"], found.get("asked", {})
        shown = {n: apart[", ".join(group)] for group in _GROUPS for n in group}
        for name, share in found["shares"].items():
            cells = _percent(share, ("true", "real images", "samples"))
            right = _percent(asked.get(name, {}), _RIGHT)
            lines.append([verb, name, *cells, _apart(shown[name]), *right])
        means = {
            key: np.mean([row[key] for row in asked.values()])
            for key in _RIGHT
            if asked
        }
        cells = [verb, "mean", *[""] * 3, _apart(apart["mean"])]
        lines.append([*cells, *_percent(means, _RIGHT)])
    width = len(heads)
    return "\n".join(f"| {' | '.join(line[:width])} |" for line in lines)


def _percent(row, keys):
    return [f"{row[key]:.1%}" if row else "" for key in keys]


def _apart(row):
    return f"{row['samples']:.3f} ({row['real images']:.3f})"
