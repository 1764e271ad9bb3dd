"""Measure photos made of drawn sketches, good ones and bad ones.

    python -m tests.benchmarks.sketches --model runs/contextual --model \
runs/pix2pix

For models of `faces:sketch` and `faces:photo`: run folders. Prints Markdown
for the tables of README.md here: photos beside the true drawings, of sketches
that are drawn worse grade by grade (`faces.strokes`); with `--search`, for a
Contextual GAN, what other settings of its search give in which time.

Verified is the share of photos that show the identity of the truth: a network
of drawn identities (`faces.identity_network`) embeds both, and their cosine
lies above the threshold at which true pairs, with one attribute changed, and
pairs of two identities are mistaken equally often.
"""

import argparse
import pathlib
import time

import numpy as np
import tensorflow as tf

from keras_gans import datasets, files, images, metrics
from keras_gans.datasets import sources
from keras_gans.evaluation import extractors
from keras_gans.faces import edits, identity_network, latent_edits, strokes
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.serving import loading

_SIZE = 64
_BATCH = 10  # sketches that are searched at once
_SEARCHES = [  # starts, steps, perceptual weight, learning rate
    *((10, 500, 0.01, 0.1), (1, 500, 0.01, 0.1), (30, 500, 0.01, 0.1)),
    *((10, 100, 0.01, 0.1), (10, 1000, 0.01, 0.1)),
    *((10, 500, 0.001, 0.1), (10, 500, 0.1, 0.1)),
    *((10, 500, 0.001, 1.0), (10, 500, 0.001, 3.0), (10, 100, 0.001, 3.0)),
]


class _Judge:
    """Compares photos with the true ones."""

    def __init__(self, count):
        self.truth = _drawn("photo", FIRST_HELD_OUT, count)
        self.others = _drawn("photo", FIRST_HELD_OUT + count, max(count, 100))
        self._embed = latent_edits.reader(extractors.identities(_SIZE))
        measured = identity_network.verify(self._embed, _SIZE)
        self.error = measured["equal_error_rate"]
        self._threshold = measured["threshold"]
        self._extractor = metrics.extractor(
            "faces",
            image_size=_SIZE,
            train=edits.train_classifier,
            folder=files.cache_folder(),
        )

    def cells(self, photos):
        """Return the cells of a row: L1, SSIM, verified, KID."""
        l1 = np.abs(photos.astype(float) - self.truth).mean() / 255
        ssim = tf.image.ssim(
            tf.constant(photos), tf.constant(self.truth), 255
        ).numpy()
        same = np.sum(self._embed(photos) * self._embed(self.truth), axis=-1)
        verified = np.mean(same > self._threshold)
        (kid,) = metrics.create(["kid"], self._extractor).values()
        pair = ([images.to_float(side)] for side in (self.others, photos))
        found = metrics.evaluate({"kid": kid}, *pair)["kid"]
        values = f"{l1:.3f} | {ssim.mean():.3f} | {verified:.0%}"
        return f"{values} | {found['value']:.4f}"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--count", type=int, default=50, help="identities")
    parser.add_argument("--search", action="store_true")
    arguments = parser.parse_args(argv)
    judge = _Judge(arguments.count)
    sketches = _drawn("sketch", FIRST_HELD_OUT, arguments.count)
    print(f"\nequal error rate of the identity network {judge.error:.1%}\n")
    print("| photos | grade | L1 | SSIM | verified | KID-like |")
    print("| --- | --- | --- | --- | --- | --- |")
    mean = np.rint(judge.others.mean(axis=0)).astype(np.uint8)
    for name, photos in {
        "true drawings": judge.truth,
        "another face": np.roll(judge.truth, 1, axis=0),
        "mean drawing": np.broadcast_to(mean, judge.truth.shape),
    }.items():
        print(f"| {name} | | {judge.cells(photos)} |")
    for path in arguments.model:
        model, _ = loading.read_model(path)
        verb = _verb(model)
        label = pathlib.Path(path).name
        for grade in strokes.GRADES:
            bad = np.stack(
                [
                    strokes.draw_badly(sketch, grade, index=index)
                    for index, sketch in enumerate(sketches)
                ]
            )
            cells = judge.cells(_photos(verb.function, bad))
            print(f"| {label} | {grade} | {cells} |", flush=True)
        if arguments.search and verb.steps is not None:
            _search(model, label, judge, sketches)


def _search(model, label, judge, sketches):
    print("\n| search | starts | steps | weight | rate ", end="")
    print("| L1 | SSIM | verified | KID-like | seconds for ten |")
    print("| --- " * 10 + "|")
    for starts, steps, weight, rate in _SEARCHES:
        model.num_starts, model.perceptual_weight = starts, weight
        model.search_rate = rate

        def complete(batch, steps=steps):
            joint = model.complete(batch, steps=steps).images
            return tf.split(joint, 2, axis=2)[1]

        _photos(complete, sketches[:_BATCH])  # traces
        begin = time.perf_counter()
        photos = _photos(complete, sketches)
        seconds = (time.perf_counter() - begin) * _BATCH / len(sketches)
        row = f"| {label} | {starts} | {steps} | {weight} | {rate} "
        print(f"{row}| {judge.cells(photos)} | {seconds:.1f} |", flush=True)


def _verb(model):
    """Return the verb from sketches to photos, which are a and b."""
    return next(v for v in model.verbs() if (v.source, v.target) == ("a", "b"))


def _photos(function, sketches):
    outputs = [
        images.to_uint8(function(images.to_float(sketches[i : i + _BATCH])))
        for i in range(0, len(sketches), _BATCH)
    ]
    return np.concatenate(outputs)


def _drawn(style, first, count):
    """Return drawings, cut like every held-out image of a run."""
    load_size = datasets.default_load_size(_SIZE)
    indices = range(first, first + count)
    pictures = sources.drawn(style, load_size, "style", indices, 0)
    pictures = pictures.cropped(_SIZE)
    return np.stack([pictures.read(i) for i in range(count)])


if __name__ == "__main__":
    main()
