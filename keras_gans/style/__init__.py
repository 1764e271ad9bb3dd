"""Neural style transfer: an image is moved until it has another's style.

from keras_gans.style import stylize

image = stylize(photo, [painting], weights="imagenet")
"""

from keras_gans.style.optimizers import NotFinite
from keras_gans.style.presets import PRESETS, Recipe, recipe
from keras_gans.style.transfer import Progress, State, memory, stylize

__all__ = [
    "PRESETS",
    "NotFinite",
    "Progress",
    "Recipe",
    "State",
    "memory",
    "recipe",
    "stylize",
]
