"""Load weights of the reference implementations into our networks.

Each source has a file here that lists a network's weights by the reference's
names and reads its files.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_gans import files
from keras_gans.checks import UserError
from keras_gans.interop import (
    article,
    dcgan,
    fast_neural_style,
    progressive,
    pytorch_cyclegan,
    stargan,
    state_dicts,
    vgg,
)

_SHOWN = 5  # names per problem in an error message


class Source(NamedTuple):
    """The names, files and layouts of the weights of one reference.

    Attributes:
        variables: function from a network to its variables by the
            reference's names.
        read: function from a path and a scope (or None) to arrays by name.
        outline: function from the same to arrays of the right shapes that
            take no memory: only shapes are read.
        clean: function from arrays and a network to the arrays that are
            weights, by their plain names.
        kernel_axes: position of each axis of a Keras kernel in the
            reference's, whose matrices are transposed, too; None if the
            layouts are equal.
    """

    variables: Callable
    read: Callable
    outline: Callable
    clean: Callable = lambda arrays, network: arrays
    kernel_axes: tuple | None = None

    def to_keras(self, array):
        """Return an array of the reference in the layout of Keras."""
        if self.kernel_axes and np.ndim(array) == len(self.kernel_axes):
            return np.transpose(array, self.kernel_axes)
        return np.transpose(array) if self.kernel_axes else np.asarray(array)

    def to_reference(self, array):
        """Return a Keras weight, or its gradient, in the reference's layout."""
        if self.kernel_axes and np.ndim(array) == len(self.kernel_axes):
            return np.transpose(array, np.argsort(self.kernel_axes))
        return np.transpose(array) if self.kernel_axes else np.asarray(array)


def _pytorch(modules):
    """Return the source of state dicts of PyTorch.

    Args:
        modules: function from a network to its layers by the reference's
            names.
    """
    return Source(
        lambda network: state_dicts.variables(modules(network)),
        state_dicts.read,
        state_dicts.outline,
        lambda arrays, network: state_dicts.clean(arrays, modules(network)),
        kernel_axes=(2, 3, 1, 0),
    )


SOURCES = {
    "article": Source(article.variables, article.read, article.outline),
    "pytorch-cyclegan-and-pix2pix": _pytorch(pytorch_cyclegan.modules),
    "pytorch-dcgan": _pytorch(dcgan.torch_modules),
    "dcgan-tensorflow": Source(
        dcgan.tensorflow_variables, article.read, article.outline
    ),
    "progressive-gan": Source(
        progressive.authors_variables,
        state_dicts.read,
        state_dicts.outline,
        progressive.authors_clean,
    ),
    "pytorch-gan-zoo": Source(
        progressive.zoo_variables,
        state_dicts.read,
        state_dicts.outline,
        progressive.zoo_clean,
        kernel_axes=(2, 3, 1, 0),
    ),
    "pytorch-fast-neural-style": _pytorch(fast_neural_style.modules),
    "stargan": _pytorch(stargan.modules),
    "vgg": Source(
        vgg.variables,
        state_dicts.read,
        state_dicts.outline,
        vgg.clean,
        kernel_axes=(2, 3, 1, 0),
    ),
}


