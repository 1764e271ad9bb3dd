"""Read the headers of all images in a folder in parallel."""

import concurrent.futures
import os

from tqdm.auto import tqdm

from keras_gans import images
from keras_gans.checks import UserError


def read(folder, names):
    """Read the headers of the images in a folder.

    Args:
        folder: path.
        names: list of str, the paths of the images relative to `folder`.

    Returns:
        list with an `images.Header` for each image, or a str, the reason it
        cannot be read.
    """

    def read_one(name):
        try:
            return images.check(os.path.join(folder, name), name=name)
        except UserError as error:
            return str(error)

    # Threads, although Python runs one of them at a time: on a slow disk the
    # time goes in waiting, and a new process would first import everything.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(
            tqdm(
                pool.map(read_one, names),
                desc="reading headers",
                total=len(names),
                unit=" files",
                delay=2,
                disable=None,
                leave=False,
            )
        )
