"""Look at your data before you train: `python -m keras_gans.check`.

    python -m keras_gans.check --data-a photos --data-b drawings

It decodes every image once, says what will be skipped and what will probably
go wrong, and with --report writes a contact sheet.
"""

import argparse
import logging
import sys

from keras_gans import (
    arguments,
    data_arguments,
    datasets,
    files,
    registry,
    streams,
)
from keras_gans.checks import UserError, shown
from keras_gans.inspection import findings, measure, report, text


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.check",
        description="Look at your images before training: what will be "
        "skipped, and what will probably go wrong.",
        epilog="Exit code: 0, it can be trained; 1, training would go wrong; "
        "2, wrong use, or nothing to look at.",
    )
    data_arguments.add(parser)
    parser.add_argument(
        "--model",
        default="cyclegan",
        help="the model that is to be trained, one of "
        f"{', '.join(registry.names())} (default: cyclegan)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an argument of the model, as of train: architecture=resnet "
        "checks for images of 256 pixels",
    )
    parser.add_argument(
        "--report",
        type=files.expanded,
        metavar="DIR",
        help="where to write report.txt, report.json with all names, and "
        "contact_sheet.png (default: nowhere)",
    )
    return parser.parse_args(data_arguments.joined(argv))


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: it can be trained; 1: training would go wrong; 2: wrong use, or nothing
    to look at.
    """
    settings = vars(_parse_arguments(argv))
    # What is logged while opening is said in the verdict, too.
    silent = logging.NullHandler()
    logging.getLogger("keras_gans").addHandler(silent)
    try:
        model_class = registry.get(settings["model"])
        kind = model_class.data_kind
        options = arguments.parse_options(settings["set"], model_class)
        size = settings["image_size"]
        size = size or model_class.default_settings(**options)["image_size"]
        data_arguments.resolve(settings, kind)
        if settings.get("data_a") is None and settings.get("data") is None:
            raise UserError("data, or data_a and data_b, must be given")
        sides = datasets.open_sides(kind, settings, size, cache_bytes=0)
        if settings["report"]:
            report.check(settings["report"], sides)
        for name, pictures in sides.items():
            print(f"{name}: {shown(pictures.description)}")
        measured = measure.inspect(sides, size)
        found = findings.judge(measured, kind)
        lines = *text.table(measured), "", *text.verdict(found)
        said = "\n".join(map(shown, lines))
        print(f"\n{said}\n")
        if settings["report"]:
            report.write(settings["report"], said, measured, found, sides)
            written = ", ".join(report.FILES)
            print(f"wrote {written} to {shown(settings['report'])}")
        else:
            print("--report DIR writes all names and a contact sheet")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        logging.getLogger("keras_gans").removeHandler(silent)
    return int(any(finding.level == "problem" for finding in found))


if __name__ == "__main__":
    sys.exit(main())
