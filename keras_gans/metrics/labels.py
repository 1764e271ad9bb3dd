"""Whether a classifier sees in translations what was asked for."""

import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.metrics.base import PictureMetric, add


class AttributeAccuracy(PictureMetric):
    """Share of labels that a classifier sees as wanted.

    Args:
        labels: list of str, names, of which each gets a share of its own
            beside the mean. Default: the mean alone.
    """

    key, title, direction = "attribute_accuracy", "attribute accuracy", "max"

    def __init__(self, labels=None, name=None):
        super().__init__(name)
        self.labels = list(labels or [])
        self.right = self._add_sum((max(1, len(self.labels)),), "right")
        self.count = self._add_sum((), "count")

    def update_state(self, wanted, logits):
        """Take in labels wanted and seen.

        Args:
            wanted: `[batch, labels]` of 0 and 1.
            logits: floats of the same shape; above 0 means yes.
        """
        wanted = tf.convert_to_tensor(wanted)
        logits = tf.convert_to_tensor(logits)
        of_all = self.labels and wanted.shape[-1] != len(self.labels)
        if (
            wanted.shape.rank != 2
            or not wanted.shape.is_compatible_with(logits.shape)
            or of_all
        ):
            raise UserError(
                f"{self.key} must have wanted and logits of [batch, "
                f"{len(self.labels) or 'labels'}]. "
                f"Received: {tuple(wanted.shape)} and {tuple(logits.shape)}"
            )
        right = tf.equal(tf.cast(wanted, tf.float32) > 0.5, logits > 0)
        # NaN is neither yes nor no; a value made of it must not look right.
        seen = tf.math.is_finite(logits)
        right = tf.where(seen, tf.cast(right, tf.float64), float("nan"))
        if not self.labels:
            right = tf.reduce_mean(right, axis=1, keepdims=True)
        add(self.right, tf.reduce_sum(right, axis=0))
        add(self.count, tf.cast(tf.shape(right)[0], tf.float64))

    def counts(self):
        return 2 * (int(self.count.numpy()),)

    def result(self):
        shares = tf.math.divide_no_nan(self.right.value, self.count.value)
        if tf.executing_eagerly():
            self._enough()
            self._finite(*shares.numpy())
        shares = tf.cast(shares, tf.float32)
        by_label = dict(zip(self.labels, tf.unstack(shares), strict=False))
        return {self.key: tf.reduce_mean(shares), **by_label}

    def protocol(self):
        return {**super().protocol(), "labels": list(self.labels)}
