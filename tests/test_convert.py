"""The conversion of published weights, as a user calls it."""

import pathlib
import pickle
import re
import subprocess
import sys
import types
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gans
from keras_gans import convert, images, interop, networks
from keras_gans.checks import UserError
from tests.networks.pytorch_reference import SOURCE, nchw, nhwc, tolerances
from tests.test_interop import reference_arrays
from tests.test_state_dicts import _Stranger


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Return a function that writes the state dict of a network of ours."""
    monkeypatch.chdir(tmp_path)

    def save(network, source=SOURCE):
        arrays, _ = reference_arrays(network, source)
        small = {name: array / 10 for name, array in arrays.items()}
        np.savez("latest_net_G.npz", **small)
        return "latest_net_G.npz"

    return save


def resnet(**arguments):
    return networks.resnet_generator(
        base_filters=2, num_residual_blocks=1, **arguments
    )


@pytest.mark.parametrize(
    "name,scope,group,inputs,output",
    [
        ("pix_resnet6_batch", "", "out_eval", "in/x", "y"),
        ("pix_resnet9_instance", "", "out_eval", "in/x", "y"),
        ("pix_unet128_batch", "", "out_eval", "in/x", "y"),
        ("pix_cyclegan_train", "G_B/", "out_train", "in/B", "fake_A"),
    ],
)
def test_the_originals_pixels(
    reference, tmp_path, name, scope, group, inputs, output
):
    fixture = reference(name)
    np.savez(
        tmp_path / "latest_net_G.npz",
        **{
            name.removeprefix(scope): array
            for name, array in fixture.group("w").items()
            if name.startswith(scope)
        },
    )
    model = convert.read(tmp_path / "latest_net_G.npz")
    outputs = model.translate(nhwc(fixture[inputs]))
    fixture.assert_close(
        f"{group}/{output}", nchw(outputs), **tolerances(fixture)[group]
    )


def test_the_images_of_pytorchs_dcgan(reference, tmp_path):
    fixture = reference("dcgan_torch_train")
    weights = fixture.group("w")
    for network in "GD":
        arrays = {
            f"module.{name.removeprefix(f'{network}/')}": array
            for name, array in weights.items()
            if name.startswith(network)
        }
        np.savez(tmp_path / f"net{network}.npz", **arrays)
    model = convert.read(tmp_path / "netG.npz")
    assert type(model) is keras_gans.DCGAN and model.architecture == "torch"
    assert (model.image_size, model.latent_dim, model.base_filters) == (
        64,
        8,
        4,
    )
    made = model.generate(latents=fixture["in/noise"][:, :, 0, 0])
    fixture.assert_close("out_eval/G", nchw(made), rtol=0, atol=2e-5)
    with pytest.raises(ValueError, match="that of a noise_discriminator"):
        convert.read(tmp_path / "netD.npz")


def test_a_dcgan_is_converted_and_generates(saved, capsys):
    network = networks.noise_generator((32, 48), 5, base_filters=2)
    path = saved(network, "pytorch-dcgan")
    assert convert.main([path, "--image-size=32", "--output=out"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch("error: image_size must be left out .*32\n", error)
    for output in ("out", "out.keras"):
        assert convert.main([path, "--output", output]) == 0
    shown = capsys.readouterr().out
    assert "DCGAN(architecture='torch', image_size=[32, 48]" in shown
    assert "latent_dim=5, " in shown and "base_filters=2, " in shown
    count = sum(np.prod(v.shape) for v in network.trainable_variables)
    assert f"), {count:,} parameters" in shown
    assert "to load it: import keras_gans.models.dcgan, then keras" in shown
    interop.load_reference(network, path, "pytorch-dcgan")
    expected = network(keras_gans.DCGAN(latent_dim=5).latents.draw(3, -7))
    expected = images.to_uint8(expected).numpy().astype(int)
    assert np.ptp(expected) > 10
    for place in ("out", "out.keras"):
        made = keras_gans.load(place).generate(3, seed=-7)
        np.testing.assert_allclose(made, expected, atol=1)


@pytest.mark.parametrize(
    "changes,said",
    [
        # A deeper generator, one of gray images, and one of no size.
        (
            {"main.15.weight": (2, 3, 4, 4)},
            "pytorch-gan-zoo. Received: .*, 22 ar",
        ),
        (
            {"main.12.weight": (2, 1, 4, 4)},
            r"main.12.weight \(2, 1, 4, 4\) for",
        ),
        (
            {"main.0.weight": (5, 16, 0, 4)},
            "image_size must be a multiple of 16",
        ),
        ({"main.0.weight": (70_000, 0, 4, 4)}, "latent_dim must be .* 70000"),
    ],
)
def test_other_generators_are_refused(saved, capsys, changes, said):
    network = networks.noise_generator(64, 5, base_filters=2)
    path = saved(network, "pytorch-dcgan")
    with np.load(path) as file:
        arrays = dict(file)
    arrays |= {name: np.zeros(shape) for name, shape in changes.items()}
    np.savez(path, **arrays)
    assert convert.main([path, "--output", "out.keras"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(f"error: .*{said}.*\n", error), error


def test_stargans_networks_are_not_converted(saved, capsys):
    network = networks.stargan_generator(
        num_labels=2, base_filters=2, num_residual_blocks=1
    )
    path = saved(network, "stargan")
    assert convert.main([path, "--output", "out.keras"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(
        "error: path must be the state dict of a generator of pytorch-cyclegan"
        r".* or pytorch-gan-zoo. Received: .*main.0.weight, .*, \.\.\.\)\n",
        error,
    )


def test_what_a_killed_conversion_left_is_cleaned_up(tmp_path):
    (tmp_path / ".unfinished-abc123").mkdir()
    model = types.SimpleNamespace(save=lambda path: path.write_bytes(b"PK"))
    convert.write(model, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize(
    "network,depth,size",
    [
        ("resnet_generator", "num_residual_blocks", (21, 34)),
        ("unet_generator", "num_downsamples", (32, 96)),
    ],
)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_pictures_that_are_not_square(saved, network, depth, size, norm):
    arguments = {"base_filters": 2, depth: 5, "norm": norm}
    made = getattr(networks, network)((*size, 3), **arguments)
    path = saved(made)
    with np.load(path) as arrays:
        interop.load_reference(made, dict(arrays), source=SOURCE)
    batch = np.random.default_rng(0).uniform(-1, 1, (1, *size, 3))
    batch = batch.astype("float32")
    np.testing.assert_array_equal(
        convert.read(path).translate(batch), made(batch)
    )


def test_keras_file(saved, capsys):
    network = resnet(dropout=0.5, norm="batch")
    path = saved(network)
    arguments = [path, "--output", "models/horse2zebra.keras"]
    assert convert.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "base_filters=2, norm='batch', num_residual_blocks=1" in shown
    count = sum(np.prod(v.shape) for v in network.trainable_variables)
    assert f"dropout=0.5), {count:,} parameters" in shown
    assert "wrote models/horse2zebra.keras" in shown
    model = keras.models.load_model("models/horse2zebra.keras")
    batch = np.ones((1, 8, 12, 3), "float32")
    np.testing.assert_array_equal(
        model.translate(batch), convert.read(path).translate(batch)
    )
    # Nothing is left beside it, and it is never replaced.
    assert convert.main(arguments) == 2
    error = capsys.readouterr().err
    assert re.search("does not exist yet.*horse2zebra.keras'\n$", error)
    assert [p.name for p in pathlib.Path("models").iterdir()] == [
        "horse2zebra.keras"
    ]


def test_savedmodel(saved):
    path = saved(networks.unet_generator(base_filters=1, num_downsamples=5))
    assert convert.main([path, "--output", "saved_models/facades"]) == 0
    loaded = tf.saved_model.load("saved_models/facades/1")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), "uint8")
    model = convert.read(path)
    served = loaded.signatures["a_to_b"](images=tf.constant(pixels))
    expected = images.to_uint8(model.translate(images.to_float(pixels)))
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(
        served["images"].numpy().astype(int), expected, atol=1
    )


@pytest.mark.parametrize(
    "network,options,said",
    [
        (networks.patch_discriminator, "", "that of a patch_discriminator"),
        (networks.pixel_discriminator, "", "that of a pixel_discriminator"),
        (resnet, "--image-size 30", "image_size must be a multiple of 4.*30"),
        (resnet, "--output latest_net_G.npz", "a folder, or .*latest_net_G"),
        (resnet, "--output onnx", "output must be new.*1 of another"),
        (
            lambda: resnet(output_channels=2),
            "",
            "3 channels in, 2 out",
        ),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    saved, capsys, network, options, said
):
    path = saved(network())
    pathlib.Path("onnx/1").mkdir(parents=True)
    pathlib.Path("onnx/1/a_to_b.onnx").touch()
    arguments = [path, "--output", "out.keras", *options.split()]
    assert convert.main(arguments) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(f"error: .*{said}.*\n", error), error
    assert not pathlib.Path("out.keras").exists()


def test_weights_that_do_not_fit_are_named(saved, capsys):
    path = saved(resnet())
    with np.load(path) as file:
        arrays = dict(file)
    # As contrastive-unpaired-translation stores its anti-aliasing filters.
    arrays["model.7.filt"] = np.ones((8, 1, 3, 3))
    del arrays["model.4.bias"]
    np.savez(path, **arrays)
    assert convert.main([path, "--output", "out.keras"]) == 2
    error = capsys.readouterr().err
    assert "'resnet_generator'. Received 1 missing: model.4.bias; " in error
    assert error.endswith("1 surplus: model.7.filt\n")


def test_a_file_that_cannot_be_written_is_code_1(saved, capsys):
    path = saved(resnet())
    assert convert.main([path, "--output", f"{path}/out.keras"]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(f"error: .*{path}.*\n", error), error


def test_a_file_from_a_stranger_runs_no_code(tmp_path, capsys):
    proof = tmp_path / "ran"
    out = str(tmp_path / "out.keras")
    array = np.empty(1, object)
    array[0] = _Stranger(proof)
    np.savez(tmp_path / "stranger.npz", **{"model.1.weight": array})
    (tmp_path / "stranger.pth").write_bytes(pickle.dumps(_Stranger(proof)))
    for name in ("stranger.npz", "stranger.pth"):
        assert convert.main([str(tmp_path / name), "--output", out]) == 2
        error = capsys.readouterr().err
        assert re.fullmatch(f"error: .*{name}.*\n", error), error
    assert not proof.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_pth_file(saved, zipped):
    torch = pytest.importorskip("torch")
    with np.load(saved(resnet())) as arrays:
        state = {f"module.{k}": torch.from_numpy(v) for k, v in arrays.items()}
    state["module.model.2.running_mean"] = torch.zeros(2)
    torch.save(state, "G.pth", _use_new_zipfile_serialization=zipped)
    batch = np.ones((1, 8, 12, 3), "float32")
    np.testing.assert_array_equal(
        convert.read("G.pth").translate(batch),
        convert.read("latest_net_G.npz").translate(batch),
    )


def test_one_state_dict_within_another(saved):
    torch = pytest.importorskip("torch")
    with np.load(saved(resnet())) as arrays:
        state = {k: torch.from_numpy(v) for k, v in arrays.items()}
    torch.save({"epoch": 3, "state_dict": state}, "G.pth")
    batch = np.ones((1, 8, 12, 3), "float32")
    np.testing.assert_array_equal(
        convert.read("G.pth").translate(batch),
        convert.read("latest_net_G.npz").translate(batch),
    )
    torch.save({"one": state, "other": state}, "two.pth")
    with pytest.raises(UserError, match="one generator.*with one, other"):
        convert.read("two.pth")


def test_without_torch(tmp_path, monkeypatch, capsys):
    path = tmp_path / "latest_net_G_A.pth"
    path.touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    out = str(tmp_path / "out.keras")
    assert convert.main([str(path), "--output", out]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(
        r"error: .*needs the package torch: pip install .*\[torch\]\n", error
    )


def test_help_comes_without_tensorflow():
    code = (
        "import sys, keras_gans.convert as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit as e: assert e.code == 0\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def zoo_file(path, fixture):
    """Save what the zoo's trainer saves: state dicts and its configuration."""
    torch = pytest.importorskip("torch")
    module = types.ModuleType("models.utils.config")
    module.BaseConfig = type(
        "BaseConfig", (), {"__module__": module.__name__, "__init__": None}
    )
    config = object.__new__(module.BaseConfig)
    config.depthOtherScales = [8, 6, 4]
    config.alpha = 0.0
    tensors = {
        name: {
            # Older files lack the part `.module`.
            k.replace(".module", ""): torch.tensor(v)
            for k, v in fixture.group(f"w/{scope}").items()
        }
        for name, scope in (("netG", "G"), ("netD", "D"), ("avgG", "G"))
    }
    tensors["netG"]["formatLayer.bias"] = torch.zeros(128)
    names = {"models": types.ModuleType("models")}
    names |= {
        "models.utils": types.ModuleType("utils"),
        module.__name__: module,
    }
    with mock.patch.dict(sys.modules, names):
        torch.save({"config": config, **tensors}, path)
    return path


