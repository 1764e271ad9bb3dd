"""Sliders for the axes of a generator, in a notebook.

`Editor` holds what is edited and how, without widgets; `sliders` shows one in
Jupyter.
"""

import numbers
import urllib.parse

import numpy as np

from keras_gans import checks, images
from keras_gans.checks import UserError
from keras_gans.latents.generators import Generator
from keras_gans.latents.linear import without_span

_MOST = float(np.finfo(np.float32).max)
_SEED, _LOCK = "seed", "lock"  # in the text of a state
_RULE = "state must be text such as seed=3&Smiling=1.5&lock=Male"


class Editor:
    """An image of a generator, moved along axes of which some are locked.

    A locked feature stays: the other directions are made perpendicular to its
    normal, as by the method `"joint"` of `FeatureAxes.orthogonalize`. The
    image stays, too: its amounts become those along the new directions that
    lead to the same latents. A locked axis then has the amount by which moves
    along others have changed its feature.

    Args:
        generator: live or loaded model with a verb that takes latents.
        axes: `FeatureAxes` of this generator.
        seed: int of 64 bits, of the image to begin with.
        latents: float `[1, latent_dim]`, such as those of a photo, in place
            of the seed's.
        labels: as of the generator's `generate`. Default: drawn.

    Raises:
        UserError: if an argument does not fit, or the axes are those of
            another generator.

    Attributes:
        axes: `FeatureAxes`, with the directions that are in force.
        seed: int, or None for given latents.
        locks: tuple of names.
        fixed: frozenset of names that cannot be moved: the locked ones, and
            those that lie in their span.
    """

    def __init__(self, generator, axes, seed=0, latents=None, labels=None):
        taken = {*axes.names} & {_SEED, _LOCK}
        if taken:
            raise UserError(
                "axes must have other names than seed and lock, words of the "
                f"state. Received: {', '.join(sorted(taken))}"
            )
        self._generator = Generator.of(generator)
        axes.check_generator(self._generator)
        self.axes = axes
        self._directions = axes.directions
        self._labels = labels
        self._amounts = np.zeros(len(axes.names), np.float32)
        self._lock(())
        if latents is None:
            self.new_image(seed)
            return
        latents = axes.latents.check(latents)
        if len(latents) != 1:
            raise UserError(
                f"latents must be of one image. Received: {len(latents)}"
            )
        self.seed, self._start = None, latents
        _, self._vectors = self._generator.drawn(0, 1, labels=labels)

    def new_image(self, seed=None):
        """Begin with the image of another seed. Default: the next seed."""
        if seed is None:
            seed = 0 if self.seed is None else self.seed + 1
        drawn = self._generator.drawn(0, 1, seed, self._labels)
        self._start, self._vectors = drawn
        self.seed = seed
        self.reset()

    def reset(self):
        """Undo all moves; locks stay."""
        self._amounts[:] = 0.0

    @property
    def amounts(self):
        """The moves, dict from name to float in standard deviations."""
        return dict(zip(self.axes.names, self._amounts.tolist(), strict=True))

    def move(self, name, amount):
        """Set how far the image is moved along an axis.

        Raises:
            UserError: if there is no such axis, or it cannot be moved.
        """
        checks.one_of(self.axes.names, name=name)
        if name in self.fixed:
            raise UserError(
                "name must be that of an axis that is neither locked nor in "
                f"the span of those locked. Received: {name!r}"
            )
        self._put(name, amount)

    def toggle(self, name):
        """Lock an axis, or unlock it. The image stays.

        Raises:
            UserError: if there is no such axis.
        """
        checks.one_of(self.axes.names, name=name)
        others = tuple(one for one in self.locks if one != name)
        self._lock(others if name in self.locks else (*others, name))

    def latents(self):
        """Return the moved latents, float32 `[1, latent_dim]`."""
        return self.axes.moved(self._start, self._amounts[None]).numpy()

    def image(self):
        """Return the image, uint8 `[height, width, 3]`."""
        return self._generator(self.latents(), self._vectors)[0]

    def beyond(self):
        """Return the names of axes on which the image is beyond the samples."""
        beyond = self.axes.beyond(self.latents())[0]
        return [self.axes.names[n] for n in np.flatnonzero(beyond)]

    def save(self, path):
        """Write the image as PNG; its text `keras_gans` is the state.

        Raises:
            UserError: if the path does not end in `.png`.
            OSError: if it cannot be written.
        """
        images.write(path, self.image(), {"keras_gans": self.state()})

    def state(self):
        """Return seed, amounts and locks as text, which `restore` takes.

        Given latents, and labels, are not in it.
        """
        seed = [] if self.seed is None else [(_SEED, self.seed)]
        # The shortest text of a float32 that reads as the same number.
        moves = [
            (name, str(amount))
            for name, amount in zip(self.axes.names, self._amounts, strict=True)
            if amount
        ]
        locks = [(_LOCK, name) for name in self.locks]
        return urllib.parse.urlencode(seed + moves + locks)

    def restore(self, state):
        """Take seed, amounts and locks from text.

        Raises:
            UserError: if it does not fit; then nothing changes.
        """
        seed, moves, locks = self._read(state)
        if seed is not None:
            self.new_image(seed)
        self._lock(locks)
        self.reset()
        for name, amount in moves.items():
            self._put(name, amount)

    def _read(self, state):
        seed, moves, locks = None, {}, []
        try:
            for name, value in urllib.parse.parse_qsl(
                state, keep_blank_values=True, strict_parsing=bool(state)
            ):
                if name == _SEED:
                    seed = int(value)
                    checks.long_seed(seed)
                elif name == _LOCK:
                    checks.one_of(self.axes.names, lock=value)
                    locks.append(value)
                else:
                    checks.one_of(self.axes.names, name=name)
                    moves[name] = _number(value)
        except (ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{_RULE} ({error}). Received: {state!r}") from None
        return seed, moves, tuple(dict.fromkeys(locks))

    def _put(self, name, amount):
        self._amounts[self.axes.names.index(name)] = _number(amount)

    def _lock(self, names):
        """Turn the directions; keep the latents."""
        before = self.axes.directions
        kept = [self.axes.names.index(name) for name in names]
        normals = self.axes.normals
        turned = without_span(self._directions, normals[kept])
        turned[kept] = normals[kept]
        is_gone = ~turned.any(-1)
        # All directions together span the same latents as before.
        turned[is_gone] = self._directions[is_gone]
        self.axes = self.axes.changed(directions=turned)
        if self._amounts.any():
            moved = self._amounts @ before
            self._amounts[:] = np.linalg.lstsq(
                self.axes.directions.T, moved, rcond=None
            )[0]
        self.locks = tuple(names)
        gone = (self.axes.names[n] for n in np.flatnonzero(is_gone))
        self.fixed = frozenset(names) | frozenset(gone)


def _number(value):
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not abs(number) <= _MOST:  # NaN is not
        raise UserError(f"amount must be a finite number. Received: {value!r}")
    return number


def sliders(
    generator,
    axes,
    seed=0,
    latents=None,
    labels=None,
    state=None,
    columns=2,
    limit=3.0,
    size=256,
):
    """Show an image with a slider and a lock for each axis, in Jupyter.

    Buttons: a new image, all moves undone, the image saved as PNG. The state
    below stands for the image; it is the argument `state` of a later call.

    Args:
        generator, axes, seed, latents, labels: as of `Editor`.
        state: str, such as `"seed=3&Smiling=1.5&lock=Male"`, or None.
        columns: int, sliders in a row.
        limit: float, standard deviations to either side of a slider.
        size: int, pixels, the width of the image on the page.

    Returns:
        `ipywidgets.VBox`; its attribute `editor` is the `Editor`.

    Raises:
        UserError: if an argument does not fit.
        ImportError: without ipywidgets.
    """
    import ipywidgets as widgets

    checks.at_least(1, columns=columns, size=size)
    if not isinstance(limit, numbers.Real) or not 0.0 < limit <= _MOST:
        raise UserError(
            f"limit must be a finite number above 0. Received: {limit!r}"
        )
    editor = Editor(generator, axes, seed, latents, labels)
    if state is not None:
        editor.restore(state)
    shown = widgets.Image(format="png", width=size)
    knobs, locks = {}, {}
    for name in axes.names:
        knobs[name] = widgets.FloatSlider(
            description=name,
            min=-limit,
            max=limit,
            step=0.1,
            # Each value asks for an image: not all those passed by.
            continuous_update=False,
        )
        locks[name] = widgets.ToggleButton(
            description="lock", tooltip=f"keep {name}"
        )
    link = widgets.Text(description="state", continuous_update=False)
    place = widgets.Text(description="file", value="edited.png")
    message = widgets.Label()
    is_refreshing = False

    def refresh(note=""):
        nonlocal is_refreshing
        is_refreshing = True  # what is set here is no one's wish
        try:
            for name, amount in editor.amounts.items():
                knob = knobs[name]
                knob.min = min(-limit, amount)
                knob.max = max(limit, amount)
                knob.value = amount
                knob.disabled = name in editor.fixed
                locks[name].value = name in editor.locks
            link.value = editor.state()
        finally:
            is_refreshing = False
        shown.value = images.encode(editor.image())
        beyond = editor.beyond()
        if beyond and not note:
            note = f"beyond the samples: {', '.join(beyond)}"
        message.value = note

    def on(action, *arguments):
        """Return what does something in answer to a widget."""

        def answer(change):
            if is_refreshing:
                return
            try:
                note = action(*arguments, *_new(change))
            except (UserError, OSError) as error:
                note = str(error)
            refresh(note or "")

        return answer

    def save():
        editor.save(place.value)
        return f"saved {place.value}"

    for name in axes.names:
        knobs[name].observe(on(editor.move, name), "value")
        locks[name].observe(
            on(lambda name, _: editor.toggle(name), name), "value"
        )
    link.observe(on(editor.restore), "value")
    buttons = []
    for label, action in (
        ("new image", editor.new_image),
        ("reset", editor.reset),
        ("save", save),
    ):
        buttons.append(widgets.Button(description=label))
        buttons[-1].on_click(on(action))
    refresh()
    layout = widgets.Layout(grid_template_columns=f"repeat({columns}, auto)")
    cells = [widgets.HBox([knobs[n], locks[n]]) for n in axes.names]
    box = widgets.VBox(
        [
            shown,
            widgets.GridBox(cells, layout=layout),
            widgets.HBox([*buttons, place]),
            link,
            message,
        ]
    )
    box.editor = editor
    return box


def _new(change):
    """Return the new value, if a widget tells of one, or nothing."""
    return (change["new"],) if isinstance(change, dict) else ()
