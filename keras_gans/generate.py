"""Generate images from noise: `python -m keras_gans.generate`.

    python -m keras_gans.generate --model runs/dcgan --count 64 --seed 3 \\
        --output faces

Image i of a seed is `seed3_0000.png` and so on. It comes from the same random
numbers on every machine, however many there are and however many at once.
What is there already is skipped, so that the same command goes on where it
was stopped.
"""

import argparse
import collections
import os
import pathlib
import sys
import time

import numpy as np
from tqdm.auto import tqdm

from keras_gans import checks, files, flags, images, streams
from keras_gans.checks import UserError, shown

_Task = collections.namedtuple("_Task", "path latents columns")

_MOST = 100_000  # images of a call, whose latents are drawn at once
_MOST_IN_GRID = 4096
_MOST_ON_THE_WAY = 100


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.generate",
        description="Write images that a model makes of random latent "
        "vectors, PNG files named by seed and number. Results that are there "
        "are skipped.",
        epilog="Exit code: 0, done; 1, some images failed; 2, wrong use; "
        "130, stopped by Ctrl-C: the same command goes on.",
    )
    parser.add_argument(
        "--model",
        required=True,
        type=files.expanded,
        metavar="PATH",
        help="a run folder, a .keras file, a SavedModel, or the folder of its "
        "versions, such as saved_models/dcgan",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=files.expanded,
        metavar="DIR",
        help="folder of the results",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=16,
        metavar="IMAGES",
        help="number of images (default: 16)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the latent vectors, from 0 to below 2**32 (default: 0)",
    )
    parser.add_argument(
        "--interpolate",
        type=int,
        metavar="IMAGES",
        help="also write a row of so many images, from the first image of "
        "this seed to the first of the next, as seed0_to_seed1.png",
    )
    parser.add_argument(
        "--grid",
        action="store_true",
        help="also write all images as one, as seed0_grid.png",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=64,
        metavar="IMAGES",
        help="most images to make at once (default: 64)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="write again what is there already",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: some images failed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    arguments = _parse_arguments(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        _check(arguments)
        from keras_gans.serving import loading

        model = loading.load(arguments.model)
        tasks = _tasks(arguments, model.latents())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    left = [
        task for task in tasks if arguments.overwrite or not task.path.is_file()
    ]
    return _run(model, left, len(tasks), arguments.batch_size)


def _check(arguments):
    """Check what can be without the model."""
    checks.between(1, _MOST, count=arguments.count)
    checks.seed(arguments.seed)
    checks.at_least(1, batch_size=arguments.batch_size)
    if arguments.grid and arguments.count > _MOST_IN_GRID:
        raise UserError(
            f"count must be at most {_MOST_IN_GRID} with --grid. "
            f"Received: {arguments.count}"
        )
    if arguments.interpolate is not None:
        checks.between(2, _MOST_ON_THE_WAY, interpolate=arguments.interpolate)
        checks.seed(arguments.seed + 1)  # which it leads to
    files.check_writable(arguments.output, "output")


def _tasks(arguments, declared):
    """Return the files to write.

    Returns:
        list of `_Task`: path; latents of all its images, float32 `[count,
        size]`; columns that they are laid out in, or None for one image.
    """
    seed, output = arguments.seed, pathlib.Path(arguments.output)
    latents = declared.draw(arguments.count, seed)
    tasks = [
        _Task(output / f"seed{seed}_{number:04d}.png", vector[None], None)
        for number, vector in enumerate(latents)
    ]
    if arguments.interpolate:
        (other,) = declared.draw(1, seed + 1)
        row = declared.between(latents[0], other, arguments.interpolate)
        path = output / f"seed{seed}_to_seed{seed + 1}.png"
        tasks.append(_Task(path, row, len(row)))
    if arguments.grid:
        columns = int(np.ceil(np.sqrt(len(latents))))
        path = output / f"seed{seed}_grid.png"
        tasks.append(_Task(path, latents, columns))
    return tasks


def _run(model, tasks, wanted, batch_size):
    import tensorflow as tf

    errors = (OSError, UserError, MemoryError, tf.errors.OpError)
    done, failed, is_stopped = 0, 0, False
    start = time.monotonic()
    with tqdm(total=len(tasks), unit=" files", disable=None) as bar:
        try:
            for batch in _batches(tasks, batch_size):
                latents = np.concatenate([task.latents for task in batch])
                try:
                    made = model.generate(
                        latents=latents, batch_size=batch_size
                    )
                except errors as error:
                    made = [error] * len(latents)
                for task in batch:
                    count = len(task.latents)
                    own, made = made[:count], made[count:]
                    reason = _written(task, own, errors)
                    bar.update()
                    if reason is None:
                        done += 1
                    else:
                        failed += 1
                        text = f"failed: {shown(task.path)}: {reason}"
                        bar.write(text, sys.stderr)
        except KeyboardInterrupt:
            is_stopped = True
    rate = done / (time.monotonic() - start)
    print(
        f"{done} files written, {rate:.3g} a second; {wanted - len(tasks)} "
        f"were there already; {failed} failed"
    )
    if is_stopped:
        print("stopped; the same command goes on")
        return 130
    return 1 if failed else 0


def _batches(tasks, batch_size):
    """Yield lists of tasks: images together, each row or grid alone."""
    single = [task for task in tasks if task.columns is None]
    for first in range(0, len(single), batch_size):
        yield single[first : first + batch_size]
    for task in tasks:
        if task.columns is not None:
            yield [task]


def _written(task, made, errors):
    """Write a file; return why it failed, or None."""
    try:
        if isinstance(made[0], Exception):
            raise made[0]
        if task.path.exists() and not task.path.is_file():
            raise UserError(f"{task.path} is there, and no file")
        is_one = task.columns is None
        image = made[0] if is_one else images.grid(made, task.columns)
        images.write(task.path, image)
    except errors as error:
        kind = "" if isinstance(error, UserError) else type(error).__name__
        line = shown(str(error).split("\n")[0])
        return f"{kind}: {line}".removeprefix(": ")
    return None


if __name__ == "__main__":
    sys.exit(main())
