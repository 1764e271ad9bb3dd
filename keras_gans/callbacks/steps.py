"""Callbacks that count steps across resumed runs: bar, saving, stopping."""

import pathlib
import signal

import keras
from tqdm.auto import tqdm

from keras_gans import files
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.training import devices


class StepCallback(keras.callbacks.Callback):
    """Base of callbacks that count training steps across resumed runs.

    `self.current_step` is the latest training step, from 1 up.
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
        """Act after step `self.current_step`; `before` is the previous one."""

    def passed(self, before, every):
        """Tell whether a multiple of `every` was reached since `before`."""
        return self.current_step // every > before // every


class Checkpoints(StepCallback):
    """Writes a checkpoint every `every` steps and at the end of training.

        checkpoint = Checkpoints("runs/mine/checkpoints", every=500)
        start = checkpoint.restore(model)
        if start < 10_000:
            model.fit(
                datasets.unpaired(a, b, start=start),
                steps_per_epoch=10_000 - start,
                callbacks=[checkpoint],
            )

    Run again, these lines resume from the last checkpoint. This callback
    comes last, so that the work of the others is part of the checkpoint. Of
    an optimizer with `use_ema` the last one holds its averages, as Keras has
    it; with `ema` of `compile` training goes on exactly.
    During training no other process can train in this folder; of several
    workers the chief locks it for all.

    Args:
        folder: the folder of the run's checkpoints.
        every: int, steps between two checkpoints.
        keep: int, number of newest checkpoints to keep.
    """

    def __init__(self, folder, every=500, keep=3):
        super().__init__()
        self.folder = pathlib.Path(files.expanded(folder))
        self.every = every
        self.keep = keep

    def restore(self, model):
        """Load the newest intact checkpoint; return its step, or 0."""
        return checkpoints.restore(model, self.folder)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._saved = self.current_step
        if devices.is_chief(self.model.distribute_strategy):
            self._lock = files.hold(self.folder, "folder")
        newest = max(checkpoints.steps(self.folder), default=0)
        if self.current_step == 0 and newest:
            raise UserError(
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
        self._lock = None

    def _save(self):
        checkpoints.save(self.model, self.folder, self.keep)
        self._saved = self.current_step


class ProgressBar(StepCallback):
    """Shows steps per second, time left and the mean of each loss term."""

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
    """Ends training after the current step on Ctrl-C, SIGTERM or SIGHUP.

    SIGHUP is sent when the terminal is closed; under `nohup` it is ignored.
    `received` holds the signal, so that the caller can tell an interrupted
    run from a finished one; `Checkpoints` saves in both cases. This callback
    comes last, so that a signal does not interrupt the work of the others at
    the end.

    Args:
        mean_over_workers: function from a number of each worker to `[mean]`;
            a signal to one worker then stops all after the same step.
            Default: this is the only process.
    """

    def __init__(self, mean_over_workers=None):
        super().__init__()
        self.received = None
        self._mean_over_workers = mean_over_workers
        self._before = {}

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        numbers = [signal.SIGINT, signal.SIGTERM]
        # Windows has none.
        hangup = getattr(signal, "SIGHUP", None)
        if hangup and signal.getsignal(hangup) != signal.SIG_IGN:
            numbers.append(hangup)
        self._before = {
            number: signal.signal(number, self._receive) for number in numbers
        }

    def _receive(self, number, frame):
        self.received = signal.Signals(number)
        # A second Ctrl-C ends at once. A terminal sends more than one SIGHUP.
        if self.received.name != "SIGHUP":
            signal.signal(number, self._before[number])

    def on_step(self, before, logs):
        received = bool(self.received)
        if self._mean_over_workers:
            (received,) = self._mean_over_workers(received)
        if received:
            self.received = self.received or signal.SIGTERM
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        for number, handler in self._before.items():
            signal.signal(number, handler)
