"""Curves as SVG that stands inline in a page and takes the page's colours."""

import io
import math
import re

_SIZE = 3.6, 2.0  # inches, of 72 CSS pixels
_LINE, _INK = "#0a0b0c", "#000000"  # stand for colours of the page
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def curve(steps, values, label):
    """Draw one quantity over the steps.

    Args:
        steps: list of int.
        values: list of float; those that are not finite leave gaps.
        label: str, what a screen reader says.

    Returns:
        str, an `svg` element.
    """
    # Not pyplot, which keeps state and looks for a display.
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # The salt makes ids of one chart differ from those of another.
    style = {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 9}
    with matplotlib.rc_context(style):
        figure = Figure(_SIZE, layout="constrained")
        axes = figure.subplots()
        finite = [v if math.isfinite(v) else math.nan for v in values]
        single = "." if len(steps) < 30 else ""
        axes.plot(steps, finite, color=_LINE, linewidth=1.5, marker=single)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata=_METADATA
        )
    return _inline(buffer.getvalue(), label)


def _inline(svg, label):
    """Turn a file of matplotlib's into an element of the page."""
    from keras_gans.report.page import escape

    # Without the prologue, which names an address, and its own sizes.
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r"font-family:[^;\"]*;?", "", svg)
    svg = re.sub(
        r'<svg [^>]*(viewBox="[^"]*")[^>]*>',
        lambda found: (
            f'<svg {found[1]} role="img" aria-label="{escape(label)}">'
        ),
        svg,
        count=1,
    )
    svg = svg.replace("xlink:href", "href")
    return svg.replace(_LINE, "var(--line)").replace(_INK, "currentColor")


def caption(steps, values):
    """Say a curve in words: last, least and greatest value with steps."""
    pairs = [
        (v, s) for s, v in zip(steps, values, strict=True) if math.isfinite(v)
    ]
    if not pairs:
        return "no finite value"
    (least, at_least), (most, at_most) = min(pairs), max(pairs)
    text = (
        f"last {pairs[-1][0]:.4g}, least {least:.4g} at step {at_least}, "
        f"greatest {most:.4g} at step {at_most}"
    )
    lost = len(steps) - len(pairs)
    return f"{text}; {lost} values are not finite" if lost else text
