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


def test_smooth_l1():
    errors = tf.constant([0.0, -0.5, 1.0, -3.0])
    expected = (0.0 + 0.125 + 0.5 + 2.5) / 4
    np.testing.assert_allclose(losses.smooth_l1(errors, 0.0), expected)


def test_unknown_name_lists_the_names():
    with pytest.raises(ValueError, match="non_saturating.*hinge.*'wgan'"):
        losses.adversarial("wgan")


def test_classification_agrees_with_the_original(reference):
    fixture = reference("stargan_labels_losses")
    onehot = fixture["onehot/out"]
    np.testing.assert_array_equal(onehot.argmax(1), fixture["onehot/labels"])
    for case, loss, labels in (
        (
            "celeba",
            losses.attribute_classification,
            fixture["cls/celeba_target"],
        ),
        ("rafd", losses.exclusive_classification, onehot),
    ):
        logits = tf.constant(fixture[f"cls/{case}_logit"])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits)
        fixture.assert_close(f"cls/{case}_loss", value)
        fixture.assert_close(f"cls/{case}_grad", tape.gradient(value, logits))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_classification(dtype):
    labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype)
    logits = tf.constant([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]], dtype)
    # Every attribute for itself, divided by the two images alone.
    attributes = losses.attribute_classification(labels, logits)
    expected = softplus(-2) + softplus(-1) + softplus(0.5)
    expected += softplus(0) + softplus(1) + softplus(2)
    np.testing.assert_allclose(attributes, expected / 2, rtol=1e-6)
    classes = losses.exclusive_classification(labels, logits)
    expected = math.log(math.exp(2) + math.exp(-1) + math.exp(0.5)) - 2
    expected += math.log(math.exp(0) + math.exp(1) + math.exp(-2)) + 2
    np.testing.assert_allclose(classes, expected / 2, rtol=1e-6)
    assert attributes.dtype == classes.dtype == tf.float32
    # By weight, an image counts nothing, and the mean is over all still.
    for loss in (
        losses.attribute_classification,
        losses.exclusive_classification,
    ):
        np.testing.assert_allclose(
            loss(labels, logits, tf.constant([0.0, 1.0], dtype)),
            loss(labels[1:], logits[1:]) / 2,
            rtol=1e-6,
        )


def test_one_label_is_one_binary_cross_entropy():
    np.testing.assert_allclose(
        losses.attribute_classification([[1.0], [0.0]], [[0.5], [3.0]]),
        (softplus(-0.5) + softplus(3.0)) / 2,
        rtol=1e-6,
    )


def test_classification_is_finite_for_any_logit():
    labels, logits = [[1.0, 0.0]], [[-1e4, 1e4]]
    for loss in (
        losses.attribute_classification,
        losses.exclusive_classification,
    ):
        np.testing.assert_allclose(loss(labels, logits), 2e4)


def patches(images):
    """A critic of four patches: 3, 3, 3 and 3 times the first pixel, squared.

    With a pixel of value v the gradient of their sum is 4 * 3 * 2 * v.
    """
    return 3.0 * tf.tile(images[:, :1, :1] ** 2, [1, 2, 2, 1])


def test_gradient_norms_are_those_of_the_sum_per_picture():
    images = np.zeros((3, 2, 2, 1), "float32")
    images[:, 0, 0, 0] = [0.5, -2.0, 0.0]
    norms = losses.gradient_norms(patches, images)
    np.testing.assert_allclose(norms, [12.0, 48.0, 0.0], rtol=1e-6)
    # Over all pixels and channels: sqrt(2 * 2 * 3) ones.
    norms = losses.gradient_norms(
        lambda x: tf.reduce_sum(x, (1, 2, 3)), np.zeros((2, 2, 2, 3))
    )
    np.testing.assert_allclose(norms, [12**0.5] * 2, rtol=1e-6)


@pytest.mark.parametrize("shape", [(2,), (2, 1, 1, 1)])
def test_gradient_penalty_mixes_per_picture(shape):
    real = np.zeros((2, 2, 2, 1), "float32")
    fake = real + 1.0
    mixing = np.reshape([0.25, 1.0], shape)
    # The pixels are 0.75 and 0: (24 * 0.75 - 1)^2 and (0 - 1)^2.
    penalty = losses.gradient_penalty(patches, real, fake, mixing)
    np.testing.assert_allclose(penalty, (17.0**2 + 1.0) / 2, rtol=1e-6)
    half = [tf.cast(x, "float16") for x in (real, fake)]
    penalty = losses.gradient_penalty(patches, *half, mixing)
    assert penalty.dtype == tf.float32


def test_gradient_penalty_of_a_flat_critic_has_finite_gradients():
    images = np.ones((2, 2, 2, 1), "float32")
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda x: weight * patches(x), images, images, [0.5, 0.5]
        )
    assert penalty == 1.0
    assert tape.gradient(penalty, weight) == 0.0
    # And where only one image is flat, the other still counts: (w 24 - 1)^2.
    weight.assign(1.0)
    images[0] = 0.0
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda x: weight * patches(x), images, images, [0.5, 0.5]
        )
    np.testing.assert_allclose(penalty, (1.0 + 23.0**2) / 2)
    np.testing.assert_allclose(tape.gradient(penalty, weight), 23.0 * 24.0)
