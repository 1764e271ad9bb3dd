"""Checks of files and headers: number, shape, folders."""

import os
import pathlib
import re

from keras_gans.inspection.findings import words

# The smallest collections of Zhu et al. 2017 have 400 pictures (facades) and
# 401 (Van Gogh); most of theirs have a thousand.
_FEW = 400
_TOO_FEW = 100
# Pictures that Pillow cannot read, or that need a plug-in.
_OTHER_PICTURES = (
    ".avif .cr2 .dng .heic .heif .jfif .jp2 .jxl .nef .svg .tga .tif .tiff"
).split()
_TEST_FOLDERS = ("train", "training", "test", "val", "valid", "validation")
_MODES = {"P": "palette", "CMYK": "print colours (CMYK)", "16 bit": "16 bit"}


def left_out(measured):
    """Files that cannot be read."""
    for side, facts in measured["sides"].items():
        broken = facts["left_out"]
        if not broken:
            continue
        total = facts["count"] + len(broken)
        many = len(broken) > total / 20
        reasons = "; ".join(f"{name} {reason}" for name, reason in broken[:3])
        more = f"; and {len(broken) - 3:,} more" if len(broken) > 3 else ""
        yield words.Finding(
            "warning" if many else "note",
            f"{side}: {len(broken):,} of {words.pictures(total)} cannot be "
            f"read and will be left out: {reasons}{more}",
            [name for name, _ in broken],
        )


def passed_over(measured):
    """Pictures of a kind that nothing here reads."""
    for side, facts in measured["sides"].items():
        files = facts["passed_over"]
        others = {e: files[e] for e in _OTHER_PICTURES if e in files}
        if others:
            yield words.Finding(
                "warning",
                f"{side}: {words.listed(others)} files will be passed over; "
                "convert them to JPEG or PNG to train on them",
            )


def few(measured):
    """Too few pictures."""
    for side, facts in measured["sides"].items():
        repeats = sum(len(g) - 1 for g in facts.get("duplicates", ()))
        count = facts["count"] - repeats
        if count >= _FEW:
            continue
        distinct = " different" if repeats else ""
        yield words.Finding(
            "problem" if count < _TOO_FEW else "warning",
            f"{side}: only {count}{distinct} picture{'s'[: count != 1]}. The "
            "discriminator learns so few by heart, and results get worse "
            f"instead of better; have at least {_FEW}, better thousands",
        )


def small(measured):
    """Pictures that must be scaled up."""
    size = measured["image_size"]
    for side, facts in measured["sides"].items():
        names = facts["too_small"]
        share = len(names) / max(facts["count"], 1)
        if not names:
            continue
        middle = facts["shorter_side"]["median"]
        advice = (
            f"results will be blurred: train with --image-size {middle} or "
            "less, or get larger ones"
            if share > 0.5
            else "they are scaled up and blurred"
        )
        yield words.Finding(
            "warning" if share > 0.05 else "note",
            f"{side}: {words.of(names, facts)} smaller than {size} x {size} "
            f"pixels (least: {facts['shorter_side']['least']}); {advice}",
            names,
        )


def cut_away(measured):
    """Pictures of which the middle square leaves out much."""
    for side, facts in measured["sides"].items():
        aspect, share = facts["aspect"], facts["cut_away"]
        if abs(aspect - 2) < 0.01:
            yield words.Finding(
                "problem",
                f"{side}: the pictures are twice as wide as high, like pairs "
                "side by side; only the middle square would be used, half of "
                "each. Split them into two folders first",
            )
        elif share > 0.25:
            yield words.Finding(
                "warning",
                f"{side}: of a typical picture {share * 100:.0f} % is cut away "
                f"to make it square ({words.shape(aspect)}); crop the pictures "
                "to what matters",
            )


def framing(measured):
    """Sides of different shape, so that things stand differently in them."""
    aspects = {s: facts["aspect"] for s, facts in measured["sides"].items()}
    (side_a, a), (side_b, b) = aspects.items()
    if max(a, b) > 1.3 * min(a, b):
        yield words.Finding(
            "warning",
            f"{side_a} is {words.shape(a)}, {side_b} is {words.shape(b)}: cut "
            "square, they show their subjects at different size and place, "
            "and the translation will move things. Crop both sides alike",
        )


def several_folders(measured):
    """Folders that may be a level too high."""
    for side, facts in measured["sides"].items():
        folders = facts["subfolders"]
        # Numbers are how large collections are spread over folders.
        named = {f: n for f, n in folders.items() if not f.isdecimal()}
        if len(named) < 2:
            continue
        listed = {folder or "none": n for folder, n in named.items()}
        example = max(filter(None, named), key=named.get)
        if any(folder.lower() in _TEST_FOLDERS for folder in named):
            advice = "the pictures kept for tests would be trained on. Give"
        else:
            advice = "if these are different kinds of pictures, give one, as"
        yield words.Finding(
            "warning",
            f"{side}: mixes {len(named)} folders as one domain "
            f"({words.listed(listed, True)}); {advice} "
            f"{pathlib.Path(facts['folder'], example)}",
        )


def same_folder(measured):
    """Sides that lie within each other, or are named as one domain."""
    folders = {
        side: os.path.realpath(facts["folder"])
        for side, facts in measured["sides"].items()
        if facts["folder"] is not None
    }
    if len(folders) < 2:
        return
    (side_a, a), (side_b, b) = folders.items()
    if a == b:
        yield words.Finding(
            "problem", f"{side_a} and {side_b} are the same folder"
        )
        return
    for outer, inner in ((side_a, side_b), (side_b, side_a)):
        if pathlib.Path(folders[outer]) in pathlib.Path(folders[inner]).parents:
            yield words.Finding(
                "problem",
                f"{outer} contains {inner}: {folders[outer]} is above "
                f"{folders[inner]}, so its pictures are on both sides",
            )
    pattern = r"(?i)(?:train|test|val)_?([ab])"
    sides = [re.fullmatch(pattern, os.path.basename(f)) for f in (a, b)]
    if all(sides) and sides[0][1].lower() == sides[1][1].lower():
        yield words.Finding(
            "problem",
            f"{side_a} and {side_b} are named as one domain: "
            f"{os.path.basename(a)} and {os.path.basename(b)}",
        )


def converted(measured):
    """Pictures that are not used just as they are."""
    for side, facts in measured["sides"].items():
        changes = [
            f"{len(facts[key]):,} {what}"
            for key, what in (
                ("turned", "set upright by their EXIF entry"),
                ("animated", "animated, of which the first frame is taken"),
                ("transparent", "transparent, laid on white"),
            )
            if facts[key]
        ]
        changes += [
            f"{count:,} {_MODES[mode]}"
            for mode, count in facts["modes"].items()
            if mode in _MODES
        ]
        if changes:
            yield words.Finding(
                "note",
                f"{side}: will be converted to 8-bit colour: "
                + "; ".join(changes),
            )
