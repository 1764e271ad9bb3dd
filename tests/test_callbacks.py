"""Callbacks: what a run leaves behind, and that it continues exactly."""

import csv
import os
import shutil
import signal
import types

import numpy as np
import pytest
from PIL import Image

from keras_gans import callbacks, datasets, images
from tests.tiny import make_model

STEPS = 12


def pictures(seed, count=9):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 36, 36, 3), dtype="uint8")


def batches(start=0):
    return datasets.single(pictures(0), 16, batch_size=2, start=start)


def fit(model, folder, steps, start=0, extra=(), dataset=None, **arguments):
    model.fit(
        dataset or batches(start),
        steps_per_epoch=steps - start,
        shuffle=False,
        verbose=0,
        callbacks=[
            callbacks.RunLog(folder, every=5),
            *extra,
            callbacks.Checkpoints(folder / "checkpoints", every=4),
        ],
        **arguments,
    )


def read_log(folder):
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row.pop("seconds")) >= 0
    return rows


class DieAfter(callbacks.StepCallback):
    """Stands in for kill -9: nothing after the step is written."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_step(self, before, logs):
        if self.current_step == self.step:
            raise KeyboardInterrupt


def test_interrupted_run_equals_undisturbed_one(tmp_path):
    whole = make_model("noise")
    fit(whole, tmp_path / "whole", STEPS)

    folder = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        fit(make_model("noise"), folder, STEPS, extra=[DieAfter(7)])
    resumed = make_model("noise", seed=5)
    checkpoint = callbacks.Checkpoints(folder / "checkpoints")
    start = checkpoint.restore(resumed)
    assert start == 4
    fit(resumed, folder, STEPS, start=start)

    for ours, theirs in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert read_log(folder) == read_log(tmp_path / "whole")
    assert [row["step"] for row in read_log(folder)] == ["5", "10", "12"]
    assert any((folder / "events").iterdir())


@pytest.fixture(scope="module")
def five_steps(tmp_path_factory):
    """The folder of a run of five steps."""
    folder = tmp_path_factory.mktemp("five") / "run"
    fit(make_model("noise"), folder, 5)
    return folder


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: text.replace("g_loss", "g_lxss"),
        lambda text: text + "7,x",
        lambda text: "",
        lambda text: text.replace(",", "\udcff"),
        None,
    ],
)
def test_a_damaged_log_goes_on(five_steps, tmp_path, caplog, damage):
    folder = shutil.copytree(five_steps, tmp_path / "run")
    log = folder / "log.csv"
    text = log.read_text()
    log.unlink()
    if damage is None:
        log.mkdir()
    else:
        log.write_text(damage(text), "utf-8", "surrogateescape")
    model = make_model("noise")
    start = callbacks.Checkpoints(folder / "checkpoints").restore(model)
    fit(model, folder, 7, start)
    rows = read_log(folder)
    assert rows[-1]["step"] == "7" and float(rows[-1]["g_loss"])
    is_whole = damage and "g_lxss" in damage(text)
    assert is_whole or (folder / "log.csv.damaged").exists()
    assert is_whole or "log.csv is damaged" in caplog.text


def test_the_last_row_goes_on_where_training_does(tmp_path):
    class Note(callbacks.StepCallback):
        def on_step(self, before, logs):
            if self.current_step == 7:
                self.log.note("a remark")

    def train(folder, *ends):
        model = make_model("noise")
        start = 0
        for end in ends:
            log, note = callbacks.RunLog(folder, every=5), Note()
            note.log = log
            checkpoint = callbacks.Checkpoints(folder / "checkpoints")
            checkpoint.restore(model)
            model.fit(
                batches(start),
                steps_per_epoch=end - start,
                shuffle=False,
                verbose=0,
                callbacks=[note, log, checkpoint],
            )
            start = end
            yield [(row["step"], row["warnings"]) for row in read_log(folder)]

    (whole,) = train(tmp_path / "whole", 12)
    assert whole == [("5", ""), ("10", "a remark"), ("12", "")]
    parts = [*train(tmp_path / "parts", 3, 5, 8, 9, 12)]
    assert parts[:4] == [
        [("3", "")],
        [("5", "")],
        [("5", ""), ("8", "a remark")],
        [("5", ""), ("9", "a remark")],
    ]
    assert read_log(tmp_path / "parts") == read_log(tmp_path / "whole")


def test_a_replaced_row_is_gone_before_the_next_checkpoint(tmp_path):
    model = make_model("noise")
    fit(model, tmp_path, 6)
    assert [row["step"] for row in read_log(tmp_path)] == ["5", "6"]
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, STEPS, start=6, extra=[DieAfter(9)])
    assert [row["step"] for row in read_log(tmp_path)] == ["5"]
    resumed = make_model("noise")
    checkpoint = callbacks.Checkpoints(tmp_path / "checkpoints")
    assert checkpoint.restore(resumed) == 8
    fit(resumed, tmp_path, STEPS, start=8)
    assert [row["step"] for row in read_log(tmp_path)] == ["5", "10", "12"]


def test_rows_go_on_through_epochs_and_validation(tmp_path):
    """Keras resets the means with each of them."""
    fit(make_model("noise"), tmp_path / "one", STEPS)
    fit(
        make_model("noise"),
        tmp_path / "three",
        STEPS // 3,
        epochs=3,
        validation_data=batches().take(1),
        validation_steps=1,
    )
    one, three = read_log(tmp_path / "one"), read_log(tmp_path / "three")
    assert [row["step"] for row in three] == ["5", "10", "12"]
    for ours, theirs in zip(one, three, strict=True):
        assert float(ours["g_loss"]) == pytest.approx(
            float(theirs["g_loss"]), rel=1e-5
        )


def test_two_processes_do_not_train_into_one_folder(tmp_path, another_process):
    folder = tmp_path / "checkpoints"
    other = another_process(folder)
    with pytest.raises(ValueError, match="no other process trains in.*points'"):
        fit(make_model("noise"), tmp_path, 1)
    assert not list(folder.iterdir())
    # Of several workers the chief holds it for all.
    checkpoint = callbacks.Checkpoints(folder)
    resolver = types.SimpleNamespace(
        task_id=1,
        cluster_spec=lambda: types.SimpleNamespace(
            as_dict=lambda: {"worker": 2}
        ),
    )
    checkpoint.set_model(
        types.SimpleNamespace(
            step=np.array(0),
            distribute_strategy=types.SimpleNamespace(
                cluster_resolver=resolver
            ),
        )
    )
    checkpoint.model.step = types.SimpleNamespace(numpy=lambda: 0)
    checkpoint.on_train_begin()
    other.kill()
    other.communicate()
    model = make_model("noise")
    fit(model, tmp_path, 1)
    another_process(folder)  # free again after fit


def test_checkpoints_are_not_overwritten_by_a_fresh_start(tmp_path):
    fit(make_model("noise"), tmp_path, 4)
    with pytest.raises(ValueError, match="call restore.*step 4"):
        fit(make_model("noise"), tmp_path, 4)


def test_last_step_is_saved_once(tmp_path):
    fit(make_model("noise"), tmp_path, 6)
    folder = tmp_path / "checkpoints"
    assert sorted(p.name for p in folder.iterdir()) == [
        "000004.keras",
        "000006.keras",
    ]


def test_steps_are_counted_through_epochs_and_executions(tmp_path):
    seen = []

    class Watch(callbacks.StepCallback):
        def on_step(self, before, logs):
            seen.append((before, self.current_step))

    model = make_model("noise", run_eagerly=False, steps_per_execution=2)
    fit(model, tmp_path, 4, extra=[Watch()], epochs=2)
    assert seen == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert int(model.step.numpy()) == 8


def test_log_rows_are_means_since_the_row_before(tmp_path):
    losses = []

    class Watch(callbacks.StepCallback):
        def on_step(self, before, logs):
            losses.append(logs["g_loss"])

    fit(make_model("noise"), tmp_path, 10, extra=[Watch()])
    # What fit shows after step n is the mean since the last row, of n % 5.
    second = read_log(tmp_path)[1]
    sums = [mean * (1 + i % 5) for i, mean in enumerate(losses)]
    steps = np.diff([0.0, *sums[5:]])
    np.testing.assert_allclose(float(second["g_loss"]), steps.mean())
    assert losses[5] == pytest.approx(steps[0])


def test_sample_grids_show_three_columns(tmp_path):
    batch = {
        name: images.to_float(pictures(seed, 4)[:, :32, :32]).numpy()
        for seed, name in enumerate(("images_a", "images_b"))
    }
    grids = callbacks.SampleGrid(tmp_path / "samples", batch, every=4)
    model = make_model("cyclegan")
    dataset = datasets.unpaired(pictures(0), pictures(1), 32, batch_size=2)
    fit(model, tmp_path, 6, extra=[grids], dataset=dataset)
    for name in ("a_to_b", "b_to_a"):
        folder = tmp_path / "samples" / name
        assert sorted(p.name for p in folder.iterdir()) == [
            "000004.png",
            "000006.png",
        ]
    picture = np.asarray(Image.open(tmp_path / "samples/a_to_b/000006.png"))
    expected = callbacks.sample_grid(model.samples(batch)["a_to_b"].columns)
    np.testing.assert_array_equal(picture, expected)
    # Four samples of three images stand in one row; the first is an input.
    assert picture.shape == (32 + 4, 12 * 34 + 2, 3)
    np.testing.assert_array_equal(
        picture[2:34, 2:34], pictures(0, 4)[0, :32, :32]
    )


def test_a_grid_has_the_headings_of_the_model(tmp_path):
    model = make_model("stargan")
    batch = {
        "images": images.to_float(pictures(0, 3)[:, :16, :16]).numpy(),
        "labels": np.eye(3, dtype="float32"),
    }
    grids = callbacks.SampleGrid(tmp_path, batch)
    grids.set_model(model)
    grids.on_train_begin()
    grids.on_train_end()
    picture = np.asarray(Image.open(tmp_path / "labels/000000.png"))
    columns = model.samples(batch)["labels"].columns
    expected = callbacks.sample_grid(columns)
    np.testing.assert_array_equal(picture, expected)
    # Three samples of four images below 16 rows of text, repeated.
    plain = callbacks.sample_grid([c._replace(heading="") for c in columns])
    assert plain.shape == (16 + 4, 12 * 18 + 2, 3)
    np.testing.assert_array_equal(picture[16:], plain)
    text = picture[:16, 2:].reshape(16, 3, 4 * 18, 3)
    assert text.min() < 128
    np.testing.assert_array_equal(text[:, 0], text[:, 2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_training_after_the_step_and_saves(tmp_path, number):
    class Interrupt(callbacks.StepCallback):
        def on_step(self, before, logs):
            if self.current_step == 3:
                os.kill(os.getpid(), number)
                if number == signal.SIGHUP:
                    os.kill(os.getpid(), number)

        def on_train_end(self, logs=None):
            if number == signal.SIGHUP:
                os.kill(os.getpid(), number)

    stop = callbacks.StopOnSignal()
    model = make_model("noise")
    # The tests themselves may run under nohup.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        fit(model, tmp_path, STEPS, extra=[Interrupt(), stop])
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert stop.received == number
    assert (tmp_path / "checkpoints/000003.keras").exists()


def test_under_nohup_a_closed_terminal_is_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = callbacks.StopOnSignal()
        stop.set_model(
            types.SimpleNamespace(step=types.SimpleNamespace(numpy=int))
        )
        stop.on_train_begin()
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.received is None
        stop.on_train_end()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_progress_bar_shows_speed_and_terms(tmp_path, capsys):
    model = make_model("noise")
    fit(model, tmp_path, 6, extra=[callbacks.ProgressBar(6)])
    shown = capsys.readouterr().err
    assert "6/6" in shown and "step" in shown and "g_adversarial=" in shown
