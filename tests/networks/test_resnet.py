"""The ResNet generator against the original's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.networks import resnet_generator
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


@pytest.mark.parametrize(
    "name,arguments",
    [
        ("pix_resnet6_batch", {"num_residual_blocks": 6, "norm": "batch"}),
        ("pix_resnet9_instance", {}),
    ],
)
def test_outputs_gradients_statistics(reference, name, arguments):
    assert_reproduced(
        resnet_generator(base_filters=6, **arguments), reference(name)
    )


@pytest.mark.parametrize("step", ["", "adam1", "adam3"])
def test_translations_of_a_cyclegan(reference, step):
    fixture = reference("pix_cyclegan_train")
    weights = fixture.group(step or "w")
    generators = {
        net: load(
            resnet_generator(base_filters=3, num_residual_blocks=6),
            {
                name.removeprefix(f"{net}/"): array
                for name, array in weights.items()
                if name.startswith(f"{net}/")
            },
        )
        for net in ("G_A", "G_B")
    }

    def translated(net, images):
        return nchw(generators[net](nhwc(images), training=True))

    outputs = {"fake_B": translated("G_A", fixture["in/A"])}
    if not step:
        outputs["fake_A"] = translated("G_B", fixture["in/B"])
        outputs["rec_A"] = translated("G_B", outputs["fake_B"])
        outputs["rec_B"] = translated("G_A", outputs["fake_A"])
    group = f"{step}_out_train" if step else "out_train"
    assert set(outputs) == set(fixture.group(group))
    for name, actual in outputs.items():
        fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(fixture)[group]
        )


def test_full_width(reference):
    fixture = reference("pix_fullwidth")
    network = resnet_generator()
    assert parameters(network) == 11_378_179
    load(network, recipe_weights(fixture, "resnet9"))
    outputs = network(nhwc(fixture["in/resnet9"]), training=False)
    fixture.assert_close(
        "out_eval/resnet9", nchw(outputs), rtol=1e-3, atol=1e-4
    )


def test_parameter_count_for_small_pictures():
    network = resnet_generator((128, 128, 3), num_residual_blocks=6)
    assert parameters(network) == 7_837_699
    assert network.output_shape == (None, 128, 128, 3)


@pytest.mark.parametrize("side", [5, 6, 7, 8, 33])
def test_any_size_is_rounded_up_to_four(side):
    network = resnet_generator((side, 12, 2), 1, 2, num_residual_blocks=1)
    rows = -(-side // 4) * 4
    assert network.output_shape == (None, rows, 12, 1)
    open_network = resnet_generator(
        (None, None, 2), 1, 2, num_residual_blocks=1
    )
    open_network.set_weights(network.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (2, side, 12, 2))
    outputs = network(images.astype("float32"))
    assert outputs.shape == (2, rows, 12, 1)
    np.testing.assert_array_equal(
        outputs, open_network(images.astype("float32"))
    )


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_biases_and_first_weights(norm):
    network = resnet_generator(
        base_filters=16, num_residual_blocks=1, norm=norm
    )
    variables = named_variables(network)
    kernels = [v for v in variables.values() if len(v.shape) == 4]
    biases = [
        name
        for name, variable in variables.items()
        if variable.path.endswith("bias")
    ]
    # Only the head has one with batch normalization.
    assert len(biases) == (8 if norm == "instance" else 1)
    assert "model.18.bias" in biases
    assert len(kernels) == 8
    for kernel in kernels:
        assert abs(np.std(kernel) - 0.02) < 2e-3
    first, second = kernels[3:5]  # the two of the block
    assert not np.array_equal(first, second)
    assert all(not np.any(variables[name]) for name in biases)
    if norm == "batch":
        scale = variables["model.8.weight"].numpy()
        assert abs(scale.mean() - 1) < 0.01 and 0.01 < scale.std() < 0.03


def test_dropout_acts_within_the_blocks_in_training_only():
    network = resnet_generator(
        base_filters=2, num_residual_blocks=2, dropout=0.5
    )
    drops = [
        layer.rate
        for layer in network.layers
        if isinstance(layer, keras.layers.Dropout)
    ]
    assert drops == [0.5, 0.5]
    images = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3))
    images = images.astype("float32")
    np.testing.assert_array_equal(network(images), network(images))
    trained = [network(images, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*trained)


def test_xla_gives_the_same_gradients():
    network = resnet_generator(
        (9, 12, 3), base_filters=2, num_residual_blocks=1
    )
    images = np.random.default_rng(0).uniform(-1, 1, (2, 9, 12, 3))
    images = tf.constant(images, "float32")

    def gradients(images):
        with tf.GradientTape() as tape:
            objective = tf.reduce_sum(network(images, training=True) ** 2)
        return tape.gradient(objective, network.trainable_variables[::2])

    compiled = tf.function(gradients, jit_compile=True)(images)
    for eager, other in zip(gradients(images), compiled, strict=True):
        np.testing.assert_allclose(eager, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    try:
        network = resnet_generator(base_filters=2, num_residual_blocks=1)
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = network(np.ones((1, 8, 8, 3), "float32"), training=True)
    assert outputs.dtype == "float32"
    assert np.all(np.isfinite(outputs))


def test_configuration_rebuilds_the_network():
    network = resnet_generator(
        base_filters=2, num_residual_blocks=1, norm="batch", name="generator_ab"
    )
    again = keras.Model.from_config(network.get_config())
    assert again.name == "generator_ab"
    again.set_weights(network.get_weights())
    images = np.ones((1, 8, 12, 3), "float32")
    np.testing.assert_array_equal(network(images), again(images))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"input_shape": (4, 8, 3)}, r"from 5 up.*\(4, 8, 3\)"),
        ({"input_shape": (8, 8)}, r"input_shape must be .*\(8, 8\)"),
        ({"input_shape": (8, 8, None)}, "input_shape must be .*None"),
        ({"output_channels": 0}, "output_channels.*from 1 up.*0"),
        ({"base_filters": 2.0}, "base_filters.*from 1 up.*2.0"),
        ({"num_residual_blocks": -1}, "num_residual_blocks.*from 0 up.*-1"),
        ({"num_residual_blocks": 10**6}, "from 0 to 100.*1000000"),
        ({"num_residual_blocks": 10**5000}, "from 0 to 100.*a longer"),
        ({"base_filters": 1000}, "at most 268,435,456 weights.*=1000"),
        ({"input_shape": (8, 8, 10**6)}, "at most 268,435,456 weights"),
        ({"norm": "layer"}, "norm must be one of instance, batch.*'layer'"),
        ({"dropout": 1.0}, "dropout must be a rate.*1.0"),
        ({"dropout": True}, "dropout must be a rate.*True"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        resnet_generator(**arguments)
