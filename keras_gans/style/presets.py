"""Layers, weights and starts of style transfer as published, by name."""

import typing

from keras_gans import checks
from keras_gans.checks import UserError

_STYLE = "relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"
_WIDTHS = 64, 128, 256, 512, 512  # channels of these layers


class Recipe(typing.NamedTuple):
    """What of the images is compared, and where the search starts.

    Attributes:
        content_layers, style_layers: dicts from layer of VGG to weight.
        content_weight, style_weight, variation_weight: floats, of the three
            terms.
        normalization: str, of the Gram matrices, see `losses.gram`.
        halved_sums: bool, whether the content term is half of the sum of the
            squares, and that of style a quarter of the mean; else both are
            means.
        network: str, as of `networks.vgg.vgg`.
        pooling: str, the same.
        start: str, `"content"`, `"noise"` or `"style"`.
        noise: float, standard deviation of the noise, in levels of 0..255.
    """

    content_layers: dict
    style_layers: dict
    content_weight: float = 1.0
    style_weight: float = 1.0
    variation_weight: float = 0.0
    normalization: str = "positions"
    halved_sums: bool = False
    network: str = "vgg19"
    pooling: str = "max"
    start: str = "content"
    noise: float = 1.0


# By name and rule. Published are github.com/leongatys/
# PytorchNeuralStyleTransfer and github.com/ProGamerGov/neural-style-pt.
PRESETS = {
    # Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural
    # Networks". The program runs 500 evaluations at 512 pixels.
    "gatys": {
        "published": Recipe(
            content_layers={"relu4_2": 1.0},
            style_layers={
                n: 1e3 / w**2 for n, w in zip(_STYLE, _WIDTHS, strict=True)
            },
        ),
        # Equations 1, 4 and 5; sections 2 and 3. White noise: that of all
        # levels has the standard deviation 256 / sqrt(12). The paper scales
        # the trained weights so that each channel has the mean 1, which is
        # for the file of the weights to do.
        "paper": Recipe(
            content_layers={"conv4_2": 1.0},
            style_layers={n.replace("relu", "conv"): 0.2 for n in _STYLE},
            style_weight=1e3,
            halved_sums=True,
            pooling="average",
            start="noise",
            noise=73.9,
        ),
    },
    # No paper has it; 1000 evaluations at 512 pixels.
    "neural-style": {
        "published": Recipe(
            content_layers={"relu4_2": 1.0},
            style_layers=dict.fromkeys(_STYLE, 1.0),
            content_weight=5.0,
            style_weight=100.0,
            variation_weight=1e-3,
            normalization="elements",
            start="noise",
            noise=0.001,
        ),
    },
}
# Of random weights, whose terms are divided by their effect first. Chosen by
# eye on drawn faces: with equal weights little of a style arrives, with max
# pooling and without total variation it is grain rather than strokes, and
# from noise the content does not come back.
_OF_RANDOM = {
    "pooling": "average",
    "content_weight": 1.0,
    "style_weight": 100.0,
    "variation_weight": 8.0,
    "start": "content",
}
STARTS = "content", "noise", "style"


def recipe(preset="gatys", rule="published", is_random=False, **changes):
    """Return the `Recipe` of a preset.

    Args:
        preset: str, a key of `PRESETS`.
        rule: str, `"published"`, as the program has it, or `"paper"`, where
            a paper says otherwise.
        is_random: bool, whether the weights of VGG are random, of which some
            values are other ones.
        **changes: values to replace; None for none.

    Raises:
        UserError: if there is none, or a value does not fit.
    """
    checks.one_of(PRESETS, preset=preset)
    checks.one_of(PRESETS[preset], **{f"rule of preset {preset}": rule})
    changes = {n: value for n, value in changes.items() if value is not None}
    found = PRESETS[preset][rule]._replace(
        **(_OF_RANDOM if is_random else {}) | changes
    )
    weights = {n: getattr(found, n) for n in _OF_RANDOM if "weight" in n}
    checks.number(0, **weights)
    checks.one_of(STARTS, start=found.start)
    if not any(weights.values()):
        raise UserError(
            f"one of {', '.join(weights)} must be above 0. Received: all 0"
        )
    return found
