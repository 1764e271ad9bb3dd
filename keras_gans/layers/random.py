"""Random numbers that differ by replica."""

import keras
import tensorflow as tf


def replica_seed(seed_generator):
    """Draw a seed that differs by replica.

    Keras gives all replicas the same state, so the same numbers.

    Args:
        seed_generator: `keras.random.SeedGenerator`, which is advanced.

    Returns:
        int32 `[2]`, for `tf.random.stateless_...`; with one replica the seed
        that `keras.random` would use.
    """
    # As Keras: its states have 64 bits, what XLA takes has 32.
    seed = tf.math.floormod(seed_generator.next(), tf.int32.max - 1)
    seed = tf.cast(seed, tf.int32)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    # The second number counts the draws. Not `stateless_fold_in`, which XLA
    # computes otherwise.
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    return seed + tf.stack([1_000_003 * replica, 0])


@keras.saving.register_keras_serializable("keras_gans")
class Dropout(keras.layers.Dropout):
    """Dropout with a different mask on each replica of a strategy."""

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        seed = replica_seed(self.seed_generator)
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed)
