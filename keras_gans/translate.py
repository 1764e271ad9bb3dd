"""Translate image files: `python -m keras_gans.translate`.

    python -m keras_gans.translate --model saved_models/cyclegan --to b \\
        photos --output drawings

Results have the names, sizes and color profiles of their images, with EXIF
rotation applied. Existing results are skipped, so the same command continues
after a stop; failures are listed and set the exit code.
"""

import argparse
import functools
import sys

import numpy as np
from tqdm.auto import tqdm

from keras_gans import flags, streams
from keras_gans.checks import UserError
from keras_gans.files import check_writable
from keras_gans.serving import conversion, files


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.translate",
        description="Translate image files. Results have the names, sizes "
        "and color profiles of their images, with EXIF rotation applied.",
        epilog="Exit code: 0, done; 1, some images failed; 2, wrong use; "
        "130, stopped by Ctrl-C: the same command continues.",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="an image, a folder of images (subfolders included), or a "
        "pattern such as 'photos/*.jpg'",
    )
    flags.add(
        parser,
        flags.USE,
        output={"help": "folder of the results; files in it are not inputs"},
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--to",
        metavar="DOMAIN",
        help="the domain to translate into, such as a or b (default: that of "
        "the model's first verb)",
    )
    target.add_argument(
        "--labels",
        metavar="NAME,...",
        help="for a model with labels, such as stargan: the labels that are "
        "on in the results, such as Blond_Hair,Young; all others are off, as "
        "are labels with a minus such as -Young; with '' all are off",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="DOMAIN",
        help="the domain of the images, for a model of many, such as combogan, "
        "or one of two with --labels, such as contextual",
    )
    parser.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help="translate in overlapping tiles of this side, blended without "
        "seams (default: no tiles; tiles of 512 for images with more pixels "
        "than the model takes, 2,097,152 if it works at the image's own size)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=8,
        metavar="IMAGES",
        help="most images of one size to translate at once (default: 8)",
    )
    parser.add_argument(
        "--png",
        action="store_true",
        help="write all results as PNG, without loss (default: the format of "
        "each image; JPEG at quality 95)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace existing results, but not in an output folder within "
        "an input, where originals may lie",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: some images failed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    arguments = _parse_arguments(argv)
    import tensorflow as tf

    from keras_gans.serving import loading, tensors

    options = {
        name: getattr(arguments, name) for name in ("to", "source", "tile")
    }
    try:
        if arguments.batch_size < 1:
            raise UserError(
                "batch_size must be from 1 up. "
                f"Received: {arguments.batch_size}"
            )
        found = files.find(
            arguments.inputs,
            arguments.output,
            arguments.png,
            arguments.overwrite,
        )
        check_writable(arguments.output, "output")
        translator = loading.load(arguments.model)
        if arguments.labels is not None:
            options["to"] = translator.read_labels(arguments.labels)
        # Wrong options are found here, and TensorFlow makes itself ready.
        # Of no image nothing is said.
        translator.translate(np.zeros((0, 32, 32, 3), np.uint8), **options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Of a model that searches; of another it stays at 0.
    with tqdm(unit=" steps", disable=None, leave=False, delay=1) as search:

        def on_step(step, steps):
            search.total = steps
            search.update(step - search.n)

        return conversion.run(
            found,
            functools.partial(
                translator.translate, progress=on_step, **options
            ),
            "translated",
            arguments.overwrite,
            arguments.batch_size,
            tensors.OWN_SIZE_LIMIT,
            (tf.errors.OpError,),
        )


if __name__ == "__main__":
    sys.exit(main())
