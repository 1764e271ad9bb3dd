"""What the pictures of a data set are like, as a few lines of a table."""

import numpy as np

from keras_gans.inspection import measure

_LOOKED_AT = 200
_NAMES = "brightness", "contrast", "saturation", "red", "green", "blue"


def of_sides(sides, image_size):
    """Describe the sides of a data set.

    Sizes and kinds are told from the headers of all pictures; colours are
    measured on 200 evenly spaced ones.

    Args:
        sides: dict from name to `Pictures`.
        image_size: int, side of the training pictures in pixels.

    Returns:
        dict from name to a dict from line to text.
    """
    return {n: _of_side(n, p, image_size) for n, p in sides.items()}


def _of_side(name, pictures, image_size):
    facts = measure.describe(pictures, image_size)
    chosen = np.linspace(
        0, len(pictures) - 1, min(_LOOKED_AT, len(pictures)), dtype=int
    )
    sample = measure.inspect({name: pictures.subset(chosen)}, image_size)
    looks = sample["sides"][name]
    shorter = facts["shorter_side"]
    kinds = ", ".join(facts["formats"])
    lines = {
        "what": facts["description"],
        "left out as broken": f"{len(facts['left_out']):,}",
        "shorter side, pixels": f"{shorter['least']} to {shorter['most']}, "
        f"median {shorter['median']}",
        f"below {image_size} pixels, scaled up": f"{len(facts['too_small']):,}",
        "cut away to be square, median": f"{facts['cut_away']:.0%}",
        "kinds of file": kinds,
        "looked at for the lines below": f"{len(chosen):,}",
    }
    for quantity in _NAMES:
        if quantity in looks:
            mean, spread = looks[quantity]["mean"], looks[quantity]["spread"]
            lines[f"{quantity}, percent"] = f"{mean:.0f} ± {spread:.0f}"
    lines["nearly the same as another"] = (
        f"{sum(len(group) - 1 for group in looks['duplicates']):,}"
    )
    for label, count in _labels(pictures):
        lines[f"label {label}"] = f"{count:,}"
    return lines


def _labels(pictures):
    names = getattr(pictures, "label_names", ())
    return [
        (label, int(pictures.labels[:, i].sum()))
        for i, label in enumerate(names)
    ]
