"""Draw what a model translates, such as a sketch."""

import gradio as gr
import numpy as np
from PIL import Image

from keras_gans.checks import UserError
from keras_gans.studio import engine, widgets

NAME, TITLE = "draw", "Draw"
HELP = (
    "Draw on the canvas, and the model makes an image of it. A photo behind "
    "the canvas can be traced."
)
_SIDE = 512  # pixels of the canvas
_INK = ["#000000", "#ffffff", "#c43e28", "#e2a42c", "#2f8f4e", "#1c4d8c"]
_TRACE, _KEEP = "only to trace", "part of the drawing"


def ways(studio):
    return studio.ways(
        lambda verb: engine.from_pictures(verb) and verb.target != "style"
    )


def build(studio, ways):
    return widgets.panels(ways, lambda way: _panel(studio, way))


def drawing(value, keep, size):
    """Return what is on a canvas, uint8 `[size, size, 3]`.

    Args:
        value: of `gr.ImageEditor`, images as RGBA arrays.
        keep: bool, whether the photo behind it is a part of it.
        size: int, pixels of the images that the model was trained on.

    Raises:
        UserError: if nothing is on it.
    """
    value = value or {}
    sheets = [value.get("background")] if keep else []
    sheets += value.get("layers") or []
    sheets = [Image.fromarray(one) for one in sheets if one is not None]
    sheets = [sheet.convert("RGBA") for sheet in sheets]
    if not any(sheet.getchannel("A").getbbox() for sheet in sheets):
        raise UserError("the canvas: draw something first")
    paper = Image.new("RGBA", sheets[-1].size, "white")
    for sheet in sheets:
        paper.alpha_composite(sheet.resize(paper.size))
    sides = size, size
    return np.array(paper.convert("RGB").resize(sides, Image.Resampling.BOX))


def _panel(studio, way):
    size = way.verb.images.size
    with gr.Row():
        with gr.Column(min_width=300):
            canvas = gr.ImageEditor(
                label="canvas",
                type="numpy",
                image_mode="RGBA",
                format="png",
                sources=("upload", "webcam"),
                brush=gr.Brush(
                    default_size=8, colors=_INK, default_color=_INK[0]
                ),
                eraser=gr.Eraser(default_size=24),
                layers=False,
                transforms=(),
                canvas_size=(_SIDE, _SIDE),
                fixed_canvas=True,
                height=600,
                buttons=[],
                elem_classes="canvas",
            )
            photo = gr.Radio(
                [_TRACE, _KEEP], value=_TRACE, label="photo behind the canvas"
            )
        with gr.Column(min_width=280):
            buttons = widgets.finding()
            shown = widgets.result()
            line = widgets.message()

    def make(value, kind, progress=None):
        picture = drawing(value, kind == _KEEP, size)
        image, remark = way.translate(picture, progress=progress)
        return {shown: studio.write(image, NAME, way, photo=kind), line: remark}

    widgets.translating(
        *(make, way, line, studio, buttons),
        [canvas.change, photo.input],
        [canvas, photo],
        [shown, line],
        show_progress="hidden",
    )

    def restore(about):
        kind = about.get("photo")
        if kind not in (_TRACE, _KEEP):
            raise UserError(f"the file has no drawing. Received: {kind!r}")
        return {
            photo: kind,
            line: widgets.told("The model is chosen; now draw."),
        }

    return widgets.Part([photo, line], restore)
