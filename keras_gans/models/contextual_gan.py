"""Contextual GAN: complete a sketch to an image, or an image to a sketch.

A GAN learns sketches and photos side by side, as one joint image. A sketch is
then no input of a network, but a context: the latent vector is searched whose
joint image has a sketch near to the given one, and beside that sketch is its
photo. What is drawn badly is not followed to the stroke.
"""

import dataclasses
import functools
import logging
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.latents.projection import nearest_start, project
from keras_gans.layers import frozen_statistics
from keras_gans.networks import noise_discriminator, noise_generator
from keras_gans.networks.noise import check_image_size
from keras_gans.optimizers import Adam
from keras_gans.training import devices
from keras_gans.training.base import check_values
from keras_gans.training.noise import NoiseModel
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb

logger = logging.getLogger("keras_gans")

_SAMPLE_STEPS = 50  # of the searches for sample grids, which are to be quick


class Completion(typing.NamedTuple):
    """What `ContextualGAN.complete` found, a row per image.

    Attributes:
        images: float32 `[batch, image_size, 2 * image_size, 3]` in [-1, 1],
            joint images; NaN where the search met no number.
        latents: float32 `[batch, latent_dim]`.
        losses: float32 `[batch]`, the objective of `latents`.
        curve: float32 `[steps, batch]`, the objective before each step.
        divergence: float32 `[batch]`, that of the best start.
    """

    images: tf.Tensor
    latents: tf.Tensor
    losses: tf.Tensor
    curve: tf.Tensor
    divergence: tf.Tensor


