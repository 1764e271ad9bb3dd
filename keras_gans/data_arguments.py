"""The arguments that name the data, of `train` and `check` alike."""

import argparse
import re
import sys

from keras_gans.checks import UserError


def integer(least):
    """Return an argparse type: an integer from `least` up."""

    def read(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"must be an integer from {least} up. Received: {text!r}"
            )
        return value

    return read


def joined(argv=None):
    """Return arguments with `--labels -NAME` as `--labels=-NAME`.

    Otherwise argparse takes the value for an option.
    """
    words = []
    for word in sys.argv[1:] if argv is None else argv:
        if words and words[-1] == "--labels" and re.match("-[^-]", word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def add(group):
    """Add the arguments that name the data, of `train` and `check` alike."""
    group.add_argument(
        "--data",
        action="append",
        metavar="SET",
        help="both sides at once: a folder with trainA and trainB, "
        "tfds:NAME/CONFIG with these splits, or for pix2pix a folder of "
        "side-by-side pictures, left translated into right. For stargan "
        "pictures with labels: a folder with CelebA's list_attr_celeba, a "
        "folder of a folder for each class, a csv file, tfds:NAME@SPLIT or "
        "faces:STYLE; given twice, it learns from both data sets",
    )
    group.add_argument(
        "--labels",
        action="append",
        metavar="NAME,NAME,...",
        help="which labels stargan learns (default: all classes, or the "
        "paper's five of the faces); once for each --data",
    )
    group.add_argument(
        "--direction",
        choices=("a_to_b", "b_to_a"),
        default="a_to_b",
        help="b_to_a exchanges the two sides of --data (default: a_to_b)",
    )
    source = (
        "a folder of pictures (jpg, jpeg, png, bmp, gif, webp; subfolders "
        "included) or with #left or #right behind it their halves, "
        "tfds:NAME/CONFIG@SPLIT, or faces:photo, faces:anime, faces:sketch, "
        "of which faces:photo@100 is the first hundred"
    )
    group.add_argument("--data-a", metavar="SOURCE", help=f"domain a: {source}")
    group.add_argument("--data-b", metavar="SOURCE", help="domain b: likewise")
    group.add_argument(
        "--image-size",
        type=integer(1),
        metavar="PIXELS",
        help="side of the square pictures (default: the model's own, 64 for "
        "cyclegan, 256 for pix2pix and architecture=resnet)",
    )


def resolve(settings, kind):
    """Leave of the arguments that name the data those that `kind` reads.

    Args:
        settings: dict, the arguments by name, None where not given; changed
            to have `data_a` and `data_b`, or for labelled data `data` and
            `labels`, lists with an entry for each data set.
        kind: str, the model's `data_kind`.

    Raises:
        UserError: if the arguments contradict one another, one side is
            missing, or `data` has no two sides.
    """
    from keras_gans import datasets

    if kind == "labelled":
        return _resolve_labelled(settings)
    data, direction = settings.pop("data"), settings.pop("direction")
    labels = settings.pop("labels")
    if labels:
        raise UserError(
            f"labels are for labelled data; this model learns from {kind} "
            f"data. Received: {','.join(labels)}"
        )
    given = [settings["data_a"], settings["data_b"]]
    if data is not None:
        if len(data) > 1:
            raise UserError(
                f"data must be given once for {kind} data. "
                f"Received: {', '.join(data)}"
            )
        (data,) = data
        if any(given):
            raise UserError(
                "data must be given alone, or data_a and data_b. Received: "
                f"data={data!r} and data_a={given[0]!r}, data_b={given[1]!r}"
            )
        sides = datasets.sides_of(data, kind)
        sides = sides if direction == "a_to_b" else sides[::-1]
        settings["data_a"], settings["data_b"] = sides
    elif direction != "a_to_b":
        raise UserError(
            "direction must be a_to_b where data is not given: exchange "
            f"data_a and data_b. Received: {direction!r}"
        )
    elif bool(given[0]) != bool(given[1]):
        missing = "data_b" if given[0] else "data_a"
        raise UserError(
            f"{missing} must be given when the other side is. "
            f"Received: {missing}={settings[missing]!r}"
        )


def _resolve_labelled(settings):
    sides = [settings.pop("data_a"), settings.pop("data_b")]
    direction = settings.pop("direction")
    if any(sides) or direction != "a_to_b":
        raise UserError(
            "data must be given for labelled data, not data_a, data_b or "
            f"direction. Received: {sides[0] or sides[1] or direction!r}"
        )
    data, labels = settings["data"], settings["labels"]
    if labels and len(labels) != len(data or [None]):
        raise UserError(
            "labels must be given once for each data. Received: "
            f"{len(labels)} for {len(data or [None])}"
        )
    settings["labels"] = labels and []
    for text in labels or ():
        names = [n.strip() for n in text.split(",") if n.strip()]
        if not names or any(name.startswith("-") for name in names):
            raise UserError(
                "labels must name what to learn; only translate takes labels "
                f"off. Received: {text!r}"
            )
        settings["labels"].append(names)
