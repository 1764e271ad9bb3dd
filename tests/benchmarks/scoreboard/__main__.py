"""Train every model and compare: `python -m tests.benchmarks.scoreboard`.

    python -m tests.benchmarks.scoreboard --ablation

Each model is trained on the embedded faces, whose true translations are known,
in a process of its own, and measured. Run again, the command goes on where it
was stopped; what is finished is only read.
"""

import argparse
import pathlib
import shlex
import sys

from keras_gans import files, flags, runs, streams
from keras_gans.checks import UserError, shown
from tests.benchmarks.scoreboard import children, entries, figures, page

# Of two cores; the demonstrations of the models were made for it.
_MINUTES = 10


def _parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scoreboard",
        description="Train every registered model on the embedded faces for "
        "its own demonstration's steps, about ten minutes of two cores each, "
        "measure it against the truth, and write a page of Markdown.",
        epilog="Exit code: 0, done; 1, a training failed, its row says why; 2, "
        "wrong use; 130, stopped by Ctrl-C: the same command continues.",
    )
    parser.add_argument(
        "--ablation",
        action="store_true",
        help="also CycleGAN with parts of its loss, as in the paper",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="these rows; an unknown name lists all",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--minutes",
        type=float,
        default=_MINUTES,
        help="about so long for each on two cores: scales the steps, so that "
        f"the result does not depend on the machine (default: {_MINUTES})",
    )
    budget.add_argument(
        "--steps", type=flags.integer(1), help="the same for all"
    )
    parser.add_argument("--seed", type=flags.integer(0), default=0)
    parser.add_argument(
        "--count",
        type=flags.integer(1),
        default=200,
        metavar="IMAGES",
        help="images of each side for KID (default: 200)",
    )
    parser.add_argument(
        "--work-dir",
        type=files.expanded,
        metavar="DIR",
        help="receives a run folder each (default: runs/scoreboard)",
    )
    parser.add_argument(
        "--output",
        type=files.expanded,
        metavar="FILE",
        help="the page (default: tests/benchmarks/SCOREBOARD.md; of --quick "
        "SCOREBOARD.md in the work folder)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few steps of tiny models, without KID and attributes: whether "
        "it runs",
    )
    return parser.parse_args(argv)


def _chosen(arguments):
    """Return the entries of each section.

    Raises:
        UserError: if a row is unknown, or the minutes are not above 0.
    """
    if not arguments.minutes > 0:
        raise UserError(
            f"minutes must be above 0. Received: {arguments.minutes}"
        )
    sections = {page.MODELS: entries.models()}
    if arguments.ablation:
        sections[page.ABLATION] = entries.ablation()
    if not arguments.only:
        return sections
    known = dict.fromkeys(e.key for rows in sections.values() for e in rows)
    unknown = [name for name in arguments.only if name not in known]
    if unknown:
        raise UserError(
            f"only must be names among {', '.join(known)}. "
            f"Received: {', '.join(unknown)}"
        )
    sections = {
        name: [e for e in rows if e.key in arguments.only]
        for name, rows in sections.items()
    }
    return {name: rows for name, rows in sections.items() if rows}


def _settings(sections, arguments):
    """Return what each row is trained with, by key."""
    return children.call(
        entries.all_settings,
        [entry for rows in sections.values() for entry in rows],
        arguments.minutes / _MINUTES,
        arguments.steps,
        arguments.seed,
        arguments.quick,
    )


def _row(entry, settings, arguments, folder):
    """Train and measure; return the figures, or what went wrong."""
    steps = settings["steps"]
    folder = folder / f"{entry.key}-{steps}-seed{arguments.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "output.txt"
    result = runs.result(folder)
    made, earlier = (
        runs.read(folder, f"{name}.json") for name in ("arguments", "memory")
    )
    is_done = result.get("step") == steps and made and earlier
    made = made and made["model_arguments"] | made["compile_arguments"]
    if not (is_done and made == settings["set"]):
        print(f"{entry.title}: {steps} steps, see {log}", flush=True)
        code, memory = children.run(
            ["keras_gans.train", *entries.command(settings, folder)], log
        )
        # Of a run that was continued, the larger part.
        memory = max(memory, earlier["bytes"] if earlier else 0)
        runs.write(folder, "memory.json", {"bytes": memory})
        if code:
            return f"failed: {children.reason(log)}"
    for weights, place in figures.places(folder).items():
        if arguments.quick or runs.read(place, "metrics.json"):
            continue
        code, _ = children.run(
            [
                *("keras_gans.evaluate", "--run-dir", str(folder)),
                *("--weights", weights, "--metrics", "kid"),
                *("--count", str(arguments.count)),
            ],
            log,
        )
        if code:
            print(f"{entry.title}: not measured: {children.reason(log)}")
    return figures.read(folder)


@streams.outlasting
def main(argv=None):
    """Run the command; return its exit code.

    0: done; 1: a training failed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parse_arguments(argv)
    folder = pathlib.Path(arguments.work_dir or "runs/scoreboard")
    output = pathlib.Path("tests/benchmarks/SCOREBOARD.md")
    if arguments.quick:
        folder /= "quick"
        output = folder / "SCOREBOARD.md"
    output = pathlib.Path(arguments.output or output)
    command = shlex.join(["python", "-m", "tests.benchmarks.scoreboard", *argv])
    try:
        chosen = _chosen(arguments)
        files.check_ours(output, page.START, "output")
        settings = _settings(chosen, arguments)
        found, sections = {}, {}
        for heading, rows in chosen.items():
            sections[heading] = []
            for entry in rows:
                if entry.key not in found:
                    found[entry.key] = _row(
                        entry, settings[entry.key], arguments, folder
                    )
                # After each, as all of them take hours.
                sections[heading].append((entry, found[entry.key]))
                page.write(output, command, sections)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command continues", file=sys.stderr)
        return 130
    print(f"wrote {shown(output)}")
    return int(any(isinstance(row, str) for row in found.values()))


if __name__ == "__main__":
    sys.exit(main())
