"""UNIT's domain adaptation on digits: labels of one domain, test of another.

    python -m tests.benchmarks.digits --digits FOLDER --source mnist

FOLDER has `mnist_digits.npz` and `usps_digits.npz`, each with `x_train`,
`y_train`, `x_test` and `y_test`: images as numbers of any range, and classes 0
to 9. Prints the share of test digits of the target that are classified
correctly, without and with adaptation. Two more rows tell which half of it
fails: translations into the target, of which the class is known, read by the
adapted classifier, and translations of the target, read by the source's.

Reference:
    Liu, Breuel and Kautz 2017, "Unsupervised Image-to-Image Translation
    Networks", arXiv:1703.00848, section 5 and table 1.
    github.com/mingyuliutw/UNIT, branch version_02: CoVAE32x32 and CoDis32x32
    in src/trainers/cocogan_nets_da.py, COCOGANDAContextTrainer in
    src/trainers/cocogan_trainer_da.py.
"""

import argparse
import functools
import pathlib
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_gans.layers import BatchNormalization, Dropout, draw_latents
from keras_gans.networks.shared_latent import Block
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training.base import BaseModel

SIZE = 32
CLASSES = 10
_SLOPE = 0.01
_DOMAINS = "mnist", "usps"


class DigitsUNIT(BaseModel):
    """UNIT for digits: a discriminator that also classifies.

    Encoders share all but the first layer, decoders all but the last two,
    discriminators all but the first. The discriminators' shared features are
    classified, with labels of domain a alone.

    Args:
        base_filters: int, channels of the encoders' first convolution. 64 in
            the original.
        channels_a, channels_b: int, of the images.
        dropout: float, a factor of the discriminators' rates.

    Batch:
        images_a, images_b: float32 `[batch, 32, 32, channels]` in [-1, 1].
        labels_a: float32 `[batch, 10]`, 1 for the class.

    Losses:
        Sums over both domains; with weights.
        g_adversarial, 1: cross-entropy of reconstructions, and of
            translations, called real.
        g_reconstruction, 1e-3: (G_a(E_a(a)) - a)^2, summed over pixels.
        g_kl, 1e-4: mean^2 + sd^2 - log sd^2 of the codes, summed.
        d_real, d_fake, 1: cross-entropy of real images, and of
            reconstructions and translations, each by half.
        d_classification, 10: cross-entropy of the classes of a.
        d_feature, 1e-4: the squared difference of the features of a
            translation and of the reconstruction of the same image, summed.
    """

    terms = {
        "generator": ("adversarial", "reconstruction", "kl"),
        "discriminator": ("real", "fake", "classification", "feature"),
    }
    default_adam = functools.partial(PyTorchAdam, l2=5e-4)
    default_learning_rate = 2e-4
    default_loss_weights = {
        "adversarial": 1.0,
        "reconstruction": 1e-3,
        "kl": 1e-4,
        "real": 1.0,
        "fake": 1.0,
        "classification": 10.0,
        "feature": 1e-4,
    }

    def __init__(
        self, base_filters=64, channels_a=1, channels_b=1, dropout=1.0, **kwargs
    ):
        super().__init__(**kwargs)
        f = base_filters
        rates = [dropout * rate for rate in (0.1, 0.3, 0.5, 0.5)]
        pair = {"a": channels_a, "b": channels_b}

        self.first_a, self.first_b = (
            _network((SIZE, SIZE, count + 2), f"first_{d}", _halved(f, 2))
            for d, count in pair.items()
        )
        deep = Block(
            _halved(2 * f, 2),
            _block(layers.Conv2D(4 * f, 8)),
            _block(layers.Conv2D(8 * f, 1)),
        )
        features = keras.Input((16, 16, f))
        code = deep(features)
        deviation = layers.Conv2D(8 * f, 1, activation="softplus")
        self.deep = keras.Model(
            features, [layers.Conv2D(8 * f, 1)(code), deviation(code)]
        )
        self.decoder = _network(
            *((1, 1, 8 * f), "decoder"),
            _block(layers.Conv2DTranspose(8 * f, 4, 2)),
            _block(layers.Conv2DTranspose(4 * f, 4, 2, "same")),
            _block(layers.Conv2DTranspose(2 * f, 4, 2, "same")),
        )
        self.last_a, self.last_b = (
            _network(
                *((16, 16, 2 * f), f"last_{d}"),
                _block(layers.Conv2DTranspose(f, 4, 2, "same")),
                layers.Conv2DTranspose(count, 1, activation="tanh"),
            )
            for d, count in pair.items()
        )
        self.eye_a, self.eye_b = (
            _network((SIZE, SIZE, count), f"eye_{d}", _seen(f))
            for d, count in pair.items()
        )
        inputs = x = keras.Input((16, 16, f))
        for rate, factor in zip(rates, (2, 4, 8), strict=False):
            x = _seen(factor * f)(Dropout(rate)(x))
        heads = (layers.Conv2D(count, 2) for count in (2, CLASSES))
        dropped = Dropout(rates[-1])(x)
        heads = [layers.Flatten()(head(dropped)) for head in heads]
        self.body = keras.Model(inputs, [x, *heads], name="body")
        for network in self.networks:
            for layer in network.layers:
                if isinstance(layer, BatchNormalization):
                    layer.gamma.trainable = False  # the code has none
        self.seed_generator = keras.random.SeedGenerator()
        self.image_size = SIZE
        self._channels = pair
        self._make_state()

    @property
    def players(self):
        return {
            "generator": (
                *(self.first_a, self.first_b, self.deep),
                *(self.decoder, self.last_a, self.last_b),
            ),
            "discriminator": (self.eye_a, self.eye_b, self.body),
        }

    @property
    def batch_shapes(self):
        return {
            **{
                f"images_{domain}": (None, SIZE, SIZE, count)
                for domain, count in self._channels.items()
            },
            "labels_a": (None, CLASSES),
        }

    def _generated(self, images_a, images_b, noise, training):
        """Return the images of both domains' codes in both, and the codes.

        Args:
            noise: float `[batch of both, 1, 1, channels]`.

        Returns:
            `((own_a, fake_a), (fake_b, own_b), mean, deviation)`.
        """
        first = [
            network(_with_places(images), training=training)
            for network, images in (
                (self.first_a, images_a),
                (self.first_b, images_b),
            )
        ]
        # Batch statistics of shared layers are of both domains.
        mean, deviation = self.deep(tf.concat(first, 0), training=training)
        x = self.decoder(mean + deviation * noise, training=training)
        decoded = (
            tf.split(last(x, training=training), 2)
            for last in (self.last_a, self.last_b)
        )
        return *decoded, mean, deviation

    def _judged(self, images_a, images_b, training):
        """Return features, logits of being real, and logits of classes."""
        x = tf.concat([self.eye_a(images_a), self.eye_b(images_b)], 0)
        return self.body(x, training=training)

    def _draw(self, images):
        """Draw the noise of the codes of as many images of each domain."""
        size = self.decoder.input_shape[-1]
        count = 2 * tf.shape(images)[0]
        noise = draw_latents(self.seed_generator, count, size)
        return tf.reshape(noise, [-1, 1, 1, size])

    def _generator_terms(self, real_a, real_b, noise, training):
        (own_a, fake_a), (fake_b, own_b), mean, deviation = self._generated(
            real_a, real_b, noise, training
        )
        judged = [
            self._judged(*pair, training)[1]
            for pair in ((own_a, own_b), (fake_a, fake_b))
        ]
        variance = tf.square(deviation)
        kl = tf.square(mean) + variance - tf.math.log(variance)
        return {
            "adversarial": _two_classes(judged, 1),
            "reconstruction": _squares(own_a, real_a) + _squares(own_b, real_b),
            # Of the codes of both, which the code counts for each domain.
            "kl": 2.0
            * tf.reduce_sum(kl)
            / tf.cast(tf.shape(mean)[0], tf.float32),
        }, None

    def _discriminator_terms(self, real_a, real_b, labels, noise, training):
        (own_a, fake_a), (fake_b, own_b), *_ = self._generated(
            real_a, real_b, noise, training
        )
        pairs = (real_a, real_b), (own_a, own_b), (fake_a, fake_b)
        found = [self._judged(*pair, training) for pair in pairs]
        _, judged, classes = zip(*found, strict=True)
        # Without dropout.
        of_a, of_b = tf.split(self._judged(own_a, own_b, False)[0], 2)
        of_fake_a, of_fake_b = tf.split(
            self._judged(fake_a, fake_b, False)[0], 2
        )
        class_loss = tf.nn.softmax_cross_entropy_with_logits(
            labels, tf.split(classes[0], 2)[0]
        )
        return {
            "real": _two_classes(judged[:1], 1),
            "fake": 0.5 * _two_classes(judged[1:], 0),
            "classification": tf.reduce_mean(class_loss),
            "feature": _squares(of_fake_b, of_a) + _squares(of_fake_a, of_b),
        }, None

    def train_step(self, batch):
        real_a, real_b, labels = self._check_batch(batch)
        noise, again = self._draw(real_a), self._draw(real_a)
        d_terms, _ = self._update(
            *("discriminator", self._discriminator_terms),
            *(real_a, real_b, labels, noise),
        )
        g_terms, _ = self._update(
            "generator", self._generator_terms, real_a, real_b, again
        )
        return self._report({"discriminator": d_terms, "generator": g_terms})

    def translate(self, images, source):
        """Translate `[n, 32, 32, channels]` of a domain, without noise."""
        other = {"a": "b", "b": "a"}[source]
        x = getattr(self, f"first_{source}")(_with_places(images))
        return getattr(self, f"last_{other}")(self.decoder(self.deep(x)[0]))

    def classifier(self, domain):
        """Return the classifier of a domain: images to logits, a network."""
        inputs = keras.Input((SIZE, SIZE, self._channels[domain]))
        x = getattr(self, f"eye_{domain}")(inputs)
        return keras.Model(inputs, self.body(x)[2])


