"""XGAN: translate between two domains by embeddings of what images show.

Two autoencoders with one space of embeddings. An image and its translation
are to have the same embedding.
"""

import functools

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers.image_pool import ImagePool
from keras_gans.networks import shared_latent, xgan
from keras_gans.training import devices
from keras_gans.training.base import BaseModel, check_values
from keras_gans.training.codes import CodeModel

_MOST_POOLED = 2**28  # pixels of a pool, 3 GB


@keras.saving.register_keras_serializable("keras_gans")
class XGAN(CodeModel):
    """XGAN, as reimplemented; its authors have published no code.

    The last layers of the encoders and the first of the decoders are shared.
    A classifier of the embeddings tells the domains apart, which the encoders
    must hide; a gradient reversal trains both in one update.

    Args:
        image_size: int, pixels, a multiple of 16 from 32 up. Default 64.
        base_filters: int, channels of the encoders' first convolution.
            Default 32.
        decoder_filters: int, channels of the decoders' last convolution but
            one. Default: twice `base_filters`.
        discriminator_filters: int, channels of the discriminators' first
            convolution. Default: half of `base_filters`.
        embedding_dim: int, numbers of an embedding. Default 1024.
        pool_size: int, past fakes stored per domain, which replace those of
            this step for the discriminator half of the time. 0 for none.
            Default 50.
        teacher: str, for the term `teacher`: the file of a Keras model from
            images, as in a batch, to `[batch, embedding_dim]`. Not for
            `--set`, as files of Keras models may hold code.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; unpaired.

    Returns:
        `model(images)` translates a to b: float32, the shape of `images`, in
        [-1, 1]. `model.translate(images, to="a")` translates back;
        `model.encode(images, "a")` returns embeddings, `model.decode(
        embeddings, "b")` images.

    Raises:
        UserError: if an argument is invalid; before any layer is built.

    Losses:
        E_a, E_b are the encoders, G_a, G_b the decoders, C the probability
        that an embedding is from b; sums over both domains; paper, section 3.
        g_reconstruction, 1: (G_a(E_a(a)) - a)^2.
        g_domain, 1: -log(1 - C(E_a(a))) - log C(E_b(b)), which the encoders
            maximize. At 2 log 2 = 1.39 the domains are not told apart.
        g_semantic, 1: |E_b(G_b(E_a(a))) - E_a(a)|.
        g_teacher, 0: |T(a) - E_a(a)|, T the teacher; of a alone.
        g_adversarial, 1: (D_b(G_b(E_a(a))) - 1)^2.
        d_real, 0.5: (D(real) - 1)^2.
        d_fake, 0.5: D(fake)^2.

    Departures:
        No source gives the weights of the paper's losses. Here all are those
        of the reimplementation, with which it was compared step by step. It
        has no teacher, which in the paper is an embedding trained on many
        faces.
        The reimplementation draws the scales of its normalization from
        N(1, 0.02); here they start at 1. Its pool keeps 50 batches and
        exchanges those of both domains together; here it keeps single images,
        as CycleGAN's. It crops images at random from 66 pixels; augmentation
        is the data's here.

    Demonstration:
        Without data: photos and anime of the embedded faces,
        `base_filters=16`, batches of 16, a rate of 4e-4, the weights 100 for
        reconstruction, 0.3 for domain, 10 for semantic and 0.2 for
        adversarial, `ema=0.999`; 2,400 steps in bfloat16, without it 1,500.

    Reference:
        Royer et al. 2017, "XGAN: Unsupervised Image-to-Image Translation for
        Many-to-Many Mappings", arXiv:1711.05139.
        github.com/CS2470FinalProject/X-GAN, model.py.
    """

    data_kind = "unpaired"
    terms = {
        "generator": (
            *("reconstruction", "domain", "semantic", "adversarial"),
            "teacher",
        ),
        "discriminator": ("real", "fake"),
    }
    default_batch_size = 2
    default_learning_rate = 1e-4
    default_epochs = (51, 49)  # the first of the decay's still whole
    default_adversarial_loss = "least_squares"
    default_loss_weights = {
        "reconstruction": 1.0,
        "domain": 1.0,
        "semantic": 1.0,
        "adversarial": 1.0,
        "teacher": 0.0,
        "real": 0.5,
        "fake": 0.5,
    }
    # Half the width, for two cores. With all weights 1 and this learning rate
    # all embeddings became one: that pleases both `domain` and `semantic`, and
    # a squared error of images, in [-1, 1], is small beside them. With
    # `adversarial` at 1 translations were covered with grains.
    demonstration = {
        "data_a": "faces:photo",
        "data_b": "faces:anime",
        "batch_size": 16,
        **devices.demonstration_steps(bfloat16=2400, float32=1500),
        "set": {
            "base_filters": 16,
            "ema": 0.999,
            "learning_rate": 4e-4,
            "loss_weights": {
                "reconstruction": 100.0,
                "domain": 0.3,
                "semantic": 10.0,
                "adversarial": 0.2,
            },
        },
    }

    def __init__(
        self,
        image_size=64,
        base_filters=32,
        decoder_filters=None,
        discriminator_filters=None,
        embedding_dim=1024,
        pool_size=50,
        teacher=None,
        name="xgan",
        **kwargs,
    ):
        checks.between(32, checks.MOST_SIDE, image_size=image_size)
        if image_size % 16:
            raise UserError(
                "image_size must be a multiple of 16 from 32 up. "
                f"Received: {image_size!r}"
            )
        checks.at_least(
            1, base_filters=base_filters, embedding_dim=embedding_dim
        )
        if decoder_filters is None:
            decoder_filters = 2 * base_filters
        if discriminator_filters is None:
            discriminator_filters = max(1, base_filters // 2)
        checks.at_least(
            1,
            decoder_filters=decoder_filters,
            discriminator_filters=discriminator_filters,
        )
        checks.between(
            0, max(1, _MOST_POOLED // image_size**2), pool_size=pool_size
        )
        sizes = image_size, base_filters, decoder_filters, embedding_dim
        xgan.check_size(*sizes)
        super().__init__(name=name, **kwargs)

        encoders, decoders, _ = shared_latent.autoencoders(
            functools.partial(xgan.blocks, *sizes), 1, image_size=image_size
        )
        self.encoder_a, self.encoder_b = encoders
        self.decoder_a, self.decoder_b = decoders
        self.domain_classifier = xgan.domain_classifier(
            embedding_dim, name="domain_classifier"
        )
        self.discriminator_a, self.discriminator_b = (
            xgan.discriminator(
                image_size,
                discriminator_filters,
                name=f"discriminator_{domain}",
            )
            for domain in "ab"
        )
        self.pool_a, self.pool_b = (
            ImagePool(pool_size, name=f"pool_{domain}") for domain in "ab"
        )
        for pool in (self.pool_a, self.pool_b):
            pool.build((None, image_size, image_size, 3))

        self.code_shape = (embedding_dim,)
        self.image_size = image_size
        self.base_filters = base_filters
        self.decoder_filters = decoder_filters
        self.discriminator_filters = discriminator_filters
        self.embedding_dim = embedding_dim
        self.pool_size = pool_size
        self.teacher = teacher
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "decoder_filters": self.decoder_filters,
            "discriminator_filters": self.discriminator_filters,
            "embedding_dim": self.embedding_dim,
            "pool_size": self.pool_size,
            "teacher": self.teacher,
        }

    _is_loading = False

    @functools.wraps(BaseModel.compile)
    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self._teacher = None
        if not self._is_loading:
            self._prepare()

    def compile_from_config(self, config):
        # To translate, a file needs no teacher.
        self._is_loading = True
        try:
            super().compile_from_config(config)
        finally:
            self._is_loading = False

    def _prepare(self):
        """Read the teacher, if a term needs it."""
        if self._teacher is None and self.loss_weights["teacher"]:
            with self.distribute_strategy.scope():
                network = xgan.trained_teacher(
                    self.teacher, self.image_size, self.embedding_dim
                )
            # Within a function, where Keras does not see it: it is no part of
            # the model's files.
            self._teacher = functools.partial(network, training=False)

    @property
    def players(self):
        return {
            "generator": (
                *(self.encoder_a, self.encoder_b),
                *(self.decoder_a, self.decoder_b),
                self.domain_classifier,
            ),
            "discriminator": (self.discriminator_a, self.discriminator_b),
        }

    @property
    def call_signature(self):
        shape = self.batch_shapes["images_a"]
        return tf.TensorSpec(shape, tf.float32, "images")

    def _check_images(self, images):
        check_values("images", images, self.batch_shapes["images_a"])
        if isinstance(images, tf.TensorSpec):
            return images
        return tf.cast(images, tf.float32)

    def _judge(self, domain):
        return getattr(self, f"discriminator_{domain}")

    def _generator_terms(self, real_a, real_b, training):
        code_a, code_b = self._encoded(real_a, real_b, training)
        (own_a, fake_a), (fake_b, own_b) = self._decoded(
            (code_a, code_b), training
        )
        again_b, again_a = self._encoded(fake_a, fake_b, training)
        # Through the gradient reversal.
        is_b = self.domain_classifier(
            tf.concat([code_a, code_b], 0), training=training
        )
        logits_a, logits_b = tf.split(is_b, 2)
        judged_a = self.discriminator_a(fake_a, training=training)
        judged_b = self.discriminator_b(fake_b, training=training)
        terms = {
            "reconstruction": losses.mean_square(own_a - real_a)
            + losses.mean_square(own_b - real_b),
            # -log(1 - C(E_a(a))) - log C(E_b(b))
            "domain": tf.add_n(
                losses.non_saturating_discriminator(logits_b, logits_a)
            ),
            "semantic": losses.l1(code_a, again_a)  # |E_b(G_b(h)) - h|
            + losses.l1(code_b, again_b),
            "adversarial": self._generator_loss(judged_a)
            + self._generator_loss(judged_b),
        }
        if self._teacher is not None:
            terms["teacher"] = losses.l1(self._teacher(real_a), code_a)
        return terms, (fake_a, fake_b)

    def _discriminator_terms(self, real_a, real_b, fake_a, fake_b, training):
        terms = []
        for discriminator, real, fake in (
            (self.discriminator_a, real_a, fake_a),
            (self.discriminator_b, real_b, fake_b),
        ):
            both = tf.concat([real, fake], 0)
            logits = discriminator(both, training=training)
            terms.append(self._discriminator_loss(*tf.split(logits, 2)))
        (real_of_a, fake_of_a), (real_of_b, fake_of_b) = terms
        return {
            "real": real_of_a + real_of_b,
            "fake": fake_of_a + fake_of_b,
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
        g_terms, fakes = self._generator_terms(real_a, real_b, training=False)
        d_terms, _ = self._discriminator_terms(
            real_a, real_b, *fakes, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )
