"""Open the subject of an evaluation: a run, an export or two folders."""

import functools
import pathlib
import typing

from keras_gans import datasets, evaluation, registry, runs
from keras_gans import settings as run_settings
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.evaluation import cases, extractors, folders, translators
from keras_gans.faces import truth
from keras_gans.serving import loading


class Subject(typing.NamedTuple):
    """The subject of an evaluation: images, functions and result folder.

    Attributes:
        what: str, a description in one line.
        folder: `pathlib.Path`, receives the results.
        cases: dict from direction to `cases.Case`.
        sides: dict from name to the `Pictures` of the data.
        image_size: int, pixels.
        verbs: dict from name to `Verb` on arrays, see `translators`.
        step: int or None, of the checkpoint.
        truth: function without arguments that measures against the true
            drawings; returns the result of `truth.of_verbs`.
        trained_on: function from a number to as many images that the model
            was trained on; None where the reals may be among them.
    """

    what: str
    folder: pathlib.Path
    cases: dict
    sides: dict
    image_size: int
    verbs: dict = {}
    step: int | None = None
    truth: typing.Callable = dict
    trained_on: typing.Callable | None = None


def opened(arguments):
    """Open the subject named by the arguments of the command.

    Args:
        arguments: dict, the arguments of `keras_gans.evaluate` by name.

    Returns:
        `Subject`.

    Raises:
        UserError: in one line, if they contradict each other or something
            cannot be opened.
    """
    names = [n for n in ("run_dir", "model", "real") if arguments[n]]
    if len(names) > 1 or bool(arguments["real"]) != bool(arguments["fake"]):
        raise UserError(
            "run_dir, model, or real and fake must be given, one of them. "
            f"Received: {', '.join(names) or 'fake'}"
        )
    if arguments["real"] and _named(arguments):
        raise UserError(
            "data must be left out with real and fake, which are measured as "
            "they are"
        )
    for name, default in datasets.FLAGS.items():
        if not _named(arguments) and arguments[name] != default:
            raise UserError(
                f"{name} must be left out without data, which it is of. "
                f"Received: {arguments[name]!r}"
            )
    if arguments["weights"] == "trained" and names not in ([], ["run_dir"]):
        raise UserError(
            "weights must be average, the default, but for a run. "
            "Received: 'trained'"
        )
    if arguments["real"]:
        return _folders(arguments)
    model = arguments["model"]
    if model and pathlib.Path(model, "arguments.json").is_file():
        return _run(arguments | {"run_dir": model, "model": None})
    if model:
        return _export(arguments)
    return _run(arguments)


def _folders(arguments):
    real, fake = arguments["real"], arguments["fake"]
    found, sides = folders.between(
        real, fake, arguments["image_size"], arguments["count"]
    )
    size = arguments["image_size"] or 1
    what = f"{fake} beside {real}"
    return Subject(what, _folder(arguments), found, sides, size)


def _folder(arguments):
    """Return the folder for results that belong to no run."""
    report = arguments["report"]
    return pathlib.Path(report).parent if report else pathlib.Path("evaluation")


def _export(arguments):
    path = arguments["model"]
    translator = loading.load(path)
    about = translator.about
    settings = about.get("settings") or {}
    runs.check_recorded(settings, f"{path} (model.json)")
    labels = about["config"].get("labels")
    kind = datasets.kind_of(registry.get_class(about["model"]), labels)
    labels = labels or [None]
    settings = {
        "seed": 0,
        "image_size": about["image_size"],
        "labels": labels if isinstance(labels[0], list) else [labels],
        **settings,
    }
    data, found, trained_on = _measured_on(
        arguments, settings, kind, translator.verbs.values()
    )
    return Subject(
        f"{path}" + (f", step {about['step']}" if about.get("step") else ""),
        _folder(arguments),
        found,
        data.sides,
        data.settings["image_size"],
        translator.verbs,
        about.get("step"),
        trained_on=trained_on,
    )


