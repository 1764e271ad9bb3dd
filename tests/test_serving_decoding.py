"""Decoding in a graph: the pixels of `images.read`, or a reason, always."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import images
from keras_gans.serving import decoding, encoded
from tests import serving_pictures as pictures

LIMIT = 10_000
WHOLE, BROKEN = pictures.whole(), pictures.broken()


def decode(named):
    """Decode pictures by name, in a graph, as they are served."""
    function = encoded.decoder(LIMIT, 1)
    results = {}
    for name, image_bytes in named.items():
        picture, _, status = function(image_bytes)
        picture = tf.io.parse_tensor(picture, tf.uint8).numpy()
        results[name] = picture, status.numpy().decode()
    return results


@pytest.fixture(scope="module")
def decoded():
    # Together: between tests the seeds are set, for which TensorFlow drops
    # the graphs that it has prepared.
    broken = {name: image_bytes for name, (image_bytes, _) in BROKEN.items()}
    return decode(WHOLE | broken)


@pytest.mark.parametrize("name", WHOLE)
def test_pixels_are_those_of_images_read(name, decoded):
    picture, status = decoded[name]
    assert status == decoding.OK
    expected = images.read(WHOLE[name])
    assert picture.shape == expected.shape
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_picture_has_a_reason(name, decoded):
    picture, status = decoded[name]
    assert BROKEN[name][1] in status
    assert picture.shape == (0, 0, 3)


def test_damaged_exif_is_upright():
    pixels = pictures.pixels()
    png = pictures.encode(pixels, "PNG")
    cases = {
        str(entries): png + b"eXIf" + entries
        for entries in (
            b"",
            b"MM",
            b"II*\0\xff\xff\xff\xff",
            b"II*\0\x08\0\0\0\xff\xff",
        )
    }
    for turn in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = turn
        cases[f"turn {turn}"] = pictures.encode(pixels, "PNG", exif=exif)
    for picture, status in decode(cases).values():
        assert status == decoding.OK
        np.testing.assert_array_equal(picture, pixels)


def test_sides_count_as_rounded_up():
    # Of a network that halves six times, 61 x 47 pixels take 64 x 64.
    for limit, is_read in ((64 * 64, True), (64 * 64 - 1, False)):
        _, status = decoding.decode(WHOLE["png"], limit, multiple=64)
        assert (status == decoding.OK) == is_read
    assert b"multiples of 64. Received: 61 x 47 pixels" in status.numpy()