def _block(*parts):
    # PyTorch's epsilon, and what it keeps of moving statistics.
    normalization = BatchNormalization(epsilon=1e-5, momentum=0.9)
    return Block(*parts, normalization, layers.LeakyReLU(_SLOPE))


def _halved(filters, padding):
    convolution = layers.Conv2D(filters, 2 * padding + 1, 2)
    return _block(layers.ZeroPadding2D(padding), convolution)


def _seen(filters):
    convolution = layers.Conv2D(filters, 5, padding="same", activation="relu")
    return Block(convolution, layers.MaxPooling2D())


def _network(input_shape, name, *blocks):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, Block(*blocks)(inputs), name=name)


def _with_places(images):
    """Append planes of the rows and columns of pixels, in [-1, 1)."""
    steps = (tf.range(SIZE, dtype=tf.float32) - SIZE / 2) / (SIZE / 2)
    planes = tf.stack(tf.meshgrid(steps, steps, indexing="ij"), -1)
    shape = [tf.shape(images)[0], SIZE, SIZE, 2]
    return tf.concat([images, tf.broadcast_to(planes, shape)], -1)


def _squares(images, others):
    """Return the squared difference, summed for each image, of a mean one."""
    square = tf.square(images - others)
    return tf.reduce_sum(square) / tf.cast(tf.shape(images)[0], tf.float32)


