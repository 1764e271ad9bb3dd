"""Layers that Keras lacks, or that are faster here by measurement."""

from keras_gans.layers.by_domain import (
    DomainConv2D,
    DomainConv2DTranspose,
    DomainPlanes,
    DomainPReLU,
)
from keras_gans.layers.equalized import (
    Doubled,
    EqualizedConv2D,
    EqualizedDense,
    Faded,
    MinibatchStandardDeviation,
    PixelNormalization,
    doubled,
)
from keras_gans.layers.label_planes import LabelPlanes
from keras_gans.layers.leaky_relu import LeakyReLU
from keras_gans.layers.normalization import (
    BatchNormalization,
    InstanceNormalization,
    SampleNormalization,
    frozen_statistics,
)
from keras_gans.layers.padding import ReflectionPadding2D
from keras_gans.layers.random import Dropout, draw_latents, replica_seed
from keras_gans.layers.reversal import GradientReversal

__all__ = [
    "BatchNormalization",
    "DomainConv2D",
    "DomainConv2DTranspose",
    "DomainPReLU",
    "DomainPlanes",
    "Doubled",
    "Dropout",
    "EqualizedConv2D",
    "EqualizedDense",
    "Faded",
    "GradientReversal",
    "InstanceNormalization",
    "LabelPlanes",
    "LeakyReLU",
    "MinibatchStandardDeviation",
    "PixelNormalization",
    "ReflectionPadding2D",
    "SampleNormalization",
    "doubled",
    "draw_latents",
    "frozen_statistics",
    "replica_seed",
]
