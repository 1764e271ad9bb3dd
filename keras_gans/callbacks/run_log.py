"""Log the mean loss terms of a run to `log.csv` and TensorBoard."""

import pathlib
import time

import tensorflow as tf

from keras_gans import files
from keras_gans.callbacks.steps import StepCallback


class RunLog(StepCallback):
    """Writes the mean of each loss term to `log.csv` and to TensorBoard.

    A row has the step, the seconds of training so far, the means since the
    previous row, and notes. The last row may cover fewer steps; if training
    continues, a complete row replaces it. Rows past a restored step are
    dropped.

    With each row the means of the model begin anew, so that the logs of an
    epoch, which `History` and callbacks such as `EarlyStopping` read, are
    those since the last row.

    Args:
        folder: the run folder; receives `log.csv` and `events/`.
        every: int, steps between two rows.

    Attributes:
        rows: list of dict, the rows so far.
        notes: list of str, for the column `warnings` of the next row.
    """

    def __init__(self, folder, every=50):
        super().__init__()
        self.folder = pathlib.Path(files.expanded(folder))
        self.every = every

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._path = self.folder / "log.csv"
        self.notes = []
        self._logs = None  # if there were steps since the last row
        # Values of earlier runs are text.
        self.rows = files.rows_until(self._path, self.current_step)
        seconds = float(self.rows[-1]["seconds"]) if self.rows else 0.0
        self._started = time.monotonic() - seconds
        self._events = tf.summary.create_file_writer(
            str(self.folder / "events")
        )
        # Keras resets the means with every epoch and validation; those of a
        # row that is half full are put back.
        self._means = self._values()
        self._goes_on = (
            bool(self.rows)
            and int(self.rows[-1]["step"]) == self.current_step
            and any(value.any() for value in self._means)
        )
        if self._goes_on:
            notes = self.rows.pop().get("warnings") or ""
            self.notes += filter(None, notes.split(files.NOTES_BETWEEN))

    def _values(self):
        return [v.numpy() for m in self.model.metrics for v in m.variables]

    def _put_back(self):
        variables = [v for m in self.model.metrics for v in m.variables]
        for variable, value in zip(variables, self._means, strict=True):
            variable.assign(value)

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        self._put_back()

    def on_epoch_end(self, epoch, logs=None):
        self._means = self._values()

    def on_test_begin(self, logs=None):
        self._means = self._values()

    def on_test_end(self, logs=None):
        self._put_back()

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self.write_row(self.current_step, logs)
            self.model.reset_metrics()
        else:
            self._logs = logs
            if self._goes_on:
                # Before there is a later checkpoint to continue from.
                files.write_rows(self._path, self.rows)
        self._goes_on = False

    def note(self, text):
        """Add a line to the column `warnings` of the next row."""
        self.notes.append(text)

    def write_row(self, step, logs):
        """Write the means of `logs` and the notes so far as one row."""
        row = {
            "step": step,
            "seconds": round(time.monotonic() - self._started, 1),
            **{name: float(value) for name, value in logs.items()},
            "warnings": files.NOTES_BETWEEN.join(self.notes),
        }
        self.notes, self._logs = [], None
        self.rows.append(row)
        files.write_rows(self._path, self.rows)
        with self._events.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs=None):
        if self._logs is not None:
            self.write_row(self.current_step, self._logs)
        self._events.close()
