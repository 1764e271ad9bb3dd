"""StarGAN: one generator for many domains, selected by labels.

The generator takes an image and target labels and returns the changed image;
a critic judges whether it looks real and which labels it shows.
"""

import keras
import tensorflow as tf

from keras_gans import checks, losses, verbs
from keras_gans.checks import UserError
from keras_gans.labels import CELEBA_LABELS, KEYS, Labels
from keras_gans.networks import stargan_discriminator, stargan_generator
from keras_gans.optimizers import PyTorchAdam
from keras_gans.training import devices
from keras_gans.training.base import BaseModel, check_images, check_values
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb

_MOST_LAYERS = 6


@keras.saving.register_keras_serializable("keras_gans")
class StarGAN(BaseModel):
    """Translation between all domains defined by labels, by one generator.

    The generator translates to target labels, and must restore the image when
    given the old labels. The critic of the Wasserstein loss has a second head
    that classifies the labels; it is updated five times before each update of
    the generator.

    Args:
        image_size: int, pixels, a multiple of 4 from 8 up. Default 128; from
            64 to 256 are usual.
        labels: list of str, the names of the labels in the order of the
            vectors; or a list of such lists, one per data set, to train on
            several with different labels. Default: the paper's for CelebA,
            three hair colors, Male, Young.
        exclusive: list of lists of str, groups of labels of which one holds;
            setting one clears the others. If a group covers all labels of a
            data set, they are classes. Default: CelebA's hair colors among
            `labels`.
        base_filters: int, channels of the generator's first convolution.
            Default 64.
        discriminator_filters: int, channels of the discriminator's first
            convolution. Default: the same.
        num_residual_blocks: int from 0 up. Default 6.
        num_discriminator_layers: int, convolutions of stride 2, at most down
            to one pixel. Default: 6; below 64 pixels down to one pixel.
        critic_steps: int, critic updates in a training step. Default 5.
        upsampling: `"transposed"`, the convolutions by which the generator
            enlarges, or `"resize"`: nearest neighbors, then a 3x3
            convolution, which leaves no checkerboard.

    Batch:
        images: float32 `[critic_steps * batch, image_size, image_size, 3]`
            in [-1, 1]. Update i of the critic learns from every
            `critic_steps`-th image from i on, so that several replicas
            together see the same parts as a single one.
        labels: float32 `[critic_steps * batch, num_labels]`, 0 or 1. With
            several data sets concatenated, 0 for labels of the others.
        mask: float32 `[critic_steps * batch, data sets]`, 1 for the data set
            of the image; only with several data sets.

    Returns:
        `model([images, labels])`: float32, the shape of `images`, in [-1, 1].
        With several data sets the mask is appended to the labels.

    Raises:
        UserError: if an argument is invalid; before any layer is built.

    Losses:
        g_adversarial, weight 1: -D(G(x, c)), eq. 8; c is the target.
        g_classification, weight 1: -log D(c | G(x, c)), eq. 3. Sigmoid
            cross-entropy summed over labels, or softmax over classes; with
            several data sets, only over the labels of the target's set.
        g_reconstruction, weight 10: |x - G(G(x, c), c')|, eq. 4; c' are the
            labels of x.
        g_identity, weight 0: |x - G(x, c')|, not in the paper: with its own
            labels an image should stay as it is.
        d_real, weight 1: -D(x), eq. 8.
        d_fake, weight 1: D(G(x, c)), eq. 8.
        d_classification, weight 1: -log D(c' | x), eq. 2.
        d_gradient_penalty, weight 10: (|grad D| - 1)^2 between x and
            G(x, c), mixed by one number per image, eq. 8.

    Departures:
        A training step is five updates of the critic and one of the
        generator: the paper's 200,000 iterations are 40,000 steps.
        The rate decays to zero over the last half, as in the paper. The
        authors' code decays so rarely that the rate falls by 0.1 % in total,
        so the published weights are from a constant rate:
        `compile(schedule="constant")`.
        The code's generator records moving statistics that it never uses, and
        resumes without the state of Adam; neither is done here.
        Targets are the labels of the batch, shuffled, as in the code: for
        each part, for each replica and within each data set. The code takes
        whole batches of one data set in turn; on these the results are equal.

    Demonstration:
        Without data: photos of the embedded faces at 64 pixels, batches of 8,
        `base_filters=16`, `discriminator_filters=32`, `critic_steps=1`, a
        rate of 6e-4, least squares without the penalty
        (`adversarial_loss="least_squares"`, weights 0.5 for real and fake, 0
        for gradient_penalty), 30 for identity, `ema=0.998`; 2,400 steps in
        bfloat16, without it 1,600.

    Reference:
        Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks
        for Multi-Domain Image-to-Image Translation", arXiv:1711.09020.
        github.com/yunjey/stargan, solver.py.
    """

    data_kind = "labelled"
    terms = {
        "generator": (
            *("adversarial", "classification", "reconstruction"),
            "identity",
        ),
        "discriminator": ("real", "fake", "classification", "gradient_penalty"),
    }

    default_adam = PyTorchAdam
    default_learning_rate = 1e-4
    # In the code an epoch, after which the rate may change, is 1,000 updates
    # of the critic.
    default_epochs = (100, 100)
    default_steps = 40_000
    default_batch_size = 16
    # For two cores: a quarter of the paper's width. The generator costs most,
    # so the critic is twice as wide as it and does not hold up its updates;
    # under the penalty of a Wasserstein critic so narrow the labels were not
    # known after 700 of its updates, under least squares mostly after 150.
    # Instance normalization takes the colors of backgrounds away, and the way
    # there and back alone brings them back too late.
    demonstration = {
        "data": ["faces:photo"],
        "image_size": 64,
        "batch_size": 8,
        **devices.demonstration_steps(bfloat16=2400, float32=1600),
        "set": {
            "base_filters": 16,
            "discriminator_filters": 32,
            "critic_steps": 1,
            "learning_rate": 6e-4,
            "ema": 0.998,
            "adversarial_loss": "least_squares",
            "loss_weights": {
                "identity": 30.0,
                "real": 0.5,
                "fake": 0.5,
                "gradient_penalty": 0.0,
            },
        },
    }
    default_adversarial_loss = "wasserstein"
    default_loss_weights = {
        "adversarial": 1.0,
        "classification": 1.0,
        "reconstruction": 10.0,
        "identity": 0.0,
        "real": 1.0,
        "fake": 1.0,
        "gradient_penalty": 10.0,
    }

    def __init__(
        self,
        image_size=128,
        labels=CELEBA_LABELS,
        exclusive=None,
        base_filters=64,
        discriminator_filters=None,
        num_residual_blocks=6,
        num_discriminator_layers=None,
        critic_steps=5,
        upsampling="transposed",
        name="stargan",
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
        if num_discriminator_layers is None:
            halvings = image_size.bit_length() - 1
            num_discriminator_layers = min(_MOST_LAYERS, halvings)
        checks.at_least(
            1,
            base_filters=base_filters,
            discriminator_filters=discriminator_filters,
            num_discriminator_layers=num_discriminator_layers,
        )
        checks.at_least(0, num_residual_blocks=num_residual_blocks)
        checks.between(1, 1000, critic_steps=critic_steps)
        if num_discriminator_layers >= image_size.bit_length():
            raise UserError(
                f"num_discriminator_layers must be at most "
                f"{image_size.bit_length() - 1} for image_size={image_size}. "
                f"Received: {num_discriminator_layers!r}"
            )
        label_table = Labels(labels, exclusive)
        super().__init__(name=name, **kwargs)

        self.generator = stargan_generator(
            num_labels=label_table.vector_size,
            base_filters=base_filters,
            num_residual_blocks=num_residual_blocks,
            upsampling=upsampling,
            name="generator",
        )
        self.discriminator = stargan_discriminator(
            image_size,
            len(label_table.names),
            discriminator_filters,
            num_discriminator_layers,
            name="discriminator",
        )
        self.seed_generator = keras.random.SeedGenerator()

        self.image_size = image_size
        self.label_table = label_table
        self.base_filters = base_filters
        self.discriminator_filters = discriminator_filters
        self.num_residual_blocks = num_residual_blocks
        self.num_discriminator_layers = num_discriminator_layers
        self.critic_steps = critic_steps
        self.upsampling = upsampling
        self._make_state()

    @classmethod
    def default_settings(
        cls, demonstration=False, critic_steps=None, **arguments
    ):
        """Return the recipe's settings, with the batches per step."""
        settings = super().default_settings(demonstration)
        if critic_steps is None:
            critic_steps = settings.get("set", {}).get("critic_steps", 5)
        checks.between(1, 1000, critic_steps=critic_steps)
        return settings | {"critic_steps": critic_steps}

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            **self.label_table.config(),
            "base_filters": self.base_filters,
            "discriminator_filters": self.discriminator_filters,
            "num_residual_blocks": self.num_residual_blocks,
            "num_discriminator_layers": self.num_discriminator_layers,
            "critic_steps": self.critic_steps,
            "upsampling": self.upsampling,
        }

    def call(self, inputs, training=False):
        return self.generator(self._check_inputs(inputs), training=training)

    @property
    def call_signature(self):
        return [super().call_signature, self._label_signature]

    @property
    def _label_signature(self):
        shape = (None, self.label_table.vector_size)
        return tf.TensorSpec(shape, tf.float32, "labels")

    def _check_inputs(self, inputs):
        """Check the inputs of `call`, or images and labels of a batch."""
        if isinstance(inputs, dict):
            inputs = self._inputs(inputs)
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
            raise UserError(
                "inputs must be [images, labels]. Received: "
                f"{type(inputs).__name__}"
            )
        images, labels = inputs
        size = self.label_table.vector_size
        check_values("labels", labels, (None, size))
        return [check_images(images, multiple_of=4), labels]

    def translate(self, images, to, labels=None):
        """Translate images to other labels.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1], height and
                width multiples of 4.
            to: dict from names of labels to 0 or 1, such as
                `{"Blond_Hair": 1, "Smiling": 1}`. A label set to 1 clears the
                others of its exclusive group. With several data sets, use names
                of one of them. Or all labels at once: float
                `[batch, num_labels]` or `[num_labels]`; with several data
                sets followed by the mask.
            labels: float `[batch, num_labels]` of 0 and 1, the current labels
                of the images; those not in `to` are kept. Default: all 0.

        Returns:
            float32, the shape of `images`, in [-1, 1].

        Raises:
            ValueError: if `images`, `to` or `labels` are invalid.
        """
        images = check_images(images, multiple_of=4)
        vectors = self.label_table.wanted(to, labels, images)
        return self.generator([images, vectors], training=False)

    @property
    def players(self):
        return {
            "generator": (self.generator,),
            "discriminator": (self.discriminator,),
        }

    def _classification(self, vectors, logits):
        """Return the classification loss, per data set on its own labels."""
        table = self.label_table
        masks = tf.unstack(vectors[:, len(table.names) :], axis=-1) or [None]
        terms = []
        for index, (start, stop) in enumerate(table.ranges):
            loss = (
                losses.exclusive_classification
                if table.is_exclusive(index)
                else losses.attribute_classification
            )
            part = slice(start, stop)
            terms.append(loss(vectors[:, part], logits[:, part], masks[index]))
        return tf.add_n(terms)

    def _generator_terms(self, images, vectors, targets, training):
        generator = self._pass(self.generator)
        fake = generator([images, targets], training=training)  # G(x, c)
        patches, classes = self.discriminator(fake, training=training)
        back = generator([fake, vectors], training=training)  # G(G(x, c), c')
        adversarial = self._generator_loss(patches)  # -D(G(x, c)), eq. 8
        class_loss = self._classification(targets, classes)  # -log D(c|G(x, c))
        reconstruction = losses.l1(images, back)  # |x - G(G(x, c), c')|, eq. 4
        terms = {
            "adversarial": adversarial,
            "classification": class_loss,
            "reconstruction": reconstruction,
        }
        if self.loss_weights["identity"]:
            same = generator([images, vectors], training=training)  # G(x, c')
            terms["identity"] = losses.l1(images, same)
        return terms, None

    def _discriminator_terms(self, images, vectors, targets, mixing, training):
        def critic(images):
            return self.discriminator(images, training=training)[0]

        fake = self.generator([images, targets], training=training)
        # As one batch, which without normalization is exact.
        patches, classes = self.discriminator(
            tf.concat([images, fake], 0), training=training
        )
        count = tf.shape(images)[0]
        real, faked = self._discriminator_loss(  # -D(x), D(G(x, c)), eq. 8
            patches[:count], patches[count:]
        )
        classes = classes[:count]
        class_loss = self._classification(vectors, classes)  # -log D(c'|x)
        penalty = losses.gradient_penalty(  # (|grad D| - 1)^2, eq. 8
            critic, images, fake, mixing
        )
        return {
            "real": real,
            "fake": faked,
            "classification": class_loss,
            "gradient_penalty": penalty,
        }, None

    def _draw(self, count):
        """Draw the random values of a critic update on this replica.

        Returns:
            int32 `[count]`, sort keys; float32 `[count]` in [0, 1).
        """
        # Integers: XLA draws other fractions than TensorFlow does.
        # Drawn for all replicas, whose random states are the same.
        replicas = self.distribute_strategy.num_replicas_in_sync
        numbers = keras.random.randint(
            (2, replicas, count), 0, KEYS, seed=self.seed_generator
        )
        context = tf.distribute.get_replica_context()
        keys, mixing = tf.unstack(numbers[:, context.replica_id_in_sync_group])
        return keys, tf.cast(mixing, tf.float32) / KEYS

    @property
    def batch_shapes(self):
        table = self.label_table
        shapes = {
            "images": (None, self.image_size, self.image_size, 3),
            "labels": (None, len(table.names)),
            "mask": (None, table.num_sets),
        }
        if table.num_sets == 1:
            del shapes["mask"]
        return shapes

    def _inputs(self, batch):
        """Return the images and label vectors of a batch, masks appended."""
        images, *vectors = self._check_batch(batch)
        if isinstance(images, tf.TensorSpec):
            return images, self._label_signature
        return images, tf.concat(vectors, -1)

    def train_step(self, batch):
        images, vectors = self._inputs(batch)
        steps = self.critic_steps
        count = images.shape[0]
        if count is None or count < steps:
            # A last batch that is smaller begins again if it must.
            count = tf.shape(images)[0]
            rows = tf.range(tf.maximum(count, steps)) % count
            images, vectors = tf.gather(images, rows), tf.gather(vectors, rows)
        elif images.shape[0] % steps:
            raise UserError(
                f"batch must have a multiple of critic_steps={steps} images "
                f"on each replica. Received: {images.shape[0]}"
            )
        turns = []
        for first in range(steps):
            part, source = images[first::steps], vectors[first::steps]
            keys, mixing = self._draw(part.shape[0] or tf.shape(part)[0])
            targets = self.label_table.shuffled(source, keys)
            turns.append((part, source, targets, mixing))
        d_terms = self._update_in_turn(
            "discriminator", self._discriminator_terms, turns
        )
        g_terms, _ = self._update(
            "generator", self._generator_terms, part, source, targets
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        images, vectors = self._inputs(batch)
        # Nothing random: the labels of the image before, half and half.
        targets = tf.roll(vectors, 1, axis=0)
        mixing = tf.fill([tf.shape(images)[0]], 0.5)
        d_terms, _ = self._discriminator_terms(
            images, vectors, targets, mixing, training=False
        )
        g_terms, _ = self._generator_terms(
            images, vectors, targets, training=False
        )
        return self._report(
            {"generator": g_terms, "discriminator": d_terms}, training=False
        )

    def samples(self, batch):
        """Return the sample grid of a batch: input, then each label.

        Each label is inverted, as in the paper's figures; one of an exclusive
        group is set.
        """
        images = tf.convert_to_tensor(batch["images"])
        columns = [
            Column(
                "output",
                self.generator(
                    [images, self.label_table.toggled(batch["labels"], name)],
                    training=False,
                ),
                name,
            )
            for name in self.label_table.names
        ]
        return {"labels": Grid([Column("input", images, "Input"), *columns])}

    def verbs(self):
        """Return the model's verbs: translation to other labels."""

        def translate(images, labels):
            return self.translate(images, to=labels)

        inputs = {
            "images": Images(self.image_size),
            "labels": verbs.Labels(self.label_table),
        }
        return [Verb("translate", translate, inputs, back="translate")]
