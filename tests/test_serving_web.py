"""The page for the browser, opened in a real one."""

import functools
import http.server
import os
import shutil
import threading

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import export, images
from keras_gans.checks import UserError
from keras_gans.serving import (
    onnx_files,
    signatures,
    tensors,
    translation,
    web,
)
from keras_gans.verbs import Images, Verb
from tests import serving_pictures as pictures
from tests.tiny import make_bare
from tests.toys.noise import NoiseToy


@pytest.fixture(scope="module")
def runtime():
    """A folder of onnxruntime-web, which `.ci/run` fetches."""
    folder = os.environ.get("ONNXRUNTIME_WEB")
    if not folder:
        pytest.skip("ONNXRUNTIME_WEB must be a folder of onnxruntime-web")
    return folder


@pytest.fixture(scope="module")
def models():
    names = ["Black_Hair", "Blond_Hair", "Male"]
    return {"stargan": make_bare("stargan"), "noise": NoiseToy(labels=names)}


@pytest.fixture(scope="module")
def site(models, runtime, tmp_path_factory):
    """The address of a plain server of the pages of the models."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    folder = tmp_path_factory.mktemp("site")
    samples = np.stack([pictures.pixels(16, 16, seed=i) for i in range(2)])
    for name, model in models.items():
        path = folder / name
        assert path == export.export(
            model, path, samples, format="web", onnxruntime=runtime
        )
    handler = functools.partial(
        http.server.SimpleHTTPRequestHandler, directory=folder
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(site):
    api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no browser")
    options = [
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update"),
        "--disable-sync",
    ]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        browser.close()
    assert not problems


def downloaded(page):
    """Wait for a result; return its file as pixels, and the file's name."""
    page.get_by_role("status").filter(has_text="Done").wait_for()
    with page.expect_download() as event:
        page.locator("#download").click()
    return images.read(event.value.path()), event.value.suggested_filename


def assert_alike(actual, expected):
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected).max() <= 2


def test_a_translation_has_the_pixels_of_the_savedmodel(
    page, site, models, tmp_path
):
    loaded = translation.of_model(models["stargan"])
    photo = pictures.pixels(53, 40)
    images.write(tmp_path / "photo.png", photo)
    page.goto(f"{site}/stargan/")
    page.locator("#file").set_input_files(tmp_path / "photo.png")
    result, name = downloaded(page)
    assert name == "photo_translate.png"
    # The first of an exclusive group is on.
    assert_alike(result, loaded.translate(photo, to={"Black_Hair": 1}))

    page.get_by_label("Male").check()
    page.get_by_label("Blond Hair").check()
    result, _ = downloaded(page)
    to = {"Blond_Hair": 1, "Male": 1}
    assert_alike(result, loaded.translate(photo, to=to))

    page.set_viewport_size({"width": 390, "height": 800})  # of a telephone
    assert page.evaluate("document.documentElement.scrollWidth") == 390

    (tmp_path / "broken.png").write_bytes(b"no image")
    page.locator("#file").set_input_files(tmp_path / "broken.png")
    page.get_by_text("broken.png cannot be read").wait_for()


def test_a_seed_gives_the_image_that_it_gives_in_python(page, site, models):
    loaded = translation.of_model(models["noise"])
    page.goto(f"{site}/noise/")
    expected = loaded.generate(1, seed=0, labels={"Black_Hair": 1})
    assert_alike(downloaded(page)[0], expected[0])

    page.locator("#truncation").fill("0.7")
    page.locator("#seed").fill("-123456789012")
    page.locator("#seed").press("Tab")
    result, name = downloaded(page)
    assert name == "seed-123456789012.png"
    expected = loaded.generate(
        1, -123456789012, labels={"Black_Hair": 1}, truncation=0.7
    )
    assert_alike(result, expected[0])


def test_wrong_use_is_told_in_one_line(tmp_path, models, monkeypatch, caplog):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    samples, runtime = np.zeros((1, 16, 16, 3), np.uint8), tmp_path / "no"
    write = functools.partial(export.export, format="web", onnxruntime=runtime)
    with pytest.raises(UserError, match="onnxruntime must be .*ort.wasm.*no'"):
        write(models["stargan"], tmp_path / "site", samples)
    assert not list((tmp_path / "site").iterdir())
    with pytest.raises(UserError, match="without a verb that a page"):
        write(make_bare("contextual"), tmp_path / "site", samples)
    assert "sketch_to_photo is left out: it searches" in caplog.text
    monkeypatch.setattr(web, "_copy_runtime", lambda *args: None)
    monkeypatch.setattr(web, "_MOST_BYTES", 1000)
    with pytest.raises(UserError, match="model must have at most 0 MiB"):
        write(models["stargan"], tmp_path / "site", samples)
    (tmp_path / "site" / "notes").touch()
    with pytest.raises(UserError, match="output must be .*with notes"):
        write(models["stargan"], tmp_path / "site", samples)
    with pytest.raises(UserError, match="onnxruntime must be left out"):
        write(models["stargan"], tmp_path / "other", samples, format="onnx")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no npm; give --onnxruntime"):
        web._fetch_runtime(tmp_path)


def test_padding_to_multiples_is_the_same_in_onnx(tmp_path, models):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")

    def mirror(images):  # what was padded comes into sight
        return images[:, ::-1, ::-1]

    verb = Verb("mirror", mirror, {"images": Images(16, multiple=16)})
    inputs = {"images": pictures.pixels(18, 5)[None]}
    actual = onnx_files.convert(
        tmp_path / "mirror.onnx",
        web._on_pixels(verb),
        signatures.specs(verb, images=tf.uint8),
        models["noise"],
        inputs,
    )
    expected = tensors.tensor_form(mirror, verb)(**inputs)["images"]
    np.testing.assert_array_equal(actual, expected)
    assert (actual != inputs["images"][:, ::-1, ::-1]).any()
