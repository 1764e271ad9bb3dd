"""StarGAN's networks: sizes, first weights, precision, configuration."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop, losses
from keras_gans.networks import stargan_discriminator, stargan_generator

SOURCE = interop.SOURCES["stargan"]


@pytest.mark.parametrize("num_labels", [1, 8])
@pytest.mark.parametrize("size,num_layers,side", [(64, 6, 1), (178, 6, 2)])
def test_sizes_and_label_counts(size, num_layers, side, num_labels):
    network = stargan_discriminator(size, num_labels, 1, num_layers)
    patches, classes = network.output_shape
    assert patches == (None, side, side, 1)
    assert classes == (None, num_labels)
    assert network.get_layer("class_head").kernel_size == (side, side)
    network = stargan_generator(
        (size, 2 * size, 3), num_labels, 1, num_residual_blocks=0
    )
    assert network.output_shape == (None, size // 4 * 4, 2 * size // 4 * 4, 3)


def test_open_size_is_that_of_the_picture():
    network = stargan_generator(base_filters=2, num_residual_blocks=1)
    again = stargan_generator(
        (12, 16, 3), base_filters=2, num_residual_blocks=1
    )
    again.set_weights(network.get_weights())
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (2, 12, 16, 3)).astype("float32")
    labels = np.eye(5, dtype="float32")[:2]
    outputs = network([images, labels])
    assert outputs.shape == (2, 12, 16, 3)
    np.testing.assert_allclose(outputs, again([images, labels]), atol=1e-6)


def test_every_label_acts_on_its_own_picture():
    network = stargan_generator(
        num_labels=3, base_filters=4, num_residual_blocks=0
    )
    images = np.full((2, 16, 16, 3), 0.5, "float32")
    none = np.zeros((2, 3), "float32")
    before = network([images, none])
    for label in range(3):
        labels = none.copy()
        labels[1, label] = 1.0
        change = np.abs(network([images, labels]) - before).max((1, 2, 3))
        assert change[0] < 1e-6 and change[1] > 1e-3


def test_no_biases_in_the_generator_and_the_heads():
    generator = stargan_generator(base_filters=1)
    discriminator = stargan_discriminator(64, base_filters=1)
    convolutions = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    assert not any(
        layer.use_bias
        for layer in generator.layers
        if isinstance(layer, convolutions)
    )
    assert [
        layer.name
        for layer in discriminator.layers
        if isinstance(layer, convolutions) and not layer.use_bias
    ] == ["patch_head", "class_head"]
    slopes = {
        layer.negative_slope
        for layer in discriminator.layers
        if isinstance(layer, keras.layers.LeakyReLU)
    }
    assert slopes == {0.01}


def test_first_weights_are_distributed_as_in_pytorch():
    networks = (
        stargan_generator(base_filters=16, num_residual_blocks=1),
        stargan_discriminator(16, base_filters=16, num_layers=3),
    )
    for network in networks:
        variables = SOURCE.variables(network)
        for name, variable in variables.items():
            kernel = variables[name.replace("bias", "weight")]
            if len(kernel.shape) != 4:
                continue  # of a normalization
            # Rows of the weight matrix: (out, in, ...), transposed (in, out).
            shape = SOURCE.to_reference(kernel).shape
            bound = np.prod(shape[1:]) ** -0.5
            largest = np.abs(variable).max()
            assert largest <= bound
            if np.size(variable) > 100:
                assert largest > 0.95 * bound
                # The standard deviation of U(-b, b) is b / sqrt(3).
                assert np.isclose(np.std(variable), bound / 3**0.5, rtol=0.1)
    assert np.any(variables["main.0.bias"])
    first, second = (variables[f"main.{i}.bias"].numpy() for i in (0, 2))
    assert not np.array_equal(first, second[: len(first)])


def test_xla_gives_the_same_penalty_and_gradients():
    network = stargan_discriminator(16, 2, base_filters=2, num_layers=2)
    rng = np.random.default_rng(0)
    real, fake = (
        tf.constant(rng.uniform(-1, 1, (2, 16, 16, 3)), "float32")
        for _ in range(2)
    )

    def update(mixing):
        with tf.GradientTape() as tape:
            penalty = losses.gradient_penalty(
                lambda images: network(images, training=True)[0],
                real,
                fake,
                mixing,
            )
        return penalty, *tape.gradient(
            penalty, [network.trainable_variables[0].value]
        )

    mixing = tf.constant([0.25, 0.75])
    compiled = tf.function(update, jit_compile=True)(mixing)
    for eager, other in zip(update(mixing), compiled, strict=True):
        np.testing.assert_allclose(eager, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_ends_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    try:
        generator = stargan_generator(base_filters=2, num_residual_blocks=1)
        discriminator = stargan_discriminator(16, base_filters=2, num_layers=2)
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.ones((1, 16, 16, 3), "float32")
    fake = generator([images, np.ones((1, 5), "float32")], training=True)
    outputs = [fake, *discriminator(fake, training=True)]
    outputs.append(
        losses.gradient_penalty(
            lambda x: discriminator(x)[0], images, fake, [0.5]
        )
    )
    for tensor in outputs:
        assert tensor.dtype == "float32"
        assert np.all(np.isfinite(tensor))


def test_configuration_rebuilds_the_networks():
    images = np.ones((1, 16, 16, 3), "float32")
    generator = stargan_generator(
        num_labels=1,
        base_filters=2,
        num_residual_blocks=1,
        moving_statistics=True,
        name="generator",
    )
    discriminator = stargan_discriminator(
        16, 1, base_filters=2, num_layers=2, name="discriminator"
    )
    for network, inputs in (
        (generator, [images, np.ones((1, 1), "float32")]),
        (discriminator, images),
    ):
        again = keras.Model.from_config(network.get_config())
        assert again.name == network.name
        again.set_weights(network.get_weights())
        for old, new in zip(network(inputs), again(inputs), strict=True):
            np.testing.assert_array_equal(old, new)
        assert list(SOURCE.variables(again)) == list(SOURCE.variables(network))


def test_resized_maps_have_no_checkerboard():
    even = [np.full((1, 96, 96, 3), 0.5, "float32"), np.zeros((1, 1), "f")]

    def pattern(upsampling):
        outputs = stargan_generator(
            num_labels=1,
            base_filters=4,
            num_residual_blocks=0,
            upsampling=upsampling,
        )(even)
        # Further inside than kernels reach from the border.
        return np.ptp(outputs[0, 40:56, 40:56], axis=(0, 1)).max()

    assert pattern("resize") < 1e-6
    assert pattern("transposed") > 1e-3


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"input_shape": (7, 8, 3)}, r"from 8 up.*\(7, 8, 3\)"),
        ({"input_shape": (8, 8)}, r"input_shape must be .*\(8, 8\)"),
        ({"num_labels": 0}, "num_labels.*from 1 up.*0"),
        ({"base_filters": 2.0}, "base_filters.*from 1 up.*2.0"),
        ({"num_residual_blocks": -1}, "num_residual_blocks.*from 0 up.*-1"),
        ({"num_residual_blocks": 10**6}, "from 0 to 100.*1000000"),
        ({"base_filters": 4000}, "at most 268,435,456 weights.*=4000"),
        ({"num_labels": 10**6}, "num_labels.*to 2000.*1000000"),
        ({"upsampling": "nearest"}, "upsampling must be.*resize.*'nearest'"),
    ],
)
def test_arguments_of_the_generator_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        stargan_generator(**arguments)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"image_size": 63}, "image_size.*from 64 up for num_layers=6.*63"),
        ({"image_size": (64, 64)}, r"image_size.*integer.*\(64, 64\)"),
        ({"num_labels": True}, "num_labels.*from 1 up.*True"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"num_layers": 0}, "num_layers.*from 1 up.*0"),
        ({"num_layers": 10**6}, "from 18446744073709551616 up.*=1000000"),
        ({"base_filters": 512}, "at most 268,435,456 weights.*=512"),
        ({"image_size": 2**20}, "image_size.*from 1 to 4096.*1048576"),
        (
            {"image_size": 4096, "num_layers": 1, "num_labels": 9},
            "num_layers and num_labels.*weights.*image_size=4096",
        ),
    ],
)
def test_arguments_of_the_discriminator_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        stargan_discriminator(**arguments)
