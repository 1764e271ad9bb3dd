"""Map StarGAN's networks by the state dict names of the original.

Both are one `nn.Sequential` called `main`, which numbers its members, also
those without weights; the discriminator's two heads are outside of it.

Reference: github.com/yunjey/stargan, model.py.
"""

import keras

from keras_gans.checks import UserError


def modules(network):
    """Return convolutions and normalizations by the original's names.

    Its instance normalization records running statistics but never uses
    them, as it translates in training mode. They are weights only if the
    generator was built with `moving_statistics=True`.

    Raises:
        UserError: if it is not one of the original's networks.
    """
    names = {layer.name for layer in network.layers}
    if {"patch_head", "class_head"} <= names:
        return _discriminator_modules(network)
    kinds = [type(layer).__name__ for layer in network.layers]
    if "LabelPlanes" in kinds:
        return _generator_modules(network, blocks=kinds.count("Add"))
    raise UserError(
        "network must be a stargan_generator or stargan_discriminator of "
        f"keras_gans.networks. Received: {network.name!r}"
    )


def _generator_modules(network, blocks):
    # Convolution, normalization, ReLU, nine members to the first block; a
    # block's own `main` counts the same way and ends without a ReLU.
    positions = [
        *("main.0", "main.3", "main.6"),
        *(
            f"main.{9 + block}.main.{position}"
            for block in range(blocks)
            for position in (0, 3)
        ),
        *(f"main.{9 + blocks + position}" for position in (0, 3, 6)),
    ]
    names = iter(positions)
    modules = {}
    name = None
    for layer in network.layers:
        if isinstance(
            layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
        ):
            name = next(names)
            modules[name] = layer
        elif "Normalization" in type(layer).__name__:
            path, _, position = name.rpartition(".")
            modules[f"{path}.{int(position) + 1}"] = layer
    return modules


def _discriminator_modules(network):
    heads = {"patch_head": "conv1", "class_head": "conv2"}
    trunk = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.Conv2D) and layer.name not in heads
    ]
    return {
        # Convolution and leaky ReLU in turn.
        **{f"main.{2 * i}": layer for i, layer in enumerate(trunk)},
        **{name: network.get_layer(head) for head, name in heads.items()},
    }