def test_a_progressive_gan_of_the_zoo(reference, tmp_path):
    fixture = reference("pggan_zoo_forward")
    path = zoo_file(tmp_path / "celeba_s3.pth", fixture)
    model = convert.read(path)
    assert model.filters == [8, 8, 6, 4] and model.architecture == "zoo"
    written = convert.write(model, tmp_path / "model.keras")
    loaded = keras_gans.load(written)
    images = loaded.generate(latents=fixture["in/latent"])
    expected = np.transpose(fixture["out/G_32_alpha0"], (0, 2, 3, 1))
    expected = np.rint(np.clip(127.5 * expected + 127.5, 0, 255))
    assert np.abs(images - expected).max() <= 1
    interop.load_reference(
        model.discriminator, path, "pytorch-gan-zoo", scope="netD"
    )
    with pytest.raises(
        UserError, match="scope must be one of avgG, netD, netG"
    ):
        interop.load_reference(model.generator, path, "pytorch-gan-zoo")


def test_a_progressive_gan_of_the_authors(reference, tmp_path, capsys):
    fixture = reference("pggan_forward")
    weights = fixture.group("w/G")
    # Without labels, whose rows are the last.
    weights["4x4/Dense/weight"] = weights["4x4/Dense/weight"][:16]
    np.savez(tmp_path / "generator.npz", **weights, lod=0.0)
    output = str(tmp_path / "served")
    arguments = [str(tmp_path / "generator.npz"), "--output", output]
    assert convert.main(arguments) == 0
    assert "ProgressiveGAN(image_size=32" in capsys.readouterr().out
    images = keras_gans.load(output).generate(2, seed=1)
    assert images.shape == (2, 32, 32, 3) and images.std() > 0
    assert convert.main([*arguments, "--image-size", "64"]) == 2
    assert "image_size must be left out" in capsys.readouterr().err
    np.savez(tmp_path / "critic.npz", **fixture.group("w/D"))
    assert convert.main([str(tmp_path / "critic.npz"), "--output", "x"]) == 2
    assert "must be the weights of a progressive_gen" in capsys.readouterr().err
