"""The measure against the true drawings, on translators we know."""

import pytest
import tensorflow as tf

from keras_gans import evaluate, images
from keras_gans.datasets import synthetic_faces


def test_an_oracle_is_perfect_and_the_baselines_are_what_they_say():
    size, count = 64, 12

    def oracle(pictures):
        first = evaluate._FIRST_HELD_OUT
        truth = synthetic_faces.draw_many(
            range(first, first + count), "anime", 72
        )
        return images.to_float(truth[:, 4:-4, 4:-4])

    results = evaluate.against_truth(oracle, "photo", "anime", size, count)
    assert results["translation"] == {"l1": 0.0, "ssim": 1.0}
    untouched = evaluate.against_truth(
        tf.identity, "photo", "anime", size, count
    )
    assert untouched["translation"] == untouched["untouched input"]
    assert 0.15 < untouched["untouched input"]["l1"] < 0.4
    assert 0.05 < results["mean drawing"]["l1"] < 0.3
    lines = evaluate.table({"photo to anime": results}).splitlines()
    assert lines[2] == "| photo to anime | translation | 0.000 | 1.000 |"


def test_pictures_below_the_smallest_drawing_work_too():
    results = evaluate.against_truth(tf.identity, "photo", "anime", 32, 2)
    assert 0 < results["translation"]["l1"] < 1


def test_only_runs_on_two_styles_are_measured():
    options = {"image_size": 64, "seed": 0}
    sides = {"data_a": "faces:photo", "data_b": "data/faces"}
    assert evaluate.faces_of_run(None, sides | options) == {}
    labelled = {"data": ["data/faces"], "labels": [["Male"]]}
    assert evaluate.faces_of_run(None, labelled | options) == {}


@pytest.mark.parametrize("files", [(), ("arguments.json",)])
def test_wrong_folders_are_named(files, tmp_path, capsys):
    for name in files:
        (tmp_path / name).write_text(
            '{"model": "cyclegan", "seed": 0, "precision": "float32",'
            ' "set": {"base_filters": 2}, "image_size": 32, "steps": 1}'
        )
    assert evaluate.main(["--run-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: run_dir must") and str(tmp_path) in error
    assert len(error.splitlines()) == 1
