"""Measure the images of a data set; return plain dicts.

`describe` needs headers only; `inspect` decodes every image once. `findings`
judges the figures for training.
"""

import collections
import concurrent.futures
import pathlib

import numpy as np
from tqdm.auto import tqdm

from keras_gans.checks import UserError, shown
from keras_gans.inspection import duplicates

QUANTITIES = ("brightness", "contrast", "saturation", "red", "green", "blue")
_GRAY_MODES = ("1", "L", "LA", "La")
# Levels of 0..255. JPEG adds up to about 2 levels of color to a gray image.
_GRAY_BELOW = 3.0
_FLAT_BELOW = 2.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def describe(sides, image_size):
    """Describe a data set by the headers of its images.

    Args:
        sides: dict from name (`"data_a"`) to `Pictures`.
        image_size: int, height and width of the training images in pixels.

    Returns:
        dict: `image_size`; `across`, empty; `sides`, by name a dict of
        `description`, `folder` (str or None), `count`, `skipped` (list of
        `[name, reason]`), `other_files` (files of other kinds by extension),
        `subfolders` (images by first folder, `""` for none), `sizes`,
        `modes`, `formats` (counts, most common first), `shorter_side`
        (`least`, `median`, `most`, in pixels), `aspect` (median of width /
        height), `cut_away` (median share, 0..1, that the square leaves out),
        and lists of names: `too_small` (the shorter side is below
        `image_size`), `turned` by EXIF, `animated`, `transparent`, `gray`.
        Where the images have labels, there is also `labels`, a dict of

        - `count` of images, and `numbers`, from label to its image count;
        - `exclusive`, groups of labels;
        - `found`, findings of opening: lists of level, text and names;
        - `correlations`, lists of two labels and their correlation, -1 to 1,
          for all that do not exclude each other.
    """
    described = {
        side: _of_headers(pictures, image_size) | _of_labels(pictures)
        for side, pictures in sides.items()
    }
    return {"image_size": image_size, "sides": described, "across": []}


def inspect(sides, image_size):
    """Decode all images of a data set and measure them.

    Args:
        sides: dict from name (`"data_a"`) to `Pictures`.
        image_size: int, height and width of the training images in pixels.

    Returns:
        dict, the result of `describe`, and in `sides` also

        - `brightness`, `contrast`, `saturation`, `red`, `green`, `blue`, each
          with `mean` and `spread` (standard deviation between images) in
          percent of the full range; contrast is the standard deviation of
          the brightness within an image, saturation the difference of its
          strongest and weakest color;
        - `gray`, now by the pixels; `black`, `white` and `flat` (all of
          another color), lists of names;
        - `duplicates`, groups of names of near-identical images.

        `across` has groups of near-identical images of several sides, each a
        dict from side to names. Broken images move from `count` to
        `skipped`; if none remains, the percentages are missing.
    """
    measured, fingerprints = describe(sides, image_size), {}
    for side, pictures in sides.items():
        facts = measured["sides"][side]
        results = _look_at_all(pictures, side)
        broken = [[n, r] for n, r in results.items() if isinstance(r, str)]
        whole = {n: r for n, r in results.items() if not isinstance(r, str)}
        facts["skipped"] += broken
        facts["count"] -= len(broken)
        facts |= _summary({n: colors for n, (colors, _) in whole.items()})
        flat = {*facts["black"], *facts["white"], *facts["flat"]}
        # Any two flat images are the same to a hash of differences.
        fingerprints |= {
            (side, name): fingerprint
            for name, (_, fingerprint) in whole.items()
            if name not in flat
        }
        facts["duplicates"] = []
    places = list(fingerprints)
    hashes = [bits for bits, _ in fingerprints.values()]
    small = [image for _, image in fingerprints.values()]
    for group in duplicates.groups(hashes, small):
        members = collections.defaultdict(list)
        for side, name in (places[i] for i in group):
            members[side].append(name)
        for side, names in members.items():
            if len(names) > 1:
                measured["sides"][side]["duplicates"].append(names)
        if len(members) > 1:
            measured["across"].append(dict(members))
    return measured


