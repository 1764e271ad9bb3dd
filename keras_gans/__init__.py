"""Image GANs in Keras 3: train, check and serve them.

Public names load on first use, so that `import keras_gans` stays cheap and
does not import TensorFlow.
"""

import importlib
import logging
import os
import sys

from keras_gans import registry
from keras_gans.checks import shown

__version__ = "0.1.0"

# TensorFlow reads it when it is imported, and by default uses oneDNN only
# where the processor has AVX-512, though steps elsewhere gain as well.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_SUBMODULES = {
    name: f"{__name__}.{name}"
    for name in (
        "callbacks",
        "datasets",
        "evaluate",
        "export",
        "faces",
        "files",
        "images",
        "inspection",
        "interop",
        "latents",
        "layers",
        "losses",
        "metrics",
        "networks",
        "optimizers",
        "report",
        "style",
        "training",
    )
} | {
    "checkpoints": f"{__name__}.callbacks.checkpoints",
    "loading": f"{__name__}.serving.loading",
}

__all__ = [
    "init_from",
    "load",
    "registry",
    *_SUBMODULES,
    *registry.class_names(),
]


def _show(record):
    """Escape special characters of file names in every logged line."""
    record.msg, record.args = shown(record.getMessage()), ()
    return True


logging.getLogger(__name__).addFilter(_show)


def __getattr__(name):
    if name in ("init_from", "load"):
        return getattr(importlib.import_module(_SUBMODULES["loading"]), name)
    if name in _SUBMODULES:
        return importlib.import_module(_SUBMODULES[name])
    if name in registry.class_names():
        return registry.get_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
