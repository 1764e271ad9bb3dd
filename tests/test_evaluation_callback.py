"""Evaluation in training: rows, best state, advice, and nothing disturbed."""

import contextlib
import csv
import json
import random
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import callbacks, datasets, report
from keras_gans.evaluation import measure, translators
from tests.test_callbacks import DieAfter, pictures, read_log
from tests.tiny import make_model

FOREVER = 1e9  # share of the run's time: nothing is left out


def rows_of(folder):
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row.pop("seconds")) >= 0
    return rows


def assert_same(*models):
    for one, two in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def fit(model, folder, start=0, dies=False, evaluates=True):
    """Train up to step 4; with `dies`, as if killed there."""
    a, b = pictures(2, 3), pictures(3, 3)
    sides = [datasets.open_source(side[:, :32, :32], 32) for side in (a, b)]
    case = datasets.Case({"images": sides[0]}, sides[1], True, "three images")
    evaluator = measure.Evaluator({"a_to_b": case}, ["ssim", "l1"])
    evaluation = callbacks.Evaluation(
        3,
        lambda model: evaluator(translators.of_model(model)),
        folder,
        "ssim",
        most_cost=FOREVER,
    )
    model.fit(
        datasets.paired(pictures(0), pictures(1), 32, start=start),
        steps_per_epoch=4 - start,
        shuffle=False,
        verbose=0,
        callbacks=[
            callbacks.RunLog(folder, every=1),
            *([evaluation] if evaluates else []),
            *([DieAfter(4)] if dies else []),
            callbacks.Checkpoints(folder / "checkpoints", every=2),
        ],
    )


def test_a_run_is_not_disturbed_and_a_killed_one_ends_as_it(tmp_path):
    # It has dropout, whose random state counts on.
    states = []
    plain, whole = (make_model("pix2pix") for _ in "12")
    for name, model in (("plain", plain), ("whole", whole)):
        keras.utils.set_random_seed(0)
        fit(model, tmp_path / name, evaluates=model is whole)
        states.append((random.getstate(), str(np.random.get_state())))
    assert states[0] == states[1]
    assert_same(plain, whole)
    assert read_log(tmp_path / "plain") == read_log(tmp_path / "whole")

    killed = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        fit(make_model("pix2pix"), killed, dies=True)
    assert [row["step"] for row in rows_of(killed)] == ["3"]
    model = make_model("pix2pix", seed=5)
    start = callbacks.Checkpoints(killed / "checkpoints").restore(model)
    assert start == 2
    fit(model, killed, start)
    assert_same(plain, model)
    rows = rows_of(killed)
    assert rows == rows_of(tmp_path / "whole")
    assert [row["step"] for row in rows] == ["3", "4"]
    assert {"a_to_b ssim", "a_to_b l1"} < {*rows[0]}
    records = [
        json.loads((tmp_path / name / "checkpoints/best.json").read_text())
        for name in ("whole", "killed")
    ]
    assert records[0] == records[1]
    best = keras.models.load_model(killed / "checkpoints/best.keras")
    assert int(best.step.numpy()) == records[0]["step"]


