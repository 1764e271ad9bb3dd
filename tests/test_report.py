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

from keras_gans import images, report
from keras_gans.report import contents

HOSTILE = '<script>alert("x")</script>{{ 7 * 7 }}_\u202e\x07\ud800'
SHOWN = '<script>alert("x")</script>{{ 7 * 7 }}_\\u202e\\x07\\ud800'
ODD_NAME = HOSTILE.replace("/", "")[:-1] + "\udcff"  # bytes that are no text
SECTIONS = [
    *("Metrics", "Metrics over the steps", "Samples"),
    *("Best and worst images", "Losses", "Health"),
    *("Protocols in training", "Data", "Settings"),
]


@pytest.fixture
def folder(tmp_path):
    """A run folder with every part, and hostile names wherever there are."""
    folder = tmp_path / "run"
    rng = np.random.default_rng(0)
    for step in (2, 4, 10):
        grid = rng.integers(0, 256, (20, 60, 3), dtype="uint8")
        images.write(folder / f"samples/a_to_b/{step:06d}.png", grid)
    images.write(folder / "samples" / ODD_NAME / "000001.png", grid)
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
                "failed": {f"fid is {HOSTILE}": ["fid", HOSTILE]},
            }
        },
        "examples": [
            {"file": "best.png", "title": HOSTILE, "pictures": "7.png 0.5"},
            {"file": "../../outside.png", "title": "", "pictures": ""},
        ],
        "truth_table": [["direction", "L1"], ["photo to anime", "0.074"]],
        "data": {"data_a": {"what": HOSTILE}, HOSTILE: {"what": "200"}},
    }
    protocol = {HOSTILE: {HOSTILE: HOSTILE, "fake_count": 9}}
    for name, content in (
        *(("arguments", settings), ("metrics", metrics)),
        ("metrics_protocol", protocol),
    ):
        (folder / f"{name}.json").write_text(json.dumps(content))
    name = HOSTILE[:-1].replace('"', '""')  # what UTF-8 can write
    (folder / "log.csv").write_text(
        f'step,seconds,g_loss,"{name}",warnings\n'
        "5,1.0,2.5,nan,\n"
        "10,2.0,1.5,nan,copied input a_to_b: look | checkerboard a_to_b\n"
        f'15,3.0,inf,inf,"copied input a_to_b | {name}: {name}"\n',
        encoding="utf-8",
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
        self.policy = None
        self._section = self._is_heading = None
        self._muted = 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self._muted += tag in ("script", "style")
        self._is_heading = tag == "h2"
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
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
        "Best and worst images": f"{SHOWN}: 7.png 0.5",
        "Losses": "last 1.5, least 1.5 at step 10, greatest 2.5 at step 5; "
        "1 values are not finite",
        "Health": "copied input a_to_b, steps 10 to 15, 2 times. look",
        "Protocols in training": f"{SHOWN.replace('_', ' ')} {SHOWN}; "
        "fake count 9",
        "Data": SHOWN,
        "Settings": f"model{SHOWN}",
    }.items():
        assert text in " ".join(page.texts[section].split()), section
    for text in (
        f"KID-like: of {SHOWN}",
        f"Not computed: fid, {SHOWN}: fid is {SHOWN}",
        "photo to anime0.074",
    ):
        assert text in page.texts["Metrics"]
    assert "no finite value" in page.texts["Losses"]
    assert r"\u202e\x07\udcff, step 1" in page.texts["Samples"]
    assert not re.search("[\u202e\x07]", path.read_text())
    assert page.tags.count("script") == 1 and page.tags.count("h1") == 1
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    # Beside these links a style could name an address.
    assert not re.search(r"url\((?!#)|@import", path.read_text())
    assert page.policy.startswith("default-src 'none'; img-src data:;")
    # Nothing but its own folder is read.
    assert "examples/outside.png" in page.texts["Best and worst images"]


def test_images_are_the_files_and_have_words(folder):
    page = Page(report.write(folder, folder / "else/where.html"))
    grids = [image for image in page.images if "data-step" in image]
    steps = [image["data-step"] for image in grids]
    assert steps == ["1", "2", "4", "10"]  # the first of another kind
    hidden = ["hidden" in image for image in grids]
    assert hidden == [False, True, True, False]
    for image in grids[1:]:
        name = f"{int(image['data-step']):06d}.png"
        content = (folder / "samples/a_to_b" / name).read_bytes()
        assert base64.b64decode(image["src"].partition(",")[2]) == content
    assert all("alt" in image for image in page.images)


def test_charts_are_drawn_in_the_colors_of_the_page(folder):
    text = report.write(folder).read_text()
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == 2  # a column without a finite value has none
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert "over the steps" in root.get("aria-label")
        assert "#" not in chart
    assert "svg .curve { stroke: var(--line)" in text
    (curve,) = re.findall('class="curve" d="([^"]*)"', charts[1])
    # Steps 5 and 10 of 15; what is not finite is left out.
    assert curve == "M0.0 0.0h.1L150.0 120.0h.1"
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len({*ids})


def test_curves(tmp_path):
    def curve(*values):
        rows = "".join(f"{i},{value}\n" for i, value in enumerate(values))
        (tmp_path / "log.csv").write_text(f"step,a\n{rows}")
        return contents.Contents(tmp_path).curves("log.csv")["a"]

    # A gap, and a point alone.
    assert curve(0, "nan", 1, "", 0.5)["path"] == (
        "M0.0 120.0h.1M150.0 0.0h.1M300.0 60.0h.1"
    )
    for value in (0.0, 3.0, -1e308, 1e-300):
        found = curve(value)
        assert found["path"] == "M0.0 60.0h.1"
        assert found["ticks"] == [("60.0", value)]
    found = curve(-1.7e308, 1.7e308)
    assert found["path"] == "M0.0 120.0h.1L300.0 0.0h.1"
    assert curve("inf", "x")["path"] == ""
    assert curve(*range(20_000))["path"].count("L") == 4999


