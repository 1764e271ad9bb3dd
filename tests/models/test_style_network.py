"""StyleNetwork beside PyTorch's example; its style; what it says."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import StyleNetwork, interop
from tests.networks.pytorch_reference import nchw, nhwc, tolerances

SOURCE = interop.SOURCES["pytorch-fast-neural-style"]
LAYERS = "relu1_2", "relu2_2", "relu3_3", "relu4_3"


@pytest.fixture(scope="module")
def fixture(reference):
    return reference("style_fast_train")


@pytest.fixture(scope="module")
def files(fixture, tmp_path_factory):
    """The style image and the loss network of the fixture, as files."""
    folder = tmp_path_factory.mktemp("style")
    arrays = {
        # `slice3.10.weight` stands for torchvision's `features.10.weight`.
        name.partition(".")[2]: array
        for name, array in fixture.group("w/vgg").items()
    }
    np.savez(folder / "vgg.npz", **arrays)
    return folder


def make(fixture, files, monkeypatch):
    """The fixture's model, before its first step."""
    # The fixture's is no image of whole levels.
    pixels = nhwc(fixture["in/style"])[0]
    monkeypatch.setattr("keras_gans.styles.read", lambda *rest: pixels)
    model = StyleNetwork(
        image_size=32,
        base_filters=2,
        vgg_weights=str(files / "vgg.npz"),
        vgg_filters=4,
    )
    model.compile(
        loss_weights={"content": 1.0, "style": 1e5}, run_eagerly=True
    )
    interop.load_reference(
        model.generator,
        fixture.group("w/transformer"),
        "pytorch-fast-neural-style",
    )
    # A unit lies so near the kink of its ReLU that rounding alone decides on
    # its slope: to the side on which the fixture has it.
    SOURCE.variables(model.generator)["in5.bias"].assign_sub([4e-6, 0.0])
    return model


@pytest.fixture
def model(fixture, files, monkeypatch):
    return make(fixture, files, monkeypatch)


@pytest.fixture(scope="module")
def x(fixture):
    # Rounded once, see `make`.
    return np.float32(nhwc(np.float64(fixture["in/x"])) / 127.5 - 1.0)


def test_forward_and_features(model, fixture, x):
    y = model.generator(x)
    fixture.assert_close(
        "out/y", nchw(y + 1.0) * 127.5, **tolerances(fixture)["out"]
    )
    found = model._features(y)
    for layer in LAYERS:
        fixture.assert_close(f"vgg/y_{layer}", nchw(found[layer]), atol=5e-5)
        fixture.assert_close(
            f"vgg/gram_style_{layer}", model.grams[layer], atol=5e-5
        )
    np.testing.assert_array_equal(
        model.stylize(x), np.clip(y, -1.0, 1.0)
    )


def test_losses_and_gradients(model, fixture, x):
    with tf.GradientTape() as tape:
        terms, _ = model._generator_terms(x, training=True)
        objective = model.weighted_sum(terms)
    fixture.assert_close("loss/content", terms["content"])
    fixture.assert_close("loss/style", 1e5 * terms["style"])
    fixture.assert_close("loss/total", objective)
    named = SOURCE.variables(model.generator)
    gradients = tape.gradient(objective, [v.value for v in named.values()])
    for name, gradient in zip(named, gradients, strict=True):
        fixture.assert_close(
            f"grad_g/transformer/{name}",
            SOURCE.to_reference(gradient),
            rtol=1e-3,
            atol=5e-4,  # the fixture's own distance from float64 is 1.1e-4
        )


def test_three_steps(model, fixture, x):
    unmoved = fixture.meta["zero_gradient_weights"]
    for step in range(3):
        logs = model.train_on_batch({"images": x}, return_dict=True)
        model.reset_metrics()
        losses = {k: v[step] for k, v in fixture.group("step_loss").items()}
        np.testing.assert_allclose(logs["g_content"], losses["content"], 1e-4)
        np.testing.assert_allclose(1e5 * logs["g_style"], losses["style"], 1e-4)
        if step == 1:
            continue
        group = f"adam{step + 1}"
        for name, variable in SOURCE.variables(model.generator).items():
            if f"transformer/{name}" not in unmoved:
                fixture.assert_close(
                    f"{group}/transformer/{name}",
                    SOURCE.to_reference(variable.numpy()),
                    **tolerances(fixture)[group],
                )
    fixture.assert_close(
        "adam3_out/y",
        nchw(model.generator(x) + 1.0) * 127.5,
        **tolerances(fixture)["adam3_out"],
    )
