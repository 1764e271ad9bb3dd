"""Style transfer: the published program's steps, resuming, regions, colors."""

import functools
import itertools
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images, interop
from keras_gans.networks.vgg import vgg
from keras_gans.style import NotFinite, colors, presets, stylize, transfer
from keras_gans.style.objective import Objective, Region
from keras_gans.style.optimizers import adam
from tests.networks.pytorch_reference import nchw

TINY = {"base_filters": 2, "sizes": [22, 32], "steps": [6, 4], "seed": 3}
WEIGHTS = "content_weight", "style_weight", "variation_weight"
MEAN = [103.939, 116.779, 123.68]  # blue, green, red


@pytest.fixture(scope="module")
def pictures():
    """A content and two styles of other sizes."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, 256, (height, width, 3), dtype="uint8")
        for height, width in ((30, 40), (28, 28), (50, 44))
    ]


@pytest.fixture
def eagerly():
    """Traces nothing: one evaluation is over sooner."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("case,pooling", [("max", "max"), ("avg", "average")])
def test_steps_of_adam_are_those_of_the_program(reference, case, pooling):
    fixture = reference("style_vgg19")
    widths = 4, 8, 16, 32, 32  # a sixteenth
    recipe = presets.recipe("gatys", "published")
    recipe = recipe._replace(
        style_layers={
            n: 1e3 / w**2
            for n, w in zip(recipe.style_layers, widths, strict=True)
        },
        variation_weight=1e-3,
    )
    layers = *recipe.content_layers, *recipe.style_layers
    network = vgg("vgg19", layers, pooling=pooling, base_filters=4)
    interop.load_reference(network, fixture.group("w/vgg"), "vgg")
    content, style, pixels = (
        images.to_float(fixture[f"in/{name}_rgb"]).numpy()
        for name in ("content", "style", "picture")
    )
    region = Region(None, [(1.0, style, None)])
    objective = Objective(network, recipe, content, [region])
    totals = []

    def watched(pixels):
        found = objective(pixels)
        totals.append(found[0]["total"])
        return found

    state = []
    for steps in (1, 3):
        more = steps - len(totals)
        pixels, state = adam(watched, pixels, state, more)
        preprocessed = (pixels[..., ::-1] + 1) * 127.5 - MEAN
        fixture.assert_close(
            f"{case}_adam/picture_{steps}",
            nchw(preprocessed[np.newaxis]),
            rtol=1e-5,
            atol=1e-3,
        )
    fixture.assert_close(f"{case}_adam/total_loss", totals)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_goes_on_from_any_state_with_the_same_bits(
    pictures, optimizer, monkeypatch, eagerly
):
    monkeypatch.setattr(transfer, "PART", 4)
    states, told = [], []
    run = functools.partial(
        stylize, pictures[0], pictures[1:], optimizer=optimizer, **TINY
    )
    whole = run(on_state=states.append, progress=told.append)
    assert whole.shape == (24, 32, 3) and whole.dtype == np.uint8
    assert [s[:2] for s in states] == [(0, 4), (0, 6), (1, 4)]
    assert [one.step for one in told] == list(range(1, 11))
    assert {one.size for one in told} == {(16, 22), (24, 32)}
    assert told[4].terms["total"] < told[0].terms["total"]
    parts = sum(told[4].terms.values()) - told[4].terms["total"]
    np.testing.assert_allclose(parts, told[4].terms["total"], rtol=1e-5)
    for state in states:
        np.testing.assert_array_equal(run(state=state), whole)


def test_starts_presets_and_colors(pictures, eagerly):
    content = images.fit(pictures[0], 24, 32)
    run = functools.partial(
        stylize,
        pictures[0],
        pictures[1:2],
        **TINY | {"sizes": [32], "steps": [1]},
    )
    # L-BFGS evaluates the start first, and has nothing better then.
    np.testing.assert_array_equal(run(), content)
    noise = run(preset="neural-style", start="noise")
    assert noise.std(axis=(0, 1)).max() < 1  # almost one color, VGG's mean
    assert np.abs(noise.mean((0, 1)) - MEAN[::-1]).max() < 1
    assert run(rule="paper", start="noise").std() > 50  # white noise
    assert np.abs(run(start="style").astype(int) - content).mean() > 30
    # The first style is that also where another one has no mask.
    both = [np.full_like(pictures[1], value) for value in (255, 0)]
    half = np.zeros_like(pictures[0])
    half[:, ::2] = 255
    options = {**TINY, "sizes": [32], "steps": [1], "start": "style"}
    first = stylize(pictures[0], both, masks=[half, None], **options)
    assert first.min() == 255
    kept = run(start="noise", colors="luminance", optimizer="adam")
    found, expected = (
        colors.with_colors(images.to_float(content).numpy() * 0, x)
        for x in (images.to_float(y).numpy() for y in (kept, content))
    )
    assert np.abs(found - expected).max() < 0.3  # clipped here and there
    assert np.abs(found - expected).mean() < 0.02


