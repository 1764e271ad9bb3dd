"""The canvas for drawing faces: geometry and rasters.

Face units: the head is 1 from its middle to its side, u grows to the right,
v downwards, and the eyes lie near v = 0. Needs NumPy and Pillow only.
"""

import dataclasses
import functools

import numpy as np
from PIL import Image, ImageDraw

UNIT = 0.24  # of a face unit, in images
MIDDLE = np.array((0.5, 0.485))  # of the face, in images

# The material of a pixel, stored in the sheet's alpha channel.
BACK, CLOTH, NECK, FACE, HAIR, DETAIL = MATERIALS = range(6)

SIDES = (-1, 1)  # of the face: left and right in the image


@dataclasses.dataclass(frozen=True)
class Look:
    """How a style draws; lengths in face units."""

    eye_wide: float = 0.2
    eye_up: float = 0.105
    eye_low: float = 0.075
    iris: float = 0.105
    ink: float = 0.0  # width of the outlines
    cartoon: bool = False  # large eyes, small nose and mouth, blush

    def inked(self, colors):
        """Returns the arguments of `Sheet.fill` to ink an outline."""
        return {"ink": colors.ink, "width": self.ink}


@functools.cache
def _weights(count, closed, steps=5):
    """Returns the matrix from `count` points to a Catmull-Rom curve."""
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    powers = np.concatenate([t**0, t, t**2, t**3], axis=1)
    basis = powers @ [
        [0, 1, 0, 0],
        [-0.5, 0, 0.5, 0],
        [1, -2.5, 2, -0.5],
        [-0.5, 1.5, -1.5, 0.5],
    ]
    spans = count if closed else count - 1
    weights = np.zeros((spans * steps + (not closed), count))
    for span in range(spans):
        for k in range(4):
            point = span + k - 1
            point = point % count if closed else np.clip(point, 0, count - 1)
            weights[span * steps : (span + 1) * steps, point] += basis[:, k]
    if not closed:
        weights[-1, -1] = 1
    return weights


def mix(one, other, share):
    """Returns the color `one` mixed with `share` of `other`."""
    return np.asarray(one) * (1 - share) + np.asarray(other) * share


def curve(points, closed=False):
    """Returns a smooth curve `[n, 2]` through `points`."""
    return _weights(len(points), closed) @ np.asarray(points, float)


def mirrored(right):
    """Closes an outline given by its right half, from top to bottom."""
    right = np.asarray(right, float)
    return np.concatenate([right, right[::-1] * (-1, 1)])


@functools.cache
def circle(count):
    """Returns `count` points `[count, 2]` of the unit circle."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def oval(u, v, wide, high, count=20):
    """Returns an ellipse `[count, 2]`."""
    return circle(count) * (wide, high) + (u, v)


@functools.cache
def _swell(count, start, end):
    """Returns the width of a stroke along it, 1 in its middle."""
    t = np.linspace(0, 1, count)[:, None]
    ends = start * (1 - t) + end * t
    return ends + (1 - ends) * np.sin(np.pi * t) ** 0.7


class Sheet:
    """A supersampled image with a pose, and a material at every pixel.

    Args:
        who: a `identity.Identity`, for its pose.
        size: pixels of the image once reduced.
        color: RGB in [0, 1] of the background.

    Shapes are arrays `[n, 2]` of (u, v). The pose of a shape is "head",
    "face" for features that slide over the turning head, or "bust" for
    parts that stay upright below it.
    """

    def __init__(self, who, size, color):
        self.size = size
        self.factor = 4 if size <= 96 else 3 if size <= 160 else 2
        self.side = size * self.factor
        field = self.side, self.side
        self.image = Image.new("RGBA", field, self._code(color, BACK))
        self.pen = ImageDraw.Draw(self.image)
        self.turn = 0.12 * who.turn
        self.middle = MIDDLE + UNIT * np.array(who.shift)
        cos, sin = np.cos(who.tilt), np.sin(who.tilt)
        self.tilted = np.array([[cos, sin], [-sin, cos]])

    @staticmethod
    def _code(color, material):
        r, g, b = (int(min(max(c, 0), 1) * 255 + 0.5) for c in color)
        return r, g, b, 255 - material

    def _place(self, points, pose):
        """Converts face units to Pillow's flat list of pixels."""
        if pose == "face":
            slide = self.turn * np.maximum(1 - points[:, :1] ** 2, 0)
            points = points + slide * (1, 0)
        if pose != "bust":
            points = points @ self.tilted
        points = (points * UNIT + self.middle) * self.side
        return points.ravel().tolist()

    def fill(self, shapes, color, material, pose="head", ink=None, width=0):
        """Fills outlines; with a width, first inks around their union."""
        places = [self._place(np.asarray(shape), pose) for shape in shapes]
        if width:
            for place in places:
                self._line(place + place[:4], 2 * width, ink)
        code = self._code(color, material)
        for place in places:
            self.pen.polygon(place, code)

    def _line(self, place, width, color):
        pixels = max(1, round(width * UNIT * self.side))
        self.pen.line(place, self._code(color, DETAIL), pixels)

    def line(self, points, width, color, pose="face"):
        """Draws a line of one width, in face units."""
        self._line(self._place(points, pose), width, color)

    def stroke(self, points, width, color, taper=(0.15, 0.15)):
        """Draws a brush stroke; `taper` is the share of width at its ends."""
        points = curve(points)
        along = np.empty_like(points)
        along[1:-1] = points[2:] - points[:-2]
        along[0], along[-1] = points[1] - points[0], points[-1] - points[-2]
        along /= np.sqrt((along * along).sum(1, keepdims=True)) + 1e-9
        across = along[:, ::-1] * (-0.5 * width, 0.5 * width)
        across *= _swell(len(points), *taper)
        edge = np.concatenate([points + across, (points - across)[::-1]])
        self.fill([edge], color, DETAIL, "face")

    def reduced(self):
        """Returns RGB and one mask per material.

        Returns:
            float32 `[size, size, 3]` in [0, 1], and a list in the order of
            `MATERIALS` of float32 `[size, size]`, the share of each pixel.
        """
        *colors, codes = self.image.split()
        rgb = Image.merge("RGB", colors).reduce(self.factor)
        codes, masks = np.asarray(codes), []
        for material in MATERIALS:
            mask = (codes == 255 - material).view(np.uint8) * 255
            mask = Image.fromarray(mask).reduce(self.factor)
            masks.append(np.asarray(mask) * np.float32(1 / 255))
        return np.asarray(rgb) * np.float32(1 / 255), masks

    def grid(self):
        """Returns u and v of the reduced pixels, float32 `[size, size]`."""
        places = (np.arange(self.size, dtype=np.float32) + 0.5) / self.size
        u, v = ((places - self.middle[:, None]) / UNIT).astype(np.float32)
        (cos, sin), _ = self.tilted.astype(np.float32)
        u, v = u[None, :], v[:, None]
        return u * cos + v * sin, v * cos - u * sin
