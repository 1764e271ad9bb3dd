"""Fit images of any size to a generator, and restore their size.

A generator for one scale, such as that of 64-pixel faces, gets the whole image
scaled into its square and padded with its mirror image. A generator for any
scale gets the image unscaled, padded to the multiples that its downsampling
needs. Images of the right size are unchanged.
"""

import tensorflow as tf

# Padding by reflection at a quarter of the size takes two pixels there.
LEAST_SIDE = 8


def fit(pictures, image_size, multiple=None, resize=None):
    """Scale or pad images to a size that the generator takes.

    Args:
        pictures: float32 `[batch, height, width, 3]` in [-1, 1].
        image_size: int, pixels that the generator was trained on.
        multiple: int, required multiple of height and width if images keep
            their scale; None to scale them into `image_size`.
        resize: function from images and a size to images. Default: `resized`.

    Returns:
        float32 in [-1, 1], `[batch, image_size, image_size, 3]`, or with
        height and width rounded up to multiples.
    """
    size = tf.shape(pictures)[1:3]
    inner, outer = _sizes(size, image_size, multiple)
    pictures = (resize or resized)(pictures, inner)
    for axis in (1, 2):
        length, side = inner[axis - 1], outer[axis - 1]
        # 0, 1, ..., n - 1, n - 1, ..., 1, 0, 0, 1, ...: tf.pad mirrors once.
        # No number is negative: of those, ONNX has other remainders.
        first = 2 * length - (side - length) // 2 % (2 * length)
        places = (first + tf.range(side)) % (2 * length)
        places = tf.minimum(places, 2 * length - 1 - places)
        pictures = tf.gather(pictures, places, axis=axis)
    return pictures


def restore(pictures, size, image_size, multiple=None, resize=None):
    """Restore translations to the size of the original images.

    Args:
        pictures: float32 in [-1, 1], the shape of the result of `fit`.
        size: integer `[height, width]` of the argument of `fit`.
        image_size: as for `fit`.
        multiple, resize: as for `fit`.

    Returns:
        float32 `[batch, height, width, 3]` in [-1, 1].
    """
    size = tf.cast(size, tf.int32)
    inner, outer = _sizes(size, image_size, multiple)
    top, left = tf.unstack((outer - inner) // 2)
    cut = pictures[:, top : top + inner[0], left : left + inner[1]]
    return (resize or resized)(cut, size)


def rounded_up(size, multiple):
    """Return the next multiples of height and width, no side tiny."""
    least = tf.maximum(size, LEAST_SIDE)
    return (least + multiple - 1) // multiple * multiple


def _sizes(size, image_size, multiple):
    """Return the sizes of an image in the canvas and of the canvas."""
    if multiple is not None:
        return size, rounded_up(size, multiple)
    scale = image_size / tf.reduce_max(size)
    inner = tf.cast(tf.round(tf.cast(size, tf.float64) * scale), tf.int32)
    return tf.maximum(inner, 1), tf.fill([2], image_size)


def resized(pictures, size):
    """Scale images, bicubic and antialiased; unchanged if of this size."""
    return tf.cond(
        tf.reduce_all(tf.shape(pictures)[1:3] == size),
        lambda: pictures,
        lambda: tf.clip_by_value(
            tf.image.resize(pictures, size, "bicubic", antialias=True), -1, 1
        ),
    )


def resized_by_products(pictures, size):
    """Do what `resized` does with matrices, where no operation does it.

    ONNX has no operation for that of TensorFlow: the kernel of Keys 1981,
    "Cubic convolution interpolation for digital image processing", eq. 15,
    as wide as the output's pixels where these are larger, with weights that
    sum to 1 also at the borders.
    """
    shape = tf.shape(pictures)
    rows, columns = (_weights(shape[1 + i], size[i]) for i in (0, 1))
    scaled = tf.einsum("ri,bijk,cj->brck", rows, pictures, columns)
    return tf.clip_by_value(scaled, -1, 1)


def _weights(length, side):
    """Return the weights of `length` pixels in each of `side`, a matrix."""
    length, side = tf.cast(length, tf.float32), tf.cast(side, tf.float32)
    centers = (tf.range(side) + 0.5) * (length / side)
    places = tf.range(length) + 0.5 - centers[:, None]
    x = tf.abs(places) / tf.maximum(length / side, 1.0)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    weights = tf.where(x < 1.0, near, tf.where(x < 2.0, far, 0.0))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
