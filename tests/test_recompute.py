"""Passes recomputed for their gradients, beside those that are kept."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import resnet_generator, stargan_generator
from keras_gans.training import recompute
from tests.tiny import TINY, fit, make_batch, make_model


@pytest.mark.parametrize(
    "name,mode",
    [
        pytest.param("cyclegan-resnet", "eager", marks=pytest.mark.slow),
        pytest.param("cyclegan-resnet", "graph", marks=pytest.mark.slow),
        pytest.param("cyclegan-resnet", "xla", marks=pytest.mark.slow),
        ("stargan", "graph"),
    ],
)
def test_a_run_is_the_same(name, mode, monkeypatch):
    monkeypatch.setitem(TINY[name], "num_residual_blocks", 1)
    passes, recomputed = [], tf.recompute_grad

    def counted(part):
        def run(*inputs):
            passes.append(part)
            return part(*inputs)

        return recomputed(run)

    monkeypatch.setattr(tf, "recompute_grad", counted)
    kept, again = (
        make_model(
            name,
            run_eagerly=mode == "eager",
            jit_compile=mode == "xla",
            recompute=value,
        )
        for value in (False, True)
    )
    batch = make_batch(kept)
    expected, logs = fit(kept, batch, steps=2), fit(again, batch, steps=2)
    assert passes and logs.keys() == expected.keys()
    for term, value in logs.items():
        np.testing.assert_allclose(value, expected[term], rtol=1e-4)
    assert again.get_compile_config()["recompute"] is True


def test_parts_end_between_blocks_and_make_the_whole():
    network = resnet_generator((None, None, 3), 4, num_residual_blocks=2)
    ends = [end.name for end in recompute._cuts(network)]
    # Three times down, two blocks, twice up.
    assert len(ends) == 7
    images = tf.random.stateless_uniform((1, 16, 16, 3), [0, 1], -1)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        expected = network(images, training=True)
        outputs = recompute.recomputed(network)(images, training=True)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for sources in (images, network.trainable_variables):
        one, two = (tape.gradient(x, sources) for x in (outputs, expected))
        for ours, theirs in zip(
            tf.nest.flatten(one), tf.nest.flatten(two), strict=True
        ):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_labels_are_needed_until_they_are_planes():
    network = stargan_generator(
        num_labels=3, base_filters=2, num_residual_blocks=1
    )
    first = next(recompute._parts(network))
    images, labels = tf.zeros((1, 16, 16, 3)), tf.zeros((1, 3))
    assert first(images, labels).shape == (1, 16, 16, 2)


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix"])
def test_batch_normalisation_is_refused(name):
    with pytest.raises(ValueError, match="recompute must be False.*normal"):
        make_model(name, recompute=True)
