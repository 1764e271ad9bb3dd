"""`--deterministic`: two processes, the same bits."""

import csv
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_gans import registry


@pytest.fixture
def ended(tmp_path):
    """Two runs side by side: their last checkpoints, logs and outputs."""
    command = (
        "train --deterministic --image-size 64 --batch-size 4 "
        "--set base_filters=4 --steps 6 --save-every 6 --log-every 2"
    )
    # Few faces: drawing 4000 takes longer than the six steps.
    code = (
        "import sys; from keras_gans import train; "
        "unpaired = sys.modules['keras_gans.datasets.unpaired']; "
        "unpaired.FACES = range(0, 160, 2), range(1, 160, 2); "
        "sys.exit(train.main(sys.argv[1:]))"
    )
    processes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *command.split()[1:]],
                cwd=tmp_path / name,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=300) for process in processes]
    for process, (_, error) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, error[-3000:]
    registry.get("cyclegan")  # makes the class known to Keras
    folders = [tmp_path / name / "runs/cyclegan" for name in ("one", "two")]
    models = [
        keras.models.load_model(folder / "checkpoints/000006.keras")
        for folder in folders
    ]
    logs = []
    for folder in folders:
        with open(folder / "log.csv", newline="") as file:
            logs.append([{**row, "seconds": 0} for row in csv.DictReader(file)])
    return models, logs, outputs[0][0]


@pytest.mark.slow
def test_two_runs_are_bitwise_equal(ended):
    models, logs, shown = ended
    assert "deterministic: " in shown
    for one, two in zip(*(m.variables for m in models), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    assert logs[0] == logs[1] and len(logs[0]) == 3
