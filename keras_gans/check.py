"""Check your data before you train: `python -m keras_gans.check`.

    python -m keras_gans.check --data-a photos --data-b drawings

Decodes every image once, reports what will be skipped and what will probably
go wrong, and writes a contact sheet with --report.
"""

import argparse
import logging
import sys

from keras_gans import datasets, files, flags, registry, streams
from keras_gans import settings as run_settings
from keras_gans.checks import UserError, shown
from keras_gans.inspection import findings, measure, report, text


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.check",
        description="Check your images before training: report what will be "
        "skipped and what will probably go wrong.",
        epilog="Exit code: 0, ready to train; 1, training would go wrong; "
        "2, wrong use, or nothing to look at.",
    )
    flags.add(parser, flags.DATA | flags.MODEL)
    parser.add_argument(
        "--report",
        type=files.expanded,
        metavar="DIR",
        help="where to write report.txt, report.json with all names, and "
        "contact_sheet.png (default: nowhere)",
    )
    return flags.parse(parser, argv)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: ready to train; 1: training would go wrong; 2: wrong use, or nothing
    to look at.
    """
    settings = vars(_parse_arguments(argv))
    # Messages of images are also in the verdict, those of folders are not.
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: record.module == "files")
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logging.getLogger("keras_gans").addHandler(handler)
    try:
        model_class = registry.get(settings["model"])
        kind = datasets.kind_of(model_class, settings["labels"])
        options = run_settings.parse_options(settings["set"], model_class)
        size = settings["image_size"]
        size = size or model_class.default_settings(**options)["image_size"]
        kind.resolve(settings)
        if settings[kind.sources[0]] is None:
            raise UserError("data, or data_a and data_b, must be given")
        settings |= {"image_size": size, "seed": 0}
        sides = kind.open(settings, cache_bytes=0).sides
        if settings["report"]:
            report.check(settings["report"], sides)
        for name, pictures in sides.items():
            print(f"{name}: {shown(pictures.description)}")
        measured = measure.inspect(sides, size)
        found = findings.judge(measured, kind.are_alike)
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
        logging.getLogger("keras_gans").removeHandler(handler)
    return int(any(finding.level == "problem" for finding in found))


if __name__ == "__main__":
    sys.exit(main())
