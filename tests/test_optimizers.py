"""Adam in PyTorch's form, against PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.optimizers import Adam, PyTorchAdam, RowAdam


def steps(optimizer, fixture):
    variable = keras.Variable(fixture["adam/var_0"])
    optimizer.build([variable])
    for gradient in fixture["adam/grads"]:
        optimizer.apply([tf.constant(gradient)], [variable])
        yield variable.numpy()


@pytest.mark.parametrize("rate,beta_1", [("2e-4", 0.5), ("1e-4", 0.9)])
def test_steps_are_those_of_pytorch(reference, rate, beta_1):
    fixture = reference("ops_torch")
    optimizer = PyTorchAdam(float(rate), beta_1)
    for step, values in enumerate(steps(optimizer, fixture), 1):
        fixture.assert_close(
            f"adam/lr{rate}_b{beta_1}_var_{step}", values, rtol=0, atol=1e-8
        )


def test_keras_differs_where_gradients_are_small(reference):
    # Why the class: the same epsilon, in the other place.
    fixture = reference("ops_torch")
    optimizer = keras.optimizers.Adam(2e-4, 0.5, epsilon=1e-8)
    values = next(steps(optimizer, fixture))
    difference = np.abs(values - fixture["adam/lr2e-4_b0.5_var_1"])
    assert difference.max() > 0.5 * 2e-4


def test_amsgrad_is_that_of_the_definition():
    optimizer = PyTorchAdam(0.1, beta_1=0.0, epsilon=0.0, amsgrad=True)
    variable = keras.Variable(0.0)
    optimizer.build([variable])
    expected, v, largest = 0.0, 0.0, 0.0
    for step, gradient in enumerate((3.0, 0.1, 0.1), 1):
        optimizer.apply([tf.constant(gradient)], [variable])
        v += (gradient**2 - v) * 0.001
        largest = max(largest, v)
        expected -= 0.1 * gradient / np.sqrt(largest / (1 - 0.999**step))
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)


def test_it_is_saved_with_its_arguments():
    optimizer = PyTorchAdam(1e-3, 0.5, 0.99, epsilon=1e-7, name="adam")
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is PyTorchAdam
    assert again.get_config() == optimizer.get_config()
    assert PyTorchAdam().epsilon == 1e-8


@pytest.mark.parametrize("ours", [Adam, PyTorchAdam])
def test_accumulated_gradients_are_those_of_keras(ours):
    options = {"epsilon": 1e-7, "gradient_accumulation_steps": 2}
    found = []
    for optimizer in (
        ours(0.1, **options),
        keras.optimizers.Adam(0.1, **options),
    ):
        variable = keras.Variable([1.0, 2.0])
        optimizer.build([variable])
        found.append([])
        for gradient in (1.0, 3.0, -2.0, 0.5):
            optimizer.apply([tf.constant([gradient, 1.0])], [variable])
            found[-1].append(variable.numpy())
    np.testing.assert_allclose(*found, rtol=1e-5)
    assert (found[0][0] == [1.0, 2.0]).all()


def test_rows_do_not_accumulate():
    optimizer = RowAdam(gradient_accumulation_steps=2)
    with pytest.raises(UserError, match="steps must be left out. Received: 2"):
        optimizer.build([keras.Variable([1.0])])