@keras.saving.register_keras_serializable("keras_gans")
class ContextualGAN(NoiseModel):
    """Contextual GAN, as in the article and as its public code has it.

    `architecture="article"` is DCGAN with kernels of 5 and leaky ReLU, for
    joint images twice as wide as high. `architecture="published"` is the
    public code: a smaller linear layer, a discriminator with many logits, and
    two updates of the generator for one of the discriminator.

    Args:
        architecture: `"article"` or `"published"`.
        image_size: int, pixels of either half, a multiple of 16 from 16 up.
            Default 64.
        latent_dim: int, length of a latent vector. Default 100.
        base_filters: int, channels of the generator before the image.
            Default 64.
        discriminator_filters: int, channels of the discriminator's first
            convolution. Default: the same.
        generator_steps: int, updates of the generator in a training step,
            all with the same latents. Default: 1 for article, 2 for
            published.
        search_steps: int from 0 up, steps of a completion. Default 500.
        search_rate: float, their learning rate. Default 0.1.
        num_starts: int, random latents of which the nearest one begins.
            Default 10.
        perceptual_weight: float from 0 up, of the discriminator's part of
            the search. Default 0.01.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; sketches and, in the same order, their photos.

    Returns:
        `model(latents)`, of float `[batch, latent_dim]`: joint images,
        float32 `[batch, image_size, 2 * image_size, 3]` in [-1, 1], the
        sketch on the left. `model.sketch_to_photo(images)` and
        `model.photo_to_sketch(images)` complete.

    Raises:
        UserError: if an argument does not fit; before any layer is made.

    Losses:
        g_adversarial, weight 1: -log D(G(z)), of joint images.
        d_real, weight 1: -log D(x).
        d_fake, weight 1: -log(1 - D(G(z))).
        Of a completion, for each image: KL(y || G(z)), the contextual loss,
        of the visible half's gray values; and `perceptual_weight` times
        -log D(G(z)), the perceptual loss.

    Departures:
        The article counts five steps from 4 x 8 to 64 x 128, which are four
        doublings. Its perceptual loss, log(1 - D(G(z))), has no lower bound;
        -log D(G(z)) is the code's.
        A learning rate of 0.1 with weights 1 and 0.01 is 0.001 with 100 and
        1, as in the code's script. A gray level is added before the
        logarithm of gray values, and the best latents of the search are kept,
        not the last.
        The search normalizes with moving statistics, so that an image's
        completion does not depend on the others of its batch. The code
        normalizes with those of the batch, ranks the starts by KL(y || G(z)),
        minimizes KL(G(z) || y), without an epsilon, and counts the perceptual
        gradient as often as there are images: `complete(faithful=True)`.
        The code's condition on attributes is left out: pairs have no labels.

    Reference:
        Lu et al. 2018, "Image Generation from Sketch Constraint Using
        Contextual GAN", arXiv:1711.08972.
        github.com/elliottwu/sText2Image at f3a32e0a, model.py.
    """

    data_kind = "paired"
    terms = {"generator": ("adversarial",), "discriminator": ("real", "fake")}
    latent_distribution = "uniform"

    default_adam = Adam
    default_learning_rate = 2e-4
    default_beta_1 = 0.5
    default_batch_size = 64
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {"adversarial": 1.0, "real": 1.0, "fake": 1.0}

    def __init__(
        self,
        architecture="article",
        image_size=64,
        latent_dim=100,
        base_filters=64,
        discriminator_filters=None,
        generator_steps=None,
        search_steps=500,
        search_rate=0.1,
        num_starts=10,
        perceptual_weight=0.01,
        name="contextual",
        **kwargs,
    ):
        recipe = self.recipe_of(architecture)
        checks.at_least(1, image_size=image_size)
        height, width = check_image_size((image_size, 2 * image_size))
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
        checks.between(1, 100, generator_steps=generator_steps)
        checks.between(0, 100_000, search_steps=search_steps)
        checks.between(1, 1000, num_starts=num_starts)
        checks.number(
            0, search_rate=search_rate, perceptual_weight=perceptual_weight
        )
        super().__init__(name=name, **kwargs)

        sides, style = (height, width), recipe.networks
        self.generator = noise_generator(
            sides, latent_dim, base_filters, style, name="generator"
        )
        self.discriminator = noise_discriminator(
            sides, discriminator_filters, style, name="discriminator"
        )
        # By half and trait, see `_Traits`: the least and the most of held-out
        # images; zeros until `calibrate`.
        self.usual = self.add_weight(
            shape=(2, len(_Traits._fields), 2),
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="usual",
        )

        self.architecture = architecture
        self.image_size = image_size
        self.latent_dim = latent_dim
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.generator_steps = generator_steps
        self.search_steps = search_steps
        self.search_rate = search_rate
        self.num_starts = num_starts
        self.perceptual_weight = perceptual_weight
        self._make_state()

    @classmethod
    def default_settings(cls, demonstration=False, **arguments):
        settings = super().default_settings(demonstration, **arguments)
        return settings if demonstration else settings | {"epochs": 200}

    def get_config(self):
        return {
            **super().get_config(),
            "architecture": self.architecture,
            "image_size": self.image_size,
            "latent_dim": self.latent_dim,
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "generator_steps": self.generator_steps,
            "search_steps": self.search_steps,
            "search_rate": self.search_rate,
            "num_starts": self.num_starts,
            "perceptual_weight": self.perceptual_weight,
        }

    def complete(
        self,
        images,
        visible="a",
        *,
        steps=None,
        starts=None,
        whole=False,
        faithful=False,
        progress=None,
    ):
        """Find joint images of which a half is near to given images.

        Images are searched side by side and make no difference to one
        another; all have the same starts.

        Args:
            images: float `[batch, image_size, image_size, 3]` in [-1, 1], the
                visible halves.
            visible: `"a"`, the left half, or `"b"`, the right one.
            steps: int from 0 up. Default: `search_steps`.
            starts: float `[batch, candidates, latent_dim]`. Default:
                `num_starts` of seed 0, the same for all images.
            whole: bool, whether the generator's own half stands in place of
                the visible one: G(z), else M y + (1 - M) G(z).
            faithful: bool, whether to search as the public code does, see
                Departures.
            progress: as of `latents.project`.

        Returns:
            `Completion`.

        Raises:
            UserError: if an argument does not fit.
        """
        checks.one_of(("a", "b"), visible=visible)
        images = self._check_half(images)
        if starts is None:
            starts = tf.constant(self.latents.draw(self.num_starts))
            shape = [tf.shape(images)[0], *starts.shape]
            starts = tf.broadcast_to(starts, shape)
            starts = tf.ensure_shape(starts, [None, *shape[1:]])
        search = _Search(self, visible == "a", self.perceptual_weight, faithful)
        start = nearest_start(search.divergence, starts, [images])
        found = project(
            search,
            start[:, None],
            inputs=[images],
            steps=self.search_steps if steps is None else steps,
            learning_rate=self.search_rate,
            optimizer="nesterov",
            ramp_up=0.0,
            ramp_down=0.0,
            limit=1.0,
            keep="last" if faithful else "best",
            progress=progress,
        )
        joint = search.joint(found.latents)
        if not whole:
            halves = tf.split(joint, 2, axis=2)
            halves["ab".index(visible)] = images
            joint = tf.concat(halves, axis=2)
        is_found = tf.math.is_finite(found.losses)[:, None, None, None]
        return Completion(
            tf.where(is_found, joint, np.nan),
            *found,
            search.divergence(start, images),
        )

    def sketch_to_photo(self, images, progress=None):
        """Complete sketches: the right halves of `complete(images, "a")`.

        Outside of a graph, images that are unlike the held-out ones of the
        training are named in a warning.

        Args:
            images: float `[batch, image_size, image_size, 3]` in [-1, 1].
            progress: as of `latents.project`.

        Returns:
            float32, the shape of `images`, in [-1, 1]; NaN where the search
            met no number.

        Raises:
            UserError: if an argument does not fit.
        """
        return self._warned(images, "a", progress)

    def photo_to_sketch(self, images, progress=None):
        """Complete photos: the left halves of `complete(images, "b")`.

        Arguments, results and errors are those of `sketch_to_photo`.
        """
        return self._warned(images, "b", progress)

    def _warned(self, images, visible, progress):
        outputs = self._hidden(images, visible, progress)
        if not tf.is_symbolic_tensor(outputs):
            for number, remark in enumerate(self._remarks(images, visible)):
                if remark:
                    logger.warning("image %d %s", number, remark)
        return outputs

    def _hidden(self, images, visible, progress=None):
        """Return the other halves of completions."""
        joint = self.complete(images, visible, progress=progress).images
        return tf.split(joint, 2, axis=2)["ba".index(visible)]

    def _check_half(self, images):
        size = self.image_size
        check_values("images", images, (None, size, size, 3))
        images = tf.cast(images, tf.float32)
        return tf.ensure_shape(images, (None, size, size, 3))

    @property
    def counters(self):
        return super().counters | {"usual": self.usual}

    @property
    def batch_shapes(self):
        image = (None, self.image_size, self.image_size, 3)
        return {"images_a": image, "images_b": image}

    def _joint(self, batch):
        return tf.concat(self._check_batch(batch), axis=2)

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
        images = self._joint(batch)
        latents = self._draw(images, self.seed_generator)
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
        images = self._joint(batch)
        fake = self.generator(self._draw(images, seed=0), training=False)
        d_terms, _ = self._discriminator_terms(images, fake, training=False)
        g_terms, _ = self._generator_terms(fake, training=False)
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def record_statistics(self, batch):
        super().record_statistics({"images": self._joint(batch)})

    def calibrate(self, batches):
        """Record what is usual: traits of images that are not trained on.

        Args:
            batches: iterable of batches.
        """
        found = []
        with self.averaged():
            for batch in batches:
                halves = zip(self._check_batch(batch), "ab", strict=True)
                found.append([np.array(self._traits(*one)) for one in halves])
        if found:  # a generator may be used up
            traits = np.concatenate(found, axis=-1)  # [2, traits, images]
            usual = np.stack([traits.min(-1), traits.max(-1)], axis=-1)
            self.usual.assign(usual)

    def _traits(self, images, visible):
        """Return the `_Traits` of images, each float32 `[batch]`."""
        completion = self.complete(images, visible, steps=0)
        return _Traits(completion.divergence, *_pixel_traits(images))

    def _remarks(self, images, visible):
        """Return what is odd about each image, a list of str or None."""
        images = self._check_half(images)
        traits = _Traits(*map(np.array, self._traits(images, visible)))
        usual = _Traits(*self.usual.numpy()["ab".index(visible)])
        rows = zip(*traits, strict=True)
        return [_remark(_Traits(*row), usual) for row in rows]

    def samples(self, batch):
        """Return the sample grids: completions, and joint images of noise.

        Beside a completion stands the sketch that the generator drew of the
        same latents.
        """
        sketches, photos = self._check_batch(batch)
        steps = min(_SAMPLE_STEPS, self.search_steps)
        found = self.complete(sketches, steps=steps, whole=True)
        redrawn, completed = tf.split(found.images, 2, axis=2)
        columns = [
            Column("input", sketches, "sketch"),
            Column("output", completed, "completion"),
            Column("back", redrawn, "its sketch"),
            Column("truth", photos, "truth"),
        ]
        joint = self.generate(len(sketches))
        return {
            "sketch_to_photo": Grid(columns, reals=photos),
            "generate": Grid(
                [Column("output", joint)],
                self._joint(batch),
                self.discriminator,
            ),
        }

    def verbs(self):
        """Return the model's verbs: both completions."""
        return [
            Verb(
                name,
                functools.partial(self._hidden, visible=source),
                {"images": Images(self.image_size)},
                source,
                target,
                steps=self.search_steps,
                remarks=functools.partial(self._remarks, visible=source),
            )
            for name, source, target in (
                ("sketch_to_photo", "a", "b"),
                ("photo_to_sketch", "b", "a"),
            )
        ]


