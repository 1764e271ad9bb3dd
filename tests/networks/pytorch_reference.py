"""Compare a network with the numbers of the PyTorch original, name by name."""

import numpy as np
import tensorflow as tf

from keras_gans import interop

SOURCE = "pytorch-cyclegan-and-pix2pix"


def nhwc(images):
    return np.transpose(images, (0, 2, 3, 1))


def nchw(images):
    return np.transpose(images, (0, 3, 1, 2))


def to_reference(array):
    """Return a kernel, or its gradient, in PyTorch's layout."""
    return interop.SOURCES[SOURCE].to_reference(array)


def assign(variables, arrays):
    """Give variables the arrays of the same names, in PyTorch's layout."""
    for name, variable in variables.items():
        variable.assign(interop.SOURCES[SOURCE].to_keras(arrays[name]))


def layers_of(network, *kinds):
    return [x for x in network.layers if type(x).__name__ in kinds]


def load(network, weights):
    interop.load_reference(network, weights, source=SOURCE)
    return network


def named_variables(network):
    return interop.SOURCES[SOURCE].variables(network)


def parameters(network):
    """Return the count that the papers give: without moving statistics."""
    return sum(int(np.prod(v.shape)) for v in network.trainable_variables)


def tolerances(fixture, case=""):
    """Return the tolerance by group that the fixture asks for."""
    meta = fixture.meta["cases"][case] if case else fixture.meta
    return meta["suggested_tolerance"]


def assert_reproduced(network, fixture, case=""):
    """Load a fixture's weights; compare all that it stores of the network.

    That is the output in inference and in training mode, the gradients of
    sum(y * upstream), and the running statistics after one training pass.
    """
    prefix = f"{case}/" if case else ""
    tolerance = tolerances(fixture, case)

    def assert_close(group, name, actual):
        fixture.assert_close(
            f"{prefix}{group}/{name}", actual, **tolerance[group]
        )

    load(network, fixture.group(f"{prefix}w"))
    x, upstream = fixture[f"{prefix}in/x"], fixture[f"{prefix}in/upstream"]
    assert_close("out_eval", "y", nchw(network(nhwc(x), training=False)))

    with tf.GradientTape() as tape:
        y = network(nhwc(x), training=True)
        objective = tf.reduce_sum(y * nhwc(upstream))
    assert_close("out_train", "y", nchw(y))

    variables = named_variables(network)
    names = list(fixture.group(f"{prefix}grad_g"))
    assert names
    gradients = tape.gradient(objective, [variables[n].value for n in names])
    to_reference = interop.SOURCES[SOURCE].to_reference
    for name, gradient in zip(names, gradients, strict=True):
        assert_close("grad_g", name, to_reference(gradient))
    for name in fixture.group(f"{prefix}running1"):
        assert_close("running1", name, variables[name])


def recipe_weights(fixture, net):
    """Draw the weights that a full-width fixture describes."""
    meta = fixture.meta
    rng = np.random.RandomState(meta["seeds"][net])
    weights = {}
    for name, shape in zip(
        meta["weights_order"][net], meta["weights_shape"][net], strict=True
    ):
        kind = name.rsplit(".", 1)[-1]
        if kind == "running_var":
            array = rng.uniform(0.5, 1.5, shape)
        elif kind == "weight" and len(shape) == 4:
            array = rng.standard_normal(shape)
            array *= 1.3 / np.sqrt(np.prod(shape[1:]))
        elif kind == "weight":
            array = 1 + 0.2 * rng.standard_normal(shape)
        else:  # bias, running_mean
            array = 0.1 * rng.standard_normal(shape)
        weights[name] = array.astype("float32")
    for position, array in enumerate(weights.values()):
        assert array.flat[0] == fixture[f"check/{net}_first"][position]
        assert array.flat[-1] == fixture[f"check/{net}_last"][position]
    return weights
