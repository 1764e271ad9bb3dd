"""Checks of what the pictures show: colour, brightness, repetition."""

from keras_gans.inspection.findings import words


def grey(measured):
    """Grey pictures among colour, or against colour."""
    shares = {}
    for side, facts in measured["sides"].items():
        names, count = facts["grey"], max(facts["count"], 1)
        shares[side] = len(names) / count
        if 0 < shares[side] < 0.98:
            yield words.Finding(
                "warning" if shares[side] > 0.01 else "note",
                f"{side}: {words.of(names, facts)} grey among colour; many "
                "would make the translations to this side pale",
                names,
            )
    sides = sorted(shares, key=shares.get)
    if shares[sides[-1]] >= 0.98 > 0.5 > shares[sides[0]]:
        yield words.Finding(
            "warning",
            f"{sides[-1]} is grey and {sides[0]} in colour: the colours of "
            f"{sides[0]} are lost on the way there, and have to be made up or "
            "hidden on the way back. Expect wrong colours, or make both grey",
        )


def flat(measured):
    """Pictures of one colour."""
    for side, facts in measured["sides"].items():
        kinds = {
            "black": facts["black"],
            "white": facts["white"],
            "one other colour": facts["flat"],
        }
        names = sum(kinds.values(), [])
        if names:
            listed = ", ".join(f"{len(n):,} {k}" for k, n in kinds.items() if n)
            yield words.Finding(
                "problem" if len(names) > facts["count"] / 2 else "warning",
                f"{side}: {words.of(names, facts)} of one colour all over "
                f"({listed}); delete them, as they would be learned",
                names,
            )


def repeated(measured):
    """Near-identical pictures on one side."""
    for side, facts in measured["sides"].items():
        groups = facts["duplicates"]
        if not groups:
            continue
        extra = sum(len(group) - 1 for group in groups)
        yield words.Finding(
            "warning" if extra > facts["count"] / 20 else "note",
            f"{side}: {words.pictures(extra)} nearly the same as another, in "
            f"{len(groups):,} group{'s'[: len(groups) != 1]}; they count more "
            "than others, and test pictures among them are no test",
            [name for group in groups for name in group],
        )


def shared(measured):
    """Near-identical pictures on both sides."""
    groups = measured["across"]
    if not groups:
        return
    sides = measured["sides"]
    counts = {s: sum(len(g.get(s, ())) for g in groups) for s in sides}
    much = any(counts[s] > sides[s]["count"] / 10 for s in sides)
    listed = ", ".join(f"{n:,} of {s}" for s, n in counts.items())
    yield words.Finding(
        "problem" if much else "warning",
        f"the same pictures are on both sides ({listed}); leaving them as "
        "they are would count as a good translation",
        [f"{s}/{name}" for g in groups for s, n in g.items() for name in n],
    )


def brightness(measured):
    """Sides of very different brightness."""
    known = {
        side: facts["brightness"]["mean"]
        for side, facts in measured["sides"].items()
        if "brightness" in facts
    }
    darker, brighter = min(known, key=known.get), max(known, key=known.get)
    if known[brighter] - known[darker] > 25:
        yield words.Finding(
            "note",
            f"{brighter} is much brighter than {darker} "
            f"({known[brighter]:.0f} % against {known[darker]:.0f} %); the "
            "translation will change the brightness of everything",
        )
