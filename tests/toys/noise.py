"""Noise in, images out: two players and a collection without domains."""

import keras
import tensorflow as tf

from keras_gans.layers import draw_latents
from keras_gans.training.base import BaseModel
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Latents, Verb


@keras.saving.register_keras_serializable("keras_gans")
class NoiseToy(BaseModel):
    """A generator of one dense layer and a discriminator of another."""

    data_kind = "single"
    terms = {"generator": ("adversarial",), "discriminator": ("real", "fake")}
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {"adversarial": 1.0, "real": 1.0, "fake": 1.0}
    default_batch_size = 4
    default_steps = 10
    demonstration = {"data": ["faces:photo@200"], "steps": 3}

    def __init__(self, image_size=16, latent_dim=8, name="noise", **kwargs):
        super().__init__(name=name, **kwargs)
        shape = (image_size, image_size, 3)
        self.generator = keras.Sequential(
            [
                keras.Input((latent_dim,)),
                keras.layers.Dense(image_size**2 * 3, activation="tanh"),
                keras.layers.Reshape(shape),
            ],
            name="generator",
        )
        self.discriminator = keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.Flatten(),
                keras.layers.Dense(1, dtype="float32"),
            ],
            name="discriminator",
        )
        self.seed_generator = keras.random.SeedGenerator()
        self.image_size = image_size
        self.latent_dim = latent_dim
        self._make_state()

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "latent_dim": self.latent_dim,
        }

    def call(self, latents, training=False):
        return self.generator(latents, training=training)

    def _check_inputs(self, latents):
        return latents

    @property
    def call_signature(self):
        return tf.TensorSpec([None, self.latent_dim], tf.float32, "latents")

    def generate(self, latents):
        """Make an image of each latent vector."""
        return tf.cast(self.generator(latents, training=False), tf.float32)

    @property
    def players(self):
        return {
            "generator": (self.generator,),
            "discriminator": (self.discriminator,),
        }

    @property
    def batch_shapes(self):
        return {"images": (None, self.image_size, self.image_size, 3)}

    def _generator_terms(self, latents, training):
        fake = self.generator(latents, training=training)
        logits = self.discriminator(fake, training=training)
        return {"adversarial": self._generator_loss(logits)}, fake

    def _discriminator_terms(self, images, fake, training):
        real, fake = self._discriminator_loss(
            self.discriminator(images, training=training),
            self.discriminator(fake, training=training),
        )
        return {"real": real, "fake": fake}, None

    def train_step(self, batch):
        (images,) = self._check_batch(batch)
        count = tf.shape(images)[0]
        latents = draw_latents(self.seed_generator, count, self.latent_dim)
        g_terms, fake = self._update(
            "generator", self._generator_terms, latents
        )
        d_terms, _ = self._update(
            "discriminator", self._discriminator_terms, images, fake
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        (images,) = self._check_batch(batch)
        latents = tf.zeros((tf.shape(images)[0], self.latent_dim))
        g_terms, fake = self._generator_terms(latents, training=False)
        d_terms, _ = self._discriminator_terms(images, fake, training=False)
        terms = {"generator": g_terms, "discriminator": d_terms}
        return self._report(terms, training=False)

    def samples(self, batch):
        """Return the sample grid: what fixed latents become."""
        latents = Latents(self.latent_dim).draw(len(batch["images"]))
        outputs = Column("output", self.generate(latents))
        grid = Grid([outputs], batch["images"], self.discriminator)
        return {"generate": grid}

    def verbs(self):
        """Return what the model does."""
        inputs = {"latents": Latents(self.latent_dim)}
        return [Verb("generate", self.generate, inputs)]
