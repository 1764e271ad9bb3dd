"""Flags of the commands: a table, so that one word means one thing."""

import argparse
import re
import sys

from keras_gans import files, registry
from keras_gans.checks import shown

# Measured with the article's model at batch 16, three runs of 32 steps each
# with and without on two cores: all six ended with the same bits, mean step
# 1.07 s with and 1.07 s without.
DETERMINISM = (
    "on a CPU this cost nothing that could be measured, and runs were equal "
    "without it, too; on a GPU, where it was not tried, TensorFlow documents "
    "that runs differ without it and that steps get slower"
)


def integer(least):
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
    """Parse arguments, `--labels -NAME` as `--labels=-NAME`.

    Otherwise argparse takes the value for an option. Errors show what they
    name escaped, see `checks.shown`.
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


_SOURCE = (
    "a folder of images (jpg, jpeg, png, bmp, gif, webp; subfolders "
    "included) or with #left or #right behind it their halves, "
    "tfds:NAME/CONFIG@SPLIT, or faces:photo, faces:anime, faces:sketch, "
    "of which faces:photo@100 is the first hundred"
)
# What names the data.
DATA = {
    "data": {
        "action": "append",
        "metavar": "SET",
        "help": "both sides at once: a folder with trainA and trainB, "
        "tfds:NAME/CONFIG with these splits, or for pix2pix a folder of "
        "side-by-side images, left translated into right. For stargan "
        "images with labels: a folder with CelebA's list_attr_celeba, a "
        "folder of a folder for each class, a csv file, tfds:NAME@SPLIT or "
        "faces:STYLE; given twice, it learns from both data sets. For dcgan "
        "one source, as for --data-a",
    },
    "labels": {
        "action": "append",
        "metavar": "NAME,NAME,...",
        "help": "which labels stargan learns (default: all classes, or the "
        "paper's five of the faces); once for each --data",
    },
    "direction": {
        "choices": ("a_to_b", "b_to_a"),
        "default": "a_to_b",
        "help": "b_to_a exchanges the two sides of --data (default: a_to_b)",
    },
    "data-a": {
        "metavar": "SOURCE",
        "help": f"domain a: {_SOURCE}",
    },
    "data-b": {
        "metavar": "SOURCE",
        "help": "domain b: likewise",
    },
    "image-size": {
        "type": integer(1),
        "metavar": "PIXELS",
        "help": "side of the square images (default: the model's own, 64 for "
        "cyclegan and dcgan, 256 for pix2pix and architecture=resnet)",
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
    "batch-size": {
        "type": integer(1),
        "metavar": "IMAGES",
        "help": "images of each domain in a step (default: the model's own, "
        "such as 64 for cyclegan and 1 for pix2pix; demonstrations have "
        "theirs)",
    },
    "steps": {
        "type": integer(1),
        "help": "training steps in all, earlier ones of a continued run "
        "included (default: the model's own, 100000 for cyclegan; 200 epochs "
        "for pix2pix and architecture=resnet; demonstrations have theirs)",
    },
    "epochs": {
        "type": integer(1),
        "help": "in place of --steps: passes through the larger side",
    },
    "ema": {
        "type": float,
        "metavar": "DECAY",
        "help": "such as 0.999: keep a moving average of the generator's "
        "weights, which is what samples, exports and measurements are of "
        "(default: none)",
    },
    "augment-discriminator": {
        "metavar": "POLICY,...",
        "help": "for few images: change what discriminators see, out of color, "
        "translation, cutout (default: nothing)",
    },
    "precision": {
        "choices": ("float32", "bfloat16", "float16"),
        "help": "arithmetic of the networks; weights and losses stay float32 "
        "(default: float32; the demonstration of cyclegan: bfloat16 where the "
        "processor has it)",
    },
    "strategy": {
        "choices": ("auto", "none", "mirrored", "multiworker"),
        "default": "auto",
        "help": "none: one device; mirrored: all GPUs of this machine; "
        "multiworker: the machines of TF_CONFIG, each of which runs this "
        "command with one run folder; auto: mirrored where there is more than "
        "one GPU. The batch is shared out (default: auto)",
    },
    "jit": {
        "choices": ("auto", "on", "off"),
        "default": "auto",
        "help": "whether XLA compiles the step; auto: on GPUs (default: auto)",
    },
    "recompute": {
        "action": "store_true",
        "help": "make the generators' maps anew for the gradients instead of "
        "keeping them: less memory, more time; for networks without batch "
        "normalization",
    },
    "steps-per-execution": {
        "type": integer(1),
        "default": 1,
        "metavar": "STEPS",
        "help": "steps that TensorFlow takes before Python looks at the run; "
        "more than 1 saves time where a step takes milliseconds (default: 1)",
    },
    "held-out": {
        "type": integer(18),
        "metavar": "IMAGES",
        "help": "images of each side that are not trained on but shown and "
        "measured, if there are four times as many (default: the 18 of a "
        "sample grid; 100 and more for a KID that means something)",
    },
    "seed": {
        "type": integer(0),
        "default": 0,
        "help": "first weights, order and augmentation of data (default: 0)",
    },
    "deterministic": {
        "action": "store_true",
        "help": "the same bits in every run on one machine with one version of "
        f"TensorFlow; {DETERMINISM}",
    },
}
# What a run writes.
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
        "help": "between two checkpoints and sample grids (default: 500)",
    },
    "log-every": {
        "type": integer(1),
        "default": 50,
        "metavar": "STEPS",
        "help": "between two rows of log.csv (default: 50)",
    },
    "keep": {
        "type": integer(1),
        "default": 3,
        "metavar": "CHECKPOINTS",
        "help": "newest checkpoints that stay (default: 3)",
    },
    "evaluate-every": {
        "type": integer(0),
        "metavar": "STEPS",
        "help": "between two measurements of held-out images, for metrics.csv "
        "and checkpoints/best.keras; 0: none (default: where the true "
        "translations are known as --save-every, but at most 5 percent of "
        "the time; else none)",
    },
    "best": {
        "metavar": "METRIC",
        "help": "the metric by which checkpoints/best.keras is chosen, such as "
        "kid (default: l1 where the true translations are known, as of pairs "
        "and the embedded faces, else kid)",
    },
    "restart": {
        "action": "store_true",
        "help": "start over; an earlier run stays beside as DIR.1, DIR.2, ...",
    },
    "dry-run": {
        "action": "store_true",
        "help": "check settings and data, then try a real step, a save, a load "
        "and an export in a temporary folder, and stop",
    },
}
