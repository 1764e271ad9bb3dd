"""Style images: read from a file, or drawn."""

import re

import numpy as np
from PIL import Image, ImageDraw

from keras_gans import checks, images
from keras_gans.checks import UserError

_LEAST_SIDE = 16  # pixels: of less, deep features are single points
_SIDE = 256  # of a drawn one
_DRAWN = re.compile(r"drawn(?::(\d{1,9}))?")
# Ink, Prussian blue, sky, ivory, ocher, vermilion.
_PALETTE = np.asarray(
    [
        *((22, 26, 56), (28, 77, 140), (126, 180, 216)),
        *((246, 236, 206), (226, 164, 44), (196, 62, 40)),
    ]
)


def read(style, size=512):
    """Return a style image.

    Args:
        style: path of an image file, as of `images.read`; or `"drawn"`, or
            `"drawn:SEED"`, see `draw`.
        size: int, pixels, of the longer side; a larger image is scaled down.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        UserError: in one line, if it cannot be read or is tiny.
    """
    checks.between(_LEAST_SIDE, checks.MOST_SIDE, style_size=size)
    drawn = _DRAWN.fullmatch(str(style))
    if drawn:
        pixels = draw(int(drawn[1] or 0))
    else:
        try:
            pixels = images.read(style)
        except (UserError, TypeError) as error:
            raise UserError(
                'style must be an image file, or "drawn". '
                f"Received: {style!r} ({error})"
            ) from None
    image = Image.fromarray(pixels)
    if max(image.size) > size:
        image.thumbnail((size, size), Image.Resampling.BICUBIC)
    if min(image.size) < _LEAST_SIDE:
        raise UserError(
            f"style must be an image with sides from {_LEAST_SIDE} pixels up, "
            f"when the longer one is at most {size}. Received: {style!r}, "
            f"{image.width} x {image.height}"
        )
    return np.array(image)


def draw(seed=0, size=_SIDE):
    """Draw a texture: brush strokes along the lines of a smooth field.

    Args:
        seed: int from 0 up.
        size: int, pixels.

    Returns:
        uint8 `[size, size, 3]`.
    """
    rng = np.random.default_rng(seed)
    waves = rng.uniform(-9, 9, (4, 2)), rng.uniform(0, 2 * np.pi, 4)
    colors = rng.permutation(_PALETTE)
    canvas = Image.new("RGB", (size, size), tuple(map(int, colors[0])))
    pencil = ImageDraw.Draw(canvas)
    for x, y, chance in rng.uniform(0, 1, (2500, 3)):
        height = np.sin(waves[0] @ (x, y) + waves[1]).sum()  # in [-4, 4]
        part = (height + 4.0) / 8.0 * len(colors) + 2.0 * chance - 1.0
        color = colors[int(np.clip(part, 0, len(colors) - 1))]
        color = np.clip(color + rng.integers(-18, 19), 0, 255)
        length = (
            size
            * rng.uniform(0.02, 0.07)
            * np.asarray((np.cos(height), np.sin(height)))
        )
        center = size * np.asarray((x, y))
        pencil.line(
            [*(center - length), *(center + length)],
            fill=tuple(map(int, color)),
            width=max(1, round(size * rng.uniform(0.008, 0.024))),
        )
    return np.array(canvas)
