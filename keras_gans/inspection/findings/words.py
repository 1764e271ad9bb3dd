"""A finding about the data, and the words that several checks use."""

import typing


class Finding(typing.NamedTuple):
    """One thing to know about the data.

    Attributes:
        level: `"problem"` if training would go wrong, `"warning"` if it
            probably suffers, `"note"` if it is good to know.
        text: str, one line.
        names: list of str, the pictures that it is about.
    """

    level: str
    text: str
    names: typing.Sequence = ()


def pictures(count):
    """Say how many pictures, as in "1 picture" or "2,000 pictures"."""
    return f"{count:,} picture{'s'[: count != 1]}"


def of(names, facts):
    """Say how many of one side's pictures, with the verb."""
    verb = "is" if len(names) == 1 else "are"
    return f"{len(names):,} of {pictures(facts['count'])} {verb}"


def shape(aspect):
    """Say what shape a picture of this width / height has."""
    if abs(aspect - 1) < 0.05:
        return "about square"
    return (
        f"wide, {aspect:.2f} : 1"
        if aspect > 1
        else f"high, 1 : {1 / aspect:.2f}"
    )


def listed(counts, name_first=False, most=5):
    """List a dict of counts, such as "30 .heic, 5 .tif"."""
    parts = [
        f"{name} {count:,}" if name_first else f"{count:,} {name}"
        for name, count in list(counts.items())[:most]
    ]
    more = [f"{len(counts) - most} more"] if len(counts) > most else []
    return ", ".join(parts + more)
