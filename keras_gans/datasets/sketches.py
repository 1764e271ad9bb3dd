"""Line drawings of photographs: XDoG, FDoG, photocopy and plain edges.

Each filter is a pure function of a gray image, float `[height, width]` in
[0, 1], to a drawing of the same shape and range, black strokes on white.
`draw` applies one by the name of its style, a set of published parameters.

At borders images are continued as SciPy does by default, with the edge pixel
repeated. OpenCV's default, without the repetition, gives gray levels that
differ by up to 11 of 255 there and nowhere else; FDoG follows OpenCV, with
which its code was published.

SciPy and scikit-image are needed: `pip install "keras_gans[sketch]"`.
"""

import ast
import functools
import inspect

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError

# Least and most of every parameter that is a number; of integers, integers.
RANGES = {
    "sigma": (0.1, 50.0),
    "k": (1.0, 1000.0),
    "gamma": (0.0, 1.0),
    "epsilon": (-1.0, 1.0),
    "phi": (0.0, 1e12),
    "radius": (1, 20),
    "refinements": (0, 10),
    "passes": (1, 10),
    "sigma_c": (0.3, 10.0),
    "sigma_m": (0.3, 20.0),
    "rho": (0.0, 1.0),
    "tau": (0.0, 1.0),
    "mask_radius": (1.0, 100.0),
    "sharpness": (0.0, 1.0),
    "black": (0.0, 1.0),
    "white": (0.0, 1.0),
    "threshold": (0.0, 1.0),
    "low": (0.0, 1.0),
    "high": (0.0, 1.0),
}
_RULES = "article", "published"
_CUT = 0.001  # where FDoG's Gaussians end
_WIDE = 1.6  # its wider Gaussian, in units of the narrower, as a Laplacian's
_DARK = 2  # of 255: an average in which nothing is told apart


def xdog(
    gray,
    sigma=0.8,
    k=1.6,
    gamma=0.98,
    epsilon=-0.1,
    phi=200.0,
    rule="published",
    product=False,
    binary=False,
):
    """Draw by the extended difference of Gaussians.

    D = G(sigma) - gamma G(k sigma), and D times the image with `product`.
    The article's S = (1 + p) G(sigma) - p G(k sigma) is D / (1 - gamma) with
    gamma = p / (1 + p): its epsilon and phi are ours divided by, and times,
    1 - gamma.

    Args:
        gray: float `[height, width]` in [0, 1].
        sigma: float, pixels, width of the lines.
        k: float, width of the second Gaussian in units of `sigma`.
        gamma: float, share of it; closer to 1, fewer gray areas.
        epsilon: float, the threshold.
        phi: float, steepness of the way from white to black.
        rule: `"article"`: white where D >= epsilon, else
            1 + tanh(phi (D - epsilon)). `"published"`: white where
            D < epsilon, else 1 + tanh(phi D), stretched to the full range, as
            most public codes have it.
        product: bool, whether D is multiplied by the image.
        binary: bool, whether only black and white remain (Otsu's threshold).

    Returns:
        float `[height, width]` in [0, 1].

    Reference:
        Winnemoeller, Kyprianidis, Olsen 2012, "XDoG: An eXtended
        difference-of-Gaussians compendium including advanced image
        stylization".
    """
    from scipy import ndimage

    apart = ndimage.gaussian_filter(gray, sigma)
    apart = apart - gamma * ndimage.gaussian_filter(gray, k * sigma)
    if product:
        apart = apart * gray
    if rule == "article":
        ramp = 1.0 + np.tanh(phi * np.minimum(apart - epsilon, 0.0))
    else:
        ramp = 1.0 + np.tanh(phi * apart)
        ramp = _stretched(np.where(apart < epsilon, 1.0, ramp))
    if binary and np.ptp(ramp):
        from skimage import filters

        ramp = (ramp >= filters.threshold_otsu(ramp)).astype(float)
    return ramp


def _stretched(values):
    """Stretch to [0, 1]; what is all the same, up to rounding, is white."""
    least, most = values.min(), values.max()
    if most - least < 1e-9:
        return np.ones_like(values)
    return (values - least) / (most - least)


