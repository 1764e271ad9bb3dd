"""SharedLatent: translate between two domains through a latent space.

An autoencoder per domain; all encoders lead into one space of codes. What is
encoded by one domain's encoder and decoded by the other's decoder is
translated.
"""

import functools
import math

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.layers import draw_latents
from keras_gans.networks import dcgan, shared_latent, vgg
from keras_gans.optimizers import Adam, PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.codes import CodeModel

_FACES = {"data_a": "faces:photo", "data_b": "faces:anime"}
_TIES = "equal", "close"
_TIE_WEIGHT = 0.01
_LEAST_SIDE = 8  # a quarter of it has the two pixels that one reflects into


@keras.saving.register_keras_serializable("keras_gans")
class SharedLatent(CodeModel):
    """Two domains with one latent space: the article's way, and UNIT.

    `architecture="article"` makes the space common by four means: the
    deepest layers of the encoders and the first of the decoders are shared,
    a discriminator per domain judges what is decoded, and a third player, a
    discriminator of the codes, tells which encoder a code came from, which
    the encoders must hide. Each can be left out by its weight.
    `architecture="unit"` is UNIT as its authors publish it today: codes with
    noise, a cycle through both domains, discriminators of three scales.
    `architecture="unit-v1"` is their first code, as of the paper: layers are
    shared, also by the discriminators.

    Args:
        architecture: `"article"`, `"unit"` or `"unit-v1"`.
        image_size: int, pixels. For article a multiple of 16 from 32 up,
            default 64; for unit a multiple of 4 from 2 **
            (`num_discriminator_layers` + 2) up, for unit-v1 from 8 up,
            default 256.
        base_filters: int, channels of the encoders' first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminators' first
            convolution. Default: half of `base_filters` for article, else the
            same.
        num_residual_blocks: int from 0 up, not of article: in each encoder
            and in each decoder, with the shared ones. Default 4.
        num_discriminator_layers: int from 1 up, from 2 for unit-v1, not of
            article: convolutions of stride 2. Default 4; for unit-v1 6, of
            which the domains share all but two.
        shared_layers: int from 0 up, how many of the deepest layers of the
            encoders and of the first of the decoders both domains share. For
            article up to 2 of the three, default 1; else residual blocks,
            default 0 for unit and 1 for unit-v1.
        tie: `"equal"`, shared layers are the same; or, for article,
            `"close"`, each domain has its own, and the term `tie` pulls them
            together.
        perceptual_weights: str, of unit only: the file of the weights of
            `keras.applications.VGG16` without top, for the term `perceptual`.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; unpaired.

    Returns:
        `model(images)` translates a to b: float32, the shape of `images`, in
        [-1, 1]. `model.translate(images, to="a")` translates back;
        `model.encode(images, "a")` returns codes, float32 `[batch, height /
        n, width / n, 4 * base_filters]`, n = 8 for article, else 4; of unit
        the mean; `model.decode(codes, "b")` images.

    Raises:
        UserError: if an argument is invalid; before any layer is built.

    Losses:
        E_a, E_b are the encoders, G_a, G_b the decoders, h the codes; sums
        over both domains. Weights of article, unit, unit-v1; - where there
        is no such term. UNIT's are those of the paper's section 3.
        g_reconstruction, 10, 10, 100: |G_a(E_a(a)) - a|.
        g_adversarial, 1, 1, 10: -log D_b(G_b(E_a(a))), of translations;
            for unit (D - 1)^2, summed over the scales.
        g_adversarial_reconstruction, 0.5, -, -: the same of G_a(E_a(a)).
        g_latent_adversarial, 1, -, -: -log(1 - C(E_a(a))) - log C(E_b(b)),
            C the probability that a code is from a.
        g_tie, -, -, -, for article 0.01 with tie="close": the squared
            differences of the weights, summed.
        g_cycle, -, 10, 100: |G_a(E_b(G_b(h))) - a|, h = E_a(a).
        g_kl, -, 0.01, 0.1: the mean of h^2, which but for a factor is the
            Kullback-Leibler divergence of N(h, 1) from N(0, 1).
        g_cycle_kl, -, 0.01, 0.1: the same of E_b(G_b(h)).
        g_perceptual, -, 0, -: the squared difference of VGG-16 features,
            normalized per channel, of an image and its translation.
        d_real, 1, 1, 10: -log D(real); for unit (D - 1)^2.
        d_fake, 0.5, 1, 10: -log(1 - D(fake)) of translations; for unit D^2.
        d_fake_reconstruction, 0.5, -, -: the same of reconstructions.
        ld_domain, 1, -, -: -log C(E_a(a)) - log(1 - C(E_b(b))). Where
            g_latent_adversarial is left out C only watches: the further
            below 2 log 2 = 1.39, the better it tells the codes apart.

    Departures:
        article: it describes the construction and no network, loss or
        weight; these are ours. Networks are its CycleGAN's, the generators
        cut in the middle, with instance instead of batch normalization:
        shared layers would be used with moving statistics that fit neither
        domain. It says nothing of how translations are trained; here the
        discriminators judge them beside reconstructions.
        unit: none from the authors' PyTorch code but the term `perceptual`,
        which needs a file of weights: with its weight at 1, as in their
        configuration for streets, all is the same. The paper's shared layers
        are not in that code: `shared_layers=1`.
        unit-v1: the code takes the mean of h^2 with the noise on h, which
        adds a constant and a gradient of mean 0, and draws biases at random.

    Demonstration:
        Without data: photos and anime of the embedded faces, `ema=0.999`.
        article: batches of 16; 2,400 steps in bfloat16, without it 1,500.
        unit, unit-v1: 64 pixels, `base_filters=32`, 1,500 steps.

    Reference:
        Liu, Breuel and Kautz 2017, "Unsupervised Image-to-Image Translation
        Networks", arXiv:1703.00848. github.com/NVlabs/MUNIT, UNIT_Trainer in
        trainer.py, whose classes github.com/mingyuliutw/UNIT has, too; its
        branch version_02, COCOGANTrainer in src/trainers/cocogan_trainer.py.
    """

    data_kind = "unpaired"
    # Of article; another architecture's replace them.
    terms = {
        "generator": (
            "reconstruction",
            "adversarial",
            "adversarial_reconstruction",
            "latent_adversarial",
        ),
        "discriminator": ("real", "fake", "fake_reconstruction"),
        "latent_discriminator": ("domain",),
    }
    default_adversarial_loss = "non_saturating"  # of article

    def __init__(
        self,
        architecture="article",
        image_size=None,
        base_filters=64,
        discriminator_filters=None,
        num_residual_blocks=None,
        num_discriminator_layers=None,
        shared_layers=None,
        tie="equal",
        perceptual_weights=None,
        name="sharedlatent",
        **kwargs,
    ):
        recipe = self.recipe_of(architecture)
        if image_size is None:
            image_size = recipe.image_size
        if shared_layers is None:
            shared_layers = recipe.shared_layers
        own = {
            "num_residual_blocks": num_residual_blocks,
            "num_discriminator_layers": num_discriminator_layers,
            "perceptual_weights": perceptual_weights,
        }
        for argument, value in own.items():
            if value is None:
                own[argument] = recipe.own_arguments.get(argument)
            elif argument not in recipe.own_arguments:
                raise UserError(
                    f"{argument} must be left out for "
                    f'architecture="{architecture}". Received: {value!r}'
                )
        num_residual_blocks, num_discriminator_layers, _ = own.values()
        checks.at_least(1, base_filters=base_filters)
        if discriminator_filters is None:
            discriminator_filters = recipe.discriminator_filters(base_filters)
        checks.at_least(1, discriminator_filters=discriminator_filters)
        recipe.check(image_size, num_residual_blocks, num_discriminator_layers)
        most = recipe.most_shared(num_residual_blocks)
        checks.between(0, most, shared_layers=shared_layers)
        checks.one_of(recipe.ties, tie=tie)
        if tie == "close":
            checks.between(1, most, shared_layers=shared_layers)
        super().__init__(name=name, **kwargs)

        encoders, decoders, self._distance = shared_latent.autoencoders(
            functools.partial(recipe.blocks, base_filters, num_residual_blocks),
            shared_layers,
            tie,
        )
        self.encoder_a, self.encoder_b = encoders
        self.decoder_a, self.decoder_b = decoders
        # Of each domain as many networks as there are scales.
        self.discriminators_a, self.discriminators_b = recipe.discriminators(
            image_size, discriminator_filters, num_discriminator_layers
        )
        self.latent_discriminator = None
        if "latent_discriminator" in recipe.terms:
            self.latent_discriminator = shared_latent.latent_discriminator(
                self.encoder_a.output_shape[-1],
                discriminator_filters,
                name="latent_discriminator",
            )
        self.seed_generator = keras.random.SeedGenerator()  # of the noise

        side = image_size // recipe.multiple
        self.code_shape = side, side, self.encoder_a.output_shape[-1]
        self.size_multiple = recipe.size_multiple
        self.architecture = architecture
        self.image_size = image_size
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.shared_layers = shared_layers
        self.tie = tie
        self._own_arguments = own
        self._recipe = recipe
        self._make_state()

    def _make_state(self):
        self.terms = dict(self._recipe.terms)
        if self.tie == "close":
            self.terms["generator"] += ("tie",)
        super()._make_state()
        if self.tie == "close":
            weights = {**self.default_loss_weights, "tie": _TIE_WEIGHT}
            self.default_loss_weights = weights

    def get_config(self):
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": self.image_size,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "shared_layers": self.shared_layers,
            "tie": self.tie,
            **{
                name: value
                for name, value in self._own_arguments.items()
                if name in self._recipe.own_arguments
            },
        }

    @functools.wraps(BaseModel.compile)
    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self._features = None

    def _prepare(self):
        """Read what only training needs, if a term does."""
        if self._features is None and self.loss_weights.get("perceptual"):
            path = self._own_arguments["perceptual_weights"]
            with self.distribute_strategy.scope():
                network = vgg.trained_vgg16_features(path)
            # Within a function, where Keras does not see it: it is no part of
            # the model's files.
            self._features = functools.partial(network, training=False)

    def _check_images(self, images):
        images = check_images(images, multiple_of=self._recipe.multiple)
        if any(s is not None and s < _LEAST_SIDE for s in images.shape[1:3]):
            raise UserError(
                f"height and width of images must be from {_LEAST_SIDE} up. "
                f"Received shape: {images.shape}"
            )
        return images

    def _judge(self, domain):
        return getattr(self, f"discriminators_{domain}")[0]

    @property
    def players(self):
        players = {
            "generator": (
                *(self.encoder_a, self.encoder_b),
                *(self.decoder_a, self.decoder_b),
            ),
            "discriminator": (*self.discriminators_a, *self.discriminators_b),
        }
        if self.latent_discriminator is not None:
            players["latent_discriminator"] = (self.latent_discriminator,)
        return players

    def _draw(self, images):
        """Draw the noise of the codes of these images, or None."""
        if not self._recipe.has_noise:
            return None
        size = math.prod(self.code_shape)
        noise = draw_latents(self.seed_generator, tf.shape(images)[0], size)
        return tf.reshape(noise, [-1, *self.code_shape])

    def _fooled(self, images_a, images_b, training):
        """Return the generators' loss of what both discriminators judge."""
        terms = []
        for networks, images in (
            (self.discriminators_a, images_a),
            (self.discriminators_b, images_b),
        ):
            terms += [
                self._generator_loss(network(images, training=training))
                for network in networks
            ]
        return tf.add_n(terms)

    def _generator_terms(self, real_a, real_b, noise, later_noise, training):
        reals = real_a, real_b
        codes = self._encoded(*reals, training)
        (own_a, fake_a), (fake_b, own_b) = self._decoded(
            _with_noise(codes, noise), training
        )
        with self._only_for("adversarial"):
            adversarial = self._fooled(fake_a, fake_b, training)
        terms = {
            "reconstruction": losses.l1(real_a, own_a)  # |G_a(E_a(a)) - a|
            + losses.l1(real_b, own_b),  # |G_b(E_b(b)) - b|
            "adversarial": adversarial,  # -log D_b(G_b(E_a(a)))
        }
        return terms | self._recipe.further_terms(
            *(self, reals, codes, (own_a, own_b), (fake_a, fake_b)),
            *(later_noise, training),
        ), None

    def _discriminator_terms(self, real_a, real_b, noise, training):
        codes = self._encoded(real_a, real_b, training)
        (own_a, fake_a), (fake_b, own_b) = self._decoded(
            _with_noise(codes, noise), training
        )
        found = {name: [] for name in self.terms["discriminator"]}
        for networks, *batches in (
            (self.discriminators_a, real_a, fake_a, own_a),
            (self.discriminators_b, real_b, fake_b, own_b),
        ):
            # Without the last where reconstructions are not judged.
            by_term = dict(zip(found, batches, strict=False))
            for network in networks:
                real, *fakes = self._recipe.judged(
                    self, network, by_term, training
                )
                pairs = [self._discriminator_loss(real, one) for one in fakes]
                judged = pairs[0][0], *(fake for _, fake in pairs)
                for terms, term in zip(found.values(), judged, strict=True):
                    terms.append(term)
        return {name: tf.add_n(terms) for name, terms in found.items()}, codes

    def _told_apart(self, code_a, code_b, training):
        """Return the loss of a latent discriminator to which a is real."""
        return tf.add_n(
            self._discriminator_loss(
                self.latent_discriminator(code_a, training=training),
                self.latent_discriminator(code_b, training=training),
            )
        )

    def _latent_discriminator_terms(self, code_a, code_b, training):
        # -log C(E_a(a)) - log(1 - C(E_b(b)))
        return {"domain": self._told_apart(code_a, code_b, training)}, None

    def train_step(self, batch):
        reals = self._check_batch(batch)
        noise, again, later = (
            [self._draw(images) for images in reals] for _ in range(3)
        )
        d_terms, codes = self._update(
            "discriminator", self._discriminator_terms, *reals, noise
        )
        terms = {"discriminator": d_terms}
        if self.latent_discriminator is not None:
            terms["latent_discriminator"], _ = self._update(
                "latent_discriminator", self._latent_discriminator_terms, *codes
            )
        terms["generator"], _ = self._update(
            "generator", self._generator_terms, *reals, again, later
        )
        return self._report(terms)

    def test_step(self, batch):
        reals = self._check_batch(batch)
        none = None, None
        d_terms, codes = self._discriminator_terms(*reals, none, training=False)
        terms = {"discriminator": d_terms}
        if self.latent_discriminator is not None:
            terms["latent_discriminator"], _ = self._latent_discriminator_terms(
                *codes, training=False
            )
        terms["generator"], _ = self._generator_terms(
            *reals, none, none, training=False
        )
        return self._report(terms, training=False)


