"""Callbacks: samples, logs, checkpoints, evaluation, health."""

from keras_gans.callbacks.evaluation import MOST_COST, Evaluation
from keras_gans.callbacks.health import Health
from keras_gans.callbacks.rate_by_epoch import RateByEpoch
from keras_gans.callbacks.run_log import RunLog
from keras_gans.callbacks.samples import SampleGrid, sample_grid
from keras_gans.callbacks.statistics import FreshStatistics
from keras_gans.callbacks.steps import (
    Checkpoints,
    ProgressBar,
    StepCallback,
    StopOnSignal,
)

__all__ = [
    "MOST_COST",
    "Checkpoints",
    "Evaluation",
    "FreshStatistics",
    "Health",
    "ProgressBar",
    "RateByEpoch",
    "RunLog",
    "SampleGrid",
    "StepCallback",
    "StopOnSignal",
    "sample_grid",
]
