"""Figures of images whose figures are known."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets
from keras_gans.inspection import findings, measure, report


def noise(count, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size, 3), np.uint8)


def open_array(array):
    return datasets.open_source(array, 18, cache_bytes=0)


def test_headers_of_a_folder(tmp_path):
    for name, mode, size in (
        ("a.png", "RGB", (30, 20)),
        ("sub/b.jpg", "L", (40, 80)),
        ("sub/c.png", "RGBA", (30, 20)),
        ("d.gif", "P", (10, 10)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new(mode, size).save(tmp_path / name)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    Image.new("CMYK", (50, 20)).save(tmp_path / "e.jpg", exif=exif)
    (tmp_path / "f.png").write_bytes(b"")
    (tmp_path / "list.csv").write_text("")
    pictures = datasets.open_source(tmp_path, 18, cache_bytes=0)
    facts = measure.describe({"data_a": pictures}, 16)["sides"]["data_a"]
    assert facts["count"] == 5 and facts["folder"] == str(tmp_path)
    assert facts["skipped"] == [["f.png", "is empty (0 bytes)"]]
    assert facts["other_files"] == {".csv": 1}
    assert facts["subfolders"] == {"": 3, "sub": 2}
    assert next(iter(facts["sizes"].items())) == ("30 x 20", 2)
    assert facts["modes"] == {"RGB": 1, "P": 1, "CMYK": 1, "L": 1, "RGBA": 1}
    assert facts["formats"] == {"PNG": 2, "JPEG": 2, "GIF": 1}
    # Upright, e.jpg is 20 wide and 50 high.
    assert facts["sizes"]["20 x 50"] == 1
    assert facts["shorter_side"] == {"least": 10, "median": 20, "most": 40}
    assert facts["aspect"] == 1.0
    assert facts["cut_away"] == pytest.approx(1 / 3)
    assert facts["too_small"] == ["d.gif"] and facts["turned"] == ["e.jpg"]
    assert facts["gray"] == ["sub/b.jpg"]
    assert facts["transparent"] == ["sub/c.png"] and facts["animated"] == []


def test_colors():
    array = np.zeros((2, 18, 18, 3), np.uint8)
    array[0, :9] = (255, 0, 0)
    array[1, :9] = (255, 255, 255)
    facts = measure.inspect({"data_a": open_array(array)}, 16)
    facts = facts["sides"]["data_a"]
    # Half red: 0.299 / 2 bright; half white: 1 / 2.
    assert facts["red"] == {"mean": 50.0, "spread": 0.0}
    assert facts["green"] == {"mean": 25.0, "spread": 25.0}
    assert facts["brightness"]["mean"] == pytest.approx(32.5, abs=0.1)
    assert facts["brightness"]["spread"] == pytest.approx(17.5, abs=0.1)
    assert facts["contrast"]["mean"] == pytest.approx(32.5, abs=0.1)
    assert facts["saturation"] == {"mean": 25.0, "spread": 25.0}
    assert facts["gray"] == ["data_a[1]"]


def test_flat_pictures_are_named_and_are_no_duplicates():
    array = noise(8)
    array[0:2], array[2:4], array[4:6] = 0, 255, 90
    sides = {"data_a": open_array(array)}
    facts = measure.inspect(sides, 16)["sides"]["data_a"]
    assert facts["black"] == ["data_a[0]", "data_a[1]"]
    assert facts["white"] == ["data_a[2]", "data_a[3]"]
    assert facts["flat"] == ["data_a[4]", "data_a[5]"]
    assert facts["duplicates"] == [] and facts["gray"] == []


def test_gray_is_seen_through_compression():
    face = datasets.open_source("faces:photo", 72, face_indices=[0]).load(0)
    gray = Image.fromarray(face).convert("L").convert("RGB")
    file = io.BytesIO()
    gray.save(file, "JPEG", quality=50)
    array = np.stack([face, np.array(Image.open(file))])
    facts = measure.inspect({"data_a": open_array(array)}, 64)
    assert facts["sides"]["data_a"]["gray"] == ["data_a[1]"]


def test_duplicates_within_and_across():
    a, b = noise(5, seed=1), noise(4, seed=2)
    a[3] = a[1]
    b[0] = b[2] = a[4]
    sides = {
        name: datasets.open_source(array, 18, name, cache_bytes=0)
        for name, array in (("data_a", a), ("data_b", b))
    }
    measured = measure.inspect(sides, 16)
    within = {s: facts["duplicates"] for s, facts in measured["sides"].items()}
    assert within == {
        "data_a": [["data_a[1]", "data_a[3]"]],
        "data_b": [["data_b[0]", "data_b[2]"]],
    }
    assert measured["across"] == [
        {"data_a": ["data_a[4]"], "data_b": ["data_b[0]", "data_b[2]"]}
    ]


def test_a_side_whose_pictures_all_break_on_decoding(tmp_path):
    Image.fromarray(noise(1, 64)[0]).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    pictures = datasets.open_source(tmp_path, 18, cache_bytes=0)
    facts = measure.inspect({"data_a": pictures}, 16)["sides"]["data_a"]
    assert facts["count"] == 0 and "brightness" not in facts
    ((name, reason),) = facts["skipped"]
    assert name == "a.jpg" and "cut short" in reason


def domains(tmp_path):
    """Three folders: b and c share two of their four images, c is wide."""
    pixels = dict(zip("abc", (noise(4, seed=s) for s in range(3)), strict=True))
    pixels["c"][:2] = pixels["b"][:2]
    for name, array in pixels.items():
        (tmp_path / name).mkdir()
        for i, image in enumerate(array):
            shape = (24, 16) if name == "c" else (16, 16)
            image = Image.fromarray(image).resize(shape)
            image.save(tmp_path / name / f"{i}.png")
    folders = (tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "c")
    return {
        f"data_{n}": datasets.open_source(folder, 18, cache_bytes=0)
        for n, folder in zip("abcd", folders, strict=True)
    }


def test_domains_are_compared_each_with_each(tmp_path):
    sides = domains(tmp_path)
    found = findings.judge(measure.inspect(sides, 16))
    texts = {check: [] for *_, check in found}
    for _, text, _, check in found:
        texts[check].append(text)
    assert texts["folders"] == ["data_c and data_d are the same folder"]
    assert [text[:24] for text in texts["framing"]] == [
        "data_a is about square, ",
        "data_a is about square, ",
        "data_b is about square, ",
        "data_b is about square, ",
    ]
    assert ["(4 of data_c, 4 of data_d)" in t for t in texts["shared"]] == [1]
    assert len(texts["few"]) == 4 and "brightness" not in texts


@pytest.mark.parametrize("names", ["a", "abcd"])
def test_findings_and_sheet_of_one_side_and_of_pairs(tmp_path, names):
    sides = domains(tmp_path)
    sides = {f"data_{n}": sides[f"data_{n}"] for n in names}
    measured = measure.inspect(sides, 16)
    are_alike = len(names) > 1
    compared = {"framing", "folders", "shared", "brightness"}
    assert not compared & {f.check for f in findings.judge(measured, are_alike)}
    sheet = report.contact_sheet(sides)
    assert sheet.shape == (178, 2 + 20 * (7 * len(names) - 1), 3)
