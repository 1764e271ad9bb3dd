"""Losses as pure functions of tensors: adversarial pairs and distances.

Every function returns a float32 scalar, the mean over all elements, whatever
the type and shape of its input: one logit per image, `[batch, 1, 1, 1]`, or a
patch map, `[batch, height, width, 1]`.

An adversarial loss is a pair of functions. `<name>_generator(fake_logits)`
is what the generator lowers; `<name>_discriminator(real_logits, fake_logits)`
returns the two terms that the discriminator lowers, `(real, fake)`.
"""

import tensorflow as tf


def _mean(values):
    return tf.reduce_mean(tf.cast(values, tf.float32))


def non_saturating_generator(fake_logits):
    """-log D(fake). Reference: Goodfellow et al. 2014, section 3."""
    return _mean(tf.nn.softplus(-tf.cast(fake_logits, tf.float32)))


def non_saturating_discriminator(real_logits, fake_logits):
    """-log D(real) and -log(1 - D(fake)). Goodfellow et al. 2014, eq. 1."""
    return (
        _mean(tf.nn.softplus(-tf.cast(real_logits, tf.float32))),
        _mean(tf.nn.softplus(tf.cast(fake_logits, tf.float32))),
    )


def least_squares_generator(fake_logits):
    """(D(fake) - 1)^2. Reference: Mao et al. 2017, eq. 9, without its 1/2."""
    return _mean(tf.square(tf.cast(fake_logits, tf.float32) - 1.0))


def least_squares_discriminator(real_logits, fake_logits):
    """(D(real) - 1)^2 and D(fake)^2. Mao et al. 2017, eq. 9, without 1/2."""
    return (
        _mean(tf.square(tf.cast(real_logits, tf.float32) - 1.0)),
        _mean(tf.square(tf.cast(fake_logits, tf.float32))),
    )


def hinge_generator(fake_logits):
    """-D(fake). Reference: Miyato et al. 2018, eq. 17."""
    return -_mean(fake_logits)


def hinge_discriminator(real_logits, fake_logits):
    """max(0, 1 - D(real)) and max(0, 1 + D(fake)). Miyato et al., eq. 16."""
    return (
        _mean(tf.nn.relu(1.0 - tf.cast(real_logits, tf.float32))),
        _mean(tf.nn.relu(1.0 + tf.cast(fake_logits, tf.float32))),
    )


def wasserstein_generator(fake_logits):
    """-D(fake). Reference: Arjovsky et al. 2017, eq. 2."""
    return -_mean(fake_logits)


def wasserstein_discriminator(real_logits, fake_logits):
    """-D(real) and D(fake). Reference: Arjovsky et al. 2017, eq. 2."""
    return -_mean(real_logits), _mean(fake_logits)


ADVERSARIAL = {
    "non_saturating": (non_saturating_generator, non_saturating_discriminator),
    "least_squares": (least_squares_generator, least_squares_discriminator),
    "hinge": (hinge_generator, hinge_discriminator),
    "wasserstein": (wasserstein_generator, wasserstein_discriminator),
}


def adversarial(name):
    """Return the pair `(generator, discriminator)` of an adversarial loss.

    Raises:
        ValueError: if `name` is not a key of `ADVERSARIAL`.
    """
    if name not in ADVERSARIAL:
        raise ValueError(
            "adversarial_loss must be one of "
            f"{', '.join(ADVERSARIAL)}. Received: {name!r}"
        )
    return ADVERSARIAL[name]


def l1(targets, outputs):
    """Mean absolute difference, in the units of the two tensors."""
    difference = tf.cast(targets, tf.float32) - tf.cast(outputs, tf.float32)
    return _mean(tf.abs(difference))
