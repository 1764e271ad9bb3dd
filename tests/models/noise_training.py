"""Compare training steps of models from noise with those of their codes."""

import numpy as np
import tensorflow as tf

from tests.networks.pytorch_reference import tolerances


class Training:
    """A model beside the fixture of its code's training loop.

    Args:
        model: a `NoiseModel`, compiled, with the fixture's initial weights.
        fixture: the conformance file.
        variables: dict from the fixture's names of weights to variables.
        to_reference: function from such a name and an array of ours to the
            array in the layout of the code.
        latents: what the model is to draw.
        **batch: the batch of every step.
    """

    def __init__(
        self, model, fixture, variables, to_reference, latents, **batch
    ):
        self.model, self.fixture = model, fixture
        self.variables, self.to_reference = variables, to_reference
        self.latents = tf.constant(latents)
        self.batch = {key: tf.constant(value) for key, value in batch.items()}
        model._draw = lambda images, seed: self.latents

    def assert_close(self, group, name, actual):
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[group]
        )

    def assert_group(self, group):
        """Compare variables that moved for a reason; return how many."""
        noise = set(self.fixture.meta["zero_gradient_weights"])
        names = [n for n in self.fixture.group(group) if n not in noise]
        for name in names:
            actual = self.to_reference(name, self.variables[name])
            reliable = self.fixture.arrays.get(f"reliable/{group}/{name}")
            if reliable is not None:
                # The others have no gradient: Adam follows the rounding.
                expected = self.fixture[f"{group}/{name}"]
                actual = np.where(reliable, actual, expected)
            self.assert_close(group, name, actual)
        return len(names)

    def assert_gradients(self, group, tape, objective, variables):
        gradients = tape.gradient(objective, variables)
        gradients = {
            id(v): g for v, g in zip(variables, gradients, strict=True)
        }
        names = list(self.fixture.group(group))
        for name in names:
            gradient = gradients[id(self.variables[name])]
            self.assert_close(group, name, self.to_reference(name, gradient))
        assert len(names) == len(variables)

    def step(self):
        self.model.reset_metrics()
        return self.model.train_step(self.batch)

    def statistics(self):
        """Return the moving statistics and the like, to be restored."""
        return [v.numpy() for v in self.model.non_trainable_variables]

    def restore(self, statistics):
        for variable, value in zip(
            self.model.non_trainable_variables, statistics, strict=True
        ):
            variable.assign(value)
