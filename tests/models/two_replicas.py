"""Train on one and on two logical CPUs, these by `graph` or `xla`."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers import Dropout
from tests import tiny


def find(strategy, name, mode):
    """Return the logs of one replica and those of two."""
    return [
        logs(tf.distribute.MirroredStrategy(["CPU:0"]), name, False),
        logs(strategy, name, mode == "xla"),
    ]


def logs(strategy, name, jit_compile):
    if "pool_size" in tiny.TINY.get(name, {}):
        # While it fills, a pool changes nothing; after that each replica's
        # gives back other images.
        tiny.TINY[name]["pool_size"] = 50
    optimizers = {}
    if name == "progressive":
        # Adam without a first moment takes the sign of every rounding.
        optimizers = {
            f"{player}_optimizer": keras.optimizers.SGD(1e-3)
            for player in ("generator", "discriminator")
        }
    with strategy.scope():
        model = tiny.make_model(
            name, run_eagerly=False, jit_compile=jit_compile, **optimizers
        )
    if name != "progressive" and hasattr(model, "latents"):
        latents = model.latents.draw(2)
        model._draw = lambda images, seed: tf.tile(
            latents, [tf.shape(images)[0] // 2, 1]
        )
        # Of which each replica has others.
        model._draw_wrong = lambda vectors, seed: (
            None if vectors is None else 1.0 - vectors
        )
    # Masks differ by replica: in a generator they cost its images less than a
    # discriminator's cost its verdict, or a classifier's.
    generators = "generator" in model.players
    for network in model.networks[generators:]:
        for layer in network.layers:
            if isinstance(layer, Dropout):
                layer.rate = 0.0
    # Each half of the batch is the same, and so are its statistics: batch
    # normalization is per replica. Of a part for one critic step each
    # replica has one image, so that shuffled labels stay theirs.
    half = tiny.make_batch(model, size=2)
    batch = {k: np.concatenate([v, v]) for k, v in half.items()}
    if name == "progressive":
        # It has none; each replica has a group of four images.
        batch = tiny.make_batch(model, size=8)
    count = len(batch[next(iter(batch))])
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(count).repeat()
    history = model.fit(dataset, steps_per_epoch=2, verbose=0, shuffle=False)
    logs = {k: v[-1] for k, v in history.history.items()}
    logs["moving statistics"] = float(
        # Of the networks: pools hold what their replica has seen.
        sum(
            np.abs(variable.numpy()).sum()
            for network in model.networks
            for variable in network.non_trainable_variables
        )
    )
    return logs
