"""Accuracy, AUC and calibration error of labels, by hand and by pairs."""

import numpy as np
import pytest

from keras_gans.labels import Labels
from keras_gans.metrics import classification


def test_auc_counts_pairs():
    rng = np.random.default_rng(0)
    truth = rng.random(60) < 0.3
    scores = rng.integers(0, 8, 60) / 8  # with ties
    above = scores[truth][:, None] - scores[~truth]
    pairs = np.mean((above > 0) + 0.5 * (above == 0))
    assert classification.auc(truth, scores) == pytest.approx(pairs)
    assert classification.auc(truth, truth) == 1.0
    assert classification.auc(np.ones(3), scores[:3]) is None


def test_calibration_error_by_hand():
    # Two bins: of 0.1 and 0.3 none holds, of 0.8 and 1.0 one does.
    error = classification.calibration_error(
        [0, 0, 1, 0], [0.1, 0.3, 0.8, 1.0], bins=2
    )
    assert error == pytest.approx((0.4 + 0.8) / 4)


def test_a_group_gives_its_most_probable_label():
    table = Labels(["A", "B", "C"], [["A", "B"]])
    truth = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 1], [1, 0, 1]])
    found = np.array(
        [[0.4, 0.3, 0.9], [0.1, 0.2, 0.4], [0.2, 0.3, 1], [1, 0, 1]]
    )
    result = classification.measure(table, truth, found)
    assert result["count"] == 4
    rows = result["labels"]
    assert [rows[n]["majority"] for n in "ABC"] == [0.75, 0.75, 1.0]
    assert [rows[n]["accuracy"] for n in "ABC"] == [0.75, 0.75, 0.75]
    assert rows["A"]["auc"] == 1.0 and rows["C"]["auc"] is None
    heads, *lines = classification.cells(result)
    assert [line[0] for line in lines] == ["A", "B", "C", "mean"]
    assert lines[2][heads.index("AUC")] == "none"
    assert lines[3][:3] == ["mean", "83.3%", "75.0%"]
