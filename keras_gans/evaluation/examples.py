"""Write the best and worst translations by each paired metric."""

import re

import numpy as np

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.evaluation.measure import batches

_SHOWN = 4
_MOST_SIZE = 128  # pixels


def write(evaluator, folder):
    """Write strips of images, best and worst by each paired metric.

    Args:
        evaluator: `Evaluator`, after a call.
        folder: `pathlib.Path`; receives `examples/`.

    Returns:
        list of dicts of str: `file`, the name in `examples/`; `title`;
        `pictures`, the names and values of the images shown.
    """
    entries = []
    for direction, fakes in evaluator.fakes.items():
        case = evaluator.cases[direction]
        for name, metric in evaluator.metrics[direction].items():
            if name == "cycle_error":
                back = evaluator.backs.get(direction)
                if back is None:
                    continue
                pair = case.images, back
                sides = {"translation": fakes, "way back": back}
            elif case.is_paired and getattr(metric, "paired", False):
                pair = case.reals, fakes
                sides = {"translation": fakes, "truth": case.reals}
            else:
                continue
            try:
                values = _values(metric, *pair)
            # The metric's own result says so, too.
            except UserError:
                continue
            if case.fakes is None and case.images:
                sides = {"input": case.images} | sides
            order = np.argsort(values, kind="stable")
            if metric.direction == "max":
                order = order[::-1]
            for rank, rows in (
                ("best", order[:_SHOWN]),
                ("worst", order[::-1][:_SHOWN]),
            ):
                title = f"{direction}, {rank} by {name}"
                file = re.sub(r"\W+", "_", title) + ".png"
                images.write(folder / "examples" / file, _strip(sides, rows))
                shown = ", ".join(
                    f"{fakes.names[i]} {values[i]:.4g}" for i in rows
                )
                entries.append(
                    {"file": file, "title": title, "pictures": shown}
                )
    return entries


def _values(metric, reals, fakes):
    pairs = zip(batches(reals), batches(fakes), strict=True)
    return np.concatenate([metric.per_picture(*pair) for pair in pairs])


def _strip(sides, rows):
    pictures = [side.load(i) for i in rows for side in sides.values()]
    size = min(_MOST_SIZE, *pictures[0].shape[:2])
    return images.grid(
        np.stack([images.fit_square(p, size) for p in pictures]),
        columns=len(pictures),
        headings=[*sides] * len(rows),
    )
