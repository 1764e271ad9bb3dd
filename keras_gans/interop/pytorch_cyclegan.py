"""The networks of pytorch-CycleGAN-and-pix2pix, by their state dicts' names.

There a name is a path of positions: `nn.Sequential` numbers its members, also
those without weights, and the U-Net nests each level in the one around it.

Reference: github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
models/networks.py.
"""

import keras

from keras_gans.interop import state_dicts


def variables(network):
    """Return a network's variables by the original's names.

    Raises:
        ValueError: if the network is none of the original's.
    """
    return state_dicts.variables(_modules(network))


def clean(arrays, network):
    """Return the arrays without what the original stores beside weights.

    Instance normalisation kept running statistics before PyTorch 0.4 and
    never used them.
    """
    return state_dicts.clean(arrays, _modules(network))


def _modules(network):
    """Return convolutions and normalisations by the original's names."""
    names = iter(_convolution_names(network))
    modules = {}
    name = None
    for layer in network.layers:
        if isinstance(layer, _CONVOLUTIONS):
            name = next(names)
            modules[name] = layer
        elif "Normalization" in type(layer).__name__:
            # It is the next member of its convolution's nn.Sequential.
            path, _, position = name.rpartition(".")
            modules[f"{path}.{int(position) + 1}"] = layer
    return modules


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
        raise ValueError(
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
