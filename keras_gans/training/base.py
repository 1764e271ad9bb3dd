"""What every adversarial model shares: update, report.

A model names its terms and writes its own `train_step`; this class turns the
terms of one player into one update of that player's weights.
"""

import tensorflow as tf

from keras_gans.training import devices, state, updates
from keras_gans.training.checks import check_batch, check_images, check_values
from keras_gans.training.compiled import CompiledModel
from keras_gans.training.inference import InferenceModel

__all__ = [
    "AdversarialModel",
    "InferenceModel",
    "check_batch",
    "check_images",
    "check_values",
]


class AdversarialModel(CompiledModel):
    """Base of the models: two players, two optimizers, named loss terms.

    A subclass sets the class attributes, makes its networks in `__init__`
    and then calls `_make_state()`. Its `_generator_terms` and
    `_discriminator_terms` return named, unweighted means; it writes
    `train_step` as the paper's order of updates.

    Attributes:
        data_kind: which pipeline of `keras_gans.datasets` feeds the model.
        generator_terms: names of the generator's loss terms.
        discriminator_terms: names of the discriminator's loss terms.
        step: int64 variable, training steps taken; also the position in the
            data, so that a resumed run continues with the next batch.
    """

    data_kind = None
    generator_terms = ()
    discriminator_terms = ()
    # Updates of the discriminator in a training step, each with its own part
    # of the batch.
    critic_steps = 1

    def _make_state(self):
        """Create the step counter and one tracker per term."""
        self.step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self.trackers = state.make_trackers(
            self.generator_terms, self.discriminator_terms
        )
        self.built = True

    @property
    def batch_shapes(self):
        """The arrays of a batch, key -> shape; see `checks.check_values`."""
        images = (None, self.image_size, self.image_size, 3)
        return {"images_a": images, "images_b": images}

    def _check_batch(self, batch):
        """Check a batch; return its tensors, in the order of the shapes."""
        shapes = self.batch_shapes
        values = check_batch(batch, shapes)
        if any(isinstance(value, tf.TensorSpec) for value in values):
            return values
        tensors = [tf.cast(value, tf.float32) for value in values]
        return [
            # Of a data set that does not say: checked in every step.
            tensor
            if tensor.shape[1:].is_fully_defined()
            else tf.ensure_shape(tensor, shape)
            for tensor, shape in zip(tensors, shapes.values(), strict=True)
        ]

    def save_own_variables(self, store):
        state.save(self, store)

    def load_own_variables(self, store):
        state.load(self, store)

    def weighted_sum(self, terms):
        """Return a player's objective: its terms times `loss_weights`."""
        return tf.add_n(
            [self.loss_weights[name] * value for name, value in terms.items()]
        )

    def _shown(self, pictures, training):
        """Return images as a discriminator is to see them.

        Every call draws anew; images on one another's channels are changed
        as one.
        """
        if not training or self.augmentation is None:
            return pictures
        return self.augmentation(pictures)

    def _record(self, network, *inputs):
        """Make a training pass whose gradients a later update takes.

        For an order of updates in which the discriminator learns from this
        step's fakes before the generator does.

        Returns:
            `(outputs, tape)`, for `recorded` of `_update_generator`.
        """
        return updates.record(self, network, *inputs)

    def _update_generator(self, terms_function, *args, recorded=None):
        """Take one generator step; return its terms and its other outputs.

        With `recorded`, what `_record` returned, `terms_function` receives
        the outputs of that pass first, and the gradients go on through it.
        """
        results = updates.update(
            self, "generator", terms_function, args, recorded
        )
        if self.averages:
            self.averages.update()
        return results

    def _update_discriminator(self, terms_function, *args):
        """Take one discriminator step; return its terms and other outputs."""
        return updates.update(self, "discriminator", terms_function, args)

    def _report(self, generator_terms, discriminator_terms, training=True):
        """Count the step, record the terms; return the means so far."""
        if training:
            self.step.assign_add(1)
        logs = {}
        for prefix, terms in (
            ("g", generator_terms),
            ("d", discriminator_terms),
        ):
            values = {f"{prefix}_loss": self.weighted_sum(terms)}
            values |= {f"{prefix}_{name}": v for name, v in terms.items()}
            for name, value in values.items():
                self.trackers[name].update_state(value)
                logs[name] = self.trackers[name].result()
        if devices.is_multi_worker(self.distribute_strategy):
            # Keras averages over the workers along the first axis.
            logs = {name: value[None] for name, value in logs.items()}
        return logs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Do nothing: all is built by now.

        Keras would trace a step with a batch of its own, and with several
        workers fail over values that differ by replica.
        """
