"""Names, and many metrics at once of which one may fail."""

import json

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import metrics
from keras_gans.checks import UserError
from tests.metrics import tiny

MADE_BY_NAME = metrics.names()


@pytest.fixture(scope="module")
def extractor():
    return tiny.extractor()


def test_names_and_directions():
    lower = {n for n in metrics.names() if metrics.get(n).direction == "min"}
    assert lower == {"cycle_error", "fid", "kid", "l1", "perceptual_distance"}
    assert metrics.get("kid") is metrics.KID
    with pytest.raises(ValueError, match="metric must be one of cycle_error"):
        metrics.get("lpips")
    with pytest.raises(ValueError, match="extractor must be given for .* kid"):
        metrics.create(["l1", "kid"])


@pytest.mark.parametrize("form", ["arrays", "lists", "dataset"])
def test_all_metrics_equal_themselves_alone(form, extractor):
    real, fake = tiny.pictures(10), tiny.pictures(10, seed=1)
    sides = {
        "arrays": (real, fake),
        "lists": ([real[:7], real[7:]], iter([fake[:7], fake[7:]])),
        "dataset": [
            tf.data.Dataset.from_tensor_slices(side).batch(3)
            for side in (real, fake)
        ],
    }[form]
    results = metrics.evaluate(
        metrics.create(MADE_BY_NAME, extractor), *sides, batch_size=4
    )
    json.dumps(results, allow_nan=False)
    for name, alone in metrics.create(MADE_BY_NAME, extractor).items():
        values = alone(real, fake)
        values = values if isinstance(values, dict) else {name: values}
        assert results[name]["error"] is None
        assert results[name]["direction"] == alone.direction
        assert results[name]["values"] == pytest.approx(
            {key: float(value) for key, value in values.items()}, rel=1e-4
        )
        first = next(iter(results[name]["values"].values()))
        assert results[name]["value"] == first
        protocol = results[name]["protocol"]
        assert protocol == alone.protocol()
        line = metrics.describe(protocol)
        assert line.startswith(f"{protocol['title']} (") and "\n" not in line
        assert "10 fake images" in line


def test_one_fails_and_the_others_go_on(extractor):
    def check(chosen, real, fake, errors):
        results = metrics.evaluate(chosen, real, fake)
        assert {*results} == {*chosen}
        for name, result in results.items():
            if name in errors:
                assert errors[name] in result["error"]
                assert "\n" not in result["error"]
                assert result["value"] is result["protocol"] is None
            else:
                assert result["error"] is None, result
                assert np.isfinite(result["value"])

    real, fake = tiny.pictures(5), tiny.pictures(9, seed=1)
    more = "Received: more fake"
    unpaired = {n for n in MADE_BY_NAME if not metrics.get(n).paired}
    chosen = metrics.create(MADE_BY_NAME, extractor)
    for name in {*MADE_BY_NAME} - unpaired:
        assert not hasattr(chosen[name], "reset_fakes")
    check(
        chosen,
        [real[:4], real[4:]],
        [fake[:4], fake[4:5], fake[5:]],
        dict.fromkeys({*MADE_BY_NAME} - unpaired, more),
    )
    # The reals are kept for those that can.
    check(
        chosen,
        None,
        fake,
        dict.fromkeys({*MADE_BY_NAME} - unpaired, "Received: real=None"),
    )
    few = dict.fromkeys(("kid", "precision_recall"), "at least 4 real and 4")
    check(chosen, tiny.pictures(3), fake[:3], few)
    check(chosen, [], [], dict.fromkeys(MADE_BY_NAME, "at least"))
    bad = dict.fromkeys(MADE_BY_NAME, "fake must be finite")
    check(chosen, real, real * np.nan, bad)
    small = tiny.pictures(5, 16)
    check(chosen, small, small, {"ms_ssim": "21 pixels"})


def test_reals_seen_in_part_are_not_kept(extractor):
    real, fake = tiny.pictures(8), tiny.pictures(8, seed=1)

    def broken():
        yield fake[:4]
        raise UserError("b/7.png: is damaged")

    chosen = metrics.create(["fid", "l1"], extractor)
    for bad, reason in (
        (broken(), "b/7.png: is damaged"),
        ([fake[:4], fake[4:] * np.nan], "fake must be finite"),
    ):
        for result in metrics.evaluate(
            chosen, [real[:4], real[4:]], bad
        ).values():
            assert reason in result["error"]
        result = metrics.evaluate({"fid": chosen["fid"]}, None, fake)["fid"]
        assert "Received: 0 and 8" in result["error"]
    metrics.evaluate(chosen, real, fake)
    metrics.evaluate(chosen, None, fake * np.nan)
    result = metrics.evaluate(chosen, None, fake)["fid"]
    assert result["protocol"]["real_count"] == 8


def test_pictures_pass_the_extractor_once(extractor, monkeypatch):
    calls, features = [], extractor.features

    def counted(pictures):
        calls.append(len(pictures))
        return features(pictures)

    monkeypatch.setattr(extractor, "features", counted)
    chosen = metrics.create(["fid", "kid", "precision_recall"], extractor)
    real = tiny.pictures(6)
    metrics.evaluate(chosen, real, real, batch_size=4)
    assert calls == [4, 4, 2, 2]
    metrics.evaluate(chosen, None, real, batch_size=4)
    assert calls[4:] == [4, 2]


def test_two_replicas_count_as_one(two_replicas):
    alone, *others = two_replicas("metrics")
    assert {*alone} == {*MADE_BY_NAME}
    for seen in others:
        assert seen == pytest.approx(alone, rel=1e-4, abs=1e-5)
