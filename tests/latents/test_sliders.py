"""Edit an image along axes: by calls, and by widgets without a browser."""

import numpy as np
import pytest
from PIL import Image

from keras_gans.checks import UserError
from keras_gans.latents import Editor, FeatureAxes, sliders
from tests.latents.toys import NAMES, Painter, directions
from tests.toys.noise import NoiseToy


@pytest.fixture(scope="module")
def painter():
    return Painter(directions())


@pytest.fixture
def axes():
    ranges = [[-4.0, 4.0]] * 3
    return FeatureAxes(NAMES, directions(), ranges=ranges)


@pytest.fixture
def editor(painter, axes):
    return Editor(painter, axes, seed=3)


def test_moves_are_those_of_the_axes(editor, axes):
    z = axes.latents.draw(1, seed=3)
    np.testing.assert_array_equal(editor.latents(), z)
    editor.move("Smiling", 1.5)
    editor.move("Smiling", -0.5)
    editor.move("Young", 1.0)
    wanted = axes.move(z, {"Smiling": -0.5, "Young": 1.0})
    np.testing.assert_array_equal(editor.latents(), wanted)
    assert editor.amounts == {"Male": 0.0, "Smiling": -0.5, "Young": 1.0}
    assert editor.image().shape == (8, 8, 3)
    editor.reset()
    np.testing.assert_array_equal(editor.latents(), z)


def test_a_locked_feature_stays_and_the_image_does_not_jump(editor, axes):
    editor.move("Smiling", 1.5)
    before = editor.latents()
    editor.toggle("Male")
    np.testing.assert_allclose(editor.latents(), before, atol=1e-6)
    # Half of a move along Smiling was one along Male.
    assert editor.amounts["Male"] == pytest.approx(0.75)
    assert editor.fixed == {"Male"}
    editor.move("Smiling", -2.0)
    editor.move("Young", 1.0)
    kept, moved = (axes.coordinates(z)[0] for z in (before, editor.latents()))
    assert moved[0] == pytest.approx(kept[0], abs=1e-5)
    assert moved[1] < kept[1] - 2.0
    with pytest.raises(UserError, match="neither locked.*'Male'"):
        editor.move("Male", 1.0)
    editor.toggle("Young")
    assert editor.locks == ("Male", "Young")
    now = editor.latents()
    editor.toggle("Male")
    editor.toggle("Young")
    assert editor.locks == () and not editor.fixed
    np.testing.assert_allclose(editor.latents(), now, atol=1e-5)
    np.testing.assert_array_equal(editor.axes.directions, axes.directions)


def test_axes_in_the_span_of_the_locked_cannot_be_moved(painter):
    normals = directions()
    normals[2] = normals[1] - 0.1 * normals[0]
    editor = Editor(painter, FeatureAxes(NAMES, normals))
    editor.move("Young", 1.0)
    before = editor.latents()
    editor.toggle("Male")
    editor.toggle("Smiling")
    np.testing.assert_allclose(editor.latents(), before, atol=1e-5)
    assert editor.fixed == {*NAMES}
    with pytest.raises(UserError, match="in the span.*'Young'"):
        editor.move("Young", 2.0)
    editor.toggle("Smiling")
    assert editor.fixed == {"Male"}
    np.testing.assert_allclose(editor.latents(), before, atol=1e-5)


def test_turned_axes_stay_turned_without_locks(painter, axes):
    turned = axes.orthogonalize((), "dual")
    editor = Editor(painter, turned)
    np.testing.assert_allclose(editor.axes.directions, turned.directions)
    editor.move("Smiling", 1.0)
    before = editor.latents()
    editor.toggle("Male")
    np.testing.assert_allclose(editor.latents(), before, atol=1e-6)


def test_state_leads_to_the_same_image(editor, painter, axes):
    editor.move("Smiling", 1.5)
    assert editor.state() == "seed=3&Smiling=1.5"
    editor.toggle("Male")
    editor.move("Young", 0.1)
    state = editor.state()
    assert state.startswith("seed=3&Male=0.75&Smiling=1.299")
    assert state.endswith("&Young=0.1&lock=Male")
    other = Editor(painter, axes)
    other.move("Male", 1.0)
    other.restore(state)
    np.testing.assert_array_equal(other.latents(), editor.latents())
    assert other.state() == state and other.locks == ("Male",)
    other.new_image()
    assert other.state() == "seed=4&lock=Male"
    other.restore("")  # of the same image, without moves
    assert other.state() == "seed=4"


