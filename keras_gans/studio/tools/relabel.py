"""Give an image other labels."""

import gradio as gr

from keras_gans.studio import widgets
from keras_gans.verbs import Images, Labels

NAME, TITLE = "labels", "Labels"
HELP = "Give an image and choose the labels that it is to have."


def ways(studio):
    return studio.ways(
        lambda verb: verb.input(Images)[1] and verb.input(Labels)[1]
    )


def build(studio, ways):
    return widgets.panels(ways, lambda way: _panel(studio, way))


def _panel(studio, way):
    with gr.Row():
        with gr.Column(min_width=280):
            given = widgets.picture("photo or drawing")
            gr.Examples(studio.examples, given, label="drawn faces")
        with gr.Column(min_width=280):
            choice = widgets.LabelChoice(way.verb.input(Labels)[1].table)
        with gr.Column(min_width=280):
            compared = widgets.comparison("result")
            download = gr.DownloadButton("Download", size="sm")
    line = widgets.message()

    @widgets.answering(line, way)
    def translate(path, *values):
        if path is None:
            return {compared: None, download: None}
        labels = choice.read(*values)
        picture = studio.read(path)
        image, _ = way.translate(picture, labels)
        before = studio.write(picture, NAME)
        after = studio.write(image, NAME, way, labels=labels)
        return {compared: (before, after), download: after}

    gr.on(
        [given.change, *choice.events],
        translate,
        [given, *choice.components],
        [line, compared, download],
        trigger_mode="always_last",
    )

    def restore(about):
        note = widgets.told("The labels are set; now give an image.")
        return choice.restored(about.get("labels")) | {line: note}

    return widgets.Part([*choice.components, line], restore)