def _with_noise(codes, noise):
    """Add noise of unit variance to the codes of both domains, if any."""
    return [
        code if one is None else code + one
        for code, one in zip(codes, noise, strict=True)
    ]


def _article_terms(model, reals, codes, owns, fakes, noise, training):
    """Return the article's further terms of the generators."""
    with model._only_for("adversarial_reconstruction"):
        adversarial = model._fooled(*owns, training)  # -log D_a(G_a(E_a(a)))
    terms = {
        "adversarial_reconstruction": adversarial,
        # -log(1 - C(E_a(a))) - log C(E_b(b))
        "latent_adversarial": model._told_apart(*codes[::-1], training),
    }
    if model.tie == "close":
        terms["tie"] = model._distance()  # |w_a - w_b|^2
    return terms


def _unit_terms(model, reals, codes, owns, fakes, noise, training):
    """Return UNIT's further terms of the generators."""
    # Of the translations: the first code is of an image from b.
    back = model._encoded(*fakes, training)
    again_b, again_a = _with_noise(back, noise)
    cycle_a = model._pass(model.decoder_a)(again_a, training=training)
    cycle_b = model._pass(model.decoder_b)(again_b, training=training)
    terms = {
        "cycle": losses.l1(reals[0], cycle_a)  # |G_a(E_b(G_b(h))) - a|
        + losses.l1(reals[1], cycle_b),
        "kl": tf.add_n([losses.mean_square(h) for h in codes]),  # h^2
        "cycle_kl": tf.add_n([losses.mean_square(h) for h in back]),
    }
    if model._features is not None:
        terms["perceptual"] = tf.add_n(
            [
                losses.mean_square(model._features(x) - model._features(y))
                for x, y in zip(reals, fakes[::-1], strict=True)
            ]
        )
    return terms