def _two_classes(logits, label):
    """Return the sum of the cross-entropies of one of two classes."""
    rows = [tf.nn.log_softmax(one)[:, label] for one in logits]
    return -tf.add_n([*map(tf.reduce_mean, rows)])


def digits(path):
    """Return `(images, classes)` of training and of test, see `main`."""
    with np.load(path) as arrays:
        found = dict(arrays)
    least, most = found["x_train"].min(), found["x_train"].max()
    parts = []
    for half in ("train", "test"):
        x = (found[f"x_{half}"] - least) / (most - least) * 2.0 - 1.0
        # Whole frames, as usual in this comparison.
        x = tf.image.resize(x[..., None].astype("float32"), [SIZE, SIZE])
        parts.append((x.numpy(), found[f"y_{half}"].astype(int)))
    return parts


def batches(source, target, batch_size, seed=0):
    """Return an endless `tf.data.Dataset` of batches of both, unpaired."""
    images, classes = source
    labels = np.eye(CLASSES, dtype="float32")[classes]
    a = {"images_a": images, "labels_a": labels}

    def endless(arrays, seed):
        data = tf.data.Dataset.from_tensor_slices(arrays)
        return data.shuffle(len(images), seed).repeat()

    both = endless(a, seed), endless({"images_b": target[0]}, seed + 1)
    data = tf.data.Dataset.zip(both).map(lambda one, other: one | other)
    return data.batch(batch_size, drop_remainder=True).prefetch(2)


