"""Axes without labels, on layers whose weights are known."""

import numpy as np
import pytest

from keras_gans.checks import UserError
from keras_gans.latents import ganspace, sefa
from keras_gans.latents.unsupervised import first_weights
from keras_gans.networks import conditional, noise, progressive
from keras_gans.serving import translation
from tests.latents.toys import Painter, directions
from tests.tiny import make_bare

SIZE = 6


def kernel_of(network, name):
    (layer,) = [one for one in network.layers if one.name.startswith(name)]
    return layer.get_weights()[0]


def plain(network):
    return kernel_of(network, "dense")


def convolution(network):
    layer, *_ = [one for one in network.layers if one.weights]
    kernel = layer.get_weights()[0]  # [height, width, outputs, inputs]
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)


@pytest.mark.parametrize(
    "make, kernel, first",
    [
        (noise.noise_generator, convolution, 0),
        (
            lambda *sizes: noise.noise_generator(*sizes, num_labels=3),
            convolution,
            0,
        ),
        (
            lambda *sizes: noise.noise_generator(*sizes, architecture="tf1"),
            plain,
            0,
        ),
        (
            lambda size, latent_dim, _: conditional.dense_generator(
                size, latent_dim, 3, (8, 16)
            ),
            # The embedding of the labels comes first.
            lambda network: next(
                layer.get_weights()[0]
                for layer in network.layers
                if layer.weights and layer.name != "embedding"
            ),
            3,
        ),
        (
            lambda size, latent_dim, _: conditional.upsampling_generator(
                size, latent_dim, 3, (4, 2)
            ),
            plain,
            0,
        ),
        (
            lambda size, latent_dim, _: progressive.progressive_generator(
                size, latent_dim, 2, [4, 4, 4]
            ),
            plain,
            0,
        ),
        (
            lambda size, latent_dim, _: progressive.progressive_generator(
                size, latent_dim, 0, [4, 4, 4], "zoo"
            ),
            plain,
            0,
        ),
    ],
    ids=["torch", "labels", "tf1", "dense", "upsampling", "growing", "zoo"],
)
def test_first_weights_of_every_generator(make, kernel, first):
    network = make(16, SIZE, 2)
    weights = kernel(network)[first : first + SIZE].T
    found = first_weights(network)

    def square(matrix):  # scale and the order of outputs do not matter
        product = matrix.T @ matrix
        return product / np.trace(product)

    assert found.shape == weights.shape
    np.testing.assert_allclose(square(found), square(weights), atol=1e-5)


def test_sefa_has_the_eigenvectors_in_order():
    model = make_bare("progressive")
    found = sefa(model, 3)
    weights = first_weights(model.generator)
    weights = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    lengths = np.linalg.norm(weights @ found.directions.T, axis=0)
    assert (np.diff(lengths) < 0.0).all()
    _, values, vectors = np.linalg.svd(weights)
    np.testing.assert_allclose(lengths, values[:3], rtol=1e-6)
    cosines = np.abs((vectors[:3] * found.directions).sum(-1))
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-6)
    assert found.names == ("sefa1", "sefa2", "sefa3")
    np.testing.assert_allclose(
        found.about["variances"], values[:3] ** 2 / (values**2).sum()
    )
    found.check_generator(translation.of_model(model))


def test_ganspace_finds_the_strongest_directions():
    # One direction moves nearly all pixels, a second some of them.
    painter = Painter(directions(count=2, overlap=0.0))
    strong, weak = directions(count=2, overlap=0.0)
    layer = painter.generator.layers[1]
    kernel = 1e-4 * np.random.default_rng(0).normal(size=(12, 192))
    kernel[:, :150] += 0.02 * strong[:, None]
    kernel[:, 150:] += 0.02 * weak[:, None]
    layer.set_weights([kernel, np.zeros(192)])
    found = ganspace(painter, 2, samples=1000)
    cosines = np.abs((found.directions * [strong, weak]).sum(-1))
    assert (cosines > 0.99).all()
    shares = found.about["variances"]
    np.testing.assert_allclose(shares, [150 / 192, 42 / 192], atol=0.03)
    assert found.names == ("pc1", "pc2")
    named = ganspace(painter, 2, samples=1000, layer=layer.name)
    np.testing.assert_array_equal(named.directions, found.directions)


@pytest.mark.parametrize("name", ["progressive", "acgan", "dcgan"])
def test_ganspace_takes_models(name):
    model = translation.of_model(make_bare(name))
    found = ganspace(model, 2, samples=500)
    z = found.latents.draw(2)
    assert np.abs(found.move(z, {"pc1": 1.0}) - z).max() > 0.05


def test_wrong_use():
    model = make_bare("dcgan")
    with pytest.raises(UserError, match="components must be .* 1 to 8.*9"):
        sefa(model, 9)
    with pytest.raises(UserError, match="layer must be one of latents.*'x'"):
        ganspace(model, 2, layer="x")
    with pytest.raises(UserError, match="samples must be .* 500 up.*10"):
        ganspace(model, 2, samples=10)
    exported = translation.of_model(model)
    exported.owner = object()  # a SavedModel has no networks
    for find in (sefa, ganspace):
        with pytest.raises(UserError, match="an export has no layers"):
            find(exported, 2)
