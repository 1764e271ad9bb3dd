"""The styles of drawn faces: their colors, their looks and their finish.

A style maps the true colors of a face by one fixed, increasing function, draws
the parts with them, and then adds light (photo), cel shadows (anime) or
hatching (sketch) to the reduced image.
"""

from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageFilter

from keras_gans.faces.drawing import body, features
from keras_gans.faces.drawing.sheet import SIDES, UNIT, Look, Sheet, mix

PARTS = (
    body.hair_back,
    body.bust,
    body.head,
    body.beard,
    features.wrinkles,
    features.nose,
    features.mouth,
    features.eyes,
    features.glasses,
    body.hair_front,
)


def _luma(rgb):
    return np.asarray(rgb) @ np.array((0.3, 0.59, 0.11), np.float32)


def _true_colors(who):
    """Returns the colors of a face by name, RGB in [0, 1]."""
    skin, hair = np.array(who.skin), np.array(who.hair)
    lips = mix(skin * 0.9, (0.72, 0.25, 0.27), 0.32 if who.male else 0.58)
    return {
        "back": np.array(who.background),
        "cloth": np.array(who.cloth),
        "skin": skin,
        "shadow": skin * (0.86, 0.74, 0.70),
        "crease": skin * (0.70, 0.55, 0.50),
        "blush": mix(skin, (0.9, 0.35, 0.35), 0.22),
        "lips": lips,
        "lip_line": lips * (0.62, 0.45, 0.45),
        "hair": hair,
        "hair_dark": hair * 0.68,
        "hair_light": mix(hair, (1, 0.95, 0.9), 0.25),
        "brow": mix(hair * 0.6, skin, 0.12),
        "beard": mix(hair * 0.85, skin, 0.15),
        "ink": mix(hair * 0.3, (0.12, 0.06, 0.06), 0.6),
        "iris": np.array(who.iris),
        "pupil": np.array((0.03, 0.02, 0.02)),
        "white": np.array((0.88, 0.87, 0.85)),
        "teeth": np.array((0.93, 0.91, 0.87)),
        "shine": np.ones(3),
        "frame": np.array(who.frame),
    }


def _photo_color(name, color):
    return color  # the light of `_photo` does the rest


def _anime_color(name, color):
    """Returns a brighter, more saturated color, whiter behind the head."""
    color = 1 - (1 - color) ** 1.9
    grey = _luma(color)
    color = np.clip(grey + 1.2 * (color - grey), 0, 1)
    return mix(color, 1, 0.08) if name == "back" else color


def _sketch_color(name, color):
    """Returns paper white, dark lines or gray for a color."""
    light = _luma(color) ** 0.6
    if name in ("back", "skin", "white", "teeth", "shine", "blush"):
        light = 0.985
    elif name in ("ink", "pupil", "frame", "lip_line", "crease"):
        light = 0.2 + 0.45 * light
    else:
        light = 0.25 + 0.75 * light
    return light * np.array((1, 0.995, 0.98))


def _strands(sheet, who, u, v):
    """Returns the texture of the hair, about in [-1, 1], at every pixel."""
    if who.cut == "curly":
        curls = np.sin(10 * u + 2 * np.sin(6 * v))
        return curls * np.sin(10 * v + 2 * np.sin(7 * u))
    if who.cut == "wavy":
        u = u + 0.06 * np.sin(6.5 * v)
    if who.fringe == "swept" or (not who.fringe and body.is_long(who)):
        u, v = u - 0.45 * who.part, v + 1.15  # all falls from the parting
        around, near = 1.3 * np.arctan2(u, v), np.hypot(u, v) / 0.8
    else:  # meridians of a globe whose pole is above the head
        near = np.sqrt(np.clip(1 - (np.minimum(v, 0) / 2.1) ** 2, 0.1, 1))
        around = u / near
    waves = np.zeros_like(around)
    for k, rate in enumerate((9.0, 14.0, 23.0, 37.0, 60.0, 97.0), 1):
        # A wave shorter than two and a half pixels would alias.
        if rate * 2.5 < 2 * np.pi * UNIT * sheet.size:
            waves += np.sin(rate * around + who.texture * k % 6.283)
    return 0.5 * waves * np.minimum(near, 1)


