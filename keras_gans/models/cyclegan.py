"""CycleGAN: translate between two picture collections without pairs.

Two generators, a to b and b to a, learn from two discriminators that judge
one domain each, and from the demand that a picture translated there and back
is itself again.
"""

import functools

import keras

from keras_gans import losses
from keras_gans.layers import frozen_statistics
from keras_gans.models.base import AdversarialModel, check_images
from keras_gans.networks import dcgan

ARCHITECTURES = ("dcgan",)


@keras.saving.register_keras_serializable("keras_gans")
class CycleGAN(AdversarialModel):
    """The article's CycleGAN for 64x64 faces and drawn faces.

    `architecture="dcgan"` is the network pair of the article: strided 4x4
    convolutions, batch normalisation, a discriminator with one logit.

    Args:
        architecture: `"dcgan"`.
        image_size: int, pixels; a multiple of 16 from 32 up. Default 64.
        base_filters: int, channels of the generators' first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminators' first
            convolution. Default: half of `base_filters`.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; the two need not belong together.

    Returns:
        `model(images)` translates a to b: float32, the shape of `images`, in
        [-1, 1]. `model.translate(images, to="a")` translates back.

    Raises:
        ValueError: if an argument does not fit; before any layer is made.

    Losses:
        g_adversarial, weight 1: -log D_b(G(a)) - log D_a(F(b)), the
            non-saturating form of eq. 1.
        g_cycle, weight 10: |F(G(a)) - a| + |G(F(b)) - b|, eq. 2.
        g_identity, weight 0: |F(a) - a| + |G(b) - b|, section 5.2.
        d_real, d_fake, weight 1: -log D(real) and -log(1 - D(fake)), summed
            over both domains.

    Departures:
        The article leaves its loss out. Taken here: the non-saturating
        sigmoid loss, cycle weight 10 as in the paper, no identity term, and
        beta_1 0.5 for Adam, which GANs need, at the article's learning rate
        4e-4 (TensorFlow 1 has 0.9 by default). No pool of past fakes: the
        discriminators see the fakes of the same step. Moving statistics of
        the generators record translations of real pictures only, not the
        second half of the cycle: they then are the statistics of what a
        deployed generator receives.

    Reference:
        Zhu et al. 2017, "Unpaired Image-to-Image Translation using
        Cycle-Consistent Adversarial Networks", arXiv:1703.10593.
    """

    data_kind = "unpaired"
    generator_terms = ("adversarial", "cycle", "identity")
    discriminator_terms = ("real", "fake")

    default_learning_rate = 4e-4
    default_loss_weights = {
        "adversarial": 1.0,
        "cycle": 10.0,
        "identity": 0.0,
        "real": 1.0,
        "fake": 1.0,
    }
    default_batch_size = 64

    def __init__(
        self,
        architecture="dcgan",
        image_size=64,
        base_filters=64,
        discriminator_filters=None,
        name="cyclegan",
        **kwargs,
    ):
        if architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture must be one of {', '.join(ARCHITECTURES)}. "
                f"Received: {architecture!r}"
            )
        dcgan.check_image_size(image_size)
        if discriminator_filters is None:
            discriminator_filters = max(1, base_filters // 2)
        for argument, value in (
            ("base_filters", base_filters),
            ("discriminator_filters", discriminator_filters),
        ):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"{argument} must be an integer from 1 up. "
                    f"Received: {value!r}"
                )
        super().__init__(name=name, **kwargs)

        self.generator_ab, self.generator_ba = (
            dcgan.dcgan_generator(base_filters, name=f"generator_{domains}")
            for domains in ("ab", "ba")
        )
        self.discriminator_a, self.discriminator_b = (
            dcgan.dcgan_discriminator(
                image_size, discriminator_filters, name=f"discriminator_{d}"
            )
            for d in ("a", "b")
        )

        self.architecture = architecture
        self.image_size = image_size
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
        }

    def call(self, images, training=False):
        return self.generator_ab(images, training=training)

    def translate(self, images, to="b"):
        """Translate pictures into one of the two domains.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1], height and
                width multiples of 8.
            to: `"b"` (from a) or `"a"` (from b).

        Returns:
            float32, the shape of `images`, in [-1, 1].

        Raises:
            ValueError: if `to` is no domain, or `images` are no such batch.
        """
        if to not in ("a", "b"):
            raise ValueError(f'to must be "a" or "b". Received: {to!r}')
        generator = self.generator_ab if to == "b" else self.generator_ba
        return generator(check_images(images, multiple_of=8), training=False)

    @property
    def networks(self):
        """The networks, generators first."""
        return (
            self.generator_ab,
            self.generator_ba,
            self.discriminator_a,
            self.discriminator_b,
        )

    @property
    def generator_variables(self):
        return (
            self.generator_ab.trainable_variables
            + self.generator_ba.trainable_variables
        )

    @property
    def discriminator_variables(self):
        return (
            self.discriminator_a.trainable_variables
            + self.discriminator_b.trainable_variables
        )

    def _generator_terms(self, real_a, real_b, training):
        fake_b = self.generator_ab(real_a, training=training)  # G(a)
        fake_a = self.generator_ba(real_b, training=training)  # F(b)
        terms = {}
        if self.loss_weights["adversarial"]:
            terms["adversarial"] = self._generator_loss(
                self.discriminator_a(fake_a, training=training)
            ) + self._generator_loss(
                self.discriminator_b(fake_b, training=training)
            )
        with frozen_statistics():
            if self.loss_weights["cycle"]:
                reconstructed_a = self.generator_ba(fake_b, training=training)
                reconstructed_b = self.generator_ab(fake_a, training=training)
                terms["cycle"] = losses.l1(real_a, reconstructed_a) + losses.l1(
                    real_b, reconstructed_b
                )
            if self.loss_weights["identity"]:
                identity_a = self.generator_ba(real_a, training=training)
                identity_b = self.generator_ab(real_b, training=training)
                terms["identity"] = losses.l1(real_a, identity_a) + losses.l1(
                    real_b, identity_b
                )
        return terms, (fake_a, fake_b)

    def _discriminator_terms(self, real_a, real_b, fake_a, fake_b, training):
        # Real and fake pass separately: together, batch normalisation would
        # mix their statistics.
        real, fake = self._discriminator_loss(
            self.discriminator_a(real_a, training=training),
            self.discriminator_a(fake_a, training=training),
        )
        real_of_b, fake_of_b = self._discriminator_loss(
            self.discriminator_b(real_b, training=training),
            self.discriminator_b(fake_b, training=training),
        )
        return {"real": real + real_of_b, "fake": fake + fake_of_b}, None

    def train_step(self, batch):
        real_a, real_b = batch["images_a"], batch["images_b"]
        g_terms, (fake_a, fake_b) = self._update_generator(
            self._generator_terms, real_a, real_b
        )
        d_terms, _ = self._update_discriminator(
            self._discriminator_terms, real_a, real_b, fake_a, fake_b
        )
        return self._report(g_terms, d_terms)

    def test_step(self, batch):
        real_a, real_b = batch["images_a"], batch["images_b"]
        g_terms, (fake_a, fake_b) = self._generator_terms(
            real_a, real_b, training=False
        )
        d_terms, _ = self._discriminator_terms(
            real_a, real_b, fake_a, fake_b, training=False
        )
        return self._report(g_terms, d_terms, training=False)

    def samples(self, batch):
        """Return the columns of each sample grid for a batch of pictures."""
        columns = {}
        for source, target in ("ab", "ba"):
            real = batch[f"images_{source}"]
            fake = self.translate(real, to=target)
            reconstructed = self.translate(fake, to=source)
            columns[f"{source}_to_{target}"] = [real, fake, reconstructed]
        return columns

    def serving_signatures(self):
        """Return the functions to export: name -> float batch to batch."""
        return {
            f"{source}_to_{target}": functools.partial(
                self.translate, to=target
            )
            for source, target in ("ab", "ba")
        }