def _run(arguments):
    folder = pathlib.Path(arguments["run_dir"] or "runs/cyclegan")
    settings = runs.read(folder, "arguments.json")
    if settings is None:
        raise UserError(
            "run_dir must be the folder of a run, with arguments.json. "
            f"Received: {str(folder)!r}"
        )
    settings = runs.check_recorded(settings, folder / "arguments.json")
    try:
        model = run_settings.build_model(settings, is_saved=True)
    except UserError:
        raise
    # Settings of somebody else may be of any kind.
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise UserError(
            "run_dir must have the arguments.json that keras_gans.train wrote. "
            f"Received: {str(folder)!r} ({type(error).__name__}: {error})"
        ) from error
    step = checkpoints.restore(model, folder / "checkpoints")
    if not step:
        raise UserError(
            f"run_dir must hold a checkpoint. Received: {str(folder)!r}"
        )
    what = f"{folder}, step {step}"
    if arguments["weights"] == "trained":
        # Its moving statistics are those of the training images.
        given = _given(arguments, settings, run_settings.kind_of(settings))
        runs.check_data(settings, _sources(given))
        _take_trained(model, settings, step)
        what, folder = f"{what}, weights as trained", folder / "trained"
    kind = run_settings.kind_of(settings)
    verbs = translators.of_model(model)
    data, found, trained_on = _measured_on(
        arguments, settings, kind, verbs.values()
    )
    return Subject(
        what,
        folder,
        found,
        data.sides,
        data.settings["image_size"],
        verbs,
        step,
        dict
        if _named(arguments)
        else functools.partial(
            truth.of_verbs, model.verbs(), data, extractors.classifier
        ),
        trained_on,
    )


def _take_trained(model, settings, step):
    """Replace the averaged weights of the model by the trained ones."""
    if model.averages is None:
        raise UserError(
            "weights must be average, the default, for a run without --ema, "
            "which has no others. Received: 'trained'"
        )
    from keras_gans.callbacks import statistics

    model.averages.put(False)
    model.averages = None
    # The moving statistics are of the average, and so is the calibration.
    data = run_settings.open_data(settings)
    statistics.refresh(model, data.batches(step).take(statistics.BATCHES))
    if not data.are_seen:
        model.calibrate(data.batches(repeat=False))


def _given(arguments, settings, kind):
    """Return the data named by the arguments, as settings, or nothing.

    Photographs are drawn as those of the run were, if nothing else is asked
    for.
    """
    if not _named(arguments):
        return {}
    given = {name: arguments[name] for name in datasets.FLAGS}
    if given["data"] and given["sketch_style"] is None:
        given["sketch_style"] = settings.get("sketch_style")
    kind.resolve(given)
    return given


def _sources(given):
    """Return the sources in the data named by the arguments."""
    sides = [given.get("data_a"), given.get("data_b")]
    return [*filter(None, sides), *(given.get("data") or [])]


def _named(arguments):
    """Tell whether the arguments name test images."""
    return any(arguments[name] for name in ("data", "data_a", "data_b"))


def _measured_on(arguments, settings, kind, verbs):
    """Return the data, the cases and `trained_on` for measuring a model."""
    size = arguments["image_size"] or settings["image_size"]
    if not isinstance(size, int):
        raise UserError(
            "image_size must be one number, as data are square; this model's "
            f"images are not. Received: {size}"
        )
    settings = settings | {"image_size": size}
    count = arguments["count"] or evaluation.COUNT
    given = _given(arguments, settings, kind)
    if not given and not settings.get(kind.sources[0]):
        raise UserError(
            "data, or data_a and data_b, must be given: the model does not "
            "say what it was trained on"
        )
    labels = settings.get("labels")
    if given.get("labels", labels) not in (None, labels):
        raise UserError(
            f"labels must be those of the model, {labels}. "
            f"Received: {given['labels']}"
        )
    read = *kind.sources, "sketch_style"
    given = {name: given[name] for name in read if name in given}
    are_known = all(runs.are_same(given[n], settings.get(n)) for n in given)
    named = _sources(given)
    trained_on = functools.partial(cases.trained_on, kind, settings, named)
    if not given or are_known and runs.is_elsewhere(settings):
        # Named again only to be opened: measured is what the run held out.
        data = cases.data_of_run(settings, named=named)
        return data, data.cases(verbs, count), trained_on
    data = kind.open(settings | given)
    if are_known:
        what, trained_on = "most of them TRAINED ON", None
    else:
        what = "test images"
    return data, data.cases(verbs, count, what), trained_on
