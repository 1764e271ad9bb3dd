"""Give an image the style of others by moving its pixels.

Reference:
    Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural
    Networks"; 2017, "Controlling Perceptual Factors in Neural Style
    Transfer", arXiv:1611.07865, for regions and sizes from coarse to fine.
"""

import functools
import typing

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans import checks
from keras_gans import images as pixel_images
from keras_gans.checks import UserError
from keras_gans.networks.vgg import PREPROCESSING, default_preprocessing, vgg
from keras_gans.style import colors as style_colors
from keras_gans.style.objective import Objective, Region
from keras_gans.style.optimizers import OPTIMIZERS, NotFinite
from keras_gans.style.presets import recipe as find_recipe

# What a laptop does in minutes: at the first size, at each further one.
SIZES, STEPS = (128, 256), (150, 50)
# Evaluations after which L-BFGS begins anew, so that a search that was
# stopped there goes on exactly.
PART = 50
_MEASURED_AT = 0.5  # deviation of the noise at which terms are weighed


class State(typing.NamedTuple):
    """Where a search goes on.

    Attributes:
        level: int, of `sizes`.
        step: int, evaluations made at this level.
        pixels: float `[height, width, 3]`; None: the start.
        optimizer: list of arrays, of the optimizer.
    """

    level: int = 0
    step: int = 0
    pixels: np.ndarray | None = None
    optimizer: list | tuple = ()


class Progress(typing.NamedTuple):
    """One evaluation.

    Attributes:
        step: int from 1 up, of the evaluations at all sizes.
        size: `(height, width)`.
        terms: dict from `"total"`, `"content"`, `"style"` and
            `"total_variation"` to weighted floats.
        image: function that returns it, uint8 `[height, width, 3]`.
    """

    step: int
    size: tuple
    terms: dict
    image: typing.Callable


