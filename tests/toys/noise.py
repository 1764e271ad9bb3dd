"""Noise in, images out: two players and a collection without domains."""

import keras
import tensorflow as tf

from keras_gans.labels import Labels
from keras_gans.training.noise import NoiseModel


@keras.saving.register_keras_serializable("keras_gans")
class NoiseToy(NoiseModel):
    """A generator of one dense layer and a discriminator of another.

    With `labels` the generator takes them beside the latents.
    """

    terms = {"generator": ("adversarial",), "discriminator": ("real", "fake")}
    default_adversarial_loss = "non_saturating"
    default_loss_weights = {"adversarial": 1.0, "real": 1.0, "fake": 1.0}
    default_batch_size = 4
    default_steps = 10
    demonstration = {"data": ["faces:photo@200"], "steps": 3}

    def __init__(
        self, image_size=16, latent_dim=8, labels=None, name="noise", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        shape = (image_size, image_size, 3)
        inputs = inner = keras.Input((latent_dim,))
        if labels is not None:
            self.label_table = Labels(labels)
            inputs = [inner, keras.Input((len(labels),))]
            inner = keras.layers.Concatenate()(inputs)
        inner = keras.layers.Dense(image_size**2 * 3, activation="tanh")(inner)
        outputs = keras.layers.Reshape(shape, dtype="float32")(inner)
        self.generator = keras.Model(inputs, outputs, name="generator")
        self.discriminator = keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.Flatten(),
                keras.layers.Dense(1, dtype="float32"),
            ],
            name="discriminator",
        )
        self.image_size = image_size
        self.latent_dim = latent_dim
        self._make_state()

    def get_config(self):
        table = self.label_table
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "latent_dim": self.latent_dim,
            "labels": table and list(table.names),
        }

    def _generator_terms(self, latents, vectors, training):
        fake = self._generated(latents, vectors, training)
        logits = self.discriminator(fake, training=training)
        return {"adversarial": self._generator_loss(logits)}, fake

    def _discriminator_terms(self, images, fake, training):
        real, fake = self._discriminator_loss(
            self.discriminator(images, training=training),
            self.discriminator(fake, training=training),
        )
        return {"real": real, "fake": fake}, None

    def train_step(self, batch):
        images, vectors = [*self._check_batch(batch), None][:2]
        latents = self._draw(images, self.seed_generator)
        g_terms, fake = self._update(
            "generator", self._generator_terms, latents, vectors
        )
        d_terms, _ = self._update(
            "discriminator", self._discriminator_terms, images, fake
        )
        return self._report({"generator": g_terms, "discriminator": d_terms})

    def test_step(self, batch):
        images, vectors = [*self._check_batch(batch), None][:2]
        latents = tf.zeros((tf.shape(images)[0], self.latent_dim))
        g_terms, fake = self._generator_terms(latents, vectors, training=False)
        d_terms, _ = self._discriminator_terms(images, fake, training=False)
        terms = {"generator": g_terms, "discriminator": d_terms}
        return self._report(terms, training=False)
