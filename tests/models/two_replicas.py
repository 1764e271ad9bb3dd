"""Train on one and on two logical CPUs, these also by XLA; print the logs."""

import json
import sys

import numpy as np
import tensorflow as tf

from tests import tiny as contract


def main(name):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    if "pool_size" in contract.TINY[name]:
        # While it fills, a pool changes nothing; after that each replica's
        # gives back other images.
        contract.TINY[name]["pool_size"] = 50
    results = []
    for devices, jit_compile in (
        (["CPU:0"], False),
        (["CPU:0", "CPU:1"], False),
        (["CPU:0", "CPU:1"], True),
    ):
        with tf.distribute.MirroredStrategy(devices).scope():
            model = contract.make_model(
                name, run_eagerly=False, jit_compile=jit_compile
            )
        # Each half of the batch is the same, and so are its statistics:
        # batch normalization is per replica. Of a part for one critic step
        # each replica has one image, so that shuffled labels stay theirs.
        half = contract.make_batch(model, size=2)
        batch = {k: np.concatenate([v, v]) for k, v in half.items()}
        dataset = tf.data.Dataset.from_tensor_slices(batch).batch(4).repeat()
        history = model.fit(
            dataset, steps_per_epoch=2, verbose=0, shuffle=False
        )
        logs = {k: v[-1] for k, v in history.history.items()}
        logs["moving statistics"] = float(
            # Of the networks: pools hold what their replica has seen.
            sum(
                np.abs(variable.numpy()).sum()
                for network in model.networks
                for variable in network.non_trainable_variables
            )
        )
        results.append(logs)
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
