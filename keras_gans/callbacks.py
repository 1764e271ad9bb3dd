"""What happens beside the training steps: pictures, logs, checkpoints."""

import csv
import os
import pathlib
import signal
import time

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from keras_gans import checkpoints, images

NOTES_BETWEEN = " | "  # in one row of log.csv


class StepCallback(keras.callbacks.Callback):
    """A callback that counts training steps through resumed runs.

    `self.current_step` is the step that was just taken, from 1 up.
    """

    def on_train_begin(self, logs=None):
        self.current_step = int(self.model.step.numpy())
        self._last_batch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self._last_batch = -1

    def on_train_batch_end(self, batch, logs=None):
        # Several steps at once under `steps_per_execution`.
        before = self.current_step
        self.current_step += batch - self._last_batch
        self._last_batch = batch
        self.on_step(before, logs or {})

    def on_step(self, before, logs):
        """Act after step `self.current_step`; `before` is the last one seen."""

    def passed(self, before, every):
        """Tell whether a multiple of `every` was reached since `before`."""
        return self.current_step // every > before // every


class Checkpoints(StepCallback):
    """Writes a checkpoint every so many steps and at the end of training.

        checkpoint = Checkpoints("runs/mine/checkpoints", every=500)
        start = checkpoint.restore(model)
        model.fit(
            datasets.unpaired(a, b, start=start),
            steps_per_epoch=10_000 - start,
            callbacks=[checkpoint],
        )

    Run again, these lines continue where the last checkpoint was written.
    Among several callbacks this one comes last, so that what the others did
    in a step is part of the checkpoint.

    Args:
        folder: where the checkpoints of this run live.
        every: int, steps between two checkpoints.
        keep: int, newest checkpoints that stay.
    """

    def __init__(self, folder, every=500, keep=3):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.every = every
        self.keep = keep

    def restore(self, model):
        """Load the newest whole checkpoint; return its step, or 0."""
        return checkpoints.restore(model, self.folder)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._saved = self.current_step
        newest = max(checkpoints.steps(self.folder), default=0)
        if self.current_step == 0 and newest:
            raise ValueError(
                "folder must have no checkpoints when training starts from "
                "step 0: call restore(model) before fit, or choose another. "
                f"Received: {self.folder}, which has one of step {newest}"
            )

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self._save()

    def on_train_end(self, logs=None):
        if self.current_step > self._saved:
            self._save()

    def _save(self):
        checkpoints.save(self.model, self.folder, self.keep)
        self._saved = self.current_step


class RunLog(StepCallback):
    """Writes the mean of each loss term to `log.csv` and to TensorBoard.

    A row has the step, the seconds of training so far, the means over the
    steps since the row before, and what was noted in words. Rows past a
    restored step are dropped.

    Args:
        folder: the run folder; receives `log.csv` and `events/`.
        every: int, steps between two rows.
    """

    def __init__(self, folder, every=50):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.every = every

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._path = self.folder / "log.csv"
        self._notes = []
        # Of earlier runs, the values are text.
        self.rows = self._rows_until(self.current_step)
        seconds = float(self.rows[-1]["seconds"]) if self.rows else 0.0
        self._started = time.monotonic() - seconds
        self._events = tf.summary.create_file_writer(
            str(self.folder / "events")
        )
        # Keras resets the means when fit begins; those of a row that was
        # half full when the checkpoint was written are put back.
        self._means = [
            v.numpy() for m in self.model.metrics for v in m.variables
        ]

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        variables = [v for m in self.model.metrics for v in m.variables]
        for variable, value in zip(variables, self._means, strict=True):
            variable.assign(value)
        self._means = [np.zeros_like(value) for value in self._means]

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self.write_row(self.current_step, logs)
            self.model.reset_metrics()

    def note(self, text):
        """Put a line into the column `warnings` of the next row."""
        self._notes.append(text)

    def write_row(self, step, logs):
        """Write the means of `logs` and the notes so far as one row."""
        row = {
            "step": step,
            "seconds": round(time.monotonic() - self._started, 1),
            **{name: float(value) for name, value in logs.items()},
            "warnings": NOTES_BETWEEN.join(self._notes),
        }
        self._notes = []
        self.rows.append(row)
        self._write()
        with self._events.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs=None):
        self._events.close()

    def _rows_until(self, step):
        if not self._path.exists():
            return []
        with open(self._path, newline="") as file:
            return [r for r in csv.DictReader(file) if int(r["step"]) <= step]

    def _write(self):
        # Whole and then renamed: a log cut off in the middle of a line would
        # stop the next run from reading it.
        unfinished = self._path.with_suffix(".unfinished")
        with open(unfinished, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(unfinished, self._path)


class SampleGrid(StepCallback):
    """Translates a fixed batch every so many steps and writes the pictures.

    `folder/a_to_b/000500.png` shows input, translation and reconstruction in
    inference mode, as a deployed model would give them.

    Args:
        folder: receives one folder per kind of sample.
        batch: dict of held-out pictures, as the model's batches.
        every: int, steps between two grids; one more ends the training.
    """

    def __init__(self, folder, batch, every=500):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.batch = batch
        self.every = every
        self._samples = None, None

    def samples(self, step):
        """Call `model.samples`, once for all who ask at the same step."""
        if self._samples[0] != step:
            self._samples = step, self.model.samples(self.batch)
        return self._samples[1]

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self._draw()

    def on_train_end(self, logs=None):
        self._draw()

    def _draw(self):
        for name, columns in self.samples(self.current_step).items():
            path = self.folder / name / f"{self.current_step:06d}.png"
            images.write(path, sample_grid(columns))


def sample_grid(columns, most_pictures_in_row=18):
    """Arrange columns of one sample each as a grid with samples side by side.

    Args:
        columns: list of float `[batch, height, width, 3]` in [-1, 1], such as
            inputs, translations, reconstructions.
        most_pictures_in_row: int.

    Returns:
        uint8 `[height, width, 3]`.
    """
    pictures = images.to_uint8(tf.stack(columns, axis=1)).numpy()
    samples, columns_each = pictures.shape[:2]
    in_row = min(samples, max(1, most_pictures_in_row // columns_each))
    return images.grid(
        pictures.reshape(-1, *pictures.shape[2:]),
        columns=in_row * columns_each,
    )


class ProgressBar(StepCallback):
    """Shows steps a second, time left and the mean of each loss term."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self._bar = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._bar = tqdm(
            total=self.steps,
            initial=self.current_step,
            unit="step",
            dynamic_ncols=True,
        )

    def on_step(self, before, logs):
        means = {name: f"{value:.3f}" for name, value in logs.items()}
        self._bar.set_postfix(means, refresh=False)
        self._bar.update(self.current_step - before)

    def on_train_end(self, logs=None):
        if self._bar:
            self._bar.close()


class StopOnSignal(StepCallback):
    """Ends training after the current step on Ctrl-C or SIGTERM.

    `received` then holds the signal, so that the caller can tell an
    interrupted run from a finished one; `Checkpoints` saves as at any end.
    """

    def __init__(self):
        super().__init__()
        self.received = None
        self._before = {}

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._before = {
            number: signal.signal(number, self._receive)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _receive(self, number, frame):
        self.received = signal.Signals(number)
        # A second Ctrl-C ends at once.
        signal.signal(number, self._before[number])

    def on_step(self, before, logs):
        if self.received:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        for number, handler in self._before.items():
            signal.signal(number, handler)
