"""Change the attributes of a drawn face, for true translations.

Nothing else changes, except where the attribute requires it: only men have a
beard, and bangs need hair. If an attribute can look several ways, such as
glasses, a face always gets the same ones.
"""

import dataclasses

from keras_gans.checks import UserError
from keras_gans.faces.drawing.identity import (
    ATTRIBUTES,
    CUTS,
    GLASSES,
    HAIRS,
    YOUNG_BELOW,
    labels,
)

_WITHOUT_FRINGE = ("quiff", "buzz", "bald")


def _hair(who, name):
    """Returns another hair color of the same shade, light to dark."""
    low, high = HAIRS[who.hair_label]
    share = (who.hair[0] - low[0]) / (high[0] - low[0])
    color = tuple(
        a + share * (b - a) for a, b in zip(*HAIRS[name], strict=True)
    )
    return {"hair_label": name, "hair": color}


def _male(who, value):
    # Cuts that the other sex never has become one that both have.
    kept = CUTS[who.cut][0 if value else 1] > 0
    beard = who.beard if value else ""
    return {"male": value, "cut": who.cut if kept else "short", "beard": beard}


def _young(who, value):
    """Maps an age to the same rank in the other group, old or young."""
    if value:
        age = (who.age - YOUNG_BELOW) / (1 - YOUNG_BELOW) * YOUNG_BELOW
        # Nobody is drawn bald below 0.4.
        return {"age": max(age, 0.4) if who.cut == "bald" else age}
    return {"age": YOUNG_BELOW + who.age / YOUNG_BELOW * (1 - YOUNG_BELOW)}


def _bangs(who, value):
    if not value:
        return {"fringe": ""}
    cut = "short" if who.cut in _WITHOUT_FRINGE else who.cut
    return {"fringe": ("straight", "swept")[who.texture % 2], "cut": cut}


def _wavy(who, value):
    long = who.cut in ("bob", "long", "wavy")
    straight, wavy = ("long", "wavy") if long else ("short", "curly")
    return {"cut": wavy if value else straight}


_CHANGES = {
    "Male": _male,
    "Young": _young,
    "Smiling": lambda who, value: {"smile": value},
    "Eyeglasses": lambda who, value: {
        "glasses": GLASSES[who.texture % len(GLASSES)] if value else ""
    },
    "Beard": lambda who, value: {"beard": "full" if value else ""},
    "Bangs": _bangs,
    "Wavy_Hair": _wavy,
}


def changed(who, wanted):
    """Return an `Identity` with other attributes.

    Args:
        who: `Identity`.
        wanted: dict from names in `ATTRIBUTES` to 0 or 1. A hair color can
            only be set to 1, and replaces the other.

    Returns:
        `Identity`, `who` itself if it already has these attributes.

    Raises:
        UserError: for an unknown name or value, or a hair color of 0.
    """
    unknown = [name for name in wanted if name not in ATTRIBUTES]
    if unknown or any(value not in (0, 1) for value in wanted.values()):
        raise UserError(
            "changes must be a dict to 0 or 1 from names out of "
            f"{', '.join(ATTRIBUTES)}. Received: {wanted!r}"
        )
    colors = [name for name in HAIRS if wanted.get(name)]
    if len(colors) > 1 or (not colors and wanted.get(who.hair_label) == 0):
        raise UserError(
            "changes must leave exactly one color of the hair. Received: "
            f"{wanted!r} for a face with {who.hair_label}"
        )
    # In the order of ATTRIBUTES, so that no beard is lost that is asked for.
    for name in ATTRIBUTES:
        value = bool(wanted.get(name))
        if name not in wanted or value == labels(who)[name]:
            continue
        if name in HAIRS:
            fields = _hair(who, name) if value else {}
        else:
            fields = _CHANGES[name](who, value)
        who = dataclasses.replace(who, **fields)
    return who
