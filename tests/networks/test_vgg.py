"""VGG and the losses of style transfer beside PyTorch's numbers."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images, interop, losses
from keras_gans.interop import vgg as names
from keras_gans.networks.vgg import PREPROCESSING, load_weights, vgg
from tests.networks.pytorch_reference import nchw, parameters

STYLE = [f"conv{group}_1" for group in range(1, 6)]
CONTENT = "conv4_2"
# The fixture's names of layers are those of convolutions, after the ReLU.
RELU = {name: name.replace("conv", "relu") for name in (*STYLE, CONTENT)}


@pytest.fixture(scope="module")
def fixture(reference):
    return reference("style_vgg19")


def network(fixture, pooling="max"):
    found = vgg("vgg19", RELU.values(), pooling=pooling, base_filters=4)
    interop.load_reference(found, fixture.group("w/vgg"), "vgg")
    return found


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_features_losses_and_gradients(fixture, pooling):
    layers = {"max": "max", "avg": "average"}[pooling]
    features = network(fixture, layers)
    picture, content, style = (
        images.to_float(fixture[f"in/{name}_rgb"][np.newaxis])
        for name in ("picture", "content", "style")
    )
    targets, styles = features(content), features(style)

    def close(name, actual):
        expected = fixture[f"{pooling}/{name}"]
        fixture.assert_close(
            f"{pooling}/{name}",
            actual,
            rtol=2e-4,
            atol=1e-4 * max(1, np.abs(expected).max()),
        )

    found = features(picture)
    for ours, relu in RELU.items():
        close(f"feature_{ours}", nchw(found[relu]))
    for layer in STYLE:
        for ours, theirs in (("positions", "hw"), ("elements", "chw")):
            matrix = losses.gram(found[RELU[layer]], ours)
            close(f"gram_{theirs}_{layer}", matrix)
        own = losses.gram(styles[RELU[layer]], "elements")
        close(f"gram_chw_style_{layer}", own)
        undivided = losses.gram(found[RELU[layer]], "none")
        size = np.prod(found[RELU[layer]].shape[1:3])
        close(f"gram_hw_{layer}", undivided / size)

    content_layer = {RELU[CONTENT]: 1.0}
    widths = {RELU[n]: found[RELU[n]].shape[-1] for n in STYLE}

    def terms(picture, normalization, style_weights):
        found = features(picture)
        distance = functools.partial(losses.style, normalization=normalization)
        grams = {n: losses.gram(styles[n], normalization) for n in widths}
        return {
            "style": losses.by_layer(distance, found, grams, style_weights),
            "content": losses.by_layer(
                losses.content, found, targets, content_layer
            ),
            # Of 0..255.
            "tv": losses.total_variation(picture * 127.5),
        }

    for prefix, normalization, weights, style_weights in (
        (
            "",
            "positions",
            {"style": 1.0, "content": 1.0, "tv": 1e-3},
            {name: 1e3 / width**2 for name, width in widths.items()},
        ),
        (
            "nspt_",
            "elements",
            {"style": 100.0, "content": 5.0, "tv": 1e-3},
            dict.fromkeys(widths, 1.0),
        ),
    ):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(picture)
            parts = terms(picture, normalization, style_weights)
            parts = {n: weights[n] * x for n, x in parts.items()}
            parts["total"] = tf.add_n(list(parts.values()))
        for name, part in parts.items():
            # Of BGR of 0..255, as the reference has it.
            gradient = nchw(tape.gradient(part, picture)[..., ::-1] / 127.5)
            if not prefix:
                close(f"loss_{name}", part)
                close(f"grad_{name}", gradient)
            elif name == "total":
                close("nspt_grad_total", gradient)
        close(f"{prefix}content_loss", parts["content"])
        close(f"{prefix}tv_loss", parts["tv"])
        for layer in STYLE:
            own = {RELU[layer]: style_weights[RELU[layer]]}
            part = terms(picture, normalization, own)["style"]
            close(f"{prefix}style_loss_{layer}", weights["style"] * part)


def test_gram_of_a_region_is_that_of_the_region_alone():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    weights = np.zeros((1, 4, 6, 1), "float32")
    weights[:, :, :2] = 1.0
    for normalization in losses.GRAM_NORMALIZATIONS:
        np.testing.assert_allclose(
            losses.gram(features, normalization, weights),
            losses.gram(features[:, :, :2], normalization),
            rtol=1e-5,
        )


def test_total_variation_and_impacts():
    picture = tf.constant([[1.0, 3.0], [0.0, 2.0]])[tf.newaxis, ..., tf.newaxis]
    # 2 + 2 to the right, 1 + 1 down.
    np.testing.assert_allclose(losses.total_variation(picture), 6.0)
    np.testing.assert_allclose(losses.total_variation(picture, 2), 10.0)
    found = losses.impacts(
        lambda x: {"sum": 3.0 * tf.reduce_sum(x), "first": x[0, 0, 0, 0] ** 2},
        picture,
    )
    np.testing.assert_allclose([found["sum"], found["first"]], [6.0, 2.0])


def test_preprocessing_pooling_cut_and_seed():
    assert parameters(vgg("vgg19", ["relu1_2"], base_filters=4)) == 0
    counts = {
        name: vgg(name, ["conv5_3"], base_filters=4).count_params()
        for name in names.GROUPS
    }
    assert counts["vgg16"] < counts["vgg19"]
    layers = ["conv1_1", "relu1_1"]
    for preprocessing, (mean, deviation) in PREPROCESSING.items():
        network = vgg(
            "vgg16",
            layers,
            preprocessing=preprocessing,
            base_filters=2,
            seed=1,
        )
        assert len(network.weights) == 2  # cut after the first
        scale = 255.0 if preprocessing == "caffe" else 1.0
        rgb = np.random.default_rng(0).uniform(0, 1, (1, 5, 7, 3))
        scaled = rgb[..., ::-1] if preprocessing == "caffe" else rgb
        scaled = (scale * scaled - mean) / deviation
        found = network(2 * rgb.astype("float32") - 1)
        layer = network.get_layer("conv1_1")
        expected = keras.ops.conv(
            scaled.astype("float32"), layer.kernel, 1, "same"
        )
        tolerance = {"rtol": 1e-4, "atol": 1e-4 * scale}
        np.testing.assert_allclose(found["conv1_1"], expected, **tolerance)
        np.testing.assert_allclose(
            found["relu1_1"], np.maximum(expected, 0), **tolerance
        )
    again, other = (
        vgg("vgg16", layers, base_filters=2, seed=seed).get_weights()[0]
        for seed in (1, 2)
    )
    np.testing.assert_array_equal(again, layer.kernel)
    assert np.abs(again - other).max() > 0.1
    deep = vgg("vgg16", ["relu3_1"], base_filters=2, pooling="average")
    assert deep(np.zeros((1, 10, 13, 3)))["relu3_1"].shape == (1, 2, 3, 8)


@pytest.mark.parametrize(
    "arguments,rule",
    [
        ({"name": "vgg11"}, "name must be one of vgg16, vgg19.*'vgg11'"),
        (
            {"layers": ["relu3_5"]},
            "layers must be of vgg19.*conv5_4.*'relu3_5'",
        ),
        ({"layers": ["pool1"]}, "layers must be of vgg19.*'pool1'"),
        ({"layers": []}, "one or more"),
        ({"pooling": "mean"}, "pooling must be one of max, average.*'mean'"),
        ({"preprocessing": "tf"}, "preprocessing must be one of caffe, torch"),
        ({"weights": "no.pth"}, "weights must be a file that exists.*no.pth"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_what_does_not_fit(arguments, rule):
    arguments = {"name": "vgg19", "layers": ["relu1_1"], **arguments}
    with pytest.raises(ValueError, match=rule) as error:
        vgg(**arguments)
    assert "\n" not in str(error.value)


def test_files_of_torchvision_and_of_other_networks(fixture, tmp_path):
    arrays = fixture.group("w/vgg")
    expected = network(fixture).get_weights()
    numbers = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    known = names.convolutions("vgg19")
    as_torchvision = {"classifier.0.weight": np.zeros((2, 2), "float32")}
    for number, name in zip(numbers, known, strict=True):
        for kind in ("weight", "bias"):
            as_torchvision[f"features.{number}.{kind}"] = arrays[
                f"{name}.{kind}"
            ]
    files = {"own.npz": arrays, "torchvision.npz": as_torchvision}
    for name, content in files.items():
        np.savez(tmp_path / name, **content)
        found = vgg(
            *("vgg19", RELU.values()),
            base_filters=4,
            weights=str(tmp_path / name),
        )
        for ours, theirs in zip(found.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        # The first layers of both have the same names and shapes.
        with pytest.raises(ValueError, match="weights of vgg16.*conv3_4|16"):
            vgg(
                *("vgg16", ["relu2_2"]),
                base_filters=4,
                weights=str(tmp_path / name),
            )
    with pytest.raises(ValueError, match="torchvision.npz.*another shape"):
        vgg(
            *("vgg19", ["relu2_2"]),
            base_filters=8,
            weights=str(tmp_path / "torchvision.npz"),
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", names.GROUPS)
def test_files_of_keras(name, tmp_path):
    file = str(tmp_path / "vgg.weights.h5")
    theirs = getattr(keras.applications, name.upper())(
        include_top=False, weights=None
    )
    theirs.save_weights(file)
    ours = vgg(name, ["relu3_2", "relu5_3"], weights=file)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 40, 3))
    module = getattr(keras.applications, name)
    expected = keras.Model(
        theirs.inputs[0],
        [
            theirs.get_layer(f"block{g}_conv{n}").output
            for g, n in ((3, 2), (5, 3))
        ],
    )(module.preprocess_input(pixels.copy()))
    found = ours(pixels / 127.5 - 1)
    for one, other in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    other = "vgg16" if name == "vgg19" else "vgg19"
    with pytest.raises(ValueError, match="weights must be a file of"):
        load_weights(vgg(other, ["relu1_1"]), file)