def test_a_table_that_a_spreadsheet_has_saved(tmp_path):
    (tmp_path / "log.csv").write_text("step,a\n1,2\n", "utf-8-sig")
    assert contents.Contents(tmp_path).table("log.csv")[0]["step"] == 1


def test_only_a_report_is_replaced(folder):
    path = report.write(folder, folder / "mine.html")
    assert report.write(folder, path) == path
    for content in (b"", b"<!DOCTYPE html>\n<html>my page</html>", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="report must be a new file, or"):
            report.write(folder, path)
        assert path.read_bytes() == content


def test_control_characters_are_escaped(folder):
    settings = json.loads((folder / "arguments.json").read_text())
    settings["data_a"] = "a\x1b[31m\n\u202e\udcff"
    (folder / "arguments.json").write_text(json.dumps(settings))
    text = report.write(folder).read_text("utf-8")
    assert r"a\x1b[31m\n\u202e\udcff" in text
    assert not {"\x1b", "\u202e"} & {*text}


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
        "metrics_protocol.json",
    ]
    for name in files:
        (folder / name).write_bytes(DAMAGE[damage])
    page = Page(report.write(folder))
    assert list(page.texts) == SECTIONS
    assert all(text.strip() for text in page.texts.values())
    assert "a_to_b/000004.png" in page.texts["Samples"]
    assert "Traceback" not in str(page.texts)
    shown = [i["data-step"] for i in page.images if "data-step" in i]
    assert shown == ["1", "2", "10"]


@pytest.mark.parametrize("name", ["log.csv", "metrics.json", "samples/a_to_b"])
def test_other_parts_stay_as_they_are(folder, name):
    whole = Page(report.write(folder)).texts
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.mkdir()  # where a file should be
    if name == "samples/a_to_b":
        (path / "000001.png").mkdir()
    changed = Page(report.write(folder)).texts
    assert {part for part in whole if whole[part] != changed[part]} == {
        "log.csv": {"Losses", "Health"},
        "metrics.json": {"Metrics", "Best and worst images", "Data"},
        "samples/a_to_b": {"Samples"},
    }[name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_are_not_waited_for(folder):
    for name in ("log.csv", "samples/a_to_b/000004.png"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    texts = Page(report.write(folder)).texts
    for part in ("Losses", "Health", "Samples"):
        assert "it is no plain file" in texts[part]


def test_missing_parts_are_said_in_one_line(folder):
    for path in folder.iterdir():
        if path.name != "samples":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    texts = Page(report.write(folder)).texts
    assert texts["Losses"].strip() == "There is no log.csv."
    assert texts["Settings"].strip() == "There is no arguments.json."
    shutil.rmtree(folder / "samples")
    # What is no run has the parts of an evaluation alone.
    assert list(Page(report.write(folder)).texts) == [
        *("Metrics", "Best and worst images", "Data"),
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
    run = contents.Contents(tmp_path)
    kinds, _ = run.samples()
    steps = [step for step, _, _ in kinds["a_to_b"]]
    assert len(steps) == 40 and steps[0] == 1 and steps[-1] == 100
    assert {*np.diff(steps)} == {2, 3}
    # As JPEG all fit, then half as many, then the last alone, then none.
    for most, count in ((500_000, 40), (150_000, 20), (8_000, 1), (1, 0)):
        monkeypatch.setattr(contents, "MOST_BYTES", most)
        frames = run.samples()[0]["a_to_b"]
        assert len(frames) == count and (not count or frames[-1][0] == 100)
        assert all("image/jpeg" in uri for _, uri, _ in frames)
        assert sum(len(uri) for _, uri, _ in frames) <= most
    page = Page(report.write(tmp_path))
    assert "a_to_b: damaged, or too large" in page.texts["Samples"]


def test_it_is_cheap():
    code = "import sys, keras_gans.report; assert 'tensorflow' not in "
    subprocess.run([sys.executable, "-c", f"{code}sys.modules"], check=True)


PROBE = """<script>
document.documentElement.dataset.wide = document.documentElement.scrollWidth;
const range = document.querySelector(".slider input");
document.documentElement.dataset.offered = !range.hidden;
range.value = 1;
range.dispatchEvent(new Event("input"));
document.documentElement.dataset.back =
  getComputedStyle(document.body).backgroundColor;
document.documentElement.dataset.line =
  getComputedStyle(document.querySelector(".curve")).stroke;
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_in_a_browser(folder, tmp_path):
    shutil.rmtree(folder / "samples" / ODD_NAME)
    path = report.write(folder)
    path.write_text(path.read_text().replace("</body>", f"{PROBE}</body>"))
    for scheme, back, line in (
        (1, "255, 255, 255", "11, 98, 184"),
        (0, "21, 24, 29", "108, 178, 255"),
    ):
        done = subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-quic", "--no-first-run", "--disable-sync"),
                "--disable-background-networking",
                *("--disable-component-update", "--window-size=500,800"),
                "--enable-logging=stderr",
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
        assert f'data-back="rgb({back})"' in page
        assert f'data-line="rgb({line})"' in page
        assert 'data-offered="true"' in page
        # Nothing sticks out of a narrow window.
        assert int(re.search(r'data-wide="(\d+)"', page)[1]) <= 500
        tags = re.findall(r"<img [^>]*data-step[^>]*>", page)
        (shown,) = [tag for tag in tags if " hidden" not in tag]
        assert 'data-step="4"' in shown
        assert "<output>step 4</output>" in page
