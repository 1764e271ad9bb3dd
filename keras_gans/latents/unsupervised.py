"""Axes without labels: what moves the first layer of a generator most."""

import numpy as np

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.latents.axes import FeatureAxes
from keras_gans.latents.generators import Generator

_BATCH = 500


def ganspace(
    generator, components=20, samples=10_000, layer=None, seed=0, labels=None
):
    """Find the principal components of a layer's responses, as axes.

    The responses to drawn latents are reduced to their coordinates along the
    first components; the axes are the latents of a least-squares fit to these.

    Args:
        generator: live model with a network `generator`, or what
            `keras_gans.load` makes of a run folder or a `.keras` file.
        components: int, number of axes, at most the length of latents.
        samples: int, more than a latent vector is long.
        layer: str, name of a layer. Default: the first that has weights on
            the latents.
        seed: int of 64 bits, of the latents.
        labels: as of the generator's `generate`.

    Returns:
        `FeatureAxes` `pc1`, `pc2`, ...; `about["variances"]` has the share of
        each component in the variance of the responses.

    Raises:
        UserError: if an argument does not fit.

    Reference:
        Härkönen et al. 2020, "GANSpace: Discovering Interpretable GAN
        Controls", arXiv:2004.02546, section 2; of generators without a
        learned latent space.
    """
    from sklearn.decomposition import IncrementalPCA

    generator = Generator.of(generator)
    network = _network(generator)
    size = generator.latents.size
    checks.between(1, size, components=components)
    checks.at_least(max(size + 1, _BATCH), samples=samples)
    if layer is None:
        output = _first_layer(network)[0].output
    else:
        checks.one_of([one.name for one in network.layers], layer=layer)
        output = network.get_layer(layer).output
    part = _part(network, output)
    latents, vectors = generator.drawn(0, samples, seed, labels)

    def responses():
        # No part is shorter, as each must have all components.
        parts = samples // max(_BATCH, components)
        for rows in np.array_split(np.arange(samples), parts):
            given = [one[rows] for one in (latents, vectors) if one is not None]
            outputs = part(_inputs(network, given), training=False)
            yield np.asarray(outputs, np.float64).reshape(len(rows), -1)

    pca = IncrementalPCA(components)
    for rows in responses():
        if rows.shape[1] < components:
            raise UserError(
                f"components must be at most {rows.shape[1]}, the responses "
                f"of the layer. Received: {components}"
            )
        pca.partial_fit(rows)
    coordinates = np.concatenate([pca.transform(r) for r in responses()])
    directions = np.linalg.lstsq(coordinates, latents, rcond=None)[0]
    shares = pca.explained_variance_ratio_.tolist()
    return _axes("pc", generator, directions, shares)


def sefa(generator, components=20):
    """Find the latents that change the first layer's responses most, as axes.

    They are the eigenvectors of A^T A, A the weights on the latents, whose
    rows are scaled to unit length as in the authors' code.

    Args:
        generator, components: as of `ganspace`.

    Returns:
        `FeatureAxes` `sefa1`, `sefa2`, ..., perpendicular to one another;
        `about["variances"]` has the share of each eigenvalue.

    Raises:
        UserError: if an argument does not fit.

    Reference:
        Shen and Zhou 2021, "Closed-Form Factorization of Latent Semantics in
        GANs", arXiv:2007.06600, section 2.2; github.com/genforce/sefa.
    """
    generator = Generator.of(generator)
    checks.between(1, generator.latents.size, components=components)
    weights = first_weights(_network(generator))
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    weights = weights / np.where(lengths > 0.0, lengths, 1.0)
    # The authors' code does not sort what `eig` returns.
    values, vectors = np.linalg.eigh(weights.T @ weights)
    order = np.argsort(values)[::-1][:components]
    shares = (values[order] / values.sum()).tolist()
    return _axes("sefa", generator, vectors.T[order], shares)


def first_weights(network):
    """Return the first weights that a generator applies to its latents.

    Args:
        network: `keras.Model`, whose first input are latents.

    Returns:
        float64 `[outputs, latent_dim]`, up to a factor.

    Raises:
        UserError: if no layer has weights on the latents.
    """
    layer, places = _first_layer(network)
    # The layer is affine: from its answers follow its weights, whatever
    # its kind.
    rows = np.concatenate([np.zeros_like(places[:1]), places])
    outputs = np.asarray(layer(rows.reshape(-1, *layer.input.shape[1:])))
    outputs = outputs.astype(np.float64).reshape(len(rows), -1)
    return (outputs[1:] - outputs[0]).T


def _first_layer(network):
    """Return the first layer with weights on the latents, and their places.

    Labels may stand beside the latents in the layer's input, and a
    normalization before it. At latents and labels of 0 all that comes before
    the layer is linear, and at most scales the latents.

    Returns:
        `(layer, places)`: float32 `[latent_dim, inputs]`, the change of the
        layer's input by each number of the latents, at most 1.
    """
    import tensorflow as tf

    latents = tf.zeros((1, *network.inputs[0].shape[1:]))
    for layer in network.layers:
        if any(len(weight.shape) > 1 for weight in layer.weights):
            part = _part(network, layer.input)
            with tf.GradientTape() as tape:
                tape.watch(latents)
                inputs = part(_inputs(network, [latents]), training=False)
                inputs = tf.cast(tf.reshape(inputs, (1, -1)), tf.float32)
            places = tape.batch_jacobian(inputs, latents)
            if places is not None and np.any(places):
                places = np.asarray(places)[0].T
                return layer, places / np.abs(places).max()
    raise UserError(
        "generator must have a layer with weights on the latents. "
        f"Received: {', '.join(layer.name for layer in network.layers)}"
    )


def _part(network, output):
    import keras

    return keras.Model(network.inputs, output)


def _inputs(network, given):
    """Return inputs of a network: what is given, then zeros."""
    import tensorflow as tf

    count = len(given[0])
    rest = network.inputs[len(given) :]
    zeros = [tf.zeros((one.shape[0] or count, *one.shape[1:])) for one in rest]
    inputs = [tf.cast(one, tf.float32) for one in given] + zeros
    return inputs if len(inputs) > 1 else inputs[0]


def _network(generator):
    """Return the network of a live generator."""
    model = getattr(generator.model, "owner", generator.model)
    network = getattr(model, "generator", None)
    if network is None:
        raise UserError(
            "generator must be a live model, or one loaded from a run folder "
            "or a .keras file: an export has no layers. Received: "
            f"{type(generator.model).__name__}"
        )
    return network


def _axes(prefix, generator, directions, variances):
    return FeatureAxes(
        [f"{prefix}{n + 1}" for n in range(len(directions))],
        directions,
        distribution=generator.latents.distribution,
        fingerprint=generator.fingerprint(),
        about={"method": prefix, "variances": variances},
    )
