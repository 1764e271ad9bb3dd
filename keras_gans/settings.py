"""Settings of a run: turn flags into a model and its data.

Settings are a dict of plain JSON values, recorded in run folders and exports:
the flags of `keras_gans.train` by name, with defaults; `model_arguments` and
`compile_arguments` from `--set`; and values that depend on the data, such as
the labels.
"""

import ast
import inspect
import json
import os

from keras_gans import datasets, files, registry, style_images
from keras_gans.checks import UserError
from keras_gans.inspection import findings

# Exceptions of `ast.literal_eval`, by its documentation.
_NO_LITERAL = (
    *(ValueError, SyntaxError, TypeError, MemoryError, RecursionError),
)


def kind_of(settings):
    """Return the data class for the model in the settings."""
    model_class = registry.get(settings["model"])
    return datasets.kind_of(model_class, settings.get("labels"))


def resolve(flags):
    """Return the settings for the given flags.

    Args:
        flags: dict, the flags of `keras_gans.train` by name, None where not
            given.

    Returns:
        dict. `steps` or `epochs` is None, as the length of an epoch depends
        on the data.

    Raises:
        UserError: if the model or a key of `--set` is unknown, or the data
            are not named correctly.
    """
    settings = dict(flags)
    model_class = registry.get(settings["model"])
    kind = kind_of(settings)
    kind.resolve(settings)
    options = parse_options(settings.pop("set"), model_class)
    # Other names for `--set ema=...` and `--set style=...`.
    for name in ("ema", "style"):
        value = settings.pop(name)
        if value is not None:
            if name not in registry.options(model_class):
                raise UserError(
                    f"{name} must be left out for {settings['model']}, which "
                    f"has none. Received: {value!r}"
                )
            options[name] = value
    # The recipe may depend on other arguments.
    given = {
        name: settings[name]
        for name in ("image_size", "batch_size")
        if settings.get(name) is not None
    }
    is_demonstration = settings[kind.sources[0]] is None
    if not is_demonstration:
        given |= kind.known_arguments(settings)
        for name in model_class.needed:
            if name not in options:
                raise UserError(
                    f"{name} must be given where data are, for "
                    f"{settings['model']}. Received: None"
                )
    defaults = {
        "precision": "float32",
        "held_out": datasets.SHOWN,
        "run_dir": f"runs/{settings['model']}",
        "export_dir": f"saved_models/{settings['model']}",
    } | model_class.default_settings(is_demonstration, **options, **given)
    chosen = defaults.pop("set", {})
    weights = options.get("loss_weights")
    if isinstance(weights, dict):
        # One weight leaves the demonstration's others as they are.
        options["loss_weights"] = chosen.get("loss_weights", {}) | weights
    options = chosen | options
    of_compile = inspect.signature(model_class.compile).parameters
    for name, is_of_compile in (
        ("model_arguments", False),
        ("compile_arguments", True),
    ):
        settings[name] = {
            key: value
            for key, value in options.items()
            if (key in of_compile) == is_of_compile
        }
    if settings["steps"] and settings["epochs"]:
        raise UserError(
            "steps must be given alone, or epochs. Received: "
            f"steps={settings['steps']}, epochs={settings['epochs']}"
        )
    if settings["steps"] or settings["epochs"]:
        defaults |= {"steps": None, "epochs": None}
    for name, value in defaults.items():
        if settings.get(name) is None:
            settings[name] = value
    return settings


def parse_options(options, model_class):
    """Parse `KEY=VALUE` texts of a model; see `parse_values`."""
    return parse_values(options, registry.options(model_class))


