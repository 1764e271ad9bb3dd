"""Detect failed training from images and loss terms.

Pure functions of NumPy arrays and floats. Each returns one line with the
measured number, its usual cause and what to try, or None if nothing is wrong.

"Healthy" figures are those of the embedded faces at 64x64: photo to anime at
the article's size and batch 16 (steps 1000 to 2000), and with 16 filters at
batch 8 (non-saturating, photo to anime, 1000 to 2500; least squares, photo to
sketch, step 1000; hinge, anime to sketch, and wasserstein, photo to anime,
steps 500 to 800). Both directions count. tests/benchmarks/README.md, "The
health check's signs", has those of other data.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# A copy: |output - input|, the median over the images, as part of what inputs
# differ from unrelated images of the target domain. Healthy 0.6 to 1.24. Where
# only an object is to change, as in horse to zebra, most of the image rightly
# stays: so far below all that.
COPY = 0.05
# Where labels change, nearly all of an image may stay: a smile changes the
# drawn faces by 0.0095, other labels by 0.03 to 0.37.
COPY_OF_LABELS = 0.005

# One output for all: variety (standard deviation over the batch) of the
# outputs as part of that of inputs or target domain, whichever is smaller.
# Healthy 0.56 to 1.18; 0.01 before the first step.
COLLAPSE = 0.1

# Few images: distance of an output to the one most like it (root mean square,
# median over the batch), divided by the contrast of all, as part of the same
# among real images or inputs, whichever is smaller. Healthy, of a DCGAN on the
# embedded faces with 12 filters, 0.78 to 0.98 (steps 1000 to 1500); of
# translations 0.54 to 1.02.
FEW = 0.25

# Blank: spread of the pixels within an output as part of that within a real
# image, the lower quartiles, as what is wrong with a quarter of the images is
# seen. Healthy 0.60 to 1.1. Saturated: share of values at either end, the upper
# quartile, beyond that of the real images. Healthy 0.00. Off in color: mean of
# a channel, in units of [-1, 1], away from that of the real images. Healthy up
# to 0.26. By image it would be no sign: of two domains, one may rightly vary
# more.
BLANK = 0.25
SATURATED = 0.5
OFF_COLOR = 0.5

# Inverted: correlation of input and output over all pixels. Luminance,
# healthy 0.45 to 0.8: chance keeps close to 0. Colors, healthy -0.2 to 0.8:
# a translation may rightly give hair or skin another one (people to anime
# reached -0.4), so only nearly all of a color counts. Not where the mean
# images of the two domains are opposite themselves, as black on white and
# white on black, and not in a channel that is next to empty.
INVERTED = -0.3
INVERTED_COLOR = -0.6
EMPTY_CHANNEL = 0.03

# Checkerboard: amplitude, in units of [-1, 1], of what repeats every two or
# four pixels, beyond that of the target domain. 0.035 is 4.5 of 255 levels,
# all over the image. Healthy from step 2000 on up to 0.02, with 16 filters
# 0.03. Runs whose images were plainly covered had 0.04 to 0.07.
CHECKERBOARD = 0.035

# Dots: amplitude of what alternates from pixel to pixel along rows and columns,
# in the cell of 8x8 below which a quarter lies, beyond that of the target
# domain. The mean over the image cancels where the sign follows the content,
# and cells with outlines alternate, too. Real images have 0.0005 to 0.0016,
# outputs without visible dots up to 0.003, with faint ones 0.0044 to 0.005.
DOTS = 0.004
# Grain: what differs from the mean of 3x3 pixels (root mean square), in the
# cell of 8x8 below which a tenth lies, which has no outlines, beyond that of
# the target domain. Clean up to 0.022, visibly grainy from 0.041 on.
GRAIN = 0.03
_CELL = 8

# Mean of the terms `real` and `fake` of one discriminator: below the first
# number it wins outright, above the second it loses outright.
DISCRIMINATOR = {
    # It wins with 95 percent sure and right; it has ln 2 = 0.69 where it
    # cannot tell. It loses with 98 percent sure and wrong on the fakes while
    # undecided on the rest. Healthy 0.38 to 0.58.
    "non_saturating": (0.05, 2.0),
    # It wins within 0.1 of both labels. 0.25 is "cannot tell", and 0.5 what
    # calling everything real costs. Healthy 0.17.
    "least_squares": (0.01, 0.5),
    # It wins with nearly all beyond its margin; 1 is "cannot tell", 2 is as
    # wrong as it is asked to be right. Healthy 0.47 to 0.55.
    "hinge": (0.05, 2.0),
}
# A critic's scores have no scale, and a large distance is no failure. It
# loses where fakes score higher than reals by this part of the scores, and
# has run away where scores pass the second number. Healthy: fakes 0.1 to 0.9
# below reals, scores up to 8.
CRITIC_LOSES = 0.1
CRITIC_RUNS_AWAY = 1000.0
# It drifts where real images score beyond this and at least about twice what
# they scored at half the steps.
CRITIC_DRIFTS = 100.0


def copied(inputs, outputs, targets, limit=COPY):
    """Tell whether outputs equal their inputs.

    Args:
        inputs, outputs: float `[batch, height, width, channels]` in [-1, 1].
        targets: the same for real images of the target domain, or `inputs`
            where there is none; the number of images may differ.
        limit: float, the share below which they do.

    Returns:
        str or None, as all functions here.
    """
    count = min(len(inputs), len(targets))
    # Of pairs each with the next one's target.
    unrelated = inputs[:count] - np.roll(targets[:count], 1, axis=0)
    changes = np.abs(outputs - inputs).mean(axis=(1, 2, 3))
    share = np.median(changes) / max(np.abs(unrelated).mean(), 1e-6)
    if share >= limit:
        return None
    return (
        f"translations differ from their inputs by {share:.1%} of what "
        f"unrelated images differ by (below {limit:.1%}). Usually the "
        "generator has learned to do nothing, because what ties it to the "
        "input (cycle, identity, reconstruction) outweighs the adversarial "
        "term. Try lower weights of these, and identity 0"
    )


def hardly_changed(inputs, outputs, targets):
    """Tell the same where labels change; arguments as `copied`."""
    return copied(inputs, outputs, targets, COPY_OF_LABELS)


def collapsed(inputs, outputs, targets):
    """Tell whether all outputs are the same; arguments as `copied`."""
    variety = [p.std(axis=0).mean() for p in (inputs, targets, outputs)]
    # One image, or equal ones, have no variety to lose.
    possible = min(variety[:2])
    if possible < 0.01 or variety[2] >= COLLAPSE * possible:
        return None
    return (
        f"translations vary among themselves by {variety[2] / possible:.1%} "
        f"of what the real images vary by (below {COLLAPSE:.0%}): one "
        "output for all inputs. Usually the discriminator has been too "
        "strong, or what ties outputs to inputs (cycle, reconstruction) is "
        "off. Try a lower learning rate, a higher weight of that, or a larger "
        "batch; a collapsed generator seldom recovers, so start over"
    )


def few(inputs, outputs, targets):
    """Tell whether outputs are few images; as `copied`.

    Two images that are nearly the same are counted as one, so that outputs
    may be several images and yet few. Without inputs, `inputs` are real
    images, too.
    """
    if min(map(len, (inputs, outputs, targets))) < 4:
        return None
    # By contrast: images that fade to gray are as many as before.
    seen, *possible = (
        _apart(p) / max(p.std(), 1e-6) for p in (outputs, inputs, targets)
    )
    real = min(possible)
    # Real images that are the same ones have nothing to lose.
    if real < 0.01 or seen >= FEW * real:
        return None
    return (
        f"an output differs from the one most like it by {seen / real:.1%} of "
        f"what real images differ by (below {FEW:.0%}): few images for all. "
        "Usually the generator has found images that the "
        "discriminator does not reject. Try a lower learning rate, a larger "
        "batch, or another adversarial_loss; a collapsed generator seldom "
        "recovers, so start over"
    )


def washed_out(inputs, outputs, targets):
    """Tell whether outputs are blank, saturated or all of one color cast.

    Arguments as `copied`. The real images are the measure, and not the
    outputs of an earlier look: so a resumed run warns as one without
    interruption.
    """
    both = outputs, targets
    spread, real = (
        np.quantile(p.std(axis=(1, 2)).mean(axis=-1), 0.25) for p in both
    )
    ends, real_ends = (
        np.quantile((np.abs(p) > 0.98).mean(axis=(1, 2, 3)), 0.75) for p in both
    )
    off = np.abs(outputs.mean(axis=(0, 1, 2)) - targets.mean(axis=(0, 1, 2)))
    if real > 0.01 and spread < BLANK * real:
        seen = (
            f"outputs are blank: in a quarter of them pixels vary by at most "
            f"{spread / real:.1%} of what they do in real images (below "
            f"{BLANK:.0%})"
        )
    elif ends - real_ends > SATURATED:
        seen = (
            f"outputs are saturated: in a quarter of them at least {ends:.0%} "
            f"of the values are at either end, in real images {real_ends:.0%}"
        )
    elif off.max() > OFF_COLOR:
        seen = (
            f"the mean of {('red', 'green', 'blue')[off.argmax()]} is "
            f"{off.max():.2f} away from that of real images (above "
            f"{OFF_COLOR})"
        )
    else:
        return None
    return (
        f"{seen}. Usually the discriminator is far ahead, or in progressive "
        "growth a new resolution came in too fast. Try a lower learning rate, "
        "or more images for each fade"
    )


def drifting(scores):
    """Tell whether a critic's scores of real images grow without bound.

    Args:
        scores: floats, the term `real` of a Wasserstein loss over the run,
            evenly spaced.
    """
    # Where growth is at least linear, twice the steps double the scores.
    half, last = len(scores) // 2, max(1, len(scores) // 10)
    if half <= last:
        return None
    before, now = (
        np.abs(part).mean()
        for part in (scores[half - last : half], scores[-last:])
    )
    if now < CRITIC_DRIFTS or now < 1.9 * before:
        return None
    return (
        f"drifts: it scores real images {now:.0f} from zero (above "
        f"{CRITIC_DRIFTS:.0f}), and {before:.0f} at half the steps. Only "
        "differences of scores count, so nothing holds them near zero, and in "
        "bfloat16 large ones lose their digits. Try a drift term (weight "
        "0.001 of the squared scores), or a lower learning rate"
    )


def inverted(inputs, outputs, targets):
    """Tell whether brightness or a color is inverted.

    Arguments as `copied`, with three channels.
    """
    planes = zip(
        (
            ("light and dark", INVERTED),
            ("red and green", INVERTED_COLOR),
            ("blue and yellow", INVERTED_COLOR),
        ),
        *(_opponent(p) for p in (inputs, outputs, targets)),
        strict=True,
    )
    for (name, limit), *channels in planes:
        x, y, target = channels
        if min(channel.std() for channel in channels) < EMPTY_CHANNEL:
            continue
        seen = _correlation(x, y)
        expected = _correlation(x.mean(axis=0), target.mean(axis=0))
        if seen < limit < expected:
            return (
                f"{name} are inverted: correlation {seen:.2f} of input and "
                f"translation (below {limit}). Usually an early accident "
                "that the cycle term keeps, as inverting twice restores the "
                "input. Try another --seed, or a weight for identity (half "
                "that of cycle), which forbids it"
            )
    return None


def checkered(inputs, outputs, targets):
    """Tell whether a checkerboard covers the outputs; as `copied`.

    Images below 32 pixels have too few cells to tell.
    """
    if min(outputs.shape[1:3]) < 32 or min(targets.shape[1:3]) < 32:
        return None
    for measure, limit in ((checkerboard, CHECKERBOARD), (dots, DOTS)):
        seen, real = measure(outputs), measure(targets)
        if seen**2 >= real**2 + limit**2:
            break
    else:
        return None
    return (
        f"a pattern every two or four pixels has amplitude {seen:.3f} of 1, "
        f"in real images {real:.3f}. Usually strided transposed "
        "convolutions that overlap unevenly, or a discriminator that is "
        "ahead. Try more steps, with which it often fades, a lower learning "
        "rate, or, where the model has it, upsampling=resize"
    )


def grainy(inputs, outputs, targets):
    """Tell whether even areas of the outputs are noisy; as `checkered`."""
    if min(outputs.shape[1:3]) < 32 or min(targets.shape[1:3]) < 32:
        return None
    seen, real = grain(outputs), grain(targets)
    if seen**2 < real**2 + GRAIN**2:
        return None
    return (
        f"pixels differ from those around them by {seen:.3f} of 1 even where "
        f"there is little to see, in real images by {real:.3f}. Usually the "
        "training is not done, or the discriminator takes grain for detail. "
        "Try more steps, an average of the weights (ema 0.999), or a lower "
        "learning rate"
    )


def checkerboard(pictures):
    """Return the amplitude of patterns that repeat every 2 or 4 pixels.

    The energy of the spectrum at exactly 1/4 and 1/2 cycles per pixel, in
    all directions: the frequencies of strides 4 and 2. Without it, the
    sixteen means of every fourth pixel of every fourth row are equal.

    Args:
        pictures: float `[batch, height, width, channels]`.

    Returns:
        float, root mean square amplitude in the unit of the images.

    Reference:
        Odena et al. 2016, "Deconvolution and Checkerboard Artifacts".
    """
    batch, height, width, channels = pictures.shape
    cells = pictures[:, : height - height % 4, : width - width % 4]
    cells = cells.reshape(batch, height // 4, 4, width // 4, 4, channels)
    means = cells.mean(axis=(1, 3))
    return float(np.sqrt(means.var(axis=(1, 2)).mean()))


def dots(pictures):
    """Return the amplitude of what alternates from pixel to pixel, locally.

    Args:
        pictures: float `[batch, height, width, channels]`, sides from 8 up.

    Returns:
        float, the mean over the channels, the lower quarter over cells of
        8x8 pixels, in the unit of the images. White noise has a fifteenth of
        its deviation.
    """
    signs = (-1.0) ** np.arange(_CELL)
    waves = np.einsum("bihjwc,h,w->bijc", _cells(pictures), signs, signs)
    return float(np.quantile(np.abs(waves).mean(axis=-1), 0.25)) / _CELL**2


def grain(pictures):
    """Return the noise of the more even areas; as `dots`.

    Returns:
        float, the lower tenth over the cells of the root mean square of what
        differs from the mean of 3x3 pixels.
    """
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2))
    means = windows.mean(axis=(-2, -1))
    squares = _cells((pictures - means) ** 2).mean(axis=(2, 4, 5))
    return float(np.sqrt(np.quantile(squares, 0.1)))


def one_sided(loss_name, real, fake):
    """Tell whether a discriminator wins or loses outright.

    Args:
        loss_name: str, a key of `keras_gans.losses.ADVERSARIAL`.
        real, fake: floats, its two terms, means over many images.
    """
    if loss_name == "wasserstein":
        return _critic(real, fake)
    low, high = DISCRIMINATOR[loss_name]
    loss = (real + fake) / 2
    if loss < low:
        return (
            f"wins outright: mean loss {loss:.4f} (below {low}). The "
            "generator then learns little from it. Try a smaller or slower "
            "discriminator, more or more varied images, or a lower weight "
            "of cycle"
        )
    if loss > high:
        return (
            f"loses outright: mean loss {loss:.2f} (above {high}). The "
            "generator then fools it with anything. Try a larger or faster "
            "discriminator, or a lower learning rate of the generator"
        )
    return None


# Name, function, and what there must be beside the outputs. The first that is
# seen is told: those below often follow from it, as grain from a checkerboard.
OF_IMAGES = (
    ("copied input", copied, "input"),
    ("one output for all", collapsed, "input"),
    ("few images", few, None),
    ("inverted", inverted, "input"),
    ("washed out", washed_out, "reals"),
    ("checkerboard", checkered, None),
    ("grain", grainy, None),
)


def _critic(real, fake):
    scale = max(abs(real), abs(fake))
    if scale > CRITIC_RUNS_AWAY:
        return (
            f"runs away: scores near {scale:.0f} (above "
            f"{CRITIC_RUNS_AWAY:.0f}). A wasserstein critic needs a bound "
            "on its slope. Try a gradient penalty of higher weight, a lower "
            "learning rate, or another adversarial_loss"
        )
    if real + fake > CRITIC_LOSES * scale and scale > CRITIC_LOSES:
        return (
            f"loses outright: fakes score {real + fake:.2f} above reals. "
            "Try more critic steps, or a lower learning rate"
        )
    return None


def _cells(pictures):
    """Cut images into cells: `[batch, rows, 8, columns, 8, channels]`."""
    batch, height, width, channels = pictures.shape
    rows, columns = height // _CELL, width // _CELL
    cut = pictures[:, : rows * _CELL, : columns * _CELL]
    return cut.reshape(batch, rows, _CELL, columns, _CELL, channels)


def _apart(pictures):
    """Return how far an image is from the one most like it, the median."""
    rows = pictures.reshape(len(pictures), -1).astype(np.float64)
    squares = (rows * rows).sum(axis=1)
    distances = squares[:, None] + squares - 2.0 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    nearest = distances.min(axis=1).clip(0.0) / rows.shape[1]
    return float(np.median(np.sqrt(nearest)))


def _opponent(pictures):
    """Split RGB into luminance and two color differences."""
    red, green, blue = np.moveaxis(pictures, -1, 0)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance, (red - green) / 2, (red + green) / 4 - blue / 2


def _correlation(x, y):
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale else 0.0
