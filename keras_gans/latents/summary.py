"""Show what is known of axes: how well each is found, how alike two are."""

import numpy as np

from keras_gans import files, images
from keras_gans.latents.generators import Generator

_AMOUNTS = np.linspace(-3.0, 3.0, 7)  # of the images of a strip


def table(axes):
    """Format what is known of axes as lines of Markdown.

    R^2 and the area under the curve (AUC) are those of samples that were not
    fitted; `range` has the lowest and the highest coordinate of the samples.
    """
    lines = [
        "| axis | R^2 | AUC | share with it | range |",
        "| --- |" + " --- |" * 4,
    ]
    for name, *row in zip(
        *(axes.names, axes.r2, axes.auc, axes.positives, axes.ranges),
        strict=True,
    ):
        r2, auc, positives, (low, high) = row
        cells = f"{r2:.3f}", f"{auc:.3f}", f"{positives:.1%}"
        ends = f"{low:+.1f} to {high:+.1f}"
        lines.append(f"| {' | '.join((name, *cells, ends))} |")
    lines += [f"\nno axis: {n} ({why})" for n, why in axes.meaningless.items()]
    return "\n".join(lines)


def strip(generator, axes, name, count=4, seed=0):
    """Return images of a few latent vectors that are moved along an axis.

    Args:
        generator: live or loaded model with a verb that takes latents.
        axes: `FeatureAxes` of it.
        name: str, the axis.
        count: int, latent vectors, a row each.
        seed: int of 64 bits, of these.

    Returns:
        uint8 `[height, width, 3]`: seven columns, moved by -3 to 3 standard
        deviations, in the middle the images as they are.
    """
    generator = Generator.of(generator)
    latents, labels = generator.drawn(0, count, seed)
    amounts = np.zeros((count, len(axes.names)), np.float32)
    columns = []
    for amount in _AMOUNTS:
        amounts[:, axes.names.index(name)] = amount
        columns.append(generator(axes.moved(latents, amounts), labels))
    headings = [f"{amount:+g}" for amount in _AMOUNTS]
    return images.grid(list(np.stack(columns, axis=1)), headings=headings)


def write_fit(path, axes):
    """Draw R^2 of each axis as bars, the least certain last.

    Args:
        path: of the PNG file.
        axes: `FeatureAxes` of labels.

    Raises:
        ImportError: without matplotlib.
        OSError: if it cannot be written.
    """
    from matplotlib.figure import Figure

    rows = sorted(zip(axes.r2, axes.names, strict=True))
    values, names = zip(*rows, strict=True)
    names = _plain(names)
    figure = Figure((6, 1 + 0.25 * len(rows)), layout="constrained")
    plot = figure.subplots()
    plot.barh(names, values)
    plot.set_xlabel("R² on samples that were not fitted")
    _write(path, figure)


def write_correlations(path, before, after):
    """Draw the cosines between axes, before and after orthogonalization.

    Args:
        path: of the PNG file.
        before, after: `FeatureAxes`.

    Raises:
        ImportError: without matplotlib.
        OSError: if it cannot be written.
    """
    from matplotlib.figure import Figure

    side = 2 + 0.3 * len(before.names)
    figure = Figure((2 * side + 1, side), layout="constrained")
    plots = figure.subplots(1, 2)
    for plot, axes, title in zip(
        plots, (before, after), ("as regressed", "orthogonalized"), strict=True
    ):
        shown = plot.imshow(axes.correlations(), "RdBu", vmin=-1, vmax=1)
        places = range(len(axes.names))
        plot.set_xticks(places, _plain(axes.names), rotation=90)
        plot.set_yticks(places, _plain(axes.names))
        plot.set_title(title)
    figure.colorbar(shown, ax=plots, label="cosine")
    _write(path, figure)


def _plain(names):
    """Return names in which matplotlib finds no formulas."""
    return [name.replace("$", r"\$") for name in names]


def _write(path, figure):
    with files.whole(path) as unfinished:
        figure.savefig(unfinished, dpi=100)
