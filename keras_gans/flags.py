"""Define the flags of all commands in one table."""

import argparse
import math
import re
import sys

from keras_gans import files, registry
from keras_gans.checks import UserError, shown

# Measured with the article's model at batch 16, three runs of 32 steps each
# with and without on two cores: all six ended with the same bits, mean step
# 1.07 s with and 1.07 s without.
DETERMINISM = (
    "on a CPU this cost nothing that could be measured, and runs were equal "
    "without it, too; on a GPU, where it was not tried, TensorFlow documents "
    "that runs differ without it and that steps get slower"
)


def integer(least):
    """Return an argparse type: an integer of at least `least`."""

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


def add(group, table, **changes):
    """Add the flags of a table to a parser or a group of it.

    Args:
        group: `argparse.ArgumentParser`, or a group.
        table: dict from flag to the keyword arguments of `add_argument`.
        **changes: by flag, such as `model`, keyword arguments to change.
    """
    for flag, options in table.items():
        group.add_argument(f"--{flag}", **options | changes.get(flag, {}))


def parse(parser, argv=None):
    """Parse arguments; read `--labels -NAME` as `--labels=-NAME`.

    Otherwise argparse reads the value as an option. Errors show names
    escaped, see `checks.shown`.
    """
    fail = parser.error
    parser.error = lambda message: fail(shown(message))
    words = []
    for word in sys.argv[1:] if argv is None else argv:
        if words and words[-1] == "--labels" and re.match("-[^-]", word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return parser.parse_args(words)


def amounts(texts):
    """Return the values of `--set` as a dict from name to float.

    Raises:
        UserError: if one is no amount, or given twice.
    """
    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or name.strip() in found:
            raise UserError(
                "set must be NAME=AMOUNT, such as Smiling=1.5, once for each "
                f"name. Received: {text!r}"
            )
        found[name.strip()] = value
    return found


_SOURCE = (
    "a folder of images (jpg, jpeg, png, bmp, gif, webp; subfolders "
    "included), with #left or #right appended for their halves; "
    "tfds:NAME/CONFIG@SPLIT; or faces:photo, faces:anime, faces:sketch, "
    "with faces:photo@100 for a hundred of them"
)
# Flags that name the data.
DATA = {
    "data": {
        "action": "append",
        "metavar": "SET",
        "help": "both domains at once: a folder with trainA and trainB, "
        "tfds:NAME/CONFIG with these splits, or for pairs a folder of "
        "side-by-side images, left translated into right. For stargan, cgan "
        "and acgan images with labels: a folder with CelebA's "
        "list_attr_celeba, a folder with one subfolder per class, a csv file, "
        "tfds:NAME@SPLIT or faces:STYLE; may be repeated to train stargan on "
        "several data sets. For dcgan one source, as for --data-a. For "
        "combogan a folder with one subfolder per domain, or SOURCE or "
        "NAME=SOURCE for each domain",
    },
    "labels": {
        "action": "append",
        "metavar": "NAME,NAME,...",
        "help": "which labels the model learns (default: all classes, or the "
        "paper's five of the faces; of progressive and contextual none); once "
        "for each --data",
    },
    "direction": {
        "choices": ("a_to_b", "b_to_a"),
        "default": "a_to_b",
        "help": "b_to_a swaps the two domains of --data (default: a_to_b)",
    },
    "data-a": {
        "metavar": "SOURCE",
        "help": f"domain a: {_SOURCE}",
    },
    "data-b": {
        "metavar": "SOURCE",
        "help": "domain b: as --data-a",
    },
    "sketch-style": {
        "metavar": "NAME,...",
        "help": "for pairs (pix2pix, contextual): --data are photographs, and "
        "their line drawings the inputs, in these styles mixed: xdog, fdog, "
        "photocopy, edges and others of keras_gans.sketch, or with parameters "
        "\"{'xdog': {'sigma': 1.0}}\"; needs pip install keras_gans[sketch]",
    },
    "image-size": {
        "type": integer(1),
        "metavar": "PIXELS",
        "help": "side of the square images (default: the model's own, 64 for "
        "most, 128 for stargan, 256 for pix2pix, combogan, style and "
        "architecture=resnet or unit)",
    },
}
# The model and its arguments.
MODEL = {
    "model": {
        "default": "cyclegan",
        "help": f"one of {', '.join(registry.names())} (default: cyclegan)",
    },
    "set": {
        "action": "append",
        "default": [],
        "metavar": "KEY=VALUE",
        "help": "an argument of the model or its compile(), such as "
        "base_filters=32 or loss_weights=\"{'cycle': 5}\"; may be repeated",
    },
}
# How it is trained.
TRAINING = {
    "no-flip": {
        "action": "store_const",
        "const": True,
        "help": "mirror no image; else half of them are, at random, left to "
        "right, which spoils text, digits and what is of one side",
    },
    "init-from": {
        "type": files.expanded,
        "metavar": "PATH",
        "help": "a run folder or .keras file of the same model, whose weights "
        "are the initial ones; optimizers and steps start anew, and other "
        "flags may differ as long as the networks are the same",
    },
    "style": {
        "metavar": "IMAGE",
        "help": "for style: the image whose style is learned, a file, or "
        "drawn:SEED, which the package draws; a run that is continued no "
        "longer needs the file",
    },
    "batch-size": {
        "type": integer(1),
        "metavar": "IMAGES",
        "help": "images of each domain per step (default: the model's own, "
        "such as 64 for cyclegan and 1 for pix2pix; demonstrations differ)",
    },
    "steps": {
        "type": integer(1),
        "help": "total training steps, including those before a resume "
        "(default: the model's own, 100000 for cyclegan; 200 epochs for "
        "pix2pix and architecture=resnet; demonstrations differ)",
    },
    "epochs": {
        "type": integer(1),
        "help": "instead of --steps: passes through the largest collection; "
        "of combogan, steps for so many images of it",
    },
    "ema": {
        "type": float,
        "metavar": "DECAY",
        "help": "such as 0.999: keep a moving average of the generator's "
        "weights and use it for samples, exports and metrics (default: none; "
        "of progressive 0.999; most demonstrations have one)",
    },
    "precision": {
        "choices": ("float32", "bfloat16", "float16", "auto"),
        "help": "arithmetic of the networks; weights and losses stay float32. "
        "auto: bfloat16 where the hardware has it and takes a convolution's "
        "step faster, as measured when the run starts (default: float32; "
        "most demonstrations: auto)",
    },
    "strategy": {
        "choices": ("auto", "none", "mirrored", "multiworker"),
        "default": "auto",
        "help": "none: one device; mirrored: all GPUs of this machine; "
        "multiworker: the machines of TF_CONFIG, each of which runs this "
        "command with one run folder; auto: mirrored if there is more than "
        "one GPU. The batch is split among them (default: auto)",
    },
    "jit": {
        "choices": ("auto", "on", "off"),
        "default": "auto",
        "help": "whether XLA compiles the step; auto: on GPUs (default: auto)",
    },
    "recompute": {
        "action": "store_true",
        "help": "gradient checkpointing: recompute generator activations in "
        "the backward pass; less memory, more time; for networks without "
        "batch normalization",
    },
    "steps-per-execution": {
        "type": integer(1),
        "default": 1,
        "metavar": "STEPS",
        "help": "steps per call of the compiled training function, as in "
        "Keras; more than 1 saves time if a step takes milliseconds "
        "(default: 1)",
    },
    "held-out": {
        "type": integer(18),
        "metavar": "IMAGES",
        "help": "images of each collection to hold out for samples and "
        "metrics, if there are at least four times as many (default: the 18 of "
        "a sample grid, of attributes 200, to calibrate on; use 100 or more "
        "for a meaningful KID)",
    },
    "seed": {
        "type": integer(0),
        "default": 0,
        "help": "for initial weights, data order and augmentation (default: 0)",
    },
    "deterministic": {
        "action": "store_true",
        "help": "the same bits in every run on one machine with one version of "
        f"TensorFlow; {DETERMINISM}",
    },
}
# What uses a trained model.
USE = {
    "model": {
        "required": True,
        "type": files.expanded,
        "metavar": "PATH",
        "help": "a run folder, a .keras file, a SavedModel, or the folder of "
        "its versions, such as saved_models/mine",
    },
    "output": {
        "required": True,
        "type": files.expanded,
        "metavar": "DIR",
        "help": "folder of the results",
    },
}
LONG_SEED = {
    "seed": {
        "type": int,
        "default": 0,
        "help": "of all random numbers, an integer of 64 bits (default: 0)",
    },
}
# Axes in the latent space of a generator.
AXES = {
    "axes": {
        "type": files.expanded,
        "metavar": "FILE",
        "help": "axes of this generator, axes.npz that keras_gans.axes wrote",
    },
}
# How far to move along them.
AMOUNTS = {
    "set": {
        "action": "append",
        "default": [],
        "metavar": "NAME=AMOUNT",
        "help": "move along an axis, such as Smiling=1.5, in standard "
        "deviations of random latents; may be repeated",
    },
}
# Outputs of a run.
OUTPUT = {
    "run-dir": {
        "type": files.expanded,
        "metavar": "DIR",
        "help": "checkpoints, samples and logs (default: runs/MODEL)",
    },
    "export-dir": {
        "type": files.expanded,
        "metavar": "DIR",
        "help": "SavedModel versions (default: saved_models/MODEL)",
    },
    "save-every": {
        "type": integer(1),
        "default": 500,
        "metavar": "STEPS",
        "help": "steps between checkpoints and sample grids (default: 500)",
    },
    "log-every": {
        "type": integer(1),
        "default": 50,
        "metavar": "STEPS",
        "help": "steps between rows of log.csv (default: 50)",
    },
    "keep": {
        "type": integer(1),
        "default": 3,
        "metavar": "CHECKPOINTS",
        "help": "number of newest checkpoints to keep (default: 3)",
    },
    "evaluate-every": {
        "type": integer(0),
        "metavar": "STEPS",
        "help": "steps between evaluations on held-out images, for metrics.csv "
        "and checkpoints/best.keras; 0: never (default: as --save-every if "
        "the true translations are known, but at most 5 percent of the time; "
        "else never)",
    },
    "best": {
        "metavar": "METRIC",
        "help": "the metric that selects checkpoints/best.keras, such as kid "
        "(default: l1 if the true translations are known, as for pairs and "
        "the embedded faces, else kid)",
    },
    "restart": {
        "action": "store_true",
        "help": "start over; keep the earlier run as DIR.1, DIR.2, ...",
    },
    "dry-run": {
        "action": "store_true",
        "help": "check settings and data, try one step, a save, a load and an "
        "export in a temporary folder, then stop",
    },
}
