"""Widgets for the inputs that a verb declares, and what all tools share."""

import dataclasses
import functools
import html
import time
import typing

import gradio as gr

from keras_gans.checks import UserError, shown

_SECONDS = 0.3  # between two reports of progress


@dataclasses.dataclass
class Part:
    """What a tool leaves to the page, to restore a result.

    Attributes:
        components: list, all that `restore` may change.
        restore: function of what made a result, a dict that may be anyone's,
            to a dict from component to value. Raises UserError.
    """

    components: list
    restore: typing.Callable


def picture(label, sources=("upload", "webcam", "clipboard")):
    """Return a widget for an image; its value is the path of the file."""
    widget = gr.Image(
        label=label,
        type="filepath",
        sources=list(sources),
        height=320,
        buttons=[],
    )
    # Gradio would open a broken file itself, and fail with its own words.
    widget.preprocess = lambda payload: payload and payload.path
    return widget


def result(value=None, label="result"):
    """Return a widget that shows a PNG file and lets it be downloaded."""
    return gr.Image(
        value,
        label=label,
        type="filepath",
        format="png",
        interactive=False,
        height=360,
        buttons=["download", "fullscreen"],
        elem_classes="result",
    )


def comparison(label):
    """Return a widget for a pair of files, before and after, with a slider."""
    return gr.ImageSlider(
        label=label,
        type="filepath",
        interactive=False,
        buttons=["fullscreen"],
        elem_classes="result",
    )


def message():
    """Return a line for what is to be told."""
    return gr.HTML(elem_classes="message")


def told(text, is_bad=False):
    """Return a message as HTML."""
    text = html.escape(shown(text))
    return f'<p class="{"bad" if is_bad else "note"}" role="status">{text}</p>'


def answering(line, way=None):
    """Decorate a listener: errors, and what is to be told, become a message.

    Args:
        line: of `message`.
        way: `engine.Way` that the listener calls, or None.

    Returns:
        Decorator of a function that returns a dict from component to value,
        of which that of `line` is text.
    """

    def decorate(function):
        @functools.wraps(function)  # by its signature Gradio fills in more
        def answer(*args):
            try:
                updates = function(*args)
                text, is_bad = updates.get(line, ""), False
            except UserError as error:
                updates, text, is_bad = {}, str(error), True
            if way and way.model.is_replaced:
                text = (
                    f"{text} {way.model.name} has changed on the disk since "
                    "it was loaded: see Models below."
                ).strip()
                is_bad = True
            return updates | {line: told(text, is_bad) if text else ""}

        return answer

    return decorate


def panels(ways, build):
    """Build a panel for each way, of which one shows.

    Args:
        ways: list of `engine.Way`.
        build: function of a way that makes widgets and returns a `Part`.

    Returns:
        `Part`.
    """
    titles = [way.title for way in ways]
    choice = gr.Dropdown(
        titles,
        value=titles[0],
        label="model",
        visible=len(ways) > 1,
        filterable=False,
    )
    columns, parts = [], []
    for way in ways:
        with gr.Column(visible=way is ways[0]) as column:
            parts.append(build(way))
        columns.append(column)

    def show(title):
        return {
            column: gr.Column(visible=title == own)
            for column, own in zip(columns, titles, strict=True)
        }

    choice.change(show, choice, columns, queue=False)

    def restore(about):
        place = find(ways, about)
        updates = parts[place].restore(about)
        # The columns follow.
        return updates | {choice: gr.Dropdown(value=titles[place])}

    own = [component for part in parts for component in part.components]
    return Part([choice, *own], restore)


def find(ways, about):
    """Return the place of the way that a result was made by.

    Raises:
        UserError: if it is not open.
    """
    for keys in (("model", "verb"), ("class", "step", "verb")):
        for place, way in enumerate(ways):
            own = way.model.loaded.about
            values = {
                "model": way.model.name,
                "class": own["model"],
                "step": own.get("step"),
                "verb": way.name,
            }
            if all(about.get(key) == values[key] for key in keys):
                return place
    raise UserError(
        f"the file was made by {about.get('verb')} of {about.get('model')}, a "
        f"{about.get('class')}, which is not open here"
    )


