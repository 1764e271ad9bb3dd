"""What a model is measured on: inputs, real pictures, what belongs together.

The pictures are, in this order: those that a user names; for runs on the
embedded faces identities that are never drawn for training, with their true
translations; the test half of a data set that lies beside its training half;
or the few that the run holds back for its sample grids.
"""

import os
import re
import typing

import numpy as np

from keras_gans import datasets, files, images, runs
from keras_gans.faces import drawing
from keras_gans.faces.identities import FIRST_HELD_OUT

_TEST = {"train": "test", "Train": "Test", "TRAIN": "TEST"}
_HALF = re.compile(r"train(?=[^/\\]*$)", re.IGNORECASE)


class Case(typing.NamedTuple):
    """One direction of translation and its pictures.

    Attributes:
        inputs: `Pictures`.
        reals: `Pictures`, what translations should look like.
        is_paired: bool, whether `reals[i]` is the truth of `inputs[i]`.
        text: str, one line that says what they are.
        labels: float32 `[len(inputs), size]`, label vectors of the inputs; or
            None.
        targets: the same of what they are to be translated into.
        fakes: `Pictures`, where they exist already; or None.
    """

    inputs: datasets.Pictures
    reals: datasets.Pictures
    is_paired: bool
    text: str
    labels: np.ndarray | None = None
    targets: np.ndarray | None = None
    fakes: datasets.Pictures | None = None


def of_run(settings, kind, count, sides=None):
    """Return what a run is measured on, if no other pictures are named.

    Args:
        settings: dict, the settings of a run.
        kind: str, the model's `data_kind`.
        count: int, most pictures of each side.
        sides: the opened data of the run, dict from name to `Pictures`, or
            None.

    Returns:
        `(cases, sides)`: dict from direction (`"a_to_b"`, or `"translate"`
        for labelled data) to `Case`; dict from name to the `Pictures` of the
        data set.

    Raises:
        UserError: in one line, if the data cannot be opened.
    """
    names = ["data"] if kind == "labelled" else ["data_a", "data_b"]
    halves = {name: _test_half(settings[name]) for name in names}
    if all(halves.values()):
        return of_data({**settings, **halves}, kind, count)
    return of_data(settings, kind, count, sides, trained_on=True)


def of_data(
    settings, kind, count, sides=None, trained_on=False, what="test pictures"
):
    """Return what is measured on pictures that the settings name.

    Args:
        settings: dict with `data_a` and `data_b`, or `data` and `labels`, as
            of a run, `image_size` and `seed`.
        kind: str, the model's `data_kind`.
        count: int, most pictures of each side.
        sides: as for `of_run`.
        trained_on: bool, whether a run trains on them: then those that it
            holds back are taken.
        what: str, what else they are called.

    Returns:
        `(cases, sides)`, as `of_run`.
    """
    size, seed = settings["image_size"], settings["seed"]
    sides = sides or datasets.open_sides(kind, settings, size, seed)
    specs = (
        settings["data"]
        if kind == "labelled"
        else [settings["data_a"], settings["data_b"]]
    )
    are_faces = all(str(spec).startswith("faces:") for spec in specs)
    if are_faces and len(sides) == (1 if kind == "labelled" else 2):
        chosen = _new_faces(sides, specs, size, seed, count)
        what = "drawn faces of identities that are never drawn for training"
    elif trained_on:
        held = settings.get("held_out") or runs.HELD_OUT
        chosen = {n: datasets.split(p, held, seed)[1] for n, p in sides.items()}
        seen = any(len(p) < 4 * held for p in sides.values())
        what = "held out of the run's data"
        if seen:
            what = "TRAINED ON, as there are too few to hold any back"
    else:
        chosen = {
            n: datasets.split(p, count, seed)[1] for n, p in sides.items()
        }
    if kind == "labelled":
        return _labelled(chosen, size, seed, what), sides
    a, b = (_squares(pictures, size) for pictures in chosen.values())
    is_paired = kind == "paired" or are_faces
    return {
        "a_to_b": Case(a, b, is_paired, _text(a, b, is_paired, what)),
        "b_to_a": Case(b, a, is_paired, _text(b, a, is_paired, what)),
    }, sides


def _test_half(spec):
    """Return the test half beside a training half on disk, or None."""
    if not isinstance(spec, str):
        halves = [_test_half(one) for one in spec]
        return halves if all(halves) else None
    folder, mark, half = spec.partition("#")
    other = _HALF.sub(lambda found: _TEST[found[0]], folder)
    is_there = other != folder and os.path.exists(files.expanded(other))
    return other + mark + half if is_there else None


def _new_faces(sides, specs, size, seed, count):
    """Draw the same new identities in the style of each side."""
    indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
    drawn = {}
    for (name, side), spec in zip(sides.items(), specs, strict=True):
        style, _, _ = spec.partition("@")  # trained on so few, perhaps
        pictures = datasets.open_source(
            style, side.load_size, seed=seed, face_indices=indices
        )
        if isinstance(side, datasets.LabelledPictures):
            table = drawing.attribute_table(indices, seed)
            columns = [
                drawing.ATTRIBUTES.index(label) for label in side.label_names
            ]
            pictures = datasets.LabelledPictures(
                pictures,
                table[:, columns].astype(np.float32),
                side.label_names,
                side.exclusive,
            )
        drawn[name] = pictures
    return drawn


def _labelled(chosen, size, seed, what):
    sets = list(chosen.values())
    count = max(map(len, sets))
    batch = datasets.held_out_labelled(sets, count, size, seed)
    vectors = [batch[key] for key in ("labels", "mask") if key in batch]
    vectors = np.concatenate(vectors, axis=1)
    pixels = images.to_uint8(batch["images"]).numpy()
    held = [datasets.split(pictures, count, seed)[1] for pictures in sets]
    pictures = datasets.Pictures(
        [name for side in held for name in side.names],
        pixels.__getitem__,
        size,
        " and ".join(side.description for side in sets),
    )
    text = (
        f"{len(pictures)} pictures, {what} ({pictures.description}), each "
        "translated to the labels of the next; real are the same pictures, "
        "not paired"
    )
    targets = np.roll(vectors, -1, axis=0)
    return {
        "translate": Case(pictures, pictures, False, text, vectors, targets)
    }


def _squares(pictures, size):
    """Return the middle squares, as of every held-out picture of a run."""
    corner = (pictures.load_size - size) // 2
    middle = slice(corner, corner + size)
    return datasets.Pictures(
        pictures.names,
        lambda i: pictures.load(i)[middle, middle],
        size,
        pictures.description,
    )


def _text(inputs, reals, is_paired, what):
    return (
        f"{len(inputs)} inputs and {len(reals)} real pictures, {what} "
        f"({inputs.description}; {reals.description}), "
        + ("paired" if is_paired else "not paired")
    )
