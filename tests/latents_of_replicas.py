"""Latents that one and two logical CPUs draw, and one by XLA."""

import keras
import tensorflow as tf

from keras_gans.layers import draw_latents


def find(strategy):
    """Return by distribution the latents of one, of two, and of one by XLA."""
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    return {
        distribution: [
            drawn(one, distribution),
            drawn(strategy, distribution),
            # Of several replicas only what follows the draw is compiled.
            drawn(one, distribution, jit_compile=True),
        ]
        for distribution in ("normal", "uniform")
    }


def drawn(strategy, distribution, jit_compile=False):
    """Return the second draw of all replicas, a list of 4 vectors."""
    with strategy.scope():
        seeds = keras.random.SeedGenerator(3)
    count = 4 // strategy.num_replicas_in_sync

    def draw():
        return draw_latents(seeds, count, 3, distribution)

    if jit_compile:
        draw = tf.function(draw, jit_compile=True)

    @tf.function
    def run():
        return strategy.run(draw)

    run()
    parts = strategy.experimental_local_results(run())
    return tf.concat(parts, 0).numpy().tolist()
