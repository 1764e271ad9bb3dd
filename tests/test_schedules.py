"""Learning rates by epoch against the numbers of the originals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.optimizers.schedules import LinearDecay


@pytest.fixture(scope="module")
def fixture(reference):
    return reference("lr_schedules")


def assert_rates(fixture, name, schedule):
    expected = fixture[f"lr/{name}"]
    rates = [float(schedule(step)) for step in range(len(expected))]
    np.testing.assert_allclose(rates, expected, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("stepped", ["end", "start"])
@pytest.mark.parametrize("first_epoch", [1, 120])
def test_cyclegan_and_pix2pix(fixture, stepped, first_epoch):
    resumed = "resume_epoch_120" if first_epoch == 120 else "100_100"
    late = stepped == "start"  # one epoch ahead
    assert_rates(
        fixture,
        f"pix_linear_{resumed}_step_at_epoch_{stepped}",
        LinearDecay(2e-4, 100, 100, first_epoch=first_epoch + late),
    )


def test_stargan(fixture):
    # A twentieth less, every five of the last iterations.
    for player in "gd":
        assert_rates(
            fixture,
            f"stargan_iters40_decay20_every5_{player}_lr_by_iteration",
            LinearDecay(1e-4, 5, 19, steps_per_epoch=5),
        )


def test_combogan(fixture):
    assert_rates(
        fixture,
        "combogan_niter10_decay10_lr_by_epoch",
        LinearDecay(2e-4, 10, 9, first_epoch=0),
    )


def test_latent_weight_of_combogan_is_a_rising_schedule_of_keras(fixture):
    assert_rates(
        fixture,
        "combogan_niter10_decay10_lambda_latent_by_epoch",
        keras.optimizers.schedules.PolynomialDecay(0.0, 20, 2.0),
    )


@pytest.mark.parametrize("stepped", ["end", "start"])
def test_the_other_policies_are_those_of_keras(fixture, stepped):
    late = stepped == "start"
    for name, schedule in (
        (
            "pix_step_50",
            keras.optimizers.schedules.ExponentialDecay(
                2e-4, 50, 0.1, staircase=True
            ),
        ),
        (
            "pix_cosine_100",
            keras.optimizers.schedules.CosineDecay(2e-4, 100),
        ),
    ):
        expected = fixture[f"lr/{name}_step_at_epoch_{stepped}"]
        rates = [float(schedule(k + late)) for k in range(len(expected))]
        np.testing.assert_allclose(
            rates, expected, rtol=2e-6, atol=1e-11, err_msg=name
        )


def test_rate_is_constant_within_an_epoch_and_zero_after_the_last():
    schedule = LinearDecay(1.0, 1, 1, steps_per_epoch=3)
    rates = [float(schedule(step)) for step in range(10)]
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0, 0, 0, 0]


@pytest.mark.parametrize("total,constant", [(1, 0), (2, 1), (7, 3)])
def test_over_a_run(total, constant):
    schedule = LinearDecay(2e-4, steps_per_epoch=9).over(total)
    assert schedule.constant_epochs == constant
    assert schedule.decay_epochs == total - constant
    assert schedule.steps_per_epoch == 1
    assert float(schedule(0)) > 0 and float(schedule(total - 1)) > 0
    assert float(schedule(total)) == 0


@pytest.mark.parametrize("total", [200, 201, 399, 1000, 1001])
def test_a_long_run_has_the_rates_of_its_epochs(total):
    schedule = LinearDecay(2e-4).over(total)
    rates = [float(schedule(step)) for step in range(total)]
    every = LinearDecay(2e-4)
    epochs = [step * 200 // total for step in range(total)]
    assert rates == [float(every(epoch)) for epoch in epochs]
    # As long as one another, the last is the last of the recipe.
    assert {*np.bincount(epochs)} <= {total // 200, -(-total // 200)}
    assert rates[-1] == float(every(199)) > 0 == float(schedule(total))


def test_an_optimizer_follows_it_also_when_saved():
    schedule = LinearDecay(0.1, 1, 1)
    optimizer = keras.optimizers.SGD(schedule)
    config = keras.saving.serialize_keras_object(optimizer)
    for each in (optimizer, keras.saving.deserialize_keras_object(config)):
        variable = keras.Variable(0.0)
        each.build([variable])
        for expected in (-0.1, -0.15, -0.15):
            each.apply([tf.constant(1.0)], [variable])
            np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)


def test_graph_and_xla_give_the_same():
    schedule = LinearDecay(2e-4, 3, 3)
    for jit_compile in (False, True):
        compiled = tf.function(schedule, jit_compile=jit_compile)
        for step in range(8):
            rate = compiled(tf.constant(step, tf.int64))
            np.testing.assert_allclose(rate, schedule(step), rtol=1e-7)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"initial": -1.0}, "initial must be a rate.*-1.0"),
        ({"constant_epochs": -1}, "constant_epochs.*from 0 up.*-1"),
        ({"decay_epochs": 0.5}, "decay_epochs.*0.5"),
        ({"steps_per_epoch": 0}, "steps_per_epoch.*from 1 up.*0"),
        ({"first_epoch": None}, "first_epoch.*None"),
        ({"total_steps": 0}, "total_steps.*from 1 up.*0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearDecay(**{"initial": 2e-4, **arguments})