@dataclasses.dataclass(frozen=True)
class _Search:
    """The objective of a completion; equal ones are traced once."""

    model: ContextualGAN
    is_left: bool  # the visible half
    perceptual_weight: float
    faithful: bool

    def joint(self, latents):
        """Return the joint images of latents."""
        return self._passed(self.model.generator, latents)

    def divergence(self, latents, images):
        """Rank starts: KL(y || G(z)), float32 `[batch]`."""
        return self._divergence(images, self._half(self.joint(latents)))

    def __call__(self, latents, images):
        joint = self.joint(latents)
        pair = images, self._half(joint)
        total = self._divergence(*(pair[::-1] if self.faithful else pair))
        if self.perceptual_weight:
            logits = self._passed(self.model.discriminator, joint)
            scores = tf.nn.softplus(-logits)  # -log D(G(z))
            axes = None if self.faithful else range(1, len(scores.shape))
            total += self.perceptual_weight * tf.reduce_mean(scores, axes)
        return total

    def _passed(self, network, inputs):
        with frozen_statistics():
            return network(inputs, training=self.faithful)

    def _half(self, joint):
        left, right = tf.split(joint, 2, axis=2)
        return left if self.is_left else right

    def _divergence(self, images, others):
        options = {"epsilon": 0.0} if self.faithful else {}
        return losses.gray_divergence(images, others, **options)


