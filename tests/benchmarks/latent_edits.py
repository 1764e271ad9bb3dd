"""Measure edits in the latent space of a generator of drawn faces.

    python -m tests.benchmarks.latent_edits --model runs/dcgan \\
        --axes axes/axes.npz

The judges are a classifier and an identity network of drawn faces, trained on
first use. Prints Markdown for the tables of README.md here.
"""

import argparse

import numpy as np

from keras_gans import images
from keras_gans.datasets import sources
from keras_gans.evaluation import extractors
from keras_gans.faces import drawing, identity_network, latent_edits
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.labels import Labels
from keras_gans.latents import FeatureAxes, Generator, invert
from keras_gans.serving import loading

AMOUNT = 1.5
LATENTS_SEED = 12345
_BATCH = 25  # images that are searched at once


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--axes", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--inverted", type=int, default=100)
    arguments = parser.parse_args(argv)
    model, _ = loading.read_model(arguments.model)
    generator = Generator(model)
    axes = FeatureAxes.load(arguments.axes)
    axes.check_generator(generator)
    found = axes.orthogonalize()
    dual = axes.orthogonalize(method="dual")
    judge = judge_of_faces()
    latents = generator.latents.draw(arguments.count, LATENTS_SEED)

    def measured(move, names=found.names):
        return latent_edits.measure(
            generator, move, latents, judge, AMOUNT, list(names)
        )

    moved = {"regressed": measured(found.move)}
    for method in ("sequential", "dual"):
        turned = axes.orthogonalize(method=method)
        moved[method] = measured(turned.move, turned.names)
    put = {
        "regressed": measured(found.set),
        "dual": measured(dual.set, dual.names),
    }
    print(f"\n## moved by {AMOUNT}, as regressed (random directions)\n")
    print(latent_edits.table(moved["regressed"]))
    for method in ("sequential", "dual"):
        print(f"\n## moved by {AMOUNT}, as regressed → {method}\n")
        print(_compared(moved["regressed"], moved[method]))
    print(f"\n## set to {AMOUNT} on the other side, as regressed → dual\n")
    print(_compared(put["regressed"], put["dual"]))
    for method, results in put.items():
        print(f"\n## what changes where a label is set, {method}\n")
        print(latent_edits.matrix(results))
    if arguments.inverted:
        _inversions(model, generator, dual, judge, arguments.inverted)


def judge_of_faces(style="photo"):
    """Return the `Judge` of drawn faces; print what it is worth."""
    embed = latent_edits.reader(extractors.identities(64, style))
    worth = identity_network.verify(embed, style=style)
    print(
        f"identity network: equal error rate {worth['equal_error_rate']:.1%} "
        f"at a cosine of {worth['threshold']:.2f}"
    )
    return latent_edits.Judge(
        drawing.ATTRIBUTES,
        latent_edits.reader(extractors.classifier(64, style), "sigmoid"),
        embed,
        worth["threshold"],
        Labels(drawing.ATTRIBUTES).groups,
    )


def _compared(before, after):
    shared = [name for name in before if name in after]
    return latent_edits.comparison(
        *({name: rows[name] for name in shared} for rows in (before, after))
    )


def _inversions(model, generator, axes, judge, count):
    """Invert held-out faces and edit them."""
    indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
    faces = sources.drawn("photo", model.image_size, "data", indices, 0)
    pictures = [faces.read(row) for row in range(count)]
    found = [
        invert(model, pictures[first : first + _BATCH])
        for first in range(0, count, _BATCH)
    ]
    errors = np.concatenate([one.pixel_error for one in found])
    print(
        f"\n## inversion of {count} held-out faces\n\nL1 {errors.mean():.4f}, "
        f"at most {errors.max():.4f}; too far: "
        f"{sum(int(one.is_far.sum()) for one in found)}\n"
    )
    latents = np.concatenate([one.latents for one in found])
    shown = np.concatenate([one.images for one in found])
    rows = [np.stack(pictures[:10]), shown[:10]]
    images.write("inversions.png", images.grid(rows))
    print(
        latent_edits.inverted_table(
            latent_edits.measure_inverted(
                *(generator, axes.set, latents, indices, judge, AMOUNT),
                moved=list(axes.names),
            )
        )
    )


if __name__ == "__main__":
    main()
