"""StyleNetwork beside PyTorch's example; its style; what it says."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import (
    StyleNetwork,
    convert,
    images,
    interop,
    runs,
    style_images,
    train,
)
from keras_gans.checks import UserError
from tests.networks.pytorch_reference import nchw, nhwc, tolerances
from tests.tiny import fit, make_batch

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
    monkeypatch.setattr("keras_gans.style_images.read", lambda *rest: pixels)
    model = StyleNetwork(
        image_size=32,
        base_filters=2,
        vgg_weights=str(files / "vgg.npz"),
        vgg_filters=4,
    )
    model.compile(loss_weights={"content": 1.0, "style": 1e5}, run_eagerly=True)
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
    np.testing.assert_array_equal(model.stylize(x), np.clip(y, -1.0, 1.0))


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


def test_published_weights_stylize_any_size(fixture, tmp_path, x):
    weights = fixture.group("w/transformer")
    channels = {n: a for n, a in weights.items() if ".conv" not in n}
    # Of before PyTorch 0.4, never used.
    old = {
        name.replace("weight", statistic): array
        for name, array in channels.items()
        if "in" in name and name.endswith("weight")
        for statistic in ("running_mean", "running_var")
    }
    assert len(old) == 30
    np.savez(tmp_path / "candy.npz", **weights, **old)
    model = convert.read(tmp_path / "candy.npz", image_size=32)
    assert model.image_size == 32 and model.base_filters == 2
    expected = nhwc(fixture["out/y"]) / 127.5 - 1.0
    np.testing.assert_allclose(
        model.stylize(x), expected.clip(-1.0, 1.0), atol=1e-5
    )
    odd = model(x[:, :13, :18])
    assert odd.shape == (2, 13, 18, 3)
    with pytest.raises(UserError, match="width of images must be from 5 up"):
        model.stylize(x[:, :4])
    with pytest.raises(UserError, match="style must be an image where no sav"):
        model.compile()
        fit(model, {"images": x})


TINY = {
    "image_size": 16,
    "base_filters": 1,
    "num_residual_blocks": 0,
    "vgg_filters": 4,
    "style_layers": {"relu1_1": 2.0, "relu2_1": 1.0},
}


def test_a_saved_model_needs_neither_the_style_nor_vgg(files, tmp_path):
    image, weights = tmp_path / "style.png", tmp_path / "vgg.npz"
    images.write(image, style_images.draw(size=40))
    weights.write_bytes((files / "vgg.npz").read_bytes())
    model = StyleNetwork(image, vgg_weights=weights, **TINY)
    model.compile(run_eagerly=True)
    grams = {name: gram.numpy() for name, gram in model.grams.items()}
    assert all(map(np.any, grams.values()))
    model.save(tmp_path / "model.keras")
    image.unlink()
    weights.rename(tmp_path / "elsewhere.npz")

    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, gram in loaded.grams.items():
        np.testing.assert_array_equal(gram, grams[name])
    batch = make_batch(model)
    np.testing.assert_array_equal(loaded(batch), model(batch))
    with pytest.raises(UserError, match="vgg_weights must be a file that ex"):
        fit(loaded, batch)
    np.savez(weights, other=1.0)
    with pytest.raises(UserError, match="file of the first training, of SHA"):
        loaded.test_on_batch(batch)
    (tmp_path / "elsewhere.npz").rename(weights)
    assert fit(loaded, batch) == fit(model, batch)


def test_a_run_goes_on_without_the_style_file(
    folders, eagerly, unexported, capsys
):
    images.write("style.png", style_images.draw(size=40))
    command = [
        *("--model", "style", "--data", "a", "--image-size", "16"),
        *("--batch-size", "2", "--run-dir", "run", "--export-dir", "export"),
        *("--set", "base_filters=1", "--set", "num_residual_blocks=0"),
        *("--set", "vgg_filters=1", "--set", "style_layers=['relu1_1']"),
    ]
    assert train.main([*command, "--steps", "1"]) == 2
    assert "style must be given where data are" in capsys.readouterr().err
    for wrong in ("none.png", "run", __file__):
        assert train.main([*command, "--steps", "1", "--style", wrong]) == 2
        said = capsys.readouterr().err
        assert said.startswith('error: style must be an image file, or "dra')
        assert said.count("\n") == 1
    command += ["--style", "style.png"]
    assert train.main([*command, "--steps", "1"]) == 0
    pathlib.Path("style.png").unlink()
    assert train.main([*command, "--steps", "2"]) == 0
    assert runs.result("run")["step"] == 2
    assert train.main([*command, "--steps", "3", "--style", "drawn:2"]) == 2
    assert "'drawn:2'" in capsys.readouterr().err


def test_the_style_flag_is_of_style_alone(capsys):
    assert train.main(["--model", "dcgan", "--style", "drawn"]) == 2
    assert "style must be left out for dcgan" in capsys.readouterr().err


def test_style_images(tmp_path):
    assert style_images.read("drawn", size=64).shape == (64, 64, 3)
    np.testing.assert_array_equal(
        style_images.read("drawn:7"), style_images.draw(7)
    )
    assert np.any(style_images.read("drawn:8") != style_images.draw(7))
    images.write(tmp_path / "flat.png", np.zeros((20, 200, 3), "uint8"))
    assert style_images.read(tmp_path / "flat.png").shape == (20, 200, 3)
    with pytest.raises(
        UserError, match="sides from 16 .* at most 100.*100 x 1"
    ):
        style_images.read(tmp_path / "flat.png", size=100)
    with pytest.raises(UserError, match="style_size.*from 16 up.*8"):
        style_images.read("drawn", size=8)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 30}, "image_size must be a multiple of 4.*30"),
        ({"vgg_name": "vgg11"}, "name must be one of vgg16, vgg19.*vgg11"),
        ({"content_layer": "relu9_1"}, "layers must be of vgg16.*relu9_1"),
        ({"content_layer": ["relu2_2"]}, "content_layer must be.*relu2_2"),
        ({"style_layers": 3}, "style_layers must be a list of names.*3"),
        ({"style_layers": [["relu1_1"]]}, "style_layers must be a list"),
        ({"style_layers": {"relu1_1": -1}}, r"style_layers\['relu1_1'\].*-1"),
        ({"base_filters": 10**4}, "at most 268,435,456 weights.*=10000"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        StyleNetwork(**arguments)


def test_defaults_are_the_published_recipe():
    model = StyleNetwork(image_size=16, vgg_filters=8)
    assert model.generator.count_params() == 1_679_235
    model.compile()
    assert model.loss_weights == {
        **{"content": 1.0, "style": 16.0, "total_variation": 0.0}
    }
    published = StyleNetwork(base_filters=1, vgg_weights="vgg16.pth")
    assert published.vgg_preprocessing == "torchvision"
    assert published.default_loss_weights == {
        **{"content": 1e5, "style": 1e10, "total_variation": 0.0}
    }
    assert float(model.generator_optimizer.learning_rate) == np.float32(1e-3)
    assert tuple(model.grams) == LAYERS and not model.rate_decays
    authors = StyleNetwork(base_filters=1, vgg_weights="vgg16.h5")
    assert authors.vgg_preprocessing == "caffe"
    assert authors.default_loss_weights["style"] == 5.0
