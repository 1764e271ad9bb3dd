"""The base of all kinds of data: settings, batches, evaluation cases."""

import typing

import numpy as np

from keras_gans import checks, verbs
from keras_gans import growth as growths
from keras_gans.checks import UserError
from keras_gans.datasets import passes, pictures, sources
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.verbs import Codes

SHOWN = 18  # images on a sample grid, as in the article

# The arguments of commands that name data, and their defaults.
FLAGS = {
    "data": None,
    "labels": None,
    "direction": "a_to_b",
    "data_a": None,
    "data_b": None,
    "sketch_style": None,
}


class Case(typing.NamedTuple):
    """The data to measure one verb on.

    Attributes:
        inputs: dict from input name of the verb to `Pictures` or an array,
            one row per output.
        reals: `Pictures`, what the outputs should resemble.
        is_paired: bool, whether `reals[i]` is the truth of output i.
        text: str, their description in one line.
        back: dict from name to array, inputs of the reverse verb in addition
            to the images.
        fakes: `Pictures`, existing outputs; or None.
        labels: float `[count, num_labels]`, the true labels of the images,
            where outputs are labels; or None.
    """

    inputs: dict
    reals: pictures.Pictures
    is_paired: bool
    text: str
    back: dict = {}
    fakes: pictures.Pictures | None = None
    labels: np.ndarray | None = None

    @property
    def images(self):
        """The input images, or None."""
        found = (
            value
            for value in self.inputs.values()
            if isinstance(value, pictures.Pictures)
        )
        return next(found, None)


