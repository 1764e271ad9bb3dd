"""pix2pix: learn translation from pairs of input and target images.

A generator learns from the targets and from a discriminator that sees input
and output together, so that it judges whether the two match.
"""

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers import frozen_statistics
from keras_gans.networks import patch_discriminator, unet_generator
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb

_LEAST_DOWNSAMPLES = 5


@keras.saving.register_keras_serializable("keras_gans")
class Pix2Pix(BaseModel):
    """Paired translation with a U-Net and a conditional discriminator.

    The U-Net downsamples the image to one pixel and upsamples it again with
    skip connections; the discriminator judges 70x70 patches of input and
    output, concatenated along the channels.

    Args:
        image_size: int, pixels; 32, 64, 128, 256 or another power of two.
            With `num_downsamples`, any multiple of 2 ** `num_downsamples`.
            Default 256.
        base_filters: int, channels of the generator's first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminator's first
            convolution. Default: the same.
        num_downsamples: int from 5 up, downsampling layers of the U-Net.
            Default: down to one pixel, 8 for 256 pixels and 7 for 128.
        dropout: float, rate in the `num_downsamples` - 5 inner upward layers
            of full width. Default 0.5.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; the inputs and, in the same order, their targets.

    Returns:
        `model(images)` translates a to b: float32, the shape of `images`, in
        [-1, 1]; without dropout and with moving statistics, so that the
        translation of an image does not depend on its batch.
        `model.translate(images, noise=True)` is the paper's test mode.

    Raises:
        UserError: if an argument is invalid; before any layer is built.

    Losses:
        g_adversarial, weight 1: -log D(a, G(a)), eq. 1 in its non-saturating
            form.
        g_reconstruction, weight 100: |b - G(a)|, eq. 3 and 4.
        d_real, weight 0.5: -log D(a, b).
        d_fake, weight 0.5: -log(1 - D(a, G(a))). The halves slow the
            discriminator down, section 3.3.

    Departures:
        None in training from the authors' PyTorch code: Adam, order of
        updates (discriminator first, both on the same fake) and padding are
        the same. At test time the paper keeps dropout, its only noise, and
        normalizes with the statistics of the test batch, one image; here
        that is `noise=True`. The default is the code's `--eval`, so that a
        served image does not depend on chance.

    Demonstration:
        Without data: sketches and photos of the embedded faces at 64 pixels,
        batches of 4, `base_filters=32`, a weight of 400 for reconstruction,
        `ema=0.999`, 4,000 steps.

    Reference:
        Isola et al. 2017, "Image-to-Image Translation with Conditional
        Adversarial Networks", arXiv:1611.07004.
        github.com/junyanz/pytorch-CycleGAN-and-pix2pix,
        models/pix2pix_model.py.
    """

    data_kind = "paired"
    terms = {
        "generator": ("adversarial", "reconstruction"),
        "discriminator": ("real", "fake"),
    }

    default_adam = PyTorchAdam
    default_epochs = (100, 100)
    # Half the width, for two cores. At a weight of 100 the SSIM to the truth
    # fell again from 2,500 steps on: spots of color, where a sketch does not
    # tell it.
    demonstration = {
        "data_a": "faces:sketch",
        "data_b": "faces:photo",
        "image_size": 64,
        "batch_size": 4,
        "steps": 4000,
        "set": {
            "base_filters": 32,
            "ema": 0.999,
            "loss_weights": {"reconstruction": 400.0},
        },
    }
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {
        "adversarial": 1.0,
        "reconstruction": 100.0,
        "real": 0.5,
        "fake": 0.5,
    }

    def __init__(
        self,
        image_size=256,
        base_filters=64,
        discriminator_filters=None,
        num_downsamples=None,
        dropout=0.5,
        name="pix2pix",
        **kwargs,
    ):
        num_downsamples = _check_image_size(image_size, num_downsamples)
        if discriminator_filters is None:
            discriminator_filters = base_filters
        checks.at_least(
            1,
            base_filters=base_filters,
            discriminator_filters=discriminator_filters,
        )
        super().__init__(name=name, **kwargs)

        self.generator = unet_generator(
            base_filters=base_filters,
            num_downsamples=num_downsamples,
            dropout=dropout,
            name="generator",
        )
        self.discriminator = patch_discriminator(
            (None, None, 6),
            base_filters=discriminator_filters,
            norm="batch",
            name="discriminator",
        )

        self.image_size = image_size
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.num_downsamples = num_downsamples
        self.dropout = dropout
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "num_downsamples": self.num_downsamples,
            "dropout": self.dropout,
        }

    def call(self, images, training=False):
        return self.generator(self._check_inputs(images), training=training)

    def _check_inputs(self, images):
        """Check the input of `call`, or the images of domain a in a batch."""
        if isinstance(images, dict):
            images, _ = self._check_batch(images)
        return check_images(images, multiple_of=2**self.num_downsamples)

    def translate(self, images, noise=False):
        """Translate images of domain a into domain b.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1], height and
                width multiples of 2 ** `num_downsamples`.
            noise: bool, whether to translate as in the paper's test mode:
                with dropout, each image normalized by its own statistics.

        Returns:
            float32, the shape of `images`, in [-1, 1].

        Raises:
            ValueError: if `images` have another shape.
        """
        images = check_images(images, multiple_of=2**self.num_downsamples)
        if not noise:
            return self.generator(images, training=False)
        with frozen_statistics():
            return tf.map_fn(
                lambda image: self.generator(image[None], training=True)[0],
                images,
            )

    @property
    def players(self):
        return {
            "generator": (self.generator,),
            "discriminator": (self.discriminator,),
        }

    def _judged(self, real_a, images, training):
        """Return the discriminator's logits of images for `real_a`."""
        pairs = tf.concat([real_a, images], -1)
        return self.discriminator(pairs, training=training)

    def _generator_terms(self, fake_b, real_a, real_b, training):
        with self._only_for("adversarial"):
            logits = self._judged(real_a, fake_b, training)
        return {
            "adversarial": self._generator_loss(logits),  # -log D(a, G(a))
            "reconstruction": losses.l1(real_b, fake_b),  # |b - G(a)|, eq. 3
        }, None

    def _discriminator_terms(self, real_a, real_b, fake_b, training):
        # Real and fake pass separately: together, batch normalization would
        # mix their statistics.
        real, fake = self._discriminator_loss(
            self._judged(real_a, real_b, training),  # -log D(a, b), eq. 1
            self._judged(real_a, fake_b, training),  # -log(1 - D(a, G(a)))
        )
        return {"real": real, "fake": fake}, None

    def train_step(self, batch):
        real_a, real_b = self._check_batch(batch)
        # One pass for both updates: what the discriminator has judged is
        # what the generator then answers for, dropout included.
        fake_b, tape = self._record(self.generator, real_a)
        d_terms, _ = self._update(
            "discriminator", self._discriminator_terms, real_a, real_b, fake_b
        )
        g_terms, _ = self._update(
            "generator",
            self._generator_terms,
            *(real_a, real_b),
            recorded=(fake_b, tape),
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        real_a, real_b = self._check_batch(batch)
        fake_b = self.generator(real_a, training=False)
        d_terms, _ = self._discriminator_terms(
            real_a, real_b, fake_b, training=False
        )
        g_terms, _ = self._generator_terms(
            fake_b, real_a, real_b, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def record_statistics(self, batch):
        """Run a batch through the generator in training mode, as deployed."""
        self.generator(batch["images_a"], training=True)

    def samples(self, batch):
        """Return the sample grid of a batch, by name of the verb."""
        real_a, real_b = batch["images_a"], batch["images_b"]
        columns = [
            Column("input", real_a),
            Column("output", self.translate(real_a)),
            Column("truth", real_b),
        ]
        return {"a_to_b": Grid(columns, reals=real_b)}

    def verbs(self):
        """Return the model's verbs."""
        # The U-Net joins what it halved with what it doubled.
        images = Images(self.image_size, multiple=2**self.num_downsamples)
        inputs = {"images": images}
        return [Verb("a_to_b", self.translate, inputs, "a", "b")]


def _check_image_size(image_size, num_downsamples):
    """Return the number of downsamples for a size, or check the given one.

    Raises:
        UserError: if the U-Net cannot halve such an image.
    """
    is_count = isinstance(image_size, int) and image_size >= 32
    if is_count:
        checks.between(32, checks.MOST_SIDE, image_size=image_size)
    if num_downsamples is None:
        if not is_count or image_size & (image_size - 1):
            raise UserError(
                "image_size must be a power of two from 32 up (32, 64, 128, "
                "256, 512), or a multiple of 32, 64, ... with "
                f"num_downsamples=5, 6, .... Received: {image_size!r}"
            )
        return image_size.bit_length() - 1
    checks.between(
        _LEAST_DOWNSAMPLES,
        checks.MOST_SIDE.bit_length() - 1,
        num_downsamples=num_downsamples,
    )
    if not is_count or image_size % 2**num_downsamples:
        raise UserError(
            f"image_size must be a multiple of {2**num_downsamples} for "
            f"num_downsamples={num_downsamples}. Received: {image_size!r}"
        )
    return num_downsamples