def fdog(
    gray,
    radius=5,
    refinements=2,
    sigma_c=1.0,
    sigma_m=3.0,
    rho=0.997,
    tau=0.8,
    passes=3,
    faithful=False,
):
    """Draw coherent lines: differences of Gaussians along the edges' flow.

    Args:
        gray: float `[height, width]` in [0, 1]; rounded to 8 bits.
        radius: int, pixels in which the flow is smoothed.
        refinements: int, how often it is.
        sigma_c: float, pixels, width of the lines.
        sigma_m: float, pixels, length over which they are followed.
        rho: float, share of the second Gaussian; closer to 1, less noise.
        tau: float, threshold; higher, more lines.
        passes: int, of the filter; after each, lines are drawn into the image.
        faithful: bool, whether neighbors weigh by the gradient of another
            pixel, as in the published code, which reads column c / 3 for c.

    Returns:
        float `[height, width]`, 0 or 1.

    Reference:
        Kang, Lee, Chui 2007, "Coherent line drawing";
        github.com/SSARCandy/Coherent-Line-Drawing.
    """
    from scipy import ndimage

    image = np.rint(gray * 255.0)
    flow = edge_tangent_flow(image, radius, refinements, faithful)
    for number in range(passes):
        lines = flow_filter(image / 255.0, flow, sigma_c, sigma_m, rho) >= tau
        if number < passes - 1:
            image = np.where(lines, image, 0.0)
            for axis in range(2):
                image = ndimage.correlate1d(
                    image, [0.25, 0.5, 0.25], axis, mode="mirror"
                )
            image = np.floor(image + 0.5)
    return lines.astype(float)


