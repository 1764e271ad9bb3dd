"""Translate large images in overlapping tiles, blended without seams."""

import math

import numpy as np


def translate(function, picture, tile):
    """Translate an image tile by tile.

    Neighboring tiles overlap by a quarter and are cross-faded there, so that
    differences between them, such as in the statistics of instance
    normalization, change slowly.

    Args:
        function: from uint8 `[1, height, width, 3]` to the same.
        picture: uint8 `[height, width, 3]`.
        tile: int, pixels, the side of a tile; shorter sides of the image are
            not cut.

    Returns:
        uint8 `[height, width, 3]`.
    """
    rows, columns = (_spans(length, tile) for length in picture.shape[:2])
    total = np.zeros(picture.shape, np.float32)
    for y, weights_y in rows:
        for x, weights_x in columns:
            part = function(picture[None, y, x])[0]
            total[y, x] += part * (weights_y[:, None] * weights_x)[..., None]
    return np.rint(total).astype(np.uint8)


def _spans(length, tile):
    """Return the positions and weights of tiles along one side.

    Returns:
        list of `(slice, weights)`, float32 `[tile]`. The weights of each pixel
        sum to 1 over all slices.
    """
    tile = min(tile, length)
    overlap = tile // 4
    count = math.ceil((length - overlap) / max(1, tile - overlap))
    starts = np.rint(np.linspace(0, length - tile, count)).astype(int)
    places = np.arange(tile) + 0.5
    ramp = np.minimum(places, tile - places).clip(max=max(1, overlap))
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += ramp
    return [
        (s, np.float32(ramp / total[s]))
        for s in (slice(start, start + tile) for start in starts)
    ]
