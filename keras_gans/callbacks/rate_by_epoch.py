"""Set learning rates by the epochs of `fit`."""

import keras
import numpy as np


class RateByEpoch(keras.callbacks.Callback):
    """Follows a schedule by the epochs of `fit`, of any length.

    A rate set by someone else stays. When training ends the initial rates are
    restored, so that another `fit` starts like the first, as it also does
    after Ctrl-C.

    Args:
        schedule: a `LinearDecay` whose steps are epochs.
        optimizers: names of the model's optimizers that follow it.
    """

    def __init__(self, schedule, optimizers):
        super().__init__()
        self.schedule = schedule
        self.optimizers = optimizers
        epochs = schedule.constant_epochs + schedule.decay_epochs
        # As the optimizers' variables hold them.
        self._rates = {*schedule(np.arange(epochs + 1)).numpy()}

    def on_epoch_begin(self, epoch, logs=None):
        self._assign(float(self.schedule(epoch)))

    def on_train_end(self, logs=None):
        self._assign(self.schedule.initial)

    def _assign(self, rate):
        if self.model.optimizer.is_set:
            return
        for name in self.optimizers:
            optimizer = getattr(self.model, name)
            found = keras.ops.convert_to_numpy(optimizer.learning_rate)
            if np.float32(found) in self._rates:
                optimizer.learning_rate = rate
