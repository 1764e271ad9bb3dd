"""Keep an exponential moving average of a generator's weights.

A second set of variables has the shapes of the trained weights; the two sets
are swapped, so that no network is copied. During `fit` the networks hold the
trained weights and the second set holds the average. After `fit`, and in every
file, the networks hold the average, so that loading, translation and export
use it without further code.

Keras' optimizers also have a moving average (`use_ema`), which does not fit
here. It overwrites the trained weights at the end of `fit`, so that a run
cannot resume exactly, and belongs to the optimizer, which a model loaded for
translation does not have.

After 1,200 steps the average brings the article's CycleGAN 15 and 27 % closer
to the truth of the embedded faces, pix2pix 5 %
(tests/benchmarks/SCOREBOARD.md).

Moving statistics of batch normalization are not averaged, since they would
not fit the averaged weights. `keras_gans.callbacks.statistics` estimates them
again with the average in the networks.
"""

import contextlib

import keras
import tensorflow as tf

from keras_gans.checks import UserError


def check_decay(ema):
    """Raise UserError unless `ema` is None or a number in [0, 1)."""
    is_number = isinstance(ema, (int, float)) and not isinstance(ema, bool)
    if ema is None or (is_number and 0.0 <= ema < 1.0):
        return
    raise UserError(
        "ema must be a number from 0 to below 1, such as 0.999, or None. "
        f"Received: {ema!r}"
    )


class Averages:
    """Averages weights and swaps them with their average.

    After update number n, from 0 up, the average becomes
    d * average + (1 - d) * weight with d = min(decay, n / (n + 9)): even in
    short runs it forgets the initial weights; it covers about the last tenth
    of the run until `decay` limits that. A row of a weight that moves row by
    row has updates of its own, so that what stands still is left alone.

    Create it within the strategy's scope.

    Args:
        decay: float in (0, 1).
        weights: list of `keras.Variable`, the trained weights.

    Attributes:
        state: dict from name to variable, saved in checkpoints.
        weights: the argument.
        is_training: bool, whether the networks are to hold the weights
            themselves, as in `fit`.
    """

    def __init__(self, decay, weights):
        self.decay, self.weights = decay, weights
        self.is_training = False
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

    def update(self, moved=None):
        """Update the average; call in a replica, after the weights.

        Args:
            moved: list, for each weight the result of
                `optimizers.rows_moved`. Default: all weights moved as a whole.
        """

        def rate(count):
            count = tf.cast(count, tf.float32)
            return 1.0 - tf.minimum(self.decay, count / (count + 9.0))

        def move(average, weight, whole, rows=None, count=None):
            if rows is None:
                average.assign_add((weight - average) * whole)
                return

            def move_rows():
                old, new = tf.gather(average, rows), tf.gather(weight, rows)
                shape = [2, *[1] * (len(old.shape) - 1)]
                values = old + (new - old) * tf.reshape(rate(count), shape)
                average.scatter_update(tf.IndexedSlices(values, rows))
                return 0

            def take():
                average.assign(weight)
                return 0

            # All rows in the first update: some may never move.
            tf.cond(whole < 1.0, move_rows, take)

        def update(strategy, moved):
            whole = rate(self._updates.value)
            for average, weight, rows in zip(
                self._others, self.weights, moved, strict=True
            ):
                arguments = weight.value, whole, *rows
                strategy.extended.update(
                    average.value, move, arguments, group=False
                )
            self._updates.assign_add(1)

        moved = moved or [()] * len(self.weights)
        # As optimizers do, so that each replica moves its own copy.
        tf.distribute.get_replica_context().merge_call(update, (moved,))

    def is_of(self, weights):
        """Tell whether these are the weights that are averaged."""
        return [*map(id, self.weights)] == [*map(id, weights)]

    def reset(self):
        """Begin anew, with the weights that are in the networks now."""
        self._updates.assign(0)
        self._in_networks.assign(0)

    def put(self, average):
        """Load the average or the trained weights into the networks.

        Before the first update there is no average, and nothing happens.
        """
        if not self._updates.numpy() or average == self._is_used():
            return
        for weight, other in zip(self.weights, self._others, strict=True):
            value = tf.identity(weight.value)
            weight.assign(other.value)
            other.assign(value)
        self._in_networks.assign(int(average))

    @contextlib.contextmanager
    def used(self):
        """Return a context in which the networks hold the average."""
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
