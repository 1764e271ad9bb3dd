"""The measure of attributes, on translators and a judge that we know."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images
from keras_gans.faces import drawing, edits

LABELS = ["Blond_Hair", "Smiling", "Eyeglasses"]
COUNT = 12
FIRST = edits.FIRST_HELD_OUT


@pytest.fixture(scope="module")
def known():
    """The true labels of every drawing that is measured, by its pixels."""
    known = {}
    for index in range(FIRST, FIRST + COUNT):
        has = drawing.attributes(index)
        for changes in (
            {},
            {"Blond_Hair": 1},
            *({name: 1 - has[name]} for name in LABELS[1:]),
        ):
            face = drawing.draw(index, "photo", changes=changes)
            truth = drawing.attributes(index, changes=changes)
            known[face.tobytes()] = index, [truth[name] for name in LABELS]
    return known


@pytest.fixture
def judge(known):
    """A classifier that knows all; of other images it says no."""

    def classifier(pictures, training):
        assert training is False
        pixels = images.to_uint8(pictures).numpy()
        nothing = None, [0] * len(LABELS)
        truth = [known.get(face.tobytes(), nothing)[1] for face in pixels]
        return np.array(truth, np.float32) - 0.5

    return classifier


def test_an_oracle_is_perfect_and_the_input_is_what_it_is(known, judge):
    targets = []

    def oracle(pictures, labels):
        assert pictures.dtype == tf.float32 and labels.dtype == np.float32
        targets.append(labels)
        faces = []
        for face, wanted in zip(
            images.to_uint8(pictures).numpy(), labels, strict=True
        ):
            index, _ = known[face.tobytes()]
            changes = dict(zip(LABELS, map(int, wanted), strict=True))
            if not changes["Blond_Hair"]:
                del changes["Blond_Hair"]
            faces.append(drawing.draw(index, "photo", changes=changes))
        return images.to_float(np.stack(faces))

    results = edits.measure(oracle, LABELS, 64, COUNT, classifier=judge)
    table = drawing.attribute_table(range(FIRST, FIRST + COUNT))
    blond = table[:, drawing.ATTRIBUTES.index("Blond_Hair")]
    assert results["Blond_Hair"]["count"] == COUNT - blond.sum() < COUNT
    assert targets[0][:, 0].all()
    smiling = table[:, drawing.ATTRIBUTES.index("Smiling")]
    np.testing.assert_array_equal(targets[1][:, 1], 1 - smiling)
    for row in results.values():
        assert row["real"] == 1.0
        for name in ("translation", "true drawing"):
            assert row[name] == {
                "accuracy": 1.0,
                "others": 1.0,
                "l1": 0.0,
                "l1_changed": 0.0,
            }
        untouched = row["untouched input"]
        assert untouched["accuracy"] == 0.0 and untouched["others"] == 1.0
        assert 0 < untouched["l1"] < 0.1
        assert untouched["l1"] < 0.1 < untouched["l1_changed"]


def test_a_grey_picture_is_worth_nothing(judge):
    def grey(pictures, labels):
        return tf.zeros_like(pictures)

    results = edits.measure(grey, LABELS, 64, COUNT, classifier=judge)
    smiling = results["Smiling"]
    assert smiling["translation"]["l1"] > smiling["untouched input"]["l1"]
    # Of gray the judge always says no, so right is who was to stop smiling.
    share = drawing.attribute_table(range(FIRST, FIRST + COUNT))
    share = share[:, drawing.ATTRIBUTES.index("Smiling")].mean()
    assert smiling["translation"]["accuracy"] == pytest.approx(share)
    lines = edits.table(results).splitlines()
    assert len(lines) == 6 and all(line.count("|") == 9 for line in lines)
    assert lines[2].startswith("| Blond_Hair | 100.0 | 100.0 | 0.0 | 0.0 | ")
    assert lines[-1].startswith("| mean | 100.0 | 100.0 |")


def test_one_label_and_a_small_size():
    def judge(pictures, training):
        return np.ones((len(pictures), 1), np.float32)

    results = edits.measure(
        lambda pictures, labels: pictures, ["Male"], 32, 4, classifier=judge
    )
    row = results["Male"]
    assert row["count"] == 4 and row["translation"]["others"] == 1.0
    assert row["translation"] == row["untouched input"]


def test_the_classifier_learns_what_shows():
    classifier = edits.train_classifier(
        32, ["Eyeglasses", "Blond_Hair"], "anime", count=256, epochs=5
    )
    assert classifier.output_shape == (None, 2)
    results = edits.measure(
        lambda pictures, labels: pictures,
        ["Eyeglasses", "Blond_Hair"],
        32,
        60,
        classifier=classifier,
        style="anime",
    )
    assert all(row["real"] > 0.9 for row in results.values()), results


def test_unknown_labels_are_refused():
    for labels in (["Bald"], [], ["Male", "Hat"]):
        with pytest.raises(ValueError, match="labels must be names out of Bl"):
            edits.measure(None, labels)
        with pytest.raises(ValueError, match="labels must be names out of Bl"):
            edits.train_classifier(labels=labels)
