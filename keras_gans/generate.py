"""Generate images from noise: `python -m keras_gans.generate`.

    python -m keras_gans.generate --model runs/dcgan --count 64 --seed 3 \\
        --output faces

The images of a seed are `seed3_0000.png` and so on. An image comes from the
same random numbers on every machine, however many there are and however many
at once. Existing results are skipped, so that the same command goes on where
it was stopped; `generate.json` beside them records the settings that are not
in the names, so that no image of other settings passes for a result.
"""

import argparse
import collections
import functools
import os
import pathlib
import sys
import time

import numpy as np
from tqdm.auto import tqdm

from keras_gans import checks, files, flags, images, streams, verbs
from keras_gans.checks import UserError, shown

_Task = collections.namedtuple("_Task", "path inputs columns")

_MOST = 100_000  # images of a call, whose latents are drawn at once
_MOST_IN_GRID = 4096
_MOST_ON_THE_WAY = 100
_RECORD = "generate.json"


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.generate",
        description="Write images that a model makes of random latent "
        "vectors, PNG files named by seed and number. Results that are there "
        "are skipped.",
        epilog="Exit code: 0, done; 1, some images failed; 2, wrong use; "
        "130, stopped by Ctrl-C: the same command goes on.",
    )
    flags.add(parser, flags.USE | flags.LONG_SEED)
    parser.add_argument(
        "--count",
        type=int,
        default=16,
        metavar="IMAGES",
        help="number of images (default: 16)",
    )
    parser.add_argument(
        "--labels",
        metavar="NAME,...",
        help="for a model with labels: the labels that are on in all images, "
        "such as Blond_Hair,Young; all others are off, as are labels with a "
        "minus such as -Young; with '' all are off (default: each image has "
        "labels drawn from the seed)",
    )
    parser.add_argument(
        "--truncation",
        type=float,
        metavar="LIMIT",
        help="draw latent numbers in [-LIMIT, LIMIT] alone, such as 0.7: "
        "images are more typical and differ less (default: all numbers)",
    )
    flags.add(parser, flags.AXES | flags.AMOUNTS)
    parser.add_argument(
        "--interpolate",
        type=int,
        metavar="IMAGES",
        help="also write a row of so many images, from the first image of "
        "this seed to the first of the next, such as seed0_to_seed1_8.png",
    )
    parser.add_argument(
        "--grid",
        action="store_true",
        help="also write all images as one, such as seed0_grid_16.png",
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
    try:
        _check(arguments)
        from keras_gans.latents import FeatureAxes
        from keras_gans.serving import loading

        amounts = flags.amounts(arguments.set)
        axes = arguments.axes and FeatureAxes.load(arguments.axes)
        model = loading.load(arguments.model, axes)
        labels = arguments.labels
        if labels is not None:
            labels = model.read_labels(labels)
        make = model.generate
        if amounts:
            moves = model.read_amounts(amounts)
            make = functools.partial(model.edit, moves)
        tasks = _tasks(arguments, model.from_noise(), labels)
        _record(arguments, model, labels, amounts)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {shown(error)}", file=sys.stderr)
        return 1
    left = [
        task for task in tasks if arguments.overwrite or not task.path.is_file()
    ]
    return _run(make, left, len(tasks), arguments.batch_size)


def _check(arguments):
    """Check what can be without the model."""
    checks.between(1, _MOST, count=arguments.count)
    checks.long_seed(arguments.seed)
    checks.at_least(1, batch_size=arguments.batch_size)
    if arguments.grid and arguments.count > _MOST_IN_GRID:
        raise UserError(
            f"count must be at most {_MOST_IN_GRID} with --grid. "
            f"Received: {arguments.count}"
        )
    if arguments.interpolate is not None:
        checks.between(2, _MOST_ON_THE_WAY, interpolate=arguments.interpolate)
        checks.long_seed(arguments.seed + 1)  # which it leads to
    files.check_writable(arguments.output, "output")


def _record(arguments, model, labels, amounts):
    """Write the settings beside the images, or compare them with what is there.

    Raises:
        UserError: if the folder has images of other settings.
    """
    files.record(
        pathlib.Path(arguments.output) / _RECORD,
        {
            "model": os.path.abspath(arguments.model),
            "step": model.about.get("step"),
            "labels": labels,
            "truncation": arguments.truncation,
            "amounts": amounts or None,
            "axes": files.digest(arguments.axes)
            if amounts and arguments.axes
            else None,
        },
        "output",
    )


def _tasks(arguments, verb, labels):
    """Return the files to write.

    Returns:
        list of `_Task`: path; inputs of its images, a dict of arguments of
        `generate`, with a row per image; columns that they are laid out in,
        or None for one image.
    """
    seed, output = arguments.seed, pathlib.Path(arguments.output)

    def drawn(count, seed):
        rows = verb.drawn(
            count, seed, labels=labels, truncation=arguments.truncation
        )
        named = zip(("latents", "labels"), rows, strict=True)
        return {n: np.asarray(one) for n, one in named if one is not None}

    inputs = drawn(arguments.count, seed)
    tasks = []
    for number in range(arguments.count):
        path = output / f"seed{seed}_{number:04d}.png"
        own = {n: rows[number : number + 1] for n, rows in inputs.items()}
        tasks.append(_Task(path, own, None))
    if arguments.interpolate:
        count, other = arguments.interpolate, drawn(1, seed + 1)
        part = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
        # Labels that differ are blended, so that both ends are such images.
        way = {
            name: (1.0 - part) * rows[:1] + part * other[name]
            for name, rows in inputs.items()
        }
        way["latents"] = verb.input(verbs.Latents)[1].between(
            inputs["latents"][0], other["latents"][0], count
        )
        path = output / f"seed{seed}_to_seed{seed + 1}_{count}.png"
        tasks.append(_Task(path, way, count))
    if arguments.grid:
        columns = int(np.ceil(np.sqrt(arguments.count)))
        path = output / f"seed{seed}_grid_{arguments.count}.png"
        tasks.append(_Task(path, inputs, columns))
    return tasks


def _run(make, tasks, wanted, batch_size):
    import tensorflow as tf

    errors = (OSError, UserError, MemoryError, tf.errors.OpError)
    done, failed, is_stopped = 0, 0, False
    start = time.monotonic()
    with tqdm(total=len(tasks), unit=" files", disable=None) as bar:
        try:
            for batch in _batches(tasks, batch_size):
                inputs = {
                    name: np.concatenate([task.inputs[name] for task in batch])
                    for name in batch[0].inputs
                }
                try:
                    made = make(**inputs, batch_size=batch_size)
                except errors as error:
                    made = [error] * len(inputs["latents"])
                for task in batch:
                    count = len(task.inputs["latents"])
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
