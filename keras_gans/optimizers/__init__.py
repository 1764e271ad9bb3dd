"""Optimizers and learning-rate schedules of the published recipes."""

from keras_gans.optimizers.adam import Adam, PyTorchAdam, RowAdam, rows_moved
from keras_gans.optimizers.schedules import LinearDecay

__all__ = ["Adam", "LinearDecay", "PyTorchAdam", "RowAdam", "rows_moved"]
