"""Progressive GAN: images from noise, from 4 x 4 pixels up.

The networks first learn to make very small images. Then layers for images
twice as large are faded in, and so on: large structures are learned first,
and most of the training is cheap.
"""

import functools

import keras
import tensorflow as tf

from keras_gans import checks, losses
from keras_gans.checks import UserError
from keras_gans.growth import (
    SMALLEST,
    Batches,
    Growth,
    batch_size_of,
    rate_factor,
    sizes_between,
)
from keras_gans.labels import Labels
from keras_gans.layers import doubled, draw_latents
from keras_gans.networks.progressive import (
    at_size,
    progressive_discriminator,
    progressive_generator,
    sizes_to,
    widths,
)
from keras_gans.optimizers import Adam
from keras_gans.training import batches, devices
from keras_gans.training.noise import NoiseModel

GROUP_SIZE = 4  # of the minibatch standard deviation


@keras.saving.register_keras_serializable("keras_gans")
class ProgressiveGAN(NoiseModel):
    """Progressive GAN, as its authors train it.

    The generator and the critic hold the layers of all image sizes from the
    start. How many images have been seen decides which size is trained, and
    how far its layers are faded in; only these layers are computed. `fit`
    grows the model on its own, and `model.growth` tells a data set of
    `keras_gans.datasets` to make the images of each size.

    Args:
        image_size: int, pixels, 4 times a power of two from 8 up. Default 64;
            the paper's largest is 1024.
        initial_size: int, pixels, the size that training starts with: 4
            times a power of two, up to `image_size`, at which nothing grows.
            Default 4.
        latent_dim: int, length of a latent vector. Default: the smaller of
            `base_filters` and `max_filters`.
        labels: list of str, labels that the images have: they are appended
            to the latents, and the critic classifies them. Default: none.
        exclusive: list of lists of str, groups of labels of which one holds.
        base_filters: int; the layers of size s have `2 * base_filters / s`
            channels. Default 8192.
        max_filters: int, the most channels of a layer. Default 512.
        filters: list of int, the channels of each size from 4 up, instead.
        architecture: `"authors"`, or `"zoo"` for the networks of
            pytorch_GAN_zoo, which published weights are for.
        stable_images: int, images that a size is trained on before the next
            is faded in. Default 600,000.
        fade_images: int, images of a fade. Default 600,000.

    Batch:
        images: float32 `[batch, size, size, 3]` in [-1, 1]; `size` is
            `image_size`, whose images are averaged down, or the current one.
            The part of each replica is a multiple of 4, or less than 4.
        labels: float32 `[batch, num_labels]` of 0 and 1, with `labels`.

    Returns:
        `model(latents)`, or `model([latents, labels])`: float32 `[batch,
        image_size, image_size, 3]` in [-1, 1]; while the model grows, the
        images of the current size, enlarged.

    Raises:
        UserError: if an argument does not fit; before any layer is made.

    Losses:
        g_adversarial, weight 1: -D(G(z)).
        g_classification, weight 1 with labels: the cross-entropy of the
            labels that the critic sees in G(z, c), and c.
        d_real, weight 1: -D(x).
        d_fake, weight 1: D(G(z)).
        d_gradient_penalty, weight 10: (|grad D| - 1)^2 between x and G(z),
            mixed by one number per image (Gulrajani et al. 2017, eq. 3).
        d_drift, weight 0.001: D(x)^2, appendix A.1.
        d_classification, d_fake_classification, weight 1 with labels: as
            g_classification, of x and of G(z, c).

    Departures:
        The images of a group of the minibatch standard deviation lie next to
        each other in the batch, in the code apart: the images of a batch
        are in random order, and several replicas then have the groups of one.
        The code looks at the schedule every fourth step, here every step.
        The moving average follows the generator's update, in the code it
        takes the weights of before, and in the first steps forgets faster.
        Labels of generated images are those of the batch, in the code the
        generator's step draws others from the data. Groups of exclusive
        labels have a softmax, other labels a sigmoid, in the code all have
        one softmax.
        zoo: networks alone, whose score is also the logit of the first
        label; the zoo sums the critic's terms over the batch, classifies
        real images alone, and has a schedule of its own.

    Demonstration:
        Without data: photos of the embedded faces, `base_filters=512`,
        `max_filters=64`, batches of 8, 6,000 images for each size and for
        each fade, `ema=0.998`; 66,000 images in bfloat16, without it
        54,000.

    Reference:
        Karras et al. 2018, "Progressive Growing of GANs for Improved
        Quality, Stability, and Variation", arXiv:1710.10196.
        github.com/tkarras/progressive_growing_of_gans.
        github.com/facebookresearch/pytorch_GAN_zoo.
    """

    labelled_kind = "labelled"
    terms = {
        "generator": ("adversarial", "classification"),
        "discriminator": (
            *("real", "fake", "gradient_penalty", "drift"),
            *("classification", "fake_classification"),
        ),
    }

    default_adam = functools.partial(Adam, beta_2=0.99)
    default_learning_rate = 1e-3
    default_beta_1 = 0.0
    default_ema = 0.999
    default_images = 12_000_000
    default_adversarial_loss = "wasserstein"
    default_loss_weights = {
        "adversarial": 1.0,
        "real": 1.0,
        "fake": 1.0,
        "gradient_penalty": 10.0,
        "drift": 0.001,
        "classification": 1.0,
        "fake_classification": 1.0,
    }
    # Narrow networks, short fades and small batches, for two cores.
    demonstration = {
        "data": ["faces:photo"],
        "batch_size": 8,
        **(
            {"images": 66_000, "precision": "auto"}
            if devices.has_fast_bfloat16()
            else {"images": 54_000}
        ),
        "set": {
            "base_filters": 512,
            "max_filters": 64,
            "stable_images": 6000,
            "fade_images": 6000,
            "ema": 0.998,
        },
    }

    def __init__(
        self,
        image_size=64,
        initial_size=SMALLEST,
        latent_dim=None,
        labels=None,
        exclusive=None,
        base_filters=8192,
        max_filters=512,
        filters=None,
        architecture="authors",
        stable_images=600_000,
        fade_images=600_000,
        name="progressive",
        **kwargs,
    ):
        sizes_to(image_size)
        checks.at_least(1, base_filters=base_filters, max_filters=max_filters)
        widest = min(base_filters, max_filters)
        if latent_dim is None:
            latent_dim = widest
        checks.between(1, checks.MOST_LATENTS, latent_dim=latent_dim)
        table = None
        if labels is not None:
            table = Labels.of_one_set(labels, exclusive)
        sizes = sizes_between(initial_size, image_size)
        schedule = Growth(sizes, stable_images, fade_images)
        super().__init__(name=name, **kwargs)

        channels = filters or widths(image_size, base_filters, max_filters)
        num_labels = len(table.names) if table else 0
        self.generator = progressive_generator(
            *(image_size, latent_dim, num_labels, channels, architecture),
            name="generator",
        )
        self.discriminator = progressive_discriminator(
            *(image_size, num_labels, channels),
            dense_units=None if filters else widest,
            architecture=architecture,
            group_size=GROUP_SIZE,
            is_strided=False,
            name="discriminator",
        )
        parts = {
            size: [at_size(network, size) for network in self.networks]
            for size in sizes
        }
        # A function, so that Keras does not save the layers twice.
        self._at_size = parts.__getitem__

        self.image_size = image_size
        self.initial_size = initial_size
        self.latent_dim = latent_dim
        self.label_table = table
        self.base_filters = base_filters
        self.max_filters = max_filters
        self.filters = filters and list(filters)
        self.architecture = architecture
        self.schedule = schedule
        if table is None:
            nothing = {"classification": 0.0, "fake_classification": 0.0}
            self.default_loss_weights = self.default_loss_weights | nothing
        self._make_state()

    def _make_state(self):
        for name in ("images_seen", "stage"):
            counter = self.add_weight(
                shape=(),
                dtype="int64",
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
                name=name,
            )
            setattr(self, name, counter)
        self._size = self.initial_size
        self._predicted_at = None  # images seen
        super()._make_state()

    @classmethod
    def default_settings(
        cls, demonstration=False, image_size=None, batch_size=None, **arguments
    ):
        """Return the recipe's settings, with `growth` for the data."""
        settings = super().default_settings(demonstration)
        chosen = settings.get("set", {}) | arguments
        image_size = image_size or settings["image_size"]
        sizes_to(image_size)
        initial_size = chosen.get("initial_size", SMALLEST)
        names = "stable_images", "fade_images"
        growth = Growth(
            sizes_between(initial_size, image_size),
            **{name: chosen[name] for name in names if name in chosen},
        ).table()
        if not demonstration:
            settings["batch_size"] = batch_size_of(image_size)
        batch_size = batch_size or settings["batch_size"]
        if batch_size > GROUP_SIZE and batch_size % GROUP_SIZE:
            raise UserError(
                f"batch_size must be a multiple of {GROUP_SIZE}, the images "
                "of a group of the minibatch standard deviation. "
                f"Received: {batch_size}"
            )
        order = Batches(image_size, batch_size, growth)
        images = settings.pop("images", cls.default_images)
        settings["steps"] = order.reach(images)
        return settings | {"growth": growth}

    def get_config(self):
        table = self.label_table
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "initial_size": self.initial_size,
            "latent_dim": self.latent_dim,
            **(table.config() if table else {}),
            "base_filters": self.base_filters,
            "max_filters": self.max_filters,
            "filters": self.filters,
            "architecture": self.architecture,
            "stable_images": self.schedule.stable_images,
            "fade_images": self.schedule.fade_images,
        }

    # With the signature of the original, from which flags are made.
    @functools.wraps(NoiseModel.compile, assigned=())
    def compile(self, *args, **kwargs):
        """Configure training, as `BaseModel.compile`.

        The learning rate is constant (1.5 times the usual at 1024 pixels,
        unless it is given): the optimizers start anew with every fade and
        with every whole size, and count their updates from there.

        Raises:
            UserError: also if rates are to follow a schedule, or for
                `recompute`, several `steps_per_execution`, or weights of
                label terms without labels.
        """
        arguments = batches.bound(super().compile, args, kwargs)
        for name, rule, is_good in (
            ("learning_rate", "a number", lambda rate: not callable(rate)),
            ("schedule", "constant", lambda course: course != "linear"),
            ("recompute", "False", lambda recompute: not recompute),
            ("steps_per_execution", "1", lambda steps: steps in (1, None)),
        ):
            if not is_good(value := arguments.get(name)):
                raise UserError(
                    f"{name} must be {rule} for a model that grows. "
                    f"Received: {value!r}"
                )
        super().compile(**arguments)
        wanted = [n for n in self.loss_weights if "classification" in n]
        if self.label_table is None and any(map(self.loss_weights.get, wanted)):
            raise UserError(
                f"loss_weights must be 0 for {' and '.join(wanted)} of a "
                f"model without labels. Received: {self.loss_weights!r}"
            )
        self._find_size()
        self._set_rate()

    def _set_rate(self):
        """Set the recipe's rate for the size of now, if nobody else has."""
        is_own = self._compile_arguments["learning_rate"] is None
        if is_own and not self.optimizer.is_set:
            rate = self.default_learning_rate * rate_factor(self._size)
            for name in self._own_optimizers:
                getattr(self, name).learning_rate = rate

    @property
    def counters(self):
        return super().counters | {
            "images_seen": self.images_seen,
            "stage": self.stage,
        }

    @property
    def growth(self):
        """What the data need to know to grow with the model; see `Growth`."""
        return self.schedule.table()

    def grow(self):
        """Enter the stage that the images seen have reached.

        `fit` and `train_on_batch` do so before every step. When a size begins
        to be faded in, and when it is whole, the optimizers start anew.
        """
        self._find_size()
        stage = self.schedule.stage(int(self.images_seen.numpy()))
        if stage == int(self.stage.numpy()):
            return
        self.stage.assign(stage)
        for player in self.terms:
            optimizer = self.optimizer_of(player)
            # Of float16 without the scale of the loss.
            optimizer = getattr(optimizer, "inner_optimizer", optimizer)
            for variable in optimizer.variables:
                if variable is not optimizer.learning_rate:
                    variable.assign(tf.zeros_like(variable))
        self._set_rate()

    def _find_size(self):
        """Use the layers of the current size; other sizes need new graphs."""
        size = self.schedule.size(int(self.images_seen.numpy()))
        if size != self._size:
            self._size = size
            self.train_function = self.test_function = None

    def make_train_function(self, force=False):
        self.grow()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self._find_size()
        return super().make_test_function(force)

    def make_predict_function(self, force=False):
        # Size and fade are constants in its graph.
        seen = int(self.images_seen.numpy())
        force |= seen != self._predicted_at
        self._predicted_at = seen
        return super().make_predict_function(force)

    def _own_callbacks(self, arguments):
        def grow(batch, logs):
            self.make_train_function()

        return [keras.callbacks.LambdaCallback(on_train_batch_begin=grow)]

    def _fade(self, images_seen=None):
        """Return the share of the next smaller size, float32 `[1]`."""
        if self._size == self.initial_size:
            return tf.zeros([1])
        if images_seen is None:
            images_seen = self.images_seen.value
        start = self.schedule.fade_start(self._size)
        seen = tf.cast(images_seen - start, tf.float32)
        part = seen / self.schedule.fade_images
        return tf.reshape(1.0 - tf.clip_by_value(part, 0.0, 1.0), [1])

    def _made(self, latents, vectors, training, fade=None):
        """Return images of the current size."""
        generator, _ = self._at_size(self._size)
        fade = self._fade() if fade is None else fade
        inputs = [latents] if vectors is None else [latents, vectors]
        inputs = [*map(tf.convert_to_tensor, inputs), fade]
        return generator(inputs, training=training)

    def _generated(self, latents, vectors, training=False):
        # In an export, size and fade are constants.
        with tf.init_scope():
            self._find_size()
            fade = self._fade(int(self.images_seen.numpy())).numpy()
        fade = tf.constant(fade)
        images = self._made(latents, vectors, training, fade)
        while images.shape[1] < self.image_size:
            images = doubled(images)
        return images if training else tf.clip_by_value(images, -1.0, 1.0)

    def _check_batch(self, batch):
        """Check a batch, of the largest or the current size."""
        if tf.executing_eagerly():
            self._find_size()
        inputs, *_ = keras.utils.unpack_x_y_sample_weight(batch)
        images = inputs.get("images") if isinstance(inputs, dict) else None
        shape = tf.TensorShape(getattr(images, "shape", None))
        side = shape[1] if shape.rank == 4 else self.image_size
        shapes = self.batch_shapes
        if side in (None, self._size):
            shapes["images"] = (None, self._size, self._size, 3)
        return super()._check_batch(batch, shapes)

    def _judged(self, images, training):
        """Return the scores, float32 `[batch]`, and the logits of labels."""
        _, discriminator = self._at_size(self._size)
        fade = self._fade(self.images_seen.value)
        logits = discriminator([images, fade], training=training)
        # The zoo counts the score as the logit of the first label, too.
        is_zoo = self.architecture == "zoo"
        return logits[:, 0], logits[:, :-1] if is_zoo else logits[:, 1:]

    def _classification(self, vectors, logits):
        if vectors is None:
            return tf.zeros([])
        return losses.classification(self.label_table, vectors, logits)

    def _generator_terms(self, vectors, latents, training):
        fake = self._made(latents, vectors, training)  # G(z, c)
        scores, classes = self._judged(fake, training)
        return {
            "adversarial": self._generator_loss(scores),  # -D(G(z))
            "classification": self._classification(vectors, classes),
        }, None

    def _discriminator_terms(self, images, vectors, fake, mixing, training):
        def critic(images):
            return self._judged(images, training)[0]

        scores, classes = self._judged(images, training)
        fake_scores, fake_classes = self._judged(fake, training)
        real, faked = self._discriminator_loss(  # -D(x), D(G(z))
            scores, fake_scores
        )
        # The authors' critic takes images enlarged to the largest size, in
        # each of whose pixels the gradient is smaller.
        enlarged = self.image_size / self._size
        target = enlarged if self.architecture == "authors" else 1.0
        penalty = losses.gradient_penalty(  # (|grad D| - 1)^2
            critic, images, fake, mixing, target
        )
        return {
            "real": real,
            "fake": faked,
            "gradient_penalty": penalty,
            "drift": tf.reduce_mean(tf.square(scores)),  # D(x)^2
            "classification": self._classification(vectors, classes),
            "fake_classification": self._classification(vectors, fake_classes),
        }, None

    def _draw_mixing(self, images):
        """Draw a number in [0, 1] for each image of this replica."""
        count = tf.shape(images)[0]
        parts = draw_latents(self.seed_generator, count, 1, "uniform")
        return 0.5 * parts[:, 0] + 0.5

    def _inputs(self, batch):
        """Return the images of a batch at the current size, and labels."""
        images, *vectors = self._check_batch(batch)
        part = images.shape[1] // self._size
        if part > 1:
            images = tf.nn.avg_pool2d(images, part, part, "VALID")
        fade = self._fade(self.images_seen.value)
        if self._size > self.initial_size:  # reals are faded as fakes are
            smaller = tf.nn.avg_pool2d(images, 2, 2, "VALID")
            images += (doubled(smaller) - images) * fade
        return images, vectors[0] if vectors else None

    def train_step(self, batch):
        images, vectors = self._inputs(batch)
        latents = self._draw(images, self.seed_generator)
        mixing = self._draw_mixing(images)
        fake = self._made(latents, vectors, training=True)
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(images, vectors, fake, mixing),
        )
        latents = self._draw(images, self.seed_generator)
        g_terms, _ = self._update(
            "generator", self._generator_terms, vectors, latents
        )
        replicas = self.distribute_strategy.num_replicas_in_sync
        count = tf.shape(images, tf.int64)[0] * replicas
        self.images_seen.assign_add(count)
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        images, vectors = self._inputs(batch)
        latents = self._draw(images, seed=0)
        mixing = tf.fill([tf.shape(images)[0]], 0.5)
        fake = self._made(latents, vectors, training=False)
        d_terms, _ = self._discriminator_terms(
            images, vectors, fake, mixing, training=False
        )
        g_terms, _ = self._generator_terms(vectors, latents, training=False)
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def record_statistics(self, batch):
        """Do nothing: no layer has moving statistics."""

    def _judge(self):
        return None  # the critic sees groups of images
