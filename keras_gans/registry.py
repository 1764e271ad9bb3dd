"""The models by name: one line per model, imported when asked for."""

import importlib
import inspect

from keras_gans import checks
from keras_gans.checks import UserError

# Command-line name -> "module:Class". Adding a model is one new file and one
# line here; the command, the contract tests and the README's table follow.
MODELS = {
    "cyclegan": "keras_gans.models.cyclegan:CycleGAN",
    "pix2pix": "keras_gans.models.pix2pix:Pix2Pix",
    "stargan": "keras_gans.models.stargan:StarGAN",
}

# Not trained, only loaded and served.
USED_ONLY = {"translator": "keras_gans.models.translator:Translator"}


def names():
    """Return the names that `--model` takes, sorted."""
    return sorted(MODELS)


def class_names():
    """Return the names of all model classes, in the paper's spelling."""
    return [target.split(":")[1] for target in _targets()]


def get(name):
    """Return the model class registered under `name`.

    Raises:
        UserError: if no model has that name.
    """
    checks.one_of(names(), model=name)
    return _imported(MODELS[name])


# Arguments of a model that are no plain values, or have settings of their own.
_NOT_TO_SET = (
    *("self", "name", "image_size", "total_steps", "jit_compile"),
    "recompute",
    *("labels", "exclusive"),
)


def options(model_class):
    """Return the names of the arguments that `--set` may set.

    They are those of the model and of its `compile()` that plain values are
    for. Of a run folder from elsewhere no other one is passed on.
    """
    return [
        name
        for function in (model_class.__init__, model_class.compile)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        and name not in _NOT_TO_SET
        and (name != "adversarial_loss" or model_class.default_adversarial_loss)
    ]


def get_class(class_name):
    """Return the model class called `class_name`, such as "CycleGAN"."""
    for target in _targets():
        if target.endswith(f":{class_name}"):
            return _imported(target)
    raise UserError(
        f"class_name must be one of {', '.join(class_names())}. "
        f"Received: {class_name!r}"
    )


def _targets():
    return [*MODELS.values(), *USED_ONLY.values()]


def _imported(target):
    module, class_name = target.split(":")
    return getattr(importlib.import_module(module), class_name)
