"""Find near-duplicate images by an 8x8 difference hash.

The hash has a bit for each of 8x8 places: whether the image gets brighter to
the right. Scaling, recompression and small changes of brightness change few
of its 64 bits. As drawings on white may share all bits accidentally, small
gray versions of the images must also match.
"""

import numpy as np
from PIL import Image

_MOST_BITS = 4
# Mean difference, in levels of 0..255, of 16x16 gray versions. Scaled to 56 or
# 178 % or recompressed at quality 50, 99 % of photographs stay below 1.8 to
# 2.3; of 1000 sketches of different faces no two come below 2.3.
_MOST_LEVELS = 2.25
_NEIGHBOURS = 64


def fingerprint(picture):
    """Return the fingerprint that `groups` compares.

    Args:
        picture: uint8 `[height, width, 3]`, square.

    Returns:
        `(hash, small)`: an int of 64 bits and uint8 `[16, 16]`.
    """
    grey = Image.fromarray(picture).convert("L")
    levels = np.asarray(grey.resize((9, 8), Image.Resampling.BOX))
    bits = np.packbits(levels[:, 1:] > levels[:, :-1])
    small = np.asarray(grey.resize((16, 16), Image.Resampling.BOX))
    return int.from_bytes(bits.tobytes(), "big"), small


def groups(hashes, small):
    """Find groups of near-identical images.

    Two hashes that differ in at most 4 bits agree in at least one of five
    bands. So the images are sorted by each band in turn and compared with
    the next 64 of the same band: time grows with the number of images, not
    with its square. If many more images share a band, some pairs with
    different hashes may be missed; equal hashes are sorted together.

    Args:
        hashes: uint64 `[count]`.
        small: uint8 `[count, 16, 16]`.

    Returns:
        list of groups, each a sorted list of two or more indices, in the
        order of their first index.
    """
    hashes = np.asarray(hashes, np.uint64)
    small = np.asarray(small, np.uint8).reshape(-1, 256)
    leader = np.arange(len(hashes))
    for band in range(_MOST_BITS + 1):
        # Turned so that the band stands first and sorts first.
        left = 13 * band
        right = np.uint64((64 - left) % 64)
        turned = (hashes << np.uint64(left)) | (hashes >> right)
        order = np.argsort(turned, kind="stable")
        turned = turned[order]
        # Of 13 bits; the last has what is left, 12.
        bands = turned >> np.uint64(64 - min(13, 64 - left))
        for step in range(1, _NEIGHBOURS + 1):
            same_band = bands[:-step] == bands[step:]
            if not same_band.any():
                break
            bits = np.bitwise_count(turned[:-step] ^ turned[step:])
            near = np.flatnonzero(same_band & (bits <= _MOST_BITS))
            pairs = np.stack([order[near], order[near + step]])
            # What is joined already, as in a thousand copies of one image,
            # need not be compared again.
            pairs = pairs[:, leader[pairs[0]] != leader[pairs[1]]]
            first, second = small[pairs].astype(np.int16)
            alike = np.abs(first - second).mean(axis=1) <= _MOST_LEVELS
            _join(leader, pairs[:, alike])
    members = {}
    for index, first in enumerate(leader.tolist()):
        members.setdefault(first, []).append(index)
    return [group for group in members.values() if len(group) > 1]


def _join(leader, pairs):
    """Merge the groups of the members of each pair.

    Args:
        leader: int array, for each index the least of its group; updated.
        pairs: int `[2, pairs]`, indices.
    """
    for first, second in leader[pairs].T.tolist():
        while leader[first] != first:
            first = leader[first]
        while leader[second] != second:
            second = leader[second]
        leader[max(first, second)] = min(first, second)
    while pairs.size:
        above = leader[leader]
        if np.array_equal(above, leader):
            break
        leader[:] = above
