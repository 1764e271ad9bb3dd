"""NaN and infinity: named, never saved, exit code 3."""

import csv
import re

import keras
import numpy as np
import pytest

from keras_gans import callbacks, datasets, train
from keras_gans.callbacks import checkpoints, health
from tests.tiny import make_batch, make_model

TINY = (
    "--data-a a --data-b b --image-size 32 --set base_filters=2 "
    "--batch-size 2 --log-every 2"
)


def break_weight(model, now):
    if now:
        kernel = model.generator_ba.layers[4].weights[0]
        kernel.assign(kernel * np.nan)


class Break(callbacks.StepCallback):
    """Puts a NaN into one weight after a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_step(self, before, logs):
        break_weight(self.model, self.current_step == self.step)


@pytest.mark.parametrize("step,stopped", [(3, 4), (4, 4), (7, 7)])
def test_nan_stops_before_anything_is_saved(step, stopped, tmp_path):
    """NaN is met in the next step's losses, before a save, or at the end."""
    model = make_model("cyclegan")
    batch = make_batch(model)
    log = callbacks.RunLog(tmp_path, every=5)
    grids = callbacks.SampleGrid(tmp_path / "samples", batch, every=2)
    checkpoint = callbacks.Checkpoints(tmp_path / "checkpoints", every=2)
    pictures = np.random.default_rng(0).integers(
        0, 256, (9, 36, 36, 3), "uint8"
    )
    with pytest.raises(FloatingPointError) as error:
        model.fit(
            datasets.unpaired(pictures, pictures, 32, batch_size=2),
            steps_per_epoch=7,
            shuffle=False,
            verbose=0,
            callbacks=[
                Break(step),
                health.Health(log, grids, checkpoint),
                grids,
                log,
                checkpoint,
            ],
        )
    message = str(error.value)
    assert f"step {stopped}: NaN or infinity in " in message
    in_loss = "the loss term g_adversarial"
    assert (in_loss if step == 3 else "the weights, first in") in message
    name = model.generator_ba.layers[4].name
    if step != 3:
        assert f"network generator_ba, layer {name} (kernel; 1 " in message
    else:
        # The step's own update has spread it.
        assert "network generator_ab, layer" in message
    good = 6 if step == 7 else 2
    assert f"checkpoints/{good:06d}.keras" in message
    assert "try learning_rate=0.0001" in message and "\n" not in message
    assert checkpoints.steps(tmp_path / "checkpoints")[-1] == good
    assert checkpoints.restore(model, tmp_path / "checkpoints") == good
    assert health.first_not_finite(model) is None
    if step < 5:
        with open(tmp_path / "log.csv", newline="") as file:
            *_, row = csv.DictReader(file)
        assert (row["step"], row["warnings"]) == ("4", message)


@pytest.mark.usefixtures("eagerly", "unexported")
def test_the_command_ends_with_code_3_and_one_line(
    folders, capsys, monkeypatch
):
    command = f"{TINY} --save-every 2 --steps 6"

    class Breaking(callbacks.ProgressBar):
        def on_step(self, before, logs):
            break_weight(self.model, self.current_step == 5)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "ProgressBar", Breaking)
        assert train.main(command.split()) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: step 6: NaN or infinity in the loss term")
    assert "is runs/cyclegan/checkpoints/000004.keras. Usually" in error
    assert checkpoints.steps("runs/cyclegan/checkpoints") == [2, 4]


@pytest.mark.usefixtures("eagerly", "unexported")
def test_a_learning_rate_far_too_high_ends_with_code_3(folders, capsys):
    command = f"{TINY} --save-every 1 --steps 9 --set learning_rate=1e30"
    assert train.main(command.split()) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.match(r"error: step \d: NaN or infinity in the ", error)
    assert "try learning_rate=3e+29" in error


def test_half_precision_is_advised_against():
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        model = make_model("cyclegan")
        assert "float32 instead of mixed_float16" in health._advice(model)
    finally:
        keras.config.set_dtype_policy(policy)
