"""The patch and pixel discriminators against the original's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import patch_discriminator, pixel_discriminator
from tests.networks.pytorch_reference import (
    assert_reproduced,
    load,
    named_variables,
    nchw,
    nhwc,
    parameters,
    recipe_weights,
)


@pytest.mark.parametrize("case", ["patch70_batch", "patch70_instance"])
@pytest.mark.parametrize("size", [(None, None), (48, 40)])
def test_patch_outputs_gradients_statistics(reference, case, size):
    norm = case.split("_")[1]
    channels = 6 if norm == "batch" else 3
    network = patch_discriminator((*size, channels), base_filters=6, norm=norm)
    assert_reproduced(network, reference("pix_discriminators"), case)


def test_pixel_outputs_gradients_statistics(reference):
    network = pixel_discriminator((None, None, 6), base_filters=8, norm="batch")
    assert_reproduced(network, reference("pix_discriminators"), "pixel_batch")


def test_full_width(reference):
    fixture = reference("pix_fullwidth")
    network = patch_discriminator((None, None, 6), norm="batch")
    assert parameters(network) == 2_768_705
    load(network, recipe_weights(fixture, "patch70"))
    outputs = network(nhwc(fixture["in/patch70"]), training=False)
    fixture.assert_close(
        "out_eval/patch70", nchw(outputs), rtol=1e-3, atol=1e-4
    )


def test_parameters_and_map_of_the_paper():
    network = patch_discriminator((256, 256, 3))
    assert parameters(network) == 2_764_737
    assert network.output_shape == (None, 30, 30, 1)


@pytest.mark.parametrize(
    "layers,field", [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)]
)
def test_receptive_field(layers, field):
    # Batch normalization in inference mode: instance normalization would
    # join every pixel to every logit.
    network = patch_discriminator(
        base_filters=1, num_layers=layers, norm="batch"
    )
    for variable in network.trainable_variables:
        variable.assign(tf.ones_like(variable))
    images = tf.ones((1, 400, 400, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = network(images, training=False)
        middle = logits.shape[1] // 2
        logit = logits[0, middle, middle, 0]
    seen = np.any(tape.gradient(logit, images)[0], axis=-1)
    for axis in (0, 1):
        touched = np.flatnonzero(seen.any(axis=axis))
        assert touched[-1] - touched[0] + 1 == field == len(touched)


@pytest.mark.parametrize("layers", [1, 2, 4, 5])
def test_depths(layers):
    least = 3 * 2**layers
    network = patch_discriminator(
        (least, least + 1, 3), base_filters=2, num_layers=layers
    )
    assert network.output_shape == (None, 1, 1, 1)
    names = [n for n in named_variables(network) if n.endswith("weight")]
    assert names == [
        f"model.{position}.weight"
        for position in (0, *range(2, 3 * layers + 3, 3))
    ]
    kernels = [
        v for v in network.trainable_variables if v.path.endswith("kernel")
    ]
    widths = [kernel.shape[-1] for kernel in kernels]
    assert widths == [2, 4, 8, 16, 16, 16][: layers + 1] + [1]


@pytest.mark.parametrize("size", [(24, 25), (31, 47)])
def test_odd_sizes_round_down(size):
    network = patch_discriminator(base_filters=2)
    images = np.ones((2, *size, 3), "float32")
    rows, columns = (side // 8 - 2 for side in size)
    assert network(images).shape == (2, rows, columns, 1)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_biases(norm):
    def biased(network):
        variables = named_variables(network)
        return [n for n, v in variables.items() if v.path.endswith("/bias")]

    network = patch_discriminator(base_filters=2, norm=norm)
    inner = [f"model.{i}.bias" for i in (2, 5, 8)]
    assert biased(network) == [
        "model.0.bias",
        *(inner if norm == "instance" else []),
        "model.11.bias",
    ]
    network = pixel_discriminator(base_filters=2, norm=norm)
    assert biased(network) == [
        "net.0.bias",
        *(["net.2.bias", "net.5.bias"] if norm == "instance" else []),
    ]


@pytest.mark.parametrize("make", [patch_discriminator, pixel_discriminator])
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32_logits(make, policy):
    keras.config.set_dtype_policy(policy)
    try:
        network = make(base_filters=2)
    finally:
        keras.config.set_dtype_policy("float32")
    logits = network(np.ones((1, 32, 32, 3), "float32"), training=True)
    assert logits.dtype == "float32"


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"input_shape": (23, 64, 3)}, r"from 24 up.*\(23, 64, 3\)"),
        ({"num_layers": 0}, "num_layers.*from 1 up.*0"),
        ({"num_layers": 10**6}, "num_layers.*from 1 to 10.*1000000"),
        ({"base_filters": 1000}, "at most 268,435,456 weights.*=1000"),
        ({"base_filters": "64"}, "base_filters.*from 1 up.*'64'"),
        ({"norm": "none"}, "norm must be one of instance, batch.*'none'"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        patch_discriminator(**arguments)


def test_pixel_arguments_are_checked():
    with pytest.raises(ValueError, match="norm must be one of"):
        pixel_discriminator(norm="layer")
    with pytest.raises(ValueError, match="base_filters.*from 1 to 8192"):
        pixel_discriminator(base_filters=10**9)
