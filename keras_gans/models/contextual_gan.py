"""Contextual GAN: complete a sketch to an image, or an image to a sketch.

A GAN learns sketches and photos side by side, as one joint image. A sketch is
then no input of a network, but a context: the latent vector is searched whose
joint image has a sketch near to the given one, and beside that sketch is its
photo. What is drawn badly is not followed to the stroke. Labels of the photos
may be a condition of both networks, and of the search.
"""

import dataclasses
import functools
import logging
import typing

import keras
import numpy as np
import tensorflow as tf

from keras_gans import checks, losses, verbs
from keras_gans.checks import UserError
from keras_gans.labels import Labels
from keras_gans.latents.projection import nearest_start, project
from keras_gans.latents.traits import Traits
from keras_gans.layers import draw_latents, frozen_statistics
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
        search_steps: int from 0 up, steps of a completion. Default: 500 for
            article, 1,000 for published.
        search_rate: float, their learning rate. Default 0.1.
        num_starts: int, random latents of which the nearest one begins.
            Default: 10 for article, 30 for published.
        perceptual_weight: float from 0 up, of the discriminator's part of
            the search. Default 0.01.
        labels: list of str, the names of the labels of the data set in the
            order of the vectors, such as `["Male", "Smiling"]`. Default:
            None, a model without labels.
        exclusive: list of lists of str, groups of labels of which one holds;
            setting one clears the others. Training treats all labels alike.
            Default: CelebA's hair colors among `labels`.

    Batch:
        images_a, images_b: float32 `[batch, image_size, image_size, 3]` in
            [-1, 1]; sketches and, in the same order, their photos.
        labels: float32 `[batch, num_labels]`, 0 or 1, with `labels`.

    Returns:
        `model(latents)`, or `model([latents, labels])`, of float `[batch,
        latent_dim]` and float `[batch, num_labels]`: joint images, float32
        `[batch, image_size, 2 * image_size, 3]` in [-1, 1], the sketch on the
        left. `model.sketch_to_photo(images)` and
        `model.photo_to_sketch(images)` complete, with labels
        `model.sketch_to_photo(images, {"Smiling": 1})`.

    Raises:
        UserError: if an argument does not fit; before any layer is made.

    Losses:
        g_adversarial, weight 1: -log D(G(z)), of joint images.
        d_real, weight 1: -log D(x).
        d_fake, weight 1: -log(1 - D(G(z))).
        d_wrong, weight 0.1 with labels: -log(1 - D(x, t')), where t' are
            labels that are drawn as often as they occur, each on its own.
        Of a completion, for each image: KL(y || G(z)), the contextual loss,
        of the visible half's gray values; and `perceptual_weight` times
        -log D(G(z)), the perceptual loss.
        With labels t all of these are of G(z, t) and D(x, t).

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
        Labels are the public code's, which has 18 attributes of faces; the
        article's networks have none. There they are appended to the latents,
        and, as in the code, to D's first map. Wrong ones are drawn as often
        as labels occur in the replica's batch, in the code in all data.

    Demonstration:
        Without data: sketches and photos of the embedded faces,
        `base_filters=32`, batches of 16, `perceptual_weight=0.001`,
        `search_rate=1.0`, `ema=0.999`; 4,500 steps in bfloat16, without it
        2,500; published: 2,500 and 1,400, `search_steps=500`,
        `num_starts=10`.

    Reference:
        Lu et al. 2018, "Image Generation from Sketch Constraint Using
        Contextual GAN", arXiv:1711.08972.
        github.com/elliottwu/sText2Image at f3a32e0a, model.py.
    """

    data_kind = "paired"
    labelled_kind = "labelled_pairs"
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
        search_steps=None,
        search_rate=0.1,
        num_starts=None,
        perceptual_weight=0.01,
        labels=None,
        exclusive=None,
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
        if search_steps is None:
            search_steps = recipe.search_steps
        if num_starts is None:
            num_starts = recipe.num_starts
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
        table = None
        if labels is not None:
            table = Labels.of_one_set(labels, exclusive)
        super().__init__(name=name, **kwargs)

        sides, style = (height, width), recipe.networks
        num_labels = len(table.names) if table else 0
        self.generator = noise_generator(
            *(sides, latent_dim, base_filters, style, num_labels),
            name="generator",
        )
        self.discriminator = noise_discriminator(
            *(sides, discriminator_filters, style, num_labels),
            name="discriminator",
        )
        # By half and trait: the least and the most of held-out images; zeros
        # until `calibrate`.
        self.usual = self.add_weight(
            shape=(2, len(Traits._fields), 2),
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
        self.label_table = table
        if table:
            self.terms = {
                "generator": ("adversarial",),
                "discriminator": ("real", "fake", "wrong"),
            }
            self.default_loss_weights = {
                **self.default_loss_weights,
                "wrong": 0.1,
            }
        self._make_state()

    @classmethod
    def default_settings(cls, demonstration=False, **arguments):
        settings = super().default_settings(demonstration, **arguments)
        if demonstration:
            return settings
        epochs = cls.recipe_of(arguments.get("architecture")).epochs
        return settings | {"epochs": epochs}

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
            **(self.label_table.config() if self.label_table else {}),
        }

    def complete(
        self,
        images,
        visible="a",
        *,
        labels=None,
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
            labels: for a model with labels, those of the images: dict from
                names to 0 or 1, such as `{"Smiling": 1}`, all others 0; or
                all, float `[num_labels]` or `[batch, num_labels]` in [0, 1].
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
        inputs = [images, *self._check_labels(labels, images)]
        if starts is None:
            starts = tf.constant(self.latents.draw(self.num_starts))
            shape = [tf.shape(images)[0], *starts.shape]
            starts = tf.broadcast_to(starts, shape)
            starts = tf.ensure_shape(starts, [None, *shape[1:]])
        search = _Search(self, visible == "a", self.perceptual_weight, faithful)
        start = nearest_start(search.divergence, starts, inputs)
        found = project(
            search,
            start[:, None],
            inputs=inputs,
            steps=self.search_steps if steps is None else steps,
            learning_rate=self.search_rate,
            optimizer="nesterov",
            ramp_up=0.0,
            ramp_down=0.0,
            limit=1.0,
            keep="last" if faithful else "best",
            progress=progress,
        )
        joint = search.joint(found.latents, *inputs[1:])
        if not whole:
            halves = tf.split(joint, 2, axis=2)
            halves["ab".index(visible)] = images
            joint = tf.concat(halves, axis=2)
        is_found = tf.math.is_finite(found.losses)[:, None, None, None]
        return Completion(
            tf.where(is_found, joint, np.nan),
            *found,
            search.divergence(start, *inputs),
        )

    def sketch_to_photo(self, images, labels=None, progress=None):
        """Complete sketches: the right halves of `complete(images, "a")`.

        Outside of a graph, images that are unlike the held-out ones of the
        training are named in a warning.

        Args:
            images: float `[batch, image_size, image_size, 3]` in [-1, 1].
            labels: as of `complete`.
            progress: as of `latents.project`.

        Returns:
            float32, the shape of `images`, in [-1, 1]; NaN where the search
            met no number.

        Raises:
            UserError: if an argument does not fit.
        """
        return self._warned(images, labels, "a", progress)

    def photo_to_sketch(self, images, labels=None, progress=None):
        """Complete photos: the left halves of `complete(images, "b")`.

        Arguments, results and errors are those of `sketch_to_photo`.
        """
        return self._warned(images, labels, "b", progress)

    def _warned(self, images, labels, visible, progress):
        outputs = self._hidden(images, labels, visible, progress)
        if not tf.is_symbolic_tensor(outputs):
            remarks = self._remarks(images, labels, visible)
            for number, remark in enumerate(remarks):
                if remark:
                    logger.warning("image %d %s", number, remark)
        return outputs

    def _hidden(self, images, labels=None, visible="a", progress=None):
        """Return the other halves of completions."""
        joint = self.complete(
            images, visible, labels=labels, progress=progress
        ).images
        return tf.split(joint, 2, axis=2)["ba".index(visible)]

    def _check_half(self, images):
        size = self.image_size
        check_values("images", images, (None, size, size, 3))
        images = tf.cast(images, tf.float32)
        return tf.ensure_shape(images, (None, size, size, 3))

    def _check_labels(self, labels, images):
        """Return the label vectors of images in a list; empty without."""
        if self.label_table is not None:
            return [self.label_table.wanted(labels, None, images, "labels")]
        if labels is not None:
            raise UserError(
                "labels must be left out: this model has none. "
                f"Received: {labels!r}"
            )
        return []

    @property
    def counters(self):
        return super().counters | {"usual": self.usual}

    @property
    def batch_shapes(self):
        image = (None, self.image_size, self.image_size, 3)
        shapes = {"images_a": image, "images_b": image}
        if self.label_table is not None:
            shapes["labels"] = (None, len(self.label_table.names))
        return shapes

    def _joint(self, batch):
        """Return joint images, and label vectors or None."""
        left, right, *vectors = self._check_batch(batch)
        joint = tf.concat([left, right], axis=2)
        return joint, vectors[0] if vectors else None

    def _draw_wrong(self, vectors, seed):
        """Draw label vectors; each label as often as it is in a batch."""
        if vectors is None:
            return None
        count, size = tf.shape(vectors)[0], vectors.shape[1]
        numbers = draw_latents(seed, count, size, "uniform")  # in [-1, 1)
        is_set = (numbers + 1.0) / 2.0 < tf.reduce_mean(vectors, axis=0)
        return tf.cast(is_set, tf.float32)

    def _generator_terms(self, fake, vectors, training):
        logits = self.discriminator(_with(fake, vectors), training=training)
        adversarial = self._generator_loss(logits)  # -log D(G(z))
        return {"adversarial": adversarial}, None

    def _discriminator_terms(self, images, fake, vectors, wrong, training):
        def logits_of(images, vectors):
            return self.discriminator(_with(images, vectors), training=training)

        # Real and fake pass separately: together, batch normalization would
        # mix their statistics.
        logits = logits_of(images, vectors)
        real, fake = self._discriminator_loss(
            logits,  # -log D(x)
            logits_of(fake, vectors),  # -log(1 - D(G(z)))
        )
        terms = {"real": real, "fake": fake}
        if wrong is not None:
            with self._only_for("wrong"):
                other = logits_of(images, wrong)
            # -log(1 - D(x, t'))
            _, terms["wrong"] = self._discriminator_loss(logits, other)
        return terms, None

    def train_step(self, batch):
        images, vectors = self._joint(batch)
        wrong = self._draw_wrong(vectors, self.seed_generator)
        latents = self._draw(images, self.seed_generator)
        inputs = _with(latents, vectors)
        fake, tape = self._record(self.generator, inputs)
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(images, fake, vectors, wrong),
        )
        for step in range(self.generator_steps):
            if step:
                fake, tape = self._record(self.generator, inputs)
            g_terms, _ = self._update(
                "generator",
                self._generator_terms,
                vectors,
                recorded=(fake, tape),
            )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        images, vectors = self._joint(batch)
        latents = self._draw(images, seed=0)
        fake = self.generator(_with(latents, vectors), training=False)
        wrong = self._draw_wrong(vectors, seed=0)
        d_terms, _ = self._discriminator_terms(
            images, fake, vectors, wrong, training=False
        )
        g_terms, _ = self._generator_terms(fake, vectors, training=False)
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def record_statistics(self, batch):
        images, vectors = self._joint(batch)
        super().record_statistics({"images": images, "labels": vectors})

    def calibrate(self, batches):
        """Record what is usual: traits of images that are not trained on.

        Args:
            batches: iterable of batches.
        """
        found = []
        with self.averaged():
            for batch in batches:
                joint, vectors = self._joint(batch)
                halves = zip(tf.split(joint, 2, axis=2), "ab", strict=True)
                found.append(
                    [np.array(self._traits(y, vectors, n)) for y, n in halves]
                )
        if found:  # a generator may be used up
            traits = np.concatenate(found, axis=-1)  # [2, traits, images]
            usual = np.stack([traits.min(-1), traits.max(-1)], axis=-1)
            self.usual.assign(usual)

    def _traits(self, images, labels, visible):
        """Return the `Traits` of images, each float32 `[batch]`."""
        completion = self.complete(images, visible, labels=labels, steps=0)
        return Traits.of(images, completion.divergence)

    def _remarks(self, images, labels=None, visible="a"):
        """Return what is odd about each image, a list of str or None."""
        images = self._check_half(images)
        traits = self._traits(images, labels, visible)
        usual = Traits(*self.usual.numpy()["ab".index(visible)])
        rows = zip(*map(np.array, traits), strict=True)
        return [Traits(*row).remark(usual) for row in rows]

    def samples(self, batch):
        """Return the sample grids: completions, and joint images of noise.

        Beside a completion stands the sketch that the generator drew of the
        same latents.
        """
        joint, vectors = self._joint(batch)
        sketches, photos = tf.split(joint, 2, axis=2)
        steps = min(_SAMPLE_STEPS, self.search_steps)
        found = self.complete(sketches, labels=vectors, steps=steps, whole=True)
        redrawn, completed = tf.split(found.images, 2, axis=2)
        columns = [
            Column("input", sketches, "sketch"),
            Column("output", completed, "completion"),
            Column("back", redrawn, "its sketch"),
            Column("truth", photos, "truth"),
        ]
        generated = self.generate(len(sketches), labels=vectors)
        # It judges no images without labels.
        judge = self.discriminator if vectors is None else None
        return {
            "sketch_to_photo": Grid(columns, reals=photos),
            "generate": Grid([Column("output", generated)], joint, judge),
        }

    def verbs(self):
        """Return the model's verbs: both completions."""
        inputs = {"images": Images(self.image_size)}
        if self.label_table is not None:
            inputs["labels"] = verbs.Labels(self.label_table)
        return [
            Verb(
                name,
                functools.partial(self._hidden, visible=source),
                inputs,
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

    def joint(self, latents, vectors=None):
        """Return the joint images of latent and label vectors."""
        return self._passed(self.model.generator, latents, vectors)

    def divergence(self, latents, images, vectors=None):
        """Rank starts: KL(y || G(z)), float32 `[batch]`."""
        half = self._half(self.joint(latents, vectors))
        return self._divergence(images, half)

    def __call__(self, latents, images, vectors=None):
        joint = self.joint(latents, vectors)
        pair = images, self._half(joint)
        total = self._divergence(*(pair[::-1] if self.faithful else pair))
        if self.perceptual_weight:
            logits = self._passed(self.model.discriminator, joint, vectors)
            scores = tf.nn.softplus(-logits)  # -log D(G(z))
            axes = None if self.faithful else range(1, len(scores.shape))
            total += self.perceptual_weight * tf.reduce_mean(scores, axes)
        return total

    def _passed(self, network, inputs, vectors):
        with frozen_statistics():
            return network(_with(inputs, vectors), training=self.faithful)

    def _half(self, joint):
        left, right = tf.split(joint, 2, axis=2)
        return left if self.is_left else right

    def _divergence(self, images, others):
        options = {"epsilon": 0.0} if self.faithful else {}
        return losses.gray_divergence(images, others, **options)


def _with(inputs, vectors):
    """Return what a network takes; `vectors` is None without labels."""
    return inputs if vectors is None else [inputs, vectors]


class _Recipe:
    """What both recipes have in common."""

    default_batch_size = 64
    default_epochs = None
    default_steps = None


class _Article(_Recipe):
    """The networks and the recipe of the article."""

    networks = "contextual"
    generator_steps = 1
    epochs, search_steps, num_starts = 200, 500, 10
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
    epochs, search_steps, num_starts = 50, 1000, 30
    demonstration = {
        **_Article.demonstration,
        **devices.demonstration_steps(bfloat16=2500, float32=1400),
        "set": {
            **_Article.demonstration["set"],
            "search_steps": 500,
            "num_starts": 10,
        },
    }


ContextualGAN.architectures = {"article": _Article, "published": _Published}
