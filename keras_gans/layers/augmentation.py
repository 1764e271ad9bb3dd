"""Differentiable augmentation against discriminator overfitting.

With few images a discriminator memorizes them, and its generator stops
learning. Here all of its inputs, real and fake, are changed at random, and
gradients flow through the changes; the generator does not learn the changes,
as fakes with them would be detected.

That is the paper's claim. No gain was measured here: CycleGAN on 100 drawn
faces per side was worse with it after 1,200 steps
(tests/benchmarks/SCOREBOARD.md).
"""

import keras
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.layers.random import replica_seed

# From integers, as XLA draws other fractions than TensorFlow does.
_LEVELS = 1 << 20
_SHIFT = 0.125
_CUTOUT = 0.5


def parse(text):
    """Return the policies of a text such as `"color,translation,cutout"`.

    Args:
        text: str, comma-separated names in `POLICIES`; or None.

    Returns:
        tuple of str, in the order given; empty for None.

    Raises:
        UserError: for an unknown, a missing or a repeated name.
    """
    if text is None:
        return ()
    names = [name.strip() for name in str(text).split(",")]
    if len({*names} & {*POLICIES}) != len(names):
        raise UserError(
            "augment_discriminator must be names among "
            f"{', '.join(POLICIES)}, each once, with commas between. "
            f"Received: {text!r}"
        )
    return tuple(names)


class Augmentation:
    """Changes each image independently at random.

    Create it within the strategy's scope and call it in a replica.

    Args:
        policies: tuple of str, the result of `parse`.

    Call arguments:
        images: float `[batch, height, width, channels]` in [-1, 1], channels
            a multiple of 3. Images concatenated along the channels are
            changed as one, so that a pair stays a pair.

    Returns:
        Images of the same shape and type; colors may exceed [-1, 1].

    Attributes:
        state: dict from name to variable, saved in checkpoints.

    Reference:
        Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN
        Training", arXiv:2006.10738, section 3 and figure 4; ranges as in
        github.com/mit-han-lab/data-efficient-gans, DiffAugment_tf.py.
    """

    def __init__(self, policies):
        self.policies = policies
        self._seeds = keras.random.SeedGenerator()
        self.state = {"augmentation_random": self._seeds.state}

    def __call__(self, images):
        for policy in self.policies:
            images = POLICIES[policy](images, replica_seed(self._seeds))
        return images


def color(images, seed):
    """Change brightness, saturation and contrast.

    Brightness: adds -0.5 to 0.5. Saturation: scales a pixel's distance from
    its own mean by 0 to 2. Contrast: scales the distance from the mean of the
    image by 0.5 to 1.5.

    Args:
        images: float `[batch, height, width, channels]`; every three channels
            are an image.
        seed: int32 `[2]`.
    """
    batch, height, width, channels = _shape(images)
    pictures = tf.reshape(images, [batch, height, width, channels // 3, 3])
    draws = _whole(seed, [3, batch, 1, 1, 1, 1], 0, _LEVELS)
    draws = tf.cast(draws, images.dtype) / _LEVELS
    brightness, saturation, contrast = tf.unstack(draws)
    pictures += brightness - 0.5
    grey = tf.reduce_mean(pictures, -1, keepdims=True)
    pictures = grey + (pictures - grey) * (2.0 * saturation)
    mean = tf.reduce_mean(pictures, [1, 2, 4], keepdims=True)
    pictures = mean + (pictures - mean) * (contrast + 0.5)
    return tf.reshape(pictures, tf.shape(images))


def translation(images, seed):
    """Shift by up to an eighth of height and width, padded with 0 (gray).

    Args: as `color`.
    """
    batch, *sides, _ = _shape(images)
    for axis, side in enumerate(sides, start=1):
        most = _part(side, _SHIFT)
        shift = _whole(_of_axis(seed, axis), [batch, 1], -most, most + 1)
        # One row more at either end, which is 0, for all from beyond.
        sources = tf.clip_by_value(tf.range(side) - shift + 1, 0, side + 1)
        padding = [[0, 0]] * 4
        padding[axis] = [1, 1]
        images = tf.gather(
            tf.pad(images, padding), sources, axis=axis, batch_dims=1
        )
    return images


def cutout(images, seed):
    """Set a rectangle of half the height and width to 0 (gray).

    Its center is anywhere in the image, so part of it may lie outside.

    Args: as `color`.
    """
    batch, *sides, _ = _shape(images)
    inside = []
    for axis, side in enumerate(sides, start=1):
        length = _part(side, _CUTOUT)
        centre = _whole(
            _of_axis(seed, axis), [batch, 1], 0, side + 1 - length % 2
        )
        offset = tf.range(side) - centre + length // 2
        inside.append((offset >= 0) & (offset < length))
    cut = inside[0][:, :, None] & inside[1][:, None, :]
    return tf.where(cut[..., None], tf.zeros_like(images), images)


POLICIES = {"color": color, "translation": translation, "cutout": cutout}


def _shape(images):
    """Return the shape, with static dimensions as plain numbers."""
    known, traced = images.shape, tf.shape(images)
    return [traced[i] if n is None else n for i, n in enumerate(known)]


def _part(side, share):
    """Return a fraction of a side in whole pixels."""
    return tf.cast(tf.cast(side, tf.float32) * share + 0.5, tf.int32)


def _of_axis(seed, axis):
    # XLA folds in otherwise than TensorFlow. The other number is what counts
    # up from draw to draw.
    return seed + tf.constant([axis, 0])


def _whole(seed, shape, first, end):
    return tf.random.stateless_uniform(shape, seed, first, end, tf.int32)
