"""Training steps beside PyTorch's, in turns: one table, by command.

    python -m tests.benchmarks.train_step
    python -m tests.benchmarks.train_step --rows article --precisions float32

Each peer is a process of its own, which takes one step whenever it is told
to. Ours is `model.fit`; PyTorch's forms are eager, channels first and last,
and compiled (`torch.compile` of its networks, channels last; needs g++), in
bfloat16 under its autocast. The fastest is shown. Needs the extra `bench`.
"""

import argparse
import contextlib
import gc
import math
import os
import statistics
import subprocess
import sys
import time

import numpy as np

# Name -> registered model, arguments, image size, images of an update.
ROWS = {
    "article, 64 px, batch 64": ("cyclegan", {}, 64, 64),
    **{
        f"resnet, 6 blocks, 128 px, batch {batch}": (
            "cyclegan",
            {"architecture": "resnet", "num_residual_blocks": 6},
            128,
            batch,
        )
        for batch in (1, 4)
    },
    "pix2pix, 128 px, batch 1": ("pix2pix", {}, 128, 1),
    "stargan, 128 px, batch 4": ("stargan", {}, 128, 4),
    "dcgan, 64 px, batch 64": ("dcgan", {}, 64, 64),
    **{
        f"progressive, {size} px, batch 16": (
            "progressive",
            # At its last size from the start: nothing grows.
            {"initial_size": size, "base_filters": 1024, "max_filters": 64},
            size,
            16,
        )
        for size in (32, 64)
    },
    "unit, 64 px, batch 4": (
        "sharedlatent",
        {"architecture": "unit", "base_filters": 32},
        64,
        4,
    ),
    "combogan, 2 of 3 domains, 64 px, batch 4": (
        "combogan",
        {"domains": ["a", "b", "c"], "base_filters": 32},
        64,
        4,
    ),
    "xgan, 64 px, batch 32": ("xgan", {}, 64, 32),
    "contextual, 64 px, batch 16": ("contextual", {}, 64, 16),
}
PRECISIONS = ("float32", "bfloat16")
OURS = "ours"
CHANNELS_FIRST, COMPILED = "channels first", "compiled"
FORMS = (CHANNELS_FIRST, "channels last", COMPILED)
STEP, FLOPS = "step", "flops"


def make_batch(row):
    """Return the arrays of a step; StarGAN's has five critic updates."""
    name, _, size, count = ROWS[row]
    rng = np.random.default_rng(0)

    def pictures(count):
        shape = (count, size, size, 3)
        return rng.uniform(-1, 1, shape).astype("float32")

    if name in ("dcgan", "progressive"):
        return {"images": pictures(count)}
    if name != "stargan":
        pair = {"images_a": pictures(count), "images_b": pictures(count)}
        if name == "combogan":
            one_hot = np.eye(3, dtype="float32")
            for number, domain in enumerate(("domain_a", "domain_b")):
                pair[domain] = np.tile(one_hot[number], (count, 1))
        return pair
    labels = rng.integers(0, 2, (5 * count, 5)).astype("float32")
    return {"images": pictures(5 * count), "labels": labels}


def answer(value):
    print(value, flush=True)


