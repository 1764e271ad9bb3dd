"""What a scoreboard has rows for, and the commands that train it."""

import typing

from keras_gans import registry

# A registered model's other architectures.
ARCHITECTURES = {"cyclegan": ("resnet",)}
EMA = 0.999
# Some steps at a size and width at which a step takes no time.
QUICK = {"image_size": 32, "batch_size": 2, "steps": 4}
_QUICK_OPTIONS = {"base_filters": 2}
# By key; fewer operations to trace.
_QUICK_OPTIONS_OF = {
    "cyclegan-resnet": {"num_residual_blocks": 1},
    "stargan": {"num_residual_blocks": 1, "critic_steps": 1},
}
_QUICK_FACES = 80
# Zhu et al. 2017, tables 4 and 5: class IoU of labels to photo, photo to
# labels, of Cityscapes.
PAPER = {
    "cycle alone": (0.02, 0.02),
    "GAN alone": (0.08, 0.07),
    "GAN + forward cycle": (0.12, 0.07),
    "GAN + backward cycle": (0.06, 0.01),
    "CycleGAN": (0.11, 0.16),
}


class Entry(typing.NamedTuple):
    """One row: a model, trained in one way.

    Attributes:
        key: str, what `--only` and the run folder call it.
        title: str, what the row is called.
        model: str, its registered name.
        options: dict, arguments of the model or its `compile()` by name.
    """

    key: str
    title: str
    model: str
    options: dict


def models():
    """Return an entry for each registered model and architecture."""
    found = []
    for name in registry.names():
        found.append(Entry(name, name, name, {}))
        for architecture in ARCHITECTURES.get(name, ()):
            options = {"architecture": architecture}
            title = f"{name}, {architecture}"
            found.append(Entry(f"{name}-{architecture}", title, name, options))
    return found


def ablation():
    """Return the parts of CycleGAN's loss, as in the paper's section 5.1.4."""
    changes = {
        "cycle alone": {"loss_weights": {"adversarial": 0.0}},
        "GAN alone": {"loss_weights": {"cycle": 0.0}},
        "GAN + forward cycle": {"cycle": "forward"},
        "GAN + backward cycle": {"cycle": "backward"},
    }
    found = [
        Entry(_key(title), title, "cyclegan", options)
        for title, options in changes.items()
    ]
    # The run of the model itself.
    return [*found, Entry("cyclegan", "CycleGAN", "cyclegan", {})]


def _key(title):
    words = "".join(c if c.isalnum() or c == "." else " " for c in title)
    return "-".join(words.lower().split())


def settings(entry, scale=1.0, steps=None, seed=0, is_quick=False):
    """Return what a row is trained with: the model's own demonstration.

    Args:
        entry: `Entry`.
        scale: float, by which the demonstration's steps are multiplied.
        steps: int, steps in their place; or None.
        seed: int, of the run.
        is_quick: bool, whether it need only run through.

    Returns:
        dict of plain values, for `command`.
    """
    model_class = registry.get(entry.model)
    options = entry.options
    if is_quick:
        options = options | _QUICK_OPTIONS
        options |= _QUICK_OPTIONS_OF.get(entry.key, {})
    found = model_class.default_settings(demonstration=True, **options)
    found.pop("growth", None)  # which follows from the others
    found = {"precision": "float32"} | found
    found |= {"seed": seed, "model": entry.model}
    # Training is the same with and without it; both are measured.
    found["set"] = found.get("set", {}) | options | {"ema": EMA}
    found["steps"] = steps or max(1, round(found["steps"] * scale))
    if is_quick:
        found |= QUICK | {"steps": steps or QUICK["steps"]}
        if entry.model == "stargan":
            # Of two data sets no classifier is trained in the end.
            found["data"] = ["faces:photo", "faces:anime"]
            found["labels"] = [["Male"], ["Young"]]
            found["batch_size"] *= len(found["data"])
        for name in ("data", "data_a", "data_b"):
            if name in found:
                found[name] = _fewer(found[name])
    return found


def all_settings(chosen, *arguments):
    """Return `settings` of several rows, by key."""
    return {entry.key: settings(entry, *arguments) for entry in chosen}


def _fewer(specs):
    if isinstance(specs, str):
        return f"{specs}@{_QUICK_FACES}"
    return [*map(_fewer, specs)]


def command(settings, folder):
    """Return the arguments of `keras_gans.train` for `settings`."""
    flags = ["--model", settings["model"]]
    for name in ("data", "data_a", "data_b"):
        specs = settings.get(name) or []
        for spec in [specs] if isinstance(specs, str) else specs:
            flags += [f"--{name.replace('_', '-')}", spec]
    for names in settings.get("labels", ()):
        flags += ["--labels", ",".join(names)]
    for name in ("image_size", "batch_size", "steps", "seed", "precision"):
        flags += [f"--{name.replace('_', '-')}", str(settings[name])]
    for name, value in settings["set"].items():
        flags += ["--set", f"{name}={value}"]
    return [
        *flags,
        *("--run-dir", str(folder), "--export-dir", str(folder / "export")),
        # Images and measurements on the way are no part of the model.
        *("--evaluate-every", "0", "--save-every", "500"),
        *("--log-every", str(max(1, min(50, settings["steps"] // 4)))),
    ]
