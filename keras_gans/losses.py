"""Losses as pure functions of tensors.

Adversarial pairs, distances, classification, the gradient penalty, content
and style. Random values, such as the points of the penalty, are arguments.

A loss is a float32 scalar for inputs of any type, and by default the mean
over all elements of any shape: one logit per image, `[batch, 1, 1, 1]`, or a
patch map, `[batch, height, width, 1]`.

An adversarial loss is a pair of functions. The generator minimizes
`<name>_generator(fake_logits)`; the discriminator minimizes the two terms
`(real, fake)` of `<name>_discriminator(real_logits, fake_logits)`.
"""

import tensorflow as tf

from keras_gans import checks
from keras_gans.checks import UserError


def _mean(values, weights=None):
    values = tf.cast(values, tf.float32)
    if weights is not None:
        values *= tf.cast(weights, tf.float32)
    return tf.reduce_mean(values)


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
        UserError: if `name` is not a key of `ADVERSARIAL`.
    """
    if name not in ADVERSARIAL:
        raise UserError(
            "adversarial_loss must be one of "
            f"{', '.join(ADVERSARIAL)}. Received: {name!r}"
        )
    return ADVERSARIAL[name]


def smooth_l1(real, fake):
    """Squared error / 2 up to 1, then |error| - 1/2.

    Reference: Girshick 2015, "Fast R-CNN", arXiv:1504.08083, eq. 3.
    """
    errors = tf.abs(tf.cast(real, tf.float32) - tf.cast(fake, tf.float32))
    inner = tf.minimum(errors, 1.0)
    return _mean(inner * (errors - inner / 2))


def gray_divergence(images, others, epsilon=1 / 255):
    """KL divergence of images whose gray values are taken as distributions.

    Gray values, mapped to [0, 1], are divided by their sum over the image.

    Args:
        images, others: `[batch, height, width, 3]` in [-1, 1].
        epsilon: float, added to gray values, since black has no logarithm.
            Default: a gray level.

    Returns:
        float32 `[batch]`, KL(images || others), in nats.

    Reference:
        Lu et al. 2018, "Image Generation from Sketch Constraint Using
        Contextual GAN", arXiv:1711.08972, the contextual loss.
    """

    def distribution(images):
        gray = tf.image.rgb_to_grayscale(tf.cast(images, tf.float32))
        parts = (gray + 1.0) / 2.0 + epsilon
        return parts / tf.reduce_sum(parts, (1, 2, 3), keepdims=True)

    p, q = distribution(images), distribution(others)
    return tf.reduce_sum(p * tf.math.log(p / q), (1, 2, 3))


def l1(targets, outputs):
    """Mean absolute difference, in the units of the two tensors."""
    difference = tf.cast(targets, tf.float32) - tf.cast(outputs, tf.float32)
    return _mean(tf.abs(difference))


def mean_square(values):
    """Mean of the squares.

    Of the means of normal distributions of variance 1 it is, but for the
    factor 1/2, the Kullback-Leibler divergence from N(0, 1).
    """
    return _mean(tf.square(tf.cast(values, tf.float32)))


def attribute_classification(labels, logits, weights=None):
    """Sigmoid cross-entropy, summed over the labels, mean over the batch.

    For independent labels. The sum is not divided by their number: with ten
    labels the loss is about twice that with five.

    Args:
        labels: `[batch, num_labels]`, each 0 or 1.
        logits: `[batch, num_labels]`.
        weights: `[batch]`, factors of the images; the mean is still over
            all of them. Default: 1.

    Reference:
        Choi et al. 2018, eq. 2 and 3; the sum is that of the authors' code,
        github.com/yunjey/stargan, solver.py.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(
        tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    )
    return _mean(tf.reduce_sum(losses, axis=-1), weights)


