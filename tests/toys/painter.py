"""One player: a network that learns to give its images back."""

import keras
import tensorflow as tf

from keras_gans import losses
from keras_gans.training.base import BaseModel, check_images
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb


@keras.saving.register_keras_serializable("keras_gans")
class PainterToy(BaseModel):
    """An autoencoder of two convolutions."""

    data_kind = "single"
    terms = {"painter": ("reconstruction",)}
    default_loss_weights = {"reconstruction": 10.0}
    default_batch_size = 4
    default_steps = 10
    demonstration = {"data": ["faces:photo@200"], "steps": 3}

    def __init__(self, image_size=16, name="painter", **kwargs):
        super().__init__(name=name, **kwargs)
        self.network = keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
                keras.layers.Conv2D(3, 3, padding="same", activation="tanh"),
            ],
            name="painter",
        )
        self.image_size = image_size
        self._make_state()

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size}

    def call(self, images, training=False):
        return self.network(self._check_inputs(images), training=training)

    def _check_inputs(self, images):
        if isinstance(images, dict):
            (images,) = self._check_batch(images)
        return check_images(images)

    def paint(self, images):
        """Give images back."""
        images = self.network(check_images(images), training=False)
        return tf.cast(images, tf.float32)

    @property
    def players(self):
        return {"painter": (self.network,)}

    @property
    def batch_shapes(self):
        return {"images": (None, self.image_size, self.image_size, 3)}

    def _painter_terms(self, images, training):
        painted = self.network(images, training=training)
        return {"reconstruction": losses.l1(images, painted)}, None

    def train_step(self, batch):
        (images,) = self._check_batch(batch)
        terms, _ = self._update("painter", self._painter_terms, images)
        return self._report({"painter": terms})

    def test_step(self, batch):
        (images,) = self._check_batch(batch)
        terms, _ = self._painter_terms(images, training=False)
        return self._report({"painter": terms}, training=False)

    def samples(self, batch):
        """Return the sample grid: images, and what they become."""
        images = batch["images"]
        columns = Column("input", images), Column("output", self.paint(images))
        return {"paint": Grid([*columns])}

    def verbs(self):
        """Return what the model does."""
        inputs = {"images": Images(self.image_size, multiple=1)}
        return [Verb("paint", self.paint, inputs)]
