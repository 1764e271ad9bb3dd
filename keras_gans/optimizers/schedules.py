"""Learning-rate schedules of the papers."""

import keras
import tensorflow as tf

from keras_gans import checks
from keras_gans.checks import UserError


@keras.saving.register_keras_serializable("keras_gans")
class BySteps(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of training steps, each of which has several updates.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`.
        updates: int, of the optimizer in each training step.
    """

    def __init__(self, schedule, updates):
        self.schedule = schedule
        self.updates = updates

    def __call__(self, step):
        return self.schedule(tf.cast(step, tf.int64) // self.updates)

    def get_config(self):
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "updates": self.updates}

    @classmethod
    def from_config(cls, config):
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["updates"])


@keras.saving.register_keras_serializable("keras_gans")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A constant learning rate, then linear decay to zero.

    The rate is constant within an epoch. In epoch e, counted from
    `first_epoch`, it is `initial` times
    1 - max(0, e - constant_epochs) / (decay_epochs + 1): the last epoch
    has the last of `decay_epochs` + 1 equal parts, later epochs have 0.

    Args:
        initial: float, the rate of the constant epochs.
        constant_epochs: int, epochs before the decay.
        decay_epochs: int, epochs of the decay.
        steps_per_epoch: int, training steps of one epoch. Default 1: an
            epoch is a step.
        first_epoch: int, number of the epoch of step 0. Default 1. The
            original has the values for 1 in versions of its script that step
            the schedule after an epoch, and those for 2 in versions that step
            before; 120 is its `--epoch_count 120`.
        total_steps: int, training steps of all epochs, divided into them as
            evenly as possible; in place of `steps_per_epoch`. Default: none.

    Reference:
        github.com/junyanz/pytorch-CycleGAN-and-pix2pix, get_scheduler in
        models/networks.py, policy "linear".
    """

    def __init__(
        self,
        initial,
        constant_epochs=100,
        decay_epochs=100,
        steps_per_epoch=1,
        first_epoch=1,
        total_steps=None,
    ):
        checks.at_least(
            0,
            constant_epochs=constant_epochs,
            decay_epochs=decay_epochs,
            first_epoch=first_epoch,
        )
        checks.at_least(
            1,
            steps_per_epoch=steps_per_epoch,
            total_steps=1 if total_steps is None else total_steps,
        )
        if isinstance(initial, bool) or not initial >= 0:
            raise UserError(
                f"initial must be a rate from 0 up. Received: {initial!r}"
            )
        self.initial = float(initial)
        self.constant_epochs = constant_epochs
        self.decay_epochs = decay_epochs
        self.steps_per_epoch = steps_per_epoch
        self.first_epoch = first_epoch
        self.total_steps = total_steps

    def __call__(self, step):
        # In integers where possible: 1 - 100/101 loses digits.
        epoch = tf.cast(step, tf.int64)
        if self.total_steps is None:
            epoch //= self.steps_per_epoch
        else:
            epochs = self.constant_epochs + self.decay_epochs
            epoch = epoch * epochs // self.total_steps
        parts = self.decay_epochs + 1
        left = parts + self.constant_epochs - self.first_epoch - epoch
        left = tf.clip_by_value(left, 0, parts)
        return self.initial * (tf.cast(left, tf.float32) / parts)

    def over(self, total_steps):
        """Return the schedule scaled to a run of `total_steps`.

        A run with at least one step per epoch is divided into equal parts,
        one per epoch; in a shorter run every step is an epoch.

        Args:
            total_steps: int from 1 up.
        """
        if not isinstance(total_steps, int) or total_steps < 1:
            raise UserError(
                "total_steps must be an integer from 1 up. "
                f"Received: {total_steps!r}"
            )
        epochs = self.constant_epochs + self.decay_epochs
        if total_steps >= epochs:
            config = self.get_config() | {"total_steps": total_steps}
            return LinearDecay(**config)
        constant = total_steps * self.constant_epochs // epochs
        return LinearDecay(
            *(self.initial, constant, total_steps - constant),
            total_steps=total_steps,
        )

    def get_config(self):
        return {
            "initial": self.initial,
            "constant_epochs": self.constant_epochs,
            "decay_epochs": self.decay_epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "first_epoch": self.first_epoch,
            "total_steps": self.total_steps,
        }