class Run:
    """A run of which a step takes a second, and an evaluation ten."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.now, self.saved = folder, 0.0, []
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("keras_gans.callbacks.checkpoints.write", self.save)

    def save(self, model, path):
        assert path == self.folder / "checkpoints/best.keras"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        self.saved.append(int(self.measured.current_step))

    def go(self, values, steps, every, direction="min", stop=0, **options):
        coming = iter(values)

        def evaluate(model):
            self.now += 10.0
            value = next(coming)
            result = {
                "value": value,
                "values": value and {"kid": value, "kid_spread": 0.5},
                "error": None if value else "kid must have more images",
                "direction": direction,
                "protocol": value and {"metric": "kid", "fake_count": 9},
            }
            return {"a_to_b": {"kid": result}}

        self.measured = measured = callbacks.Evaluation(
            every, evaluate, self.folder, **options
        )
        model = types.SimpleNamespace(
            step=tf.constant(0),
            stop_training=False,
            averaged=contextlib.nullcontext,
        )
        measured.set_model(model)
        measured.on_train_begin()
        for step in range(steps):
            self.now += 1.0
            model.stop_training = step + 1 == stop
            measured.on_train_batch_end(step)
            if model.stop_training:
                break
        measured.on_train_end()
        return [int(row["step"]) for row in measured.rows]


@pytest.fixture
def run(tmp_path, monkeypatch):
    return Run(tmp_path, monkeypatch)


def test_the_best_state_is_kept(run):
    assert run.go([2, 1, 3, 2], 8, 2, most_cost=FOREVER) == [2, 4, 6, 8]
    assert run.saved == [2, 4]
    # Continued, it is still known; another metric starts anew.
    run.go([1.5, 0.5], 8, 4, most_cost=FOREVER)
    assert run.saved == [2, 4, 8]
    assert run.measured._read_best()["value"] == 0.5
    run.measured.best = "fid"
    assert run.measured._read_best() is None


def test_the_protocol_is_kept_with_the_values(run):
    run.go([2], 1, 1, most_cost=FOREVER)
    protocol = (run.folder / "metrics_protocol.json").read_text()
    assert json.loads(protocol) == {
        "a_to_b kid": {"metric": "kid", "fake_count": 9}
    }
    text = report.write(run.folder).read_text()
    assert "a_to_b kid: metric kid; fake count 9" in text


def test_higher_may_be_better(run):
    run.go([2, 1, 3, 2], 8, 2, direction="max", most_cost=FOREVER)
    assert run.saved == [2, 6]


BEST = '{"metric": "kid", "value": 1.0, "step": 2}'


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "",
        "\udcff",
        BEST[:-5],
        BEST.replace("step", "stop"),
        BEST.replace("2", "null"),
        BEST.replace("2", "1e999"),
        BEST.replace("1.0", "NaN"),
        BEST.replace('"kid"', '["kid"]'),
        BEST + " " * 2**22,
    ],
)
def test_a_damaged_record_of_the_best_is_passed_over(run, content):
    (run.folder / "checkpoints").mkdir()
    (run.folder / "checkpoints/best.keras").touch()
    path = run.folder / "checkpoints/best.json"
    path.write_text(content, "utf-8", "surrogateescape")
    run.go([2, 3], 2, 1, most_cost=FOREVER, patience=1)
    assert run.saved == [1]


@pytest.mark.parametrize("keep", [0, 9, -4])
def test_a_damaged_table_goes_on(run, caplog, keep):
    run.go([2, 1, 3, 2], 8, 2, most_cost=FOREVER)
    table = run.folder / "metrics.csv"
    text = table.read_text()
    whole = text[:keep] if keep >= 0 else text[:keep].rpartition("\n")[0]
    table.write_text(text[:keep])
    run.measured.model.step = tf.constant(8)
    run.measured.on_train_begin()
    kept = [int(row["step"]) for row in run.measured.rows]
    assert kept == ([2, 4, 6] if keep < 0 else [])
    assert (run.folder / "metrics.csv.damaged").read_text() == text[:keep]
    assert "metrics.csv is damaged" in caplog.text
    # What was kept is at its place again at once.
    assert table.exists() == bool(kept)
    assert not kept or table.read_text().splitlines() == whole.splitlines()


def test_the_chief_decides_for_all(run):
    steps = run.go([2, 1], 4, 2, most_cost=FOREVER, decide=lambda mine: False)
    assert steps == [4] and not run.saved


def test_advice_when_it_gets_no_better(run, caplog):
    values = [2, 1, 1.5, 1.25, 1.125, 0.5]
    run.go(values, 6, 1, patience=2, most_cost=FOREVER)
    (warning,) = [r.getMessage() for r in caplog.records]
    assert "step 4: kid has not improved since step 2 (1, now 1.25)" in warning
    assert "best.keras" in warning
    assert [bool(row["advice"]) for row in rows_of(run.folder)] == [
        *(False, False, False, True, False, False),
    ]


def test_a_value_that_cannot_be_had_is_said_once(run, caplog, capsys):
    run.go([None, None, 1.0], 6, 2, most_cost=FOREVER)
    assert [r.getMessage() for r in caplog.records] == [
        "a_to_b: kid must have more images"
    ]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("step 2: no value of kid; measured in 10.0 s")
    assert "step 6: kid 1, the best so far" in shown[2]
    values = [row["a_to_b kid"] for row in rows_of(run.folder)]
    assert values == ["", "", "1.0"]


def test_cost_stays_within_its_share(run, capsys):
    # Before the second one, 20 s must be 5 percent of the time; the end is
    # measured in any case.
    assert run.go([1] * 9, 1050, 100) == [100, 400, 600, 800, 1000, 1050]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "evaluation: 6 times, 60.0 s, 5.4% of the run"


def test_what_was_asked_for_is_measured_with_a_warning(run, caplog):
    assert run.go([1] * 3, 300, 100, most_cost=None) == [100, 200, 300]
    (warning,) = [r.getMessage() for r in caplog.records]
    assert warning == (
        "evaluation takes 9 % of the run; every 200 steps it would be 5 %"
    )


def test_an_interrupted_run_is_not_measured_at_its_end(run):
    assert run.go([1, 1], 150, 100, stop=120) == [100]
