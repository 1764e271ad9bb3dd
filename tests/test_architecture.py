"""The house rules of DESIGN: which module may import which."""

import ast
import configparser
import os
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_gans"
LEAVES = (
    *("checks", "files", "growth", "images", "labels", "layers", "losses"),
    *("optimizers", "registry", "streams", "style_images", "verbs"),
    *("faces.drawing", "faces.identities", "callbacks.rate_by_epoch"),
    # A search for latents is what a Contextual GAN does after training, and
    # says what is odd about an image.
    *("latents.projection", "latents.traits"),
)
COMMANDS = (
    *("train", "evaluate", "translate", "generate"),
    *("check", "convert", "export", "axes", "sketch", "stylize"),
    "studio.__main__",
)
# Room -> prefixes of our own modules that it may import beside the leaves.
ALLOWED = {
    **dict.fromkeys(LEAVES, ()),
    # VGG is of use with the weights of a file alone.
    "networks": ("networks", "interop"),
    "training": ("training",),
    "models": ("training", "networks"),
    "callbacks": ("callbacks", "training.devices"),
    "datasets": ("datasets", "inspection"),
    "faces": ("faces", "datasets"),
    "inspection": ("inspection",),
    "latents": ("latents",),
    "metrics": ("metrics",),
    "interop": ("interop",),
    "serving": ("serving", "callbacks.checkpoints", "runs", "models"),
    "evaluation": (
        *("evaluation", "datasets", "faces", "inspection", "metrics"),
        *("serving", "callbacks", "training.devices", "runs", "settings"),
    ),
    "report": ("report",),
    # It also follows runs as a report does, and paints in a second image's
    # style.
    "studio": ("studio", "serving", "latents", "report", "style"),
    "style": ("style", "networks"),
    "flags": (),
    "settings": ("datasets", "inspection"),
    "runs": (),
}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def own_imports(path):
    """Return the dotted names, below the package, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {
            name.removeprefix("keras_gans.")
            for name in names
            if name.startswith("keras_gans.")
        }
    return found


def room(name):
    """Return the narrowest key of `ALLOWED` that a module lies in."""
    return max((key for key in ALLOWED if within(name, [key])), key=len)


def within(name, prefixes):
    return any(name == p or name.startswith(f"{p}.") for p in prefixes)


def test_arrows():
    wrong = []
    for name, path in modules():
        imports = own_imports(path)
        wrong += [(name, i) for i in imports if within(i, COMMANDS)]
        if name != "__init__" and name not in COMMANDS:
            allowed = *LEAVES, *ALLOWED[room(name)]
            wrong += [(name, i) for i in imports if not within(i, allowed)]
    assert not wrong


def test_models_never_import_one_another():
    for name, path in modules():
        if name.startswith("models."):
            others = [i for i in own_imports(path) if i.startswith("models")]
            assert not others


def test_what_is_imported_at_once_is_always_installed():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    lines = setup["options"]["install_requires"].splitlines()
    names = {re.split("[>=<]", line)[0].replace("-", "_") for line in lines}
    known = {*sys.stdlib_module_names, *names, "PIL", "keras_gans"}
    wrong = []
    for name, path in modules():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [node.module]
            else:
                continue
            roots = {one.partition(".")[0] for one in found} - known
            # The studio is opened by a command that asks for its extra.
            wrong += [(name, r) for r in roots if room(name) != "studio"]
    assert not wrong


def test_import_is_cheap_and_names_load_on_first_use():
    code = (
        "import sys, keras_gans\n"
        "assert not {'tensorflow', 'keras', 'PIL'} & set(sys.modules)\n"
        "assert {'CycleGAN', 'Translator'} < {*dir(keras_gans)}\n"
        "import keras_gans.faces.drawing\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_commands_choose_what_tensorflow_prints_before_they_import_it():
    commands = {
        f"keras_gans.{name}"
        for name, path in modules()
        if "\n@streams.outlasting\n" in path.read_text()
    }
    assert {"keras_gans.train", "keras_gans.evaluate"} < commands
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert 'tensorflow' not in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", code, *commands], check=True)


@pytest.mark.parametrize("first, value", [("sys", "1"), ("tensorflow", None)])
def test_onednn_is_used_unless_tensorflow_has_chosen(first, value):
    code = (
        f"import os, {first}, keras_gans\n"
        f"assert os.environ.get('TF_ENABLE_ONEDNN_OPTS') == {value!r}\n"
    )
    environment = dict(os.environ)
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_unknown_name_is_an_attribute_error():
    import keras_gans

    with pytest.raises(AttributeError, match="NoSuchModel"):
        _ = keras_gans.NoSuchModel
    with pytest.raises(ValueError, match="one of .*cyclegan.*nope"):
        keras_gans.registry.get("nope")
    with pytest.raises(ValueError, match="one of .*cyclegan.*'translator'"):
        keras_gans.registry.get("translator")  # which is not trained
    with pytest.raises(ValueError, match="one of .*CycleGAN.*Nope"):
        keras_gans.registry.get_class("Nope")
