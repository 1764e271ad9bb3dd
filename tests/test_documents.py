"""The documents: what they say to type can be typed."""

import configparser
import importlib
import pathlib
import re
import shlex

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "*/README.md", ".github/*.md")
    for path in ROOT.glob(pattern)
)
COMMAND = re.compile(r"python -m (keras_gans\.\w+)([^`|&;:)\n]*)")


def commands():
    for path in DOCUMENTS:
        text = path.read_text().replace("\\\n", " ")
        for name, arguments in COMMAND.findall(text):
            if not arguments.strip():
                continue  # named, not typed
            yield pytest.param(
                name, arguments, id=f"{path.parent.name} {name}{arguments}"
            )


@pytest.mark.parametrize("name,arguments", [*commands()])
def test_every_command_has_its_flags(name, arguments):
    try:
        module = importlib.import_module(f"{name}.__main__")
    except ModuleNotFoundError:
        module = importlib.import_module(name)
    parse = getattr(module, "_parse_arguments", None) or module.parse_arguments
    parse(shlex.split(arguments))


def test_every_script_has_its_function():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"].split("\n")
    for script in filter(None, scripts):
        _, place = script.split(" = ")
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
