"""A run that is killed ends as if it had not been: the command, kill -9."""

import csv
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_gans import callbacks, registry, train
from keras_gans.callbacks import checkpoints
from tests.tiny import TINY

STEPS = 40


def data_of(name):
    """Return the arguments that name the data of a case."""
    kind = registry.get(name.split("-")[0]).data_kind
    if kind == "single":
        return "--data", "a"
    if name == "attributes":  # enough to hold out some, to calibrate on
        labels = "--labels", "Male,Smiling"
        return "--data", "faces:photo@80", *labels, "--held-out", "18"
    if kind == "domains":
        shutil.copytree("b", "c", dirs_exist_ok=True)
        domains = zip(TINY[name]["domains"], "abc", strict=True)
        return [part for d, f in domains for part in ("--data", f"{d}={f}")]
    if kind != "labelled":
        return "--data-a", "a", "--data-b", "b"
    # The two folders as the classes of one data set.
    for side in "ab":
        shutil.copytree(side, f"classes/of_{side}", dirs_exist_ok=True)
    return "--data", "classes"


def arguments_of(name, run_dir, save_every=10):
    """Return the arguments of the command for a run of a case."""
    options = [
        argument
        for key, value in TINY[name].items()
        if key not in ("image_size", "labels", "exclusive", "domains")
        for argument in ("--set", f"{key}={value}")
    ]
    return [
        *("--model", name.split("-")[0]),
        *data_of(name),
        *("--run-dir", run_dir),
        *("--image-size", str(TINY[name]["image_size"])),
        *("--batch-size", "2", "--steps", str(STEPS), "--log-every", "7"),
        *("--save-every", str(save_every)),
        *options,
    ]


def start(*case, **options):
    arguments = arguments_of(*case, **options)
    # As a user starts it, without the tests' choice of what to print.
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.Popen(
        [sys.executable, "-m", "keras_gans.train", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error[-3000:]
    # No warning and no error of TensorFlow's that must be explained.
    assert not re.findall(r"^[WE]\d{4} .*", error, re.MULTILINE)


def assert_same_end(name, run_dir, other):
    model_class = registry.get(name.split("-")[0])  # known to Keras now
    models = [
        keras.models.load_model(f"{folder}/checkpoints/{STEPS:06d}.keras")
        for folder in (run_dir, other)
    ]
    for one, two in zip(*(m.variables for m in models), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
    for player in model_class.terms:
        for one, two in zip(
            *(m.optimizer_of(player).variables for m in models), strict=True
        ):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
    logs = []
    for folder in (run_dir, other):
        with open(f"{folder}/log.csv", newline="") as file:
            logs.append([{**row, "seconds": 0} for row in csv.DictReader(file)])
    assert logs[0] == logs[1]
    assert [int(row["step"]) for row in logs[0]] == [7, 14, 21, 28, 35, STEPS]


# Fast: dropout and latents, whose random states must be saved; as that of a
# pool, of which the contract asks it for xgan.
FAST = ("cgan-dense",)


@pytest.mark.parametrize(
    "name, step",
    [
        pytest.param(name, step, marks=[] if name in FAST else pytest.mark.slow)
        # The progressive GAN grows after 10 steps, and is fading after 20.
        for name, step in [
            *((n, STEPS // 2) for n in sorted(TINY)),
            ("progressive", 10),
        ]
    ],
)
@pytest.mark.usefixtures("unexported")
def test_killed_between(folders, name, step):
    """The one that is killed has a process; the others need none."""
    killed = start(name, "killed")
    saved = pathlib.Path(f"killed/checkpoints/{step:06d}.keras")
    while not saved.exists():
        assert killed.poll() is None, killed.stderr.read()[-3000:]
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    for run_dir in ("killed", "whole"):
        assert train.main(arguments_of(name, run_dir)) == 0
    assert_same_end(name, "whole", "killed")


@pytest.mark.usefixtures("eagerly")
def test_ctrl_c_saves_and_says_how_to_continue(folders, capsys, monkeypatch):
    class Interrupting(callbacks.ProgressBar):
        def on_step(self, before, logs):
            super().on_step(before, logs)
            if self.current_step == 2:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(callbacks, "ProgressBar", Interrupting)
    assert train.main(arguments_of("pix2pix", "stopped", 1)) == 130
    shown = capsys.readouterr()
    assert "stopped after step 2 of 40 and saved" in shown.out
    assert "the same command continues" in shown.out
    assert "Traceback" not in shown.err
    assert max(checkpoints.steps("stopped/checkpoints")) == 2


@pytest.mark.slow
def test_twenty_kills_at_random_moments(folders):
    """Run with -s to see how many of them struck while a file was written."""
    rng = random.Random(0)
    began = time.monotonic()
    finish(start("cyclegan", "whole", save_every=2))
    whole, struck = time.monotonic() - began, []
    for _ in range(20):
        process = start("cyclegan", "killed", save_every=2)
        # Some before the first step, some in the middle of writing.
        time.sleep(rng.uniform(0.2, 0.8) * whole)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        folder = pathlib.Path("killed/checkpoints")
        left = [p.name for p in folder.glob(".unfinished*")]
        struck.append((checkpoints.steps(folder)[-1:], left))
        if process.returncode == 0:
            break
    finish(start("cyclegan", "killed", save_every=2))
    assert any(steps for steps, _ in struck)
    print(f"\nnewest checkpoint and halves left behind, by kill: {struck}")
    assert_same_end("cyclegan", "whole", "killed")
    assert not [p for p in os.listdir("killed/checkpoints") if p[0] == "."]
