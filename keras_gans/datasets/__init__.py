"""Pipelines that turn pictures on disk into batches, one per pairing.

Nothing here imports TensorFlow before a pipeline is made. That also lets
`unpaired` be imported right away: loaded later, the module of that name would
take the function's place in this package.
"""

import importlib

from keras_gans.datasets.sources import (
    Pictures,
    default_load_size,
    open_source,
    split,
)
from keras_gans.datasets.unpaired import held_out, unpaired

__all__ = [
    "Pictures",
    "default_load_size",
    "held_out",
    "open_source",
    "split",
    "synthetic_faces",
    "unpaired",
]


def __getattr__(name):
    if name == "synthetic_faces":
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
