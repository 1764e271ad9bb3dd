"""Distances of maps, beside their equation taken literally."""

import itertools
import json

import numpy as np
import pytest

from keras_gans import metrics
from tests.metrics import tiny

LAYERS = {"convolution_1": 4, "convolution_2": 8}


@pytest.fixture(scope="module")
def extractor():
    return tiny.extractor()


def distance(extractor, x, y, weights):
    """Return the distance of two images, Zhang et al. 2018, eq. 1."""
    maps = [extractor.maps(picture[None]) for picture in (x, y)]
    total = 0.0
    for layer, of_channels in weights.items():
        pair = [np.float64(m[layer][0]) for m in maps]
        lengths = [np.linalg.norm(m, axis=-1, keepdims=True) for m in pair]
        unit = [m / (n + 1e-10) for m, n in zip(pair, lengths, strict=True)]
        total += ((unit[0] - unit[1]) ** 2 @ of_channels).mean()
    return total


@pytest.mark.parametrize("is_weighted", [False, True])
def test_distance_and_diversity_equal_the_equation(
    is_weighted, extractor, tmp_path
):
    weights, file = {n: np.ones(c) for n, c in LAYERS.items()}, None
    if is_weighted:
        weights = {n: np.arange(c) / c for n, c in LAYERS.items()}
        file = tmp_path / "channels.npz"
        np.savez(file, **weights)
    real, fake = tiny.pictures(6), tiny.pictures(6, seed=1)
    metric = metrics.PerceptualDistance(extractor, file)
    pairs = zip(real, fake, strict=True)
    expected = [distance(extractor, *pair, weights) for pair in pairs]
    np.testing.assert_allclose(metric.per_picture(real, fake), expected, 1e-5)
    metric.update_state(real[:2], fake[:2])
    assert float(metric(real[2:], fake[2:])) == pytest.approx(
        np.mean(expected), rel=1e-5
    )
    diversity = metrics.Diversity(extractor, file)
    diversity.update_state(None, fake[:1])
    diversity.update_state(real, fake[1:])
    pairs = itertools.combinations(fake, 2)
    expected = [distance(extractor, *pair, weights) for pair in pairs]
    assert diversity.result() == pytest.approx(np.mean(expected), rel=1e-5)
    for one in (metric, diversity):
        protocol = json.loads(json.dumps(one.protocol()))
        assert protocol["extractor"]["layers"] == list(LAYERS)
        source = "channels.npz" if is_weighted else "all 1"
        assert protocol["channel_weights"] == source
        assert "lpips" not in protocol["title"].lower()


def test_equal_outputs_have_no_diversity(extractor):
    fake = tiny.pictures(1).repeat(5, axis=0)
    metric = metrics.Diversity(extractor)
    metric.update_state(None, fake)
    assert metric.result() == pytest.approx(0.0, abs=1e-6)
    assert metric.counts() == (0, 5)
    metric.reset_fakes()
    metric.update_state(None, fake[:1])
    with pytest.raises(ValueError, match="at least 2 fake.*Received: 1"):
        metric.result()


def test_weights_that_do_not_fit_are_refused(extractor):
    good = {n: np.ones(c) for n, c in LAYERS.items()}
    for wrong in (
        {"convolution_1": np.ones(4)},
        {**good, "convolution_2": np.ones(4)},
        {**good, "convolution_2": -np.ones(8)},
    ):
        with pytest.raises(ValueError, match="channel_weights must be of"):
            metrics.PerceptualDistance(extractor, wrong)
