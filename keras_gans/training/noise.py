"""The base of models that generate images from noise."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.layers import draw_latents
from keras_gans.training.base import BaseModel
from keras_gans.training.checks import check_values
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Amounts, Labels, Latents, Verb

_ON_THE_WAY = 8  # images of the row that interpolates


class NoiseModel(BaseModel):
    """Base of models that generate images from latent vectors, and labels.

    A subclass makes `generator`, which takes latents, or `[latents, labels]`
    if there is a `label_table`, and `discriminator`, the two players. It sets
    `latent_dim`, `image_size`, and where they are not the defaults
    `latent_distribution` and `label_table`.

    Attributes:
        latent_distribution: `"normal"`, or `"uniform"` in [-1, 1].
        label_table: `keras_gans.labels.Labels` of one data set, or None.
        seed_generator: `keras.random.SeedGenerator` of all random numbers of
            training.
    """

    data_kind = "single"

    latent_distribution = "normal"
    label_table = None
    _axes = None

    def _make_state(self):
        self.seed_generator = keras.random.SeedGenerator()
        super()._make_state()

    def call(self, inputs, training=False):
        return self._generated(*self._check_inputs(inputs), training)

    def _generated(self, latents, vectors, training=False):
        """Return the images of latent and label vectors."""
        inputs = latents
        if vectors is not None:
            # Keras takes no arrays beside tensors.
            inputs = [tf.cast(one, tf.float32) for one in (latents, vectors)]
        return self.generator(inputs, training=training)

    def _check_inputs(self, inputs):
        """Check the inputs of `call`; return `(latents, vectors or None)`."""
        if self.label_table is None:
            return self.latents.check(inputs), None
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
            raise UserError(
                "inputs must be [latents, labels]. Received: "
                f"{type(inputs).__name__}"
            )
        latents, vectors = inputs
        shape = (None, self.label_table.vector_size)
        check_values("labels", vectors, shape)
        return self.latents.check(latents), vectors

    @property
    def call_signature(self):
        latents = tf.TensorSpec(self.latents.shape, tf.float32, "latents")
        if self.label_table is None:
            return latents
        shape = Labels(self.label_table).shape
        return [latents, tf.TensorSpec(shape, tf.float32, "labels")]

    @property
    def latents(self):
        """What the generator takes, `keras_gans.verbs.Latents`."""
        return Latents(self.latent_dim, self.latent_distribution)

    @property
    def axes(self):
        """`keras_gans.latents.FeatureAxes` of this model, or None.

        With axes there is the verb `edit`. They are no part of the model's
        file. Setting those of another generator raises a `UserError`.
        """
        return self._axes

    @axes.setter
    def axes(self, axes):
        if axes is not None:
            axes.check_generator(self)
        self._axes = axes

    def generate(
        self, count=16, seed=0, latents=None, labels=None, truncation=None
    ):
        """Generate images from noise.

        Args:
            count: int, number of images.
            seed: int of 64 bits, of latents and labels. The first images of
                a seed are the same however many there are.
            latents: float `[count, latent_dim]`, in place of drawn ones.
            labels: for a model with labels: dict from names to 0 or 1, such
                as `{"Blond_Hair": 1}`, all others 0; or all labels, float
                `[num_labels]` or `[count, num_labels]` in [0, 1]. Default:
                drawn from the seed, see `keras_gans.labels.Labels.draw`.
            truncation: float above 0, such as 0.7: draw latents nearer to 0,
                see `keras_gans.verbs.Latents.draw`.

        Returns:
            float32 `[count, height, width, 3]` in [-1, 1].

        Raises:
            UserError: if an argument does not fit.
        """
        drawn = self._generate.drawn(count, seed, latents, labels, truncation)
        return self._generated(*drawn)

    def edit(self, amounts, count=16, seed=0, **drawn):
        """Generate images from noise that is moved along `axes`.

        Args:
            amounts: dict from names of axes to float, in standard deviations
                of drawn latents, such as `{"Smiling": 1.5}`; or all, float
                `[num_axes]` or `[count, num_axes]`.
            count, seed: int, as of `generate`.
            **drawn: `latents`, `labels`, `truncation`, as of `generate`.

        Returns:
            float32 `[count, height, width, 3]` in [-1, 1].

        Raises:
            UserError: if an argument does not fit, or there are no axes.
        """
        if self.axes is None:
            raise UserError(
                "axes must be set before edit, model.axes = "
                "keras_gans.latents.FeatureAxes.load(path). Received: None"
            )
        verb = self.verbs()[-1]
        latents, vectors = verb.drawn(count, seed, **drawn)
        rows = verb.inputs["amounts"].rows(amounts, len(latents))
        moves = zip(self.axes.names, rows.T, strict=True)
        moves = {name: column for name, column in moves if column.any()}
        return self._generated(self.axes.move(latents, moves), vectors)

    def _edited(self, latents, amounts, labels=None):
        return self._generated(self.axes.moved(latents, amounts), labels)

    @property
    def players(self):
        return {
            "generator": (self.generator,),
            "discriminator": (self.discriminator,),
        }

    @property
    def batch_shapes(self):
        size = self.image_size
        sides = (size, size) if isinstance(size, int) else size
        shapes = {"images": (None, *sides, 3)}
        if self.label_table is not None:
            shapes["labels"] = (None, len(self.label_table.names))
        return shapes

    def _draw(self, images, seed):
        """Draw a latent vector for each image of this replica."""
        count = tf.shape(images)[0]
        return draw_latents(seed, count, *self.latents)

    def _draw_labels(self, vectors):
        """Return the labels of the images to generate: the batch's own."""
        return vectors

    def record_statistics(self, batch):
        """Pass latents through the generator, in training mode."""
        latents = self._draw(batch["images"], self.seed_generator)
        self._generated(latents, batch.get("labels"), training=True)

    def samples(self, batch):
        """Return the sample grids: fixed latents, and a way between two.

        With labels each label has a column, in which it is set.
        """

        def column(latents, vectors, heading=""):
            return Column("output", self._generated(latents, vectors), heading)

        images, vectors = batch["images"], batch.get("labels")
        latents = self.latents.draw(max(2, len(images)))
        own = latents[: len(images)]
        way = self.latents.between(*latents[:2], _ON_THE_WAY)
        alike = None
        if vectors is not None:
            alike = np.repeat(vectors[:1], len(way), axis=0)
        grids = {
            "generate": Grid([column(own, vectors)], images, self._judge()),
            "interpolation": Grid([column(way, alike)]),
        }
        if vectors is not None:
            table = self.label_table
            changed = {n: table.changed(vectors, {n: 1}) for n in table.names}
            columns = [column(own, rows, n) for n, rows in changed.items()]
            grids["labels"] = Grid(columns)
        return grids

    def _judge(self):
        """Return the discriminator for the health checks, or None."""
        return self.discriminator

    @property
    def _generate(self):
        """The verb `generate`."""
        inputs = {"latents": self.latents}
        if self.label_table is not None:
            inputs["labels"] = Labels(self.label_table)
        return Verb("generate", self.generate, inputs)

    def verbs(self):
        """Return what the model does."""
        verbs = [self._generate]
        if self.axes is not None:
            amounts = {"amounts": Amounts(tuple(self.axes.names))}
            inputs = self._generate.inputs | amounts
            verbs.append(Verb("edit", self._edited, inputs))
        return verbs
