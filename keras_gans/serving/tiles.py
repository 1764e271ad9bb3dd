"""Large images in overlapping tiles, blended without seams."""

import math

import numpy as np


def translate(function, picture, tile):
    """Translate an image tile by tile.

    Neighbours overlap by a quarter. There each fades out as the other fades
    in, so that what differs between them, such as the statistics of instance
    normalization, changes slowly.

    Args:
        function: from uint8 `[1, height, width, 3]` to the same.
        picture: uint8 `[height, width, 3]`.
        tile: int, pixels, the side of a tile; sides of the image that are
            shorter are not cut.

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
    """Return where tiles lie along one side, and how much each counts.

    Returns:
        list of `(slice, weights)`, float32 `[tile]`. Over all slices the
        weights of a pixel add up to 1.
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
