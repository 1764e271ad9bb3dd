"""The arguments of `python -m keras_gans.train`, as plain settings."""

import argparse
import ast

from keras_gans import data_arguments, files, registry
from keras_gans.checks import UserError
from keras_gans.training import devices

# Measured with the article's model at batch 16, three runs of 32 steps each
# with and without on two cores: all six ended with the same bits, mean step
# 1.07 s with and 1.07 s without.
DETERMINISM = (
    "on a CPU this cost nothing that could be measured, and runs were equal "
    "without it, too; on a GPU, where it was not tried, TensorFlow documents "
    "that runs differ without it and that steps get slower"
)


# What `ast.literal_eval` raises, by its documentation.
_NO_LITERAL = (
    *(ValueError, SyntaxError, TypeError, MemoryError, RecursionError),
)


def parse_arguments(argv=None):
    """Return the arguments as a namespace, defaults resolved."""
    parser = argparse.ArgumentParser(
        prog="python -m keras_gans.train",
        description="Train an image-translation GAN. Without data it runs a "
        "demonstration on the embedded faces: with the article's CycleGAN, "
        "the default, ten to eleven minutes on two cores.",
    )
    data_arguments.add(parser.add_argument_group("data"))
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
        type=data_arguments.integer(1),
        metavar="PICTURES",
        help="pictures of each domain in a step (default: the model's own, "
        "such as 64 for cyclegan and 1 for pix2pix; demonstrations have "
        "theirs)",
    )
    model.add_argument(
        "--steps",
        type=data_arguments.integer(1),
        help="training steps in all, earlier ones of a continued run "
        "included (default: the model's own, 100000 for cyclegan; 200 epochs "
        "for pix2pix and architecture=resnet; demonstrations have theirs)",
    )
    model.add_argument(
        "--epochs",
        type=data_arguments.integer(1),
        help="in place of --steps: passes through the larger side",
    )
    model.add_argument(
        "--ema",
        type=float,
        metavar="DECAY",
        help="such as 0.999: keep a moving average of the generator's "
        "weights, which is what samples, exports and measurements are of "
        "(default: none)",
    )
    model.add_argument(
        "--augment-discriminator",
        metavar="POLICY,...",
        help="for few pictures: change what discriminators see, out of color, "
        "translation, cutout (default: nothing)",
    )
    model.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="arithmetic of the networks; weights and losses stay float32 "
        "(default: float32)",
    )
    model.add_argument(
        "--strategy",
        choices=devices.STRATEGIES,
        default="auto",
        help="none: one device; mirrored: all GPUs of this machine; "
        "multiworker: the machines of TF_CONFIG, each of which runs this "
        "command with one run folder; auto: mirrored where there is more than "
        "one GPU. The batch is shared out (default: auto)",
    )
    model.add_argument(
        "--jit",
        choices=("auto", "on", "off"),
        default="auto",
        help="whether XLA compiles the step; auto: on GPUs (default: auto)",
    )
    model.add_argument(
        "--recompute",
        action="store_true",
        help="make the generators' maps anew for the gradients instead of "
        "keeping them: less memory, more time; for networks without batch "
        "normalisation",
    )
    model.add_argument(
        "--steps-per-execution",
        type=data_arguments.integer(1),
        default=1,
        metavar="STEPS",
        help="steps that TensorFlow takes before Python looks at the run; "
        "more than 1 saves time where a step takes milliseconds (default: 1)",
    )
    model.add_argument(
        "--held-out",
        type=data_arguments.integer(18),
        metavar="PICTURES",
        help="pictures of each side that are not trained on but shown and "
        "measured, if there are four times as many (default: the 18 of a "
        "sample grid; 100 and more for a KID that means something)",
    )
    model.add_argument(
        "--seed",
        type=data_arguments.integer(0),
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
        type=files.expanded,
        metavar="DIR",
        help="checkpoints, samples and logs (default: runs/MODEL)",
    )
    output.add_argument(
        "--export-dir",
        type=files.expanded,
        metavar="DIR",
        help="SavedModel versions (default: saved_models/MODEL)",
    )
    output.add_argument(
        "--save-every",
        type=data_arguments.integer(1),
        default=500,
        metavar="STEPS",
        help="between two checkpoints and sample grids (default: 500)",
    )
    output.add_argument(
        "--log-every",
        type=data_arguments.integer(1),
        default=50,
        metavar="STEPS",
        help="between two rows of log.csv (default: 50)",
    )
    output.add_argument(
        "--keep",
        type=data_arguments.integer(1),
        default=3,
        metavar="CHECKPOINTS",
        help="newest checkpoints that stay (default: 3)",
    )
    output.add_argument(
        "--evaluate-every",
        type=data_arguments.integer(0),
        metavar="STEPS",
        help="between two measurements of held-out pictures, for metrics.csv "
        "and checkpoints/best.keras; 0: none (default: where the true "
        "translations are known as --save-every, but at most 5 percent of "
        "the time; else none)",
    )
    output.add_argument(
        "--best",
        metavar="METRIC",
        help="the metric by which checkpoints/best.keras is chosen, such as "
        "kid (default: l1 where the true translations are known, as of pairs "
        "and the embedded faces, else kid)",
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
        dict of plain values; `set` is now a dict. `steps` or `epochs` is
        None: how long an epoch is only the data tell.

    Raises:
        UserError: if the model, or a key of `--set`, is unknown, or the data
            are not named well.
    """
    model_class = registry.get(settings["model"])
    settings = dict(settings)
    data_arguments.resolve(settings, model_class.data_kind)
    # Other names for `--set`.
    aliases = {n: settings.pop(n) for n in ("ema", "augment_discriminator")}
    given = [
        f"{n}={value}" for n, value in aliases.items() if value is not None
    ]
    settings["set"] = parse_options([*settings["set"], *given], model_class)
    # The recipe may depend on the model's other arguments.
    data = settings["data" if "data" in settings else "data_a"]
    defaults = model_class.default_settings(
        demonstration=data is None, **settings["set"]
    )
    settings["set"] = defaults.pop("set", {}) | settings["set"]
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
    settings["run_dir"] = settings["run_dir"] or f"runs/{settings['model']}"
    settings["export_dir"] = (
        settings["export_dir"] or f"saved_models/{settings['model']}"
    )
    return settings


def parse_options(options, model_class):
    """Return `KEY=VALUE` texts as a dict, values read as Python literals."""
    valid = registry.options(model_class)
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
    return parsed
