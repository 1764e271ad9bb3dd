"""From images to features: the way in, the networks, their weights."""

import json
import random
import shutil
import urllib.error

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import images, metrics
from keras_gans.metrics import faces, fid_inception
from tests.metrics import make_reference, tiny


def test_resizing_is_that_of_pillow_and_clean_fid():
    extractor = tiny.extractor()
    extractor._scale = lambda pixels: pixels
    rng = np.random.default_rng(0)
    for height, width in ((75, 50), (16, 20), (32, 32)):
        levels = rng.integers(0, 256, (1, height, width, 3), np.uint8)
        seen = extractor._prepare(images.to_float(levels))[0]
        for channel in range(3):
            one = Image.fromarray(levels[0, ..., channel].astype(np.float32))
            expected = one.resize((32, 32), Image.Resampling.BICUBIC)
            np.testing.assert_allclose(
                seen[..., channel], np.clip(expected, 0, 255), atol=1e-3
            )


def test_maps_have_the_gradients_of_images_that_are_not_rounded():
    extractor = tiny.extractor()
    rng = np.random.default_rng(0)
    pictures = tf.constant(rng.uniform(-0.9, 0.9, (1, 32, 32, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        maps = extractor.list_of_maps(pictures)
        sums = tf.add_n([tf.reduce_sum(one) for one in maps])
    gradient = tape.gradient(sums, pictures)
    # Forty gray levels, so that rounding does not count.
    step = 40 / 127.5 * tf.sign(gradient) * 0.1
    moved = extractor.list_of_maps(pictures + step)
    change = sum(
        float(tf.reduce_sum(m - o)) for m, o in zip(moved, maps, strict=True)
    )
    assert change > 0.5 * float(tf.reduce_sum(gradient * step)) > 0


def test_the_inception_of_fid_equals_torch_fidelity(reference):
    """The numbers are from `python -m tests.metrics.make_reference`."""
    expected = reference("metrics")
    shapes = expected.meta["inception_shapes"]
    weights = make_reference.inception_weights(shapes)
    extractor = metrics.extractor("fid_inception", weights, image_size=139)
    pictures = images.to_float(expected["inception/pictures"])
    expected.assert_close("inception/features", extractor.features(pictures))
    network = fid_inception.network()
    fid_inception.load(network, weights)
    inputs = expected["inception/pictures"] / np.float32(128) - 1
    expected.assert_close("inception/logits", network(inputs)[1])
    assert len(network.weights) == len(shapes)
    assert extractor.dimensions == 2048
    assert metrics.FID(extractor).title == "FID"
    assert metrics.KID(tiny.extractor()).title == "KID-like (faces)"
    del weights["Mixed_7c.branch_pool.conv.weight"]
    with pytest.raises(ValueError, match="fid_inception.*Mixed_7c.branch_pool"):
        metrics.extractor("fid_inception", weights)


def test_applications_of_keras_in_float32_and_undisturbed():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        random.seed(3)
        extractor = metrics.extractor(
            "vgg16", image_size=32, random_weights=True
        )
        drawn = random.random()
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    random.seed(3)
    assert drawn == random.random()
    features = extractor.features(tiny.pictures(2))
    assert features.shape == (2, 512) and features.dtype == tf.float32
    maps = extractor.maps(tiny.pictures(2))
    assert {n: m.shape[1:] for n, m in maps.items()} == extractor.map_shapes
    assert extractor.map_shapes["block3_conv3"] == (8, 8, 256)
    protocol = json.loads(json.dumps(extractor.protocol()))
    assert protocol["weights"] == "random" and protocol["dimensions"] == 512
    assert protocol["layer"] == "mean over space of block5_pool"
    assert not extractor.is_published


def test_a_file_of_weights(tmp_path):
    network = keras.applications.VGG16(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    file = tmp_path / "vgg16.weights.h5"
    network.save_weights(file)
    extractor = metrics.extractor("vgg16", file, image_size=32)
    assert extractor.protocol()["weights"] == file.name
    pictures = tiny.pictures(2)
    # Keras' VGG sees blue first, without the means of ImageNet.
    inputs = (pictures[..., ::-1] + 1) * 127.5 - (103.939, 116.779, 123.68)
    np.testing.assert_allclose(
        extractor.features(pictures), network(inputs), rtol=1e-4, atol=1e-4
    )


def test_no_network_is_one_line(monkeypatch, tmp_path):
    def urlretrieve(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", urlretrieve)
    monkeypatch.setattr(
        "keras.src.backend.config.keras_home", lambda: str(tmp_path)
    )
    with pytest.raises(ValueError) as error:
        metrics.extractor("vgg16", image_size=32)
    assert "vgg16=FILE" in str(error.value) and "\n" not in str(error.value)
    assert "no route to host" in str(error.value)


def test_bad_arguments_are_one_line(tmp_path):
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"nothing")
    for name, weights, size, reason in (
        ("resnet", None, None, "extractor must be one of faces, .*'resnet'"),
        ("vgg16", None, 16, "image_size of extractor vgg16 must be at .* 32"),
        ("faces", None, None, "extractor faces must be given weights or train"),
        ("faces", broken, None, "weights of extractor faces .*broken.keras"),
        ("faces", tiny.classifier(), 64, "classifier .* of image_size 64. .*2"),
        ("fid_inception", None, None, "must be given the file of its weights"),
        ("fid_inception", "w.pth", None, "must be a .npz file.*w.pth"),
        ("fid_inception", "w.npz", None, "must be readable.*w.npz"),
        ("vgg16", "w.h5", None, "weights of extractor vgg16 must be.*w.h5"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            metrics.extractor(name, weights, image_size=size)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="train must be a function at the top"):
        metrics.extractor("faces", train=lambda size, style: None)
    with pytest.raises(ValueError, match="extractor must be one of.*'resnet'"):
        metrics.create(["kid"], "resnet")


def test_faces_are_trained_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"train": tiny.counted, "image_size": 32, "style": "anime"}
    extractors = [
        metrics.extractor("faces", **arguments, folder=tmp_path / "cache")
        for _ in range(2)
    ]
    assert (tmp_path / "calls").read_text() == "anime 32\n"
    (kept,) = (tmp_path / "cache" / "extractors").iterdir()
    assert kept.name.startswith("faces-anime-32-")
    first, second = (extractor.protocol() for extractor in extractors)
    assert first == second and "(anime)" in first["weights"]
    given = metrics.extractor("faces", kept, image_size=32).protocol()
    assert given["sha256"] == first["sha256"] and given["weights"] == kept.name
    assert given["layer"] == "mean over space of convolution_2"
    kept.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"whole file; delete .*{kept.name}"):
        metrics.extractor("faces", **arguments, folder=tmp_path / "cache")


@pytest.mark.parametrize(
    "module", ["faces/drawing/body", "models/attributes", "networks/attributes"]
)
def test_another_file_where_the_code_of_the_faces_is_another(
    module, tmp_path, monkeypatch
):
    copy = shutil.copytree(faces._PACKAGE, tmp_path / "keras_gans")
    before = faces._digest(tiny.counted)
    monkeypatch.setattr(faces, "_PACKAGE", copy)
    assert faces._digest(tiny.counted) == before
    with open(copy / f"{module}.py", "a") as file:
        file.write("# changed")
    assert faces._digest(tiny.counted) != before


def test_a_failed_training_is_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="'none' .ValueError: style must"):
        metrics.extractor("faces", train=tiny.classifier, style="none")


@pytest.mark.slow
def test_faces_are_the_same_network_each_time():
    from keras_gans.faces import edits

    first, second = (
        metrics.extractor("faces", train=edits.train_classifier)
        for _ in range(2)
    )
    assert first.protocol() == second.protocol()