def test_halved_sums_of_the_paper(pictures, eagerly):
    content, style = (
        images.to_float(x[:24, :24]).numpy() for x in pictures[:2]
    )
    paper = presets.recipe("gatys", "paper")
    means = paper._replace(halved_sums=False)
    layers = *paper.content_layers, *paper.style_layers
    network = vgg("vgg19", layers, base_filters=2)
    region = [Region(None, [(1.0, style, None)])]
    (halved, _), (whole, _) = (
        Objective(network, recipe, content, region)(style)
        for recipe in (paper, means)
    )
    count = 3 * 3 * 16  # of conv4_2 at 24 pixels
    np.testing.assert_allclose(
        halved["content"], whole["content"] * count / 2, rtol=1e-5
    )
    whole, _ = Objective(network, means, content, region)(content)
    halved, _ = Objective(network, paper, content, region)(content)
    np.testing.assert_allclose(halved["style"], whole["style"] / 4, rtol=1e-5)


def test_regions_have_their_own_styles(eagerly):
    rng = np.random.default_rng(0)
    content, first, second = (
        rng.uniform(-1, 1, (32, 32, 3)).astype("float32") for _ in range(3)
    )
    recipe = presets.recipe()._replace(
        style_layers={"relu1_1": 1.0, "relu2_1": 1.0}, content_weight=0.0
    )
    network = vgg("vgg19", recipe.style_layers, base_filters=2)
    left = np.zeros((32, 32), "float32")
    left[:, :16] = 1.0

    def evaluated(*regions):
        return Objective(network, recipe, content, regions)(content)

    terms, gradient = evaluated(Region(left, [(1.0, first, None)]))
    assert set(terms) == {"total", "style"}
    assert np.abs(gradient[:, :16]).min(-1).max() > 0
    assert not gradient[:, 20:].any()
    both, gradient_of_both = evaluated(
        Region(left, [(0.5, first, None)]),
        Region(1 - left, [(0.5, second, None)]),
    )
    other, others = evaluated(Region(1 - left, [(1.0, second, None)]))
    np.testing.assert_allclose(
        both["total"], (terms["total"] + other["total"]) / 2, rtol=1e-5
    )
    np.testing.assert_allclose(
        gradient_of_both, (gradient + others) / 2, rtol=1e-4
    )
    # Of a style only what its own mask shows.
    edge = np.where(np.arange(32) < 8, left, 0.0)
    half = np.concatenate([first[:, :16], second[:, :16]], 1)
    masked, same = (
        evaluated(Region(None, [(1.0, image, edge)]))[0]["total"]
        for image in (first, half)
    )
    np.testing.assert_allclose(masked, same, rtol=1e-5)


def test_random_weights_are_weighed_by_what_they_do(pictures, eagerly):
    content, style = (
        images.to_float(x[:24, :24]).numpy() for x in pictures[:2]
    )
    recipe = presets.recipe()
    layers = *recipe.content_layers, *recipe.style_layers
    network = vgg("vgg19", layers, base_filters=2)
    noise = np.random.default_rng(0).normal(size=content.shape)
    noise = noise.astype("float32")
    region = [Region(None, [(1.0, style, None)])]
    for content_weight, style_weight in ((2.0, 0.0), (0.0, 2.0)):
        weights = {
            "content_weight": content_weight,
            "style_weight": style_weight,
        }
        own = recipe._replace(**weights)
        _, gradient = Objective(network, own, content, region, noise)(noise)
        # Of one layer exactly, of several at most.
        norm = np.linalg.norm(gradient)
        assert norm == pytest.approx(2.0, rel=1e-4) or 0.4 < norm < 2.0


