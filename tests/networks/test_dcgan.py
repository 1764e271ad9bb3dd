"""The article's networks: sizes, counts, types, and what they refuse."""

import keras
import numpy as np
import pytest

from keras_gans.checks import UserError
from keras_gans.networks import (
    dcgan_discriminator,
    dcgan_generator,
    resnet_generator,
)


def test_parameter_counts_of_the_article():
    # Kernels, biases and, per normalized channel, four numbers of which two
    # are trained.
    convolutions = 4 * 4 * (3 * 64 + 64 * 128 + 128 * 256)
    transposed = 4 * 4 * (256 * 128 + 128 * 64 + 64 * 3)
    channels = 64 + 128 + 256 + 128 + 64
    assert dcgan_generator().count_params() == (
        convolutions + transposed + channels + 3 + 4 * channels
    )
    convolutions = 4 * 4 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256 + 256)
    channels = 32 + 64 + 128 + 256
    assert dcgan_discriminator().count_params() == (
        convolutions + channels + 1 + 4 * channels
    )


@pytest.mark.parametrize(
    "image_size,logits", [(32, 1), (48, 1), (64, 1), (80, 2), (128, 5)]
)
def test_any_multiple_of_16_works(image_size, logits):
    images = np.zeros((2, image_size, image_size, 3), "float32")
    assert dcgan_generator(2)(images).shape == images.shape
    output = dcgan_discriminator(image_size, 2)(images)
    assert output.shape == (2, logits, logits, 1)


@pytest.mark.parametrize("image_size", [0, -64, 16, 60, 65, 64.0, "64"])
def test_other_sizes_are_refused_with_those_that_work(image_size):
    with pytest.raises(ValueError, match="multiple of 16 from 32.*Received"):
        dcgan_discriminator(image_size)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_outputs_are_float32_under_mixed_precision(precision):
    keras.config.set_dtype_policy(precision)
    try:
        generator, discriminator = (
            dcgan_generator(4),
            dcgan_discriminator(64, 4),
        )
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3))
    for network in (generator, discriminator):
        hidden = network.layers[2]
        assert hidden.compute_dtype == precision.removeprefix("mixed_")
        for training in (False, True):
            output = network(images.astype("float32"), training=training)
            assert output.dtype == "float32"
            assert np.all(np.isfinite(output))
    assert np.abs(generator(images)).max() <= 1.0


@pytest.mark.parametrize("generator", [dcgan_generator, resnet_generator])
def test_resized_maps_have_no_checkerboard(generator):
    arguments = {"base_filters": 4}
    if generator is resnet_generator:
        arguments["num_residual_blocks"] = 0
    even = np.full((1, 96, 96, 3), 0.5, "float32")

    def pattern(upsampling):
        outputs = generator(upsampling=upsampling, **arguments)(even)
        # Further inside than kernels reach from the border.
        return np.ptp(outputs[0, 40:56, 40:56], axis=(0, 1)).max()

    assert pattern("resize") < 1e-6
    assert pattern("transposed") > 1e-3
    with pytest.raises(UserError, match="upsampling must be"):
        generator(upsampling="bilinear")
