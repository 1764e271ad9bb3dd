"""Moving statistics estimated again are those of the batches, exactly."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import registry
from keras_gans.callbacks import statistics
from tests.tiny import fit, make_batch, make_model, values


def test_refresh_is_the_mean_over_the_batches():
    model = make_model("cyclegan")
    batches = [make_batch(model, seed=seed) for seed in range(3)]
    trained = values(model.trainable_variables)
    first = model.generator_ab.layers[2]
    statistics.refresh(model, batches)
    convolution = model.generator_ab.layers[1]
    hidden = [convolution(batch["images_a"]).numpy() for batch in batches]
    np.testing.assert_allclose(
        first.moving_mean.numpy(),
        np.mean([x.mean((0, 1, 2)) for x in hidden], axis=0),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        first.moving_variance.numpy(),
        np.mean([x.var((0, 1, 2), ddof=1) for x in hidden], axis=0),
        rtol=1e-4,
    )
    assert first.momentum == 0.99
    for old, new in zip(trained, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_refreshed_inference_is_closer_to_training_mode():
    model = make_model("cyclegan")
    batch = make_batch(model)
    fit(model, batch, steps=2)
    images = batch["images_a"]
    expected = model.generator_ab(images, training=True).numpy()

    def distance():
        return np.abs(model.translate(images).numpy() - expected).mean()

    before = distance()
    statistics.refresh(model, [batch])
    assert distance() < 0.2 * before


def test_refreshed_at_each_checkpoint_and_at_the_end(monkeypatch):
    seen = []
    monkeypatch.setattr(
        statistics, "refresh", lambda model, found: seen.append([*found])
    )
    monkeypatch.setattr(statistics, "BATCHES", 1)
    model = make_model("noise")
    fresh = statistics.FreshStatistics(
        lambda step: tf.data.Dataset.range(step, step + 9), every=4
    )
    dataset = tf.data.Dataset.from_tensors(make_batch(model)).repeat()
    model.fit(
        dataset, steps_per_epoch=6, shuffle=False, verbose=0, callbacks=[fresh]
    )
    assert seen == [[4], [6]]


# Dropout, at the least size that has it; dropout; latents.
@pytest.mark.parametrize(
    "name,size", [("pix2pix", 64), ("attributes", 16), ("dcgan", 32)]
)
def test_random_numbers_of_training_stay(name, size):
    model = registry.get(name)(image_size=size, base_filters=2)
    batch = make_batch(model)
    random = [v for v in model.variables if v.name == "seed_generator_state"]
    before, drawn = values(random), []
    record = model.record_statistics

    def recorded(batch):
        record(batch)
        drawn.append(np.concatenate(values(random)))

    model.record_statistics = recorded
    statistics.refresh(model, [batch, batch])
    np.testing.assert_array_equal(values(random), before)
    # Of every batch others.
    assert (drawn[0] != drawn[1]).any()
