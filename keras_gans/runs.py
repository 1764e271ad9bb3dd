"""Create, check and read the folder of a training run.

runs/cyclegan/
    arguments.json      the settings that made the run
    log.csv  events/    means of the loss terms, for people, TensorBoard
    samples/            sample grids by step
    checkpoints/        whole states by step
    result.json         written at the end: step, export, metrics
"""

import logging
import os
import pathlib
import re

from keras_gans import checks, files, registry
from keras_gans.checks import UserError, shown

logger = logging.getLogger("keras_gans")

# Settings that do not change what a step computes; the others must be the
# same when a run is continued.
FREE_TO_CHANGE = (
    "steps",
    "save_every",
    "keep",
    "log_every",
    "evaluate_every",
    "best",
    "run_dir",
    "export_dir",
    # The same up to rounding.
    *("deterministic", "strategy", "jit", "recompute", "steps_per_execution"),
    "images",  # see `warn_of_changes`
)
# Files that our commands write into a run folder.
_WRITTEN = {
    *("arguments.json", "log.csv", "events", "samples", "checkpoints"),
    *("result.json", "metrics.csv", "metrics_protocol.json", "metrics.json"),
    *("examples", "report.html", "trained", "memory.json", "output.txt"),
}


# Types of settings by name, to check files of other people.
_TYPES = {
    **dict.fromkeys(
        ("model", "precision", "data_a", "data_b", "init_from"), str
    ),
    **dict.fromkeys(
        ("model_arguments", "compile_arguments", "sketch_style"), dict
    ),
    **dict.fromkeys(("data", "labels", "exclusive"), list),
}
_MOST = {
    "image_size": checks.MOST_SIDE,
    "batch_size": 2**16,
    **dict.fromkeys(("held_out", "critic_steps", "steps"), 2**31),
}
# Sources that are not local folders: downloaded data sets and shares; also
# of a domain, NAME=SOURCE.
_ELSEWHERE = re.compile(r"([^/\\:=]*=)?((?!faces:)\w\w+:|[/\\]{2})")


def prepare(folder, settings, restart=False, decays=False):
    """Create a run folder, or open one with the same settings.

    Args:
        folder: path of the run folder.
        settings: dict of plain JSON values, the resolved settings.
        restart: move an earlier run aside, to `folder.1` and so on.
        decays: whether the schedule depends on the total number of steps; if
            so, `steps` may not change on resume.

    Returns:
        `files.Lock` of the folder, to be kept while the run writes.

    Raises:
        UserError: if another process trains in the folder, it holds a run
            with other settings, or, with `restart`, something other than a
            run.
        OSError: if it cannot be written.
    """
    folder = pathlib.Path(folder)
    if restart and folder.exists():
        _move_aside(folder)
    lock = files.hold(folder, "run_dir")
    try:
        earlier = begun(folder)
    except UserError as error:
        raise UserError(
            f"{error}: delete it to continue with the settings of this "
            "command, or give --restart"
        ) from None
    if earlier is not None:
        free = {*FREE_TO_CHANGE} - ({"steps"} if decays else set())
        differences = [
            f"{name}: {earlier.get(name)!r} there, {settings.get(name)!r} now"
            for name in sorted({*earlier, *settings} - free)
            if not are_same(earlier.get(name), settings.get(name))
        ]
        if differences:
            raise UserError(
                f"run_dir must be continued with the settings that it was "
                f"started with. Received: {str(folder)!r}, which differs in "
                + "; ".join(differences)
                + ". Give another --run-dir, or --restart to start over and "
                "keep the old run beside it; where images were moved, write "
                f"their new place into {folder / 'arguments.json'}"
            )
        # Those that the run began with: what was held out is of them.
        warn_of_changes(earlier, settings)
        if "images" in earlier:
            settings = settings | {"images": earlier["images"]}
    write(folder, "arguments.json", settings)
    return lock


def warn_of_changes(earlier, settings):
    """Warn if folders of images have changed since a run began.

    Which images are held out follows from their number and order.

    Args:
        earlier: dict, the settings that the run recorded.
        settings: dict, those of the same data, opened now.
    """
    before, now = earlier.get("images"), settings.get("images")
    if isinstance(before, dict) and before != now:
        changed = ", ".join(
            f"{shown(name)} ({shown(before.get(name))}; now {images})"
            for name, images in now.items()
            if before.get(name) != images
        )
        logger.warning(
            "images have changed since the run began, so that some of those "
            "held out now were trained on: %s",
            changed,
        )


