"""What goes wrong in a run is said, in the log and in log.csv."""

import contextlib
import csv
import re
import types

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import callbacks, train
from keras_gans.callbacks import health
from keras_gans.faces import drawing
from keras_gans.training.samples import Column, Grid

COUNT = 8


def draw(style, first):
    pictures = drawing.draw_many(range(first, first + COUNT), style, 64)
    return pictures.astype("float32") / 127.5 - 1


@pytest.fixture(scope="module")
def truth():
    """Held-out images, other people on either side, true translations."""
    return {
        "a": draw("photo", 0),
        "b": draw("anime", COUNT),
        "a_to_b": draw("anime", 0),
        "b_to_a": draw("photo", COUNT),
    }


def test_rows_that_a_damaged_log_lacks_are_left_out(truth):
    log = types.SimpleNamespace(
        rows=[
            {"step": "1", "d_real": "", "d_fake": "0.1"},
            {"step": "2"},
            {"step": "3", "d_real": "0.5", "d_fake": "0.7"},
        ]
    )
    watch = health.Health(log, None, None)
    watch.set_model(types.SimpleNamespace(**vars(Stub)))
    watch.model.discriminator_terms = 1
    watch.current_step = 4
    assert watch._all_discriminators(Stub.healthy_logs) is None


def warnings(caplog):
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "keras_gans"
        and record.getMessage().startswith("step ")
    ]


class Stub:
    """Stands in for a model: its samples are what `change` makes of truth."""

    adversarial_loss = "non_saturating"
    networks = ()
    players = {}
    metrics = ()
    data_kind = "unpaired"
    discriminator_terms = 0
    healthy_logs = {"d_real": 0.5, "d_fake": 0.7, "g_loss": 3.0}

    def __init__(self, truth, change=None, step=0):
        self.truth, self.change = truth, change or {}
        self.step = types.SimpleNamespace(numpy=lambda: step)
        self.asked = 0
        self.discriminators = {}

    def averaged(self):
        return contextlib.nullcontext()

    def samples(self, batch):
        self.asked += 1
        grids = {}
        for name in ("a_to_b", "b_to_a"):
            inputs, outputs = self.truth[name[0]], self.truth[name]
            change = self.change.get(name, lambda inputs, outputs: outputs)
            columns = {"input": inputs, "output": change(inputs, outputs)}
            grids[name] = Grid(
                [Column(*item) for item in columns.items()],
                reals=self.truth[name[-1]],
                discriminator=self.discriminators.get(name[-1]),
            )
        return grids

    def reset_metrics(self):
        pass


def drive(
    folder,
    stub,
    steps,
    start=0,
    log_every=4,
    every=10,
    logs=None,
    ends=False,
    last=None,
):
    """Call the callbacks as fit would; return the rows of log.csv."""
    log = callbacks.RunLog(folder, log_every)
    grids = callbacks.SampleGrid(folder / "samples", {}, every)
    checkpoint = types.SimpleNamespace(every=10**9, folder=folder)
    watch = health.Health(log, grids, checkpoint, early=10, steps=last)
    for callback in (watch, grids, log):
        callback.set_model(stub)
        callback.on_train_begin()
    for number in range(steps - start):
        for callback in (watch, grids, log):
            callback.on_train_batch_end(number, logs or stub.healthy_logs)
    for callback in (watch, grids, log) if ends else (log,):
        callback.on_train_end()
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def checkered(inputs, outputs):
    wave = np.where(np.arange(64) % 2, 1.0, -1.0).astype("float32")
    return outputs + 0.1 * (wave[:, None] * wave)[..., None]


@pytest.mark.parametrize(
    "sign,change",
    [
        ("copied input", lambda inputs, outputs: inputs),
        (
            "one output for all",
            lambda inputs, outputs: 0 * outputs + outputs[0],
        ),
        ("inverted", lambda inputs, outputs: -inputs),
        ("checkerboard", checkered),
    ],
)
def test_each_fault_is_said_once_and_for_its_direction(
    sign, change, truth, tmp_path, caplog
):
    rows = drive(tmp_path, Stub(truth, {"a_to_b": change}), 40)
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    # Looks are at the rows 12, 20, 32, 40: the first after 10, 20, 30, 40.
    # What is seen twice is said; checkerboards count from twice as late.
    looks = ["12", "20", "32", "40"][sign == "checkerboard" :]
    said = looks[1]
    assert message.startswith(f"step {said}: {sign} a_to_b: ")
    assert re.search(r"\d", message.split(": ", 2)[2]) and "Try" in message
    assert "\n" not in message
    seen = {row["step"]: row["warnings"] for row in rows if row["warnings"]}
    assert list(seen) == looks
    assert seen.pop(said) == message.removeprefix(f"step {said}: ")
    assert set(seen.values()) == {f"{sign} a_to_b"}


def test_a_healthy_run_has_an_empty_column(truth, tmp_path, caplog):
    stub = Stub(truth)
    rows = drive(tmp_path, stub, 40)
    assert not caplog.records
    assert [row["warnings"] for row in rows] == [""] * 10
    # One translation for grid and look together, where the steps agree.
    assert stub.asked == 2 + 4


