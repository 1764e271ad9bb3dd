"""Translate an image, by several models side by side."""

import gradio as gr

from keras_gans.studio import engine, widgets

NAME, TITLE = "translate", "Translate"
HELP = (
    "Give an image and choose what translates it. Move the line in a result "
    "to compare it with the image."
)


def ways(studio):
    return studio.ways(
        lambda verb: (
            engine.from_pictures(verb)
            and verb.steps is None
            and verb.target != "style"
        )
    )


def build(studio, ways):
    titles = [way.title for way in ways]
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            given = widgets.picture("photo or drawing")
            gr.Examples(studio.examples, given, label="drawn faces")
        with gr.Column(scale=1, min_width=280):
            chosen = gr.CheckboxGroup(
                titles, value=titles[:1], label="translate by"
            )
    line = widgets.message()
    columns, compared, downloads = [], [], []
    with gr.Row():
        for title in titles:
            with gr.Column(min_width=260, visible=False) as column:
                compared.append(widgets.comparison(title))
                downloads.append(gr.DownloadButton("Download", size="sm"))
            columns.append(column)

    @widgets.answering(line)
    def translate(path, names):
        picture = None if path is None else studio.read(path)
        updates = {}
        for way, title, column, slider, button in zip(
            ways, titles, columns, compared, downloads, strict=True
        ):
            is_on = picture is not None and title in names
            pair = None
            if is_on:
                image, _ = way.translate(picture)
                before = studio.write(picture, NAME)
                after = studio.write(image, NAME, way)
                pair = before, after
            updates |= {
                column: gr.Column(visible=is_on),
                slider: pair,
                button: pair and pair[1],
            }
        old = {w.model.name for w in ways if w.model.is_replaced}
        if old:
            updates[line] = (
                f"{', '.join(sorted(old))} has changed on the disk since it "
                "was loaded: see Models below."
            )
        return updates

    gr.on(
        [given.change, chosen.input],
        translate,
        [given, chosen],
        [line, *columns, *compared, *downloads],
        trigger_mode="always_last",
    )

    def restore(about):
        title = titles[widgets.find(ways, about)]
        return {
            chosen: [title],
            line: widgets.told(f"{title} is chosen; now give an image."),
        }

    return widgets.Part([chosen, line], restore)
