"""Convert image files by a function of pixels, for commands.

What fails is listed and the others go on; what is there already is skipped.
"""

import collections
import concurrent.futures
import itertools
import sys
import time

import numpy as np
from tqdm.auto import tqdm

from keras_gans import images
from keras_gans.checks import UserError, shown
from keras_gans.files import identity
from keras_gans.serving import files

_Picture = collections.namedtuple("_Picture", "task pixels profile")


def run(
    found, function, done, overwrite=False, batch_size=1, limit=1, errors=()
):
    """Convert image files with a progress bar; return the exit code.

    A result never replaces an input image, nor an earlier result of the call
    whose name the file system treats as equal (`a.png`, `A.png`).

    Args:
        found: list of `keras_gans.serving.files.Task`.
        function: from uint8 `[count, height, width, 3]` and `names`, a list
            of str, to as many results, uint8 `[any height, any width, 3]`.
            Images that fail together are tried one by one.
        done: str, what is said of those converted, such as `"translated"`.
        overwrite: bool, whether to convert what has a result already, too.
        batch_size: int, most images to convert at once: consecutive images of
            one size, with a total of at most `limit` pixels.
        limit: int.
        errors: exceptions that fail one image only, beside `UserError`,
            `OSError` and `MemoryError`.

    Returns:
        int: 0, done; 1, some images failed; 130, stopped by Ctrl-C.
    """
    tasks = [
        task for task in found if overwrite or not files.is_there(task.target)
    ]
    counts, is_stopped = collections.Counter(), False
    start = time.monotonic()
    with tqdm(total=len(tasks), unit=" images", disable=None) as bar:

        def on_done(task, reason):
            bar.update()
            counts[reason is None] += 1
            if reason is not None:
                bar.write(f"failed: {shown(task.source)}: {reason}", sys.stderr)

        try:
            _convert(
                *(tasks, function, on_done, batch_size, limit),
                (OSError, UserError, MemoryError, *errors),
            )
        except KeyboardInterrupt:
            is_stopped = True
    rate = counts[True] / (time.monotonic() - start)
    print(
        f"{counts[True]} {done}, {rate:.3g} images a second; "
        f"{len(found) - len(tasks)} were there already; {counts[False]} failed"
    )
    if is_stopped:
        print("stopped; the same command goes on")
        return 130
    return int(counts[False] > 0)


def _convert(tasks, function, on_done, batch_size, limit, errors):
    """Convert files; call `on_done` for each, with why it failed or None."""
    taken = {identity(task.source): task.source for task in tasks}
    pictures = _read_ahead(tasks, on_done)

    def converted(batch):
        pixels = np.stack([picture.pixels for picture in batch])
        names = [shown(picture.task.source) for picture in batch]
        try:
            return function(pixels, names=names)
        except errors as error:
            if len(batch) == 1:
                return [error]
            return [result for one in batch for result in converted([one])]

    for batch in _batches(pictures, batch_size, limit):
        for picture, result in zip(batch, converted(batch), strict=True):
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
