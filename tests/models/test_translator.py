"""A generator from elsewhere: sizes, channels, files."""

import json

import keras
import numpy as np
import pytest

from keras_gans import Translator
from keras_gans.verbs import Images

RESNET = {"base_filters": 2, "num_residual_blocks": 1}
UNET = {"base_filters": 1, "num_downsamples": 5}


def pictures(*shape):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize(
    "network,arguments,size,image_size",
    [
        ("resnet_generator", RESNET | {"norm": "batch"}, (9, 14), 256),
        ("unet_generator", UNET | {"dropout": 0.5}, (32, 64), 32),
    ],
)
def test_saved_and_loaded_it_gives_the_same_pixels(
    tmp_path, network, arguments, size, image_size
):
    model = Translator(network, arguments)
    assert model.image_size == image_size
    # Weights and moving statistics that no new network has.
    rng = np.random.default_rng(0)
    for variable in model.generator.variables:
        if variable.dtype == "float32":
            variable.assign(rng.uniform(0.1, 1, variable.shape) / 10)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.loads(json.dumps(loaded.get_config())) == json.loads(
        json.dumps(model.get_config())
    )
    batch = pictures(2, *size, 3)
    outputs = model.translate(batch)
    assert outputs.shape[1:3] == tuple(-(-side // 4) * 4 for side in size)
    assert np.std(outputs) > 0
    np.testing.assert_array_equal(outputs, loaded.translate(batch))
    np.testing.assert_array_equal(outputs, model(batch))


def test_the_configuration_is_plain_and_rebuilds_the_model():
    arguments = RESNET | {"input_shape": (None, None, 1), "output_channels": 1}
    model = Translator("resnet_generator", arguments, 64, name="horse2zebra")
    config = json.loads(json.dumps(model.get_config()))
    again = Translator.from_config(config)
    assert (again.image_size, again.name) == (64, "horse2zebra")
    again.set_weights(model.get_weights())
    batch = pictures(1, 8, 8, 1)
    np.testing.assert_array_equal(model(batch), again(batch))


def test_a_network_of_grey_pictures_takes_and_gives_colour():
    arguments = RESNET | {"input_shape": (None, None, 1), "output_channels": 1}
    model = Translator("resnet_generator", arguments)
    for variable in model.generator.trainable_variables:
        variable.assign(variable * 10)  # to see a difference
    batch = pictures(1, 8, 8, 3)
    # Pillow's luminance, through which the original reads such images.
    expected = model((batch @ [0.299, 0.587, 0.114])[..., None])
    assert np.std(expected) > 0.1
    outputs = model.translate(batch)
    assert outputs.shape == (1, 8, 8, 3)
    for channel in range(3):
        np.testing.assert_allclose(
            outputs[..., channel], expected[..., 0], atol=5e-3
        )


def test_what_the_commands_expect():
    model = Translator("unet_generator", UNET)
    batch = pictures(1, 32, 32, 3)
    verb, *others = model.verbs()
    assert verb.name == "a_to_b" and not others
    np.testing.assert_array_equal(verb.function(batch), model.translate(batch))
    assert model.networks == (model.generator,)
    assert verb.inputs == {"images": Images(32, 32)}
    resnet = Translator("resnet_generator", RESNET)
    assert resnet.verbs()[0].images.multiple == 4


@pytest.mark.parametrize(
    "network,arguments,image_size,message",
    [
        ("dcgan_generator", {}, None, "network must be one of resnet.*'dcgan"),
        ("resnet_generator", RESNET, 62, "multiple of 4 from 8 up.*62"),
        ("resnet_generator", RESNET, 4, "multiple of 4 from 8 up.*4"),
        ("unet_generator", UNET, 48, "multiple of 32 from 32 up.*48"),
        ("unet_generator", UNET, "32", "multiple of 32.*'32'"),
        (
            "resnet_generator",
            RESNET | {"output_channels": 2},
            None,
            "1 or 3 channels.*3 channels in, 2 out",
        ),
        ("resnet_generator", {"base_filters": 0}, None, "base_filters.*0"),
        ("resnet_generator", RESNET, 2**20, "image_size.*to 4096.*1048576"),
    ],
)
def test_arguments_are_checked(network, arguments, image_size, message):
    with pytest.raises(ValueError, match=message):
        Translator(network, arguments, image_size)


@pytest.mark.parametrize(
    "batch,message",
    [
        (pictures(1, 32, 48, 3), r"multiples of 32.*\(1, 32, 48, 3\)"),
        (pictures(1, 32, 32, 1), r"width, 3\].*\(1, 32, 32, 1\)"),
        (np.zeros((1, 32, 32, 3), "uint8"), "floating point.*uint8"),
        (3 * pictures(1, 32, 32, 3), r"lie in \[-1, 1\]"),
    ],
)
def test_pictures_are_checked(batch, message):
    model = Translator("unet_generator", UNET)
    with pytest.raises(ValueError, match=message):
        model.translate(batch)
