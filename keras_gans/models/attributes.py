"""Attribute network: tells which labels hold for an image.

One player, a classifier. Its outputs are probabilities of labels, and are
calibrated on held-out images, so that of what it calls 90 percent sure nine
tenths are right.
"""

import itertools
import logging
import types

import keras
import numpy as np
import tensorflow as tf

from keras_gans import losses
from keras_gans.faces.drawing import ATTRIBUTES
from keras_gans.labels import CELEBA_LABELS, Labels
from keras_gans.networks.attributes import (
    SAVED,
    attribute_network,
    label_scales,
    probabilities,
)
from keras_gans.training.base import BaseModel, check_values
from keras_gans.training.samples import Column, Grid
from keras_gans.verbs import Images, Verb
from keras_gans.verbs import Labels as LabelsOutput

logger = logging.getLogger("keras_gans")

_SHOWN = 4  # most images above and below in a column of samples
_HELD_OUT = 200  # images to calibrate on
# Of the logarithm of a factor. Of 1/4, 1/2, 1 and no prior, 1/2 had the least
# cross-entropy on other drawn faces, for networks trained long and briefly.
_SPREAD = 0.5
_MOST_POWER = 4.0


@keras.saving.register_keras_serializable("keras_gans")
class AttributeNetwork(BaseModel):
    """A convolutional network for independent and exclusive labels.

    From scratch it is a small network for small images, with a head on a
    frozen network of `keras.applications` one for photographs. The factors
    that calibrate its logits are fitted to held-out images: by the command
    before each checkpoint, and by `fit(validation_data=...)` after each
    epoch.

    Args:
        image_size: int, pixels; with a backbone from 32 up. Default 64.
        labels: list of str, the names of the labels of the data set in the
            order of the vectors. Default: StarGAN's for CelebA, three hair
            colors, Male, Young.
        exclusive: list of lists of str, groups of labels of which one holds.
            Default: CelebA's hair colors among `labels`.
        backbone: None, or `"mobilenet"`, `"mobilenet_v2"` or
            `"efficientnet_v2_b0"`.
        backbone_weights: for a backbone: `"imagenet"`, which Keras downloads
            on first use; the path of a file of Keras' weights without top;
            or `"saved"`, random until a checkpoint, which has all weights, is
            loaded.
        base_filters: int, channels of the first convolution from scratch.
            Default 32.
        dropout: float from 0 to below 1, before the last layer. Default 0.3.

    Batch:
        images: float32 `[batch, image_size, image_size, 3]` in [-1, 1].
        labels: float32 `[batch, num_labels]`, 0 or 1.

    Returns:
        `model(images)`: calibrated logits, float32 `[batch, num_labels]`.
        `model.classify(images)`: probabilities of the same shape.

    Raises:
        UserError: if an argument does not fit, or weights cannot be read.

    Losses:
        c_classification, weight 1: cross-entropy, summed over exclusive
            groups (softmax, for images of which a label of the group holds)
            and other labels (sigmoid); of logits without calibration.

    Departures:
        TL-GAN's network, on MobileNet, has tanh outputs and the squared error
        to labels of -1 and 1, which leave no probabilities to calibrate; no
        dropout, no groups, and a batch of 128 images of 128 pixels for 50
        epochs. The learning rate of 2e-3, halfway through constant, is that
        of the small network.
        Guo et al. have one temperature, and no prior; here each label and
        each group has its own, as each has a loss of its own, see
        `calibrate`.

    Demonstration:
        Without data: photos of the embedded faces and their ten labels, 2,000
        steps.

    Reference:
        github.com/SummitKwan/transparent_latent_gan at da7ae907.
        Guo et al. 2017, "On Calibration of Modern Neural Networks",
        arXiv:1706.04599, section 4.2, temperature scaling.
    """

    data_kind = "labelled"
    terms = {"classifier": ("classification",)}

    default_learning_rate = 2e-3
    default_beta_1 = 0.9
    default_epochs = (5, 5)
    default_loss_weights = {"classification": 1.0}
    default_batch_size = 32
    demonstration = {
        "data": ["faces:photo"],
        "labels": [list(ATTRIBUTES)],
        "steps": 2000,
    }

    def __init__(
        self,
        image_size=64,
        labels=CELEBA_LABELS,
        exclusive=None,
        backbone=None,
        backbone_weights=None,
        base_filters=32,
        dropout=0.3,
        name="attributes",
        **kwargs,
    ):
        label_table = Labels.of_one_set(labels, exclusive)
        super().__init__(name=name, **kwargs)
        num_labels = len(label_table.names)
        self.classifier = attribute_network(
            image_size,
            num_labels,
            backbone,
            backbone_weights,
            base_filters,
            dropout,
            name="classifier",
        )
        self.scales = label_scales(num_labels, name="scales")
        self.image_size = image_size
        self.label_table = label_table
        self.backbone = backbone
        self.base_filters = base_filters
        self.dropout = dropout
        self._make_state()

    @classmethod
    def default_settings(cls, demonstration=False, **arguments):
        settings = super().default_settings(demonstration, **arguments)
        return settings | {"held_out": _HELD_OUT}

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            **self.label_table.config(),
            "backbone": self.backbone,
            # Building a saved model again never downloads.
            "backbone_weights": SAVED if self.backbone else None,
            "base_filters": self.base_filters,
            "dropout": self.dropout,
        }

    def call(self, images, training=False):
        images = self._check_inputs(images)
        return self.scales(self.classifier(images, training=training))

    def _check_inputs(self, images):
        if isinstance(images, dict):
            images, _ = self._check_batch(images)
        check_values("images", images, self.batch_shapes["images"])
        if isinstance(images, tf.TensorSpec):
            return images
        return tf.cast(images, tf.float32)

    @property
    def call_signature(self):
        shape = self.batch_shapes["images"]
        return tf.TensorSpec(shape, tf.float32, "images")

    def classify(self, images):
        """Return the probabilities of the labels.

        Args:
            images: float `[batch, image_size, image_size, 3]` in [-1, 1].

        Returns:
            float32 `[batch, num_labels]`; those of an exclusive group have
            sum 1.

        Raises:
            UserError: if the images do not fit.
        """
        return probabilities(self.label_table, self(images))

    def calibrate(self, batches):
        """Fit a factor of the logits of each label and group to images.

        The factor, one over the temperature, has the least cross-entropy,
        under a normal prior of its logarithm around 0: of labels that are all
        told right, as of a few images, cross-entropy alone makes it infinite.
        It is found on a grid in float64, and depends on weights and images
        alone.

        Args:
            batches: iterable of batches of images that were not trained on.
        """
        found = []
        with self.averaged():
            for batch in batches:
                images, labels = self._check_batch(batch)
                logits = self.classifier(images, training=False)
                found.append((logits.numpy(), labels.numpy()))
        if not found:  # as of a generator that is used up
            return
        logits, labels = map(np.concatenate, zip(*found, strict=True))
        names, groups = self.label_table.names, self.label_table.groups
        alone = [(n,) for n in names if n not in sum(groups, ())]
        scales = np.ones(len(names), np.float32)
        for group in (*groups, *alone):
            places = [names.index(name) for name in group]
            scales[places] = _scale(logits[:, places], labels[:, places])
        (weight,) = self.scales.weights
        weight.assign(scales)

    def _own_callbacks(self, arguments):
        data = arguments.get("validation_data")
        if data is None:
            return []
        if isinstance(data, types.GeneratorType):
            logger.warning(
                "fit() does not calibrate on a generator, which can be read "
                "once: give validation_data as arrays or a tf.data.Dataset"
            )
            return []

        def calibrate(epoch, logs):
            self.calibrate(_batches(**arguments))

        return [keras.callbacks.LambdaCallback(on_epoch_end=calibrate)]

    @property
    def players(self):
        return {"classifier": (self.classifier, self.scales)}

    @property
    def batch_shapes(self):
        size = self.image_size
        return {
            "images": (None, size, size, 3),
            "labels": (None, len(self.label_table.names)),
        }

    def _classifier_terms(self, images, labels, training):
        logits = self.classifier(images, training=training)
        loss = losses.classification(self.label_table, labels, logits)
        return {"classification": loss}, None

    def train_step(self, batch):
        images, labels = self._check_batch(batch)
        terms, _ = self._update(
            "classifier", self._classifier_terms, images, labels
        )
        return self._report({"classifier": terms})

    def test_step(self, batch):
        images, labels = self._check_batch(batch)
        terms, _ = self._classifier_terms(images, labels, training=False)
        return self._report({"classifier": terms}, training=False)

    def record_statistics(self, batch):
        """Run a batch through the network in training mode."""
        images, _ = self._check_batch(batch)
        self.classifier(images, training=True)

    def samples(self, batch):
        """Return the sample grid: by label what has it most, and least."""
        images = np.asarray(batch["images"])
        shares = self.classify(images).numpy()
        shown = max(1, min(_SHOWN, len(images) // 2))
        columns = []
        for name, order in zip(
            self.label_table.names, np.argsort(shares, axis=0).T, strict=True
        ):
            most, least = order[::-1][:shown], order[:shown]
            columns.append(Column("input", images[most], name))
            columns.append(Column("input", images[least], f"not {name}"))
        return {"classify": Grid(columns)}

    def verbs(self):
        """Return what the model does."""
        inputs = {"images": Images(self.image_size)}
        output = LabelsOutput(self.label_table)
        return [Verb("classify", self.classify, inputs, output=output)]


def _scale(logits, labels):
    """Return the factor of the logits of a group, see `calibrate`.

    Args:
        logits, labels: `[count, size of the group]`; 1 for a label alone.
    """
    logits, labels = np.float64(logits), np.float64(labels)
    if labels.shape[1] == 1:  # the softmax of (z, 0) is the sigmoid of z
        logits = np.hstack([logits, np.zeros_like(logits)])
        labels = np.hstack([labels, 1.0 - labels])
    # Images of which none of a group holds do not count, as in the loss.
    labels /= np.maximum(labels.sum(axis=1, keepdims=True), 1.0)

    def cost(power):
        scaled = np.exp(power) * logits
        scaled -= scaled.max(axis=1, keepdims=True)
        total = np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        return np.sum(labels * (total - scaled)) + power**2 / (2 * _SPREAD**2)

    best, width = 0.0, _MOST_POWER
    while width > 1e-4:
        powers = best + np.linspace(-width, width, 41)
        best = powers[np.argmin([cost(power) for power in powers])]
        width /= 20
    return np.exp(best)


def _batches(validation_data, validation_steps=None, **options):
    """Return the batches of an argument of `fit`."""
    data = validation_data
    if isinstance(data, keras.utils.PyDataset):
        endless = data.num_batches is None
        numbers = itertools.count() if endless else range(data.num_batches)
        data = map(data.__getitem__, numbers)
    elif isinstance(data, (dict, tuple)):
        data = data if isinstance(data, dict) else data[0]
        size = options.get("validation_batch_size") or 32
        data = tf.data.Dataset.from_tensor_slices(data).batch(size)
    return itertools.islice(data, validation_steps)
