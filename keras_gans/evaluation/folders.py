"""Compare two folders of images as they are."""

import re

import numpy as np

from keras_gans import datasets, files
from keras_gans.datasets import listings

_OF_FACES = 64  # pixels


def between(real, fake, image_size=None, count=None):
    """Compare two folders of images.

    Args:
        real: path of a folder, or another `open_source` argument.
        fake: the same. The two are paired if all names are equal, without
            their extensions.
        image_size: int, pixels; images are made square with this side.
            Default: their own size, or if sizes differ squares of the
            shortest side of all, which are not compared in pairs. Drawn
            faces have the size of the others, or 64.
        count: int, most images of each folder. Default: all.

    Returns:
        `(cases, sides)`: dict from the direction `"fake"` to
        `datasets.Case`; dict from name to `Pictures`.

    Raises:
        UserError: in one line, if a folder cannot be opened.
    """
    specs = {"real": real, "fake": fake}
    sides = {
        name: datasets.open_source(spec, 8, name, cache_bytes=0)
        for name, spec in specs.items()
    }
    sizes = {
        (header.width, header.height)
        for side in sides.values()
        if side.style is None  # a drawn face has any size
        for header in side.headers
    } or {(_OF_FACES, _OF_FACES)}
    are_equal = len(sizes) == 1 and all(side.folder for side in sides.values())
    text = "as they are"
    if image_size is None and are_equal:
        opened = [
            listings.folder(str(spec), None, name).whole()
            for name, spec in specs.items()
        ]
    else:
        size = image_size or min(min(shape) for shape in sizes)
        text = f"made square, {size} pixels"
        opened = [
            datasets.open_source(spec, size, name, cache_bytes=0)
            for name, spec in specs.items()
        ]
    stems = [
        [files.same_name(re.sub(r"\.\w+$", "", name)) for name in side.names]
        for side in opened
    ]
    is_paired = sorted(stems[0]) == sorted(stems[1])
    if is_paired:
        places = {stem: i for i, stem in enumerate(stems[1])}
        opened[1] = opened[1].subset(places[stem] for stem in stems[0])
        text += ", paired by name"
    if is_paired and image_size is None and not are_equal:
        is_paired = False
        text += (
            f", but of {len(sizes)} sizes and so not compared in pairs: give "
            "image_size to scale them"
        )
    reals, fakes = (
        side.subset(_spread(len(side), count or len(side))) for side in opened
    )
    text = f"{len(reals)} real and {len(fakes)} fake images, {text}"
    case = datasets.Case({"images": fakes}, reals, is_paired, text, fakes=fakes)
    return {"fake": case}, dict(zip(specs, opened, strict=True))


def _spread(length, count):
    return np.linspace(0, length - 1, min(length, count), dtype=int)
