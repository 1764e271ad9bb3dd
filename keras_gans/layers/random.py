"""Random numbers that differ by replica."""

import math

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


_STEPS = 2**24  # whole numbers up to here are exact in float32, too


def draw_latents(seed, count, size, distribution="normal"):
    """Draw latent vectors; of several replicas each has a part of one draw.

    With the same state they are those of one replica with the whole batch.

    Args:
        seed: `keras.random.SeedGenerator`, whose state moves on, or an int.
        count: int or scalar tensor, vectors of this replica.
        size: int, length of a vector.
        distribution: `"normal"`, or `"uniform"` in [-1, 1].

    Returns:
        float32 `[count, size]`.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync if context else 1
    replica = context.replica_id_in_sync_group if context else 0
    # Whole numbers: XLA draws other fractions than TensorFlow does.
    numbers = keras.random.randint(
        (replicas, count, size, 2), 0, _STEPS, seed=seed
    )
    parts = tf.cast(numbers[replica], tf.float32) / _STEPS  # in [0, 1)
    first, second = parts[..., 0], parts[..., 1]
    if distribution == "uniform":
        return 2.0 * first - 1.0
    # Box and Muller 1958; 1 - [0, 1) has a logarithm.
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - first))
    return radius * tf.cos(2.0 * math.pi * second)


@keras.saving.register_keras_serializable("keras_gans")
class Dropout(keras.layers.Dropout):
    """Dropout with a different mask on each replica of a strategy.

    Takes the arguments of `keras.layers.Dropout`. The mask is the same in a
    graph and in XLA.
    """

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        own = tf.shape(inputs)
        given = self.noise_shape or [None] * len(inputs.shape)
        shape = [own[i] if n is None else n for i, n in enumerate(given)]
        # Whole numbers: XLA draws other fractions than TensorFlow does.
        draws = tf.random.stateless_uniform(
            shape, replica_seed(self.seed_generator), 0, _STEPS, tf.int32
        )
        kept = draws >= round(self.rate * _STEPS)
        return tf.where(kept, inputs / (1.0 - self.rate), 0.0)
