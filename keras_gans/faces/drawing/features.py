"""Eyes, nose, mouth, wrinkles and glasses of a drawn face.

Arguments as in `body`. A feature has the same center in every style; cartoons
have larger eyes, a smaller nose and a smaller mouth.
"""

import numpy as np

from keras_gans.faces.drawing.sheet import (
    DETAIL,
    FACE,
    SIDES,
    circle,
    mix,
    oval,
)

_LENSES = {  # half width, half height, roundness (1 is an ellipse)
    "round": (0.31, 0.30, 1.0),
    "square": (0.34, 0.24, 0.6),
    "cat": (0.34, 0.24, 0.6),
    "pilot": (0.34, 0.29, 0.6),
}


def mouth(sheet, who, colors, look):
    """Draws lips, teeth and the line between the lips."""
    t = np.linspace(-1, 1, 9)
    wide = (0.27 if look.cartoon else 0.33) + 0.03 * who.mouth
    full = 0.055 + 0.015 * who.lips - 0.02 * who.male
    rise, gape = 0.0, 0.0
    if who.smile:
        wide, rise = wide * 1.22, 0.10
        gape = 0.15 if who.teeth or look.cartoon else 0.0
    line = np.stack([wide * t, 0.90 - rise * np.abs(t) ** 2.5], 1)
    low = line + np.stack([0 * t, gape * (1 - t**2)], 1)
    if not look.cartoon:
        bow = full * np.sqrt(1 - np.abs(t))
        bow[4] *= 0.75
        upper = np.concatenate([line - bow[:, None] * (0, 1), line[::-1]])
        under = low + np.stack([0 * t, 1.7 * full * (1 - t**2)], 1)
        lower = np.concatenate([low, under[::-1]])
        dark = mix(colors.lips, colors.lip_line, 0.3)
        sheet.fill([lower], colors.lips, FACE, "face")
        sheet.fill([upper], dark, FACE, "face")
    if gape:
        inside = colors.teeth if who.teeth else colors.lip_line
        opening = np.concatenate([line, low[::-1]])
        sheet.fill([opening], inside, DETAIL, "face")
    if gape and look.cartoon and who.teeth:
        lip = np.concatenate([line * (0.9, 1) + (0, 0.06), low[::-1]])
        sheet.fill([lip], colors.lips, DETAIL, "face")
    sheet.stroke(line, 0.05, colors.lip_line, taper=(0.5, 0.5))


def nose(sheet, who, colors, look):
    """Draws nostrils and wings; a cartoon has one small stroke."""
    wide, tip = 0.15 + 0.03 * who.nose + 0.02 * who.male, 0.58
    if look.cartoon:
        stroke = [(0.03, tip - 0.06), (0.07, tip), (0.0, tip + 0.03)]
        return sheet.stroke(stroke, 0.05, colors.crease)
    soft = mix(colors.skin, colors.crease, 0.6)
    for side in SIDES:
        nostril = np.array([(0.04, 0.04), (0.09, 0.015), (0.13, 0.04)])
        wing = [(wide, -0.1), (wide + 0.03, -0.02), (wide, 0.04)]
        place = np.array((side, 1)), (0, tip)
        sheet.stroke(nostril * place[0] + place[1], 0.05, colors.crease)
        sheet.stroke(wing * place[0] + place[1], 0.03, soft)


def _iris(sheet, who, colors, look, middle, lids):
    """Draws iris and pupil, cut by the lids, and their highlights."""
    (u, v), (across, upper, lower) = middle, lids
    gaze = u + 0.03 * who.gaze
    for share, drop, color in (
        (1.0, 0.0, colors.iris * 0.6),
        (0.82, 0.2, colors.iris),
        (0.5, 0.0, colors.pupil),
    ):
        wide = look.iris * share
        high = wide * (1.3 if look.cartoon else 1.05)
        disc = oval(gaze, v + drop * look.iris, wide, high)
        top = np.interp(disc[:, 0], across, upper)
        bottom = np.interp(disc[:, 0], across, lower)
        disc[:, 1] = np.clip(disc[:, 1], top, bottom)
        sheet.fill([disc], color, DETAIL, "face")
    glint = look.iris * 0.3
    shine = [oval(u - glint, v - 1.4 * glint, glint, 1.1 * glint, 8)]
    if look.cartoon:
        shine += [oval(u + glint, v + 1.5 * glint, 0.5 * glint, 0.04, 8)]
    sheet.fill(shine, colors.shine, DETAIL, "face")


