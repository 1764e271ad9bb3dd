"""Convert published PyTorch weights: `python -m keras_gans.convert`.

    python -m keras_gans.convert latest_net_G_A.pth \\
        --output saved_models/horse2zebra

Reads the state dict of a generator of
github.com/junyanz/pytorch-CycleGAN-and-pix2pix, of the DCGAN or the fast style
transfer of github.com/pytorch/examples, or of a progressive GAN of its authors
or pytorch_GAN_zoo. The architecture, depth and width are inferred from the
names and shapes of the weights.
"""

import argparse
import functools
import math
import os
import pathlib
import sys

from keras_gans import files, flags, streams
from keras_gans.checks import UserError, shown


def _translator(outline, image_size):
    from keras_gans import Translator
    from keras_gans.interop import pytorch_cyclegan

    found = pytorch_cyclegan.generator_of(outline)
    return found and Translator(*found, image_size)


def _dcgan(outline, image_size):
    from keras_gans import DCGAN
    from keras_gans.interop import dcgan

    found = dcgan.torch_generator_of(outline)
    if found and image_size is not None:
        raise UserError(
            "image_size must be left out for a DCGAN, whose weights fix it: "
            f"{found['image_size']}. Received: {image_size}"
        )
    return found and DCGAN(**found)


def _style(outline, image_size):
    from keras_gans import StyleNetwork
    from keras_gans.interop import fast_neural_style

    found = fast_neural_style.generator_of(outline)
    if found and image_size is not None:
        found["image_size"] = image_size
    return found and StyleNetwork("saved", **found)


def _progressive(architecture, outline, image_size):
    from keras_gans import ProgressiveGAN
    from keras_gans.interop import progressive

    found = progressive.generator_of(outline, architecture)
    if found and image_size is not None:
        raise UserError(
            "image_size must be left out for a progressive GAN, whose weights "
            f"fix it: {found['image_size']}. Received: {image_size}"
        )
    return found and ProgressiveGAN(**found)


# Source of `interop.load_reference` -> function from the outline of a state
# dict and an image size or None to a model with that `generator`, or None if
# the state dict is of another source.
_RECOGNIZERS = {
    "pytorch-cyclegan-and-pix2pix": _translator,
    "pytorch-dcgan": _dcgan,
    "pytorch-fast-neural-style": _style,
    "progressive-gan": functools.partial(_progressive, "authors"),
    "pytorch-gan-zoo": functools.partial(_progressive, "zoo"),
}


# Of the state dicts in a file of several, the averaged generator first.
_GENERATORS = ("avgG", "netG")


def read(path, image_size=None):
    """Build a model from the state dict of a generator.

    Args:
        path: a file that ends in `.pth`, `.safetensors` or `.npz`. None of
            them can run code.
        image_size: int, pixels, or None, as `Translator` takes it.

    Returns:
        `keras_gans.Translator`, `keras_gans.StyleNetwork`,
        `keras_gans.ProgressiveGAN`, or `keras_gans.DCGAN` whose discriminator
        is new, with those weights.

    Raises:
        UserError: if the file does not exist, does not hold one of the
            originals' generators, or `image_size` does not fit.
        ImportError: if the package that reads such files is not installed.
    """
    from keras_gans import interop
    from keras_gans.interop import state_dicts

    path, scope = files.expanded(path), None
    try:
        outline = state_dicts.outline(path)
    except state_dicts.ScopeError as error:
        generators = [name for name in _GENERATORS if name in error.scopes]
        if len(error.scopes) == 1:
            generators = error.scopes
        if not generators:
            raise UserError(
                "path must be a file of one generator, or of networks with "
                f"one called {' or '.join(_GENERATORS)}. Received: "
                f"{path!r} with {', '.join(error.scopes)}"
            ) from None
        scope = generators[0]
        outline = state_dicts.outline(path, scope)
    for source, recognize in _RECOGNIZERS.items():
        model = recognize(outline, image_size)
        if model is not None:
            interop.load_reference(model.generator, path, source, scope)
            return model
    names = ", ".join([*outline][:3])
    raise UserError(
        "path must be the state dict of a generator of "
        f"{' or '.join(_RECOGNIZERS)}. Received: {path!r}, {len(outline)} "
        f"arrays ({names}{', ...' if len(outline) > 3 else ''})"
    )


def describe(model):
    """Describe the inferred architecture in one line."""
    variables = model.generator.trainable_variables
    count = sum(math.prod(v.shape) for v in variables)
    config = model.get_config()
    name = config.pop("network", type(model).__name__)
    arguments = config.pop("arguments", None) or {
        k: v
        for k, v in config.items()
        if k not in ("name", "trainable", "dtype")
    }
    arguments = ", ".join(f"{k}={v!r}" for k, v in arguments.items())
    return f"{name}({arguments}), {count:,} parameters"


def write(model, output):
    """Write a Keras file or the next SavedModel version; return its path."""
    output = pathlib.Path(files.expanded(output))
    _check_output(output)
    if output.suffix != ".keras":
        return _export(model, output)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Written to a temporary file and renamed, so never incomplete.
    with files.whole(output) as unfinished:
        model.save(unfinished)
    return output


def _export(model, folder):
    import numpy as np

    from keras_gans import datasets
    from keras_gans.serving.exporting import export

    size = int(np.max(model.image_size))  # or height and width
    faces = datasets.open_source("faces:photo", size, face_indices=range(2))
    return export(model, folder, np.stack([faces.load(i) for i in range(2)]))


def _check_output(output):
    if output.suffix == ".keras" and os.path.lexists(output):
        raise UserError(
            "output must be a .keras file that does not exist yet. "
            f"Received: {str(output)!r}"
        )
    if output.exists() and not output.is_dir():
        raise UserError(
            "output must be a folder, or a file that ends in .keras. "
            f"Received: {str(output)!r}"
        )
    if output.suffix != ".keras":
        from keras_gans.serving.exporting import check_versions

        check_versions(output, "savedmodel", "output")


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.convert",
        description="Convert the weights of a generator of "
        "pytorch-CycleGAN-and-pix2pix, of PyTorch's examples of DCGAN and "
        "fast style transfer, or of a progressive GAN, into a model. Its "
        "depth, width, channels and normalization are inferred from the file.",
        epilog="Exit code: 0, done; 1, the disk failed, or the export gave "
        "other pixels; 2, wrong use, or a file of something else.",
    )
    parser.add_argument(
        "state_dict",
        metavar="FILE",
        help="the generator's state dict, such as latest_net_G_A.pth or "
        "netG_epoch_24.pth: .pth, .safetensors or .npz",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=files.expanded,
        metavar="PATH",
        help="a folder such as saved_models/horse2zebra, which receives the "
        "next SavedModel version, or a new file that ends in .keras",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="side of the images that the generator was trained on; the "
        "export is tested at it (default: 256 for a ResNet or a style; for a "
        "U-Net the size that it halves down to one pixel; not for a DCGAN or "
        "a progressive GAN)",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk failed, or the export gave other pixels; 2: wrong
    use, or a file of something else.
    """
    arguments = _parse_arguments(argv)
    try:
        _check_output(pathlib.Path(arguments.output))
        model = read(arguments.state_dict, arguments.image_size)
    except (UserError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{shown(arguments.state_dict)}: {describe(model)}")
    import tensorflow as tf

    try:
        path = write(model, arguments.output)
    except (OSError, RuntimeError, tf.errors.OpError) as error:
        print(f"error: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    print(f"wrote {path}")
    if path.is_file():
        print(
            f"to load it: import {type(model).__module__}, then "
            f"keras.models.load_model({str(path)!r})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
