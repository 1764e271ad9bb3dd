"""The `Identity` of a drawn face, and its labels.

Needs NumPy only.
"""

import colorsys
import dataclasses

import numpy as np

# CelebA's spelling where CelebA has the attribute ("Beard" is its opposite,
# "No_Beard", and counts moustaches too).
ATTRIBUTES = (
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Male",
    "Young",
    "Smiling",
    "Eyeglasses",
    "Beard",
    "Bangs",
    "Wavy_Hair",
)

_SKINS = np.array(  # pale to dark, RGB in [0, 1]
    [
        (0.97, 0.82, 0.73),
        (0.93, 0.74, 0.62),
        (0.84, 0.63, 0.48),
        (0.68, 0.47, 0.33),
        (0.47, 0.30, 0.21),
    ]
)
HAIRS = {  # two ends of each label's range
    "Black_Hair": ((0.06, 0.06, 0.08), (0.11, 0.09, 0.08)),
    "Brown_Hair": ((0.27, 0.16, 0.10), (0.46, 0.23, 0.12)),
    "Blond_Hair": ((0.74, 0.56, 0.30), (0.88, 0.74, 0.48)),
}
_IRISES = (
    (0.30, 0.18, 0.10),
    (0.24, 0.14, 0.08),
    (0.20, 0.36, 0.55),
    (0.26, 0.42, 0.26),
    (0.38, 0.42, 0.46),
)
GLASSES = ("round", "square", "cat", "pilot")
_FRAMES = ((0.07, 0.06, 0.07), (0.28, 0.13, 0.07), (0.30, 0.07, 0.10))
YOUNG_BELOW = 0.65  # of age
# Style of the hair: (chance for men, chance for women).
CUTS = {
    "short": (0.30, 0.06),
    "quiff": (0.20, 0.0),
    "buzz": (0.10, 0.0),
    "bald": (0.10, 0.0),
    "curly": (0.16, 0.14),
    "bob": (0.04, 0.20),
    "long": (0.05, 0.26),
    "wavy": (0.05, 0.20),
    "bun": (0.0, 0.12),
    "tail": (0.0, 0.12),
}


@dataclasses.dataclass(frozen=True)
class Identity:
    """All properties of a face, independent of style.

    Colors are RGB in [0, 1]; traits without a unit are in [-1, 1], 0 is the
    average; lengths and positions are in the drawing's face units.
    """

    male: bool
    age: float  # 0 to 1; "Young" below `YOUNG_BELOW`
    smile: bool
    teeth: bool  # shown when smiling
    glasses: str  # "" or one of `GLASSES`
    beard: str  # "", "full", "goatee" or "moustache"
    cut: str  # a key of `CUTS`
    fringe: str  # "", "straight" or "swept"
    hair_label: str  # "Black_Hair", "Brown_Hair" or "Blond_Hair"
    hair: tuple
    skin: tuple
    iris: tuple
    cloth: tuple
    background: tuple
    collar: str  # "crew", "vee", "shirt" or "high"
    frame: tuple  # of the glasses
    volume: float
    part: int  # side of the parting, -1 or 1
    jaw: float
    cheek: float
    length: float
    eye_size: float
    eye_gap: float
    eye_tilt: float
    brow: float
    nose: float
    lips: float
    mouth: float
    gaze: float
    turn: float  # of the features across the head
    tilt: float  # of the head in the plane, radians
    shift: tuple  # of the whole image, (right, down)
    light: float  # where it comes from, -1 left to 1 right
    texture: int  # seed of the photo's grain


def identity(index, seed):
    """Draws one `Identity` from `(seed, index)` only."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, index)))

    def chance(probability):
        return bool(rng.random() < probability)

    def pick(names, weights=None):
        return names[int(rng.choice(len(names), p=weights))]

    def between(low, high):
        return float(rng.uniform(low, high))

    def mixed(low, high):
        return tuple(np.add(low, rng.random() * np.subtract(high, low)))

    male = chance(0.5)
    age = between(0.0, 1.0)
    weights = np.array([pair[0 if male else 1] for pair in CUTS.values()])
    cut = pick(list(CUTS), weights / weights.sum())
    if cut == "bald" and age < 0.4:
        cut = "short"
    tone = between(0.0, len(_SKINS) - 1.001)
    # Fair hair on the darkest skin is drawn rarely, not never: the labels
    # must not give each other away.
    hairs = (0.34, 0.36, 0.30) if tone < 2.5 else (0.55, 0.33, 0.12)
    hair_label = pick(("Black_Hair", "Brown_Hair", "Blond_Hair"), hairs)
    fringe = ""
    if cut in ("short", "curly", "bob", "long", "wavy", "bun", "tail"):
        fringe = pick(("", "straight", "swept"), (0.48, 0.28, 0.24))
    pale, dark = _SKINS[int(tone) : int(tone) + 2]
    beard = pick(("full", "goatee", "moustache"), (0.55, 0.25, 0.2))
    smile, teeth = chance(0.5), chance(0.75)
    glasses = pick(GLASSES) if chance(0.3) else ""
    return Identity(
        male=male,
        age=age,
        smile=smile,
        teeth=teeth,
        glasses=glasses,
        beard=beard if male and chance(0.48) else "",
        cut=cut,
        fringe=fringe,
        hair_label=hair_label,
        hair=mixed(*HAIRS[hair_label]),
        skin=tuple(pale + tone % 1 * (dark - pale)),
        iris=pick(_IRISES),
        cloth=colorsys.hsv_to_rgb(
            rng.random(), between(0.25, 0.65), between(0.3, 0.85)
        ),
        background=colorsys.hsv_to_rgb(
            rng.random(), between(0.15, 0.45), between(0.68, 0.85)
        ),
        collar=pick(("crew", "vee", "shirt", "high")),
        frame=pick(_FRAMES),
        volume=between(-1, 1),
        part=pick((-1, 1)),
        jaw=between(-1, 1),
        cheek=between(-1, 1),
        length=between(-1, 1),
        eye_size=between(-1, 1),
        eye_gap=between(-1, 1),
        eye_tilt=between(-1, 1),
        brow=between(-1, 1),
        nose=between(-1, 1),
        lips=between(-1, 1),
        mouth=between(-1, 1),
        gaze=between(-1, 1),
        turn=between(-1, 1),
        tilt=between(-0.07, 0.07),
        shift=(between(-0.08, 0.08), between(-0.06, 0.06)),
        light=between(-1, 1),
        texture=int(rng.integers(2**32)),
    )


def labels(who):
    """Returns the `ATTRIBUTES` of an `Identity` as a dictionary of 0 and 1."""
    table = {name: who.hair_label == name for name in HAIRS}
    table |= {
        "Male": who.male,
        "Young": who.age < YOUNG_BELOW,
        "Smiling": who.smile,
        "Eyeglasses": who.glasses,
        "Beard": who.beard,
        "Bangs": who.fringe,
        "Wavy_Hair": who.cut in ("wavy", "curly"),
    }
    return {name: int(bool(table[name])) for name in ATTRIBUTES}
