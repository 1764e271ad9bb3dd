"""Progressive GANs by the names of the authors' code and of the PyTorch zoo.

The authors count levels of detail from the largest size, the zoo counts
scales from the smallest.

Reference: github.com/tkarras/progressive_growing_of_gans, networks.py;
github.com/facebookresearch/pytorch_GAN_zoo,
models/networks/progressive_conv_net.py.
"""

import numpy as np

from keras_gans.checks import UserError
from keras_gans.growth import SMALLEST
from keras_gans.interop import state_dicts

_UP = "Conv0_up/weight"
_SIZES = [SMALLEST * 2**n for n in range(9)]


def authors_variables(network):
    """Return a network's variables by the authors' names.

    Raises:
        UserError: if the network is not of `architecture="authors"`.
    """
    found = _layers(network)
    largest = max(size for _, size in found)
    named = {}
    for (part, size), layer in found.items():
        level = (largest // size).bit_length() - 1
        block = f"{size}x{size}"
        name = {
            "up": f"{block}/Conv0_up",
            "down": f"{block}/Conv1_down",
            "to_rgb": f"ToRGB_lod{level}",
            "from_rgb": f"FromRGB_lod{level}",
            "logits": "4x4/Dense1",
        }.get(part)
        if part == "dense":
            is_critic = ("logits", SMALLEST) in found
            name = "4x4/Dense0" if is_critic else "4x4/Dense"
        elif part == "conv" and size == SMALLEST:
            name = "4x4/Conv"
        elif part == "conv":
            is_critic = ("down", size) in found
            name = f"{block}/Conv0" if is_critic else f"{block}/Conv1"
        named[f"{name}/weight"] = layer.kernel
        named[f"{name}/bias"] = layer.bias
    return named


def authors_clean(arrays, network):
    """Return the arrays with upsampling kernels as plain convolutions.

    The authors' kernels are those of transposed convolutions: flipped, with
    the two axes of channels swapped.
    """
    return {
        name: flipped(array) if name.endswith(_UP) else array
        for name, array in arrays.items()
        if name != "lod"
    }


def flipped(kernel):
    """Convert an upsampling kernel to a plain convolution's, or back."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def zoo_variables(network):
    """Return a network's variables by the names of the zoo.

    Raises:
        UserError: if the network is none.
    """
    found = _layers(network)
    named = {}
    for (part, size), layer in found.items():
        scale = (size // SMALLEST).bit_length() - 1
        is_critic = ("logits", SMALLEST) in found
        name = {
            "up": f"scaleLayers.{scale - 1}.0",
            "down": f"scaleLayers.{scale - 1}.1",
            "to_rgb": f"toRGBLayers.{scale}",
            "from_rgb": f"fromRGBLayers.{scale}",
            "logits": "decisionLayer",
            "dense": "groupScaleZero.1" if is_critic else "formatLayer",
        }.get(part)
        if part == "conv" and size == SMALLEST:
            name = "groupScaleZero.0" if is_critic else "groupScale0.0"
        elif part == "conv":
            name = f"scaleLayers.{scale - 1}.{0 if is_critic else 1}"
        named[f"{name}.module.weight"] = layer.kernel
        named[f"{name}.module.bias"] = layer.bias
    return named


def zoo_clean(arrays, network):
    """Return the arrays by their plain names.

    Older checkpoints lack the part `.module`.
    """
    arrays = state_dicts.clean(arrays, {})
    return {
        name
        if ".module." in name
        else ".module.".join(name.rsplit(".", 1)): array
        for name, array in arrays.items()
    }


def generator_of(arrays, architecture):
    """Infer the generator that arrays of one of the codes hold.

    Args:
        arrays: dict from the names to arrays in the layout of the code.
        architecture: `"authors"` or `"zoo"`, the code.

    Returns:
        dict of arguments of `keras_gans.ProgressiveGAN`, which is grown; None
        if the names are of other networks.

    Raises:
        UserError: if it is a critic, or makes no color images.
    """
    shapes = {str(name): np.shape(array) for name, array in arrays.items()}
    known = "4x4/Conv/" if architecture == "authors" else "scaleLayers."
    if not any(known in name for name in shapes):
        return None
    if architecture == "authors":
        first, rgb = "4x4/Dense/weight", "ToRGB_lod0"
        kernels = [f"{s}x{s}/Conv1/weight" for s in _SIZES[1:]]
        kernels = ["4x4/Conv/weight", *kernels]
        latents, output = 0, 3
    else:
        shapes = zoo_clean(shapes, None)
        first = "formatLayer.module.weight"
        kernels = [f"scaleLayers.{n}.1.module.weight" for n in range(8)]
        kernels = ["groupScale0.0.module.weight", *kernels]
        rgb, latents, output = "toRGBLayers.0.module", 1, 0
    filters = [
        shapes[k][output] for k in kernels if len(shapes.get(k, ())) == 4
    ]
    channels = shapes.get(f"{rgb}/weight", shapes.get(f"{rgb}.weight"))
    if first not in shapes or not channels or channels[output] != 3:
        raise UserError(
            "arrays must be the weights of a progressive_generator of color "
            f"images. Received: {len(shapes)} others"
        )
    image_size = SMALLEST * 2 ** (len(filters) - 1)
    return {
        "image_size": image_size,
        "initial_size": image_size,
        "latent_dim": shapes[first][latents],
        "filters": filters,
        "architecture": architecture,
    }


def _layers(network):
    """Return the layers with weights by `(part, size)`."""
    found = {}
    for layer in network.layers:
        if not layer.weights:
            continue
        part, _, size = layer.name.rpartition("_")
        if not size.isdigit():
            part, size = layer.name, SMALLEST
        found[part, int(size)] = layer
    if ("conv", SMALLEST) not in found or ("dense", SMALLEST) not in found:
        raise UserError(
            "network must be a progressive_generator or "
            "progressive_discriminator of keras_gans.networks. "
            f"Received: {network.name!r}"
        )
    return found
