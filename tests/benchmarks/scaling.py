"""How the training step grows: tables and the laws they follow, by command.

    python -m tests.benchmarks.scaling

Seconds of a step against the batch, against the size of the images, and of
two replicas or two worker processes against one, on the same cores. Each
figure is of a process of its own.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys

import numpy as np

BATCHES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (64, 96, 128, 192, 256)
RESNET = {"architecture": "resnet", "num_residual_blocks": 6}


def be(config):
    """Print the seconds of each step of one configuration."""
    import time

    import keras
    import tensorflow as tf

    from keras_gans import CycleGAN
    from keras_gans.training import devices

    replicas = config.get("replicas", 1)
    if replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
        )
    strategy = devices.make(config["strategy"], config["batch"])
    with strategy.scope():
        model = CycleGAN(image_size=config["size"], **config["arguments"])
        model.compile()
    shape = (config["batch"], config["size"], config["size"], 3)
    rng = np.random.default_rng(0)
    batch = {
        key: rng.uniform(-1, 1, shape).astype("float32")
        for key in ("images_a", "images_b")
    }
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    seconds = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            seconds.append(time.perf_counter() - self.start)

    model.fit(
        dataset.with_options(options),
        verbose=0,
        shuffle=False,
        steps_per_epoch=config["steps"] + 2,  # two warm up
        callbacks=[Clock()],
    )
    print(json.dumps(seconds[2:]))


def median(steps, batch, size=64, arguments=None, strategy="none", **config):
    """Return the median seconds of a step, and the least and the most."""
    config |= {"steps": steps, "batch": batch, "size": size}
    config |= {"arguments": arguments or {}, "strategy": strategy}
    places = [None]
    if strategy == "multiworker":
        cluster = {"worker": [f"localhost:{port}" for port in _free_ports(2)]}
        places = [
            {"cluster": cluster, "task": {"type": "worker", "index": index}}
            for index in range(2)
        ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.scaling"]
            + ["--be", json.dumps(config)],
            env=os.environ | ({"TF_CONFIG": json.dumps(p)} if p else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for p in places
    ]
    outputs = [process.communicate()[0] for process in processes]
    seconds = json.loads(outputs[0].splitlines()[-1])
    return statistics.median(seconds), min(seconds), max(seconds)


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def table(heading, ratio, rows):
    """Print rows of `(what, (median, least, most), divisor)`."""
    print(f"\n| {heading} | step, s (range) | {ratio} |\n| --- | --- | --- |")
    for what, (middle, least, most), divisor in rows:
        print(
            f"| {what} | {middle:.3f} ({least:.3f} to {most:.3f}) | "
            f"{middle / divisor:.2f} |",
            flush=True,
        )


def milliseconds(rows):
    """Return rows by thousandths of their amounts, for `table`."""
    return [(what, times, amount / 1e3) for what, times, amount in rows]


def law(rows, unit):
    """Print the line through the medians, least squares of relative errors."""
    amounts = np.array([amount for _, _, amount in rows], float)
    seconds = np.array([times[0] for _, times, _ in rows])
    columns = np.stack([np.ones_like(amounts), amounts], 1) / seconds[:, None]
    (fixed, each), *_ = np.linalg.lstsq(columns, np.ones_like(seconds))
    error = np.abs((fixed + each * amounts) / seconds - 1).max()
    print(
        f"\nstep = {1e3 * fixed:.0f} ms + {1e3 * each:.2f} ms for each {unit}; "
        f"largest deviation {100 * error:.0f} %",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--be", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be:
        return be(arguments.be)
    steps = arguments.steps
    rows = [(batch, median(steps, batch), batch) for batch in BATCHES]
    unit = "image of each domain"
    table("article, 64 px, batch", f"ms for a {unit}", milliseconds(rows))
    law(rows, unit)
    rows = [
        (size, median(steps, 1, size, RESNET), (size / 64) ** 2)
        for size in SIZES
    ]
    unit = "64 x 64 pixels"
    heading = "resnet, 6 blocks, batch 1, px"
    table(heading, f"ms for each {unit}", milliseconds(rows))
    law(rows, unit)
    rows = [
        (what, median(steps, 16, **config))
        for what, config in (
            ("no strategy", {}),
            ("mirrored, one replica", {"strategy": "mirrored"}),
            (
                "mirrored, two replicas",
                {"strategy": "mirrored", "replicas": 2},
            ),
            ("two worker processes", {"strategy": "multiworker"}),
        )
    ]
    first = rows[0][1][0]
    rows = [(*row, first) for row in rows]
    table("article, 64 px, batch 16 in all", "beside the first", rows)


if __name__ == "__main__":
    main()