def correct(classifier, images, classes):
    """Return the share of images that are classified correctly."""
    logits = classifier.predict(images, batch_size=250, verbose=0)
    return float(np.mean(np.argmax(logits, 1) == classes))


def adapt(
    source, target, base_filters, steps, batch_size, seed=0, loss_weights=None
):
    """Train UNIT; return it and the steps a second."""
    keras.utils.set_random_seed(seed)
    model = DigitsUNIT(base_filters)
    model.compile(loss_weights=loss_weights)
    start = time.monotonic()
    model.fit(
        batches(source, target, batch_size, seed),
        steps_per_epoch=steps,
        verbose=0,
        shuffle=False,
    )
    return model, steps / (time.monotonic() - start)


def without(source, base_filters, steps, batch_size, seed=0):
    """Train the same classifier on the source alone; return it."""
    keras.utils.set_random_seed(seed)
    classifier = DigitsUNIT(base_filters).classifier("a")
    classifier.compile(
        PyTorchAdam(2e-4, 0.5, l2=5e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    data = tf.data.Dataset.from_tensor_slices(source)
    data = data.shuffle(len(source[0]), seed).repeat().batch(batch_size)
    classifier.fit(data, steps_per_epoch=steps, verbose=0)
    return classifier


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--digits", required=True, type=pathlib.Path)
    parser.add_argument("--source", choices=_DOMAINS, default="mnist")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--base-filters", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--reconstruction",
        type=float,
        default=DigitsUNIT.default_loss_weights["reconstruction"],
        help="its weight (default: the original's 0.001)",
    )
    arguments = parser.parse_args(argv)
    name = arguments.source
    (other,) = {*_DOMAINS} - {name}
    (source, known), (target, test) = (
        digits(arguments.digits / f"{one}_digits.npz") for one in (name, other)
    )
    options = (
        *(arguments.base_filters, arguments.steps),
        *(arguments.batch_size, arguments.seed),
    )
    alone = without(source, *options)
    weights = {"reconstruction": arguments.reconstruction}
    model, rate = adapt(source, target, *options, weights)
    tests = {"a": known, "b": test}
    adapted = [correct(model.classifier(d), *tests[d]) for d in "ab"]
    # Of b's test translated to a, and of a's to b.
    translated = [
        correct(model.classifier(d), model.translate(images, s), classes)
        for d, s, (images, classes) in zip(
            "ab", "ba", (test, known), strict=True
        )
    ]
    print(
        f"{name} to {other}, {arguments.steps} steps, "
        f"{arguments.base_filters} filters, batch {arguments.batch_size}, "
        f"reconstruction {arguments.reconstruction:g}, "
        f"seed {arguments.seed}; {rate:.3g} steps a second\n\n"
        f"| classifier | {name} test | {other} test |\n| --- | --- | --- |\n"
        f"| trained on {name} alone | {correct(alone, *known):.3f} | "
        f"{correct(alone, *test):.3f} |\n"
        f"| adapted by UNIT | {adapted[0]:.3f} | {adapted[1]:.3f} |\n"
        f"| {other} translated to {name} | | {translated[0]:.3f} |\n"
        f"| {name} translated to {other} | {translated[1]:.3f} | |"
    )


if __name__ == "__main__":
    main()