def _greyed(rgb, who, hair, u, v):
    """Grays the hair at the temples with age."""
    old = min(1.0, max(0.0, who.age - 0.6) / 0.2)
    if not old:
        return rgb
    share = np.clip(np.abs(u) * 2.5 - 1.7, 0, 1)
    share *= np.clip(1.4 - 2 * np.abs(v + 0.1), 0, 1)
    share = (0.75 * old * share * hair)[..., None]
    grey = 0.35 + 0.62 * _luma(rgb)  # never darker than the hair
    return rgb + share * (grey[..., None] - rgb)


def _cast(sheet, hair, face, neck):
    """Returns the hard shadow of the hair on the face, and of the chin."""
    brow = np.roll(hair, round(sheet.size * 0.03), axis=0) * face
    return brow + np.roll(face, round(sheet.size * 0.07), axis=0) * neck


def _bump(u, v, middle, wide, high):
    return np.exp(
        -(((u - middle[0]) / wide) ** 2 + ((v - middle[1]) / high) ** 2)
    )


def _head_light(sheet, who, u, v, lamp):
    """Returns the light on the face and the share of cheek, per pixel."""
    # The head as half an egg, then soft volumes on it.
    egg = np.clip(1 - (u / 1.12) ** 2 - (v / 1.55) ** 2, 0.02, 1)
    light = 0.62 + 0.42 * np.sqrt(egg) + 0.20 * lamp * u - 0.10 * v
    u = u - sheet.turn
    cheeks = 0
    for side in SIDES:
        cheeks += _bump(u, v, (side * 0.52, 0.42), 0.26, 0.2)
        light -= 0.16 * _bump(u, v, (side * 0.40, -0.06), 0.26, 0.16)
        bridge = 0.10 - 0.15 * lamp * side
        light -= bridge * _bump(u, v, (side * 0.17, 0.36), 0.07, 0.24)
    light += 0.07 * cheeks
    for middle, wide, high, gain in (
        ((0, -0.65), 0.5, 0.25, 0.08),  # forehead
        ((0, 0.25), 0.06, 0.3, 0.13),  # bridge of the nose
        ((0, 0.52), 0.1, 0.07, 0.12),  # its tip
        ((0, 0.68), 0.17, 0.06, -0.20),  # under it
        ((0, 1.10), 0.22, 0.06, -0.14),  # under the lip
        ((0, 1.23), 0.2, 0.1, 0.07),  # chin
    ):
        light += gain * _bump(u, v, middle, wide, high)
    return light, cheeks


def _grain(who, size):
    """Returns a faint noise with the same spots at every size."""
    grain = np.random.default_rng(who.texture).standard_normal((64, 64), "f")
    grain = Image.fromarray(grain).resize((size, size), Image.BICUBIC)
    return 0.006 * np.asarray(grain)[..., None]