def be_ours(row, precision):
    """Print the number of weights; take a step for each line of input.

    After each step its seconds are printed.
    """
    import keras
    import tensorflow as tf

    from keras_gans import registry

    if precision != "float32":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    name, arguments, size, _ = ROWS[row]
    model = registry.get(name)(image_size=size, **arguments)
    model.compile()
    answer(sum(math.prod(v.shape) for v in model.trainable_variables))

    class Turns(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if not sys.stdin.readline():
                self.model.stop_training = True
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            answer(time.perf_counter() - self.start)

    model.fit(
        tf.data.Dataset.from_tensors(make_batch(row)).repeat(),
        verbose=0,
        shuffle=False,
        steps_per_epoch=10**6,
        callbacks=[Turns()],
    )


def be_pytorch(row, precision, form):
    """The same, and the floating-point operations of a step on request."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    from tests.benchmarks import pytorch_steps

    torch.set_num_threads(os.cpu_count())
    batch = {
        key: torch.from_numpy(
            value.transpose(0, 3, 1, 2).copy() if value.ndim == 4 else value
        )
        for key, value in make_batch(row).items()
    }
    if form != CHANNELS_FIRST:
        # The layers then hand this layout on.
        batch = {
            key: value.to(memory_format=torch.channels_last)
            if value.ndim == 4
            else value
            for key, value in batch.items()
        }
    step, optimizers = pytorch_steps.make(row, batch)
    if form == COMPILED:
        objects = gc.get_objects()
        modules = [o for o in objects if issubclass(type(o), nn.Module)]
        inner = {id(child) for m in modules for child in m.children()}
        for network in modules:
            if id(network) not in inner:
                network.compile()
    answer(
        sum(
            parameter.numel()
            for optimizer in optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        )
    )
    for line in sys.stdin:
        start = time.perf_counter()
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=precision == "bfloat16"
        ):
            if line.strip() == FLOPS:
                counter = FlopCounterMode(display=False)
                # Counting by module fails in second derivatives.
                counter.mod_tracker = _Everything()
                with counter:
                    step()
                answer(counter.get_total_flops())
                continue
            step()
        answer(time.perf_counter() - start)


class _Everything(contextlib.nullcontext):
    parents = ("Global",)


class Peer:
    """One process; `first_step` counts from its start."""

    def __init__(self, *arguments):
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.train_step", "--be"]
            + list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.weights = self._read()
        self.ask(STEP)
        self.first_step = time.perf_counter() - start
        self.seconds = []

    def ask(self, question):
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self):
        return float(self._process.stdout.readline())

    def end(self):
        """Close the process; return its peak memory in GB."""
        self._process.stdin.close()
        _, _, usage = os.wait4(self._process.pid, 0)
        return usage.ru_maxrss / 2**20


def compare(row, precision, steps):
    """Return the peers after `steps` steps each, in turns, and the FLOPs."""
    peers = {OURS: Peer(OURS, row, precision)}
    peers |= {one: Peer(one, row, precision) for one in FORMS}
    weights = {who: peer.weights for who, peer in peers.items()}
    if len({*weights.values()}) > 1:
        raise SystemExit(f"{row}: the networks are not equal: {weights}")
    for _ in range(steps + 1):  # of which the first warms up
        for peer in peers.values():
            # PyTorch's threads keep the cores busy for a moment.
            time.sleep(0.3)
            peer.seconds.append(peer.ask(STEP))
    flops = peers[CHANNELS_FIRST].ask(FLOPS)
    for peer in peers.values():
        del peer.seconds[0]
        peer.median = statistics.median(peer.seconds)
        peer.memory = peer.end()
    return peers, flops


def peak(precision, side=64, channels=256, batch=8, repeats=5):
    """Measure a convolution, forward: operations a second, the best of some.

    3x3 in the middle layers of a ResNet generator; what oneDNN reaches here,
    not what the processor's data sheet says.
    """
    import tensorflow as tf

    dtype = tf.as_dtype(precision)
    x = tf.cast(tf.random.normal([batch, side, side, channels]), dtype)
    kernel = tf.cast(tf.random.normal([3, 3, channels, channels]), dtype)
    convolve = tf.function(lambda: tf.nn.conv2d(x, kernel, 1, "SAME"))
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        convolve().numpy()
        taken.append(time.perf_counter() - start)
    return 2 * batch * (side * channels * 3) ** 2 / min(taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="+", default=list(ROWS))
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--be", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be:
        who, row, precision = arguments.be
        if who == OURS:
            return be_ours(row, precision)
        return be_pytorch(row, precision, who)
    rows = [r for r in ROWS if any(map(r.startswith, arguments.rows))]
    print(
        "| step | precision | ours, s (range) | PyTorch, s (range), form | "
        "PyTorch / ours | memory, GB | first step, s | TFLOP | of peak |"
    )
    print("| --- |" + " --- |" * 8)
    for precision in arguments.precisions:
        fastest = peak(precision)
        for row in rows:
            peers, flops = compare(row, precision, arguments.steps)
            ours = peers.pop(OURS)
            form, other = min(peers.items(), key=lambda p: p[1].median)
            times = [
                f"{p.median:.2f} ({min(p.seconds):.2f} to {max(p.seconds):.2f})"
                for p in (ours, other)
            ]
            share = flops / ours.median / fastest
            print(
                f"| {row} | {precision} | {times[0]} | {times[1]}, {form} | "
                f"{other.median / ours.median:.2f} | {ours.memory:.2f}, "
                f"{other.memory:.2f} | {ours.first_step:.0f}, "
                f"{other.first_step:.0f} | {flops / 1e12:.2f} | "
                f"{100 * share:.0f} % |",
                flush=True,
            )
        print(f"peak in {precision}: {fastest / 1e9:.0f} GFLOP/s", flush=True)


if __name__ == "__main__":
    main()
