"""Give an image the style of others: `python -m keras_gans.stylize`.

    python -m keras_gans.stylize --content photo.jpg --style painting.jpg \\
        --weights imagenet --output styled.png

`styled_steps` beside the result has the settings, the losses and images on
the way. The same command goes on where it was stopped, with the same bits as
if it had not been.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import sys
import time
import zipfile

import numpy as np
from tqdm.auto import tqdm

from keras_gans import checks, files, flags, images, streams
from keras_gans.checks import UserError, shown

_RECORD, _STATE, _LOG = "settings.json", "state.npz", "log.csv"
_GIB = 2**30


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.stylize",
        description="Keep the content of an image and take the style of "
        "others, by moving its pixels (Gatys et al. 2016).",
        epilog="Exit code: 0, done; 1, the disk or the memory failed; 2, wrong "
        "use; 3, NaN or infinity; 130, stopped by Ctrl-C: the same command "
        "goes on.",
    )
    image = {"type": files.expanded, "metavar": "IMAGE"}
    many = {"action": "append", "default": []}
    parser.add_argument("--content", required=True, **image)
    parser.add_argument(
        "--style",
        required=True,
        action="append",
        **image,
        help="may be repeated",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=files.expanded,
        metavar="FILE.png",
        help="the result; what was used is kept in it as text",
    )
    parser.add_argument(
        "--size",
        type=_integers,
        metavar="PIXELS,...",
        help="longer sides of the result, from coarse to fine "
        "(default: 128,256)",
    )
    parser.add_argument(
        "--steps",
        type=_integers,
        metavar="STEPS,...",
        help="evaluations at each size (default: 150, then 50)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="of VGG: imagenet, which Keras downloads once; a .h5 file of "
        "keras.applications without top; or .pth, .safetensors or .npz, taken "
        "to be of torchvision (default: random weights of --seed)",
    )
    parser.add_argument(
        "--preprocessing",
        metavar="NAME",
        help="what the weights were trained with, caffe or torchvision "
        "(default: caffe for those of Keras and random ones, else torchvision)",
    )
    parser.add_argument(
        "--preset",
        default="gatys",
        metavar="NAME",
        help="layers, weights and start: gatys or neural-style (default: "
        "gatys); as published with --size 512, and --steps 500 or 1000",
    )
    parser.add_argument(
        "--rule",
        default="published",
        metavar="NAME",
        help="published, as the program has it, or paper, where the paper says "
        "otherwise (default: published)",
    )
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="vgg16 or vgg19 (default: the preset's, vgg19)",
    )
    parser.add_argument(
        "--pooling",
        metavar="NAME",
        help="max or average (default: the preset's, or average with random "
        "weights)",
    )
    for name, random in (("content", 1), ("style", 100), ("variation", 8)):
        parser.add_argument(
            f"--{name}-weight",
            type=float,
            metavar="WEIGHT",
            help=("of total variation, which smooths " * (name == "variation"))
            + f"(default: the preset's, or {random} with random weights)",
        )
    parser.add_argument(
        "--start",
        metavar="NAME",
        help="content, noise or style (default: the preset's, or content with "
        "random weights)",
    )
    parser.add_argument(
        "--optimizer",
        default="lbfgs",
        metavar="NAME",
        help="lbfgs, which needs pip install keras_gans[style], or adam "
        "(default: lbfgs)",
    )
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=1.0,
        metavar="LEVELS",
        help="of adam, in levels of 0..255 (default: 1)",
    )
    parser.add_argument(
        "--share",
        **many,
        type=float,
        help="of a style, in proportion, once for each (default: equal)",
    )
    parser.add_argument(
        "--mask",
        **many | image,
        help="white where the result has a style, once for each style, with "
        "'' for everywhere (default: all everywhere)",
    )
    parser.add_argument(
        "--style-mask",
        **many | image,
        help="white where the style's image counts, likewise",
    )
    parser.add_argument(
        "--style-scale",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="size of the styles beside the result's (default: 1)",
    )
    parser.add_argument(
        "--colors",
        default="style",
        metavar="NAME",
        help="style; histogram: styles get the content's colors first; or "
        "luminance: the result has the content's colors (default: style)",
    )
    parser.add_argument(
        "--seed",
        type=flags.integer(0),
        default=0,
        help="of noise and random weights (default: 0)",
    )
    parser.add_argument(
        "--every",
        type=flags.integer(0),
        default=50,
        metavar="STEPS",
        help="steps between images on the way; 0: none (default: 50)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="start over and replace an earlier result",
    )
    return flags.parse(parser, argv)


def _integers(text):
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be numbers such as 128,256. Received: {text!r}"
        ) from None


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk or the memory failed; 2: wrong use; 3: NaN or
    infinity; 130: stopped by Ctrl-C.
    """
    arguments = _parse_arguments(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        without = " without --overwrite" if arguments.overwrite else ""
        print(f"stopped; the same command{without} goes on")
        return 130
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, ImportError) as error:
        print(f"error: {shown(error)}", file=sys.stderr)
        return 1


