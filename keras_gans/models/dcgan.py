"""DCGAN: images from noise, by two convolutional networks.

A generator makes an image of a random vector; a discriminator learns to tell
such images from real ones, and the generator from what it is told.
"""

import keras

from keras_gans import checks
from keras_gans.networks import noise_discriminator, noise_generator
from keras_gans.networks.noise import check_image_size
from keras_gans.optimizers import Adam, PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.noise import NoiseModel
from keras_gans.verbs import DISTRIBUTIONS


@keras.saving.register_keras_serializable("keras_gans")
class DCGAN(NoiseModel):
    """DCGAN, as the codes for PyTorch and for TensorFlow 1 have it.

    `architecture="torch"` is PyTorch's own example: kernels of 4, no biases,
    normal latents. `architecture="tf1"` is the code that the authors name for
    TensorFlow: kernels of 5, biases, linear layers at the ends, uniform
    latents, and two updates of the generator for one of the discriminator.

    Args:
        architecture: `"torch"` or `"tf1"`.
        image_size: int, pixels, a multiple of 16 from 16 up, or two such,
            `(height, width)`. Default 64. The package's data sets are square.
        latent_dim: int, length of a latent vector. Default 100.
        latent_distribution: `"normal"`, or `"uniform"` in [-1, 1]. Default:
            normal for torch, uniform for tf1.
        base_filters: int, channels of the generator before the image.
            Default 64.
        discriminator_filters: int, channels of the discriminator's first
            convolution. Default: the same.
        generator_steps: int, updates of the generator in a training step,
            all with the same latents. Default: 1 for torch, 2 for tf1.

    Batch:
        images: float32 `[batch, height, width, 3]` in [-1, 1].

    Returns:
        `model(latents)`, of float `[batch, latent_dim]`: float32 `[batch,
        height, width, 3]` in [-1, 1]; with moving statistics, so that a
        latent vector has one image, whatever the batch.
        `model.generate(count, seed)` draws the latents.

    Raises:
        UserError: if an argument does not fit; before any layer is made.

    Losses:
        g_adversarial, weight 1: -log D(G(z)), the non-saturating form of
            Goodfellow et al. 2014, section 3.
        d_real, weight 1: -log D(x).
        d_fake, weight 1: -log(1 - D(G(z))).

    Departures:
        None from the weights that either code trains.
        tf1: the code runs the generator five times in a step, two of these
        to print losses, and each run moves its moving statistics; here each
        image that is made moves them once, `generator_steps` times a step.
        The code's `SAME` padding of sizes that are no multiples of 16 is left
        out.

    Demonstration:
        Without data: photos of the embedded faces, `base_filters=32`, batches
        of 32, `ema=0.999`, 6,500 steps in bfloat16, without it 3,500; tf1:
        3,000 and 1,700.

    Reference:
        Radford et al. 2016, "Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks", arXiv:1511.06434.
        github.com/pytorch/examples, dcgan/main.py.
        github.com/carpedm20/DCGAN-tensorflow, model.py.
    """

    data_kind = "single"
    terms = {"generator": ("adversarial",), "discriminator": ("real", "fake")}

    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {"adversarial": 1.0, "real": 1.0, "fake": 1.0}

    def __init__(
        self,
        architecture="torch",
        image_size=64,
        latent_dim=100,
        latent_distribution=None,
        base_filters=64,
        discriminator_filters=None,
        generator_steps=None,
        name="dcgan",
        **kwargs,
    ):
        recipe = self.recipe_of(architecture)
        sides = check_image_size(image_size)
        if latent_distribution is None:
            latent_distribution = recipe.latent_distribution
        if discriminator_filters is None:
            discriminator_filters = base_filters
        if generator_steps is None:
            generator_steps = recipe.generator_steps
        checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
        checks.at_least(
            1,
            base_filters=base_filters,
            discriminator_filters=discriminator_filters,
        )
        checks.one_of(DISTRIBUTIONS, latent_distribution=latent_distribution)
        checks.between(1, 100, generator_steps=generator_steps)
        super().__init__(name=name, **kwargs)

        self.generator = noise_generator(
            sides, latent_dim, base_filters, architecture, name="generator"
        )
        self.discriminator = noise_discriminator(
            sides, discriminator_filters, architecture, name="discriminator"
        )

        self.architecture = architecture
        self.image_size = sides[0] if sides[0] == sides[1] else sides
        self.latent_dim = latent_dim
        self.latent_distribution = latent_distribution
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.generator_steps = generator_steps
        self._make_state()

    def get_config(self):
        size = self.image_size
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": size if isinstance(size, int) else list(size),
            "latent_dim": self.latent_dim,
            "latent_distribution": self.latent_distribution,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "generator_steps": self.generator_steps,
        }

    def _generator_terms(self, fake, training):
        logits = self.discriminator(fake, training=training)
        adversarial = self._generator_loss(logits)  # -log D(G(z))
        return {"adversarial": adversarial}, None

    def _discriminator_terms(self, images, fake, training):
        # Real and fake pass separately: together, batch normalization would
        # mix their statistics.
        real, fake = self._discriminator_loss(
            self.discriminator(images, training=training),  # -log D(x)
            self.discriminator(fake, training=training),  # -log(1 - D(G(z)))
        )
        return {"real": real, "fake": fake}, None

    def train_step(self, batch):
        (images,) = self._check_batch(batch)
        latents = self._draw(images, self.seed_generator)
        # What the discriminator has judged is what the generator answers
        # for, before and after its update.
        fake, tape = self._record(self.generator, latents)
        d_terms, _ = self._update(
            "discriminator", self._discriminator_terms, images, fake
        )
        for step in range(self.generator_steps):
            if step:
                fake, tape = self._record(self.generator, latents)
            g_terms, _ = self._update(
                "generator", self._generator_terms, recorded=(fake, tape)
            )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        (images,) = self._check_batch(batch)
        fake = self.generator(self._draw(images, seed=0), training=False)
        d_terms, _ = self._discriminator_terms(images, fake, training=False)
        g_terms, _ = self._generator_terms(fake, training=False)
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )


class _Torch:
    """The recipe of PyTorch's example."""

    latent_distribution = "normal"
    generator_steps = 1
    default_adam = PyTorchAdam
    default_batch_size = 128
    default_epochs = None
    default_steps = 40_000  # 25 epochs of CelebA
    # Half the width, for two cores.
    demonstration = {
        "data": ["faces:photo"],
        "batch_size": 32,
        **devices.demonstration_steps(bfloat16=6500, float32=3500),
        "set": {"base_filters": 32, "ema": 0.999},
    }


class _TensorFlow:
    """The recipe of the code for TensorFlow 1."""

    latent_distribution = "uniform"
    generator_steps = 2
    default_adam = Adam
    default_batch_size = 64
    default_epochs = None
    default_steps = 80_000  # 25 epochs of CelebA
    # Kernels of 5 and a second update cost twice as much.
    demonstration = {
        **_Torch.demonstration,
        **devices.demonstration_steps(bfloat16=3000, float32=1700),
    }


DCGAN.architectures = {"torch": _Torch, "tf1": _TensorFlow}
