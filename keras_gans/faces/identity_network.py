"""Tell whether two images of drawn faces show the same identity.

The identity of a drawn face is what no attribute, pose or light changes:
`TRAITS`. An image collection knows identities by name alone, so that an
embedding is learned from pairs (Schroff et al. 2015, "FaceNet",
arXiv:1503.03832). Here the traits are known as numbers and are the embedding:
a network that regresses them from one image of each identity learns to ignore
all else, as all else is drawn independently of them. What it cannot see, it
estimates by the mean, 0, which does not count in a cosine.
"""

import dataclasses

import numpy as np

from keras_gans import checks, images
from keras_gans.faces import drawing
from keras_gans.faces.drawing import styles
from keras_gans.faces.drawing.changes import changed
from keras_gans.faces.drawing.identity import HAIRS, identity, labels
from keras_gans.faces.identities import (
    FIRST_HELD_OUT,
    FIRST_OF_IDENTITY_NETWORK,
)

# Fields of `drawing.identity.Identity`. Not hair and age, which belong to
# attributes, nor clothes, background, pose and light.
TRAITS = (
    *("skin", "iris", "jaw", "cheek", "length", "eye_size", "eye_gap"),
    *("eye_tilt", "brow", "nose", "lips", "mouth"),
)


def train_identity_network(
    image_size=64, style="photo", count=6000, epochs=10, seed=0
):
    """Train a small convolutional network on the traits of drawn faces.

    Args:
        image_size: int, pixels.
        style: str, one of `drawing.STYLES`.
        count: int, number of training identities, one image of each.
        epochs: int, passes through them.
        seed: int, seed of the drawings.

    Returns:
        `keras.Model` from float32 images `[batch, size, size, 3]` in
        [-1, 1] to float32 embeddings `[batch, 16]` of length 1. The cosine of
        two, their inner product, is near 1 for one identity, and 0 in the
        mean over different ones.

    Raises:
        UserError: if an argument does not fit.
    """
    import keras

    first = FIRST_OF_IDENTITY_NETWORK
    faces = [identity(first + i, seed) for i in range(count)]
    pictures = images.to_float(_painted(faces, style, image_size)).numpy()
    traits = np.array(
        [np.hstack([getattr(face, name) for name in TRAITS]) for face in faces],
        np.float32,
    )
    traits = (traits - traits.mean(axis=0)) / traits.std(axis=0)
    # In float32 whatever the precision of the run that is judged.
    layers = [
        keras.layers.RandomFlip("horizontal", dtype="float32"),
        # A generator's faces are not as clean as drawings.
        keras.layers.GaussianNoise(0.05, dtype="float32"),
    ]
    for filters in (32, 64, 128, 128):
        layers += [
            keras.layers.Conv2D(
                filters, 3, 2, "same", use_bias=False, dtype="float32"
            ),
            keras.layers.BatchNormalization(momentum=0.9, dtype="float32"),
            keras.layers.ReLU(dtype="float32"),
        ]
    layers += [
        keras.layers.Flatten(dtype="float32"),
        keras.layers.Dropout(0.1, dtype="float32"),
        keras.layers.Dense(traits.shape[1], dtype="float32"),
    ]
    inputs = keras.Input((image_size, image_size, 3))
    regression = keras.Sequential([inputs, *layers])
    steps = -(-count // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    regression.compile(
        keras.optimizers.Adam(rate),
        "mean_squared_error",
        jit_compile=False,  # on a processor XLA is slower
    )
    regression.fit(pictures, traits, batch_size=32, epochs=epochs, verbose=0)
    unit = keras.layers.UnitNormalization(dtype="float32")
    return keras.Sequential([inputs, *layers, unit])


def verify(embed, image_size=64, style="photo", count=200, seed=0):
    """Measure on held-out identities how well embeddings tell them apart.

    Args:
        embed: function from uint8 images `[n, size, size, 3]` to embeddings
            `[n, dimensions]` of length 1, such as
            `latent_edits.reader(train_identity_network())`.
        image_size: int, pixels.
        style: str, one of `drawing.STYLES`.
        count: int, identities.
        seed: int, seed of the drawings.

    Returns:
        dict of

        - `equal_error_rate`: of pairs that are equal but for one attribute
          against pairs that are equal but for the traits: the share of
          either that is judged wrongly, where these shares are equal;
        - `threshold`: the cosine above which identity stays, at that rate;
        - `stays`: dict from each of `drawing.ATTRIBUTES` to the share of
          true drawings with only it changed that lie above the threshold;
        - `unlike`: dict of `equal_error_rate` and `threshold` of pairs with
          only the traits in common against pairs with nothing in common.

    Raises:
        UserError: if an argument does not fit.
    """
    checks.at_least(2, count=count)

    def embedded(people):
        return np.asarray(embed(_painted(people, style, image_size)))

    first = FIRST_HELD_OUT
    faces = [identity(first + i, seed) for i in range(count)]
    others = [identity(first + count + i, seed) for i in range(count)]
    anchors = embedded(faces)

    def cosines(bodies, traits):
        people = map(_with_traits, bodies, traits)
        return np.sum(anchors * embedded([*people]), axis=-1)

    changes = {}
    for name in drawing.ATTRIBUTES:
        has = np.array([labels(face)[name] for face in faces])
        # A color of the hair is set only.
        chosen = np.flatnonzero(has == 0 if name in HAIRS else has >= 0)
        people = [changed(faces[i], {name: 1 - int(has[i])}) for i in chosen]
        if people:
            pairs = anchors[chosen] * embedded(people)
            changes[name] = np.sum(pairs, axis=-1)
    rate, threshold = equal_error(
        np.concatenate([*changes.values()]),
        cosines(faces, others),
    )
    unlike = equal_error(cosines(others, faces), cosines(others, others))
    return {
        "equal_error_rate": rate,
        "threshold": threshold,
        "stays": {
            name: float(np.mean(found > threshold))
            for name, found in changes.items()
        },
        "unlike": dict(
            zip(("equal_error_rate", "threshold"), unlike, strict=True)
        ),
    }


def equal_error(same, other):
    """Return the equal error rate of two lists of cosines, and its threshold.

    Args:
        same: float `[n]`, cosines of pairs of one identity.
        other: float `[m]`, those of pairs of two.

    Returns:
        Two floats: the mean of the share of `same` up to the threshold and
        the share of `other` above it, where these two are nearest; and the
        threshold, in the middle between two of the cosines.
    """
    values = np.sort(np.concatenate([same, other]))
    thresholds = (values[1:] + values[:-1]) / 2
    missed = np.searchsorted(np.sort(same), thresholds, "right") / len(same)
    passed = np.searchsorted(np.sort(other), thresholds, "right") / len(other)
    passed = 1.0 - passed
    best = np.argmin(np.abs(missed - passed))
    return float(missed[best] + passed[best]) / 2, float(thresholds[best])


def _with_traits(face, other):
    """Return `face` with the traits of `other`: another identity."""
    traits = {name: getattr(other, name) for name in TRAITS}
    return dataclasses.replace(face, **traits)


def _painted(people, style, image_size):
    checks.one_of(drawing.STYLES, style=style)
    checks.between(1, drawing.MAX_SIZE, image_size=image_size)
    size = drawing.drawn_size(image_size)
    return np.stack(
        [
            images.fit_square(styles.paint(who, style, size), image_size)
            for who in people
        ]
    )
