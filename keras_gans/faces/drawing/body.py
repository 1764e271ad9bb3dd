"""Head, hair, beard and bust of a drawn face, as shapes on a sheet.

Each function takes the sheet, the `Identity`, the colors by name and the
style's `Look`. All styles draw the same shapes in the same places.
"""

import numpy as np

from keras_gans.faces.drawing.sheet import (
    CLOTH,
    FACE,
    HAIR,
    NECK,
    SIDES,
    curve,
    mirrored,
    mix,
    oval,
)

# Of the hair: width and height beyond the head, and where its sides end.
_SHAPES = {
    "short": (0.08, 0.14, 0.12),
    "quiff": (0.06, 0.30, 0.08),
    "buzz": (0.02, 0.03, 0.05),
    "bald": (0.05, 0.00, 0.28),
    "curly": (0.10, 0.16, 0.30),
    "bob": (0.18, 0.17, 1.12),
    "long": (0.13, 0.14, 1.95),
    "wavy": (0.22, 0.18, 1.75),
    "bun": (0.04, 0.10, 0.12),
    "tail": (0.05, 0.12, 0.12),
}


def is_long(who):
    """Tells whether the hair falls next to the face."""
    return _SHAPES[who.cut][2] > 0.5


def _outline(who):
    """Returns the outline of the head."""
    jaw = 0.07 * who.jaw + (0.05 if who.male else -0.05)
    cheek = 0.03 * who.cheek
    right = [(0.48, -1.32), (0.84, -1.0), (0.98, -0.45), (0.965 + cheek, 0.1)]
    right += [(0.90 + cheek + 0.5 * jaw, 0.55), (0.73 + jaw, 0.95)]
    right += [(0.42 + jaw, 1.27), (0.14, 1.38)]
    points = curve(mirrored([(0, -1.4), *right])[:-1], closed=True)
    points[:, 1] *= np.where(points[:, 1] > 0, 1 + 0.05 * who.length, 1)
    return points


def _hair_outline(who):
    """Returns the outer edge of the hair, from one end over the top."""
    wide, high, end = _SHAPES[who.cut]
    wide, high = wide + 0.03 * who.volume, high + 0.04 * who.volume
    right = [(0.0, -1.40 - high), (0.52, -1.30 - 0.85 * high)]
    right += [(0.90 + 0.6 * wide, -0.98 - 0.3 * high), (1.0 + wide, -0.42)]
    if is_long(who):
        right += [(1.03 + wide, 0.25), (1.02 + 1.2 * wide, 0.6 * end + 0.15)]
        right += [(0.97 + wide, end)]
    else:
        right += [(0.99 + 0.6 * wide, end)]
    right = np.array(right)
    points = curve(np.concatenate([right[:0:-1] * (-1, 1), right]))
    if who.cut == "wavy":
        u, v = points.T
        points[:, 0] += 0.07 * np.sign(u) * np.sin(6.5 * v) * (v > -0.6)
    return points


def _hairline(who):
    """Returns the inner edge of the hair, from its right end to its left."""
    end = _SHAPES[who.cut][2]
    side = [(0.93, end), (0.91, -0.12)]
    if is_long(who):
        side = [(0.86, end + 0.08), (0.80, 0.70 * end), (0.86, 0.25)]
    if who.fringe == "straight":
        inner = [(0.86, -0.05), (0.80, -0.36), (0.62, -0.26), (0.54, -0.40)]
        inner += [(0.30, -0.28), (0.2, -0.41), (-0.06, -0.28), (-0.14, -0.42)]
        inner += [(-0.4, -0.27), (-0.5, -0.4), (-0.72, -0.24), (-0.86, -0.05)]
    elif who.fringe == "swept":
        inner = [(0.86, -0.40), (0.74, -0.78), (0.52, -1.0), (0.25, -0.72)]
        inner = curve(inner + [(-0.2, -0.46), (-0.6, -0.28), (-0.85, -0.02)])
    elif is_long(who):
        inner = [(0.84, -0.35), (0.70, -0.72), (0.42, -1.0), (0.2, -1.12)]
        inner = curve(inner + [(-0.2, -0.95), (-0.62, -0.66), (-0.84, -0.25)])
    else:  # the older the man, the higher
        high = -0.76 - 0.12 * who.age * who.male
        right = np.array([(0.86, -0.45), (0.74, high), (0.4, high - 0.2)])
        left = right[::-1] * (-1, 1)
        inner = curve(np.concatenate([right, [(0, -0.93)], left]))
    return np.concatenate([side, inner, np.array(side[::-1]) * (-1, 1)])


