"""Follow a training: samples, curves and warnings while it goes on."""

import base64
import html

import gradio as gr

from keras_gans import report
from keras_gans.checks import shown
from keras_gans.studio import widgets

NAME, TITLE = "runs", "Runs"
HELP = "A run as its folder shows it, also while the training goes on."
_SECONDS = 1  # between two looks
_PARTS = "headline", "health", "losses"


def ways(studio):
    return list(studio.runs)


def build(studio, ways):
    choice = gr.Dropdown(
        ways, value=ways[0], label="run", visible=len(ways) > 1
    )
    follows = gr.Checkbox(True, label="follow the training")
    text = gr.HTML(elem_classes="report")
    seen = gr.State(None)  # of which files this browser shows
    clock = gr.Timer(_SECONDS)

    def look(name, last, is_due=True):
        folder = studio.runs[name]
        now = name, _stamp(folder)
        if not is_due or now == last:
            return gr.skip(), gr.skip()
        newest = [_embedded(path) for path in _newest(folder)]
        parts = [report.part(folder, part) for part in _PARTS]
        return "".join([parts[0], *newest, *parts[1:]]), now

    outputs = [text, seen]
    quiet = {"show_progress": "hidden", "trigger_mode": "once"}
    clock.tick(look, [choice, seen, follows], outputs, **quiet)
    choice.change(look, [choice, seen], outputs, **quiet)
    return widgets.Part([], None)


def _embedded(path):
    """Return a sample grid as HTML."""
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    name = html.escape(shown(path.parent.name))
    return (
        f"<figure><figcaption>{name}, step {int(path.stem)}</figcaption>"
        f"<img src='data:image/png;base64,{text}' alt='{name}'></figure>"
    )


def _newest(folder):
    """Return the last sample grid of each kind."""
    grids = {}
    found = (folder / "samples").glob("*/*.png")
    found = [path for path in found if path.stem.isdecimal()]
    for path in sorted(found, key=lambda path: int(path.stem)):
        grids[path.parent.name] = path
    return [grids[name] for name in sorted(grids)]


def _stamp(folder):
    """Return what changes when the training has written something."""
    paths = [folder / "log.csv", *_newest(folder)]
    found = [path.stat() for path in paths if path.exists()]
    return [(about.st_mtime_ns, about.st_size) for about in found]
