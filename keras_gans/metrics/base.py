"""Base classes of image metrics: input, state and description.

Inputs are generator outputs, floats in [-1, 1], and are rounded to 8 bits
before measuring. So a value is that of the image files, and the same in
training and for two folders of images.
"""

import math

import keras
import tensorflow as tf

from keras_gans import images
from keras_gans.checks import UserError


class PictureMetric(keras.metrics.Metric):
    """A metric of images with a measurement protocol.

    State of fixed size is kept in float64 weights, so that such metrics are
    correct within `strategy.run` and outside of it.

    Attributes:
        key: str, its name in the registry.
        title: str, its name in tables.
        direction: `"min"` or `"max"`: which values are good.
        paired: bool, whether each fake has its own real image.
        needs_extractor: bool, whether the first argument is an `Extractor`.
        fewest: int, images needed on each side for a value.
    """

    key = title = None
    direction = "min"
    paired = True
    needs_extractor = False
    fewest = 1

    def __init__(self, name=None):
        super().__init__(name=name or self.key)
        self.real_size = self.fake_size = None

    def protocol(self):
        """Describe how the value was measured, as a dict of plain JSON."""
        real, fake = self.counts()
        sizes = {"real_size": self.real_size, "fake_size": self.fake_size}
        return {
            "metric": self.key,
            "title": self.title,
            "direction": self.direction,
            "real_count": real,
            "fake_count": fake,
            **{side: list(size) for side, size in sizes.items() if size},
        }

    def counts(self):
        """Return the numbers of real and fake images seen."""
        raise NotImplementedError

    def reset_state(self):
        super().reset_state()
        self.real_size = self.fake_size = None

    def look(self, side, pictures):
        """Return the images of a side as they will be measured.

        Returns:
            float32 `[batch, height, width, 3]`, whole numbers of 0 to 255,
            or NaN where the images are not finite.

        Raises:
            ValueError: if they are not such images, or differ in size from
                earlier ones.
        """
        pictures = eight_bit(gathered(pictures), f"{self.key}: {side}")
        size = tuple(pictures.shape[1:3])
        before = getattr(self, f"{side}_size")
        if before and tuple(before) != size:
            raise UserError(
                f"{self.key}: {side} images must be of one size. Received: "
                f"{before[0]} x {before[1]} and {size[0]} x {size[1]}"
            )
        setattr(self, f"{side}_size", size)
        return pictures

    def _add_sum(self, shape, name):
        return self.add_variable(shape, "zeros", "float64", name=name)

    def _enough(self, fewest=None):
        """Raise UserError if there are too few images for a value."""
        real, fake = self.counts()
        fewest = fewest or self.fewest
        if min(real, fake) < fewest:
            raise UserError(
                f"{self.key} must have at least {fewest} real and {fewest} "
                f"fake images. Received: {real} and {fake}"
            )

    def _finite(self, *values):
        """Raise UserError if a value, a float, is NaN or infinite."""
        if not all(map(math.isfinite, values)):
            raise UserError(
                f"{self.key} must be of finite images and features. "
                "Received: NaN or infinity among them"
            )


class MeanMetric(PictureMetric):
    """The mean of a value of each image pair."""

    def __init__(self, name=None):
        super().__init__(name)
        self.total = self._add_sum((), "total")
        self.count = self._add_sum((), "count")

    def per_picture(self, real, fake):
        """Return the value of each pair, float32 `[batch]`.

        Args:
            real, fake: floats `[batch, height, width, 3]` in [-1, 1].

        Raises:
            ValueError: if their sizes differ.
        """
        return self._measure(*self._pair(real, fake))

    def _pair(self, real, fake):
        real, fake = self.look("real", real), self.look("fake", fake)
        if not real.shape.is_compatible_with(fake.shape):
            raise UserError(
                f"{self.key}: real and fake must be of one size and number. "
                f"Received: {tuple(real.shape)} and {tuple(fake.shape)}"
            )
        return real, fake

    def _measure(self, real, fake):
        """Measure images as returned by `look`."""
        raise NotImplementedError

    def update_state(self, real, fake):
        values = tf.cast(self.per_picture(real, fake), tf.float64)
        add(self.total, tf.reduce_sum(values))
        add(self.count, tf.cast(tf.size(values), tf.float64))

    def counts(self):
        return 2 * (int(self.count.numpy()),)

    def result(self):
        mean = tf.math.divide_no_nan(self.total.value, self.count.value)
        # Within a traced step there is nobody to tell; NaN shows by itself.
        if tf.executing_eagerly():
            self._enough()
            self._finite(float(mean))
        return tf.cast(mean, tf.float32)


def add(variable, value):
    """Add to a sum in a replica context or across all replicas.

    `assign_add` of a variable that is summed on reading fails outside of
    `strategy.run`; `assign` splits the value among the replicas.
    """
    variable.assign(variable.value + value)


def gathered(values):
    """Return the values of all replicas as one tensor."""
    if isinstance(values, tf.distribute.DistributedValues):
        # Not through the strategy, whose scope may have been left.
        return tf.concat(values.values, axis=0)
    return tf.convert_to_tensor(values)


def eight_bit(pictures, name="pictures"):
    """Round images to 8 bits, as in files; return float32 from 0 to 255.

    Args:
        pictures: floats `[batch, height, width, 3]` in [-1, 1].
        name: str, their name in errors.

    Raises:
        UserError: for another shape or type; outside of a graph also for
            values that are not finite or not in [-1, 1].
    """
    pictures = tf.convert_to_tensor(pictures)
    if (
        pictures.shape.rank != 4
        or pictures.shape[-1] != 3
        or not pictures.dtype.is_floating
    ):
        raise UserError(
            f"{name} must be float images [batch, height, width, 3]. "
            f"Received: {pictures.dtype.name} {tuple(pictures.shape)}"
        )
    finite = tf.math.is_finite(pictures)
    if tf.executing_eagerly() and tf.size(pictures):
        if not tf.reduce_all(finite):
            raise UserError(
                f"{name} must be finite. Received: NaN or infinity in them"
            )
        largest = float(tf.reduce_max(tf.abs(pictures)))
        if largest > 1.01:
            raise UserError(
                f"{name} must be in [-1, 1]. Received: up to {largest:.4g}"
            )
    levels = tf.cast(images.to_uint8(pictures), tf.float32)
    # The gradient is that without rounding, for a search by features.
    levels = tf.grad_pass_through(lambda _: levels)(127.5 * pictures + 127.5)
    return tf.where(finite, levels, math.nan)