class Data:
    """Opened data of one kind; the class defines the settings of the kind.

    Args:
        sides: dict from the setting, such as `"data_a"`, to `Pictures`.
        settings: dict with `image_size`, `seed`, and for `batches` also
            `batch_size`.
        held_out: int, images of each side that are not trained on.

    Attributes:
        kind: str, the name of the kind.
        sources: the settings that name sources.
        flags: the names in `FLAGS` that the kind reads.
        are_alike: bool, whether the sides are expected to look alike.
        sides, settings: the arguments.
        training: dict from side to the training `Pictures`.
        held: dict from side to the held-out ones; all if `held_out` is 0.
        are_seen: bool, whether there are too few images to hold any out, so
            that `held` is also trained on.
    """

    kind = None
    sources = ("data_a", "data_b")
    flags = ("data", "direction", "data_a", "data_b")
    are_alike = False

    def __init__(self, sides, settings, held_out=0):
        self.sides = sides
        self.settings = settings
        self.held_out_count = held_out
        self.training, self.held = {}, {}
        for name, side in sides.items():
            training, held = pictures.split(side, held_out, settings["seed"])
            self.training[name] = training
            self.held[name] = held if held_out else side
        self.are_seen = any(
            self.training[name] is side for name, side in sides.items()
        )

    @classmethod
    def resolve(cls, settings):
        """Keep only the data arguments that the kind reads, with defaults.

        Args:
            settings: dict, the arguments by name, `FLAGS` where not given;
                updated with `sources`, and for labelled data `labels`.

        Raises:
            UserError: if arguments contradict each other or data are missing.
        """
        for flag, default in FLAGS.items():
            if flag in cls.flags:
                continue
            value = settings.pop(flag)
            if value != default:
                value = ",".join(value) if isinstance(value, list) else value
                raise UserError(
                    f"{flag} must be left out for {cls.kind} data, which "
                    f"{', '.join(cls.flags)} name. Received: {value!r}"
                )

    @classmethod
    def model_arguments(cls, settings):
        """Return the model arguments that depend on the data."""
        return cls.known_arguments(settings)

    @classmethod
    def known_arguments(cls, settings):
        """Return those that are known before the data are opened."""
        return {}

    @classmethod
    def open(cls, settings, held_out=0, cache_bytes=1 << 30):
        """Open the data of the settings without decoding images.

        Args:
            settings: dict with the kind's `sources`, `image_size` and `seed`.
            held_out: int, images of each side that are not trained on.
            cache_bytes: int, most memory for decoded images of each side.

        Returns:
            `Data` of the kind.

        Raises:
            UserError: in one line, if a side cannot be opened.
        """
        checks.at_least(1, image_size=settings["image_size"])
        sides = cls._open_sides(
            settings,
            cls._load_size(settings["image_size"]),
            settings["seed"],
            cache_bytes,
        )
        return cls(sides, settings, held_out)

    @classmethod
    def replaced(cls, settings, find):
        """Return settings for `open` with other sources, or None.

        Args:
            settings: dict with the kind's `sources`.
            find: function from a source to another one, or to None.
        """
        found = {}
        for name in cls.sources:
            value = settings[name]
            is_list = isinstance(value, list)
            others = [find(one) for one in (value if is_list else [value])]
            if not all(others):
                return None
            found[name] = others if is_list else others[0]
        return found

    @staticmethod
    def _load_size(image_size):
        return sources.default_load_size(image_size)

    def prepare(self):
        """Decode the images that fit into memory; skip broken ones.

        Raises:
            UserError: if all images of a side are broken.
        """
        for name, side in self.training.items():
            if self.held_out_count and side is self.sides[name]:
                passes.warn_of_few(name, side, self.held_out_count)
        self.training = self._prepared(self.training)
        self.held = self._prepared(self.held)

    @staticmethod
    def _prepared(sides, twice=False):
        return {name: side.prepared(twice) for name, side in sides.items()}

    def recorded(self):
        """Return the settings that depend on the data."""
        return {"images": {n: p.fingerprint for n, p in self.sides.items()}}

    def steps_of(self, epochs):
        """Return the batches in so many passes through the largest side."""
        most = max(map(len, self.training.values()))
        size, count = self.settings["image_size"], self.settings["batch_size"]
        growth = self.settings.get("growth")
        if not growth:
            return epochs * -(-most // count)
        return growths.Batches(size, count, growth).reach(epochs * most)

    def _sides(self, repeat):
        return list((self.training if repeat else self.held).values())

    def _options(self, start, repeat):
        names = "image_size", "batch_size", "seed"
        options = {name: self.settings[name] for name in names}
        if self.settings.get("growth"):
            options["growth"] = self.settings["growth"]
        options["flip"] = not self.settings.get("no_flip")
        return options | {"start": start, "repeat": repeat}

    def batches(self, start=0, repeat=True):
        """Return the `tf.data.Dataset` of batches from number `start`.

        Without `repeat`, one pass over the held-out images.
        """
        raise NotImplementedError

    def held_out(self, count=SHOWN):
        """Return a batch of held-out images, for sample grids.

        Args:
            count: int, images of each side; fewer if there are fewer.

        Returns:
            dict of float32 arrays, as in a batch.
        """
        size = self.settings["image_size"]
        return {
            self._key(name): passes.middle(side, count, size)
            for name, side in self.held.items()
        }

    @staticmethod
    def _key(side):
        """Return the batch key of the images of a side."""
        return side.replace("data", "images")

    def trained_on(self, count):
        """Return images that are trained on, evenly spaced, center crops.

        Args:
            count: int, most images of each side.

        Returns:
            `Pictures`; of two domains or more, those of the first.

        Raises:
            UserError: if the held-out images are trained on, too.
        """
        if self.are_seen:
            raise UserError(
                "data must have enough images to hold some out. Received: "
                f"{', '.join(side.description for side in self.sides.values())}"
            )
        chosen = {}
        for name, side in self.training.items():
            most = min(count, len(side))
            rows = np.linspace(0, len(side) - 1, most, dtype=int)
            size = self.settings["image_size"]
            chosen[name] = side.subset(rows).cropped(size)
        domains, _ = self._domains(chosen)
        return next(iter(domains.values()))

    def cases(self, verbs, count, what="test images"):
        """Return the evaluation cases of a model.

        For drawn faces: identities that are never used for training, with their
        true translations; else the held-out images.

        Args:
            verbs: iterable of `Verb`, those of the model.
            count: int, most images of each side.
            what: str, description of the images if none are held out.

        Returns:
            dict from verb name to `Case`, for verbs whose domains exist in
            the data and whose outputs have a truth, which codes have not.
        """
        size, seed = self.settings["image_size"], self.settings["seed"]
        is_drawn = self._is_drawn()
        if is_drawn:
            what = "drawn faces of identities that are never drawn for training"
            chosen = self._unseen_faces(count)
        elif self.held_out_count:
            what = "held out of the run's data"
            if self.are_seen:
                what = "TRAINED ON, as there are too few to hold any back"
            chosen = {
                name: side.subset(range(min(count, len(side))))
                for name, side in self.held.items()
            }
        else:
            chosen = {
                name: pictures.split(side, count, seed)[1]
                for name, side in self.sides.items()
            }
        chosen = self._prepared(chosen, twice=True)
        squares = {name: side.cropped(size) for name, side in chosen.items()}
        domains, vectors = self._domains(squares)
        are_pairs = self.are_alike or is_drawn
        found = {}
        for verb in verbs:
            is_known = verb.output is None or vectors is not None
            if isinstance(verb.output, Codes) or not is_known:
                continue  # the truth is not known
            if {verb.source, verb.target} <= {None, *domains}:
                case = _case(verb, domains, vectors, are_pairs, what, seed)
                found[verb.name] = case
        return found

    def _domains(self, sides):
        """Return images by domain, and the label vectors of images or None."""
        named = {name.removeprefix("data_"): s for name, s in sides.items()}
        return named, None

    def _is_drawn(self):
        return all(side.style for side in self.sides.values())

    def _unseen_faces(self, count):
        """Draw the same new identities in the style of each drawn side."""
        indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
        return {
            name: sources.drawn(
                *(side.style, side.load_size, name, indices),
                seed=self.settings["seed"],
            )
            for name, side in self.sides.items()
            if side.style
        }


def _case(verb, domains, vectors, are_pairs, what, seed):
    """Return the case of one verb; arguments as in `Data.cases`."""
    images = domains.get(verb.source, next(iter(domains.values())))
    reals = domains.get(verb.target, images)
    inputs, back, named = {}, {}, f"{what} ({images.description}"
    if verb.output:
        text, (name, _) = (
            f"{len(images)} images, {named})",
            verb.input(verbs.Images),
        )
        return Case({name: images}, images, False, text, labels=vectors)
    for name, kind in verb.inputs.items():
        if isinstance(kind, verbs.Images):
            inputs[name] = images
        elif isinstance(kind, verbs.Labels):
            inputs[name] = vectors
            if verb.target is None:  # from labels to other labels
                inputs[name] = np.roll(vectors, -1, axis=0)
                back[name] = vectors
        else:
            inputs[name] = kind.draw(len(reals), seed)
    if verb.images is None:
        text = f"{len(reals)} outputs beside real images, {what} "
        return Case(inputs, reals, False, f"{text}({reals.description})")
    if back:
        text = (
            f"{len(images)} images, {named}), each translated to the labels "
            "of the next; real are the same images, not paired"
        )
        return Case(inputs, reals, False, text, back)
    is_paired = are_pairs or verb.source == verb.target
    text = (
        f"{len(images)} inputs and {len(reals)} real images, {named}; "
        f"{reals.description}), " + ("paired" if is_paired else "not paired")
    )
    return Case(inputs, reals, is_paired, text)