def _run(arguments):
    import tensorflow as tf

    from keras_gans import style

    output = pathlib.Path(arguments.output)
    folder = output.with_name(f"{output.stem}_steps")
    if output.suffix.lower() != ".png":
        raise UserError(f"output must end in .png. Received: {output}")
    files.check_writable(output.parent, "output")
    options = _options(arguments)
    settings = _settings(arguments, options)
    needed = _check_memory(arguments, options)
    state, rows = style.State(), []
    if not arguments.overwrite:
        if (folder / _RECORD).exists():
            files.record(folder / _RECORD, settings, "output")
            state, rows = _earlier(folder)
        if output.exists() and not (folder / _RECORD).exists():
            raise UserError(
                "output must be a new file, or of this command and the same "
                f"settings, or give --overwrite. Received: {output}"
            )
        if output.exists():
            print(f"{shown(output)} was there already")
            return 0
    print(
        f"{settings['features']}; about {needed / _GIB:.1f} GiB of memory at "
        f"{max(options['sizes'])} pixels"
    )
    done = sum(options["steps"][: state.level]) + state.step
    rows = [row for row in rows if row["step"] <= done]
    before = rows[-1]["seconds"] if rows else 0.0
    start = time.monotonic()
    total = sum(options["steps"])
    with tqdm(total=total, initial=done, unit=" steps", disable=None) as bar:

        def progress(one):
            if not rows:  # all arguments fit
                (folder / _RECORD).unlink(missing_ok=True)
                (folder / _STATE).unlink(missing_ok=True)
                # Nor may the image pass for one of these settings.
                output.unlink(missing_ok=True)
                files.record(folder / _RECORD, settings, "output")
            seconds = round(before + time.monotonic() - start, 2)
            rows.append({"step": one.step, "seconds": seconds, **one.terms})
            bar.set_postfix({n: f"{x:.3g}" for n, x in one.terms.items()})
            bar.update(one.step - bar.n)
            if arguments.every and one.step % arguments.every == 0:
                path = folder / f"step_{one.step:06d}.png"
                images.write(path, one.image())

        def on_state(state):
            files.write_rows(folder / _LOG, rows)
            _write_state(folder / _STATE, state)

        try:
            image = style.stylize(
                **options, state=state, progress=progress, on_state=on_state
            )
        except style.NotFinite as error:
            path = folder / "last_good.png"
            images.write(path, error.image)
            print(
                f"error: {error} at step {rows[-1]['step']}; the last good "
                f"image is kept as {shown(path)}",
                file=sys.stderr,
            )
            return 3
        except (MemoryError, tf.errors.ResourceExhaustedError):
            print(
                "error: there is not enough memory: give a smaller --size",
                file=sys.stderr,
            )
            return 1
    images.write(output, image, {"keras_gans": json.dumps(settings)})
    (folder / _STATE).unlink(missing_ok=True)
    print(
        f"wrote {shown(output)}, {image.shape[1]} x {image.shape[0]} pixels, "
        f"with {settings['features']}"
    )
    return 0