def test_of_labels_all_columns_must_show_a_fault(truth, tmp_path, caplog):
    class Labelled(Stub):
        data_kind = "labelled"

        def samples(self, batch):
            inputs, outputs = self.truth["a"], self.truth["a_to_b"]
            outputs = [inputs, self.change.get("b", outputs)]
            columns = [Column("output", images) for images in outputs]
            return {"labels": Grid([Column("input", inputs), *columns])}

    rows = drive(tmp_path / "healthy", Labelled(truth), 40)
    assert not caplog.records
    assert not any(row["warnings"] for row in rows)
    # Labels such as a smile rightly change little.
    slight = truth["a"] + 0.01 * np.sign(truth["a"])
    drive(tmp_path / "slight", Labelled(truth, {"b": slight}), 40)
    assert not caplog.records
    noise = 1e-3 * np.random.default_rng(0).normal(size=truth["a"].shape)
    copies = truth["a"] + noise.astype("float32")
    drive(tmp_path / "ill", Labelled(truth, {"b": copies}), 40)
    assert len(caplog.records) == 1
    assert "step 20: copied input labels: " in caplog.text
    # Another domain changes more.
    Labelled.data_kind = "domains"
    drive(tmp_path / "domains", Labelled(truth, {"b": slight}), 40)
    assert len(caplog.records) == 2


class Noise(Stub):
    """Stands in for a model without inputs."""

    def samples(self, batch):
        self.asked += 1
        change = self.change.get("generate", lambda outputs: outputs)
        outputs = change(self.truth["a"])
        return {
            "generate": Grid([Column("output", outputs)], self.truth["b_to_a"]),
            "interpolation": Grid([Column("output", 0 * outputs)]),
        }


def test_samples_from_noise_are_judged_by_the_real_images(
    truth, tmp_path, caplog
):
    drive(tmp_path / "healthy", Noise(truth), 40)
    assert not caplog.records
    few = {"generate": lambda outputs: outputs[np.arange(COUNT) % 3]}
    rows = drive(tmp_path / "few", Noise(truth, few), 40)
    assert len(caplog.records) == 1
    assert "step 20: few images generate: an output differs" in caplog.text
    assert rows[-1]["warnings"] == "few images generate"


def test_a_fade_that_goes_wrong_is_said_by_the_second_look(
    truth, tmp_path, caplog
):
    # Samples are asked for at 10, 12, 20, 30, 32 and 40: a new resolution
    # comes in after the third time, and all images turn blank.
    stub = Noise(truth)
    stub.change["generate"] = lambda images: (
        images * (0.05 if stub.asked > 3 else 1.0)
    )
    rows = drive(tmp_path, stub, 40)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "step 40: washed out generate: outputs are blank"
    )
    seen = {row["step"] for row in rows if row["warnings"]}
    assert seen == {"32", "40"}


def test_a_critic_that_drifts_is_said():
    rows = [{"step": f"{n}", "d_real": f"{-n}"} for n in range(1, 200)]
    rows[40:45] = [{"step": f"{n}"} for n in range(41, 46)]  # damaged
    rows = types.SimpleNamespace(rows=rows)
    watch = health.Health(rows, None, None, early=0)
    watch.set_model(types.SimpleNamespace(**vars(Stub)))
    watch.current_step = 200
    logs = {"d_real": -200.0, "d_fake": 199.0}
    watch.model.adversarial_loss = "wasserstein"
    assert [*watch._signs({}, logs)] == ["critic"]
    watch.model.adversarial_loss = "hinge"
    assert not watch._signs({}, logs)


@pytest.mark.parametrize(
    "logs,verdict",
    [
        ({"d_real": 0.01, "d_fake": 0.02}, "wins outright"),
        ({"d_real": 0.7, "d_fake": 4.0}, "loses outright"),
    ],
)
def test_a_one_sided_discriminator_is_said(
    logs, verdict, truth, tmp_path, caplog
):
    stub = Stub(truth)
    stub.discriminator_terms = 1
    rows = drive(tmp_path, stub, 40, logs=logs)
    assert len(caplog.records) == 1
    assert f"discriminators: {verdict}" in caplog.text
    assert f"discriminators: {verdict}" in rows[4]["warnings"]


def test_a_discriminator_that_wins_on_one_side_is_named(
    truth, tmp_path, caplog
):
    def judge(pictures, training):
        # Sure and right: the reals of b are these very images.
        is_real = np.shape(pictures) == truth["b"].shape and np.array_equal(
            pictures, truth["b"]
        )
        return np.full((len(pictures), 1), 9.0 if is_real else -9.0, "float32")

    judge.name = "discriminator_b"
    stub = Stub(truth)
    stub.discriminators = {"b": judge}
    drive(tmp_path, stub, 40)
    assert len(caplog.records) == 1
    assert "discriminator_b: wins outright" in caplog.text


