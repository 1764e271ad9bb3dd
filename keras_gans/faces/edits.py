"""Measure translations of the drawn faces attribute by attribute.

The faces can be drawn with an attribute changed, all else being equal: the
true translation, which no image collection has. As their attributes are
known, a classifier trained on other faces tells whether a translation shows
the requested label.
"""

import numpy as np

from keras_gans import datasets, images, registry
from keras_gans.checks import UserError
from keras_gans.datasets import sources
from keras_gans.faces import drawing
from keras_gans.faces.identities import FIRST_HELD_OUT, FIRST_OF_CLASSIFIER
from keras_gans.labels import CELEBA_HAIR

_BATCH = 50
# Of the full range; the grain of the drawings stays below.
_CHANGED = 0.05
_CANDIDATES = ("true drawing", "translation", "untouched input")


def train_classifier(
    image_size=64,
    labels=None,
    style="photo",
    count=4000,
    epochs=8,
    seed=0,
):
    """Train an `AttributeNetwork` on the true labels of drawn faces.

    All labels are independent to it, also hair colors. What is compared by it
    stays comparable as long as this recipe does.

    Args:
        image_size: int, pixels.
        labels: list of names in `drawing.ATTRIBUTES`. Default: all.
        style: str, one of `drawing.STYLES`.
        count: int, number of training faces.
        epochs: int, passes through them.
        seed: int, seed of the drawings.

    Returns:
        `keras.Model` from float32 images `[batch, size, size, 3]` in
        [-1, 1] to logits `[batch, len(labels)]`.

    Raises:
        UserError: for an unknown label.
    """
    import keras

    columns = _columns(labels)
    names = [drawing.ATTRIBUTES[column] for column in columns]
    indices = range(FIRST_OF_CLASSIFIER, FIRST_OF_CLASSIFIER + count)
    faces = datasets.LabelledPictures(
        sources.drawn(
            *(style, image_size, "style", indices, seed),
            cache_bytes=3 * count * image_size**2,
        ),
        drawing.attribute_table(indices, seed)[:, columns].astype(np.float32),
        names,
    )
    steps = -(-count // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    # In float32 whatever the precision of the run that is judged.
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = registry.get("attributes")(
            image_size, names, exclusive=[], base_filters=32, dropout=0.3
        )
    finally:
        keras.config.set_dtype_policy(policy)
    model.compile(
        classifier_optimizer=keras.optimizers.Adam(rate),
        jit_compile=False,  # on a processor XLA is slower
    )
    model.fit(
        datasets.labelled(
            faces, image_size=image_size, batch_size=32, seed=seed
        ),
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
    )
    return model.classifier


def measure(
    translate,
    labels,
    image_size=64,
    count=200,
    seed=0,
    classifier=None,
    style="photo",
    train=train_classifier,
):
    """Change each attribute of held-out faces and compare with the truth.

    Each label of each face is inverted; a hair color is set for faces that
    have another.

    Args:
        translate: function from float32 images `[batch, size, size, 3]` in
            [-1, 1] and target labels `[batch, len(labels)]` of 0 and 1 to
            images in [-1, 1].
        labels: list of names in `drawing.ATTRIBUTES`, in the order of the
            target labels.
        image_size: int, pixels.
        count: int, identities.
        seed: int, seed of the drawings.
        classifier: result of `train_classifier` for these labels. Default:
            those of what `train` returns.
        style: str, one of `drawing.STYLES`.
        train: function of an image size and a `style` to a classifier of all
            labels. Default: `train_classifier`.

    Returns:
        dict from label to a dict: `count`, number of changed faces; `real`,
        accuracy of the classifier for the label on unchanged faces; and
        `true drawing`, `translation` and `untouched input`, each a dict of

        - `accuracy`: share in which the classifier sees the target label;
        - `others`: share of the other labels classified as intended;
        - `l1`: mean absolute difference from the true drawing, in parts of
          the full range 0..1;
        - `l1_changed`: the same over only those pixels in which the true
          drawing differs from the input by more than 0.05.

    Raises:
        UserError: for an unknown label.
    """
    columns = _columns(labels)
    if classifier is None:
        of_all = train(image_size, style=style)

        def classifier(batch, training):
            return np.asarray(of_all(batch, training=training))[:, columns]

    def seen(pictures):
        logits = [
            classifier(images.to_float(batch), training=False)
            for batch in _batches(pictures)
        ]
        return np.concatenate(logits) > 0

    indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
    faces = [(index, None) for index in indices]
    inputs = _drawn(faces, style, image_size, seed)
    given = _truth(faces, columns, seed)
    real = (seen(inputs) == given).mean(axis=0)
    results = {}
    for column, label in enumerate(labels):
        chosen, changed = _opposite(label, faces, given[:, column])
        before, wanted = inputs[chosen], _truth(changed, columns, seed)
        truth = _drawn(changed, style, image_size, seed)
        outputs = [
            images.to_uint8(translate(images.to_float(batch), target)).numpy()
            for batch, target in zip(
                _batches(before),
                _batches(wanted.astype(np.float32)),
                strict=True,
            )
        ]
        candidates = (truth, np.concatenate(outputs), before)
        differs = np.abs(before / 255.0 - truth / 255.0).max(axis=-1)
        differs = differs > _CHANGED
        others = [other for other in range(len(labels)) if other != column]
        results[label] = {"count": len(chosen), "real": float(real[column])}
        for name, pictures in zip(_CANDIDATES, candidates, strict=True):
            right = seen(pictures) == wanted
            error = np.abs(pictures / 255.0 - truth / 255.0)
            results[label][name] = {
                "accuracy": float(right[:, column].mean()),
                "others": float(right[:, others].mean()) if others else 1.0,
                "l1": float(error.mean()),
                "l1_changed": float(error[differs].mean()),
            }
    return results


def table(results):
    """Format the result of `measure` as lines of Markdown, means last.

    Accuracies are in percent; L1 is in parts of the full range 0..1, over the
    whole image and, in brackets, where the true drawing changes.
    """
    rows = {}
    for label, row in results.items():
        told = [row["real"]]
        told += [row[name]["accuracy"] for name in _CANDIDATES]
        told.append(row["translation"]["others"])
        apart = [row[name] for name in _CANDIDATES[1:]]
        apart = [(r["l1"], r["l1_changed"]) for r in apart]
        rows[label] = np.concatenate([np.array(told) * 100, *apart])
    rows["mean"] = np.mean(list(rows.values()), axis=0)
    lines = [
        "| attribute | real images | true drawing | translation | untouched "
        "input | others right | L1 of translation | L1 of untouched input |",
        "| --- |" + " --- |" * 7,
    ]
    for label, row in rows.items():
        told = " | ".join(f"{share:.1f}" for share in row[:5])
        apart = " | ".join(f"{a:.3f} ({b:.3f})" for a, b in (row[5:7], row[7:]))
        lines.append(f"| {label} | {told} | {apart} |")
    return "\n".join(lines)


def _columns(labels):
    """Return the positions of these labels in `drawing.ATTRIBUTES`."""
    known = drawing.ATTRIBUTES
    labels = known if labels is None else labels
    if not labels or not {*labels} <= {*known}:
        raise UserError(
            f"labels must be names out of {', '.join(known)}. "
            f"Received: {labels!r}"
        )
    return [known.index(label) for label in labels]


def _opposite(label, faces, has_it):
    """Return the faces to change, and their `(index, changes)`."""
    # A face must have one of the colors, so none is taken away.
    chosen = ~has_it if label in CELEBA_HAIR else np.ones_like(has_it)
    chosen = np.flatnonzero(chosen)
    if not len(chosen):
        raise UserError(
            f"count must be so large that a face has no {label}. "
            f"Received: {len(faces)}"
        )
    return chosen, [(faces[i][0], {label: int(not has_it[i])}) for i in chosen]


def _drawn(faces, style, image_size, seed):
    size = drawing.drawn_size(image_size)
    return np.stack(
        [
            images.fit_square(
                drawing.draw(index, style, size, seed, changes),
                image_size,
            )
            for index, changes in faces
        ]
    )


def _truth(faces, columns, seed):
    """Return the labels of `(index, changes)`, bool `[len, labels]`."""
    rows = [
        list(drawing.attributes(index, seed, changes).values())
        for index, changes in faces
    ]
    return np.array(rows, bool)[:, columns]


def _batches(array):
    return np.split(array, range(_BATCH, len(array), _BATCH))
