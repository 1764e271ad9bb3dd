"""Draw photographs as line drawings: `python -m keras_gans.sketch`.

    python -m keras_gans.sketch photos --style xdog --output sketches

Drawings are PNG files with the names of their photographs. Existing results
are skipped, so the same command continues after a stop; failures are listed
and set the exit code. `sketch.json` beside them records the parameters.
"""

import argparse
import functools
import pathlib
import sys

import numpy as np

from keras_gans import files, flags, images, streams
from keras_gans import settings as run_settings
from keras_gans.checks import UserError
from keras_gans.datasets import sketches
from keras_gans.serving import conversion
from keras_gans.serving import files as image_files

_RECORD = "sketch.json"


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.sketch",
        description="Draw photographs as line drawings, black on white.",
        epilog="Exit code: 0, done; 1, some images failed; 2, wrong use; "
        "130, stopped by Ctrl-C: the same command continues.",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="PHOTOS",
        help="an image, a folder of images (subfolders included), or a "
        "pattern such as 'photos/*.jpg'",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=files.expanded,
        metavar="DIR",
        help="folder of the results, with a folder for each style if there "
        "are several; files in it are not inputs",
    )
    parser.add_argument(
        "--style",
        action="append",
        metavar="NAME",
        help=f"one of {', '.join(sketches.STYLES)}; may be repeated "
        "(default: xdog)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the style, such as sigma=0.8; an unknown name "
        "lists all; may be repeated",
    )
    parser.add_argument(
        "--size",
        type=flags.integer(1),
        metavar="PIXELS",
        help="scale and crop to squares of this side before drawing, as in "
        "training (default: the sizes of the photographs)",
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
    try:
        works = _works(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    codes = []
    for style, found, draw in works:
        done = f"drawn as {style}"
        codes.append(conversion.run(found, draw, done, arguments.overwrite))
        if codes[-1] == 130:
            break
    return max(codes)


def _works(arguments):
    """Return the style, the tasks and the function of each style.

    Raises:
        UserError: if an argument is wrong.
    """
    names = arguments.style or ["xdog"]
    known = sketches.styles(names)
    valid = {name for values in known.values() for name in values}
    changes = run_settings.parse_values(arguments.set, sorted(valid))
    options = {"as_png": True, "overwrite": arguments.overwrite}
    root = pathlib.Path(arguments.output)
    photos = {t.source for t in image_files.find(arguments.inputs, root, True)}
    works = []
    for name, values in sketches.styles(dict.fromkeys(known, changes)).items():
        output = root / name if len(known) > 1 else root
        found = image_files.find(arguments.inputs, output, **options)
        # Drawings of another style, in the same folder, are no photographs.
        found = [task for task in found if task.source in photos]
        files.check_writable(output, "output")
        about = {"style": name, "parameters": values, "size": arguments.size}
        files.record(output / _RECORD, about, "output")
        draw = functools.partial(
            _draw, size=arguments.size, style=name, **values
        )
        works.append((name, found, draw))
    return works


def _draw(photos, names, size, **style):
    if size:
        photos = [images.fit_square(photo, size) for photo in photos]
    return np.stack([sketches.draw(photo, **style) for photo in photos])


if __name__ == "__main__":
    sys.exit(main())
