"""Tell the labels of an image."""

import gradio as gr

from keras_gans.studio import widgets
from keras_gans.verbs import Labels

NAME, TITLE = "classify", "Classify"
HELP = "Give an image; the model tells how likely each label is."


def ways(studio):
    return studio.ways(lambda verb: isinstance(verb.output, Labels))


def build(studio, ways):
    return widgets.panels(ways, lambda way: _panel(studio, way))


def _panel(studio, way):
    with gr.Row():
        with gr.Column(min_width=280):
            given = widgets.picture("photo or drawing")
            gr.Examples(studio.examples, given, label="drawn faces")
        with gr.Column(min_width=280):
            told = gr.HTML()
            line = widgets.message()

    @widgets.answering(line, way)
    def classify(path):
        if path is None:
            return {told: ""}
        shares = way.model.loaded.classify(studio.read(path))
        rows = zip(way.verb.output.table.names, shares, strict=True)
        return {told: widgets.bars(rows)}

    given.change(classify, given, [told, line], trigger_mode="always_last")
    return widgets.Part([], None)
