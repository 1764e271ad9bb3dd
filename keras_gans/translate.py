"""Translate image files: `python -m keras_gans.translate`.

    python -m keras_gans.translate --model saved_models/cyclegan --to b \\
        photos --output drawings

Results have the names, sizes and color profiles of their images, with EXIF
rotation applied. Existing results are skipped, so the same command continues
after a stop; failures are listed and set the exit code.
"""

import argparse
import collections
import concurrent.futures
import itertools
import os
import sys
import time

import numpy as np
from tqdm.auto import tqdm

from keras_gans import flags, images, streams
from keras_gans.checks import UserError, shown
from keras_gans.files import expanded, identity
from keras_gans.serving import files

_Picture = collections.namedtuple("_Picture", "task pixels profile")


def translate_files(translator, tasks, on_done, batch_size=8, **options):
    """Translate image files.

    A result never replaces an input image, nor an earlier result of the call
    whose name the file system treats as equal (`a.png`, `A.png`).

    Args:
        translator: the result of `keras_gans.load`.
        tasks: list of `keras_gans.serving.files.Task`.
        on_done: function, called for each image with its task and the
            reason of its failure, a str, or None.
        batch_size: int, most images to translate at once: consecutive
            images of one size, with a total of at most the pixels allowed
            for one.
        **options: further arguments of `translator.translate`.
    """
    import tensorflow as tf

    from keras_gans.serving import tensors

    errors = (OSError, UserError, MemoryError, tf.errors.OpError)
    limit = tensors.OWN_SIZE_LIMIT
    taken = {identity(task.source): task.source for task in tasks}
    pictures = _read_ahead(tasks, on_done)

    def translated(batch):
        pixels = np.stack([picture.pixels for picture in batch])
        names = [shown(picture.task.source) for picture in batch]
        try:
            return translator.translate(pixels, names=names, **options)
        except errors as error:
            if len(batch) == 1:
                return [error]
            # What fails is perhaps one image alone.
            return [result for one in batch for result in translated([one])]

    for batch in _batches(pictures, batch_size, limit):
        results = translated(batch)
        for picture, result in zip(batch, results, strict=True):
            try:
                if isinstance(result, Exception):
                    raise result
                target = picture.task.target
                place = identity(target)
                if place is not None and place in taken:
                    raise UserError(
                        f"{target} is the place of {taken[place]}, too"
                    )
                files.write(target, result, picture.profile)
                taken[identity(target)] = picture.task.source
            except errors as error:
                on_done(picture.task, _line(error))
            else:
                on_done(picture.task, None)


def _read_ahead(tasks, on_done):
    """Yield images; read the next one in the background."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(_read, task) for task in tasks[:1]]
        for i, task in enumerate(tasks, 1):
            reading = coming.pop()
            coming += [pool.submit(_read, later) for later in tasks[i : i + 1]]
            try:
                yield _Picture(task, *reading.result())
            except (OSError, UserError) as error:
                on_done(task, _line(error))


def _read(task):
    pixels = images.read(task.source, name=task.source.name)
    return pixels, files.profile(task.source)


def _batches(pictures, most, most_pixels):
    """Yield lists of consecutive images of one size."""
    by_size = itertools.groupby(pictures, lambda picture: picture.pixels.shape)
    for (height, width, _), group in by_size:
        count = max(1, min(most, most_pixels // (height * width)))
        while batch := list(itertools.islice(group, count)):
            yield batch


def _line(error):
    """Describe an error in one line."""
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return kind + shown(str(error).split("\n")[0])


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
    parser.add_argument(
        "--model",
        required=True,
        type=expanded,
        metavar="PATH",
        help="a run folder, a .keras file, a SavedModel, or the folder of its "
        "versions, such as saved_models/cyclegan",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=expanded,
        metavar="DIR",
        help="folder of the results; files in it are not inputs",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--to",
        metavar="DOMAIN",
        help="the domain to translate into, such as a or b (default: that of "
        "the model's first direction)",
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
        help="the domain of the images, for a model of many, such as combogan",
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
        metavar="PICTURES",
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
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from keras_gans.serving import loading

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
        tasks = [
            task
            for task in found
            if arguments.overwrite or not files.is_there(task.target)
        ]
        translator = loading.load(arguments.model)
        if arguments.labels is not None:
            options["to"] = translator.read_labels(arguments.labels)
        # Wrong options are found here, and TensorFlow makes itself ready.
        # Of no image nothing is said.
        translator.translate(np.zeros((0, 32, 32, 3), np.uint8), **options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return _run(translator, tasks, len(found), arguments.batch_size, options)


def _run(translator, tasks, found, batch_size, options):
    done, failed, is_stopped = 0, 0, False
    start = time.monotonic()
    with (
        tqdm(total=len(tasks), unit=" images", disable=None) as bar,
        # Of a model that searches; of another it stays at 0.
        tqdm(unit=" steps", disable=None, leave=False, delay=1) as search,
    ):

        def on_step(step, steps):
            search.total = steps
            search.update(step - search.n)

        def on_done(task, reason):
            nonlocal done, failed
            bar.update()
            if reason is None:
                done += 1
            else:
                failed += 1
                bar.write(f"failed: {shown(task.source)}: {reason}", sys.stderr)

        try:
            translate_files(
                *(translator, tasks, on_done, batch_size),
                progress=on_step,
                **options,
            )
        except KeyboardInterrupt:
            is_stopped = True
    rate = done / (time.monotonic() - start)
    print(
        f"{done} translated, {rate:.3g} images a second; "
        f"{found - len(tasks)} were there already; {failed} failed"
    )
    if is_stopped:
        print("stopped; the same command goes on")
        return 130
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
