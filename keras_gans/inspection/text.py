"""Format measurements and findings as lines of text."""

import collections
import itertools
import textwrap

from keras_gans.checks import shown
from keras_gans.inspection import measure

_WIDTH = 80  # columns of text
_NAMES = 3  # images named with a finding; the report has all
_VERDICTS = {
    "problem": "do not train yet",
    "warning": "it can be trained, but look at this first",
    "note": "ready to train",
    None: "ready to train, nothing to complain about",
}
_MODES = {"RGB": "color", "RGBA": "color", "L": "gray", "P": "palette"}


def plural(count, noun="image"):
    """Format a count, as in "1 image" or "2,000 images"."""
    return f"{count:,} {noun}{'s'[: count != 1]}"


def listed(counts, template, most=5):
    """List a dict of counts by a template of name and count."""
    parts = [template.format(name, n) for name, n in counts.items()]
    more = [f"{len(parts) - most} more"] if len(parts) > most else []
    return ", ".join(parts[:most] + more)


def _mostly(counts):
    """Name the most common value and its share."""
    (first, count), *others = counts.items()
    share = count / sum(counts.values())
    if not others:
        return f"{first}, all"
    if share < 0.1:
        return f"{len(counts):,} different"
    return f"{first}, {min(share * 100, 99):.0f}%"


def cells(facts):
    """Describe one side.

    Args:
        facts: dict, of one side, as of `measure`.

    Returns:
        dict from line to text, `"0"` for nothing; finally the image count of
        each label, if any.
    """
    least, median, most = facts["shorter_side"].values()
    modes = collections.Counter()
    for mode, count in facts["modes"].items():
        modes[_MODES.get(mode, mode)] += count
    repeats = sum(len(group) - 1 for group in facts.get("duplicates", ()))
    labels = facts.get("labels", {"numbers": {}})

    def number(key):
        return f"{len(facts.get(key, ())):,}"

    def percent(key):
        return "{mean:.0f} ±{spread:3.0f}%".format_map(facts[key])

    return {
        "images": f"{facts['count']:,}",
        "broken, skipped": number("skipped"),
        "width x height, pixels": _mostly(facts["sizes"]),
        "shorter side, pixels": f"{least} to {most}, half < {median}"
        if least < most
        else f"{least}",
        "too small, scaled up": number("too_small"),
        "cropped to be square": f"{facts['cut_away']:.0%}",
        "file format": _mostly(facts["formats"]),
        "stored as": _mostly(dict(modes.most_common())),
        "rotated upright": number("turned"),
        "animated": number("animated"),
        "transparent": number("transparent"),
        **{q: percent(q) for q in measure.QUANTITIES if q in facts},
        "gray images": number("gray"),
        "all black": number("black"),
        "all white": number("white"),
        "all of another color": number("flat"),
        "near-duplicates": f"{repeats:,}",
        **{
            f"label {label}": f"{number:,}, {number / labels['count']:.1%}"
            for label, number in labels["numbers"].items()
        },
    }


def table(measured):
    """Format the figures of all sides side by side; return lines."""
    sides = measured["sides"]
    columns = {side: cells(facts) for side, facts in sides.items()}
    for side, column in columns.items():
        count = sum(len(group.get(side, ())) for group in measured["across"])
        column["also in another domain"] = f"{count:,}"
    rows = {"": list(sides)}
    for line in dict.fromkeys(itertools.chain(*columns.values())):
        row = [column.get(line, "") for column in columns.values()]
        if {*row} != {"0"}:
            rows[line] = row
    first = max(map(len, rows))
    width = max(len(text) for row in rows.values() for text in row) + 3
    return [
        f"{line:{first}}{''.join(text.rjust(width) for text in row)}".rstrip()
        for line, row in rows.items()
    ]


def verdict(found):
    """Summarize the findings; return lines."""
    level = found[0].level if found else None
    lines = [f"Verdict: {_VERDICTS[level]}"]
    for finding in found:
        mark = {"problem": "!!", "warning": "! ", "note": "- "}[finding.level]
        text = f"{finding.text}."
        if finding.names and not any(n in text for n in finding.names):
            more = ", ..." if len(finding.names) > _NAMES else ""
            text += f" See {', '.join(finding.names[:_NAMES])}{more}"
        lines += textwrap.wrap(
            shown(text),
            _WIDTH,
            initial_indent=f"  {mark} ",
            subsequent_indent="     ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines
