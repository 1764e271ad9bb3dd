"""FID, KID, precision and recall, beside torch-fidelity's on its features."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import metrics
from tests.metrics import tiny


class Features(metrics.Extractor):
    """Stands for a network whose features are given."""

    def __init__(self, dimensions):
        self.name, self.dimensions = "given", dimensions
        self.is_published = False

    def protocol(self):
        return {"name": self.name}


@pytest.fixture(scope="module")
def extractor():
    return tiny.extractor()


@pytest.mark.parametrize("case", ["plenty", "fewer_than_dimensions"])
def test_equal_torch_fidelity(case, reference):
    """The numbers are from `python -m tests.metrics.make_reference`."""
    expected = reference("metrics").group(case)
    real, fake = expected["real"], expected["fake"]
    given = Features(real.shape[1])
    fid = metrics.FID(given)
    kid = metrics.KID(given, subsets=10, subset_size=25)
    recall = metrics.PrecisionRecall(given)
    for metric in (fid, kid, recall):
        # In uneven parts, the sides apart.
        metric.update_features(real[:7], None)
        metric.update_features(real[7:], fake[:20])
        metric.update_features(None, fake[20:])
    seen = {"frechet_inception_distance": fid.result(), **recall.result()}
    result = kid.result()
    seen["kernel_inception_distance_mean"] = result["kid"]
    seen["kernel_inception_distance_std"] = result["kid_spread"]
    assert {*seen} == {*expected} - {"real", "fake"}
    for name, value in seen.items():
        assert value == pytest.approx(expected[name], rel=1e-4), name


def test_fid_of_gaussians_by_hand():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 3))
    fid = metrics.FID(Features(3))
    fid.update_features(features, features + 2.0)
    assert fid.result() == pytest.approx(12.0)
    # Twice as wide about the same mean: the trace of (1 - 2)^2 A.
    fid.reset_fakes()
    mean = features.mean(axis=0)
    fid.update_features(None, 2.0 * features - mean)
    trace = np.trace(np.cov(features, rowvar=False))
    assert fid.result() == pytest.approx(trace)
    # In one dimension: (m - n)^2 + (s - t)^2.
    fid = metrics.FID(Features(1))
    fid.update_features([[0.0], [2.0]], [[3.0], [9.0]])
    assert fid.result() == pytest.approx(25.0 + (2**0.5 - 18**0.5) ** 2)


def test_fewer_pictures_than_dimensions_are_said_in_words(caplog):
    fid = metrics.FID(Features(8))
    rng = np.random.default_rng(0)
    fid.update_features(rng.normal(size=(8, 8)), rng.normal(size=(20, 8)))
    with caplog.at_level(logging.WARNING, "keras_gans"):
        assert np.isfinite([fid.result(), fid.result()]).all()
    assert len(caplog.records) == 1
    assert "8 images are too few for 8 dimensions" in caplog.text
    assert "too few" in fid.protocol()["warning"]
    fid.update_features(rng.normal(size=(1, 8)), None)
    assert "warning" not in fid.protocol()


def test_kid_of_one_distribution_is_zero_within_its_spread():
    rng = np.random.default_rng(0)
    kid = metrics.KID(Features(4), subsets=200)
    kid.update_features(rng.normal(size=(80, 4)), rng.normal(size=(80, 4)))
    result = kid.result()
    assert list(result) == ["kid", "kid_spread"]
    assert abs(result["kid"]) < 2 * result["kid_spread"]
    assert kid.protocol()["subset_size"] == 40
    assert kid.result() == result


def test_precision_and_recall_by_hand():
    # Reals at 0, 1, 2, 10: the radii to the nearest neighbor are 1, 1, 1, 8.
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    fake = np.array([[0.5], [2.9], [3.5], [-5.0]])
    metric = metrics.PrecisionRecall(Features(1), k=1)
    metric.update_features(real, fake)
    # 0.5, 2.9 and 3.5 are within; of the fakes the radii are 2.4, 0.6, 0.6
    # and 5.5, and 0, 1, 2 are within.
    assert metric.result() == {
        "f_score": 0.75,
        "precision": 0.75,
        "recall": 0.75,
    }
    metric.reset_fakes()
    metric.update_features(None, real[:2] + 100.0)
    assert metric.result()["f_score"] == metric.result()["precision"] == 0.0


@pytest.mark.parametrize("name", ["fid", "kid", "precision_recall"])
def test_from_pictures(name, extractor):
    real, fake = tiny.pictures(12), tiny.pictures(9, seed=1)
    metric, other = (metrics.get(name)(extractor) for _ in range(2))
    metric.update_state(real, fake)
    other.update_features(*map(extractor.features, (real, fake)))
    assert metric.result() == other.result()
    protocol = json.loads(json.dumps(metric.protocol()))
    assert (protocol["real_count"], protocol["fake_count"]) == (12, 9)
    assert protocol["extractor"] == extractor.protocol()
    assert protocol["fake_size"] == [32, 32]
    assert protocol["title"].startswith(("FID-like", "KID-like", "precision"))
    metric.reset_fakes()
    assert metric.counts() == (12, 0)
    metric.update_state(None, fake)
    assert metric.result() == pytest.approx(other.result())
    metric.reset_state()
    assert metric.counts() == (0, 0)


def test_bad_input_is_one_line(extractor):
    one = np.ones((1, 8), np.float32)
    for metric, least in (
        (metrics.FID(extractor), 2),
        (metrics.KID(extractor), 4),
        (metrics.KID(extractor, subset_size=50), 50),
        (metrics.PrecisionRecall(extractor, k=5), 6),
    ):
        metric.update_features(one.repeat(3, 0) * np.nan, one)
        with pytest.raises(
            ValueError,
            match=f"^{metric.key} .*at least {least} real.*Received: 3 and 1$",
        ):
            metric.result()
        more = np.ones((60, 8), np.float32)
        metric.update_features(more, more)
        with pytest.raises(ValueError, match="finite images and features"):
            metric.result()
    for arguments in ({"subsets": 0}, {"subset_size": 1}):
        with pytest.raises(ValueError, match="^subset.* must be at least ."):
            metrics.KID(extractor, **arguments)
    with pytest.raises(ValueError, match="k must be at least 1. Received: 0"):
        metrics.PrecisionRecall(extractor, k=0)
    with pytest.raises(ValueError, match="outside of tf.function"):
        tf.function(metrics.KID(extractor).update_features)(one, one)


def test_the_nearest_are_those_of_all_distances():
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(7, 3)), rng.normal(size=(9, 3))
    distances, indices = metrics.nearest(points, centers, 2)
    every = np.linalg.norm(points[:, None] - centers, axis=-1)
    np.testing.assert_array_equal(indices, np.argsort(every)[:, :2])
    np.testing.assert_allclose(distances, np.sort(every)[:, :2])


def test_nearness_by_hand():
    held_out = np.arange(1.0, 101.0)
    # 0.5 is nearer than all of them, 50.5 than half, 200 than none.
    values = metrics.nearness(np.array([0.5, 50.5, 200.0]), held_out)
    assert values["nearer"] == pytest.approx(0.5)
    assert values["very_near"] == pytest.approx(1 / 3)
    # The variance of Mann and Whitney's U, (n + m + 1) / 12 n m.
    assert values["if_alike"] == pytest.approx((104 / 3600) ** 0.5)
    assert metrics.nearness(np.zeros(5), held_out)["nearer"] == 1.0
    assert metrics.nearness(held_out + 200, held_out)["nearer"] == 0.0
    # Equal distances tell nothing.
    assert metrics.nearness(np.ones(4), np.ones(3))["nearer"] == 0.5
    alike = metrics.nearness(held_out, held_out)
    assert alike["nearer"] == pytest.approx(0.5)
    assert alike["very_near"] == pytest.approx(0.05)
