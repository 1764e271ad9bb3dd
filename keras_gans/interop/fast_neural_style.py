"""Map the style network by the names of PyTorch's example.

Reference: github.com/pytorch/examples, fast_neural_style,
transformer_net.py.
"""

import numpy as np

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts

_BLOCKS = 5


def variables(network):
    """Return a network's variables by the example's names.

    Raises:
        UserError: if it is not a style network of the example's depth.
    """
    return state_dicts.variables(_modules(network))


def clean(arrays, network):
    """Return the arrays without what is no weight.

    Files from before PyTorch 0.4, the published ones among them, also hold
    running statistics that were never used.
    """
    return state_dicts.clean(arrays, _modules(network))


def generator_of(arrays):
    """Infer the network that a state dict of the example holds.

    Args:
        arrays: dict from the example's names to arrays in its layout.

    Returns:
        dict of arguments of `keras_gans.networks.style_network`; None if the
        names are not those of the example.
    """
    first = state_dicts.plain(arrays).get("conv1.conv2d.weight")
    return first is not None and {"base_filters": np.shape(first)[0]} or None


def _modules(network):
    """Return convolutions and normalizations by the example's names."""
    names = [(f"conv{i}", f"in{i}") for i in (1, 2, 3)]
    names += [
        (f"res{block}.conv{i}", f"res{block}.in{i}")
        for block in range(1, _BLOCKS + 1)
        for i in (1, 2)
    ]
    names += [("deconv1", "in4"), ("deconv2", "in5"), ("deconv3", None)]
    convolutions, normalizations = (
        [x for x in network.layers if type(x).__name__ == kind]
        for kind in ("Conv2D", "InstanceNormalization")
    )
    doubled = [x for x in network.layers if type(x).__name__ == "Doubled"]
    if (len(convolutions), len(doubled)) != (len(names), 2):
        raise UserError(
            f"network must be a style_network of keras_gans.networks with "
            f"{_BLOCKS} residual blocks. Received: {network.name!r}"
        )
    modules = {}
    for (outer, _), layer in zip(names, convolutions, strict=True):
        modules[f"{outer}.conv2d"] = layer
    for (_, norm), layer in zip(names, normalizations, strict=False):
        modules[norm] = layer
    return modules
