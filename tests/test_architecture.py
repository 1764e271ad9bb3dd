"""The house rules of DESIGN: which module may import which."""

import ast
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "keras_gans"
LEAVES = (
    "checks",
    "files",
    "augmentation",
    "images",
    "layers",
    "image_pool",
    "labels",
    "losses",
    "optimizers",
    "recompute",
    "schedules",
    "distribution",
    "streams",
)
COMMANDS = ("train", "evaluate", "translate", "check", "convert", "scoreboard")
# Room -> prefixes of our own modules that it may import.
ALLOWED = {
    "networks": ("layers", "networks"),
    **dict.fromkeys(
        ("augmentation", "layers", "image_pool"), ("distribution",)
    ),
    "models.base": (
        "distribution",
        "models.checks",
        "models.compiled",
        "models.state",
        "models.updates",
    ),
    "models.compiled": (
        "augmentation",
        "losses",
        "models.averages",
        "models.checks",
        "models.rates",
        "models.updates",
        "optimizers",
        "recompute",
    ),
    "models.rates": ("schedules",),
    **dict.fromkeys(
        (
            *("models.averages", "models.checks", "models.state"),
            "models.updates",
        ),
        (),
    ),
    "models": (
        "models.base",
        "networks",
        "layers",
        "image_pool",
        "labels",
        "losses",
        "optimizers",
    ),
    "datasets": ("images", "datasets"),
    "attributes": ("images", "datasets"),
    "metrics": ("metrics", "images"),
    "evaluation": (
        *("evaluation", "attributes", "datasets", "images", "metrics"),
        *("checkpoints", "data_arguments", "loading", "registry", "runs"),
        "statistics",
    ),
    # How a run is measured on the way.
    "evaluation.in_training": (
        *("evaluation", "metrics", "callbacks", "statistics", "distribution"),
    ),
    "report": ("report", "images"),
    "scoreboards": ("scoreboards", "registry", "runs"),
    "checkpoints": (),
    # A sample grid is pictures; a checkpoint is the callback's whole work.
    "callbacks": ("callbacks", "images", "checkpoints", "distribution"),
    "symptoms": (),
    "health": ("callbacks", "checkpoints", "losses", "symptoms"),
    "statistics": ("callbacks",),
    # The signatures take and give uint8 pictures, and dividing by 127.5 is
    # done nowhere but in images.
    "serving": ("serving", "images", "labels"),
    "loading": (
        *("checkpoints", "registry", "runs", "serving"),
        "models.translator",
    ),
    # The function takes a model; the command of that name opens runs.
    "export": ("serving", "images", "loading", "runs", "datasets", "streams"),
    "interop": ("interop",),
    "registry": (),
    "data_arguments": ("datasets",),
    "arguments": ("registry", "data_arguments", "distribution"),
    "runs": ("registry", "datasets"),
}
ALLOWED = dict.fromkeys(LEAVES, ()) | ALLOWED


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
    return name if name in ALLOWED else name.split(".")[0]


def within(name, prefixes):
    return any(name == p or name.startswith(f"{p}.") for p in prefixes)


@pytest.mark.parametrize(
    "name,path", [pytest.param(n, p, id=n) for n, p in modules()]
)
def test_arrows(name, path):
    imports = own_imports(path)
    # Training ends by measuring; nothing else starts a command.
    commands = {c for c in COMMANDS if (name, c) != ("train", "evaluate")}
    assert not [i for i in imports if within(i, commands)]
    if name == "__init__" or name in COMMANDS:
        return
    allowed = "checks", "files", *ALLOWED[room(name)]
    wrong = [i for i in imports if not within(i, allowed)]
    assert not wrong, f"{name} must not import {wrong}"


def test_models_never_import_one_another():
    shared = "models.base", "models.compiled"
    for name, path in modules():
        if name.startswith("models.") and name not in shared:
            others = [i for i in own_imports(path) if i.startswith("models.")]
            assert all(within(i, ("models.base",)) for i in others)


def test_import_is_cheap_and_names_load_on_first_use():
    code = (
        "import sys, keras_gans\n"
        "assert not {'tensorflow', 'keras', 'PIL'} & set(sys.modules)\n"
        "assert 'CycleGAN' in dir(keras_gans)\n"
        "import keras_gans.datasets.synthetic_faces\n"
        "assert 'tensorflow' not in sys.modules\n"
        "import keras_gans.train\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_is_an_attribute_error():
    import keras_gans

    with pytest.raises(AttributeError, match="NoSuchModel"):
        _ = keras_gans.NoSuchModel
    with pytest.raises(ValueError, match="one of cyclegan.*nope"):
        keras_gans.registry.get("nope")
    with pytest.raises(ValueError, match="one of CycleGAN.*Nope"):
        keras_gans.registry.get_class("Nope")