def exclusive_classification(labels, logits, weights=None):
    """Softmax cross-entropy, mean over the batch.

    For labels of which exactly one holds.

    Args:
        labels: `[batch, num_labels]`, one 1 per row, else 0.
        logits: `[batch, num_labels]`.
        weights: as in `attribute_classification`.

    Reference:
        Choi et al. 2018, eq. 2 and 3.
    """
    losses = tf.nn.softmax_cross_entropy_with_logits(
        tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    )
    return _mean(losses, weights)


def classification(table, labels, logits, scores=tf.identity):
    """Cross-entropy of all labels, summed over groups and other labels.

    A softmax for each exclusive group, of the images of which a label of the
    group holds, and a sigmoid for each other label.

    Args:
        table: `keras_gans.labels.Labels` of one data set.
        labels: `[batch, num_labels]`, each 0 or 1.
        logits: `[batch, num_labels]`.
        scores: function of the logits of a group to those of the softmax.

    Reference:
        Odena et al. 2017, "Conditional Image Synthesis with Auxiliary
        Classifier GANs", arXiv:1610.09585, eq. 3, which has one group.
    """

    def columns(names):
        places = [table.names.index(name) for name in names]
        return (
            tf.gather(tf.cast(values, tf.float32), places, axis=-1)
            for values in (labels, logits)
        )

    terms = []
    for group in table.groups:
        own, found = columns(group)
        count = tf.reduce_sum(own, -1, keepdims=True)
        own /= tf.maximum(count, 1.0)
        known = tf.minimum(count[:, 0], 1.0)  # 0 where none holds
        terms.append(exclusive_classification(own, scores(found), known))
    others = [n for n in table.names if n not in sum(table.groups, ())]
    if others:
        terms.append(attribute_classification(*columns(others)))
    return tf.add_n(terms)


