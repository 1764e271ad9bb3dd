"""Set learning rates by recipe, and let callers change them."""

import copy
import logging
import math
import numbers

import keras

from keras_gans.callbacks.rate_by_epoch import RateByEpoch
from keras_gans.checks import UserError
from keras_gans.optimizers import schedules

logger = logging.getLogger("keras_gans")

SCHEDULES = ("linear", "constant")
# Where the recipe has a constant rate and a linear one is asked for.
_EPOCHS = (100, 100)


def published(
    rate, epochs, total_steps, schedule=None, critic_steps=1, first_steps=1
):
    """Return the rates of the players and the schedule for `fit`.

    Args:
        rate: float, or a Keras schedule of training steps for all players.
        epochs: pair, constant epochs and epochs of linear decay, or None.
        total_steps: int, training steps of the run, or None.
        schedule: `"linear"`, `"constant"` or None to follow `epochs`.
        critic_steps: int, updates per step of all players but the first.
        first_steps: int, updates per step of the first player.

    Returns:
        `(first, others, by epoch)`: the rates of the first player and of the
        others, numbers or schedules; and the schedule whose steps are the
        epochs of `fit`, or None.

    Raises:
        UserError: if `rate` is not a rate, `schedule` is unknown or beside a
            `rate` that is one, or `total_steps` is below 1.
    """
    if schedule not in (None, *SCHEDULES):
        raise UserError(
            f"schedule must be one of {', '.join(SCHEDULES)}. "
            f"Received: {schedule!r}"
        )
    is_rate = isinstance(rate, numbers.Real) and 0 <= rate < math.inf
    if isinstance(rate, bool) or not (is_rate or callable(rate)):
        raise UserError(
            "learning_rate must be a number from 0 up, or a Keras schedule. "
            f"Received: {rate!r}"
        )
    if schedule and callable(rate):
        raise UserError(
            "schedule must be left out where learning_rate is a schedule. "
            f"Received: {schedule!r}"
        )
    rate = rate if callable(rate) else float(rate)
    if schedule == "linear":
        epochs = epochs or _EPOCHS
    if callable(rate):
        # An optimizer counts its own updates.
        is_by_step = isinstance(
            rate, keras.optimizers.schedules.LearningRateSchedule
        )
        first, others = (
            schedules.BySteps(rate, updates)
            if updates > 1 and is_by_step
            else rate
            for updates in (first_steps, critic_steps)
        )
        return first, others, None
    if schedule == "constant" or not epochs:
        return rate, rate, None
    course = schedules.LinearDecay(rate, *epochs)
    if total_steps is None:
        return rate, rate, course
    course = course.over(total_steps)
    first, others = course.get_config(), course.get_config()
    first["total_steps"] *= first_steps
    others["total_steps"] *= critic_steps
    first, others = (schedules.LinearDecay(**one) for one in (first, others))
    return first, others, None


def following(course, model, optimizers, callbacks, epochs=1):
    """Return the callbacks of `fit` with one added that sets rates.

    Keras callbacks that set the rates themselves replace the recipe.

    Args:
        course: a `LinearDecay` whose steps are epochs, or None.
        model: a compiled model.
        optimizers: names of the model's optimizers that follow it.
        callbacks: as `fit` takes them.
        epochs: int, the last of `fit`; those without a rate cause a warning.

    Raises:
        UserError: if callbacks set rates that follow a schedule.
    """
    listed = getattr(callbacks, "callbacks", callbacks)
    setting = (
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.ReduceLROnPlateau,
    )
    for callback in keras.tree.flatten(listed or []):
        if isinstance(callback, setting):
            model.optimizer.check_settable(type(callback).__name__)
            return callbacks
    if course is None:
        return callbacks
    last = course.constant_epochs + course.decay_epochs
    if epochs > last and optimizers and not model.optimizer.is_set:
        logger.warning(
            "learning rates are 0 after %d of %d epochs, by the recipe: give "
            'compile() total_steps, or schedule="constant"',
            *(last, epochs),
        )
    own = RateByEpoch(course, optimizers)
    return with_first([own], callbacks, model)


def with_first(own, callbacks, model):
    """Return `callbacks`, as `fit` takes them, with our own before them."""
    if not own:
        return callbacks
    if isinstance(callbacks, keras.callbacks.CallbackList):
        listed = [*own, *callbacks.callbacks]
        params = callbacks.params or {}
        return keras.callbacks.CallbackList(listed, model=model, **params)
    return [*own, *keras.tree.flatten(callbacks or [])]


class AllOptimizers:
    """Serves as `model.optimizer`: setting its rate changes all rates.

    Keras and its callbacks expect one optimizer. This is the first player's,
    except that setting `learning_rate` changes the others in the same
    proportion. `model.generator_optimizer` and the like are set separately.

    Args:
        *optimizers: `keras.optimizers.Optimizer`s.

    Attributes:
        is_set: bool, whether the rate was set here, which ends the recipe's
            until the model is compiled or loaded again.
    """

    _first, _all, _shares, is_set = None, (), (), False

    def __init__(self, *optimizers):
        shares = [1.0] * len(optimizers)
        vars(self).update(_first=optimizers[0], _all=optimizers, _shares=shares)

    def __getattr__(self, name):
        return getattr(self._first, name)

    def __setattr__(self, name, value):
        own = name == "learning_rate"
        (object.__setattr__ if own else setattr)(
            self if own else self._first, name, value
        )

    @property
    def inner_optimizer(self):
        """The first optimizer, for callbacks that unwrap a loss scale."""
        return getattr(self._first, "inner_optimizer", self._first)

    @property
    def learning_rate(self):
        rate = self._first.learning_rate
        if not isinstance(rate, keras.Variable):
            return rate
        rate = copy.copy(rate)  # of the same value
        rate.__class__ = _AllRates
        rate.optimizers = self
        return rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.check_settable("learning_rate")
        try:
            number = math.nan if callable(value) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number < math.inf:
            raise UserError(
                "learning_rate must be a number from 0 up; compile() takes "
                f"schedules. Received: {value!r}"
            )
        vars(self)["is_set"] = True
        rates = [
            float(keras.ops.convert_to_numpy(optimizer.learning_rate))
            for optimizer in self._all
        ]
        if rates[0]:  # else the proportions are those of before
            vars(self)["_shares"] = [rate / rates[0] for rate in rates]
        for optimizer, share in zip(self._all, self._shares, strict=True):
            optimizer.learning_rate = number * share

    def check_settable(self, name):
        """Raise `UserError` naming `name` if rates follow a schedule."""
        for optimizer in self._all:
            if not isinstance(optimizer.learning_rate, keras.Variable):
                raise UserError(
                    f"{name} cannot set rates that follow a schedule: leave "
                    "them to it, or give compile() a number, as "
                    'learning_rate, and schedule="constant"'
                )


class _AllRates(keras.Variable):
    """The first rate; assigning to it changes all."""

    def assign(self, value):
        self.optimizers.learning_rate = value
        return value
