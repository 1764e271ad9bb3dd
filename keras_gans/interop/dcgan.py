"""DCGAN's networks by the names of PyTorch's example and of the TF1 code.

The former is one `nn.Sequential` called `main`, which numbers its members,
also those without weights. The latter numbers its layers from 0 up, and its
normalizations by the layer in front of them.

Reference: github.com/pytorch/examples, dcgan/main.py;
github.com/carpedm20/DCGAN-tensorflow, model.py and ops.py.
"""

import keras
import numpy as np

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
_LAYERS = 5
# Of the convolutions in `main`. In a generator each has normalization and ReLU
# behind it, in a discriminator the first has leaky ReLU alone.
_GENERATOR = 0, 3, 6, 9, 12
_DISCRIMINATOR = 0, 2, 5, 8, 11


def torch_generator_of(arrays):
    """Infer the generator that a state dict of PyTorch's example holds.

    Checks only what distinguishes generators; `load_reference` checks the
    rest.

    Args:
        arrays: dict from the example's names to arrays in its layout.

    Returns:
        dict of arguments of `keras_gans.DCGAN`; None if the names are not
        those of the example.

    Raises:
        UserError: if it holds the example's discriminator.
    """
    shapes = {
        str(name): np.shape(array)
        for name, array in state_dicts.plain(arrays).items()
    }
    kernels = {name for name, shape in shapes.items() if len(shape) == 4}
    if kernels == {f"main.{n}.weight" for n in _DISCRIMINATOR}:
        raise UserError(
            "arrays must be the state dict of a noise_generator. Received: "
            f"that of a noise_discriminator, {len(shapes)} arrays"
        )
    if kernels != {f"main.{n}.weight" for n in _GENERATOR}:
        return None
    # The first kernel makes the smallest map of a vector; four doublings
    # follow. Transposed kernels are (in, out, height, width).
    latent_dim, _, *sides = shapes["main.0.weight"]
    return {
        "image_size": tuple(2 ** (_LAYERS - 1) * side for side in sides),
        "latent_dim": latent_dim,
        "base_filters": shapes["main.12.weight"][0],
    }


def torch_modules(network):
    """Return the layers of a network of `architecture="torch"`, by name.

    Raises:
        UserError: if the network is none.
    """
    kernels, normalizations = _layers(network)
    kinds = {type(layer) for layer in kernels}
    if kinds == {keras.layers.Conv2DTranspose}:
        positions, first = _GENERATOR, 0
    elif kinds == {keras.layers.Conv2D}:
        positions, first = _DISCRIMINATOR, 1
    else:
        raise _no_network(network, "torch")
    modules = dict(zip(positions, kernels, strict=True))
    for position, layer in zip(positions[first:], normalizations, strict=False):
        modules[position + 1] = layer
    return {f"main.{n}": layer for n, layer in sorted(modules.items())}


def tensorflow_variables(network):
    """Return the variables of a network of `architecture="tf1"`.

    Raises:
        UserError: if the network is none.
    """
    kernels, normalizations = _layers(network)
    is_dense = [isinstance(layer, keras.layers.Dense) for layer in kernels]
    if is_dense == [True, False, False, False, False]:
        names = ["g_h0_lin", *(f"g_h{i}" for i in range(1, _LAYERS))]
        normalized = "g_bn{}", 0
    elif is_dense == [False, False, False, False, True]:
        names = [*(f"d_h{i}_conv" for i in range(_LAYERS - 1)), "d_h4_lin"]
        normalized = "d_bn{}", 1
    else:
        raise _no_network(network, "tf1")
    named = {}
    for name, layer in zip(names, kernels, strict=True):
        dense = isinstance(layer, keras.layers.Dense)
        named[f"{name}/{'Matrix' if dense else 'w'}"] = layer.kernel
        named[f"{name}/{'bias' if dense else 'biases'}"] = layer.bias
    text, first = normalized
    for number, layer in enumerate(normalizations, first):
        for weight in layer.weights:
            named[f"{text.format(number)}/{weight.name}"] = weight
    return named


def _layers(network):
    """Return a network's layers with kernels, and its normalizations."""
    kernels, normalizations = [], []
    for layer in network.layers:
        if isinstance(layer, (*_CONVOLUTIONS, keras.layers.Dense)):
            kernels.append(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            normalizations.append(layer)
    if len(kernels) != _LAYERS:
        return [], []
    return kernels, normalizations


def _no_network(network, architecture):
    return UserError(
        "network must be a noise_generator or noise_discriminator of "
        f'keras_gans.networks with architecture="{architecture}". '
        f"Received: {network.name!r}"
    )