@pytest.mark.parametrize(
    "state",
    [
        *("seed=x", "seed=1&seed", "Hat=1", "Smiling=many", "lock=Hat"),
        *("Smiling=nan", "Smiling=1e99", "seed=99999999999999999999", "%%", 3),
    ],
)
def test_wrong_states_change_nothing(editor, state):
    editor.move("Smiling", 1.0)
    with pytest.raises(UserError, match="state must be text such as"):
        editor.restore(state)
    assert editor.state() == "seed=3&Smiling=1.0"


def test_image_of_given_latents(painter, axes):
    z = axes.latents.draw(1, seed=8)
    editor = Editor(painter, axes, latents=z)
    editor.move("Male", 1.0)
    assert editor.state() == "Male=1.0"
    np.testing.assert_allclose(editor.latents(), axes.move(z, {"Male": 1.0}))
    editor.restore("Male=2.0")
    np.testing.assert_allclose(editor.latents(), axes.move(z, {"Male": 2.0}))
    editor.new_image()
    assert editor.state() == "seed=0"
    with pytest.raises(UserError, match="of one image. Received: 2"):
        Editor(painter, axes, latents=axes.latents.draw(2))


def test_labels_of_the_generator_stay():
    model = NoiseToy(labels=["a", "b"])
    editor = Editor(model, FeatureAxes(["x"], np.ones((1, 8))), labels={"b": 1})
    editor.move("x", 1.0)
    wanted = model.generate(latents=editor.latents(), labels={"b": 1})
    levels = (np.asarray(wanted)[0] + 1.0) * 127.5
    np.testing.assert_allclose(editor.image(), levels, atol=0.51)


def test_wrong_axes(painter, axes):
    with pytest.raises(UserError, match="other names than.*Received: lock"):
        Editor(painter, FeatureAxes(["lock"], np.ones((1, 12))))
    with pytest.raises(UserError, match="those of this generator"):
        Editor(painter, FeatureAxes(["a"], np.ones((1, 5))))
    with pytest.raises(UserError, match="limit must be .* above 0.*-1"):
        sliders(painter, axes, limit=-1)


class Page:
    """The widgets of `sliders`, by what stands on them."""

    def __init__(self, box):
        self.image, grid, buttons, self.link, self.message = box.children
        self.editor = box.editor
        cells = [cell.children for cell in grid.children]
        self.knobs = {knob.description: knob for knob, _ in cells}
        self.locks = {knob.description: lock for knob, lock in cells}
        *buttons, self.file = buttons.children
        self.buttons = {button.description: button for button in buttons}


@pytest.fixture
def page(painter, axes):
    return Page(sliders(painter, axes, seed=3))


def test_widgets(page):
    first = page.image.value
    assert bytes(first[:4]) == b"\x89PNG"
    page.knobs["Smiling"].value = 1.5
    assert page.editor.amounts["Smiling"] == 1.5
    assert page.image.value != first
    assert page.link.value == "seed=3&Smiling=1.5"
    shown = page.image.value
    page.locks["Male"].value = True
    assert page.image.value == shown  # no jump
    assert page.editor.locks == ("Male",)
    assert page.knobs["Male"].disabled and not page.knobs["Young"].disabled
    assert page.knobs["Male"].value == pytest.approx(0.75)
    page.locks["Male"].value = False
    assert page.knobs["Smiling"].value == pytest.approx(1.5)
    page.buttons["reset"].click()
    assert page.image.value == first and page.knobs["Smiling"].value == 0.0
    page.buttons["new image"].click()
    assert page.link.value == "seed=4" and page.image.value != first


def test_saved_file_has_the_state(page, painter, axes, tmp_path):
    page.knobs["Young"].value = -1.0
    page.file.value = str(tmp_path / "face.png")
    page.buttons["save"].click()
    assert page.message.value == f"saved {tmp_path}/face.png"
    with Image.open(tmp_path / "face.png") as file:
        state, pixels = file.text["keras_gans"], np.array(file)
    assert state == "seed=3&Young=-1.0"
    again = sliders(painter, axes, state=state)
    np.testing.assert_array_equal(again.editor.image(), pixels)


def test_page_says_what_is_wrong_and_goes_on(page, tmp_path):
    page.link.value = "Hat=1"
    assert page.message.value.startswith("state must be text")
    assert page.link.value == "seed=3"
    page.link.value = "seed=5&Smiling=9.0"
    assert page.knobs["Smiling"].value == page.knobs["Smiling"].max == 9.0
    assert page.message.value == "beyond the samples: Smiling"
    page.file.value = str(tmp_path)
    page.buttons["save"].click()
    assert page.message.value.startswith("path must end in .png")
    page.knobs["Smiling"].value = 0.0
    assert page.message.value == "" and page.knobs["Smiling"].max == 3.0