def load_reference(network, arrays_or_path, source, scope=None):
    """Copy a reference's weights into one of our networks.

    Args:
        network: `keras.Model`, such as `model.generator_ab`.
        arrays_or_path: dict from the reference's names to arrays in its
            layout, or the path of a file that the reference saved.
        source: the origin of these names and layout.

            - `"article"`: the TensorFlow 1 code of the article.
              `conv2d/kernel`, `batch_normalization_1/gamma`, ...; a path is
              the prefix of a checkpoint's files, as given to
              `tf.train.Saver`.
            - `"pytorch-cyclegan-and-pix2pix"`: the state dict of a network of
              the CycleGAN and pix2pix authors. `model.1.weight` and so on,
              kernels (out, in, height, width); a path ends in `.pth`,
              `.safetensors` or `.npz`. No file can run code.
            - `"stargan"`: the state dict of StarGAN's G or D,
              `main.0.weight`, `conv1.weight` and so on, in the same layout
              and files; a path may also end in `.ckpt`, the authors' name for
              files of `torch.save`. Running statistics are skipped unless the
              network has moving statistics.
            - `"pytorch-dcgan"`: the state dict of a network of PyTorch's
              example, `main.0.weight` and so on, in the same layout and
              files.
            - `"progressive-gan"`: a network of the progressive GAN's authors
              by the names of their TensorFlow code, `4x4/Dense/weight` and so
              on, without a scope; a path ends in `.npz` or `.safetensors`.
            - `"pytorch-gan-zoo"`: the state dict of a progressive network of
              pytorch_GAN_zoo, `scaleLayers.0.0.module.weight` and so on; a
              path as of the CycleGAN's, whose file may hold several.
            - `"pytorch-fast-neural-style"`: the network of PyTorch's example
              of fast style transfer, `conv1.conv2d.weight` and so on; a
              path as of the CycleGAN's.
            - `"vgg"`: VGG-16 or VGG-19 of torchvision, `features.0.weight`
              and so on, or with `conv1_1.weight` and so on, for our
              `networks.vgg`; a path as of the CycleGAN's. Layers behind the
              network's last are skipped.
            - `"dcgan-tensorflow"`: the DCGAN for TensorFlow 1,
              `g_h0_lin/Matrix`, `d_h0_conv/w` and so on; a path is the prefix
              of a checkpoint's files.
        scope: str, the network's own prefix in a checkpoint of TensorFlow,
            such as `"generatorA2B"`, or of DCGAN `"generator"` and
            `"discriminator"`; or the state dict in a file that holds several,
            of the zoo `"avgG"`, `"netG"`, `"netD"`. Only for paths.

    Raises:
        UserError: if `source` is unknown, the file cannot be read, or arrays
            are missing, unexpected or of another shape; the network is then
            unchanged.
        ImportError: if the package that reads such files is not installed.
    """
    if source not in SOURCES:
        raise UserError(
            f"source must be one of {', '.join(SOURCES)}. Received: {source!r}"
        )
    reference = SOURCES[source]
    variables = reference.variables(network)
    if isinstance(arrays_or_path, (str, os.PathLike)):
        path = files.expanded(arrays_or_path)
        # Arrays of other shapes are not read, whatever their declared size.
        outline = reference.clean(reference.outline(path, scope), network)
        _check(variables, outline, reference, network.name)
        arrays = reference.read(path, scope)
    elif scope is not None:
        raise UserError(
            "scope is only for checkpoint paths; give the dictionary without "
            f"the network's prefix. Received: scope={scope!r}"
        )
    else:
        arrays = arrays_or_path
    arrays = reference.clean(arrays, network)
    _check(variables, arrays, reference, network.name)
    # All are converted before the first is assigned: an error leaves the
    # network as it was.
    values = {
        name: reference.to_keras(arrays[name]).astype("float32")
        for name in variables
    }
    for name, variable in variables.items():
        variable.assign(values[name])


def _check(variables, arrays, reference, network_name):
    """Raise one ValueError that lists all differences."""
    others = []
    for name, variable in variables.items():
        expected = reference.to_reference(np.empty(variable.shape)).shape
        if name in arrays and np.shape(arrays[name]) != expected:
            others.append(f"{name} {np.shape(arrays[name])} for {expected}")
    problems = [
        f"{len(names)} {problem}: {', '.join(names[:_SHOWN])}"
        + (", ..." if len(names) > _SHOWN else "")
        for problem, names in (
            ("missing", [name for name in variables if name not in arrays]),
            ("surplus", [str(n) for n in arrays if n not in variables]),
            ("of another shape", others),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"arrays must be the weights of network {network_name!r}. "
            f"Received {'; '.join(problems)}"
        )