def stylize(
    content,
    styles,
    *,
    preset="gatys",
    rule="published",
    network=None,
    pooling=None,
    sizes=SIZES,
    steps=None,
    optimizer="lbfgs",
    learning_rate=1.0,
    start=None,
    content_weight=None,
    style_weight=None,
    variation_weight=None,
    shares=None,
    masks=None,
    style_masks=None,
    style_scale=1.0,
    colors="style",
    weights=None,
    preprocessing=None,
    base_filters=64,
    seed=0,
    state=None,
    progress=None,
    on_state=None,
):
    """Keep the content of an image, take the style of others.

    The pixels move until the image has, in the layers of VGG, the features of
    the content and the Gram matrices of the styles.

    Args:
        content: uint8 `[height, width, 3]`.
        styles: list of uint8 `[any height, any width, 3]`.
        preset: str, a key of `presets.PRESETS`: layers, weights and start.
        rule: str, `"published"` or `"paper"`, see `presets.recipe`.
        network, pooling: str, as of `networks.vgg.vgg`. Default: the
            preset's; with random weights average pooling.
        sizes: ints, the longer side of the result at each level, from coarse
            to fine.
        steps: ints, evaluations of the objective at each level. Default: 150
            at the first, 50 at each further one.
        optimizer: str, `"lbfgs"` or `"adam"`.
        learning_rate: float from 0 up, of Adam, in levels of 0..255.
        start: str, what the search starts from: `"content"`, `"noise"` or
            `"style"`, the first style. Default: the preset's; with random
            weights the content.
        content_weight, style_weight, variation_weight: floats from 0 up.
            Default: the preset's; with random weights 1, 100 and 8.
        shares: floats above 0, one for each style, in proportion. Default:
            equal.
        masks: list with, for each style, uint8 `[any height, any width, 3]`,
            white where the result has this style and black where not, or None
            for everywhere. Default: all everywhere.
        style_masks: the same, white where the style's image counts.
        style_scale: float above 0, longer side of styles in units of `sizes`.
        colors: str, `"style"`; `"histogram"`: styles get the mean and the
            covariance of the content's colors first; or `"luminance"`: styles
            change the luminance only (Gatys et al. 2016, arXiv:1606.05897).
        weights, base_filters: as of `networks.vgg.vgg`. With random weights
            each term is first divided by its effect on an image of noise,
            see `losses.impacts`, and layers count equally.
        preprocessing: str, as of `networks.vgg.vgg`. Default: that of
            `networks.vgg.default_preprocessing`.
        seed: int from 0 to below 2**32, of noise and random weights.
        state: `State`, where to go on. Default: at the start.
        progress: function of a `Progress`, called after each evaluation.
        on_state: function of a `State`, called after every `PART` evaluations
            at one size, and the last. A call with this state gives the same
            bits as one that went on.

    Returns:
        uint8 `[height, width, 3]`, of the last of `sizes`.

    Raises:
        UserError: if an argument does not fit.
        NotFinite: at NaN or infinity; `image` is the last good one.
        ImportError: if the package that reads the weights is not installed.
    """
    recipe = find_recipe(
        *(preset, rule, weights is None),
        network=network,
        pooling=pooling,
        content_weight=content_weight,
        style_weight=style_weight,
        variation_weight=variation_weight,
        start=start,
    )
    for name, value in (
        *(("sizes", sizes), ("steps", steps), ("styles", styles)),
        *(("shares", shares), ("masks", masks), ("style_masks", style_masks)),
    ):
        if value is not None and not np.iterable(value):
            raise UserError(f"{name} must be a list. Received: {value!r}")
    if preprocessing is None:
        preprocessing = default_preprocessing(weights)
    checks.number(0, learning_rate=learning_rate)
    checks.one_of(OPTIMIZERS, optimizer=optimizer)
    checks.one_of(style_colors.COLORS, colors=colors)
    checks.seed(seed)
    sizes, steps = list(sizes), list(steps or default_steps(sizes))
    if len(sizes) != len(steps) or not sizes:
        raise UserError(
            "steps must be as many numbers as sizes, one or more. "
            f"Received: sizes={sizes}, steps={steps}"
        )
    for size, count in zip(sizes, steps, strict=True):
        checks.at_least(1, sizes=size, steps=count)
    layers = *recipe.content_layers, *recipe.style_layers
    pictures = _Pictures(
        *(content, styles, shares, masks, style_masks, style_scale, colors)
    )
    # Pooling halves the sides in front of each group but the first.
    pictures.check_sides(sizes, 2 ** (max(int(n[4]) for n in layers) - 1))
    features = vgg(
        *(recipe.network, layers),
        pooling=recipe.pooling,
        preprocessing=preprocessing,
        base_filters=base_filters,
        weights=weights,
        seed=seed,
    )
    move = OPTIMIZERS[optimizer]
    if optimizer == "adam":
        move = functools.partial(move, learning_rate=learning_rate)
    state = state or State()
    pixels = state.pixels
    for level in range(state.level, len(sizes)):
        at_size = pictures.at(sizes[level])
        shape = at_size.content.shape
        noise = np.random.default_rng([seed, level])
        noise = noise.normal(size=shape).astype("float32")
        if pixels is None:
            pixels = _start(recipe, at_size, noise)
        elif level > state.level:
            pixels = tf.image.resize(pixels, shape[:2], "bicubic").numpy()
        objective = Objective(
            *(features, recipe, at_size.compared, at_size.regions),
            _MEASURED_AT * noise if weights is None else None,
        )
        is_begun = level == state.level
        step, kept = (state.step, state.optimizer) if is_begun else (0, [])
        watched = _Watched(objective, at_size, progress, sum(steps[:level]))
        while step < steps[level]:
            watched.step = sum(steps[:level]) + step
            count = min(PART, steps[level] - step)
            try:
                pixels, kept = move(watched, pixels, kept, count)
            except NotFinite as error:
                error.image = at_size.finished(error.pixels)
                raise
            step += count
            if on_state is not None:
                on_state(State(level, step, pixels, kept))
    return at_size.finished(pixels)


def default_steps(sizes):
    """Return as many numbers of evaluations as there are sizes."""
    return [STEPS[min(level, 1)] for level in range(len(sizes))]


class _Watched:
    """An objective whose evaluations are told."""

    def __init__(self, objective, at_size, progress, step):
        self._objective, self._at_size = objective, at_size
        self._progress, self.step = progress, step

    def __call__(self, pixels):
        terms, gradient = self._objective(pixels)
        self.step += 1
        if self._progress is not None:
            image = functools.partial(self._at_size.finished, pixels)
            size = pixels.shape[:2]
            self._progress(Progress(self.step, size, terms, image))
        return terms, gradient


def _start(recipe, at_size, noise):
    if recipe.start == "content":
        return at_size.compared
    if recipe.start == "style":
        return tf.image.resize(
            at_size.style, noise.shape[:2], "bicubic"
        ).numpy()
    # Around what is 0 for the network.
    color = np.asarray(PREPROCESSING["caffe"][0], "float32")[::-1]
    return (color + recipe.noise * noise) / 127.5 - 1.0


def memory(height, width, size):
    """Estimate the bytes that `stylize` needs, on a CPU.

    Measured with L-BFGS at 64 to 512 pixels, where it is 5 % too high at
    most; the first part is TensorFlow and VGG-19 themselves.

    Args:
        height, width: int, of the content.
        size: int, the largest of `sizes`.
    """
    height, width = scaled(height, width, size)
    return 900_000_000 + 4_900 * height * width


def scaled(height, width, size):
    """Return the sides of an image whose longer one becomes `size`."""
    longer = max(height, width)
    return round(size * height / longer), round(size * width / longer)


