"""What an export says of itself, to people and to programs."""

import json
import platform

import keras
import numpy as np
import tensorflow as tf

PLACE = "model.json"


def of_model(model):
    """Return what a model is: name, configuration, step and sizes.

    Returns:
        dict of plain values.
    """
    step = getattr(model, "step", None)
    return {
        "model": type(model).__name__,
        "config": model.get_config(),
        "step": None if step is None else int(step.numpy()),
        "image_size": model.image_size,
        "verbs": {verb.name: verb.describe() for verb in model.verbs()},
    }


def write(folder, model, about):
    """Write `model.json` into the folder of a version.

    Args:
        folder: `pathlib.Path` of the version, with its other files.
        model: the model.
        about: dict of plain values to add, among them `settings`, those of
            the run that made the model, or None.
    """
    settings = about["settings"] or {}
    content = {
        **of_model(model),
        "data": {k: v for k, v in settings.items() if k.startswith("data")},
        **about,
        "bytes": {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
        "packages": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }
    (folder / PLACE).write_text(json.dumps(content, indent=2) + "\n")


def read(folder):
    """Return what `write` wrote; None where there is nothing of it."""
    try:
        return json.loads((folder / PLACE).read_text())
    except FileNotFoundError:
        return None


def tables(functions):
    """Return what concrete functions take and give, as plain values.

    Returns:
        dict from name to `{"inputs": ..., "outputs": ...}`, each a dict from
        name to `{"dtype": str, "shape": list}`.
    """

    def table(specifications):
        return {
            name: {"dtype": s.dtype.name, "shape": s.shape.as_list()}
            for name, s in specifications
        }

    return {
        name: {
            "inputs": table(
                (s.name, s)
                for s in tf.nest.flatten(function.structured_input_signature)
            ),
            "outputs": table(function.structured_outputs.items()),
        }
        for name, function in functions.items()
    }
