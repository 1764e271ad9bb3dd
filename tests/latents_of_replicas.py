"""Latents that one and two logical CPUs draw, in a graph and by XLA."""

import keras
import tensorflow as tf

from keras_gans.layers import draw_latents


def find(strategy):
    """Return by distribution and mode the latents of one and of two."""
    found = {}
    for distribution in ("normal", "uniform"):
        for mode in ("graph", "xla"):
            found[f"{distribution} {mode}"] = [
                drawn(each, 4 // each.num_replicas_in_sync, distribution, mode)
                for each in (
                    tf.distribute.MirroredStrategy(["CPU:0"]),
                    strategy,
                )
            ]
    return found


def drawn(strategy, count, distribution, mode):
    """Return the second draw of all replicas, as lists."""
    with strategy.scope():
        seeds = keras.random.SeedGenerator(3)

    def draw():
        return draw_latents(seeds, count, 3, distribution)

    if mode == "xla":
        draw = tf.function(draw, jit_compile=True)

    @tf.function
    def run():
        return strategy.run(draw)

    run()
    parts = strategy.experimental_local_results(run())
    return tf.concat(parts, 0).numpy().tolist()