class _AtSize(typing.NamedTuple):
    """The images at one size.

    Attributes:
        content: float32 `[height, width, 3]` in [-1, 1].
        compared: float32, the shape of `content`: it, or its luminance.
        style: float32, the first of the styles.
        regions: list of `objective.Region`.
    """

    content: np.ndarray
    compared: np.ndarray
    style: np.ndarray
    regions: list

    def finished(self, pixels):
        """Return pixels as an image, uint8."""
        pixels = np.asarray(pixels, np.float32)
        if self.compared is not self.content:
            pixels = style_colors.with_colors(pixels, self.content)
        return pixel_images.to_uint8(pixels).numpy()


class _Pictures:
    """The images and masks that a result is made of, at any size."""

    def __init__(
        self, content, styles, shares, masks, style_masks, scale, colors
    ):
        self._content, self._styles = content, list(styles)
        if not self._styles:
            raise UserError("styles must hold one or more. Received: none")
        count = len(self._styles)
        shares = [1.0] * count if shares is None else list(shares)
        everywhere = [None] * count
        self._masks = list(everywhere if masks is None else masks)
        style_masks = everywhere if style_masks is None else style_masks
        self._style_masks = list(style_masks)
        for name, own in (
            ("shares", shares),
            ("masks", self._masks),
            ("style_masks", self._style_masks),
        ):
            if len(own) != count:
                raise UserError(
                    f"{name} must be one for each of the {count} styles. "
                    f"Received: {len(own)}"
                )
        _check_image(content, "content")
        for name, own in (
            ("styles", self._styles),
            ("masks", self._masks),
            ("style_masks", self._style_masks),
        ):
            for image in own:
                if image is not None or name == "styles":
                    _check_image(image, f"an image of {name}")
        checks.number(1e-3, 1e3, style_scale=scale)
        for share in shares:
            checks.number(1e-6, shares=share)
        self._shares = [share / sum(shares) for share in shares]
        self._scale, self._colors = scale, colors

    def check_sides(self, sizes, least):
        """Check that no image becomes too small, and no mask black."""
        for size in sizes:
            for name, image, own in (
                ("content", self._content, size),
                *(("styles", x, size * self._scale) for x in self._styles),
            ):
                sides = scaled(*image.shape[:2], own)
                if min(sides) < least:
                    raise UserError(
                        f"{name} must have sides from {least} pixels up when "
                        f"the longer one of the result is {size}. Received: "
                        f"{sides[1]} x {sides[0]}"
                    )
            for name, masks, images, own in (
                ("masks", self._masks, [self._content] * len(self._masks), 1),
                ("style_masks", self._style_masks, self._styles, self._scale),
            ):
                for mask, image in zip(masks, images, strict=True):
                    sides = scaled(*image.shape[:2], size * own)
                    if mask is not None and _mask(mask, *sides).max() < 0.5:
                        raise UserError(
                            f"{name} must have some white, also when the "
                            f"longer side of the result is {size}. "
                            "Received: none"
                        )

    def at(self, size):
        sides = scaled(*self._content.shape[:2], size)
        content = _fitted(self._content, *sides)
        compared = content
        if self._colors == "luminance":
            compared = style_colors.gray(content)
        everywhere, regions, fitted = [], [], []
        for share, image, mask, style_mask in zip(
            *(self._shares, self._styles, self._masks, self._style_masks),
            strict=True,
        ):
            own = scaled(*image.shape[:2], size * self._scale)
            image = _fitted(image, *own)
            if self._colors == "luminance":
                image = style_colors.gray(image)
                image = image - image.mean()
                spread = compared.std() / max(image.std(), 1e-3)
                image = image * spread + compared.mean()
            elif self._colors == "histogram":
                image = style_colors.matched(image, content)
            fitted.append(image)
            style = share, image, _mask(style_mask, *own)
            if mask is None:
                everywhere.append(style)
            else:
                regions.append(Region(_mask(mask, *sides), [style]))
        if everywhere:
            regions.insert(0, Region(None, everywhere))
        return _AtSize(content, compared, fitted[0], regions)


def _check_image(image, name):
    shape = getattr(image, "shape", ())
    if getattr(image, "dtype", None) != np.uint8 or (
        len(shape) != 3 or shape[2] != 3 or not all(shape)
    ):
        raise UserError(
            f"{name} must be uint8 [height, width, 3]. Received: "
            f"{getattr(image, 'dtype', type(image).__name__)} {shape}"
        )


def _fitted(image, height, width):
    return pixel_images.to_float(pixel_images.fit(image, height, width)).numpy()


def _mask(image, height, width):
    """Return a mask of these sides, to which it is stretched; or None."""
    if image is None:
        return None
    image = Image.fromarray(image)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32).mean(-1) / 255.0
