"""What the studio does, without a page: models, calls, progress, results."""

import collections
import contextlib
import functools
import json
import logging
import os
import pathlib
import re
import shutil
import tempfile
import threading
import typing

import numpy as np
from PIL import Image

import keras_gans
from keras_gans import files, images
from keras_gans.checks import UserError
from keras_gans.faces import drawing, identities
from keras_gans.latents import FeatureAxes, Generator
from keras_gans.serving import loading
from keras_gans.verbs import Amounts, Images, Latents

logger = logging.getLogger("keras_gans")

# Bytes of an uploaded file, pixels of its image, and those of the longer side
# that is worked on: a page answers at once, files belong to the commands.
MOST_BYTES = 32 * 2**20
MOST_PIXELS = 2**26
MOST_SIDE = 1024
_MOST_KEPT = 2**28  # bytes of results: the oldest are deleted
_KEY = "keras_gans"  # of the text in a result
_MOST_TEXT = 2**18  # characters of it


class Model:
    """A model that is open in the studio.

    Args:
        name: str, which the page calls it.
        path: of a run folder, a `.keras` file or a SavedModel.

    Attributes:
        loaded: `keras_gans.serving.translation.LoadedModel`; None if it
            cannot be loaded.
        problem: str, why not; else "".
        axes: `keras_gans.latents.FeatureAxes` of its generator, or None.
    """

    def __init__(self, name, path):
        self.name, self.path = name, pathlib.Path(path)
        self.loaded, self.problem, self.axes = None, "", None
        self._lock = threading.Lock()
        self._shown = None  # the verbs that the page has widgets for
        with contextlib.suppress(UserError):
            self.load()
        self._shown = self.loaded.about["verbs"] if self.loaded else {}

    def load(self):
        """Load it, or what has replaced it; if that fails, nothing changes.

        Raises:
            UserError: if it cannot be loaded, or has other verbs than at
                first, for which the page has no widgets.
        """
        with self._lock:
            stamp = _stamp(self.path)
            try:
                loaded = loading.load(self.path)
                if self._shown not in (None, loaded.about["verbs"]):
                    what = (
                        "is another model" if self._shown else "can be loaded"
                    )
                    raise UserError(
                        f"{self.name} {what} now: start the studio again"
                    )
            except UserError as error:
                self.problem = str(error)
                raise
            self._stamp, self.loaded, self.problem = stamp, loaded, ""
            vars(self).pop("generator", None)

    @property
    def is_replaced(self):
        """Whether its files are no longer those that were loaded."""
        return self.loaded is not None and _stamp(self.path) != self._stamp

    @functools.cached_property
    def generator(self):
        """The model as a `keras_gans.latents.Generator`."""
        return Generator(self.loaded)

    @property
    def live(self):
        """The live model, for gradients; None of a SavedModel."""
        owner = self.loaded.owner
        return owner if callable(getattr(owner, "verbs", None)) else None


class Way(typing.NamedTuple):
    """A verb of a model.

    Attributes:
        model: `Model`.
        name: str, that of the verb.
    """

    model: Model
    name: str

    @property
    def verb(self):
        return self.model.loaded.verbs[self.name]

    @property
    def title(self):
        """What the page calls it."""
        verb = self.verb
        words = self.name.replace("_", " ")
        if verb.source and verb.target:
            words = f"{verb.source} to {verb.target}"
        return f"{self.model.name}: {words}"

    def translate(self, picture, labels=None, progress=None):
        """Return an image, uint8 `[height, width, 3]`, and what is odd.

        Args:
            picture: uint8 `[height, width, 3]`.
            labels: dict from names to 0 or 1, of a verb that takes labels.
            progress: as of `LoadedModel.translate`; one that returns False
                stops the search.

        Returns:
            `(image, remark)`: uint8 of the same shape; str, or "".
        """
        verb, loaded = self.verb, self.model.loaded
        remark = None
        if verb.remarks:
            vectors = loaded.vectors(verb, labels, None, picture[None])
            name, _ = verb.input(Images)
            (remark,) = verb.remarks(**{name: picture[None]}, **vectors)
        with _quiet():  # what it would log is the remark
            image = loaded.translate(
                picture, labels, verb=self.name, progress=progress
            )
        return image, f"the image {remark}" if remark else ""

    def generate(self, count, seed, truncation, labels, blend=None):
        """Return images from noise, uint8 `[count, height, width, 3]`.

        Args:
            count, seed, truncation, labels: as of `Verb.drawn`.
            blend: `(other seed, part)`: go this part of the way, 0 to 1, to
                the images of another seed.
        """
        verb = self.verb
        latents, vectors = verb.drawn(
            count, seed, labels=labels, truncation=truncation
        )
        if blend and blend[1]:
            other, part = blend
            others, other_vectors = verb.drawn(
                count, other, labels=labels, truncation=truncation
            )
            noise = verb.input(Latents)[1]
            place = round(100 * part)
            latents = np.stack(
                [
                    noise.between(one, two, 101)[place]
                    for one, two in zip(latents, others, strict=True)
                ]
            )
            if vectors is not None:
                vectors = np.asarray(vectors), np.asarray(other_vectors)
                vectors = (1.0 - part) * vectors[0] + part * vectors[1]
        return self.model.loaded.generate(
            latents=latents, labels=vectors, verb=self.name
        )


