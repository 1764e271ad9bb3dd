"""The learning rates of a recipe: which course, over which steps."""

import keras

from keras_gans.checks import UserError
from keras_gans.optimizers import schedules

SCHEDULES = ("linear", "constant")
# Where the recipe has a constant rate and a linear one is asked for.
_EPOCHS = (100, 100)


def published(rate, epochs, total_steps, schedule=None, critic_steps=1):
    """Return the rates of both players and what `fit` is to follow.

    Args:
        rate: float, or a Keras schedule, which both players keep.
        epochs: pair, constant epochs and epochs of linear decay, or None.
        total_steps: int, training steps of the run, or None.
        schedule: `"linear"`, `"constant"` or None for what `epochs` says.
        critic_steps: int, updates of the discriminator in a training step.

    Returns:
        `(generator's, discriminator's, by epoch)`: numbers or schedules; and
        the schedule whose steps are the epochs of `fit`, or None.

    Raises:
        UserError: if `schedule` is unknown, or `total_steps` below 1.
    """
    if schedule not in (None, *SCHEDULES):
        raise UserError(
            f"schedule must be one of {', '.join(SCHEDULES)}. "
            f"Received: {schedule!r}"
        )
    if schedule == "linear":
        epochs = epochs or _EPOCHS
    if schedule == "constant" or not epochs or callable(rate):
        return rate, rate, None
    course = schedules.LinearDecay(rate, *epochs)
    if total_steps is None:
        return rate, rate, course
    course = course.over(total_steps)
    config = course.get_config()
    # An optimizer counts its own updates.
    config["steps_per_epoch"] *= critic_steps
    return course, schedules.LinearDecay(**config), None


def following(course, optimizers, callbacks):
    """Return the callbacks of a `fit`, and with them one that sets rates.

    Args:
        course: a `LinearDecay` whose steps are epochs.
        optimizers: names of the model's optimizers that follow it.
        callbacks: as `fit` takes them.
    """
    follow = schedules.RateByEpoch(course, optimizers)
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks.append(follow)
        return callbacks
    return [follow, *keras.tree.flatten(callbacks or [])]
