"""Compare training steps with those of the PyTorch originals, by name."""

import numpy as np
import tensorflow as tf

from keras_gans import interop
from tests.networks.pytorch_reference import SOURCE, nchw, nhwc, tolerances


def under(scope, arrays):
    """Return the arrays of one network, without its name in theirs."""
    return {
        name.removeprefix(f"{scope}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{scope}/")
    }


class Training:
    """A model beside a fixture of the original's training loop.

    Args:
        model: a `BaseModel`, compiled; receives the initial weights.
        fixture: the conformance file.
        networks: dict, the original's network -> our attribute.
    """

    def __init__(self, model, fixture, networks):
        self.model = model
        self.fixture = fixture
        self.networks = {
            scope: getattr(model, attribute)
            for scope, attribute in networks.items()
        }
        for scope, network in self.networks.items():
            interop.load_reference(
                network, under(scope, fixture.group("w")), source=SOURCE
            )
        self.variables = {
            f"{scope}/{name}": variable
            for scope, network in self.networks.items()
            for name, variable in interop.SOURCES[SOURCE]
            .variables(network)
            .items()
        }
        self.batch = {
            "images_a": nhwc(fixture["in/A"]),
            "images_b": nhwc(fixture["in/B"]),
        }

    def step(self):
        """Take one step of `fit`; return its logs."""
        dataset = tf.data.Dataset.from_tensors(self.batch)
        history = self.model.fit(dataset, verbose=0, shuffle=False).history
        return {name: values[0] for name, values in history.items()}

    def assert_close(self, group, name, actual):
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[group]
        )

    def assert_output(self, group, name, scope, images):
        outputs = self.networks[scope](images, training=True)
        self.assert_close(group, name, nchw(outputs))
        return outputs

    def assert_gradients(self, group, players, gradients):
        """Compare the gradients of `players`; return how many there were."""
        gradients = {id(v): g for v, g in zip(players, gradients, strict=True)}
        names = list(self.fixture.group(group))
        for name in names:
            gradient = gradients[id(self.variables[name])]
            gradient = interop.SOURCES[SOURCE].to_reference(gradient)
            self.assert_close(group, name, gradient)
        assert len(names) == len(players)
        return len(names)

    def assert_weights(self, group):
        """Compare the weights that moved for a reason, and no others."""
        noise = set(self.fixture.meta["zero_gradient_weights"])
        compared = 0
        for name, expected in self.fixture.group(group).items():
            if name in noise:
                continue
            actual = interop.SOURCES[SOURCE].to_reference(self.variables[name])
            reliable = self.fixture.arrays.get(f"reliable/{group}/{name}")
            if reliable is not None:
                actual = np.where(reliable, actual, expected)
            self.assert_close(group, name, actual)
            compared += 1
        assert compared
        return compared
