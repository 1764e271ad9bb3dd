"""Measure how good translations are: `python -m keras_gans.evaluate`.

    python -m keras_gans.evaluate --run-dir runs/cyclegan

Translates images that were not trained on and measures the results. The
embedded faces are drawn in every style from the same identity, so the true
translation is known; no image collection offers that.
"""

import argparse
import sys

from keras_gans import evaluation, files, flags, streams
from keras_gans.checks import UserError, shown

_EXTRACTOR = "faces"


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.evaluate",
        description="Measure the outputs of a run, an export or a "
        "folder. Prints a table with the protocol of every number, and "
        "writes metrics.json and report.html.",
        epilog="Exit code: 0, done; 1, a metric that was asked for, or every "
        "one, could not be computed; 2, wrong use.",
    )
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--run-dir",
        type=files.expanded,
        metavar="DIR",
        help="a run of keras_gans.train (default: runs/cyclegan)",
    )
    what.add_argument(
        "--model",
        type=files.expanded,
        metavar="PATH",
        help="a .keras file, a SavedModel or the folder of its versions",
    )
    what.add_argument(
        "--real",
        type=files.expanded,
        metavar="DIR",
        help="real images to compare with",
    )
    what.add_argument(
        "--fake",
        type=files.expanded,
        metavar="DIR",
        help="images to compare with --real; in pairs if names are equal",
    )
    data = parser.add_argument_group(
        "test images",
        "default for a run: drawn faces that it never saw; the folders testA "
        "and testB next to trainA and trainB; or the few held-out images. "
        "A data set that would be downloaded is opened only if it is also "
        "named here",
    )
    flags.add(data, flags.DATA)
    how = parser.add_argument_group("how it is measured")
    how.add_argument(
        "--metrics",
        metavar="NAME,...",
        help="such as kid,ssim; an unknown name lists all (default: all "
        "that apply)",
    )
    how.add_argument(
        "--extractor",
        default=_EXTRACTOR,
        metavar="NAME[=FILE]",
        help="the network whose features are compared: faces (trained on the "
        "embedded faces), inception_v3 or vgg16 (weights downloaded by "
        "Keras), or fid_inception=FILE with the weights in FILE (default: "
        "faces, trained in a minute on first use)",
    )
    how.add_argument(
        "--count",
        type=flags.integer(1),
        metavar="IMAGES",
        help="most images of each collection (default: "
        f"{evaluation.COUNT}; for two folders, all)",
    )
    how.add_argument(
        "--weights",
        choices=("average", "trained"),
        default="average",
        help="of a run with --ema: the moving average, which is exported, or "
        "the weights as trained, with results in trained/ of the run folder "
        "(default: average)",
    )
    how.add_argument(
        "--report",
        type=files.expanded,
        metavar="FILE",
        help="where to write the report (default: report.html in the run "
        "folder, else in evaluation/); metrics.json and examples/ go into the "
        "run folder, else next to the report",
    )
    return flags.parse(parser, argv)


def _check_output(subject, path):
    """Check that results replace only earlier results."""
    from keras_gans import report

    folders = [pictures.folder for pictures in subject.sides.values()]
    files.check_outside(subject.folder, folders, "report")
    metrics = subject.folder / "metrics.json"
    files.check_ours(metrics, '{\n  "measured": ', "metrics.json of report")
    report.place(subject.folder, path)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: a metric that was asked for, or every one, could not be
    computed; 2: wrong use.
    """
    arguments = vars(_parse_arguments(argv))
    from keras_gans import metrics, report, runs
    from keras_gans.evaluation import (
        extractors,
        facts,
        measure,
        nearest,
        results,
        subjects,
    )
    from keras_gans.faces.truth import table

    asked = arguments["metrics"] and arguments["metrics"].split(",")
    names = asked or metrics.names()
    try:
        measure.check(names)
        subject = subjects.opened(arguments)
        if not subject.cases:
            raise UserError(
                "model must be one whose outputs should resemble some of the "
                f"data. Received: {subject.what}, with "
                f"{', '.join(subject.verbs)}"
            )
        told = [case.labels is not None for case in subject.cases.values()]
        are_labels = bool(told) and all(told)
        if asked and are_labels:
            raise UserError(
                "metrics must be left out for a model whose outputs are "
                f"labels. Received: {arguments['metrics']!r}"
            )
        needs_it = not are_labels and any(
            metrics.get(name).needs_extractor for name in names
        )
        extractor = unavailable = None
        try:
            if needs_it:
                extractor = extractors.opened(arguments["extractor"])
        except extractors.Unavailable as error:
            unavailable = str(error)
        folder = subject.folder
        _check_output(subject, arguments["report"])
        folder.mkdir(parents=True, exist_ok=True)
        optional = () if asked else names
        evaluator = measure.Evaluator(
            subject.cases, asked or (), extractor, optional, unavailable
        )
        measured, truth = evaluator(subject.verbs), subject.truth()
        measure.add_untouched(evaluator, measured)
        labels = measure.of_labels(subject.cases, subject.verbs)
        copies = []
        if extractor and not asked:
            copies = nearest.add(measured, evaluator, extractor, subject)
        content = {
            **results.content(subject, evaluator, measured, copies, labels),
            "truth": truth,
            "truth_table": results.truth_rows(truth),
            "data": facts.of_sides(subject.sides, subject.image_size),
        }
        runs.write(folder, "metrics.json", content)
        path = report.write(folder, arguments["report"])
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if truth:
        step = subject.step
        print(f"step {step}, held-out drawn faces\n\n{table(truth)}\n")
    lines = [subject.what, "", *results.lines(content)]
    print("\n".join([*map(shown, lines), ""]))
    print(shown(f"wrote {folder / 'metrics.json'} and {path}"))
    failed = [e["failed"] for e in content["directions"].values()]
    values = [e["values"] for e in content["directions"].values()]
    return int(not any([*values, labels]) or bool(asked and any(failed)))


if __name__ == "__main__":
    sys.exit(main())
