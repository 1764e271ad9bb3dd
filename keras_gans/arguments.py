"""The arguments of `python -m keras_gans.train`, as plain settings."""

import argparse
import ast
import inspect

from keras_gans import registry

# The settings of the run without data arguments: what two cores train in
# about ten minutes.
DEMONSTRATION = {
    "data_a": "faces:photo",
    "data_b": "faces:anime",
    "batch_size": 16,
    "steps": 1500,
}
ARTICLE_STEPS = 100_000
DATA_KINDS = ("unpaired",)

# Measured with the article's model at batch 16, three runs of 32 steps each
# with and without on two cores: all six ended with the same bits, mean step
# 1.07 s with and 1.07 s without.
DETERMINISM = (
    "on a CPU this cost nothing that could be measured, and runs were equal "
    "without it, too; on a GPU, where it was not tried, TensorFlow documents "
    "that runs differ without it and that steps get slower"
)


def _integer(least):
    """Return an argparse type: an integer from `least` up."""

    def read(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"must be an integer from {least} up. Received: {text!r}"
            )
        return value

    return read


def parse_arguments(argv=None):
    """Return the arguments as a namespace, defaults resolved."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.train",
        description="Train an image-translation GAN. Without --data-a and "
        "--data-b it runs the demonstration: the article's CycleGAN on the "
        "embedded faces, about ten minutes on two cores.",
    )
    data = parser.add_argument_group("data")
    source = (
        "a folder of pictures (jpg, jpeg, png, bmp, gif, webp; subfolders "
        "included), tfds:NAME/CONFIG@SPLIT, or faces:photo, faces:anime, "
        "faces:sketch"
    )
    data.add_argument("--data-a", metavar="SOURCE", help=f"domain a: {source}")
    data.add_argument("--data-b", metavar="SOURCE", help="domain b: likewise")
    data.add_argument(
        "--image-size",
        type=_integer(1),
        metavar="PIXELS",
        help="side of the square pictures (default: the model's own, 64 for "
        "cyclegan)",
    )
    model = parser.add_argument_group("model and training")
    model.add_argument(
        "--model",
        default="cyclegan",
        help=f"one of {', '.join(registry.names())} (default: cyclegan)",
    )
    model.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an argument of the model or its compile(), such as "
        "base_filters=32 or loss_weights=\"{'cycle': 5}\"; may be repeated",
    )
    model.add_argument(
        "--batch-size",
        type=_integer(1),
        metavar="PICTURES",
        help="pictures of each domain in a step (default: the model's own, "
        f"64 for cyclegan; {DEMONSTRATION['batch_size']} in the "
        "demonstration)",
    )
    model.add_argument(
        "--steps",
        type=_integer(1),
        help="training steps in all, earlier ones of a continued run "
        f"included (default: {ARTICLE_STEPS}, or {DEMONSTRATION['steps']} in "
        "the demonstration)",
    )
    model.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="arithmetic of the networks; weights and losses stay float32 "
        "(default: float32)",
    )
    model.add_argument(
        "--seed",
        type=_integer(0),
        default=0,
        help="first weights, order and augmentation of the data (default: 0)",
    )
    model.add_argument(
        "--deterministic",
        action="store_true",
        help="the same bits in every run on one machine with one version of "
        f"TensorFlow; {DETERMINISM}",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--run-dir",
        metavar="DIR",
        help="checkpoints, samples and logs (default: runs/MODEL)",
    )
    output.add_argument(
        "--export-dir",
        metavar="DIR",
        help="SavedModel versions (default: saved_models/MODEL)",
    )
    output.add_argument(
        "--save-every",
        type=_integer(1),
        default=500,
        metavar="STEPS",
        help="between two checkpoints and sample grids (default: 500)",
    )
    output.add_argument(
        "--log-every",
        type=_integer(1),
        default=50,
        metavar="STEPS",
        help="between two rows of log.csv (default: 50)",
    )
    output.add_argument(
        "--keep",
        type=_integer(1),
        default=3,
        metavar="CHECKPOINTS",
        help="newest checkpoints that stay (default: 3)",
    )
    output.add_argument(
        "--restart",
        action="store_true",
        help="start over; an earlier run stays beside as DIR.1, DIR.2, ...",
    )
    output.add_argument(
        "--dry-run",
        action="store_true",
        help="check settings and data, then try one real step, one save, one "
        "load and one export in a temporary folder, and stop",
    )
    return parser.parse_args(argv)


def resolve(settings):
    """Return parsed arguments with every default filled in.

    Args:
        settings: dict, the arguments by name, None where not given.

    Returns:
        dict of plain values; `set` is now a dict.

    Raises:
        ValueError: if the model, or a key of `--set`, is unknown, or one
            side of the data is missing.
    """
    model_class = registry.get(settings["model"])
    if model_class.data_kind not in DATA_KINDS:
        raise ValueError(
            "model must be one that learns from "
            f"{' or '.join(DATA_KINDS)} data, which is what this command "
            f"reads so far. Received: {settings['model']!r}, which learns from "
            f"{model_class.data_kind} data: train it with model.fit()"
        )
    settings = dict(settings)
    if bool(settings["data_a"]) != bool(settings["data_b"]):
        missing = "data_b" if settings["data_a"] else "data_a"
        raise ValueError(
            f"{missing} must be given when the other side is. "
            f"Received: {missing}={settings[missing]!r}"
        )
    settings["set"] = parse_options(settings["set"], model_class)
    # The recipe may depend on the model's other arguments.
    defaults = model_class.default_settings(**settings["set"])
    defaults["steps"] = ARTICLE_STEPS
    if settings["data_a"] is None:
        defaults |= DEMONSTRATION
    for name, value in defaults.items():
        if settings[name] is None:
            settings[name] = value
    settings["run_dir"] = settings["run_dir"] or f"runs/{settings['model']}"
    settings["export_dir"] = (
        settings["export_dir"] or f"saved_models/{settings['model']}"
    )
    return settings


def parse_options(options, model_class):
    """Return `KEY=VALUE` texts as a dict, values read as Python literals."""
    init = inspect.signature(model_class.__init__).parameters
    valid = [
        name
        for name, parameter in init.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name not in ("self", "name", "image_size")
    ] + ["adversarial_loss", "loss_weights", "learning_rate"]
    parsed = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or key not in valid:
            raise ValueError(
                f"set must be KEY=VALUE with a key among {', '.join(valid)}. "
                f"Received: {option!r}"
            )
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text  # a word, such as dcgan
    return parsed