class _Traits(typing.NamedTuple):
    """What an image may be odd by; a number each, or an array of them.

    Attributes:
        divergence: KL divergence of the best start.
        lightness: mean gray value, 0 to 1.
        contrast: standard deviation of the gray values.
        shading: share of gray values between a quarter and three quarters.
        chroma: mean of the largest minus the least of red, green and blue.
    """

    divergence: typing.Any
    lightness: typing.Any
    contrast: typing.Any
    shading: typing.Any
    chroma: typing.Any


def _pixel_traits(images):
    colors = (np.asarray(images, np.float32) + 1.0) / 2.0
    gray = tf.image.rgb_to_grayscale(colors).numpy()
    axes = (1, 2, 3)
    is_middle = (gray > 0.25) & (gray < 0.75)
    chroma = np.ptp(colors, axis=-1).mean((1, 2))
    return gray.mean(axes), gray.std(axes), is_middle.mean(axes), chroma


def _remark(traits, usual):
    """Return what is odd about an image, or None.

    Args:
        traits: `_Traits` of numbers.
        usual: `_Traits` of pairs, the least and the most; zeros if unknown.
    """
    if not np.isfinite(traits).all():
        return "has no completion: NaN or infinity in the search"
    if not np.any(usual):
        return None
    light, (darkest, lightest) = traits.lightness, usual.lightness
    odd = []
    if traits.contrast < usual.contrast[0] / 4:
        odd.append("is empty")
    elif light < 0.5 < darkest or lightest < 0.5 < light:
        odd.append("is inverted, light on dark in place of dark on light")
    # Twice the most, and a little more where there is none.
    if traits.shading > 2 * usual.shading[1] + 0.05:
        odd.append("has shades of gray")
    if traits.chroma > 2 * usual.chroma[1] + 0.02:
        odd.append("has colors")
    if traits.divergence > 1.5 * usual.divergence[1]:
        odd.append("is like none that the model knows")
    if not odd:
        return None
    least, most = usual.divergence
    return (
        f"{', '.join(odd)}: the best start is {traits.divergence:.3f} from it "
        f"(KL divergence), usual are {least:.3f} to {most:.3f}"
    )


class _Recipe:
    """What both recipes have in common."""

    default_batch_size = 64
    default_epochs = None
    default_steps = None


class _Article(_Recipe):
    """The networks and the recipe of the article."""

    networks = "contextual"
    generator_steps = 1
    # Half the width, for two cores. Searches take a fourth of the time, so
    # that nothing is measured on the way. Of a discriminator that has learned
    # for minutes, a weight of 0.01 was more than that of the sketch; and at a
    # rate of 0.1 most completions stayed what their start was.
    demonstration = {
        "data_a": "faces:sketch",
        "data_b": "faces:photo",
        "batch_size": 16,
        **devices.demonstration_steps(bfloat16=4500, float32=2500),
        "evaluate_every": 0,
        "set": {
            "base_filters": 32,
            "ema": 0.999,
            "perceptual_weight": 0.001,
            "search_rate": 1.0,
        },
    }


class _Published(_Recipe):
    """The networks and the recipe of the public code."""

    networks = "stext2image"
    generator_steps = 2
    demonstration = {
        **_Article.demonstration,
        **devices.demonstration_steps(bfloat16=2500, float32=1400),
    }


ContextualGAN.architectures = {"article": _Article, "published": _Published}