def gradient_norms(critic, images):
    """Return the gradient norm of a critic at each image, float32 `[batch]`.

    The Euclidean norm, over all pixels and channels of an image, of the
    gradient of the sum of its logits. The sum, not the mean: on a patch map
    the two differ by the number of patches.

    Where the gradient is 0 the norm has no derivative; here it is 0.

    Args:
        critic: function from images to logits `[batch, ...]`. It must not
            mix the images of a batch, as batch normalization does.
        images: `[batch, height, width, channels]`.
    """
    images = tf.cast(images, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = tf.reduce_sum(tf.cast(critic(images), tf.float32))
    gradients = tape.gradient(logits, images)
    squares = tf.reduce_sum(
        tf.square(gradients), list(range(1, images.shape.rank))
    )
    # Twice: `where` alone hands back 0 times infinity, which is NaN.
    steep = squares > 0.0
    return tf.where(steep, tf.sqrt(tf.where(steep, squares, 1.0)), 0.0)


def gradient_penalty(critic, real, fake, mixing, target=1.0):
    """(norm / target - 1)^2 of a critic's gradient between real and fake.

    Args:
        critic: function from images to logits, see `gradient_norms`; for a
            discriminator with several outputs, to its logits only.
        real: `[batch, height, width, channels]`.
        fake: the same shape.
        mixing: `[batch, 1, 1, 1]` or `[batch]` in [0, 1], the share of the
            real image; random, one number per image.
        target: float, the norm to keep to.

    Returns:
        The mean over the batch, without the weight of 10.

    Reference:
        Gulrajani et al. 2017, "Improved Training of Wasserstein GANs",
        arXiv:1704.00028, eq. 3; Choi et al. 2018, eq. 8.
    """
    real, fake = tf.cast(real, tf.float32), tf.cast(fake, tf.float32)
    mixing = tf.cast(mixing, tf.float32)
    mixing = tf.reshape(mixing, [-1] + [1] * (real.shape.rank - 1))
    norms = gradient_norms(critic, mixing * real + (1.0 - mixing) * fake)
    return _mean(tf.square(norms / target - 1.0))


# What the sum over positions is divided by.
GRAM_NORMALIZATIONS = ("none", "positions", "elements")


def gram(features, normalization="positions", weights=None):
    """Products of all pairs of channels, summed over positions.

    Args:
        features: `[batch, height, width, channels]`.
        normalization: str, what the sums are divided by. `"none"`: nothing;
            `"positions"`: height * width; `"elements"`: height * width *
            channels.
        weights: `[batch or 1, height, width, 1]` from 0 up, how much each
            position counts, where there are styles for regions (Gatys et al.
            2017, arXiv:1611.07865, eq. 6; a weight is the square of their
            guide). Their sum is then the number of positions. Default: 1.

    Returns:
        float32 `[batch, channels, channels]`.

    Raises:
        UserError: if the normalization is unknown.

    Reference:
        Gatys et al. 2016, "Image Style Transfer Using Convolutional Neural
        Networks", eq. 3, has `"none"`, the program of its authors
        `"positions"`; Johnson et al. 2016, arXiv:1603.08155, eq. 3, and
        neural-style have `"elements"`.
    """
    checks.one_of(GRAM_NORMALIZATIONS, normalization=normalization)
    features = tf.cast(features, tf.float32)
    channels = features.shape[-1]
    ones = tf.ones_like(features[:1, ..., :1])
    weights = ones if weights is None else tf.cast(weights, tf.float32)
    rows, weighted = (
        tf.reshape(values, [tf.shape(features)[0], -1, channels])
        for values in (features, features * weights)
    )
    sums = tf.matmul(rows, weighted, transpose_a=True)
    if normalization == "none":
        return sums
    count = tf.reduce_sum(weights, (1, 2))[..., tf.newaxis]
    if normalization == "elements":
        count *= channels
    return sums / count


def content(features, targets):
    """Mean squared difference of features, of any shape.

    Reference:
        The program of Gatys et al. 2016, github.com/leongatys/
        PytorchNeuralStyleTransfer; eq. 1 of the paper is half of the sum.
    """
    difference = tf.cast(features, tf.float32) - tf.cast(targets, tf.float32)
    return mean_square(difference)


def style(features, grams, normalization="positions", weights=None):
    """Mean squared difference between the features' Gram matrix and another.

    With `"positions"` it is four times the layer's loss in the paper, whose
    sum is divided by 4 N^2 M^2 for N channels and M positions.

    Args:
        features, normalization, weights: as of `gram`.
        grams: `[batch or 1, channels, channels]`, with the same
            normalization; the image it is of may have any size.

    Reference:
        Gatys et al. 2016, eq. 4, and the program of its authors.
    """
    return content(gram(features, normalization, weights), grams)


def total_variation(images, power=1):
    """Differences of neighbors to this power, summed over an image.

    Args:
        images: `[batch, height, width, channels]`.
        power: int, 1, the absolute differences of neural-style, or 2, the
            squares of Johnson et al. 2016, section 3.2.

    Returns:
        float32, mean over the batch of the sums, in the images' units.
    """
    images = tf.cast(images, tf.float32)
    sums = [
        tf.reduce_sum(tf.abs(difference) ** power, (1, 2, 3))
        for difference in (
            images[:, 1:] - images[:, :-1],
            images[:, :, 1:] - images[:, :, :-1],
        )
    ]
    return _mean(tf.add_n(sums))


def by_layer(loss, features, targets, weights):
    """Sum a loss over layers: weight * loss(features, targets) of each.

    Args:
        loss: function of features and targets, such as `content`.
        features, targets: dicts from layer to tensors.
        weights: dict from layer to float, of the layers to sum over.
    """
    return tf.add_n(
        [w * loss(features[n], targets[n]) for n, w in weights.items()]
    )


def impacts(terms, images):
    """Norm of each term's gradient with respect to the images.

    Terms divided by it have the same part in the first step. He, Wang and
    Hopcroft 2016, arXiv:1606.04801, weight the layers of a network of random
    weights so.

    Args:
        terms: function from images to a dict from name to scalar.
        images: `[batch, height, width, channels]`.

    Returns:
        dict from name to float32 scalar.
    """
    images = tf.cast(images, tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        found = terms(images)
    return {n: tf.norm(tape.gradient(x, images)) for n, x in found.items()}
