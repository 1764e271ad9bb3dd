"""The base of models that translate by a code: encode it, decode it."""

import functools

import numpy as np
import tensorflow as tf

from keras_gans import checks
from keras_gans.checks import UserError
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid, both_ways
from keras_gans.verbs import Codes, Images, Verb, between

_ON_THE_WAY = 8  # images of the row that interpolates


class CodeModel(BaseModel):
    """Base of models with an encoder and a decoder for each domain.

    An image is translated by the encoder of its own domain and the decoder of
    another. A subclass of two domains makes `encoder_a`, `encoder_b`,
    `decoder_a` and `decoder_b`, and defines `_judge`, which returns the
    discriminator of a domain; one of more domains overrides `_coder` and
    `samples`.

    Attributes:
        domains: list of str, their names.
        code_shape: tuple of int, the shape of the code of an image of the
            size of training.
        size_multiple: int or None, as `multiple` of `verbs.Images`.
    """

    domains = "a", "b"
    size_multiple = None

    def _coder(self, part, domain):
        """Return the `"encoder"` or `"decoder"` of a domain, a function."""
        return getattr(self, f"{part}_{domain}")

    def call(self, images, training=False):
        """Translate images of the first domain into the second."""
        first, second, *_ = self.domains
        codes = self._coder("encoder", first)(
            self._check_inputs(images), training=training
        )
        return self._coder("decoder", second)(codes, training=training)

    def _check_inputs(self, images):
        """Check the input of `call`, or the images of domain a in a batch."""
        if isinstance(images, dict):
            images, *_ = self._check_batch(images)
        return self._check_images(images)

    def _check_images(self, images):
        """Check images to encode; return them as float32."""
        return check_images(images)

    def encode(self, images, domain):
        """Return the codes of images.

        Args:
            images: float `[batch, height, width, 3]` in [-1, 1], of sizes
                that `call` takes.
            domain: str, that of the images.

        Returns:
            float32 `[batch, *code_shape]`; of images of another size than in
            training with more or fewer rows and columns.

        Raises:
            UserError: if an argument does not fit.
        """
        checks.one_of(self.domains, domain=domain)
        images = self._check_images(images)
        return self._coder("encoder", domain)(images, training=False)

    def decode(self, codes, domain):
        """Return the images of codes.

        Args:
            codes: float, as `encode` returns them, or what lies between such.
            domain: str, that of the images to return.

        Returns:
            float32 `[batch, height, width, 3]` in [-1, 1].

        Raises:
            UserError: if an argument does not fit.
        """
        checks.one_of(self.domains, domain=domain)
        *sides, size = self.code_shape
        shape = np.shape(codes)
        if len(shape) != len(sides) + 2 or shape[-1] != size:
            rule = ", ".join(["batch", *["rows", "columns"][: len(sides)]])
            raise UserError(
                f"codes must be of shape [{rule}, {size}]. "
                f"Received shape: {shape}"
            )
        codes = tf.cast(codes, tf.float32)
        return self._coder("decoder", domain)(codes, training=False)

    def translate(self, images, to=None, source=None):
        """Translate images of one domain into another.

        Args:
            images: as of `encode`.
            to: str, the name of the other domain. Default: the second.
            source: str, that of their own; or the same as `to`, for what
                encoder and decoder keep. Of two domains the default is the
                one that `to` is not.

        Returns:
            float32, the shape of `images`, in [-1, 1]. Height and width are
            rounded up where a model takes sizes that it cannot return.

        Raises:
            UserError: if an argument does not fit.
        """
        to = self.domains[1] if to is None else to
        checks.one_of(self.domains, to=to)
        if source is None and len(self.domains) == 2:
            (source,) = {*self.domains} - {to}
        checks.one_of(self.domains, source=source)
        return self.decode(self.encode(images, source), to)

    def _encoded(self, images_a, images_b, training):
        """Return the codes of images of both domains."""
        return [
            self._pass(encoder)(images, training=training)
            for encoder, images in (
                (self.encoder_a, images_a),
                (self.encoder_b, images_b),
            )
        ]

    def _decoded(self, codes, training):
        """Decode the codes of both domains into both.

        Returns:
            Images of domain a, from a's codes and from b's, and images of
            domain b, from a's codes and from b's.
        """
        # As one batch, which with normalization per image is exact.
        codes = tf.concat(codes, 0)
        return [
            tf.split(self._pass(decoder)(codes, training=training), 2)
            for decoder in (self.decoder_a, self.decoder_b)
        ]

    def samples(self, batch):
        """Return the sample grids: both translations, and a way in between."""
        way = self._interpolation(batch["images_a"], *self.domains)
        grids = both_ways(batch, self.translate, self._judge)
        return grids | {"interpolation": way}

    def _interpolation(self, images, source, *others):
        """Return the grid of a way between the codes of two images.

        It leads from the first image to the second, decoded into their own
        domain and the others.
        """
        ends = self.encode(images[:2], source)
        way = tf.linspace(ends[0], ends[-1], _ON_THE_WAY)
        domains = source, *others
        return Grid([Column("output", self.decode(way, d), d) for d in domains])

    def verbs(self):
        """Return what the model does: all translations, and codes.

        Codes are of images that are scaled to the size of training, so that
        all have one shape.
        """
        images = Images(self.image_size, self.size_multiple)
        return between(self.domains, self.translate, images) + [
            Verb(
                f"encode_{domain}",
                functools.partial(self.encode, domain=domain),
                {"images": Images(self.image_size)},
                domain,
                output=Codes(self.code_shape),
            )
            for domain in self.domains
        ]
