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
            given = widgets.picture("image")
            gr.Examples(studio.examples, given, label="drawn faces")
        with gr.Column(scale=1, min_width=280):
            chosen = gr.CheckboxGroup(
                titles, value=titles[:1], label="translate by"
            )
    line = widgets.message()
    compared, downloads = [], []
    with gr.Row():
        for title in titles:
            with gr.Column(min_width=260):
                compared.append(
                    gr.ImageSlider(
                        label=title,
                        type="filepath",
                        interactive=False,
                        visible=False,
                        buttons=["fullscreen"],
                        elem_classes="result",
                    )
                )
                downloads.append(
                    gr.DownloadButton(
                        f"Download {title}", visible=False, size="sm"
                    )
                )

    @widgets.answering(line)
    def translate(path, names):
        picture = None if path is None else studio.read(path)
        updates = {}
        for way, title, slider, button in zip(
            ways, titles, compared, downloads, strict=True
        ):
            is_on = picture is not None and title in names
            pair = None
            if is_on:
                image, _ = way.translate(picture)
                before = studio.write(picture, NAME)
                after = studio.write(image, NAME, way)
                pair = before, after
            updates |= {
                slider: gr.ImageSlider(value=pair, visible=is_on),
                button: gr.DownloadButton(
                    value=pair and pair[1], visible=is_on
                ),
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
        [line, *compared, *downloads],
        trigger_mode="always_last",
    )

    def restore(about):
        title = titles[widgets.find(ways, about)]
        return {
            chosen: [title],
            line: widgets.told(f"{title} is chosen; now give an image."),
        }

    return widgets.Part([chosen, line], restore)
