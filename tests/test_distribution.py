"""Several devices and machines; what needs processes of its own has them."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import types
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import layers, train
from keras_gans.callbacks import checkpoints
from keras_gans.training import devices
from tests import strategies

CLUSTER = {"worker": ["localhost:1", "localhost:2"]}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "worker 0",
        "[]",
        json.dumps({"cluster": CLUSTER}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "ps", "index": 0}}),
        json.dumps(
            {"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}
        ),
        json.dumps(
            {
                "cluster": {"worker": ["localhost:1"]},
                "task": {"type": "worker", "index": 0},
            }
        ),
    ],
)
def test_workers_that_are_not_described_are_refused(text, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="TF_CONFIG must list two workers"):
        devices.make("multiworker", 2)


def test_one_device_needs_no_strategy():
    for name in ("none", "auto"):
        strategy = devices.make(name, 1)
        assert strategy is tf.distribute.get_strategy()
        assert devices.is_chief(strategy)
        assert not devices.is_multi_worker(strategy)
    mirrored = devices.make("mirrored", 1)
    assert isinstance(mirrored, tf.distribute.MirroredStrategy)
    devices.check_agreement(mirrored, "step", 3)


@pytest.mark.parametrize(
    "batch_size,count", [(8, 4), (6, 3), (1, 1), (3, 3), (None, 0)]
)
def test_as_many_gpus_as_share_the_batch(
    batch_size, count, monkeypatch, caplog
):
    names = [f"gpu{i}" for i in range(4 if count else 0)]
    gpus = [types.SimpleNamespace(name=name) for name in names]
    monkeypatch.setattr(*(tf.config, "list_logical_devices"), lambda kind: gpus)
    mirrored = mock.Mock(
        side_effect=lambda names: types.SimpleNamespace(
            names=names, num_replicas_in_sync=len(names)
        )
    )
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", mirrored)
    strategy = devices.make("auto", batch_size or 4)
    if count < 2:
        assert strategy is tf.distribute.get_strategy()
    else:
        assert strategy.names == names[:count]
    is_told = f"{count} of 4 GPUs share a batch" in caplog.text
    assert is_told == (0 < count < 4)


@pytest.mark.parametrize(
    "has_it,half,precision",
    [(True, 1.0, "bfloat16"), (True, 3.0, "float32"), (False, 1.0, "float32")],
)
def test_the_faster_precision_is_chosen_once(
    has_it, half, precision, tmp_path, monkeypatch, capsys
):
    seconds = {tf.bfloat16: half, tf.float32: 2.0}
    monkeypatch.setattr(devices, "has_fast_bfloat16", lambda: has_it)
    monkeypatch.setattr(devices, "_step_seconds", seconds.get)
    strategy = devices.make("none", 4)
    chosen = train.choose_precision(tmp_path, True, strategy)
    assert chosen == precision
    assert capsys.readouterr().out.startswith(f"precision: {precision}, as ")
    # A continued run keeps its own.
    (tmp_path / "arguments.json").write_text('{"precision": "float16"}')
    (tmp_path / "log.csv").touch()
    assert train.choose_precision(tmp_path, False, strategy) == "float16"


def test_one_replica_draws_what_keras_draws():
    ours, theirs = (keras.random.SeedGenerator(7) for _ in range(2))
    for _ in range(2):
        seed = layers.replica_seed(ours)
        drawn = tf.random.stateless_uniform([3], seed)
        expected = keras.random.uniform([3], seed=theirs)
        np.testing.assert_array_equal(drawn, expected)


@pytest.mark.slow
def test_resume_across_strategies(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "tests.strategies"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert process.returncode == 0, process.stderr[-3000:]
    results = json.loads(process.stdout.splitlines()[-1])
    assert len(results["stays"]) == 4
    assert_same_terms(results["changes"], results["stays"])
    one, other = results["seeds"]
    assert one != other


def assert_same_terms(rows, expected):
    for row, other in zip(rows, expected, strict=True):
        assert row.keys() == other.keys()
        for name in row:
            np.testing.assert_allclose(
                row[name], other[name], rtol=2e-3, err_msg=name
            )


def start_workers(folder, steps):
    """Start the command on two workers; return the processes."""
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            ports.append(free.getsockname()[1])
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    return [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "keras_gans.train"),
                *(*strategies.ARGUMENTS, "workers"),
                *("--strategy", "multiworker", "--steps", str(steps)),
            ],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.getcwd(),
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": cluster,
                        "task": {"type": "worker", "index": index},
                    }
                ),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def finish(process):
    _, error = process.communicate(timeout=300)
    return process.returncode, error


@pytest.mark.slow
def test_two_workers_and_one_that_is_lost(tmp_path, monkeypatch):
    ends = [finish(worker) for worker in start_workers(tmp_path, steps=3)]
    assert [code for code, _ in ends] == [0, 0], ends
    # The chief alone has written.
    assert {p.name for p in tmp_path.iterdir()} == {"workers", "saved_models"}
    run = tmp_path / "workers"
    assert checkpoints.steps(run / "checkpoints") == [3]

    chief, other = start_workers(tmp_path, steps=100_000)
    deadline = time.monotonic() + 240
    while len(strategies.terms(run)) < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    other.send_signal(signal.SIGKILL)
    code, error = finish(chief)
    other.communicate()
    assert code == 1, error[-3000:]
    last = error.splitlines()[-1]
    assert last.startswith("error: another worker cannot be reached any more")

    # The steps so far are those of one process with the whole batch.
    monkeypatch.chdir(tmp_path)

    assert train.main([*strategies.ARGUMENTS, "alone", "--steps", "6"]) == 0
    rows = strategies.terms(pathlib.Path("workers"))[:6]
    assert_same_terms(rows, strategies.terms("alone"))


def test_a_step_of_float16_is_skipped_by_all_replicas_or_none(two_replicas):
    (skipped, scale), (taken, _) = two_replicas("overflow")
    assert skipped == [[1.0, 1.0], [1.0, 1.0]] and scale == 2.0
    # Scaled by 2, and the sum of both replicas.
    assert taken == [[-3.0, -3.0], [1.0, -3.0]]
