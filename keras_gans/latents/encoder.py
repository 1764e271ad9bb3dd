"""Train a network that guesses the latent vector of a generator's image."""

import itertools

import keras
from keras import initializers, layers

from keras_gans import checks, images
from keras_gans.latents.inversion import generated, noise_verb
from keras_gans.verbs import Latents

_LEAST_SIDE = 4  # of the last map


def train_encoder(
    generator,
    *,
    steps=1000,
    batch_size=32,
    base_filters=16,
    learning_rate=1e-3,
    seed=0,
    verbose=0,
):
    """Train an encoder on generated images and the latents they are made of.

    There is no end of such pairs, so none comes twice. Of an image that is
    not generated it tells where `latents.inversion.invert` may start. It
    halves the steps that are needed, and takes minutes to train: it pays for
    many images or a slow generator; `invert` has the figures.

    Args:
        generator: a live model whose verb makes images from latents. Labels,
            if it has any, are drawn.
        steps: int from 1 up, batches.
        batch_size: int from 1 up.
        base_filters: int from 1 up, channels of the first convolution.
        learning_rate: float from 0 up, of Adam; it falls to 0 along half a
            cosine.
        seed: int from 0 to below 2**31, of weights and latents.
        verbose: as of `keras.Model.fit`.

    Returns:
        A `keras.Model` from float32 images `[batch, height, width, 3]` in
        [-1, 1] to float32 latents `[batch, latent_dim]`: those with the least
        mean squared error, which are shorter than drawn ones where an image
        does not tell its latents.

    Raises:
        UserError: if an argument does not fit.
    """
    verb = noise_verb(generator)
    checks.at_least(
        1, steps=steps, batch_size=batch_size, base_filters=base_filters
    )
    checks.number(0, learning_rate=learning_rate)
    checks.between(0, 2**31 - 1, seed=seed)

    def batches():
        for step in itertools.count(1):
            # Each has a seed of its own, none of them small: those are used
            # for what the encoder is tried on.
            latents, labels = verb.drawn(batch_size, (seed + 1) * 2**31 + step)
            yield images.to_float(generated(verb, latents, labels)), latents

    sides = generated(verb, *verb.drawn(1, seed)).shape[1:3]
    network = _network(sides, verb.input(Latents)[1].size, base_filters, seed)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    network.compile(keras.optimizers.Adam(rate), "mse")
    network.fit(
        batches(), steps_per_epoch=steps, shuffle=False, verbose=verbose
    )
    return network


def _network(sides, latent_dim, base_filters, seed):
    seeds = itertools.count(seed)  # Keras' own generator stays as it is

    def kernel():
        return initializers.HeNormal(next(seeds))

    x = inputs = keras.Input((*sides, 3), name="images")
    filters, side = base_filters, min(sides)
    while side > _LEAST_SIDE:
        x = layers.Conv2D(
            filters, 4, 2, "same", use_bias=False, kernel_initializer=kernel()
        )(x)
        x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
        filters, side = min(2 * filters, 8 * base_filters), (side + 1) // 2
    x = layers.Dense(latent_dim, kernel_initializer=kernel())(
        layers.Flatten()(x)
    )
    outputs = layers.Activation("linear", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="encoder")
