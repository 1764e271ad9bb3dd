"""The U-Net generator against the original's numbers."""

import keras
import numpy as np
import pytest

from keras_gans.networks import unet_generator
from tests.networks.pytorch_reference import (
    assert_reproduced,
    load,
    named_variables,
    nchw,
    nhwc,
    parameters,
    recipe_weights,
    tolerances,
)


def test_outputs_gradients_statistics(reference):
    network = unet_generator(base_filters=4, num_downsamples=7, dropout=0.0)
    assert_reproduced(network, reference("pix_unet128_batch"))


@pytest.mark.parametrize("step", ["", "adam1", "adam3"])
def test_translations_of_pix2pix(reference, step):
    fixture = reference("pix_pix2pix_train")
    weights = fixture.group("w") | (fixture.group(step) if step else {})
    network = unet_generator(base_filters=3, num_downsamples=5)
    load(
        network,
        {
            name.removeprefix("G/"): array
            for name, array in weights.items()
            if name.startswith("G/")
        },
    )
    outputs = network(nhwc(fixture["in/A"]), training=True)
    group = f"{step}_out_train" if step else "out_train"
    fixture.assert_close(
        f"{group}/fake_B", nchw(outputs), **tolerances(fixture)[group]
    )


def test_full_width(reference):
    fixture = reference("pix_fullwidth")
    network = unet_generator((256, 256, 3))
    assert parameters(network) == 54_413_955
    load(network, recipe_weights(fixture, "unet256"))
    outputs = network(nhwc(fixture["in/unet256"]), training=False)
    fixture.assert_close(
        "out_eval/unet256", nchw(outputs)[:, :, ::4, ::4], rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    "size,expected", [((32, 64), (32, 64)), ((33, 97), (32, 96))]
)
def test_sizes_that_can_be_halved(size, expected):
    arguments = {"output_channels": 1, "base_filters": 2, "num_downsamples": 5}
    network = unet_generator((*size, 2), **arguments)
    assert network.output_shape == (None, *expected, 1)
    open_network = unet_generator((None, None, 2), **arguments)
    open_network.set_weights(network.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (2, *size, 2))
    outputs = network(images.astype("float32"))
    assert outputs.shape == (2, *expected, 1)
    np.testing.assert_array_equal(
        outputs, open_network(images.astype("float32"))
    )


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_biases_and_first_weights(norm):
    network = unet_generator(base_filters=8, num_downsamples=6, norm=norm)
    variables = named_variables(network)
    biases = {n for n, v in variables.items() if v.path.endswith("bias")}
    kernels = {n: v for n, v in variables.items() if len(v.shape) == 4}
    # With batch normalization the first and the innermost have none either.
    expected = {name.replace("weight", "bias") for name in kernels}
    assert biases == (
        expected if norm == "instance" else {"model.model.3.bias"}
    )
    assert len(kernels) == 12
    for kernel in kernels.values():
        assert abs(np.std(kernel) - 0.02) < 2e-3
    norms = [
        layer
        for layer in network.layers
        if "Normalization" in type(layer).__name__
    ]
    assert len(norms) == 9


@pytest.mark.parametrize("levels,count", [(5, 0), (7, 2), (8, 3)])
def test_dropout_of_the_inner_levels(levels, count):
    network = unet_generator(base_filters=1, num_downsamples=levels)
    drops = [
        layer.rate
        for layer in network.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert drops == [0.5] * count
    if count:
        images = np.ones((1, 2**levels, 2**levels, 3), "float32")
        np.testing.assert_array_equal(network(images), network(images))
        trained = [network(images, training=True).numpy() for _ in range(2)]
        assert not np.array_equal(*trained)


def test_configuration_rebuilds_the_network():
    network = unet_generator(
        base_filters=1, num_downsamples=5, norm="instance", name="generator"
    )
    again = keras.Model.from_config(network.get_config())
    again.set_weights(network.get_weights())
    images = np.ones((1, 32, 64, 3), "float32")
    np.testing.assert_array_equal(network(images), again(images))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    try:
        network = unet_generator(base_filters=1, num_downsamples=5)
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = network(np.ones((2, 32, 32, 3), "float32"), training=True)
    assert outputs.dtype == "float32"
    assert np.all(np.isfinite(outputs))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"input_shape": (128, 256, 3)}, r"multiples of 256.*\(128, 256, 3\)"),
        (
            {"input_shape": (64, 66, 3), "num_downsamples": 5},
            r"multiples of 32.*num_downsamples=5.*\(64, 66, 3\)",
        ),
        ({"num_downsamples": 4}, "num_downsamples.*from 5 up.*4"),
        ({"num_downsamples": 10**6}, "num_downsamples.*from 5 to 12.*1000000"),
        ({"base_filters": 1000}, "at most 268,435,456 weights.*=1000"),
        ({"norm": None}, "norm must be one of instance, batch.*None"),
        ({"dropout": "no"}, "dropout must be a rate.*'no'"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        unet_generator(**arguments)
