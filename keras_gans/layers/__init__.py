"""Layers that Keras lacks, or that are faster here by measurement."""

from keras_gans.layers.label_planes import LabelPlanes
from keras_gans.layers.normalization import (
    BatchNormalization,
    InstanceNormalization,
    frozen_statistics,
)
from keras_gans.layers.padding import ReflectionPadding2D
from keras_gans.layers.random import Dropout, replica_seed

__all__ = [
    "BatchNormalization",
    "Dropout",
    "InstanceNormalization",
    "LabelPlanes",
    "ReflectionPadding2D",
    "frozen_statistics",
    "replica_seed",
]
