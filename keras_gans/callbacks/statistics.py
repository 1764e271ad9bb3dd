"""Refresh moving statistics, so that a model tests as well as it trains.

Batch normalization uses batch statistics in training and their moving
averages in inference. While the weights change, the averages lag behind:
after 1,500 steps of the article's CycleGAN on photographs and drawn faces,
translations by moving statistics differed from those in training mode by
0.114 of the full range, and by 0.038 once the statistics were estimated again
with fixed weights.

Reference: Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm",
arXiv:2105.07576, section 3 ("PreciseBN").
"""

import keras

from keras_gans.callbacks.steps import StepCallback

BATCHES = 30


def refresh(model, batches):
    """Estimate the generators' moving statistics again with fixed weights.

    Random states, of dropout or of latents, are those of before.

    Args:
        model: a `BaseModel`. Without batch normalization in the networks of
            its first player, nothing happens.
        batches: iterable of batches of training data; 30 are enough.
    """
    normalizations = [
        layer
        for network in model.used_networks
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not normalizations:
        return
    momenta = [layer.momentum for layer in normalizations]
    random = [v for v in model.variables if v.name == "seed_generator_state"]
    states = [variable.numpy() for variable in random]
    try:
        with model.averaged():
            for count, batch in enumerate(batches):
                for layer in normalizations:
                    # The mean of all batches; the first drops what was there.
                    layer.momentum = count / (count + 1)
                model.record_statistics(batch)
    finally:
        for layer, momentum in zip(normalizations, momenta, strict=True):
            layer.momentum = momentum
        for variable, state in zip(random, states, strict=True):
            variable.assign(state)


class FreshStatistics(StepCallback):
    """Refreshes moving statistics, and calibrates, before each checkpoint.

    It comes before `SampleGrid` and `Checkpoints` in the list of callbacks
    and has the same `every`. It does not change training, which does not
    read moving statistics and goes on with the same random numbers.

    Args:
        dataset: function from a step to the endless `tf.data.Dataset` from
            that step, so that a resumed run uses the same batches.
        every: int, steps.
        held_out: function without arguments to the batches of images that
            are not trained on, for `model.calibrate`; None if all are.
    """

    def __init__(self, dataset, every=500, held_out=None):
        super().__init__()
        self.dataset = dataset
        self.every = every
        self.held_out = held_out

    def on_step(self, before, logs):
        if self.passed(before, self.every):
            self._refresh()

    def on_train_end(self, logs=None):
        if self.current_step % self.every:
            self._refresh()

    def _batches(self):
        # Opened when they are read: of most models none are.
        yield from self.dataset(self.current_step).take(BATCHES)

    def _refresh(self):
        refresh(self.model, self._batches())
        if self.held_out:
            self.model.calibrate(self.held_out())
