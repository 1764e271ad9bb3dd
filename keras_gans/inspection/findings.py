"""Judge the figures of `measure` for training by a table of checks.

A row of `CHECKS` has the figure to check, a function that computes and words
it, and the limits for a note, a warning or a problem. Without anything to check
(no second domain, labels or decoded images) a row finds nothing, so all rows
apply to all data.
"""

import itertools
import logging
import os
import pathlib
import re
import typing

from keras_gans.inspection import measure
from keras_gans.inspection.text import listed, plural

logger = logging.getLogger("keras_gans")

LEVELS = ("problem", "warning", "note")
# Findings already logged when opening the data.
_LOGGED = ("unreadable", "labels")
_MOST_LINES = 5
_ALL_GRAY = 0.98
# Images that Pillow cannot read, or that need a plug-in.
_OTHER_FORMATS = (
    ".avif .cr2 .dng .heic .heif .jfif .jp2 .jxl .nef .svg .tga .tif .tiff"
).split()
_TEST_FOLDERS = ("train", "training", "test", "val", "valid", "validation")
_MODES = {"P": "palette", "CMYK": "print colors (CMYK)", "16 bit": "16 bit"}
_CHANGES = {
    "turned": "rotated upright by their EXIF entry",
    "animated": "animated, of which the first frame is used",
    "transparent": "transparent, put on white",
}


class Finding(typing.NamedTuple):
    """A finding about the data.

    Attributes:
        level: `"problem"` if training would go wrong, `"warning"` if it
            probably suffers, `"note"` for information.
        text: str, one line.
        names: list of str, the images concerned.
        check: str, the name of the row that found it.
    """

    level: str
    text: str
    names: typing.Sequence = ()
    check: str = ""


def judge(measured, are_alike=False):
    """Return the findings of all rows, problems first.

    Args:
        measured: dict, as of `measure.inspect` or `measure.describe`.
        are_alike: bool, whether the sides are those of pairs, so that they
            are not compared.

    Returns:
        list of `Finding`.
    """
    measured = measured | {"alike": are_alike}
    # Findings of opening already have their level and text.
    found = [
        Finding(level, f"{side}: {text}", names, "labels")
        for side, facts in _labeled(measured)
        for level, text, names in facts["labels"]["found"]
    ]
    for name, things, look, limits in CHECKS:
        for thing in things(measured):
            figure, text, *names = look(*thing)
            reached = [v for v in LEVELS if figure > limits.get(v, figure)]
            if reached:
                found.append(Finding(reached[0], text, *names, check=name))
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def warn(sides, image_size, are_alike=False):
    """Log warnings about training based on the image headers.

    Args:
        sides: dict from name (`"data_a"`) to `Pictures`.
        image_size: int, height and width of the training images in pixels.
        are_alike: bool, as for `judge`.
    """
    texts = [
        finding.text
        for finding in judge(measure.describe(sides, image_size), are_alike)
        if finding.level != "note" and finding.check not in _LOGGED
    ]
    for text in texts[:_MOST_LINES]:
        logger.warning("%s", text)
    if texts:
        rest = len(texts) - _MOST_LINES
        more = f"{rest} more warnings; " if rest > 0 else ""
        logger.warning("%spython -m keras_gans.check looks closer", more)


# What a row looks at: functions from the measurement to tuples, of which each
# gives the arguments of the row's own function.


def _sides(measured):
    return measured["sides"].items()


def _sides_and_size(measured):
    return [(*side, measured["image_size"]) for side in _sides(measured)]


def _labeled(measured):
    return [(s, facts) for s, facts in _sides(measured) if "labels" in facts]


def _labels(measured):
    for side, facts in _labeled(measured):
        for label, number in facts["labels"]["numbers"].items():
            yield side, facts["labels"], label, number


def _two_labels(measured):
    for side, facts in _labeled(measured):
        for entry in facts["labels"]["correlations"]:
            yield side, *entry


def _any_two(measured):
    # Not the sides of pairs: those of sketches have no colors, say.
    sides = [] if measured["alike"] else _sides(measured)
    return [(*a, *b) for a, b in itertools.combinations(sides, 2)]


def _two_domains(measured):
    return [] if _labeled(measured) else _any_two(measured)


def _overlaps(measured):
    for a, of_a, b, of_b in _two_domains(measured):
        groups = [g for g in measured["across"] if a in g and b in g]
        yield groups, {a: of_a["count"], b: of_b["count"]}


# A row's own function returns the figure, one line of text and, if that is
# about some images, their names.


def _share(names, facts):
    return len(names) / max(facts["count"], 1)


def _some(names, facts):
    verb = "is" if len(names) == 1 else "are"
    return f"{len(names):,} of {plural(facts['count'])} {verb}"


