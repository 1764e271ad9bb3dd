"""Describe the images of a data set in a few table lines."""

import numpy as np

from keras_gans.inspection import measure, text

_LOOKED_AT = 200


def of_sides(sides, image_size):
    """Describe the sides of a data set.

    Sizes and formats are read from the headers of all images; colors and
    near-duplicates are those of 200 evenly spaced ones.

    Args:
        sides: dict from name to `Pictures`.
        image_size: int, height and width of the training images in pixels.

    Returns:
        dict from name to a dict from line to text.
    """
    described = measure.describe(sides, image_size)["sides"]
    samples = {}
    for name, pictures in sides.items():
        count = min(_LOOKED_AT, len(pictures))
        chosen = np.linspace(0, len(pictures) - 1, count, dtype=int)
        samples[name] = pictures.subset(chosen)
    looks = measure.inspect(samples, image_size)["sides"]
    return {
        name: {
            "what": facts["description"],
            **text.cells(
                # Headers know only the gray images that are stored as such.
                looks[name]
                | facts
                | {"gray": {*facts["gray"], *looks[name]["gray"]}}
            ),
            "seen for colors and duplicates": f"{len(samples[name]):,}",
        }
        for name, facts in described.items()
    }
