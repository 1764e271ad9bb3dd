"""Conditional GAN: images from noise and labels.

The generator makes an image of a random vector and labels; the discriminator
judges images together with their labels, so that an image must show them.
"""

import keras

from keras_gans import checks
from keras_gans.labels import CELEBA_LABELS, Labels
from keras_gans.networks import (
    dense_discriminator,
    dense_generator,
    noise_discriminator,
    noise_generator,
)
from keras_gans.networks.noise import check_image_size
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.noise import NoiseModel


@keras.saving.register_keras_serializable("keras_gans")
class ConditionalGAN(NoiseModel):
    """Conditional GAN: labels are inputs of both networks.

    `architecture="dcgan"` is DCGAN with labels: appended to the latent vector
    in the generator, and to the image as constant planes in the
    discriminator. `architecture="dense"` is a public code for PyTorch, made
    for digits: fully connected, as the paper's own networks are.

    Args:
        architecture: `"dcgan"` or `"dense"`.
        image_size: int, pixels, a multiple of 16 from 16 up, or two such,
            `(height, width)`. Default 64. The package's data sets are square.
        labels: list of str, the names of the labels of the data set in the
            order of the vectors. Default: StarGAN's for CelebA, three hair
            colors, Male, Young.
        exclusive: list of lists of str, groups of labels of which one holds;
            setting one clears the others. Training treats all labels alike.
            Default: CelebA's hair colors among `labels`.
        latent_dim: int, length of a latent vector. Default 100.
        base_filters: int. dcgan: channels of the generator before the image,
            default 64. dense: units of its first layer, default 128; those
            that follow have 2, 4 and 8 times as many.
        discriminator_filters: int, channels of the discriminator's first
            convolution; in dense, a quarter of the units of its layers.
            Default: the same.

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
        g_adversarial, weight 1: -log D(G(z, y), y), the non-saturating form
            of eq. 2; dense: (D(G(z, y), y) - 1)^2.
        d_real, weight 1: -log D(x, y), eq. 2; dense, weight 0.5:
            (D(x, y) - 1)^2.
        d_fake, weight 1: -log(1 - D(G(z, y), y)), eq. 2; dense, weight 0.5:
            D(G(z, y), y)^2.

    Departures:
        The paper's networks are fully connected, with maxout, for digits of
        28 pixels; it has no table for color images of 64. DCGAN's are used,
        of which the generator that PyTorch publishes works on faces.
        Images are generated for the labels of the batch, so for such
        combinations as occur; the code draws each class as often. Order of
        updates as in the code: the generator first.
        dense: the code takes one class an image. The embedding of several
        labels is the sum of theirs.

    Demonstration:
        Without data: photos of the embedded faces, `base_filters=32` (dense as
        published), batches of 32, `ema=0.999`, 6,000 steps in bfloat16,
        without it 3,300.

    Reference:
        Mirza and Osindero 2014, "Conditional Generative Adversarial Nets",
        arXiv:1411.1784.
        github.com/eriklindernoren/PyTorch-GAN, implementations/cgan/cgan.py.
    """

    data_kind = "labelled"
    terms = {"generator": ("adversarial",), "discriminator": ("real", "fake")}

    default_adam = PyTorchAdam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    default_adversarial_loss = "non_saturating"  # of dcgan; dense has its own

    def __init__(
        self,
        architecture="dcgan",
        image_size=64,
        labels=CELEBA_LABELS,
        exclusive=None,
        latent_dim=100,
        base_filters=None,
        discriminator_filters=None,
        name="cgan",
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

    def _generator_terms(self, latents, vectors, training):
        fake = self._generated(latents, vectors, training)  # G(z, y)
        logits = self.discriminator([fake, vectors], training=training)
        adversarial = self._generator_loss(logits)  # -log D(G(z, y), y)
        return {"adversarial": adversarial}, fake

    def _discriminator_terms(self, images, vectors, fake, wanted, training):
        # Real and fake pass separately: together, batch normalization would
        # mix their statistics.
        real, fake = self._discriminator_loss(
            # -log D(x, y)
            self.discriminator([images, vectors], training=training),
            # -log(1 - D(G(z, y), y))
            self.discriminator([fake, wanted], training=training),
        )
        return {"real": real, "fake": fake}, None

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
        """Return None: the discriminator judges no images without labels."""
        return None


class _DCGAN:
    """DCGAN's networks and recipe, with labels."""

    base_filters = 64
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {"adversarial": 1.0, "real": 1.0, "fake": 1.0}
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
            sides, base_filters, num_labels=num_labels, name="discriminator"
        )


class _Dense:
    """The networks and the recipe of the code for PyTorch."""

    base_filters = 128
    default_adversarial_loss = "least_squares"
    default_loss_weights = {"adversarial": 1.0, "real": 0.5, "fake": 0.5}
    default_batch_size = 64
    default_epochs = None
    default_steps = 187_600  # 200 epochs of 60,000 digits
    demonstration = _DCGAN.demonstration | {"set": {"ema": 0.999}}

    @staticmethod
    def generator(sides, latent_dim, num_labels, base_filters):
        widths = [factor * base_filters for factor in (1, 2, 4, 8)]
        return dense_generator(
            sides, latent_dim, num_labels, widths, name="generator"
        )

    @staticmethod
    def discriminator(sides, num_labels, base_filters):
        return dense_discriminator(
            sides, num_labels, 4 * base_filters, name="discriminator"
        )


ConditionalGAN.architectures = {"dcgan": _DCGAN, "dense": _Dense}
