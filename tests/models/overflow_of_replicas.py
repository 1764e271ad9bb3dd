"""An overflow of float16 in one of two replicas, as asked of two CPUs."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.training import updates


def find(strategy):
    """Return the weights and the scale after a step with inf in replica 1.

    And those after another one in which all is finite.
    """
    with strategy.scope():
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(1.0), initial_scale=4.0
        )
        weights = [keras.Variable(np.ones(2, "float32")) for _ in range(2)]
        optimizer.build(weights)

    @tf.function
    def step(worst):
        def replica():
            context = tf.distribute.get_replica_context()
            is_second = context.replica_id_in_sync_group == 1
            value = tf.fill([2], tf.where(is_second, worst, 4.0))
            rows = tf.IndexedSlices(
                value[:1], tf.constant([1]), tf.constant([2])
            )
            optimizer.apply(updates._all_or_none([value, rows]), weights)

        strategy.run(replica)

    found = []
    for worst in (np.inf, 4.0):
        step(tf.constant(worst, tf.float32))
        values = [weight.numpy().tolist() for weight in weights]
        found.append([values, float(optimizer.dynamic_scale.numpy())])
    return found