def _of_headers(pictures, image_size):
    headers, names = pictures.headers, pictures.names
    width = np.array([header.width for header in headers], float)
    height = np.array([header.height for header in headers], float)
    shorter, longer = np.minimum(width, height), np.maximum(width, height)
    folders = (name.rpartition("/")[0].partition("/")[0] for name in names)

    def where(chosen):
        return [n for n, is_so in zip(names, chosen, strict=True) if is_so]

    return {
        "description": pictures.description,
        "folder": pictures.folder and str(pathlib.Path(pictures.folder)),
        "count": len(pictures),
        "skipped": [list(entry) for entry in pictures.skipped],
        "other_files": dict(pictures.other_files),
        "subfolders": _counts(folders) if pictures.folder else {},
        "sizes": _counts(f"{h.width} x {h.height}" for h in headers),
        "modes": _counts(header.mode for header in headers),
        "formats": _counts(header.format for header in headers),
        "shorter_side": {
            "least": int(shorter.min()),
            "median": int(np.median(shorter)),
            "most": int(shorter.max()),
        },
        "aspect": float(np.median(width / height)),
        "cut_away": float(np.median(1 - shorter / longer)),
        "too_small": where(shorter < image_size),
        "turned": where(header.turned for header in headers),
        "animated": where(header.animated for header in headers),
        "transparent": where(header.transparent for header in headers),
        "gray": where(header.mode in _GRAY_MODES for header in headers),
    }


def _of_labels(pictures):
    if not hasattr(pictures, "label_names"):
        return {}
    names, labels = pictures.label_names, pictures.labels
    groups = [list(group) for group in pictures.exclusive]
    with np.errstate(all="ignore"):  # a label that all images have, or none
        matrix = np.nan_to_num(np.corrcoef(labels, rowvar=False))
    matrix = matrix.reshape(len(names), len(names))
    numbers = labels.sum(axis=0, dtype=int).tolist()
    return {
        "labels": {
            "count": len(pictures),
            "numbers": dict(zip(names, numbers, strict=True)),
            "exclusive": groups,
            "found": [list(finding)[:3] for finding in pictures.found],
            "correlations": [
                [names[i], names[j], round(float(matrix[i, j]), 3)]
                for i in range(len(names))
                for j in range(i)
                if not any({names[i], names[j]} <= {*g} for g in groups)
            ],
        }
    }


def _look_at_all(pictures, side):
    """Return colors and fingerprint of each image, or why it is broken."""

    def look(index):
        try:
            image = pictures.read(index)
        except UserError as error:
            return str(error).removeprefix(f"{shown(pictures.names[index])}: ")
        return _colors(image), duplicates.fingerprint(image)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = tqdm(
            pool.map(look, range(len(pictures))),
            desc=f"looking at {side}",
            total=len(pictures),
            unit=" images",
            delay=2,
            disable=None,
            leave=False,
        )
        return dict(zip(pictures.names, results, strict=True))


def _colors(image):
    """Return the seven figures of one image, in levels of 0..255."""
    # Plane by plane NumPy takes a ninth of the time.
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)).reshape(3, -1)
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


def _summary(colors):
    facts = {"gray": [], "black": [], "white": [], "flat": []}
    for name, (brightness, _, saturation, *_, spread) in colors.items():
        if spread < _FLAT_BELOW:
            dark, bright = brightness < 16, brightness > 239
            facts["black" if dark else "white" if bright else "flat"] += [name]
        elif saturation < _GRAY_BELOW:
            facts["gray"].append(name)
    if colors:
        percent = np.stack([*colors.values()]) / 255.0 * 100.0
        for column, key in enumerate(QUANTITIES):
            facts[key] = {
                "mean": round(float(percent[:, column].mean()), 1),
                "spread": round(float(percent[:, column].std()), 1),
            }
    return facts


def _counts(values):
    return dict(collections.Counter(values).most_common())
