"""The rates that `compile` sets."""

import numpy as np
import pytest

from keras_gans.optimizers.schedules import LinearDecay
from keras_gans.training import rates


def test_a_recipe_with_epochs_follows_fit_or_the_steps_given():
    generator, critic, course = rates.published(2e-4, (100, 100), None)
    assert (generator, critic) == (2e-4, 2e-4)
    assert float(course(0)) == pytest.approx(2e-4) and float(course(200)) == 0.0
    generator, critic, course = rates.published(
        2e-4, (100, 100), 400, critic_steps=5
    )
    assert course is None
    for step in (0, 199, 300, 399):
        assert float(generator(step)) == float(critic(5 * step + 4))
    np.testing.assert_allclose(generator(300), 1e-4, rtol=0.02)


def test_schedule_overrides_the_recipe():
    assert rates.published(0.1, (100, 100), 400, "constant") == (0.1, 0.1, None)
    assert rates.published(0.1, None, 400) == (0.1, 0.1, None)
    generator, _, _ = rates.published(0.1, None, 400, "linear")
    np.testing.assert_allclose(
        [generator(step) for step in (0, 199, 300, 400)],
        [0.1, 0.1, 0.05, 0.0],
        rtol=0.02,
    )
    own = LinearDecay(0.1)
    assert rates.published(own, (100, 100), 400) == (own, own, None)
