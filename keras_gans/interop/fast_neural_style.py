"""Map the style network by the names of PyTorch's example.

Reference: github.com/pytorch/examples, fast_neural_style,
transformer_net.py.
"""

import numpy as np

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts

_BLOCKS = 5


def generator_of(arrays):
    """Infer the network that a state dict of the example holds.

    Args:
        arrays: dict from the example's names to arrays in its layout.

    Returns:
        dict of arguments of `keras_gans.networks.style_network`; None if the
        names are not those of the example.
    """
    first = state_dicts.plain(arrays).get("conv1.conv2d.weight")
    return None if first is None else {"base_filters": np.shape(first)[0]}


def modules(network):
    """Return convolutions and normalizations by the example's names.

    Files from before PyTorch 0.4, the published ones among them, also hold
    running statistics that were never used.

    Raises:
        UserError: if it is not a style network of the example's depth.
    """

    def layers(kind):
        return [x for x in network.layers if type(x).__name__ == kind]

    blocks = [f"res{block}." for block in range(1, _BLOCKS + 1)]
    inner = [(block, number) for block in blocks for number in (1, 2)]
    convolutions = [
        *("conv1", "conv2", "conv3"),
        *(f"{block}conv{number}" for block, number in inner),
        *("deconv1", "deconv2", "deconv3"),
    ]
    normalizations = [
        *("in1", "in2", "in3"),
        *(f"{block}in{number}" for block, number in inner),
        *("in4", "in5"),
    ]
    counts = len(convolutions), len(normalizations), 2
    found = [
        layers(kind) for kind in ("Conv2D", "InstanceNormalization", "Doubled")
    ]
    if tuple(map(len, found)) != counts:
        raise UserError(
            f"network must be a style_network of keras_gans.networks with "
            f"{_BLOCKS} residual blocks. Received: {network.name!r}"
        )
    names = [f"{name}.conv2d" for name in convolutions] + normalizations
    return dict(zip(names, found[0] + found[1], strict=True))