def are_same(one, other):
    """Tell whether two settings are equal, or lead to the same folders."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        one, other = _place(one), _place(other)
    return one == other


def _place(source):
    """Return a source with its folder in full: `NAME=FOLDER#half`."""
    name, equals, folder = source.rpartition("=")
    folder, mark, half = folder.partition("#")
    folder = os.path.abspath(files.expanded(folder))
    return "".join((name, equals, folder, mark, half))


def begun(folder):
    """Return the settings of a run that has made something, or None.

    One that ended in its first steps, such as for lack of memory, has not:
    the same command may come again with other settings.

    Raises:
        UserError: if they are damaged.
    """
    folder = pathlib.Path(folder)
    made = [*folder.glob("log.csv*"), *folder.glob("checkpoints/*")]
    return read(folder, "arguments.json") if made else None


def _move_aside(folder):
    """Rename a folder that holds a run and nothing else; leave an empty one."""
    place = folder.resolve()  # what a link leads to
    found = {path.name for path in place.iterdir()}
    found = {name for name in found if ".unfinished" not in name}
    if not found:
        return
    try:
        earlier = read(place, "arguments.json") or {}
        is_run = "model" in earlier
    except UserError:  # a damaged one is a reason to start over
        earlier, is_run = {}, True
    export = pathlib.Path(str(earlier.get("export_dir"))).resolve()
    others = sorted(
        name
        for name in found
        if name.partition(".damaged")[0] not in _WRITTEN
        and place / name not in (export, *export.parents)
    )
    lock = files.hold(folder, "run_dir")
    try:
        if not is_run:
            reason = "which holds no run"
        elif place in (pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
            reason = "in which this command was started"
        elif others:
            reason = f"which also holds {', '.join(map(repr, others[:3]))}"
        else:
            number = 1
            while place.with_name(f"{place.name}.{number}").exists():
                number += 1
            place.rename(place.with_name(f"{place.name}.{number}"))
            return
    except OSError as error:  # such as of a mount point
        reason = f"which cannot be moved ({error.strerror})"
    finally:
        lock.release()
    raise UserError(
        "run_dir must be the folder of an earlier run and of nothing else "
        f"for --restart, which moves it aside. Received: {str(folder)!r}, "
        f"{reason}. Give another --run-dir"
    )


def read(folder, name):
    """Read a JSON file of the run folder; None if it does not exist."""
    return files.read_json(pathlib.Path(folder, name))


def check_recorded(settings, place):
    """Check the settings recorded in a file before they are used.

    The file may come from a stranger: types must be correct, numbers are
    bounded, and a model gets only the arguments that `--set` allows.

    Args:
        settings: dict of plain values.
        place: what an error message calls the file.

    Returns:
        dict, the settings without arguments of `compile()` that there are
        not, or no longer: they change the training, not what was trained.

    Raises:
        UserError: naming the file and the setting.
    """

    def refuse(name, rule):
        raise UserError(
            f"{place} must be one that keras_gans.train wrote, with {rule} "
            f"for {name}. Received: {str(settings.get(name))[:100]!r}"
        )

    for name, expected in _TYPES.items():
        value = settings.get(name)
        if value is not None and not isinstance(value, expected):
            refuse(name, f"a {expected.__name__}")
    for name in ("data", "labels", "exclusive"):
        texts = settings.get(name) or []
        if name != "data":
            if not all(isinstance(names, list) for names in texts):
                refuse(name, "lists of names")
            texts = sum(texts, [])
        if not all(isinstance(text, str) for text in texts):
            refuse(name, "names")
    try:
        for name, most in _MOST.items():
            if settings.get(name) is not None:
                checks.between(1, most, **{name: settings[name]})
        if settings.get("seed") is not None:
            checks.seed(settings["seed"])
        if settings.get("model") is not None:
            valid = registry.options(registry.get(settings["model"]))
            for name in settings.get("model_arguments") or {}:
                checks.one_of(valid, **{"a key of model_arguments": name})
            compiled = settings.get("compile_arguments")
            if compiled:
                compiled = {n: v for n, v in compiled.items() if n in valid}
                settings = settings | {"compile_arguments": compiled}
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    return settings


def check_data(settings, named=()):
    """Check that recorded data may be opened without being named again.

    A run folder or an export may come from a stranger. Embedded faces and
    local folders are opened; anything else, such as a download, only if the
    user names it again.

    Args:
        settings: dict, the settings that a folder or an export records.
        named: sources that the command names now.

    Raises:
        UserError: in one line that says which flags to pass.
    """
    names = [n for n in ("data", "data_a", "data_b") if settings.get(n)]
    flags = " and ".join(f"--{name.replace('_', '-')}" for name in names)
    if settings.get("sketch_style"):
        flags = "--data"  # of the photographs, both sides
    for name in names:
        value = settings[name]
        for spec in value if isinstance(value, list) else [value]:
            if _ELSEWHERE.match(str(spec)) and spec not in named:
                raise UserError(
                    f"{name} is recorded as {spec!r}, which is opened only if "
                    f"it is named again: give {flags}"
                )


def is_elsewhere(settings):
    """Tell whether recorded data must be named again to be opened."""
    try:
        check_data(settings)
    except UserError:
        return True
    return False


def result(folder):
    """Return the content of `result.json` of a run, or an empty dict.

    A damaged file causes a warning; the end of the run writes a new one.
    """
    try:
        content = read(folder, "result.json") or {}
        if content and not isinstance(content.get("step"), int):
            raise UserError(
                f"{pathlib.Path(folder, 'result.json')} is damaged (no step)"
            )
    except UserError as error:
        logger.warning("%s; it counts as missing", error)
        return {}
    return content


def write(folder, name, content):
    """Write a JSON file of the run folder."""
    files.write_json(pathlib.Path(folder, name), content)
