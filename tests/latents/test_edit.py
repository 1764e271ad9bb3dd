"""A generator with its axes: the verb `edit`, live, exported, by command."""

import numpy as np
import pytest

import keras_gans
from keras_gans import export, generate, images
from keras_gans.checks import UserError
from keras_gans.latents import FeatureAxes, Generator
from tests.tiny import make_model


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A model with axes, its file, that of the axes, and an export."""
    folder = tmp_path_factory.mktemp("home")
    model = make_model("dcgan")
    for variable in model.generator.trainable_variables:
        variable.assign(6.0 * variable)  # else all images are gray
    normals = np.eye(model.latent_dim)[:2]
    axes = FeatureAxes(
        ["Smiling", "Male"],
        normals,
        ranges=[[-3.0, 3.0]] * 2,
        fingerprint=Generator(model).fingerprint(),
    )
    axes.save(folder / "axes.npz")
    model.save(folder / "model.keras")
    model.axes = axes
    arguments = [str(folder / "model.keras"), "--output", str(folder / "out")]
    assert export.main([*arguments, "--axes", str(folder / "axes.npz")]) == 0
    return model, folder


def test_edit_moves_the_latents(home):
    model, _ = home
    latents = model.latents.draw(3, seed=5)
    moved = latents.copy()
    moved[:, 1] += 1.5
    edited = model.edit({"Male": 1.5}, count=3, seed=5)
    np.testing.assert_allclose(edited, model.generate(latents=moved), atol=1e-5)
    rows = np.zeros((3, 2))
    rows[1] = 0.5, -1.0
    moved = latents.copy()
    moved[1, :2] += 0.5, -1.0
    np.testing.assert_allclose(
        model.edit(rows, latents=latents),
        model.generate(latents=moved),
        atol=1e-5,
    )


@pytest.mark.parametrize("place", ["model.keras", "out"])
def test_loaded_models_edit_alike(home, place):
    model, folder = home
    expected = images.to_uint8(model.edit({"Smiling": 2.0}, count=3)).numpy()
    axes = place != "out" and FeatureAxes.load(folder / "axes.npz") or None
    loaded = keras_gans.load(folder / place, axes=axes)
    made = loaded.edit({"Smiling": 2.0}, count=3, batch_size=2)
    np.testing.assert_allclose(made.astype(int), expected, atol=1)
    unmoved = loaded.generate(3).astype(int)
    assert np.abs(unmoved - expected).max() > 1
    assert {*loaded.verbs} == {"generate", "edit"}
    with pytest.raises(UserError, match="amounts must be.*Hat"):
        loaded.edit({"Hat": 1.0})


def test_the_export_serves_edits(home):
    import tensorflow as tf

    model, folder = home
    served = tf.saved_model.load(str(folder / "out" / "1")).signatures
    inputs = {
        "latents": tf.constant(model.latents.draw(2)),
        "amounts": tf.constant([[1.0, 0.0], [0.0, np.nan]], tf.float32),
    }
    answer = served["edit_encoded"](**inputs)
    assert answer["status"].numpy().tolist() == [
        b"ok",
        b"amounts must be finite",
    ]
    made = tf.io.decode_png(answer["image_bytes"][0]).numpy().astype(int)
    expected = images.to_uint8(model.edit({"Smiling": 1.0}, count=1)).numpy()
    np.testing.assert_allclose(made, expected[0], atol=1)


def test_generate_moves_what_it_writes(home, tmp_path, capsys):
    model, folder = home
    arguments = ["--count=2", "--output", str(tmp_path / "made")]
    arguments += ["--model", str(folder / "model.keras"), "--set=Male=-1.5"]
    assert generate.main(arguments) == 2
    assert "verb must be one that takes amounts" in capsys.readouterr().err
    arguments += ["--axes", str(folder / "axes.npz")]
    assert generate.main(arguments) == 0
    expected = images.to_uint8(model.edit({"Male": -1.5}, count=2)).numpy()
    made = images.read(tmp_path / "made" / "seed0_0001.png")
    np.testing.assert_allclose(made.astype(int), expected[1], atol=1)
    assert generate.main([*arguments, "--set=Male=1"]) == 2
    assert "set must be NAME=AMOUNT" in capsys.readouterr().err
    assert generate.main([*arguments, "--set=Smiling=1"]) == 2
    assert "output must be a new folder" in capsys.readouterr().err
    # Of the same name, and of others.
    axes = FeatureAxes.load(folder / "axes.npz")
    axes.orthogonalize().save(tmp_path / "other.npz")
    arguments[-1] = str(tmp_path / "other.npz")
    assert generate.main(arguments) == 2
    assert "Received: axes=" in capsys.readouterr().err


def test_wrong_use_is_named(home):
    model, folder = home
    bare = make_model("dcgan")
    with pytest.raises(UserError, match="axes must be set before edit"):
        bare.edit({"Smiling": 1.0})
    others = FeatureAxes(["Smiling"], np.ones((1, 3)))
    with pytest.raises(UserError, match="axes must be those of this generator"):
        bare.axes = others
    for amounts in ({"Hat": 1.0}, [1.0], "Male", {"Male": np.nan}, 1.0):
        with pytest.raises(UserError, match="amounts must be"):
            model.edit(amounts)
    with pytest.raises(UserError, match="axes must be left out for a SavedMod"):
        keras_gans.load(folder / "out", axes=model.axes)
