"""CycleGAN: translate between two unpaired image collections.

Two generators, a to b and b to a, learn from two discriminators, one per
domain, and from cycle consistency: an image translated there and back should
equal the original.
"""

import contextlib

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers import frozen_statistics
from keras_gans.layers.image_pool import ImagePool
from keras_gans.networks import dcgan, patch_discriminator, resnet_generator
from keras_gans.optimizers import Adam, PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import both_ways
from keras_gans.verbs import Images, between

CYCLES = {
    "both": ("forward", "backward"),
    "forward": ("forward",),
    "backward": ("backward",),
}
_FACES = {"data_a": "faces:photo", "data_b": "faces:anime"}
_MOST_POOLED = 2**28  # pixels of a pool, 3 GB


@keras.saving.register_keras_serializable("keras_gans")
class CycleGAN(BaseModel):
    """CycleGAN, as in the article on faces and as trained by its authors.

    `architecture="dcgan"` is the network pair of the article: strided 4x4
    convolutions, batch normalization, a discriminator with one logit.
    `architecture="resnet"` is that of the paper's authors: residual blocks,
    instance normalization, a discriminator of 70x70 patches, a pool of past
    fakes, and a learning rate that decays in the second half of the run.

    Args:
        architecture: `"dcgan"` or `"resnet"`.
        image_size: int, pixels. For dcgan a multiple of 16 from 32 up,
            default 64; for resnet a multiple of 4 from 24 up, default 256.
        base_filters: int, channels of the generators' first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminators' first
            convolution. Default: half of `base_filters` for dcgan, the same
            for resnet.
        num_residual_blocks: int from 0 up, of resnet only. Default: 9 from
            256 pixels up, 6 below.
        pool_size: int, past fakes stored per domain, which replace those of
            this step for the discriminator half of the time. 0 for none.
            Default: 0 for dcgan, 50 for resnet.
        upsampling: `"transposed"`, the convolutions by which the generators
            enlarge, or `"resize"`: nearest neighbors, then a 3x3 convolution,
            which leaves no checkerboard and multiplies two to four times as
            often there.
        cycle: `"both"`, or for the paper's ablation one of the two parts of
            the cycle term: `"forward"`, |F(G(a)) - a|, or `"backward"`.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; unpaired.

    Returns:
        `model(images)` translates a to b: float32, the shape of `images`, in
        [-1, 1]. `model.translate(images, to="a")` translates back.

    Raises:
        UserError: if an argument is invalid; before any layer is built.

    Losses:
        Weights of dcgan, then of resnet; sums over both domains.
        g_adversarial, 1, 1: -log D(fake), the non-saturating form of eq. 1;
            for resnet (D(fake) - 1)^2, section 4.
        g_cycle, 10, 10: |F(G(a)) - a| + |G(F(b)) - b|, eq. 2.
        g_identity, 0, 5: |F(a) - a| + |G(b) - b|, section 5.2; 5 is half the
            weight of the cycle.
        d_real, 1, 0.5: -log D(real); for resnet (D(real) - 1)^2.
        d_fake, 1, 0.5: -log(1 - D(fake)); for resnet D(fake)^2.

    Departures:
        dcgan: the article does not give its loss. Used here: the non-saturating
        sigmoid loss, cycle weight 10 as in the paper, no identity term, and
        beta_1 0.5 for Adam, which GANs need, at the article's learning rate
        4e-4 (TensorFlow 1 has 0.9 by default). Moving statistics of the
        generators are recorded on translations of real images only, not on
        the second half of the cycle, as a deployed generator gets real images.
        resnet: none from the authors' PyTorch code; Adam, order of updates
        and padding are the same. The code passes images one by one; here
        those of one network pass together, which is equal with instance
        normalization.

    Demonstration:
        Without data: photos and anime of the embedded faces at 64 pixels.
        dcgan: batches of 4, a weight of 30 for the cycle,
        `schedule="linear"`, `ema=0.998`; 7,000 steps in bfloat16, without it
        4,500. resnet: `ema=0.999`; 1,900 and 1,100 steps.

    Reference:
        Zhu et al. 2017, "Unpaired Image-to-Image Translation using
        Cycle-Consistent Adversarial Networks", arXiv:1703.10593.
        github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
        models/cycle_gan_model.py.
    """

    data_kind = "unpaired"
    terms = {
        "generator": ("adversarial", "cycle", "identity"),
        "discriminator": ("real", "fake"),
    }
    default_adversarial_loss = "non_saturating"  # of dcgan; resnet has its own

    def __init__(
        self,
        architecture="dcgan",
        image_size=None,
        base_filters=64,
        discriminator_filters=None,
        num_residual_blocks=None,
        pool_size=None,
        upsampling="transposed",
        cycle="both",
        name="cyclegan",
        **kwargs,
    ):
        recipe = self.recipe_of(architecture)
        if image_size is None:
            image_size = recipe.image_size
        if pool_size is None:
            pool_size = recipe.pool_size
        num_residual_blocks = recipe.check(image_size, num_residual_blocks)
        checks.at_least(1, base_filters=base_filters)
        if discriminator_filters is None:
            discriminator_filters = recipe.discriminator_filters(base_filters)
        checks.at_least(1, discriminator_filters=discriminator_filters)
        checks.at_least(0, num_residual_blocks=num_residual_blocks or 0)
        # At 256 pixels 4,096 of them; both pools are on the device.
        checks.between(
            0, max(1, _MOST_POOLED // image_size**2), pool_size=pool_size
        )
        checks.one_of(CYCLES, cycle=cycle)
        super().__init__(name=name, **kwargs)

        self.generator_ab, self.generator_ba = (
            recipe.generator(
                base_filters,
                num_residual_blocks,
                upsampling=upsampling,
                name=f"generator_{domains}",
            )
            for domains in ("ab", "ba")
        )
        self.discriminator_a, self.discriminator_b = (
            recipe.discriminator(
                image_size,
                discriminator_filters,
                name=f"discriminator_{domain}",
            )
            for domain in ("a", "b")
        )
        self.pool_a, self.pool_b = (
            ImagePool(pool_size, name=f"pool_{domain}") for domain in ("a", "b")
        )
        for pool in (self.pool_a, self.pool_b):
            pool.build((None, image_size, image_size, 3))

        self.architecture = architecture
        self.image_size = image_size
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.num_residual_blocks = num_residual_blocks
        self.pool_size = pool_size
        self.upsampling = upsampling
        self.cycle = cycle
        self._recipe = recipe
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "num_residual_blocks": self.num_residual_blocks,
            "pool_size": self.pool_size,
            "upsampling": self.upsampling,
            "cycle": self.cycle,
        }

    def call(self, images, training=False):
        return self.generator_ab(self._check_inputs(images), training=training)

    def _check_inputs(self, images):
        """Check the input of `call`, or the images of domain a in a batch."""
        if isinstance(images, dict):
            images, _ = self._check_batch(images)
        return check_images(images, multiple_of=self._recipe.multiple)

    def translate(self, images, to="b"):
        """Translate images into one of the two domains.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1]. For dcgan
                height and width are multiples of 8; for resnet any from 5
                up.
            to: `"b"` (from a) or `"a"` (from b).

        Returns:
            float32, the shape of `images`, in [-1, 1]. resnet rounds height
            and width up to multiples of 4, as the original does.

        Raises:
            ValueError: if `to` is not a domain, or `images` have another shape.
        """
        if to not in ("a", "b"):
            raise UserError(f'to must be "a" or "b". Received: {to!r}')
        generator = self.generator_ab if to == "b" else self.generator_ba
        images = check_images(images, multiple_of=self._recipe.multiple)
        return generator(images, training=False)

    @property
    def players(self):
        return {
            "generator": (self.generator_ab, self.generator_ba),
            "discriminator": (self.discriminator_a, self.discriminator_b),
        }

    def _translated(self, generator, source, target, training):
        """Return the translation of `source` and the identity of `target`."""
        # From a single batch for both, half could not be dropped.
        both = self._recipe.both if self.loss_weights["identity"] else _apart
        return both(generator, source, target, training, frozen=True)

    def _generator_terms(self, real_a, real_b, training):
        generator_ab = self._pass(self.generator_ab)  # G
        generator_ba = self._pass(self.generator_ba)  # F
        fake_b, identity_b = self._translated(  # G(a), G(b)
            generator_ab, real_a, real_b, training
        )
        fake_a, identity_a = self._translated(  # F(b), F(a)
            generator_ba, real_b, real_a, training
        )
        with self._only_for("adversarial"):
            logits_a = self.discriminator_a(fake_a, training=training)
            logits_b = self.discriminator_b(fake_b, training=training)
        with frozen_statistics():
            reconstructed_a = generator_ba(fake_b, training=training)
            reconstructed_b = generator_ab(fake_a, training=training)
        cycle = {  # eq. 2
            "forward": losses.l1(real_a, reconstructed_a),  # |F(G(a)) - a|
            "backward": losses.l1(real_b, reconstructed_b),  # |G(F(b)) - b|
        }
        terms = {
            "adversarial": self._generator_loss(logits_a)  # -log D(F(b)), eq. 1
            + self._generator_loss(logits_b),  # -log D(G(a)), eq. 1
            "cycle": tf.add_n([cycle[way] for way in CYCLES[self.cycle]]),
            "identity": losses.l1(real_a, identity_a)  # |F(a) - a|, sec. 5.2
            + losses.l1(real_b, identity_b),  # |G(b) - b|, sec. 5.2
        }
        return terms, (fake_a, fake_b)

    def _judged(self, discriminator, real, fake, training):
        """Return a discriminator's terms."""
        logits = self._recipe.both(discriminator, real, fake, training)
        return self._discriminator_loss(*logits)

    def _discriminator_terms(self, real_a, real_b, fake_a, fake_b, training):
        real_of_a, fake_of_a = self._judged(
            self.discriminator_a, real_a, fake_a, training
        )
        real_of_b, fake_of_b = self._judged(
            self.discriminator_b, real_b, fake_b, training
        )
        return {
            "real": real_of_a + real_of_b,  # -log D(real), eq. 1
            "fake": fake_of_a + fake_of_b,  # -log(1 - D(fake)), eq. 1
        }, None

    def train_step(self, batch):
        real_a, real_b = self._check_batch(batch)
        g_terms, (fake_a, fake_b) = self._update(
            "generator", self._generator_terms, real_a, real_b
        )
        fake_a, fake_b = self.pool_a(fake_a), self.pool_b(fake_b)
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(real_a, real_b, fake_a, fake_b),
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        real_a, real_b = self._check_batch(batch)
        g_terms, (fake_a, fake_b) = self._generator_terms(
            real_a, real_b, training=False
        )
        d_terms, _ = self._discriminator_terms(
            real_a, real_b, fake_a, fake_b, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def record_statistics(self, batch):
        """Run a batch through the generators in training mode, as deployed."""
        self.generator_ab(batch["images_a"], training=True)
        self.generator_ba(batch["images_b"], training=True)

    def samples(self, batch):
        """Return the sample grids, by name of the verb, of a batch."""
        return both_ways(
            batch, self.translate, lambda d: getattr(self, f"discriminator_{d}")
        )

    def verbs(self):
        """Return the model's verbs: both translations."""
        images = Images(self.image_size, self._recipe.size_multiple)
        return between(
            "ab", lambda images, to, source: self.translate(images, to), images
        )


def _apart(network, images, others, training, frozen=False):
    """Call a network on two batches, on the second with frozen statistics."""
    outputs = network(images, training=training)
    with frozen_statistics() if frozen else contextlib.nullcontext():
        return outputs, network(others, training=training)


def _together(network, images, others, training, frozen=True):
    """Call a network on two batches as one: fewer, larger operations.

    Exact for normalization per image, which has no batch statistics; batch
    normalization would mix the two batches.
    """
    outputs = network(tf.concat([images, others], 0), training=training)
    count = tf.shape(images)[0]
    return outputs[:count], outputs[count:]


class _DCGAN:
    """The networks and the recipe of the article."""

    image_size = 64
    pool_size = 0
    multiple = 8  # of height and width that the generators take
    size_multiple = None  # serves faces of the size it was trained on
    both = staticmethod(_apart)
    default_batch_size = 64
    default_adam = Adam
    default_learning_rate = 4e-4
    default_epochs = None
    default_steps = 100_000
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {
        "adversarial": 1.0,
        "cycle": 10.0,
        "identity": 0.0,
        "real": 1.0,
        "fake": 1.0,
    }
    # About ten minutes on two cores: more steps where bfloat16 is fast.
    demonstration = {
        **_FACES,
        "batch_size": 4,
        "set": {
            "ema": 0.998,
            "schedule": "linear",
            "loss_weights": {"cycle": 30.0},
        },
        **devices.demonstration_steps(bfloat16=7000, float32=4500),
    }

    @staticmethod
    def check(image_size, num_residual_blocks):
        """Check two arguments; return the number of residual blocks."""
        dcgan.check_image_size(image_size, "dcgan")
        if num_residual_blocks is not None:
            raise UserError(
                'num_residual_blocks is only for architecture="resnet". '
                f"Received: {num_residual_blocks!r}"
            )

    @staticmethod
    def discriminator_filters(base_filters):
        return max(1, base_filters // 2)

    @staticmethod
    def generator(base_filters, num_residual_blocks, upsampling, name):
        return dcgan.dcgan_generator(
            base_filters, upsampling=upsampling, name=name
        )

    @staticmethod
    def discriminator(image_size, base_filters, name):
        return dcgan.dcgan_discriminator(image_size, base_filters, name=name)


class _ResNet:
    """The networks and the recipe of the paper's authors."""

    image_size = 256
    pool_size = 50
    multiple = 1
    size_multiple = 4
    both = staticmethod(_together)
    default_batch_size = 1
    default_adam = PyTorchAdam
    default_learning_rate = 2e-4
    default_epochs = (100, 100)
    default_steps = None
    default_adversarial_loss = "least_squares"
    default_loss_weights = {
        "adversarial": 1.0,
        "cycle": 10.0,
        "identity": 5.0,
        "real": 0.5,
        "fake": 0.5,
    }
    demonstration = {
        **_FACES,
        "image_size": 64,
        "set": {"ema": 0.999},
        **devices.demonstration_steps(bfloat16=1900, float32=1100),
    }

    @staticmethod
    def check(image_size, num_residual_blocks):
        """Check two arguments; return the number of residual blocks."""
        # 4 for the generators, whose result else is larger; 24 for the
        # patches.
        if not isinstance(image_size, int) or image_size < 24 or image_size % 4:
            raise UserError(
                "image_size must be a multiple of 4 from 24 up (24, 28, ..., "
                '128, ..., 256) for architecture="resnet". '
                f"Received: {image_size!r}"
            )
        checks.between(24, checks.MOST_SIDE, image_size=image_size)
        if num_residual_blocks is None:
            return 9 if image_size >= 256 else 6
        return num_residual_blocks

    @staticmethod
    def discriminator_filters(base_filters):
        return base_filters

    @staticmethod
    def generator(base_filters, num_residual_blocks, upsampling, name):
        return resnet_generator(
            base_filters=base_filters,
            num_residual_blocks=num_residual_blocks,
            upsampling=upsampling,
            name=name,
        )

    @staticmethod
    def discriminator(image_size, base_filters, name):
        return patch_discriminator(base_filters=base_filters, name=name)


CycleGAN.architectures = {"dcgan": _DCGAN, "resnet": _ResNet}
