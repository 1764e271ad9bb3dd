"""What the pictures of a data set are like, measured, as plain dicts.

`describe` needs headers only; `inspect` decodes every picture once. What the
figures mean for training is said in `findings`.
"""

import collections
import concurrent.futures
import pathlib

import numpy as np
from tqdm.auto import tqdm

from keras_gans.checks import UserError, shown
from keras_gans.inspection import duplicates

_GREY_MODES = ("1", "L", "LA", "La")
# Levels of 0..255. JPEG adds up to about 2 levels of colour to a grey picture.
_GREY_BELOW = 3.0
_FLAT_BELOW = 2.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def describe(pictures, image_size):
    """Describe one side by the headers of its pictures.

    Args:
        pictures: `Pictures`.
        image_size: int, side of the training pictures in pixels.

    Returns:
        dict: `description`, `folder` (str or None), `count`, `left_out` (list
        of `[name, reason]`), `passed_over` (files of other kinds by
        extension), `subfolders` (pictures by first folder, `""` for none),
        `sizes`, `modes`, `formats` (counts, most common first), `width`,
        `height` and `shorter_side` (each `least`, `median`, `most`, in
        pixels), `aspect` (median of width / height), `cut_away` (median
        share, 0..1, that the square leaves out), and lists of names:
        `too_small` (the shorter side is below `image_size`), `turned` by
        EXIF, `animated`, `transparent`, `grey`.
    """
    headers = pictures.headers
    names = pictures.names
    width = np.array([header.width for header in headers], float)
    height = np.array([header.height for header in headers], float)
    shorter, longer = np.minimum(width, height), np.maximum(width, height)
    first_folders = (
        name.partition("/")[0] if "/" in name else "" for name in names
    )

    def where(chosen):
        return [n for n, is_so in zip(names, chosen, strict=True) if is_so]

    return {
        "description": pictures.description,
        "folder": pictures.folder and str(pathlib.Path(pictures.folder)),
        "count": len(pictures),
        "left_out": [list(entry) for entry in pictures.left_out],
        "passed_over": dict(pictures.passed_over),
        "subfolders": _counts(first_folders) if pictures.folder else {},
        "sizes": _counts(f"{h.width} x {h.height}" for h in headers),
        "modes": _counts(header.mode for header in headers),
        "formats": _counts(header.format for header in headers),
        "width": _range(width),
        "height": _range(height),
        "shorter_side": _range(shorter),
        "aspect": float(np.median(width / height)),
        "cut_away": float(np.median(1 - shorter / longer)),
        "too_small": where(shorter < image_size),
        "turned": where(header.turned for header in headers),
        "animated": where(header.animated for header in headers),
        "transparent": where(header.transparent for header in headers),
        "grey": where(header.mode in _GREY_MODES for header in headers),
    }


def inspect(sides, image_size):
    """Decode all pictures of a data set and measure them.

    Args:
        sides: dict from name (`"data_a"`) to `Pictures`.
        image_size: int, side of the training pictures in pixels.

    Returns:
        dict: `image_size`; `sides`, by name what `describe` says and also

        - `brightness`, `contrast`, `saturation`, `red`, `green`, `blue`, each
          with `mean` and `spread` (standard deviation between pictures) in
          percent of the full range; contrast is the standard deviation of
          the brightness within a picture, saturation the difference of its
          strongest and weakest colour;
        - `grey`, now by the pixels; `black`, `white` and `flat` (all of
          another colour), lists of names;
        - `duplicates`, groups of names of near-identical pictures;

        and `across`, groups of near-identical pictures of several sides,
        each a dict from side to names. Broken pictures have moved from
        `count` to `left_out`; if none is left, the figures are missing.
    """
    measured, places, hashes, small = {}, [], [], []
    for side, pictures in sides.items():
        facts = describe(pictures, image_size)
        results = _look_at_all(pictures, side)
        broken = [[n, r] for n, r in results.items() if isinstance(r, str)]
        whole = {n: r for n, r in results.items() if not isinstance(r, str)}
        facts["left_out"] += broken
        facts["count"] -= len(broken)
        facts |= _summary(
            list(whole), [colours for colours, _ in whole.values()]
        )
        flat = {*facts["black"], *facts["white"], *facts["flat"]}
        for name, (_, fingerprint) in whole.items():
            # Any two flat pictures are the same to a hash of differences.
            if name not in flat:
                places.append((side, name))
                hashes.append(fingerprint[0])
                small.append(fingerprint[1])
        measured[side] = facts | {"duplicates": []}
    across = []
    for group in duplicates.groups(hashes, small):
        members = {}
        for side, name in (places[i] for i in group):
            members.setdefault(side, []).append(name)
        for side, names in members.items():
            if len(names) > 1:
                measured[side]["duplicates"].append(names)
        if len(members) > 1:
            across.append(members)
    return {"image_size": image_size, "sides": measured, "across": across}


def _look_at_all(pictures, side):
    """Return by name the colours and fingerprint, or why it is broken."""

    def look(index):
        try:
            picture = pictures.read(index)
        except UserError as error:
            return str(error).removeprefix(f"{shown(pictures.names[index])}: ")
        return _colours(picture), duplicates.fingerprint(picture)

    results = {}
    with (
        concurrent.futures.ThreadPoolExecutor() as pool,
        tqdm(
            desc=f"looking at {side}",
            total=len(pictures),
            unit=" pictures",
            delay=2,
            disable=None,
            leave=False,
        ) as bar,
    ):
        found = pool.map(look, range(len(pictures)))
        for name, result in zip(pictures.names, found, strict=True):
            results[name] = result
            bar.update()
    return results


def _colours(picture):
    """Return the seven figures of one picture, in levels of 0..255."""
    # Plane by plane NumPy takes a ninth of the time.
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1)).reshape(3, -1)
    brightness = _LUMA @ planes
    return np.array(
        [
            brightness.mean(),
            brightness.std(),
            (planes.max(axis=0) - planes.min(axis=0)).mean(),
            *planes.mean(axis=1),
            planes.std(axis=1).max(),
        ]
    )


def _summary(names, colours):
    colours = np.reshape(colours, (-1, 7))
    facts = {"grey": [], "black": [], "white": [], "flat": []}
    for name, (brightness, _, saturation, *_, spread) in zip(
        names, colours, strict=True
    ):
        if spread < _FLAT_BELOW:
            dark, bright = brightness < 16, brightness > 239
            facts["black" if dark else "white" if bright else "flat"] += [name]
        elif saturation < _GREY_BELOW:
            facts["grey"].append(name)
    if names:
        quantities = ("brightness", "contrast", "saturation")
        percent = colours / 255.0 * 100.0
        for column, key in enumerate((*quantities, "red", "green", "blue")):
            facts[key] = {
                "mean": round(float(percent[:, column].mean()), 1),
                "spread": round(float(percent[:, column].std()), 1),
            }
    return facts


def _counts(values):
    return dict(collections.Counter(values).most_common())


def _range(values):
    return {
        "least": int(values.min()),
        "median": int(np.median(values)),
        "most": int(values.max()),
    }
