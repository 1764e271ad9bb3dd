"""Train on two logical CPUs and go on with one; in one process.

Prints JSON: by run folder the loss terms of `log.csv`, and a random number of
each replica.
"""

import csv
import json
import pathlib

import keras
import tensorflow as tf

from keras_gans import layers, train
from keras_gans.training import devices

# A pool would be filled by each replica for itself.
ARGUMENTS = (
    "--set architecture=resnet --set base_filters=2 --set pool_size=0 "
    "--set num_residual_blocks=0 --set schedule=constant --image-size 24 "
    "--batch-size 2 --save-every 100 --log-every 1 --evaluate-every 0 --run-dir"
).split()


def terms(folder):
    with open(pathlib.Path(folder) / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: float(row[name]) for name in row if name[:2] in ("g_", "d_")}
        for row in rows
    ]


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    for folder, strategy, steps in (
        ("stays", "none", 4),
        ("changes", "mirrored", 2),
        ("changes", "none", 4),
    ):
        code = train.main(
            [*ARGUMENTS, folder, "--strategy", strategy, "--steps", str(steps)]
        )
        assert code == 0, (strategy, code)
    strategy = devices.make("mirrored", 2)
    with strategy.scope():
        seeds = keras.random.SeedGenerator(0)
    drawn = strategy.run(lambda: layers.replica_seed(seeds))
    drawn = strategy.experimental_local_results(drawn)
    results = {folder: terms(folder) for folder in ("stays", "changes")}
    print(json.dumps(results | {"seeds": [s.numpy().tolist() for s in drawn]}))


if __name__ == "__main__":
    main()
