"""Find axes of features in a generator's latents: `python -m keras_gans.axes`.

    python -m keras_gans.axes --model runs/dcgan --attributes runs/attributes \\
        --samples 20000 --keep Male --output axes

labels the images of random latent vectors with an attribute network and
regresses the labels on the vectors: one axis for each label. Then

    python -m keras_gans.axes --model runs/dcgan --axes axes/axes.npz \\
        --edit photo.jpg --set Smiling=1.5 --output edited

finds the latent vector whose image is nearest to a photo, and moves it.
"""

import argparse
import os
import pathlib
import re
import sys

import numpy as np
from tqdm.auto import tqdm

from keras_gans import checks, files, flags, images, streams
from keras_gans.checks import UserError, shown

_METHODS = ("labels", "ganspace", "sefa")
_ORTHOGONALIZATIONS = ("joint", "published", "sequential", "dual")
_REGRESSIONS = ("tanh", "linear", "logistic")
_RECORD = "axes.json"
_GENERATOR = "generator.png"  # small images of it
_OF_LABELS = ("attributes", "keep", "orthogonalize", "regression")
_OF_PHOTOS = ("axes", "set", "steps", "labels", "extractor")
_MOST = 1_000_000
_SAMPLES = 20_000
_STEPS = 300
_COMPONENTS = 20  # axes of methods without labels


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.axes",
        description="Find axes in the latent space of a generator along which "
        "one feature of its images changes, or edit a photo with them.",
        epilog="Exit code: 0, done; 1, the disk failed; 2, wrong use; 130, "
        "stopped by Ctrl-C: the same command goes on.",
    )
    flags.add(
        parser,
        flags.USE | flags.LONG_SEED,
        model={
            "help": "a generator: a run folder, a .keras file or, to find axes "
            "by labels, a SavedModel"
        },
    )
    find = parser.add_argument_group("finding axes")
    find.add_argument(
        "--attributes",
        type=files.expanded,
        metavar="PATH",
        help="the network that labels images: a run of --model attributes, "
        "its .keras file or its SavedModel",
    )
    find.add_argument(
        "--method",
        choices=_METHODS,
        help="labels: one axis for each label of --attributes (default); "
        "without labels, the directions in which the first layer of the "
        "generator changes most: ganspace, of samples, or sefa, of weights",
    )
    find.add_argument(
        "--samples",
        type=flags.integer(100),
        metavar="IMAGES",
        help=f"images to generate and label (default: {_SAMPLES})",
    )
    find.add_argument(
        "--keep",
        metavar="NAME,...",
        help="axes that stay as they are; the others are made perpendicular "
        "to them (default: none)",
    )
    find.add_argument(
        "--orthogonalize",
        choices=_ORTHOGONALIZATIONS,
        help="how: joint, to all of --keep at once (default); published, to "
        "one of --keep after the other; sequential, to all before, in the "
        "order of --keep and then of the labels; dual, to all others",
    )
    find.add_argument(
        "--regression",
        choices=_REGRESSIONS,
        help="of labels on latents: tanh, least squares of the labels' "
        "arctanh, as published (default); linear; or logistic",
    )
    edit = parser.add_argument_group("editing a photo")
    flags.add(edit, flags.AXES)
    edit.add_argument(
        "--edit",
        action="append",
        type=files.expanded,
        metavar="IMAGE",
        help="an image to find in the latent space; may be repeated",
    )
    flags.add(edit, flags.AMOUNTS)
    edit.add_argument(
        "--labels",
        metavar="NAME,...",
        help="of a generator with labels, those of the images, as for "
        "keras_gans.generate",
    )
    edit.add_argument(
        "--extractor",
        metavar="NAME[=FILE]",
        help="also compare images by the features of this network, as for "
        "keras_gans.evaluate, such as vgg16 (default: by pixels alone)",
    )
    edit.add_argument(
        "--steps",
        type=flags.integer(1),
        metavar="STEPS",
        help=f"of the search for the latent vector (default: {_STEPS})",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: the disk failed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    arguments = _parse_arguments(argv)
    try:
        _check(arguments)
        if arguments.edit:
            _edit(arguments)
        else:
            _find(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        text = f'a package is missing: pip install "keras_gans[axes]" ({error})'
        print(f"error: {text}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {shown(error)}", file=sys.stderr)
        return 1
    return 0


def _check(arguments):
    """Check what can be without the model."""
    checks.long_seed(arguments.seed)
    checks.between(1, _MOST, samples=arguments.samples or _SAMPLES)
    method = arguments.method or "labels"
    mode, needed = f"with method {method}", ()
    if arguments.edit:
        mode, needed = "with edit", ("axes", "set")
        others = *_OF_LABELS, "method", "samples"
    elif method == "labels":
        needed, others = ("attributes",), _OF_PHOTOS
    elif method == "sefa":  # of weights alone
        others = *_OF_LABELS, *_OF_PHOTOS, "samples"
    else:
        others = *_OF_LABELS, *_OF_PHOTOS
    given = {name: value for name, value in vars(arguments).items() if value}
    for name in needed:
        if name not in given:
            raise UserError(f"{name} must be given {mode}. Received: nothing")
    for name in others:
        if name in given:
            raise UserError(
                f"{name} must be left out {mode}. Received: {given[name]!r}"
            )
    files.check_writable(arguments.output, "output")
    arguments.method, arguments.samples = method, arguments.samples or _SAMPLES


def _find(arguments):
    """Find axes; write them, a table and images of what they do."""
    from keras_gans import latents
    from keras_gans.latents import summary
    from keras_gans.serving import loading

    output = pathlib.Path(arguments.output)
    strips = output / "strips"
    generator = latents.Generator(loading.load(arguments.model))
    files.record(
        output / _RECORD,
        {
            "model": os.path.abspath(arguments.model),
            "step": generator.model.about.get("step"),
            "seed": arguments.seed,
        },
        "output",
    )
    _check_generator(generator, output / _GENERATOR)
    if arguments.method == "labels":
        found = _of_labels(arguments, generator, output)
        axes = found.orthogonalize(
            _names(arguments.keep), arguments.orthogonalize or "joint"
        )
        summary.write_fit(output / "r2.png", found)
        summary.write_correlations(output / "correlations.png", found, axes)
        print(summary.table(axes))
    else:
        components = min(_COMPONENTS, generator.latents.size)
        if arguments.method == "sefa":
            axes = latents.sefa(generator, components)
        else:
            axes = latents.ganspace(
                *(generator, components, arguments.samples),
                seed=arguments.seed,
            )
    axes.save(output / "axes.npz")
    for earlier in strips.glob("[0-9][0-9]_*.png"):  # of other axes
        earlier.unlink()
    for number, name in enumerate(axes.names, 1):
        strip = summary.strip(generator, axes, name, seed=arguments.seed)
        # A label may be any text, also one that leads to another folder.
        file = f"{number:02d}_{re.sub('[^A-Za-z0-9_-]', '_', name)}.png"
        images.write(strips / file, strip)
    print(f"wrote {shown(output)}: axes.npz, strips")


def _check_generator(generator, path):
    """Keep small images of a generator, or compare them with those there.

    Raises:
        UserError: if the folder has samples of another one, such as one that
            was trained anew to the same step.
    """
    from keras_gans.latents.axes import MOST_LEVELS

    own = generator.fingerprint()
    if not path.is_file():
        images.write(path, np.concatenate(own, axis=1))
        return
    kept = np.stack(np.split(images.read(path), len(own), axis=1))
    if generator.differs(kept) > MOST_LEVELS:
        raise UserError(
            "output must be a new folder, or one of axes of the same "
            f"generator. Received: {path.parent}, of one with other images"
        )


def _of_labels(arguments, generator, output):
    """Return `FeatureAxes` of the labels of many images."""
    # For what follows the images: missing ones are told before them.
    import matplotlib  # noqa: F401
    import sklearn  # noqa: F401

    from keras_gans import latents
    from keras_gans.latents import sampling
    from keras_gans.serving import loading

    network = loading.load(arguments.attributes)
    classify, table = latents.classifier(network)
    for name in _names(arguments.keep):
        checks.one_of(table.names, keep=name)
    size = network.verbs["classify"].images.size
    count, seed = arguments.samples, arguments.seed
    drawn, vectors = generator.drawn(0, count, seed)

    def generate(rows):
        return generator(
            drawn[rows], None if vectors is None else vectors[rows]
        )

    probabilities = []
    with tqdm(total=count, unit=" images", disable=None) as bar:
        folder = output / f"samples_{size}"
        for chunk in sampling.kept(folder, count, generate, size):
            probabilities.append(classify(chunk))
            bar.update(len(chunk))
    return latents.FeatureAxes.of_samples(
        drawn,
        np.concatenate(probabilities),
        table.names,
        arguments.regression or "tanh",
        groups=table.groups,
        distribution=generator.latents.distribution,
        fingerprint=generator.fingerprint(),
        about={"seed": seed},
    )


def _edit(arguments):
    """Find photos in the latent space and move them along axes."""
    from keras_gans import latents
    from keras_gans.evaluation import extractors
    from keras_gans.serving import loading

    amounts = flags.amounts(arguments.set)
    axes = latents.FeatureAxes.load(arguments.axes)
    model, _ = loading.read_model(arguments.model, axes)
    for name in amounts:
        checks.one_of(axes.names, **{"a name in set": name})
    paths = [pathlib.Path(path) for path in arguments.edit]
    stems = [path.stem for path in paths]
    if len({*stems}) < len(stems):
        raise UserError(
            "edit must be images of different names, which those of the "
            f"results follow. Received: {', '.join(map(str, paths))}"
        )
    labels = arguments.labels
    if labels is not None:
        labels = loading.load(arguments.model).read_labels(labels)
    extractor = arguments.extractor and extractors.opened(arguments.extractor)
    pictures = [images.read(path) for path in paths]
    steps, seed = arguments.steps or _STEPS, arguments.seed
    with tqdm(total=steps, unit=" steps", disable=None) as bar:
        found = latents.invert(
            model,
            pictures,
            labels=labels,
            steps=steps,
            features=extractor and extractor.list_of_maps,
            seed=seed,
            progress=lambda step, losses: bar.update(step - bar.n),
        )
    moved = axes.move(found.latents, amounts)
    generator = latents.Generator(model)
    _, vectors = generator.drawn(0, len(moved), labels=labels)
    edited = generator(moved, vectors)
    output = pathlib.Path(arguments.output)
    headings = ["photo", "found", "edited"]
    for row, stem in enumerate(stems):
        three = [rows[row] for rows in (found.targets, found.images, edited)]
        images.write(output / f"{stem}_edited.png", edited[row])
        images.write(
            output / f"{stem}_row.png",
            images.grid(np.stack(three), 3, headings=headings),
        )
        far = ", too far to be edited honestly" if found.is_far[row] else ""
        print(
            f"{shown(stem)}: found within {found.pixel_error[row]:.3f} of the "
            f"full range{far}; the limit is {found.far_error:.3f}"
        )
    print(f"wrote {shown(output)}")


def _names(text):
    return [name.strip() for name in (text or "").split(",") if name.strip()]


if __name__ == "__main__":
    sys.exit(main())