class Studio:
    """Models, and what a page needs of them.

    Args:
        paths: of run folders, `.keras` files or SavedModels.
        axes: paths of `axes.npz` files; each belongs to the generators whose
            images it was found on.
        weights: of VGG, as of `keras_gans.style.stylize`, for styles.

    Raises:
        UserError: if no path is a model or a run, or axes cannot be read.

    Attributes:
        models: list of `Model`, also those that cannot be loaded.
        runs: dict from name to the `pathlib.Path` of a run folder.
        notes: list of str, what is to be told.
        folder: `pathlib.Path` of all temporary files.
    """

    def __init__(self, paths, axes=(), weights=None):
        if weights not in (None, "imagenet") and not os.path.isfile(
            files.expanded(weights)
        ):
            raise UserError(
                "weights must be imagenet or a file that exists. "
                f"Received: {weights!r}"
            )
        self.weights = weights
        self.notes = []
        self._stops = {}
        self._results, self._kept = collections.deque(), 0  # paths, bytes
        self._lock = threading.Lock()
        unique = {files.identity(path) or path: path for path in paths}
        if len(unique) < len(paths):
            self.notes.append("A model that was given twice is shown once.")
        paths = [pathlib.Path(path) for path in unique.values()]
        self.models = [
            Model(name, path)
            for name, path in zip(_names(paths), paths, strict=True)
        ]
        self.runs = {
            model.name: model.path
            for model in self.models
            if (model.path / "arguments.json").is_file()
        }
        usable = [model for model in self.models if model.loaded]
        if not usable and not self.runs:
            raise UserError(self.models[0].problem)
        for model in self.models:
            if model.problem:
                self.notes.append(f"{model.name}: {model.problem}")
            elif not model.loaded.verbs:
                self.notes.append(
                    f"{model.name} has no verbs: there is nothing that it "
                    "could do here."
                )
        for path in axes:
            self._give_axes(path, usable)
        folder = tempfile.mkdtemp(prefix="keras_gans_studio_")
        self.folder = pathlib.Path(folder)

    def close(self):
        """Stop what is running; delete all temporary files."""
        for event in [*self._stops.values()]:
            event.set()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _give_axes(self, path, models):
        axes, reasons = FeatureAxes.load(path), []
        models = [
            m for m in models if any(map(from_noise, m.loaded.verbs.values()))
        ]
        for model in models:
            try:
                axes.check_generator(model.generator)
                model.axes = axes
            except UserError as error:
                reasons.append(str(error))
        if len(reasons) == len(models):
            self.notes.append(
                f"{path}: " + (reasons[0] if reasons else "no generator")
            )

    def ways(self, fits):
        """Return the `Way`s whose verb fits."""
        return [
            Way(model, name)
            for model in self.models
            if model.loaded
            for name, verb in model.loaded.verbs.items()
            if fits(verb)
        ]

    def read(self, path, name="the image"):
        """Read an image; its longer side becomes at most `MOST_SIDE`.

        Raises:
            UserError: if there is none, or it cannot be read.
        """
        if path is None:
            raise UserError(f"{name}: choose one first")
        picture = images.read(path, limit=MOST_PIXELS, name=name)
        if max(picture.shape) > MOST_SIDE:
            image = Image.fromarray(picture)
            image.thumbnail((MOST_SIDE, MOST_SIDE), Image.Resampling.BICUBIC)
            picture = np.array(image)
        return picture

    def write(self, image, tool, way=None, **values):
        """Write a result with what made it; return its path, a str.

        Args:
            image: uint8 `[height, width, 3]`.
            tool: str, the name of the tool.
            way: `Way`, or None of a tool that needs no model.
            **values: plain values that restore the tool's state.
        """
        about = {"tool": tool, "version": keras_gans.__version__}
        name = tool
        if way is not None:
            model = way.model
            name = re.sub(r"[^\w-]+", "_", f"{model.name}_{tool}")
            about |= {
                "model": model.name,
                "class": model.loaded.about["model"],
                "step": model.loaded.about.get("step"),
                "verb": way.name,
            }
        text = json.dumps(about | values)
        # A fresh folder: a browser keeps what it has once seen at an address.
        folder = tempfile.mkdtemp(dir=self.folder, prefix="result")
        path = pathlib.Path(folder, f"{name}.png")
        path.write_bytes(images.encode(image, {_KEY: text}))
        self._keep(path)
        return str(path)

    def _keep(self, path):
        """Delete the oldest results if there are too many bytes of them."""
        with self._lock:
            self._results.append((path, path.stat().st_size))
            self._kept += self._results[-1][1]
            while self._kept > _MOST_KEPT and len(self._results) > 1:
                oldest, size = self._results.popleft()
                shutil.rmtree(oldest.parent, ignore_errors=True)
                self._kept -= size

    def waits(self, session, button):
        """Note that a slow call was asked for, which `stop` may end."""
        self._stops[session, button] = threading.Event()

    @contextlib.contextmanager
    def stoppable(self, session, button):
        """Yield the `threading.Event` of a call that has begun."""
        event = self._stops.setdefault((session, button), threading.Event())
        try:
            yield event
        finally:
            if self._stops.get((session, button)) is event:
                del self._stops[session, button]

    def stop(self, session, button=None):
        """Ask slow calls to end with what they have found.

        Args:
            session: str, that of a browser.
            button: int, which stands for the call; None for all of them.
        """
        for (whose, which), event in [*self._stops.items()]:
            if whose == session and button in (None, which):
                event.set()

    @functools.cached_property
    def examples(self):
        """Paths of a few drawn faces, photographs and drawings, as str."""
        paths = []
        for number, style in enumerate(("photo", "photo", "anime", "sketch")):
            face = drawing.draw(
                identities.FIRST_HELD_OUT + number, style, image_size=128
            )
            path = self.folder / "examples" / f"{style}_{number}.png"
            images.write(path, face)
            paths.append(str(path))
        return paths