def parse_values(options, valid):
    """Parse `KEY=VALUE` texts as a dict; values are Python literals.

    Raises:
        UserError: if one has no value, or a key that is not `valid`.
    """
    parsed = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or key not in valid:
            raise UserError(
                f"set must be KEY=VALUE with a key among {', '.join(valid)}. "
                f"Received: {option!r}"
            )
        try:
            parsed[key] = ast.literal_eval(text)
        except _NO_LITERAL:
            if text.strip()[:1] in ("{", "[", "(", "'", '"'):
                raise UserError(
                    "set must have words in quotes within a dict or list, and "
                    "all of it in quotes of the shell, such as "
                    "--set \"loss_weights={'cycle': 5}\". "
                    f"Received: {option!r}"
                ) from None
            parsed[key] = text  # a word, such as dcgan
        try:
            # As arguments.json will have them, where tuples are lists.
            parsed[key] = json.loads(json.dumps(parsed[key]))
        except TypeError as error:
            raise UserError(
                f"set must be numbers, texts, lists or dicts ({error}). "
                f"Received: {option!r}"
            ) from None
    return parsed


def open_data(settings):
    """Open the data of a run without decoding images.

    Raises:
        UserError: if a side cannot be opened.
    """
    # The first held-out images are those of the sample grids, however many.
    held_out = settings.get("held_out") or datasets.SHOWN
    return kind_of(settings).open(settings, held_out)


def settled(settings, data):
    """Add settings that depend on the data; log warnings about the data.

    Args:
        settings: dict, as of `resolve`.
        data: `datasets.Data`, opened and prepared.

    Returns:
        dict with `epochs` converted to `steps`.
    """
    findings.warn(data.sides, settings["image_size"], data.are_alike)
    settings = settings | data.recorded()
    epochs = settings.pop("epochs")
    if epochs:
        settings["steps"] = data.steps_of(epochs)
    return settings


def departures(settings, data):
    """Return what a run does otherwise than the published recipe.

    Args:
        settings: dict, as of `settled`.
        data: `datasets.Data`.

    Returns:
        dict from names of settings to pairs of the value here and the
        published one, None where that has no number.
    """
    model_class = registry.get(settings["model"])
    options = settings["model_arguments"] | settings["compile_arguments"]
    published = model_class.default_settings(
        **kind_of(settings).model_arguments(settings),
        **options,
        # The sizes that a model grows to must fit the one here.
        image_size=settings["image_size"],
    )
    if not published["steps"]:
        published["steps"] = data.steps_of(published["epochs"])
    published["precision"] = "float32"
    recipe = model_class.recipe_of(options.get("architecture"))
    pairs = {
        name: (settings[name], published[name])
        for name in ("image_size", "batch_size", "steps", "precision")
    }
    for function in (model_class.__init__, model_class.compile):
        for name, parameter in inspect.signature(function).parameters.items():
            if name in options and name != "architecture":
                value = options[name]
                usual = getattr(recipe, f"default_{name}", parameter.default)
                if isinstance(value, dict) and isinstance(usual, dict):
                    usual = {key: usual.get(key) for key in value}
                pairs[name] = value, usual
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def check_files(settings):
    """Check files that a new model reads, before data are prepared.

    Raises:
        UserError: if one cannot be read.
    """
    arguments = settings["model_arguments"]
    if "style" in arguments:
        style_images.read(arguments["style"])
    for name in ("perceptual_weights", "vgg_weights"):
        path = arguments.get(name)
        if path not in (None, "imagenet") and not os.path.isfile(
            files.expanded(str(path))
        ):
            raise UserError(
                f"{name} must be a file that exists. Received: {path!r}"
            )


def build_model(settings, is_saved=False):
    """Build and compile the model for the settings.

    With `is_saved`, all its weights will be loaded: none is read from
    elsewhere, nor the style image.
    """
    import keras

    keras.utils.set_random_seed(settings["seed"])
    precision = settings["precision"]
    keras.config.set_dtype_policy(
        precision if precision == "float32" else f"mixed_{precision}"
    )
    arguments = dict(settings["model_arguments"])
    if is_saved:
        read = filter(arguments.get, ("backbone_weights", "style"))
        arguments |= dict.fromkeys(read, "saved")
    model = registry.get(settings["model"])(
        image_size=settings["image_size"],
        **kind_of(settings).model_arguments(settings),
        **arguments,
    )
    model.compile(
        total_steps=settings["steps"],
        jit_compile={"on": True, "off": False}.get(settings.get("jit"), "auto"),
        recompute=settings.get("recompute", False),
        steps_per_execution=settings.get("steps_per_execution", 1),
        **settings["compile_arguments"],
    )
    return model
