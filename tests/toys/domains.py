"""Three domains and three players: a way between any two of them."""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_gans import losses
from keras_gans.layers import LabelPlanes
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb


@keras.saving.register_keras_serializable("keras_gans")
class DomainsToy(BaseModel):
    """A coder of all domains, whose codes a third player tells apart."""

    data_kind = "domains"
    terms = {
        "coder": ("reconstruction", "adversarial", "domain"),
        "discriminator": ("real", "fake"),
        "latent_discriminator": ("classification",),
    }
    default_adversarial_loss = "least_squares"
    default_loss_weights = {
        "reconstruction": 10.0,
        "adversarial": 1.0,
        "domain": 1.0,
        "real": 1.0,
        "fake": 1.0,
        "classification": 1.0,
    }
    default_batch_size = 2
    default_steps = 10
    demonstration = {
        "data": ["faces:photo@200", "faces:anime@200", "faces:sketch@200"],
        "steps": 3,
    }

    def __init__(
        self,
        image_size=16,
        domains=("photo", "anime", "sketch"),
        name="domains",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)

        count = len(domains)

        def network(name, channels_in, channels_out, activation=None):
            images = keras.Input((None, None, channels_in))
            domain = keras.Input((count,))
            x = LabelPlanes()([images, domain])
            x = keras.layers.Conv2D(
                channels_out, 3, padding="same", activation=activation
            )(x)
            return keras.Model([images, domain], x, name=name)

        self.encoder = network("encoder", 3, 4, "relu")
        self.decoder = network("decoder", 4, 3, "tanh")
        self.discriminator = network("discriminator", 3, 1)
        self.classifier = keras.Sequential(
            [
                keras.Input((None, None, 4)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(count, dtype="float32"),
            ],
            name="classifier",
        )
        self.image_size = image_size
        self.domains = list(domains)
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "domains": self.domains,
        }

    def call(self, images, training=False):
        first, second, *_ = self.domains
        return self.translate(images, first, second)

    def _check_inputs(self, images):
        if isinstance(images, dict):
            images, *_ = self._check_batch(images)
        return check_images(images)

    def translate(self, images, source, target):
        """Translate images of one domain into another."""
        images = self._check_inputs(images)
        vectors = [
            tf.tile(
                tf.one_hot([self.domains.index(domain)], len(self.domains)),
                [tf.shape(images)[0], 1],
            )
            for domain in (source, target)
        ]
        codes = self.encoder([images, vectors[0]])
        return tf.cast(self.decoder([codes, vectors[1]]), tf.float32)

    @property
    def players(self):
        return {
            "coder": (self.encoder, self.decoder),
            "discriminator": (self.discriminator,),
            "latent_discriminator": (self.classifier,),
        }

    @property
    def batch_shapes(self):
        domain = (None, len(self.domains))
        return super().batch_shapes | {"domain_a": domain, "domain_b": domain}

    def _classification(self, codes, vectors):
        return keras.ops.mean(
            keras.losses.categorical_crossentropy(
                vectors, self.classifier(codes), from_logits=True
            )
        )

    def _coder_terms(self, images, vectors, others, training):
        codes = self.encoder([images, vectors])
        fake = self.decoder([codes, others])
        terms = {
            "reconstruction": losses.l1(images, self.decoder([codes, vectors])),
            "adversarial": self._generator_loss(
                self.discriminator([fake, others])
            ),
            "domain": -self._classification(codes, vectors),
        }
        return terms, (fake, codes)

    def _discriminator_terms(self, images, vectors, fake, others, training):
        real, fake = self._discriminator_loss(
            self.discriminator([images, vectors]),
            self.discriminator([fake, others]),
        )
        return {"real": real, "fake": fake}, None

    def _latent_discriminator_terms(self, codes, vectors, training):
        return {"classification": self._classification(codes, vectors)}, None

    def _inputs(self, batch):
        """Return images, their domains, and the domains to translate to."""
        a, b, *vectors = self._check_batch(batch)
        return tf.concat([a, b], 0), *(
            tf.concat(pair, 0) for pair in (vectors, vectors[::-1])
        )

    def train_step(self, batch):
        images, vectors, others = self._inputs(batch)
        c_terms, (fake, codes) = self._update(
            "coder", self._coder_terms, images, vectors, others
        )
        d_terms, _ = self._update(
            "discriminator",
            self._discriminator_terms,
            *(images, vectors, fake, others),
        )
        l_terms, _ = self._update(
            "latent_discriminator",
            self._latent_discriminator_terms,
            *(codes, vectors),
        )
        terms = zip(self.terms, (c_terms, d_terms, l_terms), strict=True)
        return self._report(dict(terms))

    def test_step(self, batch):
        images, vectors, others = self._inputs(batch)
        c_terms, (fake, codes) = self._coder_terms(
            images, vectors, others, training=False
        )
        d_terms, _ = self._discriminator_terms(
            images, vectors, fake, others, training=False
        )
        l_terms, _ = self._latent_discriminator_terms(
            codes, vectors, training=False
        )
        terms = zip(self.terms, (c_terms, d_terms, l_terms), strict=True)
        return self._report(dict(terms), training=False)

    def samples(self, batch):
        """Return a sample grid for each domain: the image in all domains."""
        grids = {}
        found = np.argmax(batch["domain_a"], 1)
        for number in np.unique(found):
            source = self.domains[number]
            images = tf.boolean_mask(batch["images_a"], found == number)
            grids[source] = Grid(
                [
                    Column("input", images, source),
                    *(
                        Column(
                            "output",
                            self.translate(images, source, target),
                            target,
                        )
                        for target in self.domains
                        if target != source
                    ),
                ]
            )
        return grids

    def verbs(self):
        """Return what the model does: a translation for each ordered pair."""
        inputs = {"images": Images(self.image_size, multiple=1)}
        return [
            Verb(
                f"{source}_to_{target}",
                functools.partial(self.translate, source=source, target=target),
                inputs,
                source,
                target,
                f"{target}_to_{source}",
            )
            for source in self.domains
            for target in self.domains
            if source != target
        ]
