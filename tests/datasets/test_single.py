"""Batches of one collection, also of images that grow."""

import gc
import weakref

import numpy as np
import pytest

from keras_gans import datasets
from keras_gans.checks import UserError
from keras_gans.datasets import pipeline

GROWTH = [[4, 4, 10], [8, 2, 30], [16, 1, None]]


def test_sizes_and_numbers_of_images_follow_the_growth():
    def batches(start):
        data = datasets.single(
            *("faces:photo@20", 16, 4), start=start, growth=GROWTH
        )
        return [b["images"].numpy() for b in data.take(8 - start)]

    found = batches(0)
    assert [images.shape[:2] for images in found] == [
        *[(16, 4), (8, 8), (8, 8)],
        *[(4, 16)] * 5,
    ]
    for one, two in zip(found[3:], batches(3), strict=True):
        np.testing.assert_array_equal(one, two)
    # Each pass has every image once, whatever their size.
    whole = datasets.single("faces:photo@20", 16, 4, growth=None)
    plain = [b["images"].numpy() for b in whole.take(4)]
    small = np.concatenate(plain).reshape(16, 4, 4, 4, 4, 3).mean((2, 4))
    np.testing.assert_allclose(found[0], small, atol=0.5 / 127.5 + 1e-6)
    (last,) = datasets.single(
        *("faces:photo@4", 16, 4), repeat=False, growth=GROWTH
    )
    assert last["images"].shape == (4, 16, 16, 3)


def test_growth_with_labels():
    data = datasets.labelled(
        *("faces:photo@20", ["Male"], 16, 4), growth=GROWTH
    )
    shapes = [
        (b["images"].shape[1], b["labels"].shape[0]) for b in data.take(4)
    ]
    assert shapes == [(4, 16), (8, 8), (8, 8), (16, 4)]
    with pytest.raises(UserError, match="growth must be None for several"):
        datasets.labelled(
            *("faces:photo@20", ["Male"], 16, 4),
            growth=GROWTH,
            batches_per_step=2,
        )


def test_fewer_images_than_a_batch_are_named():
    with pytest.raises(UserError, match="at most the 3 images.*Received: 4"):
        datasets.single("faces:photo@3", 16, 4)


def test_a_batch_holds_no_image_twice():
    pictures = np.zeros((16, 8, 8, 3), np.uint8)
    options = {"image_size": 8, "held_out": 3}
    datasets.single(pictures, batch_size=13, **options)
    with pytest.raises(ValueError, match="at most the 13 images of data.*14"):
        datasets.single(pictures, batch_size=14, **options)


def test_a_data_set_and_what_it_reads_are_freed():
    """TensorFlow itself keeps functions of NumPy until the process ends."""

    class Images:
        pass

    images = Images()

    def make(number, images=images):
        return {"x": np.full((2, 3), number, np.float32)}

    data = pipeline.batches(make, {"x": ((2, 3), np.float32)})
    known = weakref.ref(images)
    iterator = iter(data.enumerate().take(3))
    del data, make, images
    gc.collect()
    assert [int(number) for number, _ in iterator] == [0, 1, 2]
    assert known() is not None
    del iterator
    gc.collect()
    assert known() is None
