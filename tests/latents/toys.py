"""A generator whose axes are known: some pixels are linear in its latents."""

import keras
import numpy as np

from keras_gans.verbs import Latents, Verb

SIDE, NAMES = 8, ["Male", "Smiling", "Young"]


class Painter:
    """The first pixels are tanh(direction . latents + offset), others noise.

    Args:
        directions: float `[axes, latent_dim]`.
        offsets: float `[axes]`.
        distribution: of the latents.
    """

    def __init__(self, directions, offsets=0.0, distribution="normal", seed=0):
        size = np.shape(directions)[1]
        weights = np.random.default_rng(seed).normal(size=(3 * SIDE**2, size))
        weights[: len(directions)] = directions
        biases = np.zeros(3 * SIDE**2)
        biases[: len(directions)] = offsets
        inputs = keras.Input((size,), name="latents")
        dense = keras.layers.Dense(3 * SIDE**2, activation="tanh")
        outputs = keras.layers.Reshape((SIDE, SIDE, 3))(dense(inputs))
        self.generator = keras.Model(inputs, outputs)
        dense.set_weights([weights.T, biases])
        self._latents = Latents(size, distribution)

    def verbs(self):
        inputs = {"latents": self._latents}
        return [
            Verb("generate", lambda latents: self.generator(latents), inputs)
        ]


def probabilities(images, count=3):
    """Read the first values back: (tanh(...) + 1) / 2."""
    return images.reshape(len(images), -1)[:, :count] / 255.0


def directions(size=12, overlap=0.5, count=3, seed=3):
    """Directions of length 1; those after the first share a part of it."""
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.normal(size=(size, size)))[0][:count]
    basis[1:] = overlap * basis[0] + np.sqrt(1 - overlap**2) * basis[1:]
    return basis
