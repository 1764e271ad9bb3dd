"""AC-GAN: images from noise and labels, which the discriminator reads back.

The generator makes an image of a random vector and labels; the discriminator
judges whether an image is real and, by a second head, which labels it shows.
"""

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.labels import CELEBA_LABELS, Labels
from keras_gans.networks import (
    noise_discriminator,
    noise_generator,
    upsampling_discriminator,
    upsampling_generator,
)
from keras_gans.networks.noise import check_image_size
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.noise import NoiseModel


@keras.saving.register_keras_serializable("keras_gans")
class ACGAN(NoiseModel):
    """AC-GAN: an auxiliary classifier tells both networks about the labels.

    Both networks learn that the labels of an image can be told: the
    discriminator from real and from generated images, the generator from its
    own.

    `architecture="dcgan"` is DCGAN with labels appended to the latent vector
    and a second head. `architecture="upsampling"` is a public code for
    PyTorch, made for digits, with its slips: labels multiply the latents, the
    classes pass a softmax twice, batch normalization has an epsilon of 0.8.

    Args:
        architecture: `"dcgan"` or `"upsampling"`.
        image_size: int, pixels, a multiple of 16 from 16 up, or two such,
            `(height, width)`. Default 64. The package's data sets are square.
        labels: list of str, the names of the labels of the data set in the
            order of the vectors. Default: StarGAN's for CelebA, three hair
            colors, Male, Young.
        exclusive: list of lists of str, groups of labels of which one holds:
            classes. Other labels hold or not by themselves. Default: CelebA's
            hair colors among `labels`.
        latent_dim: int, length of a latent vector. Default 100.
        base_filters: int. dcgan: channels of the generator before the image,
            default 64. upsampling: an eighth of those of its smallest map,
            default 16.
        discriminator_filters: int, channels of the discriminator's first
            convolution. Default: the same.

    Batch:
        images: float32 `[batch, height, width, 3]` in [-1, 1].
        labels: float32 `[batch, num_labels]`, 0 or 1.

    Returns:
        `model([latents, labels])`, of float `[batch, latent_dim]` and float
        `[batch, num_labels]`: float32 `[batch, height, width, 3]` in [-1, 1];
        with moving statistics, so that a latent vector has one image,
        whatever the batch. `model.generate(count, seed, labels={"Male": 1})`
        draws the latents.

    Raises:
        UserError: if an argument does not fit; before any layer is made.

    Losses:
        Eq. 2 and 3; all weights 1, in upsampling 0.5 for the generator and
        0.25 for the discriminator. log P(c | x) is the sum of a softmax for
        each exclusive group and a sigmoid for each other label.

        g_adversarial: -log D(G(z, c)), in the non-saturating form.
        g_classification: -log P(c | G(z, c)).
        d_real: -log D(x).
        d_fake: -log(1 - D(G(z, c))).
        d_real_classification: -log P(c | x).
        d_fake_classification: -log P(c | G(z, c)).

    Departures:
        The paper has no table for 64 pixels, only for 32 and 128. DCGAN's
        networks are used, of which the generator that PyTorch publishes works
        on faces.
        The paper has one class an image. With labels of several groups P is
        the product over groups. An image with none of a group, such as one of
        a bald head among CelebA's hair colors, does not count for the group:
        there is no such class.
        Images are generated for the labels of the batch, so for such
        combinations as occur; the code draws each class as often. Order of
        updates as in the code: the generator first.
        upsampling: the code takes one class an image, whose embedding
        multiplies the latents. With several labels the factors are 1 plus
        what each embedding differs from 1.

    Demonstration:
        Without data: photos of the embedded faces, `base_filters=32`, batches
        of 32, `ema=0.999`, 6,000 steps in bfloat16, without it 3,300;
        upsampling: `base_filters=8`, 2,000 steps.

    Reference:
        Odena et al. 2017, "Conditional Image Synthesis With Auxiliary
        Classifier GANs", arXiv:1610.09585, section 3.
        github.com/eriklindernoren/PyTorch-GAN, implementations/acgan/acgan.py.
    """

    data_kind = "labelled"
    terms = {
        "generator": ("adversarial", "classification"),
        "discriminator": (
            *("real", "fake"),
            *("real_classification", "fake_classification"),
        ),
    }

    default_adam = PyTorchAdam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    default_adversarial_loss = "non_saturating"

    def __init__(
        self,
        architecture="dcgan",
        image_size=64,
        labels=CELEBA_LABELS,
        exclusive=None,
        latent_dim=100,
        base_filters=None,
        discriminator_filters=None,
        name="acgan",
        **kwargs,
    ):
        recipe = self.recipe_of(architecture)
        sides = check_image_size(image_size)
        if base_filters is None:
            base_filters = recipe.base_filters
        if discriminator_filters is None:
            discriminator_filters = base_filters
        checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
        checks.at_least(
            1,
            base_filters=base_filters,
            discriminator_filters=discriminator_filters,
        )
        label_table = Labels.of_one_set(labels, exclusive)
        super().__init__(name=name, **kwargs)

        num_labels = len(label_table.names)
        self.generator = recipe.generator(
            sides, latent_dim, num_labels, base_filters
        )
        self.discriminator = recipe.discriminator(
            sides, num_labels, discriminator_filters
        )

        self.architecture = architecture
        self.image_size = sides[0] if sides[0] == sides[1] else sides
        self.label_table = label_table
        self.latent_dim = latent_dim
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self._recipe = recipe
        self._make_state()

    def get_config(self):
        size = self.image_size
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": size if isinstance(size, int) else list(size),
            **self.label_table.config(),
            "latent_dim": self.latent_dim,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
        }

    def _classification(self, vectors, logits):
        """Return -log P(labels)."""
        scores = tf.nn.softmax if self._recipe.softmax_twice else tf.identity
        return losses.classification(self.label_table, vectors, logits, scores)

    def _generator_terms(self, latents, vectors, training):
        fake = self._generated(latents, vectors, training)  # G(z, c)
        logits, classes = self.discriminator(fake, training=training)
        return {
            "adversarial": self._generator_loss(logits),  # -log D(G(z, c))
            # -log P(c | G(z, c)), eq. 3
            "classification": self._classification(vectors, classes),
        }, fake

    def _discriminator_terms(self, images, vectors, fake, wanted, training):
        # Real and fake pass separately: together, batch normalization would
        # mix their statistics.
        of_real, real_classes = self.discriminator(images, training=training)
        of_fake, fake_classes = self.discriminator(fake, training=training)
        # -log D(x), -log(1 - D(G(z, c))), eq. 2
        real, fake = self._discriminator_loss(of_real, of_fake)
        return {
            "real": real,
            "fake": fake,
            # -log P(c | x) and -log P(c | G(z, c)), eq. 3
            "real_classification": self._classification(vectors, real_classes),
            "fake_classification": self._classification(wanted, fake_classes),
        }, None

    def train_step(self, batch):
        images, vectors = self._check_batch(batch)
        latents = self._draw(images, self.seed_generator)
        wanted = self._draw_labels(vectors)
        g_terms, fake = self._update(
            "generator", self._generator_terms, latents, wanted
        )
        # On the images that the generator made before its update.
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(images, vectors, fake, wanted),
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        images, vectors = self._check_batch(batch)
        latents = self._draw(images, seed=0)
        g_terms, fake = self._generator_terms(latents, vectors, training=False)
        d_terms, _ = self._discriminator_terms(
            images, vectors, fake, vectors, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def _judge(self):
        """Return the discriminator's head for real and fake."""
        network = self.discriminator
        return keras.Model(network.input, network.outputs[0], name=network.name)


class _DCGAN:
    """DCGAN's networks and recipe, with labels and classes."""

    base_filters = 64
    softmax_twice = False
    default_loss_weights = {
        **dict.fromkeys(("adversarial", "classification"), 1.0),
        **dict.fromkeys(("real", "fake"), 1.0),
        **dict.fromkeys(("real_classification", "fake_classification"), 1.0),
    }
    default_batch_size = 128
    default_epochs = None
    default_steps = 40_000  # 25 epochs of CelebA
    # As DCGAN's: half the width, for two cores.
    demonstration = {
        "data": ["faces:photo"],
        "batch_size": 32,
        **devices.demonstration_steps(bfloat16=6000, float32=3300),
        "set": {"base_filters": 32, "ema": 0.999},
    }

    @staticmethod
    def generator(sides, latent_dim, num_labels, base_filters):
        return noise_generator(
            *(sides, latent_dim, base_filters),
            num_labels=num_labels,
            name="generator",
        )

    @staticmethod
    def discriminator(sides, num_labels, base_filters):
        return noise_discriminator(
            sides, base_filters, num_classes=num_labels, name="discriminator"
        )


class _Upsampling:
    """The networks and the recipe of the code for PyTorch."""

    base_filters = 16
    softmax_twice = True
    default_loss_weights = {
        **dict.fromkeys(("adversarial", "classification"), 0.5),
        **dict.fromkeys(("real", "fake"), 0.25),
        **dict.fromkeys(("real_classification", "fake_classification"), 0.25),
    }
    default_batch_size = 64
    default_epochs = None
    default_steps = 187_600  # 200 epochs of 60,000 digits
    # Maps of half the image and more cost more than DCGAN's.
    demonstration = _DCGAN.demonstration | {
        "steps": 2000,
        "set": _DCGAN.demonstration["set"] | {"base_filters": 8},
    }

    @staticmethod
    def generator(sides, latent_dim, num_labels, base_filters):
        widths = 8 * base_filters, 4 * base_filters
        return upsampling_generator(
            sides, latent_dim, num_labels, widths, name="generator"
        )

    @staticmethod
    def discriminator(sides, num_labels, base_filters):
        widths = [factor * base_filters for factor in (1, 2, 4, 8)]
        return upsampling_discriminator(
            sides, num_labels, widths, name="discriminator"
        )


ACGAN.architectures = {"dcgan": _DCGAN, "upsampling": _Upsampling}
