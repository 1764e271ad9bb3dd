"""Images of a model that has its own axes, such as an exported one."""

import urllib.parse

from keras_gans import checks
from keras_gans.checks import UserError

_SEED = "seed"


class Moved:
    """An image from noise that is moved along the axes in a model.

    It is used as a `keras_gans.latents.Editor`, but nothing can be locked:
    the directions are a part of the model.

    Args:
        way: `engine.Way` of a verb that takes latents and amounts.
        seed: int of 64 bits.
        labels: as of `LoadedModel.edit`.
    """

    locks, fixed = (), frozenset()

    def __init__(self, way, names, seed=0, labels=None):
        self._model, self._labels = way.model.loaded, labels
        self.amounts = dict.fromkeys(names, 0.0)
        self.new_image(seed)

    def new_image(self, seed=None):
        """Begin with the image of another seed. Default: the next seed."""
        seed = self.seed + 1 if seed is None else seed
        checks.long_seed(seed)
        self.seed = seed
        self.reset()

    def reset(self):
        """Undo all moves."""
        self.amounts = dict.fromkeys(self.amounts, 0.0)

    def move(self, name, amount):
        """Set how far the image is moved along an axis."""
        checks.one_of(self.amounts, name=name)
        self.amounts[name] = float(amount)

    def image(self):
        """Return the image, uint8 `[height, width, 3]`."""
        return self._model.edit(
            self.amounts, 1, self.seed, labels=self._labels
        )[0]

    def beyond(self):
        """Return no names: how far samples went is not known."""
        return []

    def state(self):
        """Return seed and amounts as text, which `restore` takes."""
        moves = [item for item in self.amounts.items() if item[1]]
        return urllib.parse.urlencode([(_SEED, self.seed), *moves])

    def restore(self, state):
        """Take seed and amounts from text.

        Raises:
            UserError: if it does not fit.
        """
        try:
            fields = dict(urllib.parse.parse_qsl(state, strict_parsing=True))
            self.new_image(int(fields.pop(_SEED)))
            for name, amount in fields.items():
                self.move(name, amount)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"state must be text such as seed=3&Smiling=1.5 ({error})"
            ) from None
