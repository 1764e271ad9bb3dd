"""Keep the colors of the content.

Reference:
    Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer",
    arXiv:1606.05897.
"""

import numpy as np
import tensorflow as tf

COLORS = "style", "histogram", "luminance"
_LEAST = 1e-6  # variance of a channel of images in [-1, 1]


def matched(image, other):
    """Return an image with the mean and covariance of another's channels.

    A linear map of the channels by the symmetric roots of both covariances,
    which prefers no order of the channels.

    Args:
        image, other: float `[height, width, channels]`, of any sizes.

    Returns:
        float32, the shape of `image`; may go beyond its range.
    """

    def statistics(pixels):
        rows = np.reshape(pixels, (-1, np.shape(pixels)[-1])).astype("float64")
        values, vectors = np.linalg.eigh(
            np.cov(rows.T).reshape(rows.shape[1], -1)
        )
        roots = np.sqrt(np.maximum(values, _LEAST))
        return rows.mean(0), vectors, roots

    (mean, vectors, roots), (other_mean, other_vectors, other_roots) = map(
        statistics, (image, other)
    )
    whiten = vectors / roots @ vectors.T
    color = other_vectors * other_roots @ other_vectors.T
    return ((image - mean) @ (color @ whiten).T + other_mean).astype("float32")


def gray(image):
    """Return the luminance of an image in all three channels."""
    luminance = tf.image.rgb_to_yuv(image)[..., :1]
    return np.repeat(luminance, 3, axis=-1)


def with_colors(image, other):
    """Return the luminance of an image with the colors of another.

    Args:
        image, other: float32 `[height, width, 3]` in [-1, 1].
    """
    luminance = tf.image.rgb_to_yuv(image)[..., :1]
    colors = tf.image.rgb_to_yuv(other)[..., 1:]
    return tf.image.yuv_to_rgb(tf.concat([luminance, colors], -1)).numpy()
