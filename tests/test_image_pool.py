"""The pool of past fakes, beside the original's written out in Python."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.image_pool import ImagePool

BATCHES = [4, 1, 1, 4, 1] * 6


def query(images, coins, draws, size, pool):
    """The original's loop: util/image_pool.py, its draws as arguments."""
    outputs = []
    for image, coin, draw in zip(images, coins, draws, strict=True):
        if len(pool) < size:
            pool.append(image)
            outputs.append(image)
        elif coin:
            outputs.append(pool[draw])
            pool[draw] = image
        else:
            outputs.append(image)
    return outputs


def numbered(first, count):
    """Return images of 2x1 pixels that show their own number."""
    numbers = np.arange(first, first + count, dtype="float32")
    return tf.constant(np.tile(numbers[:, None, None, None], (1, 2, 1, 1)))


def make_pool(size=3, seed=5):
    pool = ImagePool(size, seed=seed)
    pool.build((None, 2, 1, 1))
    return pool


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_pool_is_that_of_the_original(mode):
    pool = make_pool()
    function = (
        pool
        if mode == "eager"
        else tf.function(
            pool, jit_compile=mode == "xla", reduce_retracing=False
        )
    )
    generator = keras.random.SeedGenerator(5)
    expected_pool, first, exchanged = [], 0, 0
    for count in BATCHES:
        coins, draws = (
            keras.random.randint((count,), 0, end, seed=generator).numpy()
            for end in (2, 3)
        )
        images = range(first, first + count)
        expected = query(images, coins, draws, 3, expected_pool)
        outputs = function(numbered(first, count)).numpy()
        assert outputs.shape == (count, 2, 1, 1)
        assert outputs[:, 0, 0, 0].tolist() == expected
        assert outputs[:, 1, 0, 0].tolist() == expected
        stored = pool.images.numpy()[: len(expected_pool), 0, 0, 0]
        assert stored.tolist() == expected_pool
        assert int(pool.filled) == len(expected_pool)
        exchanged += sum(np.array(expected) != np.array(images))
        first += count
    assert exchanged > 10


def test_half_are_exchanged_and_every_place_alike():
    pool = make_pool(4)
    pool(numbered(0, 4))
    outputs = np.concatenate(
        [pool(numbered(4 + 500 * i, 500)).numpy() for i in range(4)]
    )[:, 0, 0, 0]
    # 2,000 throws: 5 standard deviations are 112.
    assert abs(np.sum(outputs != np.arange(4, 2004)) - 1000) < 112
    # An image stays until its place is drawn: about 8 images on average.
    ages = np.arange(4, 2004) - outputs
    assert 6 < ages[ages > 0].mean() < 10


def test_batch_of_unknown_size():
    function = tf.function(
        make_pool(), input_signature=[tf.TensorSpec((None, 2, 1, 1))]
    )
    for count in (1, 3):
        assert function(numbered(0, count)).shape == (count, 2, 1, 1)


def test_gradients_do_not_reach_the_past():
    pool = make_pool()
    assert pool.trainable_variables == []
    assert not any(v.trainable for v in pool.variables)


def test_size_0_hands_everything_on():
    pool = ImagePool(0)
    pool.build((None, 2, 1, 1))
    images = numbered(0, 2)
    assert pool(images) is images
    assert pool.variables == []


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_pictures_are_kept_in_float32(policy):
    pool = ImagePool(2, dtype=policy)
    pool.build((None, 1, 1, 1))
    image = tf.constant(1.0 + 2.0**-20, shape=(1, 1, 1, 1))
    assert pool.images.dtype == "float32"
    outputs = pool(image)
    np.testing.assert_array_equal(pool.images.numpy()[0], outputs[0])


def test_saved_with_its_arguments():
    pool = ImagePool(7, seed=3)
    config = keras.saving.serialize_keras_object(pool)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == pool.get_config()
    assert (again.pool_size, again.seed) == (7, 3)


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_several_pools_are_as_many_single_ones(mode):
    pools = ImagePool(3, num_pools=2)
    pools.build((None, 2, 1, 1))
    assert pools.images.shape == (6, 2, 1, 1)
    call = tf.function(pools, jit_compile=mode == "xla")
    expected = [make_pool() for _ in range(2)]
    for number, count in enumerate(BATCHES[:12]):
        single = expected[chosen := number % 3 // 2]
        for pool in (pools, single):
            pool.seed_generator.state.assign([7, number])
        images = numbered(10 * number, count)
        np.testing.assert_array_equal(
            call(images, tf.constant(chosen, tf.int64)), single(images)
        )
        for i, pool in enumerate(expected):
            stored = pools.images[3 * i : 3 * i + 3]
            np.testing.assert_array_equal(stored, pool.images)
            assert int(pools.filled[i]) == int(pool.filled)


def test_xla_compiles_it_once():
    # Else a training step on an accelerator took half a minute.
    pool = make_pool()
    function = tf.function(pool, jit_compile=True)
    compiler_ir = function.experimental_get_compiler_ir(numbered(0, 2))
    before = compiler_ir(stage="hlo")
    pool.filled.assign(3)
    pool.seed_generator.state.assign([1, 2])
    assert compiler_ir(stage="hlo") == before
