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
            buttons = widgets.finding()
            compared = widgets.comparison("result")
            download = gr.DownloadButton("Download", size="sm")
    line = widgets.message()

    def make(path, *values, progress=None):
        if path is None:
            return {compared: None, download: None}
        labels = choice.read(*values)
        picture = studio.read(path)
        image, remark = way.translate(picture, labels, progress)
        before = studio.write(picture, NAME)
        after = studio.write(image, NAME, way, labels=labels)
        return {compared: (before, after), download: after, line: remark}

    widgets.translating(
        *(make, way, line, studio, buttons),
        [given.change, *choice.events],
        [given, *choice.components],
        [line, compared, download],
    )

    def restore(about):
        note = widgets.told("The labels are set; now give an image.")
        return choice.restored(about.get("labels")) | {line: note}

    return widgets.Part([*choice.components, line], restore)
