"""ComboGAN: translate between any two of many domains.

Each domain has an encoder, a decoder and a discriminator. An image is
translated by the encoder of its own domain and the decoder of another, so n
domains need n of each instead of n (n - 1) generators.
"""

import functools
import math
import os

import keras
import numpy as np
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers.image_pool import ImagePool
from keras_gans.networks import combogan
from keras_gans.optimizers import LinearDecay, RowAdam
from keras_gans.training import devices
from keras_gans.training.base import BaseModel
from keras_gans.training.codes import CodeModel
from keras_gans.training.samples import Column, Grid

_EPOCHS = 50  # per domain, at the constant rate and again of its decay
_MOST_SHOWN = 4  # other domains on a sample grid


@keras.saving.register_keras_serializable("keras_gans")
class ComboGAN(CodeModel):
    """Translation between all pairs of domains, by an encoder for each.

    A training step takes two domains and trains their encoders, decoders and
    discriminators as a CycleGAN; nothing of the others is read or changed, and
    each domain has its own step counts of Adam. So more domains take more
    memory, but neither a step nor its compilation takes longer.

    Args:
        image_size: int, pixels, a multiple of 4 from 8 up. Default 256.
        domains: list of str, the names of the domains, two or more. The
            commands take them from the data.
        base_filters: int, channels of the encoders' first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminators' first
            convolution. Default: the same.
        num_residual_blocks: int, residual blocks of a translation, in all.
            Those that are not shared are halved; the decoder has the larger
            half. Default 9.
        num_shared_blocks: int, how many of them, in the middle, all domains
            share. They are told the domain. Default 0.
        num_discriminator_layers: int from 2 to 10, convolutions of stride 2.
            Default 4.
        pool_size: int, past fakes stored per domain, which replace those of
            this step for the discriminator half of the time. Default 50.
        upsampling: `"transposed"`, the convolutions by which the decoders
            enlarge, or `"resize"`: nearest neighbors, then a 3x3 convolution,
            which leaves no checkerboard.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1], of two domains; unpaired.
        domain_a, domain_b: float32 `[batch, n]`, the same row for all images:
            1 for their domain, 0 for others.

    Returns:
        `model(images)` translates the first domain into the second: float32,
        the shape of `images`, in [-1, 1]. `model.translate(images, to,
        source)` translates between any two; `model.encode(images, source)`
        returns codes, float32 `[batch, height / 4, width / 4, 4 *
        base_filters]`, `model.decode(codes, to)` images.

    Raises:
        UserError: if an argument is invalid, or the machine does not have
            the memory; before any layer is built.

    Losses:
        Sums over both domains; E encodes, G decodes, a' is the translation
        of a, "less" an average of 3x3 pixels, stride 2; SmoothL1 is
        `losses.smooth_l1`.
        g_adversarial, weight 1: (D(a') - 1)^2. The logits of
            depth 1 to n count 1 to n, the last one more; the sum is divided
            by n times the sum of these weights.
        g_cycle, weight 10: SmoothL1 of a and a'', translated there and back.
        g_identity, weight 0: SmoothL1 of less a and less G_a(E_a(a)).
        g_latent, weight 0: SmoothL1 of E_b(a') and E_a(a), which it does not
            move; its weight rises from 0 by equal parts in each epoch.
        g_forward, weight 0: SmoothL1 of less a and less a'. The authors
            suggest 0.2 for domains of like colors.
        d_real, weight 0.5: (D(a) - 1)^2.
        d_fake, weight 0.5: D(a')^2, of the pool.

    Departures:
        Pairs of domains are drawn without replacement, all pairs and then
        all again, and images in passes without gaps; the code draws both
        with replacement.

    Demonstration:
        Without data: photos, anime and sketches of the embedded faces at 64
        pixels, `base_filters=16`, `num_residual_blocks=4`, batches of 8, a
        rate of 4e-4, `ema=0.999`; 1,500 steps in bfloat16, without it 900.

    Reference:
        Anoosheh et al. 2018, "ComboGAN: Unrestrained Scalability for Image
        Domain Translation", arXiv:1712.06909.
        github.com/AAnoosheh/ComboGAN, models/combogan_model.py.
    """

    data_kind = "domains"
    size_multiple = 4
    terms = {
        "generator": ("adversarial", "cycle", "identity", "latent", "forward"),
        "discriminator": ("real", "fake"),
    }

    default_adam = RowAdam
    default_learning_rate = 2e-4
    # Of two domains. The rate is whole in one epoch more than in other
    # recipes, and still a part in the last.
    default_epochs = (2 * _EPOCHS + 1, 2 * _EPOCHS - 1)
    default_adversarial_loss = "least_squares"
    default_loss_weights = {
        "adversarial": 1.0,
        "cycle": 10.0,
        "identity": 0.0,
        "latent": 0.0,
        "forward": 0.0,
        "real": 0.5,
        "fake": 0.5,
    }
    # Narrow networks, for two cores.
    demonstration = {
        "data": ["faces:photo", "faces:anime", "faces:sketch"],
        "image_size": 64,
        "batch_size": 8,
        **devices.demonstration_steps(bfloat16=1500, float32=900),
        "set": {
            "base_filters": 16,
            "num_residual_blocks": 4,
            "learning_rate": 4e-4,
            "ema": 0.999,
        },
    }

    def __init__(
        self,
        image_size=256,
        domains=("a", "b"),
        base_filters=64,
        discriminator_filters=None,
        num_residual_blocks=9,
        num_shared_blocks=0,
        num_discriminator_layers=4,
        pool_size=50,
        upsampling="transposed",
        name="combogan",
        **kwargs,
    ):
        checks.between(8, checks.MOST_SIDE, image_size=image_size)
        if image_size % 4:
            raise UserError(
                "image_size must be a multiple of 4 from 8 up (64, 128, 256). "
                f"Received: {image_size!r}"
            )
        if discriminator_filters is None:
            discriminator_filters = base_filters
        checks.between(
            *(1, 2**16),
            base_filters=base_filters,
            discriminator_filters=discriminator_filters,
        )
        checks.between(0, 200, num_residual_blocks=num_residual_blocks)
        checks.between(
            0, num_residual_blocks, num_shared_blocks=num_shared_blocks
        )
        checks.between(2, 10, num_discriminator_layers=num_discriminator_layers)
        checks.between(0, 2**20, pool_size=pool_size)
        blocks = num_residual_blocks - num_shared_blocks
        _check_domains(
            domains,
            # Weights and their two moments, and pixels of the pool.
            3
            * (
                combogan.coder_weights(base_filters, blocks)
                + combogan.discriminator_weights(
                    discriminator_filters, num_discriminator_layers
                )
                + pool_size * image_size**2
            ),
        )
        super().__init__(name=name, **kwargs)

        count = len(domains)
        self.encoder = combogan.combogan_encoder(
            *(count, base_filters, blocks // 2),
            num_shared_blocks - num_shared_blocks // 2,
            name="encoder",
        )
        self.decoder = combogan.combogan_decoder(
            *(count, base_filters, blocks - blocks // 2),
            num_shared_blocks // 2,
            upsampling,
            name="decoder",
        )
        self.discriminator = combogan.combogan_discriminator(
            *(count, discriminator_filters, num_discriminator_layers),
            name="discriminator",
        )
        self.pools = ImagePool(pool_size, num_pools=count, name="pools")
        self.pools.build((None, image_size, image_size, 3))

        side = image_size // 4
        self.code_shape = side, side, self.encoder.output_shape[-1]
        self.image_size = image_size
        self.domains = list(domains)
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.num_residual_blocks = num_residual_blocks
        self.num_shared_blocks = num_shared_blocks
        self.num_discriminator_layers = num_discriminator_layers
        self.pool_size = pool_size
        self.upsampling = upsampling
        epochs = _EPOCHS * count
        self.default_epochs = epochs + 1, epochs - 1
        self._make_state()

    def _make_state(self):
        # Where the epochs of `fit` count: how far the run is, of 1.
        self.progress = self.add_weight(
            shape=(),
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="progress",
        )
        super()._make_state()

    @classmethod
    def default_settings(
        cls, demonstration=False, domains=("a", "b"), **arguments
    ):
        """Return the recipe's settings, with epochs by number of domains."""
        settings = super().default_settings(demonstration, **arguments)
        if settings["epochs"]:
            settings["epochs"] = 2 * _EPOCHS * len(domains)
        return settings

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "domains": self.domains,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "num_residual_blocks": self.num_residual_blocks,
            "num_shared_blocks": self.num_shared_blocks,
            "num_discriminator_layers": self.num_discriminator_layers,
            "pool_size": self.pool_size,
            "upsampling": self.upsampling,
        }

    @property
    def discriminator_terms(self):
        # Of two domains, each a mean over depths divided by their number.
        return 2 / self.num_discriminator_layers

    @property
    def counters(self):
        return super().counters | {"progress": self.progress}

    # With the signature of the original, from which flags are made.
    @functools.wraps(BaseModel.compile, assigned=())
    def compile(self, *args, **kwargs):
        """Configure training, as `BaseModel.compile`.

        The weight of the latent term rises over `total_steps`, or the epochs
        of the recipe.
        """
        super().compile(*args, **kwargs)
        self._left = LinearDecay(1.0, 1, sum(self.default_epochs) - 1)
        self._total_steps = self._compile_arguments["total_steps"]
        if self._total_steps:
            self._left = self._left.over(self._total_steps)

    def compile_from_config(self, config):
        # Files from before it was refused may have it.
        super().compile_from_config(config | {"recompute": False})

    def _own_callbacks(self, arguments):
        def advance(epoch, logs):
            self.progress.assign(1.0 - self._left(epoch))

        if self._total_steps:
            return []
        return [keras.callbacks.LambdaCallback(on_epoch_begin=advance)]

    def call(self, images, training=False):
        """Translate images of the first domain into the second.

        Those of a batch of `fit`, from its first domain into its second.
        """
        if not isinstance(images, dict):
            return super().call(images, training)
        images, _, own, other = self._inputs(images)
        codes = self.encoder([images, own], training=training)
        return self.decoder([codes, other], training=training)

    def _progress(self):
        """Return how far the run is, float32 from 0 to 1."""
        if self._total_steps:
            return 1.0 - self._left(self.step.value)
        return self.progress.value

    def _coder(self, part, domain):
        number = tf.constant([self.domains.index(domain)], tf.int64)
        network = getattr(self, part)
        return lambda x, training: network([x, number], training=training)

    @property
    def players(self):
        return {
            "generator": (self.encoder, self.decoder),
            "discriminator": (self.discriminator,),
        }

    @property
    def batch_shapes(self):
        domain = (None, len(self.domains))
        return super().batch_shapes | {"domain_a": domain, "domain_b": domain}

    def _inputs(self, batch):
        """Return the images of a batch and the numbers of their domains."""
        real_a, real_b, *vectors = self._check_batch(batch)
        return real_a, real_b, *(tf.argmax(one[:1], -1) for one in vectors)

    def _generator_terms(self, real_a, real_b, a, b, training):
        encoder, decoder = self._pass(self.encoder), self._pass(self.decoder)
        found = []
        fakes = []
        for real, own, other in ((real_a, a, b), (real_b, b, a)):
            codes = encoder([real, own], training=training)
            fake = decoder([codes, other], training=training)  # G_b(E_a(a))
            logits = self.discriminator([fake, other], training=training)
            back = encoder([fake, other], training=training)
            again = decoder([back, own], training=training)
            kept = decoder([codes, own], training=training)  # G_a(E_a(a))
            found.append(
                {
                    "adversarial": _over_depths(
                        [*map(self._generator_loss, logits)]
                    ),
                    "cycle": losses.smooth_l1(real, again),
                    "identity": losses.smooth_l1(_less(real), _less(kept)),
                    "latent": self._progress()
                    * losses.smooth_l1(tf.stop_gradient(codes), back),
                    "forward": losses.smooth_l1(_less(real), _less(fake)),
                }
            )
            fakes.append(fake)
        of_a, of_b = found
        fake_b, fake_a = fakes
        return {n: of_a[n] + of_b[n] for n in of_a}, (fake_a, fake_b)

    def _discriminator_terms(
        self, real_a, real_b, fake_a, fake_b, a, b, training
    ):
        found = []
        for real, fake, domain in ((real_a, fake_a, a), (real_b, fake_b, b)):
            logits = [
                self.discriminator([images, domain], training=training)
                for images in (real, fake)
            ]
            both = map(self._discriminator_loss, *logits)  # at each depth
            found.append([*map(_over_depths, zip(*both, strict=True))])
        (real_of_a, fake_of_a), (real_of_b, fake_of_b) = found
        return {
            "real": real_of_a + real_of_b,
            "fake": fake_of_a + fake_of_b,
        }, None

    def train_step(self, batch):
        real_a, real_b, a, b = self._inputs(batch)
        g_terms, (fake_a, fake_b) = self._update(
            "generator", self._generator_terms, real_a, real_b, a, b
        )
        fake_a = self.pools(fake_a, a[0])
        fake_b = self.pools(fake_b, b[0])
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(real_a, real_b, fake_a, fake_b, a, b),
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        real_a, real_b, a, b = self._inputs(batch)
        g_terms, (fake_a, fake_b) = self._generator_terms(
            real_a, real_b, a, b, training=False
        )
        d_terms, _ = self._discriminator_terms(
            real_a, real_b, fake_a, fake_b, a, b, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def samples(self, batch):
        """Return a sample grid for each domain of `images_a`, and a way.

        A grid shows translations into the next domains, at most four, and
        back from the first of them.
        """
        grids = {}
        found = np.argmax(batch["domain_a"], 1)
        for number in np.unique(found):
            images = tf.boolean_mask(batch["images_a"], found == number)
            own, *others = self.domains[number:] + self.domains[:number]
            others = others[:_MOST_SHOWN]
            fakes = [self.translate(images, to, own) for to in others]
            back = self.translate(fakes[0], own, others[0])
            way = self._interpolation(images, own, *others)
            columns = map(Column, ["output"] * len(fakes), fakes, others)
            columns = Column("input", images, own), *columns
            grids[own] = Grid([*columns, Column("back", back, "and back")])
        return {"interpolation": way} | grids


def _less(images):
    """Return an average of 3x3 pixels, stride 2."""
    return tf.nn.avg_pool2d(images, 3, 2, "VALID")


def _over_depths(found):
    """Return one loss of those at several depths, the last counted most."""
    depths = len(found)
    weights = [*range(1, depths), depths + 1]
    total = tf.add_n([w * loss for w, loss in zip(weights, found, strict=True)])
    return total / (depths * sum(weights))


def _check_domains(domains, numbers):
    """Check names, and that there is memory for `numbers` for each domain."""
    if (
        not isinstance(domains, (list, tuple))
        or len(domains) < 2
        or not all(isinstance(name, str) and name for name in domains)
        or len({*domains}) < len(domains)
    ):
        raise UserError(
            "domains must be a list of two different names or more. "
            f"Received: {domains!r}"
        )
    needed = 4 * numbers * len(domains)
    memory = math.inf
    if hasattr(os, "sysconf"):  # not so under Windows
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise UserError(
            "domains must be as many as the memory holds: with their moments "
            f"and pools {len(domains)} of this size need "
            f"{needed / 2**30:.3g} GiB. Received: {memory / 2**30:.3g} GiB"
        )
    pairs = [f"{one}_to_{two}" for one in domains for two in domains]
    pairs += [f"encode_{name}" for name in domains]
    if len({*pairs}) < len(pairs):
        raise UserError(
            "domains must have names that tell all ONE_to_TWO and encode_ONE "
            "apart. "
            f"Received: {', '.join(domains)}"
        )
