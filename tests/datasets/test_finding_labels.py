"""Checks of labels, on data sets whose faults are known."""

import json
import logging

import numpy as np
import pytest
from PIL import Image

from keras_gans.datasets.labels import open_labelled
from keras_gans.inspection import findings, measure
from keras_gans.inspection.findings import labels as checks


def opened(columns, count=1000, **options):
    """Random pictures with these columns of labels, name to array."""
    pictures = np.zeros((count, 8, 8, 3), np.uint8)
    values = np.stack(list(columns.values()), axis=1)
    return open_labelled((pictures, values), list(columns), 8, **options)


def found(check, **sides):
    measured = {"labels": checks.measure(sides)}
    return [(level, text) for level, text, _ in check(measured)]


def first(number, count=1000):
    return np.arange(count) < number


def test_measure_and_table():
    data = opened({"Bald": first(250), "Male": first(500)})
    measured = checks.measure({"data": data})
    assert measured == {
        "data": {
            "count": 1000,
            "labels": {"Bald": 250, "Male": 500},
            "exclusive": [],
            "found": [],
            "correlations": [["Male", "Bald", 0.577]],
        }
    }
    other = opened({"Young": first(4)}, exclusive=[])
    lines = checks.table(checks.measure({"one": data, "other": other}))
    assert lines == [
        "one    Bald         250   25.0 %",
        "one    Male         500   50.0 %",
        "other  Young          4    0.4 %",
    ]
    assert checks.table({}) == []


def test_rare():
    data = opened({"a": first(49), "b": first(951), "c": first(50)})
    assert found(checks.rare, data=data) == [
        (
            "warning",
            "data: only 49 of 1,000 pictures have a (4.9 %); translations to "
            "that will be poor. Leave the label out, or get more",
        ),
        (
            "warning",
            "data: only 49 of 1,000 pictures lack b (4.9 %); translations to "
            "that will be poor. Leave the label out, or get more",
        ),
    ]
    # 40 even classes are 2.5 % each, and none of them is rare.
    pictures = np.zeros((400, 8, 8, 3), np.uint8)
    classes = np.arange(400) % 40
    assert not found(
        checks.rare, data=open_labelled((pictures, classes), None, 8)
    )
    classes[(classes == 7) & (np.arange(400) > 120)] = 8
    [(_, text)] = found(
        checks.rare, data=open_labelled((pictures, classes), None, 8)
    )
    assert text.startswith("data: only 3 of 400 pictures have 7 (0.8 %)")


def test_together():
    data = opened({"a": first(500), "b": first(490), "c": ~first(500)})
    texts = [text for _, text in found(checks.together, data=data)]
    assert len(texts) == 3
    assert texts[0].startswith(
        "data: b and a nearly always come together (corr"
    )
    assert "c and a nearly always are opposites (correlation -1.00)" in texts[1]
    # Of two classes one is the opposite of the other by right.
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    classes = open_labelled((pictures, [0, 1, 1, 0]), None, 8)
    assert not found(checks.together, data=classes)
    assert not found(checks.together, data=opened({"a": first(500)}))


def test_what_opening_found(tmp_path):
    for i in range(4):
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    rows = "0.png,1,0\n1.png,1,1\n2.png,0,0\n9.png,0,1\n"
    (tmp_path / "t.csv").write_text(f"file,Black_Hair,Blond_Hair\n{rows}")
    data = open_labelled(tmp_path, ["Black_Hair", "Blond_Hair"], 8)
    measured = measure.inspect({"data": data}, 8)
    measured["labels"] = checks.measure({"data": data})
    everything = findings.judge(measured, findings.FULL["labelled"])
    texts = [
        f.text for f in everything if "Hair" in f.text or "t.csv" in f.text
    ]
    assert texts == [
        "data: 1 row of t.csv left out: no image of that name",
        "data: 1 picture left out: not in t.csv",
        "data: 1 of 3 pictures with none of Black_Hair, Blond_Hair, of which "
        "one is expected",
        "data: 1 of 3 pictures with several of Black_Hair, Blond_Hair, of "
        "which one is expected",
    ]
    assert json.loads(json.dumps(measured))["labels"]["data"]["count"] == 3


@pytest.mark.parametrize("kind", ["labelled", "unpaired"])
def test_warnings_before_training(kind, caplog):
    data = opened({"a": first(10)})
    sides = {"data": data}
    if kind == "unpaired":
        sides["data_b"] = data
    with caplog.at_level(logging.WARNING, "keras_gans"):
        findings.warn(sides, 8, kind)
    rare = [r for r in caplog.records if "10 of 1,000" in r.getMessage()]
    assert len(rare) == (kind == "labelled")
