"""Checks of labels: what the table left open, rare ones, ones that coincide."""

import numpy as np

from keras_gans.inspection.findings import words

_RARE = 0.05
_SAME = 0.9  # correlation, without its sign


def measure(sides):
    """Describe the labels of those data sets that have any.

    Args:
        sides: dict from name to `Pictures` or `LabelledPictures`.

    Returns:
        dict from name to a dict: `count` of pictures; `labels`, from name to
        the number of pictures that have it; `exclusive`, groups of names;
        `found`, what opening found, as lists of the fields of `Finding`;
        `correlations`, lists of two names and the correlation of their
        labels, -1 to 1, for all that do not exclude each other. It belongs
        beside what `inspection.inspect` returns, as `labels`.
    """
    return {
        side: _facts(pictures)
        for side, pictures in sides.items()
        if hasattr(pictures, "label_names")
    }


def _facts(pictures):
    names, labels = pictures.label_names, pictures.labels
    apart = {
        (one, other)
        for group in pictures.exclusive
        for one in group
        for other in group
    }
    matrix = np.corrcoef(labels, rowvar=False).reshape(len(names), len(names))
    return {
        "count": len(pictures),
        "labels": {
            name: int(number)
            for name, number in zip(names, labels.sum(axis=0), strict=True)
        },
        "exclusive": pictures.exclusive,
        "found": [list(finding) for finding in pictures.found],
        "correlations": [
            [names[i], names[j], round(float(matrix[i, j]), 3)]
            for i in range(len(names))
            for j in range(i)
            if (names[i], names[j]) not in apart
        ],
    }


def table(measured):
    """Lay out how many pictures have each label; return lines.

    Args:
        measured: dict, as of `measure`.
    """
    rows = [
        (side, name, number, number / facts["count"])
        for side, facts in measured.items()
        for name, number in facts["labels"].items()
    ]
    first = max((len(side) for side, *_ in rows), default=0)
    second = max((len(name) for _, name, *_ in rows), default=0)
    return [
        f"{side:{first}}  {name:{second}}  {number:9,}  {share * 100:5.1f} %"
        for side, name, number, share in rows
    ]


def unmatched(measured):
    """What opening found: no row for a picture, several of a group."""
    for side, facts in measured["labels"].items():
        for level, text, names in facts["found"]:
            yield words.Finding(level, f"{side}: {text}", names)


def rare(measured):
    """Labels that nearly no picture has, or nearly every one."""
    for side, facts in measured["labels"].items():
        count = facts["count"]
        # Of many classes each is rare, without harm if they are even.
        size = {n: len(g) for g in facts["exclusive"] for n in g}
        for name, number in facts["labels"].items():
            least = min(_RARE, 0.5 / size.get(name, 1)) * count
            fewer = min(number, count - number)
            if fewer < least:
                verb = "have" if fewer == number else "lack"
                yield words.Finding(
                    "warning",
                    f"{side}: only {fewer:,} of {words.pictures(count)} {verb} "
                    f"{name} ({fewer / count * 100:.1f} %); translations to "
                    "that will be poor. Leave the label out, or get more",
                )


def together(measured):
    """Labels that come together, so that they cannot be told apart."""
    for side, facts in measured["labels"].items():
        for one, other, correlation in facts["correlations"]:
            if abs(correlation) > _SAME:
                how = "come together" if correlation > 0 else "are opposites"
                yield words.Finding(
                    "warning",
                    f"{side}: {one} and {other} nearly always {how} "
                    f"(correlation {correlation:.2f}); one cannot be changed "
                    "without the other. Leave one of them out",
                )
