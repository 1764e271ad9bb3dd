"""The report: complete, closed to the network, and unmoved by damage."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_gans import callbacks, images, report
from keras_gans.report import parts, pictures

HOSTILE = '<script>alert("x")</script>$\\frac'
SECTIONS = [
    *("Metrics", "Metrics over the steps", "Samples"),
    *("Best and worst pictures", "Losses", "Health"),
    *("Protocol of every metric", "Data", "Settings"),
]


@pytest.fixture
def folder(tmp_path):
    """A run folder with every part, and hostile names wherever there are."""
    folder = tmp_path / "run"
    rng = np.random.default_rng(0)
    for step in (2, 4, 10):
        grid = rng.integers(0, 256, (20, 60, 3), dtype="uint8")
        images.write(folder / f"samples/a_to_b/{step:06d}.png", grid)
    images.write(folder / "examples/best.png", grid[:10])
    settings = {"model": HOSTILE, "image_size": 64, "steps": 10}
    metrics = {
        "measured": HOSTILE,
        "step": 10,
        "directions": {
            "a_to_b": {
                "pictures": HOSTILE,
                "values": {
                    "kid": {
                        "label": "KID-like",
                        "text": "0.25 (kid_spread 0.5)",
                        "better": "lower",
                        "protocol": f"KID-like: of {HOSTILE}",
                    }
                },
                "failed": {"fid must have more pictures": ["fid"]},
            }
        },
        "examples": [
            {"file": "best.png", "title": HOSTILE, "pictures": "7.png 0.5"},
            {"file": "../../outside.png", "title": "", "pictures": ""},
        ],
        "truth_table": [["direction", "L1"], ["photo to anime", "0.074"]],
        "data": {"data_a": {"what": HOSTILE}, "data_b": {"what": "200"}},
    }
    for name, content in (("arguments", settings), ("metrics", metrics)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "log.csv").write_text(
        f"step,seconds,g_loss,{HOSTILE.replace(',', '')},warnings\n"
        "5,1.0,2.5,nan,\n"
        "10,2.0,1.5,nan,copied input a_to_b: look | checkerboard a_to_b\n"
    )
    (folder / "metrics.csv").write_text(
        "step,seconds,a_to_b kid,advice\n5,1,0.5,\n10,1,0.25,stop soon\n"
    )
    return folder


class Page(HTMLParser):
    """What a page shows, by section; and what it would fetch."""

    def __init__(self, path):
        super().__init__()
        self.texts, self.links, self.tags, self.images = {}, [], [], []
        self._section = self._is_heading = None
        self._muted = 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self._muted += tag in ("script", "style")
        self._is_heading = tag == "h2"
        if tag == "img":
            self.images.append(attributes)
        self.links += [
            value
            for name, value in attributes.items()
            if name in ("src", "href", "xlink:href", "action", "data", "srcset")
        ]

    def handle_endtag(self, tag):
        self._muted -= tag in ("script", "style")
        self._is_heading = False

    def handle_data(self, text):
        if self._is_heading:
            self._section = text
            self.texts[text] = ""
        elif self._section and not self._muted:
            self.texts[self._section] += text


def test_every_part_is_shown_and_nothing_is_fetched(folder):
    path = report.write(folder)
    assert path == folder / "report.html"
    page = Page(path)
    assert list(page.texts) == SECTIONS
    for section, text in {
        "Metrics": "0.25 (kid_spread 0.5)lower",
        "Metrics over the steps": "Step 10: stop soon",
        "Samples": "step 10",
        "Best and worst pictures": "7.png 0.5",
        "Losses": "last 1.5, least 1.5 at step 10, greatest 2.5 at step 5",
        "Health": "copied input a_to_b10 to 10, 1 timeslook",
        "Protocol of every metric": f"KID-like: of {HOSTILE}",
        "Data": HOSTILE,
        "Settings": f"model{HOSTILE}",
    }.items():
        assert text in page.texts[section], section
    assert "fid must have more pictures" in page.texts["Metrics"]
    assert "photo to anime0.074" in page.texts["Metrics"]
    assert "no finite value" in page.texts["Losses"]
    assert page.tags.count("script") == 1 and page.tags.count("h1") == 1
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    # Beside these links a style could name an address.
    assert not re.search(r"url\((?!#)|@import", path.read_text())
    # Nothing but its own folder is read.
    assert "examples/outside.png" in page.texts["Best and worst pictures"]


def test_pictures_are_the_files_and_have_words(folder):
    page = Page(report.write(folder, folder / "else/where.html"))
    grids = [image for image in page.images if "data-step" in image]
    assert [image["data-step"] for image in grids] == ["2", "4", "10"]
    assert ["hidden" in image for image in grids] == [True, True, False]
    for image in grids:
        name = f"{int(image['data-step']):06d}.png"
        content = (folder / "samples/a_to_b" / name).read_bytes()
        assert base64.b64decode(image["src"].partition(",")[2]) == content
    assert all("alt" in image for image in page.images)


def test_charts_take_the_colours_of_the_page(folder):
    text = report.write(folder).read_text()
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 3
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img" and "over the steps" in root.get(
            "aria-label"
        )
        assert "var(--line)" in chart and "#000" not in chart
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len({*ids})


DAMAGE = {
    "junk": b"\xff\xfe\x00\x01junk",
    "empty": b"",
    "list": b"[1, 2]",
    "nothing": b"{}",
    "strange": b'{"directions": 3, "examples": "x", "data": [1], "model": 0}',
    "deep": b"[" * 100_000,
    "rows": b"step,a\n1\n2,3,4,5\nx,1\n,\n3,\x00\n",
    "header": b"step,g_loss\n",
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_damage_costs_no_more_than_its_part(folder, damage):
    files = [
        *("arguments.json", "metrics.json", "log.csv", "metrics.csv"),
        *("samples/a_to_b/000004.png", "examples/best.png"),
    ]
    for name in files:
        (folder / name).write_bytes(DAMAGE[damage])
    page = Page(report.write(folder))
    assert list(page.texts) == SECTIONS
    assert all(text.strip() for text in page.texts.values())
    assert "a_to_b/000004.png" in page.texts["Samples"]
    assert "Traceback" not in str(page.texts)
    shown = [i["data-step"] for i in page.images if "data-step" in i]
    assert shown == ["2", "10"]


def test_missing_parts_are_said_in_one_line(folder):
    for path in folder.iterdir():
        if path.name != "samples":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    texts = Page(report.write(folder)).texts
    assert texts["Losses"].strip() == "log.csv is not there."
    assert texts["Settings"].strip() == "arguments.json is not there."
    shutil.rmtree(folder / "samples")
    # What is no run has the parts of an evaluation alone.
    assert list(Page(report.write(folder)).texts) == [
        *("Metrics", "Best and worst pictures"),
        *("Protocol of every metric", "Data"),
    ]
    with pytest.raises(ValueError, match="folder must be that of a run.*nope"):
        report.write(folder / "nope")


@pytest.mark.parametrize("name", ["arguments.json", "log.csv"])
@pytest.mark.parametrize("kind", ["pipe", "large"])
def test_what_is_no_file_of_ours_is_not_waited_for(folder, name, kind):
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    else:
        with open(folder / name, "wb") as file:
            file.truncate(2**27)  # takes no room
    texts = Page(report.write(folder)).texts
    text = texts["Settings" if name == "arguments.json" else "Losses"]
    assert name in text and ("damaged" in text or "cannot be read" in text)


def test_steps_and_bytes_are_bounded(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 64, 3), dtype="uint8")
    for step in range(1, 101):
        images.write(tmp_path / f"samples/a_to_b/{step:06d}.png", noise)
    kinds, _ = pictures.samples(tmp_path)
    steps = [step for step, _, _ in kinds["a_to_b"]]
    assert len(steps) == 40 and steps[0] == 1 and steps[-1] == 100
    assert {*np.diff(steps)} == {2, 3}
    # As JPEG all fit, then half as many, and never fewer than two.
    for most, count in ((400_000, 40), (100_000, 20), (1, 2)):
        monkeypatch.setattr(pictures, "MOST_BYTES", most)
        frames = pictures.samples(tmp_path)[0]["a_to_b"]
        assert len(frames) == count and frames[-1][0] == 100
        assert all("image/jpeg" in uri for _, uri, _ in frames)


def test_it_is_cheap_and_speaks_as_the_log():
    code = "import sys, keras_gans.report; assert 'tensorflow' not in "
    subprocess.run([sys.executable, "-c", f"{code}sys.modules"], check=True)
    assert parts.NOTES_BETWEEN == callbacks.NOTES_BETWEEN


PROBE = """<script>
document.documentElement.dataset.wide = document.documentElement.scrollWidth;
const range = document.querySelector(".slider input");
document.documentElement.dataset.offered = !range.hidden;
range.value = 1;
range.dispatchEvent(new Event("input"));
document.documentElement.dataset.back =
  getComputedStyle(document.body).backgroundColor;
</script>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
@pytest.mark.parametrize("scheme,back", [(1, "255, 255, 255"), (0, "21, ")])
def test_in_a_browser(folder, tmp_path, scheme, back):
    path = report.write(folder)
    path.write_text(path.read_text().replace("</body>", f"{PROBE}</body>"))
    done = subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
            *("--disable-quic", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update"),
            *("--enable-logging=stderr", "--window-size=500,800"),
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--user-data-dir={tmp_path / 'profile'}",
            *("--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    page = done.stdout
    assert f'data-back="rgb({back}' in page
    assert 'data-offered="true"' in page
    # Nothing sticks out of a narrow window.
    assert int(re.search(r'data-wide="(\d+)"', page)[1]) <= 500
    shown = re.findall(r'<img [^>]*data-step="(\d+)"[^>]*?>', page)
    hidden = re.findall(r'<img [^>]*data-step="(\d+)"[^>]* hidden[^>]*>', page)
    assert [*{*shown} - {*hidden}] == ["4"]
    assert "<output>step 4</output>" in page
