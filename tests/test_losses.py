"""Losses against numbers worked out by hand, flat and patch-shaped."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import losses

REAL = [2.0, -1.0, 0.5]
FAKE = [0.3, -2.0, 1.5]


def softplus(x):
    return math.log1p(math.exp(x))


def mean(values):
    return sum(values) / len(values)


# name -> generator, real, fake
EXPECTED = {
    "non_saturating": (
        mean([softplus(-x) for x in FAKE]),
        mean([softplus(-x) for x in REAL]),
        mean([softplus(x) for x in FAKE]),
    ),
    # (0.49 + 9 + 0.25) / 3, (1 + 4 + 0.25) / 3, (0.09 + 4 + 2.25) / 3
    "least_squares": (9.74 / 3, 5.25 / 3, 6.34 / 3),
    # -(-0.2) / 3, (0 + 2 + 0.5) / 3, (1.3 + 0 + 2.5) / 3
    "hinge": (0.2 / 3, 2.5 / 3, 3.8 / 3),
    "wasserstein": (0.2 / 3, -1.5 / 3, -0.2 / 3),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(3,), (3, 1, 1, 1), (1, 1, 3, 1)])
@pytest.mark.parametrize("name", losses.ADVERSARIAL)
def test_adversarial(name, shape, dtype):
    generator, discriminator = losses.adversarial(name)
    real, fake = (
        tf.cast(tf.reshape(tf.constant(x), shape), dtype) for x in (REAL, FAKE)
    )
    actual = (generator(fake), *discriminator(real, fake))
    assert all(value.dtype == tf.float32 for value in actual)
    tolerance = 1e-6 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(
        actual, EXPECTED[name], rtol=tolerance, atol=tolerance
    )


def test_non_saturating_agrees_with_tensorflow_1(reference):
    tf1 = reference("ops_tf1")
    generator, discriminator = losses.adversarial("non_saturating")
    for i, x in enumerate(tf1["act/x"]):
        expected = tf1["act/sigmoid_ce_target1"][i]
        real, fake = discriminator([x], [x])
        np.testing.assert_allclose(generator([x]), expected, rtol=1e-6)
        np.testing.assert_allclose(real, expected, rtol=1e-6)
        np.testing.assert_allclose(
            fake, tf1["act/sigmoid_ce_target0"][i], rtol=1e-6
        )


def test_non_saturating_is_finite_for_any_logit():
    generator, discriminator = losses.adversarial("non_saturating")
    logits = tf.constant([-1e4, 1e4])
    values = [generator(logits), *discriminator(logits, logits)]
    assert np.all(np.isfinite(values))


def test_l1():
    a = tf.constant([[1.0, -1.0], [0.5, 0.0]])
    b = tf.constant([[0.0, -1.0], [0.25, 2.0]])
    np.testing.assert_allclose(losses.l1(a, b), 3.25 / 4)
    assert losses.l1(tf.cast(a, "float16"), b).dtype == tf.float32


def test_unknown_name_lists_the_names():
    with pytest.raises(ValueError, match="non_saturating.*hinge.*'wgan'"):
        losses.adversarial("wgan")
