"""Move images, also one's own photo, along the axes of a generator."""

import typing

import gradio as gr
import numpy as np

from keras_gans import latents
from keras_gans.checks import UserError
from keras_gans.studio import engine, moved, photos, widgets
from keras_gans.verbs import Amounts, Labels

NAME, TITLE = "axes", "Features"
HELP = (
    "Change one feature of a face at a time. A locked feature stays as it is "
    "while others move. With your own photo: it is searched among the images "
    "that the model can draw, and then moves as they do."
)
_LIMIT = 3.0  # standard deviations to either side of a slider
_STEPS = 300
_LOCKED, _OPEN = "locked", "lock"


class _Held(typing.NamedTuple):
    """What a browser edits.

    Attributes:
        editor: `keras_gans.latents.Editor`, or `moved.Moved`.
        vectors: float32 `[1, latent_dim]`, those of a photo, or None.
        labels: dict, of the images, or None.
        loaded: the model, as of `engine.Model.loaded`.
    """

    editor: typing.Any
    vectors: np.ndarray | None
    labels: dict | None
    loaded: typing.Any


def ways(studio):
    def fits(way):
        # The axes of a file can be locked; those in a model are amounts.
        if way.model.axes:
            return engine.from_noise(way.verb)
        return bool(way.verb.input(Amounts)[1])

    return [way for way in studio.ways(lambda verb: True) if fits(way)]


def build(studio, ways):
    return widgets.panels(ways, lambda way: _panel(studio, way))