def hair_back(sheet, who, colors, look):
    """Draws the hair behind the neck."""
    shapes = []
    if who.cut == "bun":
        shapes = [oval(0.12, -1.62, 0.40, 0.36)]
    if who.cut == "tail":
        tail = [(0.5, -1.1), (1.15, -0.95), (1.5, -0.3), (1.55, 0.6)]
        tail += [(1.3, 1.5), (1.15, 0.8), (1.08, 0.1), (0.9, -0.4)]
        shapes = [curve(tail, closed=True)]
    if is_long(who):
        shapes = [_hair_outline(who)]
    if who.cut == "curly" and not who.male:
        shapes = [
            oval(side * 1.08, v, 0.3, 0.3)
            for side in SIDES
            for v in (-0.5, -0.1, 0.3, 0.65)
        ]
    shapes = [shape * (who.part, 1) for shape in shapes]
    sheet.fill(shapes, colors.hair_dark, HAIR, **look.inked(colors))


def hair_front(sheet, who, colors, look):
    """Draws the hair over the head: a cap, or only the sides if bald."""
    if who.cut == "bald":
        right = [(0.97, -0.66), (1.05, -0.4), (1.07, 0.0), (1.0, 0.28)]
        right += [(0.92, 0.2), (0.93, -0.1), (0.84, -0.42)]
        right = curve(right, closed=True)
        shapes = [right, right * (-1, 1)]
    else:
        outer, inner = _hair_outline(who), _hairline(who)
        shapes = [np.concatenate([outer, inner])]
    if who.cut == "curly":
        curls = outer[outer[:, 1] < 0.25][::3]
        shapes += [oval(u, v, 0.2, 0.2, 12) for u, v in curls]
        if who.fringe:
            curls = inner[np.abs(inner[:, 0]) < 0.8][::2]
            shapes += [oval(u, v - 0.1, 0.16, 0.16, 12) for u, v in curls]
    shapes = [shape * (who.part, 1) for shape in shapes]
    sheet.fill(shapes, colors.hair, HAIR, **look.inked(colors))


def bust(sheet, who, colors, look):
    """Draws neck, shoulders and collar."""
    ink = {"pose": "bust", **look.inked(colors)}
    wide = 0.56 if who.male else 0.42
    neck = [(wide - 0.02, 0.6), (wide, 1.3), (wide + 0.14, 1.62), (0.9, 2.6)]
    sheet.fill([mirrored(neck)], colors.skin, NECK, **ink)
    drop = {"crew": 1.78, "vee": 2.2, "shirt": 1.95, "high": 1.5}[who.collar]
    top = 1.45 if who.collar == "high" else 1.62
    dip = (0.6 * wide, drop - 0.35 * (drop - top))
    if who.collar == "vee":
        dip = (0.35 * wide, 2.0)
    arm = 0.2 * who.male
    right = [(0.0, drop), dip, (wide + 0.10, top), (1.25, 1.84)]
    right += [(1.75 + arm, 2.05), (2.2 + arm, 2.7)]
    sheet.fill([mirrored(right)], colors.cloth, CLOTH, **ink)
    if who.collar == "shirt":
        flap = [(wide + 0.08, 1.5), (0.02, 1.98), (0.36, 2.22)]
        flap = np.array([*flap, (wide + 0.26, 1.72)])
        pale = mix(colors.cloth, 1, 0.3)
        sheet.fill([flap, flap * (-1, 1)], pale, CLOTH, **ink)


def head(sheet, who, colors, look):
    ink = look.inked(colors)
    ears = [oval(side * 0.99, 0.14, 0.13, 0.27) for side in SIDES]
    sheet.fill(ears, colors.shadow, FACE, **ink)
    sheet.fill([_outline(who)], colors.skin, FACE, **ink)
    if look.cartoon:
        cheeks = [oval(side * 0.56, 0.50, 0.22, 0.13) for side in SIDES]
        sheet.fill(cheeks, colors.blush, FACE, "face")


def beard(sheet, who, colors, look):
    if not who.beard:
        return
    lip = [(0.2, 0.68), (0.4, 0.80), (0.46, 0.95), (0.3, 0.86)]
    lip = curve(mirrored([(0, 0.69), *lip, (0, 0.80)])[1:-1], closed=True)
    sheet.fill([lip], colors.beard, FACE, "face")
    if who.beard == "full":
        outer = _outline(who) * (1.0, 1.015)
        outer = outer[outer[:, 1] > 0.28]
        right = [(0.86, 0.28), (0.81, 0.55), (0.66, 0.80), (0.46, 0.84)]
        right = np.array([*right, (0.3, 0.74), (0.0, 0.72)])
        inner = curve(np.concatenate([right * (-1, 1), right[-2::-1]]))
        sheet.fill([np.concatenate([outer, inner])], colors.beard, FACE)
    if who.beard == "goatee":
        chin = [(0.2, 1.06), (0.34, 0.9), (0.42, 1.1), (0.3, 1.36)]
        chin = mirrored([(0, 1.10), *chin, (0, 1.42)])[1:-1]
        sheet.fill([curve(chin, closed=True)], colors.beard, FACE)