def _options(arguments):
    """Return the arguments of `style.stylize`."""
    from keras_gans.networks.vgg import default_preprocessing
    from keras_gans.style import transfer

    def masks(paths):
        found = [_read(path, "mask") if path else None for path in paths]
        return found or None

    sizes = arguments.size or list(transfer.SIZES)
    return {
        "content": _read(arguments.content, "content"),
        "styles": [_read(path, "style") for path in arguments.style],
        "masks": masks(arguments.mask),
        "style_masks": masks(arguments.style_mask),
        "sizes": sizes,
        "steps": arguments.steps or transfer.default_steps(sizes),
        "shares": arguments.share or None,
        **{
            name: getattr(arguments, name)
            for name in (
                *(
                    "preset",
                    "rule",
                    "network",
                    "pooling",
                    "optimizer",
                    "learning_rate",
                    "start",
                ),
                *("content_weight", "style_weight", "variation_weight"),
                *("style_scale", "colors", "weights", "seed"),
            )
        },
        "preprocessing": arguments.preprocessing
        or default_preprocessing(arguments.weights),
    }


def _read(path, name):
    """Read an image; tell what becomes of an unusual one."""
    if images.check(path).transparent:
        print(f"{name} {shown(path)}: what is transparent is white")
    image = images.read(path)
    if name != "mask" and (image == image[..., :1]).all():
        print(f"{name} {shown(path)} is gray")
    return image


def _settings(arguments, options):
    """Return what the result depends on, as plain values."""
    from keras_gans import style
    from keras_gans.networks import vgg

    def about(path, image):
        digest = hashlib.sha256(image.tobytes()).hexdigest()[:16]
        return [os.path.basename(path), digest]

    def all_about(paths, found):
        pairs = zip(paths, found or [], strict=True)
        return [None if x is None else about(path, x) for path, x in pairs]

    weights, seed = arguments.weights, arguments.seed
    recipe = style.recipe(
        *(options["preset"], options["rule"], weights is None),
        **{name: options.get(name) for name in style.Recipe._fields},
    )
    settings = {
        **options,
        **recipe._asdict(),
        "features": vgg.about(recipe.network, weights, recipe.pooling, seed),
        "content": about(arguments.content, options["content"]),
        "styles": all_about(arguments.style, options["styles"]),
        "masks": all_about(arguments.mask, options["masks"]),
        "style_masks": all_about(arguments.style_mask, options["style_masks"]),
    }
    if weights not in (None, "imagenet"):
        try:
            digest = files.digest(weights)[:16]
        except OSError as error:
            raise UserError(
                "weights must be imagenet or a file that can be read. "
                f"Received: {weights!r} ({error.strerror})"
            ) from None
        settings["weights"] = [os.path.basename(weights), digest]
    return settings


def _check_memory(arguments, options):
    """Return the bytes that are needed, if there are as many."""
    from keras_gans import style

    checks.number(1e-3, 1e3, style_scale=arguments.style_scale)
    most = max(options["sizes"])
    needed = max(
        style.memory(*image.shape[:2], scale * most)
        for scale, image in (
            (1.0, options["content"]),
            *((arguments.style_scale, image) for image in options["styles"]),
        )
    )
    free = _free_memory()
    if free is not None and needed > free:
        raise UserError(
            f"size must be one for which there is memory: {most} needs about "
            f"{needed / _GIB:.1f} GiB, and {free / _GIB:.1f} are free. "
            f"Received: {most}"
        )
    return needed


def _free_memory():
    """Return the bytes that are available; None where Linux is not."""
    try:
        with open("/proc/meminfo") as file:
            found = re.search(r"MemAvailable: +(\d+) kB", file.read())
    except OSError:
        return None
    return found and 1024 * int(found[1])


def _write_state(path, state):
    kept = {f"optimizer_{i}": x for i, x in enumerate(state.optimizer)}
    with files.whole(path) as unfinished:
        np.savez(
            *(unfinished,),
            place=[state.level, state.step],
            pixels=state.pixels,
            **kept,
        )


def _earlier(folder):
    """Return the state and the rows of the log of an earlier run."""
    from keras_gans import style

    rows, _ = files.read_rows(folder / _LOG)
    rows = [
        {n: float(x) if n != "step" else int(x) for n, x in row.items()}
        for row in rows
    ]
    try:
        with files.open_npz(folder / _STATE) as found:
            found = {name: read() for name, (_, read) in found.items()}
        level, step = found["place"].tolist()
        kept = [found[f"optimizer_{i}"] for i in range(len(found) - 2)]
        return style.State(level, step, found["pixels"], kept), rows
    except FileNotFoundError:
        return style.State(), []
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{folder / _STATE} is damaged ({error}): give --overwrite"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