class _Article:
    """The article's construction, with networks and weights of ours."""

    image_size = 64
    multiple = 8  # of height and width that the encoders take
    size_multiple = None  # serves faces of the size it was trained on
    shared_layers = 1
    ties = _TIES
    own_arguments = {}
    has_noise = False
    blocks = staticmethod(
        lambda base_filters, _: shared_latent.article_blocks(base_filters)
    )
    further_terms = staticmethod(_article_terms)
    terms = SharedLatent.terms
    default_batch_size = 64
    default_adam = Adam
    default_learning_rate = 4e-4
    default_epochs = None
    default_steps = 100_000
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {
        "reconstruction": 10.0,
        "adversarial": 1.0,
        "adversarial_reconstruction": 0.5,
        "latent_adversarial": 1.0,
        "real": 1.0,
        "fake": 0.5,
        "fake_reconstruction": 0.5,
        "domain": 1.0,
    }
    demonstration = {
        **_FACES,
        "batch_size": 16,
        "set": {"ema": 0.999},
        **devices.demonstration_steps(bfloat16=2400, float32=1500),
    }

    @staticmethod
    def discriminator_filters(base_filters):
        return max(1, base_filters // 2)

    @staticmethod
    def check(image_size, num_residual_blocks, num_discriminator_layers):
        dcgan.check_image_size(image_size, "article")

    @staticmethod
    def most_shared(num_residual_blocks):
        return 2  # the outer layers stay each domain's own

    @staticmethod
    def discriminators(image_size, base_filters, num_layers):
        return [
            [
                dcgan.dcgan_discriminator(
                    image_size, base_filters, name=f"discriminator_{domain}"
                )
            ]
            for domain in "ab"
        ]

    @staticmethod
    def judged(model, network, by_term, training):
        """Return a discriminator's logits of batches by term."""
        logits = []
        # Apart: batch normalization would mix them.
        for name, images in by_term.items():
            with model._only_for(name):
                logits.append(network(images, training=training))
        return logits


class _Unit:
    """UNIT as its authors publish it today."""

    image_size = 256
    multiple = size_multiple = 4
    shared_layers = 0
    ties = ("equal",)
    own_arguments = {
        "num_residual_blocks": 4,
        "num_discriminator_layers": 4,
        "perceptual_weights": None,
    }
    has_noise = True
    num_scales = 3
    blocks = staticmethod(shared_latent.unit_blocks)
    further_terms = staticmethod(_unit_terms)
    terms = {
        "generator": (
            *("reconstruction", "adversarial", "cycle", "kl", "cycle_kl"),
            "perceptual",
        ),
        "discriminator": ("real", "fake"),
    }
    default_batch_size = 1
    default_adam = functools.partial(PyTorchAdam, l2=1e-4)
    default_learning_rate = keras.optimizers.schedules.ExponentialDecay(
        1e-4, 100_000, 0.5, staircase=True
    )
    default_epochs = None
    default_steps = 1_000_000
    default_adversarial_loss = "least_squares"
    default_loss_weights = {
        "reconstruction": 10.0,
        "adversarial": 1.0,
        "cycle": 10.0,
        "kl": 0.01,
        "cycle_kl": 0.01,
        "perceptual": 0.0,
        "real": 1.0,
        "fake": 1.0,
    }
    demonstration = {
        **_FACES,
        "image_size": 64,
        "steps": 1500,
        "set": {"base_filters": 32, "ema": 0.999},
    }

    @staticmethod
    def discriminator_filters(base_filters):
        return base_filters

    @classmethod
    def check(cls, image_size, num_residual_blocks, num_discriminator_layers):
        checks.at_least(0, num_residual_blocks=num_residual_blocks)
        checks.between(1, 8, num_discriminator_layers=num_discriminator_layers)
        least = 2 ** (num_discriminator_layers + cls.num_scales - 1)
        _check_image_size(image_size, max(least, _LEAST_SIDE))

    @staticmethod
    def most_shared(num_residual_blocks):
        return num_residual_blocks

    @classmethod
    def discriminators(cls, image_size, base_filters, num_layers):
        return [
            shared_latent.scale_discriminators(
                *(base_filters, num_layers, cls.num_scales),
                name=f"discriminator_{domain}",
            )
            for domain in "ab"
        ]

    @staticmethod
    def judged(model, network, by_term, training):
        """Return a discriminator's logits of batches by term."""
        # As one batch: there is no normalization.
        logits = network(tf.concat([*by_term.values()], 0), training=training)
        return tf.split(logits, len(by_term))


class _FirstUnit(_Unit):
    """UNIT as its authors published it first, with shared layers."""

    shared_layers = 1
    own_arguments = {"num_residual_blocks": 4, "num_discriminator_layers": 6}
    blocks = staticmethod(shared_latent.first_unit_blocks)
    terms = {
        "generator": (
            *("reconstruction", "adversarial", "cycle", "kl", "cycle_kl"),
        ),
        "discriminator": ("real", "fake"),
    }
    default_batch_size = 1
    default_adam = _Unit.default_adam
    default_learning_rate = 1e-4
    default_epochs = None
    default_steps = 500_000
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {
        "reconstruction": 100.0,
        "adversarial": 10.0,
        "cycle": 100.0,
        "kl": 0.1,
        "cycle_kl": 0.1,
        "real": 10.0,
        "fake": 10.0,
    }

    @staticmethod
    def check(image_size, num_residual_blocks, num_discriminator_layers):
        checks.at_least(0, num_residual_blocks=num_residual_blocks)
        checks.between(2, 8, num_discriminator_layers=num_discriminator_layers)
        _check_image_size(image_size, _LEAST_SIDE)

    @staticmethod
    def discriminators(image_size, base_filters, num_layers):
        networks = shared_latent.first_unit_discriminators(
            base_filters, num_layers
        )
        return [[network] for network in networks]


def _check_image_size(image_size, least):
    checks.between(least, checks.MOST_SIDE, image_size=image_size)
    if image_size % 4:
        raise UserError(
            f"image_size must be a multiple of 4 from {least} up. "
            f"Received: {image_size!r}"
        )


SharedLatent.architectures = {
    "article": _Article,
    "unit": _Unit,
    "unit-v1": _FirstUnit,
}
