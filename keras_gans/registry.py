"""Register the models by name; import them on first use."""

import importlib
import inspect

from keras_gans import checks

# Command-line name -> "module:Class". Adding a model is one new file and one
# line here; the command and the contract tests follow.
MODELS = {
    "acgan": "keras_gans.models.acgan:ACGAN",
    "attributes": "keras_gans.models.attributes:AttributeNetwork",
    "cgan": "keras_gans.models.conditional_gan:ConditionalGAN",
    "combogan": "keras_gans.models.combogan:ComboGAN",
    "contextual": "keras_gans.models.contextual_gan:ContextualGAN",
    "cyclegan": "keras_gans.models.cyclegan:CycleGAN",
    "dcgan": "keras_gans.models.dcgan:DCGAN",
    "pix2pix": "keras_gans.models.pix2pix:Pix2Pix",
    "progressive": "keras_gans.models.progressive_gan:ProgressiveGAN",
    "sharedlatent": "keras_gans.models.shared_latent:SharedLatent",
    "stargan": "keras_gans.models.stargan:StarGAN",
    "style": "keras_gans.models.style_network:StyleNetwork",
    "translator": "keras_gans.models.translator:Translator",
    "xgan": "keras_gans.models.xgan:XGAN",
}
# Not trained, so no values of `--model`.
USED_ONLY = ("translator",)


def names():
    """Return the names that `--model` takes, sorted."""
    return sorted({*MODELS} - {*USED_ONLY})


def class_names():
    """Return the names of the model classes, in the paper's spelling."""
    return [target.split(":")[1] for target in MODELS.values()]


def get(name):
    """Return the model class registered under `name`.

    Raises:
        UserError: if no model has that name.
    """
    checks.one_of(names(), model=name)
    return get_class(MODELS[name].split(":")[1])


# Arguments of a model that are no plain values, or have settings of their own.
_NOT_TO_SET = (
    *("self", "name", "image_size", "total_steps", "jit_compile"),
    "recompute",
    *("labels", "exclusive", "domains"),
    "teacher",  # a Keras model, which may hold code
)


def options(model_class):
    """Return the names of the arguments that `--set` may set.

    These are the arguments of the model and its `compile()` that take plain
    values. Settings from an unknown run folder cannot reach others.
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
    checks.one_of(class_names(), class_name=class_name)
    (target,) = (t for t in MODELS.values() if t.endswith(f":{class_name}"))
    return getattr(importlib.import_module(target.split(":")[0]), class_name)