def edge_tangent_flow(image, radius=5, refinements=2, faithful=False):
    """Return the smoothed directions of edges, Kang et al. eq. 1 to 5.

    Args:
        image: float `[height, width]`.
        radius, refinements, faithful: as of `fdog`.

    Returns:
        float `[height, width, 2]`, unit vectors (row, column), or 0 where
        there is no edge.
    """
    from scipy import ndimage

    def slope(axis):
        taps = [-1.0, -2.0, 0.0, 2.0, 1.0], [1.0, 4.0, 6.0, 4.0, 1.0]
        found = ndimage.correlate1d(image, taps[0], axis, mode="mirror")
        return ndimage.correlate1d(found, taps[1], 1 - axis, mode="mirror")

    down, right = slope(0), slope(1)
    flow = _unit(np.stack([-right, down]))
    size = np.hypot(down, right)
    size = size / (size.max() or 1.0)
    mine, others = size, size
    if faithful:  # a norm over three equal channels, and one value of a third
        mine = np.sqrt(3.0) * size
        others = size[:, np.arange(size.shape[1]) // 3]
    disk = np.argwhere(
        np.hypot(*np.indices([2 * radius] * 2) - radius) < radius
    )
    for _ in range(refinements):
        total = np.zeros_like(flow)
        for shift in disk - radius:  # eq. 2
            here, there = _overlap(shift, image.shape)
            neighbor = flow[:, *there]
            cosine = (flow[:, *here] * neighbor).sum(axis=0)  # eq. 4, 5
            rise = others[there] - mine[here]  # eq. 3
            weight = 0.5 * (1.0 + np.tanh(rise)) * cosine
            total[:, *here] += weight * neighbor
        flow = _unit(total)
    return np.moveaxis(flow, 0, -1)


def _overlap(shift, shape):
    """Return the slices of what has a neighbor at a shift, and of those."""
    pairs = [
        (
            slice(max(0, -move), max(0, most - max(0, move))),
            slice(max(0, move), max(0, most + min(0, move))),
        )
        for move, most in zip(shift, shape, strict=True)
    ]
    return tuple(zip(*pairs, strict=True))


def _unit(vectors):
    size = np.hypot(*vectors)
    return np.divide(
        vectors, size, out=np.zeros_like(vectors), where=size > 0.0
    )


def flow_filter(image, flow, sigma_c=1.0, sigma_m=3.0, rho=0.997):
    """Filter an image across its edges and along them.

    The flow-based difference of Gaussians of Kang et al.

    Args:
        image: float `[height, width]` in [0, 1].
        flow: float `[height, width, 2]`, of `edge_tangent_flow`.
        sigma_c, sigma_m, rho: as of `fdog`.

    Returns:
        float `[height, width]`, stretched to [0, 1]: low on lines.
    """
    height, width = image.shape
    ends = np.array([height, width])[:, None, None] - 1.0
    start = np.indices(image.shape).astype(float)
    along = np.moveaxis(flow, -1, 0)
    moves = along.any(axis=0)

    def places(position):
        """Return the pixels at positions and which lie in the image."""
        inside = ((position >= 0.0) & (position <= ends)).all(axis=0)
        pixel = np.clip(np.floor(position + 0.5), 0.0, ends).astype(int)
        return tuple(pixel), inside

    # Across: the gradient is the flow turned back by 90 degrees.
    across = np.stack([along[1], -along[0]])
    narrow, wide = _gaussian(sigma_c), _gaussian(_WIDE * sigma_c)
    narrow = np.pad(narrow, (0, max(0, len(wide) - len(narrow))))
    sums = np.zeros((2, 2, height, width))  # of values and weights, for both
    for step in range(1 - len(wide), len(wide)):
        place, inside = places(start + step * across)
        weights = np.array([narrow[abs(step)], wide[abs(step)]])
        weights = weights[:, None, None] * inside
        sums += weights * image[place], weights
    center, around = sums[0] / sums[1]
    apart = np.where(moves, center - rho * around, 0.0)
    # Along: both ways, with the center once.
    weights = _gaussian(sigma_m)[:-1]
    total = -weights[0] * apart
    share = np.full(image.shape, -weights[0])
    for sign in (1.0, -1.0):
        position, going = start, moves
        for weight in weights:
            place, inside = places(position)
            going = going & inside & moves[place]
            total += weight * going * apart[place]
            share += weight * going
            position = position + sign * along[:, *place]
    average = total / share
    return _stretched(1.0 + np.tanh(np.minimum(average, 0.0)))


def _gaussian(sigma):
    """Return one side of a Gaussian, up to the first value below the cut."""
    x = np.arange(int(10 * sigma) + 10)
    values = np.exp(-(x**2) / (2.0 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    return values[: np.argmax(values < _CUT) + 1]


def photocopy(
    gray,
    mask_radius=8.0,
    sharpness=0.8,
    threshold=0.75,
    black=0.2,
    white=0.2,
):
    """Draw as GIMP's filter: darken what is darker than its surroundings.

    Args:
        gray: float `[height, width]` in [0, 1]; rounded to 8 bits.
        mask_radius: float, pixels of the surroundings.
        sharpness: float, of details.
        threshold: float, the share of the surroundings' average below which
            a pixel is darkened.
        black: float, share of the darkened pixels that become black.
        white: float, share of the others that become white.

    Returns:
        float `[height, width]` in [0, 1].

    Reference:
        GIMP, plug-ins/common/photocopy.c. Its successor in GEGL exchanges the
        two histograms, which gives much darker images.
    """
    image = np.rint(gray * 255.0)
    blur = _recursive_gaussian(image, max(1.0, 10.0 * (1.0 - sharpness)))
    average = _recursive_gaussian(image, mask_radius)
    share = blur / np.maximum(average, 1.0)
    known = share[average > 0]
    dark, bright = known[known < threshold], known[known >= threshold]
    down = _ramp(dark, black, threshold, (1.0, 0.0))
    up = _ramp(bright[bright < 2.0], 1.0 - white, threshold, (0.0, 1.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        darker = 1.0 - np.minimum(1.0, (threshold - share) / down)
        lighter = np.minimum(1.0, (share - threshold) / up)
    darker = darker if down else 0.0
    lighter = lighter if up else 1.0
    level = np.where(
        share < threshold,
        blur * darker,
        255.0 - (1.0 - lighter) * (255.0 - blur),
    )
    level = np.where(average > _DARK, level, 0.0)
    return np.floor(np.clip(level, 0.0, 255.0)) / 255.0


def _ramp(shares, part, threshold, ends):
    """Return how far from the threshold the first `part` of the shares ends.

    In bins of 0.001; `ends` where there is nothing or `part` is 0, and where
    it is 1.
    """
    if not len(shares) or part in (0.0, 1.0):
        return ends[bool(len(shares) and part)]
    bins = np.sort((shares * 1000.0).astype(int))
    return abs(threshold - bins[int(part * len(bins))] / 1000.0)


def _recursive_gaussian(image, radius):
    """Blur by Deriche's recursive Gaussian of order 4, as GIMP does.

    It falls to 1 / 255 at the radius plus 1. Results are whole numbers, cut
    after each direction.
    """
    from scipy import signal

    sigma = (radius + 1.0) / np.sqrt(2.0 * np.log(255.0))
    # h(t), for t >= 0: the real part of two damped oscillations.
    poles = np.exp(np.array([-1.783 + 0.6318j, -1.723 + 1.997j]) / sigma)
    waves = np.array([1.6803 - 3.735j, -0.6803 + 0.2598j])
    response = (waves * poles ** np.arange(4)[:, None]).real.sum(axis=1)
    response /= sigma * np.sqrt(2.0 * np.pi)
    past = np.poly([*poles, *poles.conj()]).real
    forward = np.convolve(past, response)[:4]
    backward = np.append(forward, 0.0) - past * forward[0]  # without h(0)
    for axis in range(2):
        total = 0.0
        for taps, order in ((forward, 1), (backward, -1)):
            steps = np.moveaxis(image, axis, 0)[::order]
            # As if the first value had been there forever.
            state = signal.lfilter_zi(taps, past)[:, None] * steps[:1]
            found, _ = signal.lfilter(taps, past, steps, axis=0, zi=state)
            total = total + found[::order]
        image = np.moveaxis(np.floor(np.clip(total, 0.0, 255.0)), 0, axis)
    return image


def edges(gray, sigma=1.0, low=0.1, high=0.2):
    """Draw thin edges, those of Canny by scikit-image.

    Args:
        gray: float `[height, width]` in [0, 1].
        sigma: float, pixels, of the blur before.
        low, high: float, thresholds of the gradient: edges are at least
            `low` and touch one of at least `high`.

    Returns:
        float `[height, width]`, 0 or 1.

    Reference:
        Canny 1986, "A computational approach to edge detection".
    """
    from skimage import feature

    return 1.0 - feature.canny(gray, sigma, low, high)


# Filters with parameters that were published, by the name of the style.
STYLES = {
    # github.com/mehdidc/xdog_filter
    "xdog": xdog,
    # github.com/SerialLain3170/Colorization: p 20, epsilon 0.5, phi 10
    "xdog-article": functools.partial(
        xdog,
        sigma=1.0,
        gamma=20 / 21,
        epsilon=0.5 / 21,
        phi=210.0,
        rule="article",
    ),
    # Its nohint_pix2pix: p 19, epsilon 0.01
    "xdog-lineart": functools.partial(
        xdog,
        sigma=0.4,
        k=4.5,
        gamma=0.95,
        epsilon=0.0005,
        phi=1e9,
        rule="article",
        product=True,
    ),
    "fdog": fdog,
    "photocopy": photocopy,
    "edges": edges,
}


def draw(image, style="xdog", **parameters):
    """Draw a photograph.

    Args:
        image: uint8 `[height, width, 3]`, or gray `[height, width]` or
            `[height, width, 1]`, of any size.
        style: str, one of `STYLES`.
        **parameters: those of its filter that differ from the style's.

    Returns:
        uint8 `[height, width, 3]`, gray: black strokes on white.

    Raises:
        UserError: if an argument is invalid, or SciPy or scikit-image is
            missing.
    """
    ((name, known),) = styles({style: parameters}).items()
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if (
        image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] not in (1, 3)
        or not image.size
    ):
        raise UserError(
            "image must be uint8 [height, width, 3], or gray. "
            f"Received: {image.dtype.name} {image.shape}"
        )
    from skimage import color

    gray = image[..., 0] / 255.0
    if image.shape[2] == 3:
        gray = color.rgb2gray(image)
    drawing = STYLES[name](gray, **known)
    levels = np.rint(255.0 * drawing).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)


def styles(given):
    """Check styles; return all their parameters.

    Args:
        given: str, names separated by commas; a list of names; or a dict from
            name to a dict of the parameters that differ from the style's, or
            such a dict as text.

    Returns:
        dict from the name of each style to a dict of all its parameters.

    Raises:
        UserError: if one is unknown or out of range, or SciPy or scikit-image
            is missing.
    """
    if isinstance(given, str) and given.strip().startswith("{"):
        try:
            given = ast.literal_eval(given.strip())
        except (ValueError, SyntaxError):
            raise UserError(
                "sketch_style must be names, or a dict such as "
                f"{{'xdog': {{'sigma': 1.0}}}}. Received: {given!r}"
            ) from None
    elif isinstance(given, str):
        given = given.split(",")
    if not isinstance(given, dict | list | tuple):
        raise UserError(
            "sketch_style must be names, or a dict from names to parameters. "
            f"Received: {given!r}"
        )
    if not isinstance(given, dict):
        given = {str(name).strip(): {} for name in given}
    if not given:
        raise UserError("sketch_style must name a style. Received: none")
    found = {}
    for name, changes in given.items():
        checks.one_of(STYLES, sketch_style=name)
        _, *known = inspect.signature(STYLES[name]).parameters.values()
        known = {parameter.name: parameter.default for parameter in known}
        if not isinstance(changes, dict):
            raise UserError(
                f"parameters of {name} must be a dict. Received: {changes!r}"
            )
        for parameter, value in changes.items():
            checks.one_of(known, **{f"a parameter of {name}": parameter})
            _check(parameter, value, known[parameter])
        found[name] = values = known | changes
        if values.get("low", 0.0) > values.get("high", 1.0):
            raise UserError(
                f"low must be at most high, {values['high']}. "
                f"Received: {values['low']}"
            )
    _check_installed()
    return found


def _check(name, value, default):
    """Check the value of a parameter by its range and its default's type."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be True or False. Received: {value}")
    elif isinstance(default, str):
        checks.one_of(_RULES, **{name: value})
    else:
        is_integer = isinstance(default, int)
        check = checks.between if is_integer else checks.number
        check(*RANGES[name], **{name: value})


@functools.cache
def _check_installed():
    try:
        import scipy  # noqa: F401
        import skimage  # noqa: F401
    except ImportError as error:
        raise UserError(
            "sketches need packages that are missing: pip install "
            f'"keras_gans[sketch]" ({error})'
        ) from None
