"""Our layers, and Keras' in their place, against the references' numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.layers import (
    BatchNormalization,
    Dropout,
    GradientReversal,
    InstanceNormalization,
    LabelPlanes,
    LeakyReLU,
    ReflectionPadding2D,
    draw_latents,
    frozen_statistics,
)


def nhwc(images):
    return np.transpose(images, (0, 2, 3, 1))


def nchw(images):
    return np.transpose(images, (0, 3, 1, 2))


def assign(layer, shape, **weights):
    """Build a layer and set its weights by their Keras names."""
    layer.build(shape)
    by_name = {weight.name: weight for weight in layer.weights}
    for name, array in weights.items():
        by_name[name].assign(array)
    return layer


def test_batch_normalization_is_that_of_tf1(reference):
    fixture = reference("ops_tf1")
    arrays = fixture.group("bn_rank4")
    x1, x2 = arrays["x1"], arrays["x2"]
    layer = assign(
        BatchNormalization(momentum=0.99, epsilon=1e-3),
        x1.shape,
        gamma=arrays["gamma"],
        beta=arrays["beta"],
        moving_mean=arrays["moving_mean_0"],
        moving_variance=arrays["moving_variance_0"],
    )

    def assert_close(name, actual):
        fixture.assert_close(f"bn_rank4/{name}", actual)

    assert_close("y_eval_0", layer(x1, training=False))
    with frozen_statistics():
        assert_close("y_train_x1", layer(x1, training=True))
    assert_close("moving_mean_0", layer.moving_mean)
    for step, images in ((1, x1), (2, x2)):
        layer(images, training=True)
        assert_close(f"moving_mean_{step}", layer.moving_mean)
        assert_close(f"moving_variance_{step}", layer.moving_variance)
    assert_close("y_eval_2", layer(x1, training=False))


def test_batch_normalization_is_that_of_pytorch(reference):
    fixture = reference("ops_torch")
    arrays = fixture.group("batch")
    x1, x2 = nhwc(arrays["x1"]), nhwc(arrays["x2"])
    layer = assign(
        BatchNormalization(momentum=0.9, epsilon=1e-5),
        x1.shape,
        gamma=arrays["weight"],
        beta=arrays["bias"],
    )
    for step, images in ((1, x1), (2, x2)):
        outputs = layer(images, training=True)
        if step == 1:
            np.testing.assert_allclose(
                outputs, nhwc(arrays["y_train_x1"]), rtol=1e-4, atol=1e-5
            )
        fixture.assert_close(f"batch/running_mean_{step}", layer.moving_mean)
        fixture.assert_close(f"batch/running_var_{step}", layer.moving_variance)
    np.testing.assert_allclose(
        layer(x1), nhwc(arrays["y_eval_x1_after_2"]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}])
def test_batch_normalization_without_scale_or_center(options):
    images = np.random.default_rng(0).normal(3, 2, (4, 5, 5, 2))
    images = images.astype("float32")
    for training in (True, False):
        found, expected = (
            made(**options)(images, training=training)
            for made in (BatchNormalization, keras.layers.BatchNormalization)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for wrong in ({"axis": 1}, {"synchronized": True}):
        with pytest.raises(UserError, match="axis and synchronized must be"):
            BatchNormalization(**wrong)


@pytest.mark.parametrize("kind", ["ours", "keras"])
@pytest.mark.parametrize(
    "case",
    [
        "default",
        "eps1e-5",
        "no_affine",
        "channels_first",
        "one_pixel",
        "rank3",
    ],
)
def test_instance_normalization_is_that_of_addons(reference, case, kind):
    fixture = reference("tfa_instance_norm")
    arrays = fixture.group(case)
    affine = "gamma" in arrays
    arguments = {
        "epsilon": 1e-5 if case == "eps1e-5" else 1e-3,
        "scale": affine,
        "center": affine,
    }
    x, upstream = tf.constant(arrays["x"]), arrays["upstream"]
    channels_first = case == "channels_first"
    if kind == "ours":
        # Images are channels last throughout the package.
        layer = InstanceNormalization(**arguments)
        shape = nhwc(x).shape if channels_first else x.shape
    else:
        axis = 1 if channels_first else -1
        layer = keras.layers.GroupNormalization(-1, axis=axis, **arguments)
        shape = x.shape
    weights = {n: arrays[n] for n in ("gamma", "beta") if affine}
    layer = assign(layer, shape, **weights)

    with tf.GradientTape() as tape:
        tape.watch(x)
        if kind == "ours" and channels_first:
            y = tf.transpose(layer(tf.transpose(x, (0, 2, 3, 1))), (0, 3, 1, 2))
        else:
            y = layer(x)
        objective = tf.reduce_sum(y * upstream)
    fixture.assert_close(f"{case}/y", y)
    gradients = tape.gradient(
        objective, [x, *(getattr(layer, name).value for name in weights)]
    )
    for name, gradient in zip(("x", *weights), gradients, strict=True):
        fixture.assert_close(f"{case}/grad_{name}", gradient)


@pytest.mark.parametrize("case", ["instance_plain", "instance_affine_track"])
def test_instance_normalization_is_that_of_pytorch(reference, case):
    arrays = reference("ops_torch").group(case)
    affine = "weight" in arrays
    x = nhwc(arrays["x1"])
    layer = InstanceNormalization(scale=affine, center=affine)
    weights = (
        {"gamma": arrays["weight"], "beta": arrays["bias"]} if affine else {}
    )
    assign(layer, x.shape, **weights)
    expected = nhwc(arrays["y_train_x1"])
    for training in (True, False):
        np.testing.assert_allclose(
            layer(x, training=training), expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("case", ["instance_track", "instance_affine_track"])
def test_moving_statistics_are_those_of_pytorch(reference, case):
    fixture = reference("ops_torch")
    arrays = fixture.group(case)
    affine = "weight" in arrays
    layer = InstanceNormalization(
        scale=affine, center=affine, moving_statistics=True
    )
    weights = (
        {"gamma": arrays["weight"], "beta": arrays["bias"]} if affine else {}
    )
    x1, x2 = nhwc(arrays["x1"]), nhwc(arrays["x2"])
    assign(layer, x1.shape, **weights)
    assert layer.moving_mean.dtype == "float32"
    assert len(layer.trainable_weights) == len(weights)
    for position, x in ((1, x1), (2, x2)):
        with frozen_statistics():
            layer(x, training=True)
        y = layer(x, training=True)
        if position == 1:
            fixture.assert_close(f"{case}/y_train_x1", nchw(y))
        for name, moving in (
            ("running_mean", layer.moving_mean),
            ("running_var", layer.moving_variance),
        ):
            fixture.assert_close(f"{case}/{name}_{position}", moving)
    fixture.assert_close(
        f"{case}/y_eval_x1_after_2", nchw(layer(x1, training=False))
    )


def test_moving_statistics_of_single_pixels_are_finite():
    layer = InstanceNormalization(moving_statistics=True)
    layer(np.ones((2, 1, 1, 3), "float32"), training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.1, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.9, rtol=1e-6)


def test_instance_normalization_without_affine_has_no_weights():
    layer = InstanceNormalization()
    layer.build((None, None, None, 4))
    assert layer.weights == []
    assert layer.epsilon == 1e-5


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_instance_normalization_keeps_its_moments_in_float32(policy):
    layer = InstanceNormalization(scale=True, center=True, dtype=policy)
    # The square of 300 is beyond float16.
    images = np.full((1, 4, 4, 2), 300.0, "float32")
    images[0, :2] = -300.0
    outputs = layer(images)
    assert outputs.dtype == layer.compute_dtype
    assert layer.gamma.dtype == layer.beta.dtype == "float32"
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), images / 300.0, rtol=1e-3
    )


def test_instance_normalization_of_an_offset_picture_keeps_its_digits():
    rng = np.random.default_rng(0)
    images = rng.standard_normal((1, 16, 16, 2))
    shifted = (images + 1000.0).astype("float32")
    exact = shifted.astype("float64")
    exact -= exact.mean((1, 2), keepdims=True)
    exact /= np.sqrt((exact**2).mean((1, 2), keepdims=True) + 1e-5)
    # The mean of the squares less the square of the mean would lose them all.
    np.testing.assert_allclose(
        InstanceNormalization()(shifted), exact, atol=1e-3
    )


@pytest.mark.parametrize("in_graph", [False, True])
def test_instance_normalization_has_first_and_second_derivatives(in_graph):
    generator = np.random.default_rng(0)
    x, weights = (
        tf.constant(generator.normal(size=(2, 5, 4, 3)), tf.float32)
        for _ in range(2)
    )

    def plain(x):
        x -= tf.reduce_mean(x, [1, 2], keepdims=True)
        variance = tf.reduce_mean(tf.square(x), [1, 2], keepdims=True)
        return x * tf.math.rsqrt(variance + 1e-5)

    def derivatives(function):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                total = tf.reduce_sum(tf.tanh(function(x)) * weights)
            gradient = inner.gradient(total, x)
            norm = tf.reduce_sum(tf.square(gradient))
        return gradient, outer.gradient(norm, x)

    if in_graph:
        derivatives = tf.function(derivatives)
    found = derivatives(InstanceNormalization(epsilon=1e-5))
    for one, other in zip(found, derivatives(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_group_normalization_forgets_that_it_was_instance_normalization():
    # Why the layer of our own: a configuration is of one width only.
    layer = keras.layers.GroupNormalization(groups=-1)
    layer.build((None, 4, 4, 6))
    assert layer.get_config()["groups"] == 6


@pytest.mark.parametrize("case", ["conv", "dense"])
def test_keras_spectral_normalization_is_that_of_addons(reference, case):
    """The two agree in all that is stored: outputs, u, kernels, gradients.

    Both divide the stored kernel in every training pass, and both stop the
    gradient at u and v and take it to the divided kernel.
    """
    fixture = reference("tfa_spectral_norm")
    arrays = fixture.group(case)

    def assert_close(name, actual):
        fixture.assert_close(f"{case}/{name}", actual)

    inner = (
        keras.layers.Conv2D(5, 3, 2, "same")
        if case == "conv"
        else keras.layers.Dense(6)
    )
    layer = keras.layers.SpectralNormalization(inner)
    layer.build(arrays["x"].shape)
    inner.kernel.assign(arrays["kernel_0"])
    inner.bias.assign(arrays["bias"])
    layer.vector_u.assign(arrays["u_0"])

    assert_close("y_eval_0", layer(arrays["x"], training=False))
    for step in (1, 2, 3):
        before = inner.kernel.numpy()
        with tf.GradientTape() as tape:
            y = layer(arrays["x"], training=True)
            objective = tf.reduce_sum(tf.square(y))
        assert_close(f"y_train_{step}", y)
        assert_close(f"kernel_{step}", inner.kernel)
        assert_close(f"u_{step}", layer.vector_u)
        after = inner.kernel.numpy()
        assert_close(f"sigma_{step}", np.mean(before) / np.mean(after))
        if step == 1:
            kernel, bias = tape.gradient(
                objective, [inner.kernel.value, inner.bias.value]
            )
            assert_close("grad_sumsq_kernel_1", kernel)
            assert_close("grad_sumsq_bias_1", bias)
    assert_close("y_eval_3", layer(arrays["x"], training=False))


@pytest.mark.parametrize("padding", [1, 3])
def test_reflection_padding_is_that_of_pytorch(reference, padding):
    arrays = reference("ops_torch").group("reflect")
    layer = ReflectionPadding2D(padding)
    x = nhwc(arrays["x"])
    expected = nhwc(arrays[f"y_pad{padding}"])
    np.testing.assert_array_equal(layer(x), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 5, 1)) == (
        None,
        None,
        5 + 2 * padding,
        1,
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_reversal_turns_the_gradient_alone(dtype, jit_compile):
    layer = GradientReversal(2.0, dtype=dtype)
    x = tf.constant([[1.0, -2.0, 1e30]], dtype)

    @tf.function(jit_compile=jit_compile)
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            objective = tf.reduce_sum(y * tf.constant([3.0, 0.5, -1.0], dtype))
        return y, tape.gradient(objective, x)

    y, found = gradient()
    assert y.dtype == found.dtype == dtype
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(found, [[-6.0, -1.0, 2.0]])


def test_leaky_relu_has_the_bits_of_keras_and_is_fused(capfd):
    images = tf.random.stateless_normal((2, 16, 16, 3), (0, 0))
    convolutions = [keras.layers.Conv2D(n, 4, 2) for n in (8, 8, 1)]

    @tf.function
    def outputs_and_derivatives(activation):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                x = images
                for convolution in convolutions:
                    x = keras.layers.ZeroPadding2D(1)(x)
                    x = activation(convolution(x))
                total = tf.reduce_sum(x**2)
            slopes = inner.gradient(total, images)
            total += tf.reduce_sum(slopes**2)
        kernels = [c.kernel.value for c in convolutions]
        return x, slopes, *outer.gradient(total, kernels)

    keras.Sequential(convolutions).build((None, 32, 32, 3))
    ours = outputs_and_derivatives(LeakyReLU(negative_slope=0.2))
    assert "remapper failed" not in capfd.readouterr().err
    theirs = outputs_and_derivatives(keras.layers.LeakyReLU(0.2))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_label_planes_follow_the_channels():
    images = np.arange(24, dtype="float32").reshape((2, 2, 3, 2))
    labels = np.array([[1.0, 0.0, 0.5], [0.0, -1.0, 2.0]], "float32")
    layer = LabelPlanes()
    outputs = layer([images, labels])
    np.testing.assert_array_equal(outputs[..., :2], images)
    for picture in range(2):
        for label in range(3):
            assert np.all(
                outputs[picture, ..., 2 + label] == labels[picture, label]
            )
    assert layer.compute_output_shape([images.shape, labels.shape]) == (
        2,
        2,
        3,
        5,
    )
    open_shape = layer.compute_output_shape([(None, None, 8, 3), (None, 1)])
    assert open_shape == (None, None, 8, 4)


@pytest.mark.parametrize(
    "layer",
    [
        InstanceNormalization(moving_statistics=True, momentum=0.5),
        LabelPlanes(),
        InstanceNormalization(epsilon=1e-3, scale=True),
        InstanceNormalization(center=True),
        ReflectionPadding2D(2),
        GradientReversal(0.5),
        BatchNormalization(momentum=0.9),
    ],
)
def test_layers_are_saved_with_their_arguments(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_latents_are_those_of_one_replica_and_of_xla(two_replicas):
    for one, *others in two_replicas("latents").values():
        for other in others:
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


def test_latents_have_their_distribution():
    drawn = draw_latents(0, 2000, 50).numpy()
    assert drawn.dtype == "float32" and np.isfinite(drawn).all()
    powers = [np.mean(drawn**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(powers, [0, 1, 0, 3], atol=0.07)
    assert 4 < np.abs(drawn).max() < 6
    correlation = np.corrcoef(drawn, rowvar=False) - np.eye(50)
    assert np.abs(correlation).max() < 0.1
    drawn = draw_latents(0, 2000, 50, "uniform").numpy()
    assert drawn.min() < -0.999 and 0.999 < drawn.max() <= 1.0
    powers = [np.mean(drawn**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(powers, [0, 1 / 3, 0, 1 / 5], atol=0.02)
    np.testing.assert_array_equal(draw_latents(0, 2000, 50, "uniform"), drawn)
    assert not np.allclose(draw_latents(1, 2000, 50, "uniform"), drawn)


@pytest.mark.parametrize("noise_shape", [None, (None, 1, 1, None)])
def test_dropout_is_the_same_in_xla(noise_shape):
    images = tf.ones((64, 2, 2, 50))
    masks = []
    for jit_compile in (False, True):
        layer = Dropout(0.25, noise_shape=noise_shape, seed=1)
        call = tf.function(layer, jit_compile=jit_compile)
        masks.append(call(images, training=True).numpy())
    np.testing.assert_array_equal(*masks)
    assert set(np.unique(masks)) == {0.0, np.float32(1 / 0.75)}
    np.testing.assert_allclose(np.mean(masks), 1.0, atol=0.05)
    whole = masks[0] == masks[0][:, :1, :1]
    assert whole.all() == (noise_shape is not None)
    np.testing.assert_array_equal(layer(images, training=False), images)