def test_it_is_said_again_when_it_comes_back_or_stays_long(
    truth, tmp_path, caplog, monkeypatch
):
    stub = Stub(truth)
    flags = iter([True, True, False, True, True, True, True, True])
    stub.change["a_to_b"] = lambda inputs, outputs: (
        inputs if next(flags) else outputs
    )
    monkeypatch.setattr(health, "SAID_AGAIN_AFTER", 30)
    # Rows and grids at the same steps: one flag for each look.
    drive(tmp_path, stub, 80, log_every=10)
    steps = [record.getMessage().split(":")[0] for record in caplog.records]
    assert steps == ["step 20", "step 50", "step 80"]


def test_a_continued_run_warns_as_the_undisturbed_one(truth, tmp_path, caplog):
    def without_seconds(rows):
        return [{**row, "seconds": ""} for row in rows]

    change = {"a_to_b": lambda inputs, outputs: inputs, "b_to_a": checkered}
    whole = drive(tmp_path / "whole", Stub(truth, change), 60)
    said = len(caplog.records)
    assert said == 2
    for killed, restored in ((13, 10), (19, 16), (23, 20), (45, 30)):
        folder = tmp_path / f"{killed}"
        drive(folder, Stub(truth, change), killed)
        rows = drive(folder, Stub(truth, change, restored), 60, restored)
        assert without_seconds(rows) == without_seconds(whole)


def test_a_run_shorter_than_a_row_is_looked_at(truth, tmp_path, caplog):
    change = {"a_to_b": lambda inputs, outputs: inputs}
    (row,) = drive(tmp_path, Stub(truth, change), 18, log_every=50, ends=True)
    assert row["step"] == "18" and row["warnings"] == "copied input a_to_b"


def test_images_of_the_last_step_are_judged_at_once(truth, tmp_path, caplog):
    change = {"a_to_b": lambda inputs, outputs: inputs, "b_to_a": checkered}
    stub = Stub(truth, change)
    (*_, row) = drive(tmp_path, stub, 18, log_every=9, ends=True, last=18)
    # Between two grids, and early for checkerboards.
    steps = [text.split(" ", 2)[1] for text in warnings(caplog)]
    assert steps == ["18:"] * 2
    assert "copied input a_to_b: " in row["warnings"]
    assert "checkerboard b_to_a: " in row["warnings"]
    # Losses swing, and are judged when there are grids.
    stub = Stub(truth)
    stub.discriminator_terms = 1
    logs = {"d_real": 0.01, "d_fake": 0.02}
    drive(tmp_path / "losses", stub, 18, log_every=9, logs=logs, last=18)
    assert len(warnings(caplog)) == 2


def test_a_last_look_is_not_said_twice_where_training_goes_on(truth, tmp_path):
    change = {"a_to_b": lambda inputs, outputs: inputs, "b_to_a": checkered}
    whole = drive(tmp_path / "whole", Stub(truth, change), 60, ends=True)
    stops = (0, 11, 31, 34, 51, 60)
    for start, end in zip(stops, stops[1:], strict=False):
        stub = Stub(truth, change, start)
        # As in a checkpoint of the middle of a row.
        mean = tf.Variable(float(bool(start % 4)))
        stub.metrics = [types.SimpleNamespace(variables=[mean])]
        rows = drive(tmp_path / "parts", stub, end, start, ends=True)
        assert rows[-1]["step"] == str(end)
        assert end == 34 or "copied input" in rows[-1]["warnings"]
    for row in (*rows, *whole):
        row.pop("seconds")
    assert rows == whole


def test_early_pictures_are_not_judged(truth, tmp_path, caplog):
    change = {"a_to_b": lambda inputs, outputs: inputs}
    stub = Stub(truth, change)
    drive(tmp_path, stub, 8, log_every=2, every=2)
    assert not caplog.records and stub.asked == 4
    # Nor checkerboards yet at a step at which other signs are.
    drive(tmp_path, Stub(truth, {"a_to_b": checkered}), 18, 0, 2, 2)
    assert not caplog.records


def test_of_a_run_that_ends_early_only_patterns_are_judged(
    truth, tmp_path, caplog
):
    change = {"a_to_b": lambda inputs, outputs: inputs, "b_to_a": checkered}
    stub = Stub(truth, change)
    (row,) = drive(tmp_path / "run", stub, 8, log_every=50, ends=True, last=8)
    (text,) = warnings(caplog)
    assert text.startswith("step 8: checkerboard b_to_a: ")
    assert row["warnings"] == text.removeprefix("step 8: ")
    # But not of a mere trial.
    drive(tmp_path / "trial", Stub(truth, change), 1, ends=True, last=1)
    assert len(warnings(caplog)) == 1


@pytest.mark.slow
def test_a_run_of_the_faces_is_healthy(tmp_path, monkeypatch, caplog):
    """Past the step from which images are judged; five minutes."""
    monkeypatch.chdir(tmp_path)
    command = "--set base_filters=16 --batch-size 8 --steps 2500"
    assert train.main(command.split()) == 0
    assert not warnings(caplog)
