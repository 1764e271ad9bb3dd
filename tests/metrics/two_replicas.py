"""Metrics on one and on two logical CPUs."""

import tensorflow as tf

from keras_gans import metrics
from tests.metrics import tiny


def find(strategy):
    """Return their values by name, found in four ways."""
    names = metrics.names()
    extractor = tiny.extractor()
    pictures = tiny.pictures(12), tiny.pictures(12, seed=1)
    batches = tf.data.Dataset.from_tensor_slices(pictures).batch(4)
    dealt = list(strategy.experimental_distribute_dataset(batches))

    def one(metric):
        metric.update_state(*pictures)

    def within(metric):
        @tf.function
        def update(real, fake):
            strategy.run(metric.update_state, (real, fake))

        for real, fake in dealt:
            update(real, fake)

    def host(metric):
        for real, fake in dealt:
            metric.update_state(real, fake)

    def host_in_scope(metric):
        with strategy.scope():
            host(metric)

    results = []
    for update in (one, within, host, host_in_scope):
        with strategy.scope():
            made = metrics.create(names, extractor)
        results.append({})
        for name, metric in made.items():
            # What is kept on the host is not updated by replicas.
            keeps = name in ("kid", "precision_recall")
            (host if keeps and update is within else update)(metric)
            value = metric.result()
            if isinstance(value, dict):
                value = next(iter(value.values()))
            results[-1][name] = float(value)
            metric.reset_state()
            assert metric.counts() == (0, 0)
    return results
