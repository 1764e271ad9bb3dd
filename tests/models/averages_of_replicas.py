"""Average weights on two logical CPUs: by `graph` or `xla`.

Asserts that both replicas have the average worked out by hand.
"""

import sys

import numpy as np
import tensorflow as tf

from tests import tiny
from tests.models import test_averages


def main(mode):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = tiny.make_model(
            "pix2pix",
            run_eagerly=False,
            jit_compile=mode == "xla",
            ema=test_averages.DECAY,
            augment_discriminator="color,translation,cutout",
        )
    trained = test_averages.train(model, 6)
    averages = test_averages.by_hand(trained)
    for variable, expected in zip(
        model.generator_variables, averages, strict=True
    ):
        for copy in strategy.experimental_local_results(variable.value):
            np.testing.assert_allclose(
                copy.numpy(), expected, rtol=1e-5, atol=1e-7
            )


if __name__ == "__main__":
    main(sys.argv[1])
