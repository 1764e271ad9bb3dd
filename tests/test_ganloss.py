"""Our adversarial losses and L1 are those of the PyTorch original."""

import pytest
import tensorflow as tf

from keras_gans import losses
from tests.networks.pytorch_reference import nchw, nhwc


@pytest.mark.parametrize(
    "mode,name",
    [
        ("lsgan", "least_squares"),
        ("vanilla", "non_saturating"),
        ("wgangp", "wasserstein"),
    ],
)
def test_both_targets_with_gradients(reference, mode, name):
    fixture = reference("pix_ganloss")
    generator, discriminator = losses.adversarial(name)
    logits = tf.constant(nhwc(fixture["in/prediction"]))
    for target, functions in (
        # What the generator lowers is the real loss of its fakes.
        ("real", (lambda x: discriminator(x, x)[0], generator)),
        ("fake", (lambda x: discriminator(x, x)[1],)),
    ):
        for function in functions:
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = function(logits)
            gradient = tape.gradient(loss, logits)
            fixture.assert_close(f"{mode}/loss_{target}", loss)
            fixture.assert_close(f"{mode}/grad_{target}", nchw(gradient))


def test_smoothed_labels_are_shifted_logits(reference):
    fixture = reference("pix_ganloss")
    logits = nhwc(fixture["in/prediction"])
    # (D - 0.9)^2 is (D + 0.1 - 1)^2, and (D - 0.1)^2 is that of D - 0.1.
    real, fake = losses.least_squares_discriminator(logits + 0.1, logits - 0.1)
    fixture.assert_close("lsgan_smooth_0.9_0.1/loss_real", real)
    fixture.assert_close("lsgan_smooth_0.9_0.1/loss_fake", fake)


def test_l1(reference):
    fixture = reference("pix_ganloss")
    a = tf.constant(nhwc(fixture["l1/a"]))
    with tf.GradientTape() as tape:
        tape.watch(a)
        loss = losses.l1(nhwc(fixture["l1/b"]), a)
    fixture.assert_close("l1/loss", loss)
    fixture.assert_close("l1/grad_a", nchw(tape.gradient(loss, a)))
