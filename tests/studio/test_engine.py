"""The studio without a page."""

import dataclasses
import os
import shutil
import types

import numpy as np
import pytest
from PIL import Image

from keras_gans import images
from keras_gans.checks import UserError
from keras_gans.faces import drawing
from keras_gans.latents import Editor, FeatureAxes
from keras_gans.models.dcgan import DCGAN
from keras_gans.serving import translation
from keras_gans.studio import engine, moved, photos
from keras_gans.studio.tools import axes, follow
from tests.studio.conftest import NAMES
from tests.tiny import make_bare


@pytest.fixture(scope="module")
def studio(folder):
    studio = engine.Studio(
        [folder / "dcgan.keras", folder / "contextual.keras", folder / "run"],
        [folder / "axes.npz"],
    )
    yield studio
    studio.close()
    assert not studio.folder.exists()


@pytest.fixture
def ways(studio):
    return {way.title: way for way in studio.ways(lambda verb: True)}


def test_models_are_told_apart_and_what_fails_is_noted(folder, tmp_path):
    for place in ("one", "two", "three"):
        (tmp_path / place).mkdir()
    file = folder / "dcgan.keras"
    shutil.copy(file, tmp_path / "one" / "faces.keras")
    shutil.copy(file, tmp_path / "two" / "faces.keras")
    (tmp_path / "three" / "broken.keras").write_bytes(b"nothing")
    paths = sorted(tmp_path.rglob("*.keras"))
    studio = engine.Studio([*paths, paths[0], folder / "run"])
    names = [model.name for model in studio.models]
    wanted = ["one/faces.keras", "broken.keras", "two/faces.keras", "run"]
    assert names == wanted
    twice, broken, run = studio.notes
    assert "twice" in twice and broken.startswith("broken.keras: ")
    assert "whole checkpoint" in run and list(studio.runs) == ["run"]
    titles = [way.title for way in studio.ways(engine.from_noise)]
    assert titles == [
        f"{place}/faces.keras: generate" for place in ("one", "two")
    ]
    studio.close()
    with pytest.raises(UserError, match="broken.keras"):
        engine.Studio([tmp_path / "three" / "broken.keras"])


def test_weights_of_vgg_are_there(folder):
    with pytest.raises(UserError, match="weights must be imagenet or.*no.h5"):
        engine.Studio([folder / "dcgan.keras"], weights="no.h5")


def test_the_last_grids_of_a_long_run_are_shown(tmp_path):
    for step in (999_500, 1_000_000):
        images.write(
            tmp_path / f"samples/a_to_b/{step:06d}.png",
            np.zeros((8, 8, 3), np.uint8),
        )
    (last,) = follow._newest(tmp_path)
    assert last.stem == "1000000"


def test_a_model_without_verbs_is_noted(folder, monkeypatch):
    monkeypatch.setattr(DCGAN, "verbs", lambda self: [])
    studio = engine.Studio([folder / "dcgan.keras"])
    assert "dcgan.keras has no verbs" in studio.notes[0]
    assert not studio.ways(lambda verb: True)
    studio.close()


def test_images_of_a_seed_are_those_of_the_commands(ways):
    way = ways["dcgan.keras: generate"]
    load = way.model.loaded
    for seed, part, wanted in ((3, 0.0, 3), (3, 1.0, 5)):
        made = way.generate(2, seed, None, None, (5, part))
        np.testing.assert_allclose(
            made, load.generate(2, wanted).astype(float), atol=1
        )


def test_a_result_tells_what_made_it(studio, ways, tmp_path):
    way = ways["dcgan.keras: generate"]
    image = way.generate(1, 3, None, None)[0]
    path = studio.write(image, "generate", way, seed=3)
    about = engine.read_about(path)
    assert about.items() >= {
        ("tool", "generate"),
        ("model", "dcgan.keras"),
        ("class", "DCGAN"),
        ("step", 0),
        ("seed", 3),
    }
    np.testing.assert_array_equal(images.read(path), image)
    for text in ({}, {"keras_gans": "[" * 9000}, {"keras_gans": '{"tool": 1}'}):
        images.write(tmp_path / "other.png", image, text)
        with pytest.raises(UserError, match="a PNG that the studio"):
            engine.read_about(tmp_path / "other.png")


def test_the_oldest_results_are_deleted(studio, monkeypatch):
    monkeypatch.setattr(engine, "_MOST_KEPT", 1)
    image = np.zeros((8, 8, 3), np.uint8)
    first, second = (studio.write(image, "draw") for _ in range(2))
    assert os.path.exists(second) and not os.path.exists(first)


