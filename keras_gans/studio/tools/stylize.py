"""Paint an image in a style: that of a model, or of a second image."""

import gradio as gr

from keras_gans import style
from keras_gans.studio import engine, widgets

NAME, TITLE = "stylize", "Stylize"
HELP = (
    "Paint an image in the style that a model has learned, at once, or in "
    "that of a second image, which takes minutes."
)
_SIZES, _STEPS = (128, 256, 512), (10, 300)


def ways(studio):
    """Return the styles of models, and None: a second image needs none."""
    return [
        *studio.ways(
            lambda verb: engine.from_pictures(verb) and verb.target == "style"
        ),
        None,
    ]


def build(studio, ways):
    models = ways[:-1]
    titles = [way.title for way in models]
    second = "the style of a second image"
    with gr.Row():
        with gr.Column(min_width=280):
            content = widgets.picture("photo or drawing")
            gr.Examples(studio.examples, content, label="drawn faces")
            choice = gr.Radio(
                [*titles, second],
                value=(titles or [second])[0],
                label="style",
                visible=bool(models),
            )
        with gr.Column(min_width=280, visible=not models) as column:
            painting = widgets.picture("style")
            size = gr.Radio(_SIZES, value=_SIZES[0], label="pixels")
            steps = gr.Slider(
                *(*_STEPS, 100), step=10, label="steps", buttons=[]
            )
            start = gr.Button("Paint", variant="primary")
            stop = gr.Button("Stop", variant="stop", visible=False)
        with gr.Column(min_width=280):
            shown = widgets.result()
            line = widgets.message()

    @widgets.answering(line)
    def paint_at_once(path, title):
        updates = {column: gr.Column(visible=title == second)}
        if path is None or title == second:
            return updates
        way = models[titles.index(title)]
        image, _ = way.translate(studio.read(path))
        return updates | {shown: studio.write(image, NAME, way)}

    gr.on(
        [content.change, choice.change],
        paint_at_once,
        [content, choice],
        [column, shown, line],
        trigger_mode="always_last",
    )

    @widgets.answering(line)
    def paint(follow, path, path_of_style, pixels, count):
        picture = studio.read(path)
        model = studio.read(path_of_style, "the style")
        image = _painted(picture, model, pixels, int(count), studio, follow)
        values = {"pixels": pixels, "steps": int(count)}
        return {shown: studio.write(image, NAME, **values)}

    widgets.slow(
        *(paint, start, stop, studio),
        [content, painting, size, steps],
        [shown, line],
    )

    def restore(about):
        if about.get("verb"):
            chosen = titles[widgets.find(models, about)]
            updates = {choice: chosen}
        else:
            pixels = widgets.number(about, "pixels", _SIZES[0], _SIZES[-1])
            updates = {
                choice: second,
                size: min(_SIZES, key=lambda one: abs(one - pixels)),
                steps: widgets.number(about, "steps", *_STEPS),
            }
        note = "The style is chosen; now give the images."
        return updates | {line: widgets.told(note)}

    return widgets.Part([choice, size, steps, line], restore)


class _Stopped(Exception):
    """Ends a search; its argument is the image so far."""


def _painted(picture, model, pixels, steps, studio, follow):
    def tell(progress):
        if not follow(progress.step, steps):
            raise _Stopped(progress.image())

    try:
        return style.stylize(
            picture,
            [model],
            sizes=[pixels],
            steps=[steps],
            weights=studio.weights,
            progress=tell,
        )
    except _Stopped as stopped:
        return stopped.args[0]
    except style.NotFinite as error:
        return error.image
