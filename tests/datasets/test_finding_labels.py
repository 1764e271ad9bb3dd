"""Checks of labels, on data sets whose faults are known."""

import json
import logging

import numpy as np
from PIL import Image

from keras_gans.datasets import open_labelled, open_source
from keras_gans.inspection import findings, measure, text


def opened(columns, count=1000, **options):
    """Images with these columns of labels, name to array."""
    pictures = np.zeros((count, 8, 8, 3), np.uint8)
    values = np.stack(list(columns.values()), axis=1)
    return open_labelled((pictures, values), list(columns), 8, **options)


def found(check, **sides):
    measured = measure.describe(sides, 8)
    every = findings.judge(measured, "labelled")
    return [(f.level, f.text) for f in every if f.check == check]


def first(number, count=1000):
    return np.arange(count) < number


def test_measure_and_table():
    data = opened({"Bald": first(250), "Male": first(500)})
    measured = measure.describe({"data": data}, 8)
    facts = measured["sides"]["data"]
    assert facts["labels"] == {
        "count": 1000,
        "numbers": {"Bald": 250, "Male": 500},
        "exclusive": [],
        "found": [],
        "correlations": [["Male", "Bald", 0.577]],
    }
    other = opened({"Young": first(4)}, exclusive=[])
    measured = measure.describe({"one": data, "other": other}, 8)
    cells = [line.split() for line in text.table(measured)[-3:]]
    assert cells == [
        ["label", "Bald", "250,", "25.0%"],
        ["label", "Male", "500,", "50.0%"],
        ["label", "Young", "4,", "0.4%"],
    ]


def test_rare():
    data = opened({"a": first(49), "b": first(951), "c": first(50)})
    assert found("rare", data=data) == [
        (
            "warning",
            "data: only 49 of 1,000 images have a (4.9%); translations to "
            "that will be poor. Leave the label out, or get more",
        ),
        (
            "warning",
            "data: only 49 of 1,000 images lack b (4.9%); translations to "
            "that will be poor. Leave the label out, or get more",
        ),
    ]
    # 40 even classes are 2.5 % each, and none of them is rare.
    pictures = np.zeros((400, 8, 8, 3), np.uint8)
    classes = np.arange(400) % 40
    assert not found("rare", data=open_labelled((pictures, classes), None, 8))
    classes[(classes == 7) & (np.arange(400) > 120)] = 8
    [(_, said)] = found(
        "rare", data=open_labelled((pictures, classes), None, 8)
    )
    assert said.startswith("data: only 3 of 400 images have 7 (0.8%)")


def test_together():
    data = opened({"a": first(500), "b": first(490), "c": ~first(500)})
    texts = [said for _, said in found("together", data=data)]
    assert len(texts) == 3
    assert texts[0].startswith(
        "data: b and a nearly always come together (corr"
    )
    assert "c and a nearly always are opposites (correlation -1.00)" in texts[1]
    # Of two classes one is the opposite of the other by right.
    pictures = np.zeros((4, 8, 8, 3), np.uint8)
    classes = open_labelled((pictures, [0, 1, 1, 0]), None, 8)
    assert not found("together", data=classes)
    assert not found("together", data=opened({"a": first(500)}))


def test_what_opening_found(tmp_path):
    for i in range(4):
        Image.new("RGB", (8, 8), (60 * i, 0, 0)).save(tmp_path / f"{i}.png")
    rows = "0.png,1,0\n1.png,1,1\n2.png,0,0\n9.png,0,1\n"
    (tmp_path / "t.csv").write_text(f"file,Black_Hair,Blond_Hair\n{rows}")
    data = open_labelled(tmp_path, ["Black_Hair", "Blond_Hair"], 8)
    measured = measure.inspect({"data": data}, 8)
    everything = findings.judge(measured, "labelled")
    texts = [
        f.text for f in everything if "Hair" in f.text or "t.csv" in f.text
    ]
    assert texts == [
        "data: 1 row of t.csv left out: no image of that name",
        "data: 1 image left out: not in t.csv",
        "data: 1 of 3 images with none of Black_Hair, Blond_Hair, of which "
        "one is expected",
        "data: 1 of 3 images with several of Black_Hair, Blond_Hair, of "
        "which one is expected",
    ]
    facts = json.loads(json.dumps(measured))["sides"]["data"]
    assert facts["labels"]["count"] == 3
    assert len(facts["labels"]["found"]) == 4


def test_warnings_before_training(tmp_path, caplog):
    data = opened({"a": first(10)})
    with caplog.at_level(logging.WARNING, "keras_gans"):
        findings.warn({"data": data}, 8, "labelled")
    assert [r for r in caplog.records if "10 of 1,000" in r.getMessage()]
    # What opening has logged is not logged again.
    data.found = [findings.Finding("warning", "1 row skipped")]
    caplog.clear()
    findings.warn({"data": data}, 8, "labelled")
    assert "1 row skipped" not in caplog.text
    # Images without labels, of one collection or of many.
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    one = open_source(tmp_path, 8)
    for sides in ({"data": one}, {f"data_{i}": one for i in "abc"}):
        caplog.clear()
        findings.warn(sides, 8, "of another kind")
        assert caplog.text.count("only 1 image") == len(sides)
