"""Compute features of images, with preprocessing and protocol."""

import hashlib

import tensorflow as tf

from keras_gans.metrics.base import eight_bit


class Extractor:
    """A network with its preprocessing, created by `extractor`.

    Args:
        name: str, one of `EXTRACTORS`.
        network: `keras.Model` from images to `[batch, dimensions]`.
        maps: `keras.Model` from images to a dict of layer outputs.
        scale: function from pixels of 0 to 255 to the networks' input range.
        image_size: int, pixels, side of the networks' inputs.
        layer: str, the layer whose mean over space gives the features.
        weights: str, origin of the weights.

    Attributes:
        name: str, one of `EXTRACTORS`.
        image_size: int, pixels to which images are resized.
        dimensions: int, number of features of an image.
        map_shapes: dict from a layer's name to `(height, width, channels)`.
        is_published: bool, whether it is the network of the published FID.
    """

    def __init__(self, name, network, maps, scale, image_size, layer, weights):
        self.name = name
        self.image_size = image_size
        self.dimensions = network.output_shape[-1]
        self.is_published = name == "fid_inception" and weights != "random"
        self._weights = weights
        self._scale = scale
        digest = hashlib.sha256()
        for array in network.get_weights():
            digest.update(array.tobytes())
        self._digest = digest.hexdigest()[:12]
        self._layer = f"mean over space of {layer}"
        shapes = maps.compute_output_shape((1, image_size, image_size, 3))
        self.map_shapes = {name: tuple(s[1:]) for name, s in shapes.items()}
        self._features = tf.function(network, reduce_retracing=True)
        self._maps = tf.function(maps, reduce_retracing=True)

    def features(self, pictures):
        """Return the features of images, `[batch, dimensions]`.

        Args:
            pictures: floats `[batch, height, width, 3]` in [-1, 1].
        """
        return self._features(self._prepare(pictures), training=False)

    def maps(self, pictures):
        """Return layers' outputs in float32, by the names in `map_shapes`."""
        return self._maps(self._prepare(pictures), training=False)

    def list_of_maps(self, pictures):
        """Return `maps` as a list; with gradients, for a search by them."""
        return [*self.maps(pictures).values()]

    def protocol(self):
        """Describe the computation of features, as a dict of plain JSON."""
        return {
            "name": self.name,
            "layer": self._layer,
            "dimensions": self.dimensions,
            "image_size": self.image_size,
            "resize": "antialiased bicubic of 8-bit images",
            "weights": self._weights,
            "sha256": self._digest,
        }

    def _prepare(self, pictures):
        # The filter is widened by the scale as Pillow's is. Without that
        # scores change with the size of the images: Parmar et al. 2022,
        # "On Aliased Resizing and Surprising Subtleties in GAN Evaluation".
        pictures = tf.image.resize(
            eight_bit(pictures),
            (self.image_size, self.image_size),
            "bicubic",
            antialias=True,
        )
        finite = tf.math.is_finite(pictures)
        within = tf.clip_by_value(pictures, 0.0, 255.0)
        return self._scale(tf.where(finite, within, pictures))