def read_about(path):
    """Return what made a result of the studio, a dict of plain values.

    Raises:
        UserError: if the file is no such result.
    """
    text = images.read_text(path, "the file").get(_KEY, "")
    try:
        about = json.loads(text) if len(text) <= _MOST_TEXT else None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not isinstance(about.get("tool"), str):
        raise UserError("the file must be a PNG that the studio has made")
    return about


def from_pictures(verb):
    """Tell whether a verb makes an image of one image and nothing else."""
    kinds = [type(one) for one in verb.inputs.values()]
    return kinds == [Images] and verb.output is None


def from_noise(verb):
    """Tell whether a verb makes images of latents, without amounts."""
    return bool(verb.input(Latents)[1]) and not verb.input(Amounts)[1]


@contextlib.contextmanager
def _quiet():
    def is_other(record):
        return record.thread != threading.get_ident()

    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _names(paths):
    """Return for each path as many of its last parts as tell it from others."""
    parts = [path.resolve().parts for path in paths]
    names = []
    for own in parts:
        # A version of a SavedModel is a mere number.
        count = 2 if own[-1].isdecimal() else 1
        while count < len(own) and 1 < sum(
            other[-count:] == own[-count:] for other in parts
        ):
            count += 1
        names.append("/".join(own[-count:]))
    return names


def _stamp(path):
    """Return what changes if the files of a model do."""
    patterns = "saved_model.pb", "*/saved_model.pb", "checkpoints/*.keras"
    found = [path, *(p for pattern in patterns for p in path.glob(pattern))]
    stamp = []
    for place in found:
        with contextlib.suppress(OSError):
            if place.is_file():
                about = place.stat()
                stamp.append((place, about.st_mtime_ns, about.st_size))
    return sorted(stamp)