def _photo(sheet, who, colors):
    """Adds studio light: a lamp above, slightly to a side, a warm lens."""
    rgb, (back, cloth, neck, face, hair, detail) = sheet.reduced()
    u, v = sheet.grid()
    lamp = np.float32(0.35 * who.light)
    skin, cheeks = _head_light(sheet, who, u, v, lamp)
    under = 0.48 + 0.3 * np.clip((v - 1.5) / 0.8, 0, 1) + 0.15 * lamp * u
    lock = _strands(sheet, who, u, v)
    ring = np.hypot(0.8 * u - 0.3 * lamp, v + 0.1) - 1.12
    ring = np.exp(-((ring / 0.16) ** 2)) * (v < 0)
    locks = 0.80 + 0.13 * lock + ring * (0.42 + 0.25 * lock)
    folds = 0.9 + 0.12 * np.sin(3 * u + 1.5 * v) - 0.1 * np.abs(u)
    glow = 1.02 - 0.055 * (u * u + v * v) + 0.10 * lamp * u
    light = back * glow + cloth * folds + neck * under + face * skin
    light += hair * locks + detail * (0.5 + 0.5 * skin)
    soft = Image.fromarray((hair * 255).astype(np.uint8))
    soft = soft.filter(ImageFilter.GaussianBlur(sheet.size * 0.028))
    soft = np.roll(np.asarray(soft), sheet.size // 32, axis=0)
    light *= 1 - np.float32(0.4 / 255) * soft * (face + neck)
    rgb = _greyed(rgb, who, hair, u, v) * light[..., None]
    rgb[..., 1:] *= 1 - 0.10 * (cheeks * face)[..., None]
    grey = _luma(rgb)[..., None]
    rgb = np.clip(grey + 0.85 * (rgb - grey), 0, 1) ** 0.9
    rgb = rgb * np.float32((1.0, 0.94, 0.86)) + _grain(who, sheet.size)
    blur = ImageFilter.GaussianBlur(sheet.size / 64 * 0.3)
    return _pixels(rgb).filter(blur)


def _anime(sheet, who, colors):
    """Adds cel paint: a hard shadow, a band of gloss, dark gaps in the hair."""
    rgb, (_, _, neck, face, hair, _) = sheet.reduced()
    u, v = sheet.grid()
    rgb = _greyed(rgb, who, hair, u, v)
    cast = _cast(sheet, hair, face, neck)[..., None]
    rgb = rgb * (1 - cast * np.float32((0.10, 0.20, 0.18)))
    lock = _strands(sheet, who, u, v)
    ring = np.abs(np.hypot(0.8 * u, v + 0.1) - 1.12 + 0.04 * lock)
    band = np.clip((0.07 - ring) * UNIT * sheet.size + 0.5, 0, 1)
    band = (band * hair * (v < -0.2))[..., None]
    gaps = (hair * np.clip(-3 * lock - 1, 0, 1))[..., None] * (1 - band)
    rgb = rgb + 0.6 * band * (colors.hair_light - rgb)
    return _pixels(rgb * (1 - gaps * np.float32((0.10, 0.16, 0.22))))


def _sketch(sheet, who, colors):
    """Adds pencil strokes along the hair, slanted ones in the shadows."""
    rgb, (_, cloth, neck, face, hair, _) = sheet.reduced()
    u, v = sheet.grid()
    lock = _strands(sheet, who, u, v)
    dark = (1.25 - _luma(who.hair)) * hair * (0.1 * lock + 0.2 * (lock < -0.3))
    cast = np.clip(_cast(sheet, hair, face, neck) + 0.5 * cloth, 0, 1)
    dark += 0.3 * cast * np.clip(np.sin(24 * (u + 0.8 * v)), 0, 1)
    rgb = _greyed(rgb, who, hair, u, v) - dark[..., None]
    return _pixels(rgb + 0.35 * cloth[..., None] * (1 - rgb))


def _pixels(rgb):
    return Image.fromarray((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8))


STYLES = {  # name: (look, map of the colors, finish)
    "photo": (Look(), _photo_color, _photo),
    "anime": (
        Look(0.27, 0.25, 0.20, iris=0.2, ink=0.045, cartoon=True),
        _anime_color,
        _anime,
    ),
    "sketch": (
        Look(eye_up=0.115, eye_low=0.08, ink=0.03),
        _sketch_color,
        _sketch,
    ),
}


def paint(who, style, image_size):
    """Draws an `Identity`.

    Args:
        who: a `identity.Identity`.
        style: a key of `STYLES`.
        image_size: height and width in pixels.

    Returns:
        uint8 array `[image_size, image_size, 3]`, RGB in 0..255.
    """
    look, recolor, finish = STYLES[style]
    colors = _true_colors(who).items()
    colors = SimpleNamespace(**{k: recolor(k, v) for k, v in colors})
    sheet = Sheet(who, image_size, colors.back)
    for part in PARTS:
        part(sheet, who, colors, look)
    return np.array(finish(sheet, who, colors))
