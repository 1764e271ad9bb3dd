"""The studio's page in a real browser, which is Debian's chromium."""

import re
import shutil

import numpy as np
import pytest

from keras_gans import images
from keras_gans.faces import drawing
from keras_gans.studio import engine
from tests.tiny import make_bare

gradio = pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
_TIMEOUT = 60_000  # milliseconds, of a busy machine


@pytest.fixture(scope="module")
def studio(folder):
    # So long that only the button stops it.
    model = make_bare("contextual")
    model.search_steps = 100_000
    model.save(folder / "contextual.keras")
    names = "cyclegan", "stargan", "contextual", "dcgan"
    studio = engine.Studio(
        [*(folder / f"{name}.keras" for name in names), folder / "run"],
        [folder / "axes.npz"],
    )
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def address(studio):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(studio.folder))
        patch.setattr(engine, "MOST_BYTES", 2**17)
        from keras_gans.studio import page

        built = page.build(studio)
        yield page.launch(built, studio)
        built.close(verbose=False)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"),
            executable_path=CHROMIUM,
            args=list(_FLAGS),
        )
        context.set_default_timeout(_TIMEOUT)
        sync_api.expect.set_options(timeout=_TIMEOUT)
        yield context
        context.close()


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for all tests, each of which begins at its own tab."""
    page = browser.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    return page


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    path = tmp_path_factory.mktemp("faces") / "face.png"
    images.write(path, drawing.draw(7, "photo", image_size=64))
    return path


def opened(page, tab):
    """Open a tab; return what it shows."""
    page.get_by_role("tab", name=tab, exact=True).click()
    panels = page.get_by_role("tabpanel").filter(visible=True)
    return panels.first


def downloaded(page, button, path):
    with page.expect_download() as download:
        button.click()
    download.value.save_as(path)
    return engine.read_about(path)


def source(panel):
    return panel.locator(".result img:visible").first.get_attribute("src")


def changed(page, panel, before):
    """Wait until another result shows; return its address."""
    result = panel.locator(".result img:visible").first
    sync_api.expect(result).not_to_have_attribute("src", before)
    return source(panel)


def test_a_photo_is_uploaded_translated_and_downloaded(
    page, face, studio, tmp_path
):
    panel = opened(page, "Translate")
    panel.locator("input[type=file]").first.set_input_files(face)
    button = panel.get_by_role("button", name="Download").filter(visible=True)
    button.first.wait_for()
    about = downloaded(page, button.first, tmp_path / "a.png")
    assert about["model"] == "cyclegan.keras" and about["verb"] == "a_to_b"
    (way,) = studio.ways(lambda verb: verb.name == "a_to_b")
    wanted, _ = way.translate(images.read(face))
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), wanted)
    # Side by side.
    panel.get_by_label("cyclegan.keras: b to a").check()
    sync_api.expect(button).to_have_count(2)


def test_bad_files_are_told_and_the_server_lives(page, face, tmp_path):
    panel = opened(page, "Translate")
    (tmp_path / "broken.png").write_bytes(b"no image")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), "uint8")
    images.write(tmp_path / "huge.png", noise)
    place = panel.locator("input[type=file]").first

    def give(path):
        for button in panel.get_by_label("Remove Image").all():  # if any
            button.click()
        place.set_input_files(path)

    give(tmp_path / "broken.png")
    panel.get_by_text("the image: is not a JPEG").wait_for()
    give(tmp_path / "huge.png")
    page.get_by_text(re.compile("maximum allowed size|exceed")).first.wait_for()
    place.set_input_files(face)
    panel.get_by_role("button", name="Download").first.wait_for()


def test_labels_are_boxes_and_groups(page, face, tmp_path):
    panel = opened(page, "Labels")
    panel.get_by_label("Blond Hair").check()
    panel.get_by_label("Male").check()
    panel.locator("input[type=file]").first.set_input_files(face)
    button = panel.get_by_role("button", name="Download")
    sync_api.expect(button).to_be_enabled()
    panel.locator(".result img:visible").first.wait_for()
    about = downloaded(page, button, tmp_path / "b.png")
    assert about["labels"] == {"Black_Hair": 0, "Blond_Hair": 1, "Male": 1}


def test_what_is_drawn_is_translated_at_once_or_searched(page):
    panel = opened(page, "Draw")
    draw(page, panel)
    panel.locator(".result img:visible").first.wait_for()

    choice = panel.get_by_label("model")
    choice.click()
    page.get_by_role("option", name="contextual.keras: a to b").click()
    # The canvas of the other model shows until the button of this one does.
    find = panel.get_by_role("button", name="Find the image")
    find.wait_for()
    sync_api.expect(panel.locator(".canvas:visible")).to_have_count(1)
    draw(page, panel)
    find.click()
    # From step 1,000 on, Gradio counts in thousands: "1.2k/100k steps".
    page.get_by_text(re.compile(r"\d\S*/\S+ steps")).first.wait_for()
    panel.get_by_role("button", name="Stop").click()
    panel.locator(".result img:visible").first.wait_for()


def draw(page, panel):
    panel.get_by_label("Brush", exact=True).filter(visible=True).click()
    box = panel.locator(".canvas canvas:visible").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 50, y)
    page.mouse.down()
    page.mouse.move(x + 50, y + 20, steps=3)
    page.mouse.up()


def test_features_move_are_locked_kept_in_a_file_and_restored(
    page, browser, address, tmp_path
):
    panel = opened(page, "Features")
    first = source(panel)
    panel.get_by_label("range slider for Smiling").fill("1.5")
    moved = changed(page, panel, first)
    panel.locator(".axis button").nth(1).click()
    sync_api.expect(panel.locator(".axis button").nth(1)).to_have_text("locked")
    male = panel.get_by_label("range slider for Male")
    sync_api.expect(male).to_be_disabled()
    moved = changed(page, panel, moved)
    about = downloaded(
        page, panel.get_by_label("Download").first, tmp_path / "c.png"
    )
    assert about["state"].startswith("seed=0&Smiling=")
    assert about["state"].endswith("&lock=Male")

    # Another browser knows nothing of it, until the file is dropped there.
    other = browser.new_page()
    other.goto(address)
    theirs = opened(other, "Features")
    lock = theirs.locator(".axis button").nth(1)
    sync_api.expect(lock).to_have_text("lock")
    opened(other, "Generate")
    other.evaluate(
        """([name, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            document.body.dispatchEvent(new DragEvent("drop", {
              dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        ["c.png", [*(tmp_path / "c.png").read_bytes()]],
    )
    sync_api.expect(lock).to_have_text("locked")
    again = downloaded(
        other, theirs.get_by_label("Download").first, tmp_path / "d.png"
    )
    assert again == about
    np.testing.assert_array_equal(
        *(images.read(tmp_path / name) for name in ("c.png", "d.png"))
    )
    other.close()


def test_images_of_a_seed(page, tmp_path):
    panel = opened(page, "Generate")
    before = source(panel)
    panel.get_by_role("button", name="New images").click()
    before = changed(page, panel, before)
    panel.get_by_label("range slider for way from seed to seed").fill("0.5")
    changed(page, panel, before)
    about = downloaded(
        page, panel.get_by_label("Download").first, tmp_path / "e.png"
    )
    assert [about[name] for name in ("seed", "other", "part")] == [1, 2, 0.5]
    # Where the seed is not drawn from yet, "New images" tells.
    panel.get_by_label("range slider for way from seed to seed").fill("0")
    panel.get_by_label("to seed", exact=True).fill("100000000000000000000")
    panel.get_by_role("button", name="New images").click()
    panel.get_by_text("seed must be").wait_for()
    sync_api.expect(panel.get_by_label("seed", exact=True)).to_have_value("1")
    panel.get_by_label("to seed", exact=True).fill("2")


def test_a_run_is_followed(page, folder):
    panel = opened(page, "Runs")
    panel.get_by_text("washed out").wait_for()
    with open(folder / "run" / "log.csv", "a") as file:
        file.write("7,2.0,0.25,few images: alike\n")
    panel.get_by_text("few images").wait_for()
    panel.get_by_text("logged up to step 7 of 9").wait_for()


def test_a_replaced_model_is_told(page, folder):
    make_bare("dcgan").save(folder / "dcgan.keras")
    panel = opened(page, "Generate")
    panel.get_by_role("button", name="New images").click()
    panel.get_by_text("has changed on the disk").wait_for()
    page.get_by_role("button", name="Models").click()
    page.get_by_role("button", name="Load again").click()
    page.get_by_text("Loaded: dcgan.keras").wait_for()
    panel.get_by_role("button", name="New images").click()
    panel.get_by_text("has changed on the disk").wait_for(state="hidden")


def test_nothing_leaves_the_machine(page, address):
    assert address.startswith("http://127.0.0.1:")
    assert page.asked
    assert all(
        url.startswith((address, "data:", "blob:")) for url in page.asked
    )
