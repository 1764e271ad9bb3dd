"""Three domains and three players: a way between any two of them."""

import functools

import keras
import tensorflow as tf

from keras_gans import losses
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb


@keras.saving.register_keras_serializable("keras_gans")
class DomainsToy(BaseModel):
    """Coders of all domains, whose codes a third player tells apart."""

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

        def networks(kind, channels_in, channels_out, activation=None):
            return {
                domain: keras.Sequential(
                    [
                        keras.Input((None, None, channels_in)),
                        keras.layers.Conv2D(
                            *(channels_out, 3),
                            padding="same",
                            activation=activation,
                        ),
                    ],
                    name=f"{kind}_{domain}",
                )
                for domain in domains
            }

        self.encoders = networks("encoder", 3, 4, "relu")
        self.decoders = networks("decoder", 4, 3, "tanh")
        self.discriminators = networks("discriminator", 3, 1)
        self.classifier = keras.Sequential(
            [
                keras.Input((None, None, 4)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(len(domains), dtype="float32"),
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
        codes = self.encoders[source](self._check_inputs(images))
        return tf.cast(self.decoders[target](codes), tf.float32)

    @property
    def players(self):
        return {
            "coder": (*self.encoders.values(), *self.decoders.values()),
            "discriminator": (*self.discriminators.values(),),
            "latent_discriminator": (self.classifier,),
        }

    @property
    def batch_shapes(self):
        shape = (None, self.image_size, self.image_size, 3)
        return {f"images_{domain}": shape for domain in self.domains}

    def _codes(self, images, training):
        return [
            encoder(one, training=training)
            for encoder, one in zip(self.encoders.values(), images, strict=True)
        ]

    def _classification(self, codes):
        return tf.add_n(
            [
                keras.ops.mean(
                    keras.losses.sparse_categorical_crossentropy(
                        tf.fill([tf.shape(code)[0]], number),
                        self.classifier(code),
                        from_logits=True,
                    )
                )
                for number, code in enumerate(codes)
            ]
        )

    def _coder_terms(self, *images, training):
        codes = self._codes(images, training)
        decoders = list(self.decoders.values())
        discriminators = list(self.discriminators.values())
        back = [
            decoder(code) for decoder, code in zip(decoders, codes, strict=True)
        ]
        # Each domain is translated into the one behind it.
        fakes = [
            decoder(code)
            for decoder, code in zip(
                decoders, [codes[-1], *codes[:-1]], strict=True
            )
        ]
        terms = {
            "reconstruction": tf.add_n(
                [losses.l1(*pair) for pair in zip(images, back, strict=True)]
            ),
            "adversarial": tf.add_n(
                [
                    self._generator_loss(judge(fake))
                    for judge, fake in zip(discriminators, fakes, strict=True)
                ]
            ),
            "domain": -self._classification(codes),
        }
        return terms, (fakes, codes)

    def _discriminator_terms(self, images, fakes, training):
        found = [
            self._discriminator_loss(judge(real), judge(fake))
            for judge, real, fake in zip(
                self.discriminators.values(), images, fakes, strict=True
            )
        ]
        real, fake = (tf.add_n([*terms]) for terms in zip(*found, strict=True))
        return {"real": real, "fake": fake}, None

    def _latent_discriminator_terms(self, codes, training):
        return {"classification": self._classification(codes)}, None

    def train_step(self, batch):
        images = self._check_batch(batch)
        c_terms, (fakes, codes) = self._update(
            "coder", self._coder_terms, *images
        )
        d_terms, _ = self._update(
            "discriminator", self._discriminator_terms, images, fakes
        )
        l_terms, _ = self._update(
            "latent_discriminator", self._latent_discriminator_terms, codes
        )
        terms = zip(self.terms, (c_terms, d_terms, l_terms), strict=True)
        return self._report(dict(terms))

    def test_step(self, batch):
        images = self._check_batch(batch)
        c_terms, (fakes, codes) = self._coder_terms(*images, training=False)
        d_terms, _ = self._discriminator_terms(images, fakes, training=False)
        l_terms, _ = self._latent_discriminator_terms(codes, training=False)
        terms = zip(self.terms, (c_terms, d_terms, l_terms), strict=True)
        return self._report(dict(terms), training=False)

    def samples(self, batch):
        """Return a sample grid for each domain: the image in all domains."""
        grids = {}
        for source in self.domains:
            images = batch[f"images_{source}"]
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