def test_uploads_are_bounded(studio, tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    Image.new("RGB", (2100, 300)).save(path)
    assert studio.read(path).shape == (146, 1024, 3)
    monkeypatch.setattr(engine, "MOST_PIXELS", 600_000)
    with pytest.raises(UserError, match="the image: must have at most 600000"):
        studio.read(path)
    path.write_bytes(b"<svg/>")
    with pytest.raises(UserError, match="the image: is not a JPEG"):
        studio.read(path)
    with pytest.raises(UserError, match="choose one first"):
        studio.read(None)


def test_a_search_stops_with_what_it_has_found(ways, caplog):
    way = ways["contextual.keras: a to b"]
    odd = dataclasses.replace(way.verb, remarks=lambda images: ["has no lines"])
    way.model.loaded.verbs[way.name] = odd
    sketch = np.full((16, 16, 3), 255, np.uint8)
    told = []
    image, remark = way.translate(
        sketch, progress=lambda *step: told.append(step) or False
    )
    assert image.shape == sketch.shape and told == [(3, 3)]
    # The page tells it, not the log.
    assert remark == "the image has no lines" and not caplog.records


def test_stop_ends_the_call_beside_it_also_while_that_waits(studio):
    for button in (1, 2):
        studio.waits("mine", button)
    studio.waits("other", 1)
    studio.stop("mine", 1)
    with studio.stoppable("mine", 1) as event:
        assert event.is_set()
    for session, button in (("mine", 2), ("other", 1)):
        with studio.stoppable(session, button) as event:
            assert not event.is_set()
            studio.stop("mine")  # its page was closed
            assert event.is_set() == (session == "mine")
    # The next one of a button that was stopped begins anew.
    studio.waits("mine", 1)
    with studio.stoppable("mine", 1) as event:
        assert not event.is_set()


@pytest.mark.parametrize("is_photo", [True, False])
def test_other_labels_keep_latents_moves_and_locks(is_photo):
    model = make_bare("cgan")
    normals = np.eye(2, 8) + 0.3
    found = FeatureAxes(["Smiling", "Young"], normals)

    def begin(seed, vectors, labels):
        editor = Editor(model, found, seed, vectors, labels)
        return types.SimpleNamespace(
            editor=editor, vectors=vectors, labels=labels
        )

    vectors = np.full((1, 8), 0.5, np.float32) if is_photo else None
    held = begin(3, vectors, {"Male": 1})
    held.editor.move("Smiling", 1.5)
    held.editor.toggle("Young")
    other = axes.begun_again(held, begin, {"Blond_Hair": 1})
    assert other.editor.state() == held.editor.state()
    assert other.vectors is vectors and other.labels == {"Blond_Hair": 1}
    assert (other.editor.image() != held.editor.image()).any()


def test_a_file_that_comes_later_needs_a_new_page(folder, tmp_path):
    studio = engine.Studio([folder / "dcgan.keras", tmp_path / "late.keras"])
    _, late = studio.models
    shutil.copy(folder / "dcgan.keras", late.path)
    with pytest.raises(UserError, match="late.keras can be loaded now: start"):
        late.load()
    assert not late.loaded
    studio.close()


def test_a_replaced_file_is_seen_and_loaded_again(folder, tmp_path):
    path = tmp_path / "model.keras"
    shutil.copy(folder / "dcgan.keras", path)
    studio = engine.Studio([path])
    (model,) = studio.models
    (way,) = studio.ways(engine.from_noise)
    before = way.generate(1, 0, None, None)

    def replace(write):
        write(path)
        os.utime(path, ns=(1, 1))
        assert model.is_replaced

    replace(lambda path: path.write_bytes(b"half a file"))
    with pytest.raises(UserError, match="model.keras"):
        model.load()
    replace(make_bare("cyclegan").save)
    with pytest.raises(UserError, match="is another model now"):
        model.load()
    np.testing.assert_array_equal(way.generate(1, 0, None, None), before)
    replace(make_bare("dcgan").save)
    model.load()
    assert not model.is_replaced and not model.problem
    assert (way.generate(1, 0, None, None) != before).any()
    studio.close()


def test_faces_are_cut_out_upright_as_a_generator_draws_them():
    face = drawing.draw(1, "photo", image_size=192)
    frame = photos.frame(face[None])
    wide = np.full((400, 600, 3), 255, np.uint8)
    wide[150:342, 40:232] = face
    turned = Image.fromarray(wide).rotate(15, fillcolor="white")
    for photo in (wide, np.array(turned)):
        aligned, is_found = photos.align(photo, frame, 64)
        assert is_found
        small = images.fit_square(face, 64).astype(float)
        assert (
            np.abs(aligned[16:-16, 16:-16] - small[16:-16, 16:-16]).mean() < 25
        )
    aligned, is_found = photos.align(wide[:, 300:], frame, 64)
    assert not is_found and aligned.shape == (64, 64, 3)


def test_axes_within_a_model_move_as_an_editor_does(folder):
    axes = FeatureAxes.load(folder / "axes.npz")
    model = make_bare("dcgan")
    model.axes = axes
    loaded = translation.of_model(model)
    opened = engine.Model.__new__(engine.Model)
    opened.loaded = loaded
    one = moved.Moved(engine.Way(opened, "edit"), NAMES, 3)
    other = Editor(loaded, axes, 3)
    for editor in (one, other):
        editor.move("Male", 1.5)
    assert one.state() == other.state() == "seed=3&Male=1.5"
    np.testing.assert_allclose(one.image(), other.image().astype(float), atol=1)
    one.new_image()
    one.restore(other.state())
    assert one.seed == 3 and one.amounts["Male"] == 1.5
    with pytest.raises(UserError, match="state must be text.*'Nose'"):
        one.restore("seed=3&Nose=1")
