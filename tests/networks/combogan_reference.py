"""Weights of ComboGAN by the names of the original's state dicts."""

import numpy as np

from keras_gans.layers import DomainConv2D, DomainConv2DTranspose, DomainPReLU

# The axes of ours, in the original's order.
_AXES = {DomainConv2D: (3, 2, 0, 1), DomainConv2DTranspose: (3, 2, 0, 1)}


def places(network, domain):
    """Return `{name: (layer, variable, domain)}` of one domain's network."""
    layers = [la for la in network.layers if type(la) in (*_AXES, DomainPReLU)]
    if any(layer.name == "gray_0" for layer in layers):
        modules = _discriminator(layers)
    else:
        modules = dict(zip(_coder(network, layers), layers, strict=True))
    found = {}
    for module, layer in modules.items():
        weight, *bias = layer.weights
        found[f"{module}.weight"] = layer, weight, domain
        if bias:
            found[f"{module}.bias"] = layer, *bias, domain
    return found


def _coder(network, layers):
    blocks = sum("Add" in type(layer).__name__ for layer in network.layers)
    is_encoder = not any(type(la) is DomainConv2DTranspose for la in layers)
    first = 10 if is_encoder else 0
    inner = [
        f"model.{first + block}.conv_block.{place}"
        for block in range(blocks)
        for place in (1, 3, 5)
    ]
    if is_encoder:
        return [*(f"model.{i}" for i in (1, 3, 4, 6, 7, 9)), *inner]
    return [*inner, *(f"model.{blocks + i}" for i in (0, 2, 3, 5, 7))]


def _discriminator(layers):
    found = {}
    for branch, module in (("gray", "model_gray"), ("blurred", "model_rgb")):
        own = [la for la in layers if la.name.startswith(branch)]
        depth = (len(own) - 1) // 2 - 1
        names = ["0.0", "0.1"]
        names += [f"{i}.{j}" for i in range(1, depth + 1) for j in (0, 2)]
        names.append(f"{depth}.3")
        names = [f"{module}.{name}" for name in names]
        found |= dict(zip(names, own, strict=True))
    return found


def to_original(layer, array):
    """Return one domain's part of a weight in the original's layout."""
    array = np.asarray(array)
    if array.ndim == 4:
        return array.transpose(_AXES[type(layer)])
    return array.reshape(-1)


def load(network, domain, arrays):
    """Set one domain's weights to the original's arrays."""
    found = places(network, domain)
    assert {*found} == {*arrays}
    for name, (layer, variable, row) in found.items():
        array = arrays[name]
        if array.ndim == 4:
            array = array.transpose(np.argsort(_AXES[type(layer)]))
        values = variable.numpy()
        values[row] = array.reshape(values.shape[1:])
        variable.assign(values)
