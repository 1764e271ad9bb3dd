"""Pipelines that turn pictures on disk into batches, one per pairing.

Nothing here imports TensorFlow before a pipeline is made. That also lets
`unpaired` be imported right away: loaded later, the module of that name would
take the function's place in this package.
"""

from keras_gans.datasets.labelled import held_out_labelled, labelled
from keras_gans.datasets.labels import LabelledPictures, open_labelled
from keras_gans.datasets.layouts import open_sides, sides_of
from keras_gans.datasets.paired import open_pair, paired
from keras_gans.datasets.passes import held_out
from keras_gans.datasets.sources import (
    Pictures,
    default_load_size,
    open_source,
    split,
)
from keras_gans.datasets.unpaired import unpaired

__all__ = [
    "LabelledPictures",
    "Pictures",
    "default_load_size",
    "held_out",
    "held_out_labelled",
    "labelled",
    "open_labelled",
    "open_pair",
    "open_sides",
    "open_source",
    "paired",
    "sides_of",
    "split",
    "unpaired",
]
