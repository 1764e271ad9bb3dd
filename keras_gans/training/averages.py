"""An exponential moving average of a generator's weights.

Beside the weights that are trained lies a second set of the same shapes; the
two change places, so that no network is copied. While `fit` trains, the
networks hold the trained weights and the second set is the average. After
`fit`, and in every file, it is the other way round: whoever reads a file,
translates or exports has the average and need not know of it.

Keras' optimizers have a moving average, too (`use_ema`), which does not fit
here. It overwrites the trained weights at the end of `fit`, after which a run
cannot be continued exactly, and lies in the optimizer, of which a model that
is loaded to translate has none.

The article's CycleGAN comes 15 and 27 % nearer to the truth of the embedded
faces by it after 1,200 steps, pix2pix 5 % (tests/benchmarks/SCOREBOARD.md).

Batch normalization: moving statistics are not averaged, since those of an
average of weights are not the average of their statistics.
`keras_gans.callbacks.statistics` estimates them again with the average in
the networks.
"""

import contextlib

import keras
import tensorflow as tf

from keras_gans.checks import UserError


def check_decay(ema):
    """Raise UserError unless `ema` is None or a number in (0, 1)."""
    if ema is None or (isinstance(ema, float) and 0.0 < ema < 1.0):
        return
    raise UserError(
        "ema must be a float between 0 and 1, such as 0.999, or None. "
        f"Received: {ema!r}"
    )


class Averages:
    """The average of some weights, and its exchange with them.

    After the weights' update number n from 0 up the average becomes
    d * average + (1 - d) * weight, where d = min(decay, n / (n + 9)): the
    average forgets the first weights, however short the run, and reaches over
    about the last tenth of it until `decay` limits that.

    Make it within the strategy's scope.

    Args:
        decay: float in (0, 1).
        weights: list of `keras.Variable`, those that are trained.

    Attributes:
        state: dict from name to variable, what a checkpoint keeps.
    """

    def __init__(self, decay, weights):
        self.decay = decay
        self._weights = weights
        self._others = [
            _variable(weight.shape, weight.dtype) for weight in weights
        ]
        self._updates = _variable((), "int64")
        # Whether the networks hold the average: 1, or 0.
        self._in_networks = _variable((), "int64")
        self.state = {
            "average_updates": self._updates,
            "average_in_networks": self._in_networks,
        } | {f"average_{i}": v for i, v in enumerate(self._others)}

    def update(self):
        """Move the average towards the weights; in a replica, after them."""

        def update(strategy):
            count = tf.cast(self._updates.value, tf.float32)
            rate = 1.0 - tf.minimum(self.decay, count / (count + 9.0))
            for average, weight in zip(
                self._others, self._weights, strict=True
            ):
                strategy.extended.update(
                    average.value, _move, (weight.value, rate), group=False
                )
            self._updates.assign_add(1)

        # As optimizers do, so that each replica moves its own copy.
        tf.distribute.get_replica_context().merge_call(update)

    def put(self, average):
        """Bring the average, or the trained weights, into the networks.

        Before the first update there is no average, and nothing happens.
        """
        if not self._updates.numpy() or average == self._is_used():
            return
        for weight, other in zip(self._weights, self._others, strict=True):
            value = tf.identity(weight.value)
            weight.assign(other.value)
            other.assign(value)
        self._in_networks.assign(int(average))

    @contextlib.contextmanager
    def used(self):
        """Have the average in the networks for a while."""
        before = self._is_used()
        self.put(True)
        try:
            yield
        finally:
            self.put(before)

    def _is_used(self):
        return bool(self._in_networks.numpy())


def _variable(shape, dtype):
    return keras.Variable(
        lambda shape, dtype: tf.zeros(shape, dtype),
        shape=shape,
        dtype=dtype,
        trainable=False,
        autocast=False,
    )


def _move(average, weight, rate):
    average.assign_add((weight - average) * rate)