def _shape(aspect):
    if abs(aspect - 1) < 0.05:
        return "about square"
    if aspect > 1:
        return f"wide, {aspect:.2f} : 1"
    return f"high, 1 : {1 / aspect:.2f}"


def _unreadable(side, facts):
    broken = facts["skipped"]
    total = facts["count"] + len(broken)
    reasons = "; ".join(" ".join(entry) for entry in broken[:3])
    more = f"; and {len(broken) - 3:,} more" if len(broken) > 3 else ""
    text = (
        f"{side}: {len(broken):,} of {plural(total)} cannot be read and will "
        f"be skipped: {reasons}{more}"
    )
    return len(broken) / total, text, [name for name, _ in broken]


def _other_formats(side, facts):
    files = facts["other_files"]
    files = {e: files[e] for e in _OTHER_FORMATS if e in files}
    return len(files), (
        f"{side}: {listed(files, '{1:,} {0}')} files will be skipped; convert "
        "them to JPEG or PNG to train on them"
    )


def _few(side, facts):
    repeats = sum(len(group) - 1 for group in facts.get("duplicates", ()))
    count = facts["count"] - repeats
    number = plural(count, "different image" if repeats else "image")
    # The smallest collections of Zhu et al. 2017 have 400 images (facades)
    # and 401 (Van Gogh); most of theirs have a thousand.
    return 400 / max(count, 1), (
        f"{side}: only {number}. The discriminator memorizes so few, and "
        "results get worse instead of better; use at least 400, better "
        "thousands"
    )


def _small(side, facts, size):
    names = facts["too_small"]
    least, median, _ = facts["shorter_side"].values()
    advice = "they are scaled up and blurred"
    if _share(names, facts) > 0.5:
        advice = (
            f"results will be blurred: train with --image-size {median} or "
            "less, or use larger images"
        )
    text = (
        f"{side}: {_some(names, facts)} smaller than {size} x {size} pixels "
        f"(smallest: {least}); {advice}"
    )
    return _share(names, facts), text, names


def _side_by_side(side, facts):
    return abs(facts["aspect"] - 2) < 0.01, (
        f"{side}: the images are twice as wide as high, like pairs side by "
        "side; only the middle square would be used, half of each. Split them "
        "into two folders first"
    )


def _cut_away(side, facts):
    aspect, share = facts["aspect"], facts["cut_away"]
    is_pairs, _ = _side_by_side(side, facts)
    return 0 if is_pairs else share, (
        f"{side}: a typical image loses {share:.0%} when it is cropped to a "
        f"square ({_shape(aspect)}); crop the images to what matters"
    )


def _several_folders(side, facts):
    # Numbers are how large collections are spread over folders.
    folders = facts["subfolders"].items()
    named = {folder: n for folder, n in folders if not folder.isdecimal()}
    if len(named) < 2 or "labels" in facts:
        return 0, ""
    example = max(filter(None, named), key=named.get)
    counts = listed({f or "none": n for f, n in named.items()}, "{} {:,}")
    advice = "if these are different kinds of images, give one, such as"
    if any(folder.lower() in _TEST_FOLDERS for folder in named):
        advice = "the test images would be trained on. Give"
    return len(named), (
        f"{side}: mixes {len(named)} folders as one domain ({counts}); "
        f"{advice} {pathlib.Path(facts['folder'], example)}"
    )


def _gray(side, facts):
    names = facts["gray"]
    share = _share(names, facts)
    text = (
        f"{side}: {_some(names, facts)} gray among color; many of them would "
        "make the translations to this domain pale"
    )
    return share if share < _ALL_GRAY else 0, text, names


def _gray_and_color(a, of_a, b, of_b):
    gray, color = _share(of_a["gray"], of_a), _share(of_b["gray"], of_b)
    if gray < color:
        return _gray_and_color(b, of_b, a, of_a)
    return gray >= _ALL_GRAY and color < 0.5, (
        f"{a} is gray and {b} in color: the colors of {b} are lost on the way "
        "there, and have to be invented or hidden on the way back. Expect "
        "wrong colors, or make both gray"
    )


def _framing(a, of_a, b, of_b):
    shapes = of_a["aspect"], of_b["aspect"]
    return max(shapes) / min(shapes), (
        f"{a} is {_shape(shapes[0])}, {b} is {_shape(shapes[1])}: cropped to "
        "squares, they show their subjects at different size and place, and "
        "the translation will move things. Crop both alike"
    )


def _folders(a, of_a, b, of_b):
    folders = of_a["folder"], of_b["folder"]
    if None in folders:
        return 0, ""
    one, other = (pathlib.Path(os.path.realpath(f)) for f in folders)
    pattern = re.compile("(?:train|test|val)_?([ab])", re.IGNORECASE)
    domains = [pattern.fullmatch(folder.name) for folder in (one, other)]
    text = ""
    if one == other:
        text = f"{a} and {b} are the same folder"
    elif one in other.parents:
        text = f"{a} contains {b}: the images of {other} are in both"
    elif other in one.parents:
        return _folders(b, of_b, a, of_a)
    elif all(domains) and domains[0][1].lower() == domains[1][1].lower():
        text = f"{a} and {b} are named as one domain: {one.name}, {other.name}"
    return bool(text), text


