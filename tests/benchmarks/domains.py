"""Time steps of ComboGAN with more and more domains.

    python -m tests.benchmarks.domains

A process for each number of domains, 64 px, batch 4, the demonstration's
width. Prints a row of the table in README.md here for each: the first step,
with its trace, the median of the next ones, and the memory of the process.
"""

import argparse
import resource
import subprocess
import sys
import time

_NUMBERS = 2, 4, 12
_STEPS = 24


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--domains", type=int, help="measure this one alone")
    arguments = parser.parse_args(argv)
    if arguments.domains:
        _measure(arguments.domains)
        return
    print(
        "| domains | weights, million | first step, s | step, s | memory, GB |"
    )
    print("| --- | --- | --- | --- | --- |", flush=True)
    for number in _NUMBERS:
        command = [sys.executable, "-m", __spec__.name, "--domains"]
        subprocess.run([*command, str(number)], check=True)


def _measure(number):
    import numpy as np

    import keras_gans

    model = keras_gans.ComboGAN(
        image_size=64,
        domains=[f"d{place}" for place in range(number)],
        base_filters=16,
        num_residual_blocks=4,
    )
    model.compile(total_steps=1000)
    random = np.random.default_rng(0)
    shape = (4, 64, 64, 3)
    images = {
        name: random.uniform(-1, 1, shape).astype(np.float32)
        for name in ("images_a", "images_b")
    }
    seconds = []
    for _ in range(1 + _STEPS):
        a, b = random.choice(number, 2, replace=False)
        rows = np.eye(number, dtype=np.float32)[[[a] * 4, [b] * 4]]
        domains = dict(zip(("domain_a", "domain_b"), rows, strict=True))
        begin = time.perf_counter()
        model.train_on_batch(images | domains)
        seconds.append(time.perf_counter() - begin)
    weights = sum(n.count_params() for n in model.networks) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"| {number} | {weights:.1f} | {seconds[0]:.1f} "
        f"| {np.median(seconds[1:]):.2f} | {memory:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