class LabelChoice:
    """Radio groups for exclusive labels, check boxes for the others.

    With several data sets, those of the chosen one show.

    Args:
        table: `keras_gans.labels.Labels`.
        optional: bool, whether labels may be left to the seed.

    Attributes:
        components: list of the widgets, whose values `read` takes.
    """

    _FREE = "drawn from the seed"

    def __init__(self, table, optional=False):
        self._table, self._optional = table, optional
        self._free = gr.Checkbox(
            label=f"labels {self._FREE}", value=optional, visible=optional
        )
        sets = [" ".join(names[:3]) for names in table.sets]
        self._set = gr.Radio(
            [(text, place) for place, text in enumerate(sets)],
            value=0,
            label="labels of",
            visible=len(sets) > 1,
        )
        self._groups, columns = [], []  # of (set, names, is exclusive, widget)
        for place, names in enumerate(table.sets):
            groups = [g for g in table.groups if {*g} <= {*names}]
            single = [n for n in names if not any(n in g for g in groups)]
            with gr.Column(visible=not optional and place == 0) as column:
                for group in groups:
                    radio = gr.Radio(
                        [(_words(name), name) for name in group],
                        value=group[0],
                        label="one of",
                    )
                    self._groups.append((place, group, True, radio))
                if single:
                    boxes = gr.CheckboxGroup(
                        [(_words(name), name) for name in single],
                        value=[],
                        label="any of",
                    )
                    self._groups.append((place, single, False, boxes))
            columns.append(column)

        def show(is_free, chosen):
            return [
                gr.Column(visible=not is_free and place == chosen)
                for place in range(len(columns))
            ]

        # Also when they are restored.
        gr.on(
            [self._free.change, self._set.change],
            show,
            [self._free, self._set],
            columns,
            queue=False,
        )
        widgets = [widget for *_, widget in self._groups]
        self.components = [self._free, self._set, *widgets]

    @property
    def initial(self):
        """What `read` returns at the beginning."""
        return self.read(*(component.value for component in self.components))

    @property
    def events(self):
        """What a listener of any choice listens to."""
        return [component.input for component in self.components]

    def read(self, is_free, chosen, *values):
        """Return a dict from name to 0 or 1, or None."""
        if is_free:
            return None
        labels = {}
        for (place, names, is_exclusive, _), value in zip(
            self._groups, values, strict=True
        ):
            if place == chosen:
                on = [value] if is_exclusive else value
                labels |= {name: int(name in on) for name in names}
        return labels

    def restored(self, labels):
        """Return values of the components for what `read` returned.

        Raises:
            UserError: if these are no such labels.
        """
        if labels is None and self._optional:
            return {self._free: True}
        if not isinstance(labels, dict) or not labels:
            raise UserError(f"the file has no labels. Received: {labels!r}")
        self._table.changed([[0.0] * len(self._table.names)], labels)
        updates = {self._free: False}
        for place, names, is_exclusive, widget in self._groups:
            on = [name for name in names if labels.get(name)]
            if {*names} & {*labels}:
                updates[self._set] = place
                updates[widget] = (on or [None])[0] if is_exclusive else on
        return updates


def _words(name):
    return name.replace("_", " ")


def number(about, name, least, most, default=None):
    """Return a number of a restored result.

    Raises:
        UserError: if it is none, or beyond its bounds.
    """
    value = about.get(name, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        raise UserError(
            f"{name} in the file must be from {least} to {most}. "
            f"Received: {value!r}"
        )
    return value


def seed(value):
    """Return a seed from a widget, which gives a float, an int or None.

    Raises:
        UserError: if it is no whole number.
    """
    if value is None or value != int(value):
        raise UserError(f"seed must be a whole number. Received: {value!r}")
    return int(value)


def slow(listener, start, stop, studio, inputs, outputs, can_stop=True):
    """Let a button start a slow call, and another stop it.

    One slow call runs at a time, for all browsers; others wait.

    Args:
        listener: function of `(step, steps) -> bool`, which tells the page
            how far the call is and returns False once it is to stop, and of
            the values of `inputs`.
        start, stop: buttons.
        studio: `engine.Studio`.
        inputs, outputs: of the event.
        can_stop: bool, whether to show the other button.
    """

    def call(
        request: gr.Request,
        progress=gr.Progress(),  # noqa: B008
        *values,
    ):
        last = 0.0
        with studio.stoppable(request.session_hash, id(stop)) as event:

            def follow(step, steps):
                nonlocal last
                now = time.monotonic()
                if now - last > _SECONDS:  # quick steps would flood the page
                    last = now
                    progress((step, steps), unit="steps")
                return not event.is_set()

            return listener(follow, *values)

    def begin(request: gr.Request):
        # Before the call, which may wait for those of others.
        studio.waits(request.session_hash, id(stop))
        return show(True)

    def ask(request: gr.Request):
        studio.stop(request.session_hash, id(stop))

    def show(is_running):
        return [
            gr.Button(visible=not is_running),
            gr.Button(visible=is_running and can_stop),
        ]

    quick = {"queue": False, "show_progress": "hidden"}
    start.click(begin, outputs=[start, stop], **quick).then(
        call,
        inputs,
        outputs,
        concurrency_id="slow",
        concurrency_limit=1,
    ).then(lambda: show(False), outputs=[start, stop], **quick)
    stop.click(ask, **quick)


def finding():
    """Return a button that starts a search, and one that stops it."""
    return (
        gr.Button("Find the image", variant="primary", visible=False),
        gr.Button("Stop", variant="stop", visible=False),
    )


def translating(
    make, way, line, studio, buttons, triggers, inputs, outputs, **options
):
    """Call a function at each trigger, or at a button if `way` is a search.

    Args:
        make: function of the values of `inputs` and of `progress`, as of
            `engine.Way.translate`; returns as `answering` asks.
        way, line: as of `answering`.
        studio: `engine.Studio`.
        buttons: of `finding`.
        triggers: list of events.
        inputs, outputs: of the event.
        **options: of `gr.on`.
    """
    start, stop = buttons
    if way.verb.steps is None:
        answer = answering(line, way)(lambda *values: make(*values))
        gr.on(
            *(triggers, answer, inputs, outputs),
            trigger_mode="always_last",
            **options,
        )
    else:
        start.visible = True
        can_stop = way.model.live is not None
        if not can_stop:
            start.value = f"{start.value} (an export's search cannot stop)"

        @answering(line, way)
        def search(follow, *values):
            return make(*values, progress=follow)

        slow(search, start, stop, studio, inputs, outputs, can_stop)


def bars(rows):
    """Return shares in [0, 1] as HTML.

    Args:
        rows: iterable of `(name, share)`.
    """
    lines = [
        f"<tr><th scope='row'>{html.escape(shown(name))}</th>"
        f"<td><meter value='{share:.4f}'></meter></td>"
        f"<td>{share:.0%}</td></tr>"
        for name, share in rows
    ]
    return f"<table class='bars'>{''.join(lines)}</table>"