def _shared(groups, counts):
    numbers = {side: sum(len(g[side]) for g in groups) for side in counts}
    a, b = counts
    text = (
        f"the same images are in {a} and {b} ({listed(numbers, '{1:,} of {0}')}"
        "); leaving them as they are would count as a good translation"
    )
    names = [f"{s}/{name}" for g in groups for s in counts for name in g[s]]
    return max(numbers[s] / max(counts[s], 1) for s in counts), text, names


def _flat(side, facts):
    colors = {
        "black": facts.get("black"),
        "white": facts.get("white"),
        "of another color": facts.get("flat"),
    }
    names = [name for names in colors.values() for name in names or ()]
    counts = listed({c: len(n) for c, n in colors.items() if n}, "{1:,} {0}")
    text = (
        f"{side}: {_some(names, facts)} of a single color ({counts}); delete "
        "them, as they would be learned"
    )
    return _share(names, facts), text, names


def _repeated(side, facts):
    groups = facts.get("duplicates", ())
    names = [name for group in groups for name in group]
    extra = len(names) - len(groups)
    text = (
        f"{side}: {plural(extra)} nearly the same as another, in "
        f"{plural(len(groups), 'group')}; they count more than others, and "
        "held-out images among them are no test"
    )
    return extra / max(facts["count"], 1), text, names


def _brightness(a, of_a, b, of_b):
    if "brightness" not in of_a or "brightness" not in of_b:
        return 0, ""
    bright, dark = of_a["brightness"]["mean"], of_b["brightness"]["mean"]
    if bright < dark:
        return _brightness(b, of_b, a, of_a)
    return bright - dark, (
        f"{a} is much brighter than {b} ({bright:.0f}% against {dark:.0f}%); "
        "the translation will change the brightness of everything"
    )


def _converted(side, facts):
    changes = {what: len(facts[key]) for key, what in _CHANGES.items()}
    changes |= {_MODES[m]: n for m, n in facts["modes"].items() if m in _MODES}
    changes = [f"{n:,} {what}" for what, n in changes.items() if n]
    return len(changes), (
        f"{side}: will be converted to 8-bit color: {'; '.join(changes)}"
    )


def _rare(side, labels, label, number):
    count = labels["count"]
    fewer = min(number, count - number)
    verb = "have" if fewer == number else "lack"
    # With many classes each is rare, which is fine if they are balanced.
    sizes = [len(g) for g in labels["exclusive"] if label in g]
    size = max(sizes, default=1)
    return min(0.05, 0.5 / size) - fewer / count, (
        f"{side}: only {fewer:,} of {plural(count)} {verb} {label} "
        f"({fewer / count:.1%}); translations to that will be poor. Leave the "
        "label out, or get more"
    )


def _together(side, one, other, correlation):
    how = "come together" if correlation > 0 else "are opposites"
    return abs(correlation), (
        f"{side}: {one} and {other} nearly always {how} (correlation "
        f"{correlation:.2f}); one cannot be changed without the other. Leave "
        "one of them out"
    )


# Name, what is looked at, the function, and the limits above which its figure
# reaches a level.
CHECKS = (
    ("unreadable", _sides, _unreadable, {"note": 0, "warning": 0.05}),
    ("other_formats", _sides, _other_formats, {"warning": 0}),
    ("few", _sides, _few, {"warning": 1, "problem": 4}),
    ("small", _sides_and_size, _small, {"note": 0, "warning": 0.05}),
    ("side_by_side", _sides, _side_by_side, {"problem": 0}),
    ("cut_away", _sides, _cut_away, {"warning": 0.25}),
    ("several_folders", _sides, _several_folders, {"warning": 1}),
    ("gray", _sides, _gray, {"note": 0, "warning": 0.01}),
    ("gray_and_color", _any_two, _gray_and_color, {"warning": 0}),
    ("framing", _two_domains, _framing, {"warning": 1.3}),
    ("folders", _two_domains, _folders, {"problem": 0}),
    ("rare", _labels, _rare, {"warning": 0}),
    ("together", _two_labels, _together, {"warning": 0.9}),
    ("flat", _sides, _flat, {"warning": 0, "problem": 0.5}),
    ("repeated", _sides, _repeated, {"note": 0, "warning": 0.05}),
    ("shared", _overlaps, _shared, {"warning": 0, "problem": 0.1}),
    ("brightness", _two_domains, _brightness, {"note": 25}),
    ("converted", _sides, _converted, {"note": 0}),
)
