"""Generate images from noise."""

import gradio as gr

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.studio import engine, widgets
from keras_gans.verbs import Labels, Latents

NAME, TITLE = "generate", "Generate"
HELP = (
    "Images from noise. A seed always gives the same images; go from those of "
    "one seed to those of another with the slider."
)
_MOST = 16
_MOST_TRUNCATION = {"normal": 3.0, "uniform": 1.0}


def ways(studio):
    return studio.ways(engine.from_noise)


def build(studio, ways):
    return widgets.panels(ways, lambda way: _panel(studio, way))


def _panel(studio, way):
    noise, table = (way.verb.input(one)[1] for one in (Latents, Labels))
    most = _MOST_TRUNCATION[noise.distribution]

    def draw(seed, other, part, count, truncation, labels):
        seed, other = widgets.seed(seed), widgets.seed(other)
        made = way.generate(
            int(count),
            seed,
            None if truncation == most else float(truncation),
            labels,
            (other, part),
        )
        image = made[0] if len(made) == 1 else images.grid(made)
        return studio.write(
            image,
            NAME,
            way,
            seed=seed,
            other=other,
            part=part,
            count=int(count),
            truncation=truncation,
            labels=labels,
        )

    with gr.Row():
        with gr.Column(min_width=280):
            with gr.Row():
                seed = gr.Number(0, label="seed", precision=0, min_width=120)
                other = gr.Number(
                    1, label="to seed", precision=0, min_width=120
                )
            new = gr.Button("New images", variant="primary")
            part = gr.Slider(
                0, 1, 0, step=0.01, label="way from seed to seed", buttons=[]
            )
            count = gr.Slider(1, _MOST, 9, step=1, label="images", buttons=[])
            truncation = gr.Slider(
                *(0.1, most, most),
                step=0.1,
                label="truncation",
                info="less: more typical images that differ less",
                buttons=[],
            )
            choice = table and widgets.LabelChoice(table.table, optional=True)
        with gr.Column(min_width=280):
            first = draw(0, 1, 0.0, 9, most, None)
            shown = widgets.result(first)
            line = widgets.message()
    fields = [seed, other, part, count, truncation]
    chosen = choice.components if choice else []

    def make(*values):
        labels = choice.read(*values[len(fields) :]) if choice else None
        return {shown: draw(*values[: len(fields)], labels)}

    gr.on(
        [one.input for one in fields] + (choice.events if choice else []),
        widgets.answering(line, way)(make),
        [*fields, *chosen],
        [shown, line],
        queue=False,
        trigger_mode="always_last",
        show_progress="hidden",
    )

    @widgets.answering(line, way)
    def begin_anew(*values):
        # The images that the slider would have led to, and the next ones.
        value = widgets.seed(values[1])
        updates = make(value, value + 1, 0.0, *values[3:])
        return updates | {seed: value, other: value + 1, part: 0.0}

    new.click(
        begin_anew,
        [*fields, *chosen],
        [*fields, shown, line],
        trigger_mode="once",
    )

    def restore(about):
        long = -(2**63), 2**63 - 1
        values = {
            seed: int(widgets.number(about, "seed", *long)),
            other: int(widgets.number(about, "other", *long)),
            part: widgets.number(about, "part", 0, 1),
            count: int(widgets.number(about, "count", 1, _MOST)),
            truncation: widgets.number(about, "truncation", 0.1, most),
        }
        labels = about.get("labels")
        if labels is not None and not choice:
            raise UserError("the file has labels, and the model has none")
        updates = choice.restored(labels) if choice else {}
        return updates | values | {shown: draw(*values.values(), labels)}

    return widgets.Part([*fields, *chosen, shown], restore)