def eyes(sheet, who, colors, look):
    """Draws eyes, lashes, folds and brows."""
    size = 1 + 0.08 * who.eye_size - 0.08 * (who.age > 0.65)
    t = np.linspace(-1, 1, 13)
    arch = (1 - np.abs(t) ** 2.2) ** 0.8 * size
    soft = mix(colors.skin, colors.crease, 0.7)
    lash = 0.05 + 1.3 * look.ink + (0 if who.male else 0.025)
    heavy = (0.11 if who.male else 0.075) + 0.02 * who.brow
    bow = np.array([(0.17, -0.27), (0.38, -0.34), (0.56, -0.32), (0.68, -0.24)])
    bow[:, 1] -= 0.6 * look.eye_up - 0.05
    for side in SIDES:
        u, v = side * (0.42 + 0.02 * who.eye_gap), 0.03
        across = u + look.eye_wide * size * t
        slant = v - 0.25 * who.eye_tilt * side * t * look.eye_wide
        upper = slant - look.eye_up * arch
        lower = slant + look.eye_low * arch * (0.8 if who.smile else 1)
        top, bottom = np.stack([across, upper], 1), np.stack([across, lower], 1)
        eye = np.concatenate([top, bottom[::-1]])
        sheet.fill([eye], colors.white, DETAIL, "face")
        lids = across, upper, lower
        _iris(sheet, who, colors, look, (u, v), lids)
        ends = (0.9, 0.3) if side < 0 else (0.3, 0.9)
        sheet.stroke(top[::2], lash, colors.ink, taper=ends)
        sheet.stroke(top[2:-2:4] - (0, 0.075), 0.035, soft)
        if look.ink:
            sheet.stroke(bottom[3:-3:2], 0.03, colors.crease)
        brow = colors.brow
        sheet.stroke(bow * (side, 1), heavy, brow, taper=(0.7, 0.3))


def wrinkles(sheet, who, colors, look):
    """Draws the lines of age, and the folds of a smile at any age."""
    old = max(0.0, who.age - 0.55) / 0.45
    color = mix(colors.skin, colors.crease, 0.3 + 0.3 * old)
    if old or (who.smile and not look.cartoon):
        fold = np.array([(0.27, 0.52), (0.42, 0.70), (0.46, 0.86)])
        for side in SIDES:
            sheet.stroke(fold * (side, 1), 0.045, color)
    if not old:
        return
    bag = np.array([(0.26, 0.13), (0.42, 0.19), (0.58, 0.13)])
    bag[:, 1] += look.eye_low
    crow = np.array([(0.72, 0.02), (0.84, -0.04)])
    for side in SIDES:
        for line in (bag, crow, crow + (0, 0.1)):
            sheet.stroke(line * (side, 1), 0.04, color)
    for v in (-0.62, -0.78):
        sheet.stroke([(-0.4, v), (0, v - 0.03), (0.4, v)], 0.04, color)


def glasses(sheet, who, colors, look):
    """Draws the frame; the eyes stay as they are."""
    if not who.glasses:
        return
    wide, high, power = _LENSES[who.glasses]
    rim = np.concatenate([circle(28), circle(28)[:1]])
    rim = np.sign(rim) * np.abs(rim) ** power
    if who.glasses == "cat":
        rim[:, 1] -= 0.4 * np.maximum(rim[:, 0], 0) ** 2
    if who.glasses == "pilot":
        rim[:, 0] *= 1 - 0.22 * np.maximum(rim[:, 1], 0)
    rim = rim * (wide, high) + (0.43, 0.06)
    frame = colors.frame
    for side in SIDES:
        sheet.line(rim * (side, 1), 0.075, frame)
        arm = np.array([(0.76, -0.04), (1.0, -0.02)])
        sheet.line(arm * (side, 1), 0.085, frame)
    sheet.line(np.array([(-0.12, 0.0), (0.12, 0.0)]), 0.075, frame)