def test_matched_colors():
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (9, 7, 3)) * [1.0, 0.5, 0.1]
    other = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 3)) * 0.2 + 0.1
    found = colors.matched(image, other[np.newaxis])
    rows = found.reshape(-1, 3)
    np.testing.assert_allclose(rows.mean(0), other.mean(0), atol=1e-6)
    np.testing.assert_allclose(np.cov(rows.T), np.cov(other.T), atol=1e-6)
    flat = colors.matched(np.ones((4, 4, 3)), other[np.newaxis])
    np.testing.assert_allclose(flat - other.mean(0), 0, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_nan_leaves_the_last_good_image(
    pictures, optimizer, monkeypatch, eagerly
):
    count, evaluate = itertools.count(1), Objective.__call__

    def spoiled(self, pixels):
        terms, gradient = evaluate(self, pixels)
        return terms, gradient * (np.nan if next(count) == 4 else 1)

    monkeypatch.setattr(Objective, "__call__", spoiled)
    told = []
    with pytest.raises(NotFinite, match="NaN or infinity") as caught:
        stylize(
            *(pictures[0], pictures[1:2]),
            **TINY | {"sizes": [22], "steps": [9], "optimizer": optimizer},
            progress=lambda one: told.append((one.terms["total"], one.image())),
        )
    assert len(told) == 4
    good = min(told[:3])[1] if optimizer == "lbfgs" else told[2][1]
    np.testing.assert_array_equal(caught.value.image, good)


def dot():
    """White that is too small to be left."""
    mask = np.zeros((1000, 1000, 3), np.uint8)
    mask[500:504, 500:504] = 255
    return [mask, None]


def test_masks_are_stretched():
    mask = np.zeros((40, 20, 3), np.uint8)
    mask[:10] = 255  # which a square cut out of the middle would not have
    found = transfer._mask(mask, 20, 20)
    np.testing.assert_allclose(found[:4], 1.0, atol=0.05)
    np.testing.assert_allclose(found[6:], 0.0, atol=0.05)


@pytest.mark.parametrize(
    "arguments,rule",
    [
        (
            {"preset": "fast"},
            "preset must be one of gatys, neural-style.*'fast'",
        ),
        (
            {"preset": "neural-style", "rule": "paper"},
            "rule of preset neural-style must be one of published.*'paper'",
        ),
        ({"colors": "gray"}, "colors must be one of style, hist.*'gray'"),
        ({"start": "zero"}, "start must be one of content, noise.*'zero'"),
        ({"optimizer": "sgd"}, "optimizer must be one of lbfgs, adam"),
        ({"steps": [1]}, "steps must be as many numbers as sizes.*32.*1"),
        ({"sizes": [0, 32]}, "sizes must be an integer from 1 up.*0"),
        ({"sizes": [8, 32]}, "content must have sides from 16 .*is 8.*8 x 6"),
        ({"style_scale": 0.5}, "styles must have sides from 16 .*11 x 11"),
        ({"style_weight": -1.0}, "style_weight must be a finite number from 0"),
        (
            dict.fromkeys(WEIGHTS, 0),
            "one of content_weight, .* must be above 0",
        ),
        ({"shares": [1.0]}, "shares must be one for each of the 2 styles.*1"),
        ({"shares": [1.0, 0.0]}, "shares must be a finite number"),
        (
            {"masks": [None, np.zeros((4, 4, 3), "uint8")]},
            "masks must have some",
        ),
        (
            {"masks": [None, np.ones((4, 4, 3))]},
            "of masks must be uint8.*float",
        ),
        ({"masks": dot()}, "masks must have some white, also when.*is 22"),
        ({"masks": np.zeros((4, 4, 3))}, "masks must be one for each.*4"),
        ({"sizes": 256}, "sizes must be a list.*256"),
        ({"network": "vgg11"}, "name must be one of vgg16, vgg19"),
        ({"weights": "no.pth"}, "weights must be a file that exists"),
    ],
)
def test_what_does_not_fit(pictures, arguments, rule):
    with pytest.raises(ValueError, match=rule) as error:
        stylize(pictures[0], pictures[1:], **TINY | arguments)
    assert "\n" not in str(error.value)


def test_a_missing_package_is_named(pictures, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(
        ValueError, match=r"keras_gans\[style\].*or choose adam"
    ):
        stylize(pictures[0], pictures[1:], **TINY)


def test_images_must_be_uint8(pictures):
    for content, styles, rule in (
        (pictures[0] / 255, pictures[1:], "content must be uint8.*float64"),
        (
            pictures[0],
            [pictures[1][..., 0]],
            r"styles must be uint8.*\(28, 28\)",
        ),
        (pictures[0], [], "styles must hold one or more"),
    ):
        with pytest.raises(ValueError, match=rule):
            stylize(content, styles, **TINY)
