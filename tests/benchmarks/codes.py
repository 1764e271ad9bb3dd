"""Measure what a shared latent space keeps of drawn faces.

    python -m tests.benchmarks.codes --model runs/xgan --model runs/other

For models of `faces:STYLE` in two or more domains: run folders. Prints
Markdown for the tables of README.md here: translations beside the true
drawings; which attributes of a face survive the crossing, as seen by a
classifier of the target style; and, where a model has codes, whether they
tell the domains apart, how near the code of a translation is to that of its
input, and whether a feature has the same code in both domains: a linear
classifier of each attribute is fitted to the codes of one domain and applied
to those of the other.
"""

import argparse
import itertools
import pathlib

import numpy as np

from keras_gans import images
from keras_gans.evaluation import extractors
from keras_gans.faces import drawing, latent_edits, truth
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.serving import loading

_SIZE = 64
_BATCH = 50
_COUNT = 400  # identities of each domain, none of them in both


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", required=True)
    arguments = parser.parse_args(argv)
    rows = {"translations": [], "attributes": [], "codes": []}
    for path in arguments.model:
        name = pathlib.Path(path).name
        model, settings = loading.read_model(path)
        styles = _styles(settings)
        for verb in model.verbs():
            if verb.source in styles and verb.target in styles:
                pair = styles[verb.source], styles[verb.target]
                label = f"{name} | {' to '.join(pair)}"
                _translations(label, verb, pair, rows)
        if hasattr(model, "encode"):
            for one, other in itertools.combinations(styles, 2):
                label = f"{name} | {styles[one]}, {styles[other]}"
                rows["codes"].append(
                    f"| {label} | {_codes(model, styles, one, other)} |"
                )
    heads = {
        "translations": "| run | direction | L1 | of the mean drawing | SSIM |",
        "attributes": "| run | direction | all attributes | "
        + " | ".join(drawing.ATTRIBUTES)
        + " |",
        "codes": "| run | domains | domain told by code | same input and "
        "translation | attributes, same domain | other domain | always the "
        "more frequent |",
    }
    for title, lines in rows.items():
        if lines:
            rule = "| --- " * (heads[title].count("|") - 1) + "|"
            print("", f"## {title}", "", heads[title], rule, *lines, sep="\n")


def _styles(settings):
    """Return a dict from domain to style of drawing, by a run's settings."""
    sources = {domain: settings.get(f"data_{domain}") for domain in "ab"}
    if settings.get("data"):  # domains are named by style
        sources = {source.split(":")[1]: source for source in settings["data"]}
    return {d: text.split(":")[1].split("@")[0] for d, text in sources.items()}


def drawn(style, indices):
    """Return drawings of identities, uint8 `[n, 64, 64, 3]`."""
    return np.stack(
        [
            images.fit_square(drawing.draw(i, style, drawing.MIN_SIZE), _SIZE)
            for i in indices
        ]
    )


def _computed(function, pictures):
    batches = np.split(pictures, range(_BATCH, len(pictures), _BATCH))
    return np.concatenate(
        [np.asarray(function(images.to_float(batch))) for batch in batches]
    )


def _truth(indices):
    return np.array(
        [list(drawing.attributes(i).values()) for i in indices], bool
    )


def _translations(label, verb, pair, rows):
    found = truth.against_truth(verb.function, *pair, _SIZE)
    here, mean = found["translation"], found["mean drawing"]
    rows["translations"].append(
        f"| {label} | {here['l1']:.3f} | {mean['l1']:.3f} | "
        f"{here['ssim']:.3f} |"
    )
    indices = range(FIRST_HELD_OUT, FIRST_HELD_OUT + _COUNT)
    output = _computed(
        lambda batch: images.to_uint8(verb.function(batch)),
        drawn(pair[0], indices),
    )
    read = latent_edits.reader(extractors.classifier(_SIZE, pair[1]))
    labels = _truth(indices)
    seen = read(output) > 0
    best = read(drawn(pair[1], indices)) > 0
    shares = np.maximum(labels.mean(axis=0), 1 - labels.mean(axis=0))
    told = [
        (100 * values.mean(axis=0))
        for values in (seen == labels, best == labels, shares[None])
    ]
    cells = [" / ".join(f"{one.mean():.1f}" for one in told)]
    cells += [" / ".join(f"{v:.0f}" for v in one) for one in np.stack(told).T]
    rows["attributes"].append(f"| {label} | {' | '.join(cells)} |")


def _codes(model, styles, one, other):
    """Return the cells of a row of codes."""
    from sklearn import linear_model, model_selection, pipeline, preprocessing

    def classifier():
        return pipeline.make_pipeline(
            preprocessing.StandardScaler(),
            linear_model.LogisticRegression(C=0.01, max_iter=500),
        )

    codes, labels = {}, {}
    for number, domain in enumerate((one, other)):
        first = FIRST_HELD_OUT + number * _COUNT
        indices = range(first, first + _COUNT)
        pictures = drawn(styles[domain], indices)
        codes[domain] = _encoded(model, pictures, domain)
        labels[domain] = _truth(indices)
        if domain == one:
            output = _computed(
                lambda batch: images.to_uint8(
                    _translate(model, batch, one, other)
                ),
                pictures,
            )
            again = _encoded(model, output, other)
    told = model_selection.cross_val_score(
        classifier(),
        np.concatenate([codes[one], codes[other]]),
        np.repeat([0, 1], _COUNT),
        cv=model_selection.StratifiedKFold(5, shuffle=True, random_state=0),
    ).mean()
    # How far a translation is from its input, beside another face.
    apart = np.abs(again - codes[one]).mean()
    apart /= np.abs(codes[one] - np.roll(codes[one], 1, axis=0)).mean()
    within, across, chance = [], [], []
    half = _COUNT // 2
    for a, b in ((one, other), (other, one)):
        for column in range(len(drawing.ATTRIBUTES)):
            known = labels[a][:half, column]
            if known.all() or not known.any():
                continue
            fitted = classifier().fit(codes[a][:half], known)
            within.append(
                fitted.score(codes[a][half:], labels[a][half:, column])
            )
            across.append(fitted.score(codes[b], labels[b][:, column]))
            share = labels[b][:, column].mean()
            chance.append(max(share, 1 - share))
    cells = [f"{told:.1%}", f"{apart:.2f}"]
    cells += [f"{np.mean(v):.1%}" for v in (within, across, chance)]
    return " | ".join(cells)


def _encoded(model, pictures, domain):
    codes = _computed(lambda batch: model.encode(batch, domain), pictures)
    return codes.reshape(len(codes), -1)


def _translate(model, batch, one, other):
    verb = next(
        v for v in model.verbs() if (v.source, v.target) == (one, other)
    )
    return verb.function(batch)


if __name__ == "__main__":
    main()