def _panel(studio, way):
    axes, table = way.model.axes, way.verb.input(Labels)[1]
    has_locks = axes is not None
    names = axes.names if has_locks else way.verb.input(Amounts)[1].names
    can_search = has_locks and way.model.live is not None

    def begin(seed=0, vectors=None, labels=None):
        """Return an image to move; the vectors are those of a photo."""
        if has_locks:
            editor = latents.Editor(
                way.model.generator, axes, seed, vectors, labels
            )
        else:
            editor = moved.Moved(way, names, seed, labels)
        return _Held(editor, vectors, labels, way.model.loaded)

    def current(held, values):
        """Return what is edited, of the model as it was last loaded."""
        if held is None:
            return begin(labels=labels_of(values))
        if held.loaded is not way.model.loaded:
            return begun_again(held, begin, held.labels)
        return held

    def write(held):
        is_photo = held.editor.seed is None
        vectors = held.vectors[0].tolist() if is_photo else None
        return studio.write(
            held.editor.image(),
            NAME,
            way,
            state=held.editor.state(),
            labels=held.labels,
            latents=vectors,
        )

    with gr.Row():
        left = gr.Column(min_width=280, elem_classes="stay")
        right = gr.Column(min_width=300)
    with right:
        choice = table and widgets.LabelChoice(table.table)
        sliders, locks = {}, {}
        for name in names:
            with gr.Row(elem_classes="axis"):
                sliders[name] = gr.Slider(
                    *(-_LIMIT, _LIMIT, 0),
                    step=0.1,
                    label=name.replace("_", " "),
                    scale=8,
                    min_width=200,
                    buttons=[],
                )
                locks[name] = gr.Button(
                    _OPEN, visible=has_locks, scale=0, min_width=76, size="sm"
                )
    with left:
        shown = widgets.result(write(begin(labels=choice and choice.initial)))
        line = widgets.message()
        with gr.Row():
            seed = gr.Number(0, label="seed", precision=0, min_width=90)
            new = gr.Button("New face", variant="primary", min_width=90)
            reset = gr.Button("Reset", min_width=90)
    with gr.Accordion("Your own photo", open=False, visible=can_search):
        with gr.Row():
            with gr.Column(min_width=260):
                photo = widgets.picture("photo")
                gr.Examples(studio.examples[:2], photo, label="drawn faces")
                steps = gr.Slider(
                    *(50, 1000, _STEPS), step=50, label="steps", buttons=[]
                )
                start = gr.Button("Find this face", variant="primary")
                stop = gr.Button("Stop", variant="stop", visible=False)
            with gr.Column(min_width=260):
                found = gr.Image(
                    label="photo as it was cut out, and what was found",
                    interactive=False,
                    height=240,
                    buttons=[],
                    elem_classes="result",
                )
    state = gr.State(None)  # a `_Held`, of each browser its own
    chosen = choice.components if choice else []

    def labels_of(values):
        return choice.read(*values) if choice else None

    def refreshed(held):
        """Return all widgets as they are to be."""
        one = held.editor
        updates = {state: held, shown: write(held), seed: one.seed}
        for name, amount in one.amounts.items():
            updates[sliders[name]] = gr.Slider(
                value=round(amount, 3),
                minimum=min(-_LIMIT, amount),
                maximum=max(_LIMIT, amount),
                interactive=name not in one.fixed,
            )
            updates[locks[name]] = _LOCKED if name in one.locks else _OPEN
        return updates | {line: _beyond(one)}

    everything = [state, shown, seed, line]
    everything += [*sliders.values(), *locks.values()]

    def listen(events, act, *inputs, **options):
        """Let events change the image, and show what has become of it."""

        @widgets.answering(line, way)
        def answer(held, *values):
            held = current(held, values[len(inputs) :])
            return refreshed(act(held, *values) or held)

        gr.on(events, answer, [state, *inputs, *chosen], everything, **options)

    listen(
        [seed.input],
        lambda held, value, *_: held.editor.new_image(widgets.seed(value)),
        seed,
    )
    listen([new.click], lambda held, *_: held.editor.new_image())
    listen([reset.click], lambda held, *_: held.editor.reset())
    for name, lock in locks.items():
        listen(
            [lock.click],
            lambda held, *_, name=name: held.editor.toggle(name),
        )
    if choice:
        listen(
            choice.events,
            lambda held, *values: begun_again(held, begin, labels_of(values)),
        )

    @widgets.answering(line, way)
    def move(held, *values):
        is_lost = held is None  # by a page that was away for long
        held = current(held, values[len(names) :])
        one = held.editor
        for name, amount in zip(names, values, strict=False):
            if name not in one.fixed:
                one.move(name, amount)
        if is_lost:
            return refreshed(held)  # of the image that is edited now
        return {state: held, shown: write(held), line: _beyond(one)}

    gr.on(
        [slider.input for slider in sliders.values()],
        move,
        [state, *sliders.values(), *chosen],
        everything,
        queue=False,  # fewer requests for each step of a slider
        trigger_mode="always_last",
        show_progress="hidden",
    )

    @widgets.answering(line, way)
    def search(follow, path, count, *values):
        picture = studio.read(path, "the photo")
        vectors, pair, remark = photos.search(
            way, picture, labels_of(values), int(count), follow
        )
        held = begin(vectors=vectors, labels=labels_of(values))
        return refreshed(held) | {found: pair, line: remark}

    if can_search:
        widgets.slow(
            *(search, start, stop, studio),
            [photo, steps, *chosen],
            [found, *everything],
        )

    def restore(about):
        vectors, labels = about.get("latents"), about.get("labels")
        updates = choice.restored(labels) if choice else {}
        if vectors is not None:
            if not can_search:
                raise UserError("the file has latents, which do not fit here")
            vectors = axes.latents.check([vectors])
        held = begin(vectors=vectors, labels=labels if choice else None)
        held.editor.restore(about.get("state"))
        return updates | refreshed(held)

    return widgets.Part([*everything, *chosen], restore)


def begun_again(held, begin, labels):
    """Return an image of the same latents, moves and locks.

    Args:
        held: `_Held`.
        begin: function of seed, latents and labels to a `_Held`.
        labels: dict, those of the new image.
    """
    one = held.editor
    vectors = held.vectors if one.seed is None else None
    other = begin(one.seed or 0, vectors, labels)
    other.editor.restore(one.state())
    return other


def _beyond(editor):
    names = editor.beyond()
    return f"Beyond the samples: {', '.join(names)}" if names else ""
