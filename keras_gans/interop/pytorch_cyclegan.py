"""Map networks of pytorch-CycleGAN-and-pix2pix by state dict names.

Names there are paths of positions: `nn.Sequential` numbers its members, also
those without weights, and the U-Net nests each level in the outer one.

Reference: github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
models/networks.py.
"""

import keras
import numpy as np

from keras_gans.checks import UserError
from keras_gans.interop import state_dicts


def generator_of(arrays):
    """Infer the generator that a state dict was saved from.

    Checks only what distinguishes generators; `load_reference` checks the
    rest.

    Args:
        arrays: dict from the original's names to arrays in its layout.

    Returns:
        `(network, arguments)`: `"resnet_generator"` or `"unet_generator"`,
        and a dict of arguments of that function of `keras_gans.networks`,
        without the dropout of a U-Net, which a state dict does not contain.
        None if the names are not the original's.

    Raises:
        UserError: if it was saved from another of the original's networks.
    """
    shapes = {
        str(name): np.shape(array)
        for name, array in state_dicts.plain(arrays).items()
    }
    kernels = {name for name, shape in shapes.items() if len(shape) == 4}
    if "model.model.1.model.1.weight" in kernels:
        levels = 1 + sum(name.endswith(".model.1.weight") for name in kernels)
        names = _unet_names(levels)
        norm = "model.model.1.model.2.weight"
        output_axis = 1  # of a transposed convolution
        network, arguments = "unet_generator", {"num_downsamples": levels}
    elif "model.1.weight" in kernels:
        blocks = len(
            {name.split(".")[1] for name in kernels if ".conv_block." in name}
        )
        dropout = "model.10.conv_block.6.weight" in kernels
        names = _resnet_names(blocks, dropout)
        norm = "model.2.weight"
        output_axis = 0
        network = "resnet_generator"
        arguments = {
            "num_residual_blocks": blocks,
            # The original has no other rate.
            "dropout": 0.5 if dropout else 0.0,
        }
    else:
        for name, what in _OTHERS.items():
            if name in kernels:
                raise _no_generator(shapes, what)
        return None
    first, last = f"{names[0]}.weight", f"{names[-1]}.weight"
    if not {first, last} <= kernels:
        raise _no_generator(shapes, f"a {network} without {first} or {last}")
    return network, {
        "input_shape": (None, None, shapes[first][1]),
        "output_channels": shapes[last][output_axis],
        "base_filters": shapes[first][0],
        "norm": "batch" if norm in shapes else "instance",
        **arguments,
    }


_OTHERS = {
    "model.0.weight": "a patch_discriminator",
    "net.0.weight": "a pixel_discriminator",
}


def _no_generator(shapes, what):
    names = ", ".join(list(shapes)[:3])
    return UserError(
        "arrays must be the state dict of a resnet_generator or "
        f"unet_generator. Received: that of {what}, {len(shapes)} arrays "
        f"({names}{', ...' if len(shapes) > 3 else ''})"
    )


def modules(network):
    """Return convolutions and normalizations by the original's names.

    Files from before PyTorch 0.4 also hold running statistics of instance
    normalization, which were never used.

    Raises:
        UserError: if it is not one of the original's networks.
    """
    names = iter(_convolution_names(network))
    found = {}
    name = None
    for layer in network.layers:
        if isinstance(layer, _CONVOLUTIONS):
            name = next(names)
            found[name] = layer
        elif "Normalization" in type(layer).__name__:
            # It is the next member of its convolution's nn.Sequential.
            path, _, position = name.rpartition(".")
            found[f"{path}.{int(position) + 1}"] = layer
    return found


_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)


def _convolution_names(network):
    """Return the names of a network's convolutions, input to output."""

    def count(*kinds):
        return sum(isinstance(layer, kinds) for layer in network.layers)

    ups = count(keras.layers.Conv2DTranspose)
    total = count(*_CONVOLUTIONS)
    if count(keras.layers.Concatenate):
        names = _unet_names(levels=ups)
    elif ups == 2:
        blocks = count(keras.layers.Add)
        names = _resnet_names(blocks, dropout=count(keras.layers.Dropout) > 0)
    elif ups:
        names = []
    elif all(
        layer.kernel_size == (1, 1)
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D)
    ):
        names = ["net.0", "net.2", "net.5"]
    else:
        # Convolution and leaky ReLU, then convolution, norm, leaky ReLU.
        names = ["model.0", *(f"model.{3 * i + 2}" for i in range(total - 1))]
    if len(names) != total:
        raise UserError(
            "network must be a resnet_generator, unet_generator, "
            "patch_discriminator or pixel_discriminator of "
            f"keras_gans.networks. Received: {network.name!r}"
        )
    return names


def _resnet_names(blocks, dropout):
    # In a block: padding 0, convolution 1, norm 2, ReLU 3, where there is one
    # dropout 4, then padding, convolution, norm.
    second = 6 if dropout else 5
    return [
        *("model.1", "model.4", "model.7"),
        *(
            f"model.{10 + block}.conv_block.{position}"
            for block in range(blocks)
            for position in (1, second)
        ),
        *(f"model.{position + blocks}" for position in (10, 13, 17)),
    ]


def _unet_names(levels):
    # Level by level: leaky ReLU 0, convolution 1, norm 2, the inner levels 3,
    # ReLU 4, transposed convolution 5, norm 6. The outermost level starts
    # with its convolution, and the innermost has no norm and no inner level.
    inner = ["model.model.1" + ".model.3" * i for i in range(levels - 1)]
    return [
        "model.model.0",
        *(f"{level}.model.1" for level in inner),
        f"{inner[-1]}.model.3",
        *(f"{level}.model.5" for level in reversed(inner[:-1])),
        "model.model.3",
    ]
