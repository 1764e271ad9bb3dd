"""What happens beside the training steps: pictures, logs, checkpoints."""

from keras_gans.callbacks.run_log import NOTES_BETWEEN, RunLog
from keras_gans.callbacks.samples import SampleGrid, sample_grid
from keras_gans.callbacks.steps import (
    Checkpoints,
    ProgressBar,
    StepCallback,
    StopOnSignal,
)

__all__ = [
    "NOTES_BETWEEN",
    "Checkpoints",
    "ProgressBar",
    "RunLog",
    "SampleGrid",
    "StepCallback",
    "StopOnSignal",
    "sample_grid",
]
