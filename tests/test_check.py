"""The check of the data, as a user calls it, on data with just one defect."""

import functools
import io
import json
import os
import pathlib
import re
import shutil
import struct
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gans import check, datasets, images, train
from keras_gans.callbacks import checkpoints

SIZE = 16


def picture(seed, size=SIZE):
    """Make a smooth image: noise would not survive scaling."""
    rng = np.random.default_rng([7, *np.atleast_1d(seed)])
    pixels = rng.integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(pixels).resize((size, size), 3)


@pytest.fixture(scope="session")
def healthy(tmp_path_factory):
    """Two folders of 400 different images."""
    folder = tmp_path_factory.mktemp("healthy")
    for number, side in enumerate("ab"):
        (folder / side).mkdir()
        for i in range(400):
            path = folder / side / f"{i:03}.png"
            picture([number, i]).save(path, compress_level=1)
    return folder


@pytest.fixture
def data(healthy, tmp_path, monkeypatch):
    """A copy of the healthy folders, below the working folder."""
    monkeypatch.chdir(tmp_path)
    for side in "ab":
        shutil.copytree(healthy / side, side, copy_function=os.link)
    return tmp_path


@pytest.fixture
def report(capsys, tmp_path_factory):
    """Return a function that runs the command: exit code, findings, text."""
    folder = tmp_path_factory.mktemp("report")

    def run(a="a", b="b", *options):
        arguments = ["--data-a", str(a), "--data-b", str(b)]
        arguments += ["--image-size", str(SIZE), "--report", str(folder)]
        code = check.main([*arguments, *options])
        content = json.loads((folder / "report.json").read_text())
        found = [(f["level"], f["text"]) for f in content["findings"]]
        shown = capsys.readouterr()
        assert not shown.err
        return code, found, shown.out

    run.folder = folder
    return run


def clear(folder, keep=0):
    for path in sorted(pathlib.Path(folder).iterdir())[keep:]:
        path.unlink()


def test_a_healthy_data_set_has_nothing_to_complain_about(data, report):
    code, found, text = report()
    assert code == 0 and found == []
    assert "Verdict: ready to train, nothing to complain about" in text
    assert "400 images in a" in text and "16 x 16, all" in text
    for absent in ("gray images", "all black", "animated", "broken"):
        assert absent not in text
    written = (report.folder / "report.txt").read_text()
    assert written.strip() in text
    assert max(map(len, written.splitlines())) <= 80
    with Image.open(report.folder / "contact_sheet.png") as sheet:
        # 13 columns of 18 pixels and 2 between, 8 rows below the headings.
        assert sheet.size == (2 + 13 * 20, 16 + 2 + 8 * 20)


def test_drawn_faces(data, report, monkeypatch):
    faces = range(0, 800, 2), range(1, 800, 2)
    unpaired = sys.modules["keras_gans.datasets.unpaired"]
    monkeypatch.setattr(unpaired, "FACES", faces)
    code, found, text = report("faces:photo", "faces:anime")
    assert code == 0 and found == []
    assert "data_a: 400 drawn faces, photo" in text


def add_broken():
    noise = io.BytesIO()
    picture(10, 256).save(noise, "JPEG")
    half = noise.getvalue()[: len(noise.getvalue()) // 2]
    pathlib.Path("a/truncated.jpg").write_bytes(half)
    pathlib.Path("a/zero.jpg").write_bytes(b"")
    pathlib.Path("a/text.png").write_text("this is no image")


def add_huge():
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pathlib.Path("a/huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def add_unusual():
    frames = [picture(i) for i in (11, 12)]
    frames[0].save("a/moving.gif", save_all=True, append_images=frames[1:])
    levels = np.random.default_rng(0).integers(0, 65536, (20, 20), np.uint16)
    Image.fromarray(levels).save("a/16 bit.png")
    picture(13).convert("CMYK").save("a/print.jpg")
    clear_corner = picture(14).convert("RGBA")
    clear_corner.putpixel((0, 0), (0, 0, 0, 0))
    clear_corner.save("a/clear.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    picture(15).save("a/turned.jpg", exif=exif)


def add_links():
    pathlib.Path("a/loop").symlink_to("loop")
    pathlib.Path("a/up").symlink_to("../a", target_is_directory=True)
    pathlib.Path("a/dead.png").symlink_to("nowhere.png")


def keep(count):
    clear("a", count)


def make_gray(count):
    for path in sorted(pathlib.Path("a").iterdir())[:count]:
        gray = Image.open(path).convert("L").convert("RGB")
        path.unlink()
        gray.save(path)


def replace_all(make, side="b"):
    clear(side)
    for i in range(400):
        make(i).save(f"{side}/{i}.png", compress_level=1)


def darken(i):
    return Image.fromarray(np.array(picture([9, i])) // 4)


def scale(width, height):
    def make(i):
        return picture([9, i]).resize((width, height))

    return make


def add_flat(count=2):
    for i in range(count):
        for value in (0, 255, 90):
            flat = Image.new("RGB", (20, 20), (value,) * 3)
            flat.save(f"a/flat {value} {i}.png")


def add_copies(count, side):
    for path in sorted(pathlib.Path("a").glob("*.png"))[:count]:
        with Image.open(path) as image:
            # Another size and format than the original.
            image = image.resize((64, 64), Image.Resampling.BICUBIC)
            image.save(f"{side}/copy {path.stem}.jpg", quality=95)


def into_folders(*names):
    for i, path in enumerate(sorted(pathlib.Path("a").iterdir())):
        folder = pathlib.Path("a", names[i % len(names)])
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)


def part(function, *arguments):
    return functools.partial(function, *arguments)


@pytest.mark.parametrize(
    "spoil,level,said",
    [
        (
            add_broken,
            "note",
            (
                "data_a: 3 of 403 images cannot be read and will be skipped: "
                "text.png is not a JPEG, PNG",
                "zero.jpg is empty (0 bytes)",
                "truncated.jpg is damaged or cut short",
            ),
        ),
        (add_huge, "note", "huge.png must have at most 178956970 pixels"),
        (
            add_unusual,
            "note",
            (
                "1 rotated upright by their EXIF entry; 1 anim",
                "1 transparent, put on white",
                "1 16 bit",
                "1 print colors (CMYK)",
            ),
        ),
        (add_links, None, ""),
        (part(keep, 399), "warning", "data_a: only 399 images."),
        (part(keep, 99), "problem", "data_a: only 99 images."),
        (part(make_gray, 4), "note", "4 of 400 images are gray"),
        (part(make_gray, 40), "warning", "40 of 400 images are gray among"),
        (part(make_gray, 400), "warning", "data_a is gray and data_b in col"),
        (part(replace_all, darken), "note", "data_a is much brighter than"),
        (
            part(replace_all, scale(12, 12)),
            "warning",
            "400 of 400 images are smaller than 16 x 16 pixels (smallest: 12); "
            "results will be blurred: train with --image-size 12",
        ),
        (
            part(replace_all, scale(32, 20)),
            "warning",
            "data_b: a typical image loses 38% when it is cropped",
        ),
        (
            part(replace_all, scale(16, 21)),
            "warning",
            "data_a is about square, data_b is high, 1 : 1.31",
        ),
        (part(replace_all, scale(32, 16)), "problem", "pairs side by side"),
        (add_flat, "warning", "(2 black, 2 white, 2 of another color)"),
        (part(add_flat, 200), "problem", "of a single color"),
        (part(add_copies, 3, "a"), "note", "3 images nearly the same as an"),
        (part(add_copies, 30, "a"), "warning", "30 images nearly the same"),
        (part(add_copies, 3, "b"), "warning", "(3 of data_a, 3 of data_b)"),
        (part(add_copies, 60, "b"), "problem", "same images are in data_a and"),
        (part(into_folders, "train", "test"), "warning", "test images would"),
        (part(into_folders, "cat", "dog"), "warning", "(cat 200, dog 200)"),
        (part(into_folders, "000", "001"), None, ""),
        (
            lambda: pathlib.Path("a/x.HEIC").write_text("telephone"),
            "warning",
            "data_a: 1 .heic files will be skipped",
        ),
        (lambda: pathlib.Path("a/x.csv").write_text("labels"), None, ""),
    ],
)
def test_each_defect_is_named(data, report, spoil, level, said):
    spoil()
    code, found, text = report()
    assert code == (level == "problem")
    worst = found[0][0] if found else None
    assert worst == level, found
    parts = (said,) if isinstance(said, str) else said
    for one in parts if level else ():
        assert any(one in line for lv, line in found if lv == level), one
    # Nothing else is complained about; pairs side by side are wide, too.
    wrong = [line for lv, line in found if lv != "note"]
    assert len(wrong) <= 1 + ("side by side" in said or "is cropped" in said)


def test_a_huge_picture_is_refused_before_it_is_decoded(data):
    add_huge()
    started = time.monotonic()
    with pytest.raises(ValueError, match="at most 178956970 pixels"):
        images.read("a/huge.png")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "a,b,said",
    [
        ("a", "a", "are the same folder"),
        (".", "a", "data_a contains data_b"),
        ("a", "link to a", "are the same folder"),
        ("trainA", "testA", "named as one domain: trainA, testA"),
    ],
)
def test_the_wrong_folders(data, report, a, b, said):
    pathlib.Path("link to a").symlink_to("a", target_is_directory=True)
    if a == "trainA":
        pathlib.Path("a").rename(a)
        pathlib.Path("b").rename(b)
    if a == ".":
        # Folders called a and b beside each other are refused at once.
        shutil.rmtree("b")
        pathlib.Path("link to a").unlink()
    code, found, _ = report(a, b)
    assert code == 1
    assert [said in text for level, text in found if level == "problem"][0]


def test_names_with_spaces_and_chinese_characters(data, report):
    folder = pathlib.Path("动漫 人脸")
    pathlib.Path("a").rename(folder)
    (folder / "000.png").rename(folder / "第 一.png")
    (folder / "坏 的.png").write_bytes(b"")
    code, found, text = report(folder)
    assert code == 0
    assert [f for _, f in found] == [
        "data_a: 1 of 401 images cannot be read and will be skipped: "
        "坏 的.png is empty (0 bytes)"
    ]
    assert "400 images in 动漫 人脸 (1 skipped)" in text


@pytest.mark.parametrize(
    "options,size",
    [
        ("", 64),
        ("--set architecture=resnet", 256),
        ("--model pix2pix", 256),
        ("--set architecture=resnet --image-size 128", 128),
        ("--set architecture=resnet --set ema=0.999", 256),
    ],
)
def test_images_are_judged_at_the_size_of_training(data, options, size):
    keep(3)
    clear("b", 3)
    given = ["--data-a", "a", "--data-b", "b", "--report", "report"]
    assert check.main([*given, *options.split()]) == 1
    content = json.loads(pathlib.Path("report/report.json").read_text())
    small = [f["text"] for f in content["findings"] if f["check"] == "small"]
    assert len(small) == 2 and f"than {size} x {size} pixels" in small[0]


@pytest.mark.parametrize(
    "arguments,said",
    [
        ("--data-a nowhere --data-b b", "data_a must be.*'nowhere'"),
        ("--data-a a", "data_b must be given"),
        ("--report r", "data, or data_a and data_b, must be given"),
        ("--data a --data-a b", "data must be given alone"),
        ("--data a --model stargan --labels -x", "labels must name.*-x"),
        ("--data a --model stargan --labels=", "labels must name.*"),
        ("--data-a a --data-b b --model nope", "one of .*cyclegan.*nope"),
        ("--data-a a --data-b b --report a/000.png", "a/000.png"),
        ("--data-a a --data-b b --set size=3", "set must be KEY=VALUE"),
        ("--data-a a --data-b b --set architecture=vgg", "one of dcgan.*vgg"),
        ("--data-a . --data-b b", "data_a=a and data_b=b"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(data, capsys, arguments, said):
    assert check.main(arguments.split()) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ") and "\n" not in error
    assert re.search(said, error)


def test_training_warns_of_what_headers_show(data, caplog):
    from keras_gans import settings as run_settings

    def open_data(settings):
        data = run_settings.open_data(settings)
        run_settings.settled(settings, data)

    clear("a", 30)
    settings = {
        **{"model": "cyclegan", "data_a": "a", "data_b": "b"},
        **{"image_size": 16, "batch_size": 2, "epochs": None, "seed": 0},
    }
    open_data(settings)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2 and lines[0].startswith("data_a: only 30 images")
    assert "keras_gans.check" in lines[1]
    caplog.clear()
    open_data(settings | {"data_a": "b", "data_b": "faces:sketch"})
    assert not caplog.records


TRAIN = (
    "--model dcgan --data b --image-size 32 --set base_filters=2 "
    "--batch-size 2 --steps 50 --save-every 2"
)


def test_a_folder_deleted_during_training(data, capfd, monkeypatch):
    # As with data that does not fit into memory.
    kind = datasets.KINDS["single"]
    uncached = functools.partial(kind.open, cache_bytes=0)
    monkeypatch.setattr(kind, "open", uncached)
    save = checkpoints.save

    def save_and_delete(*arguments, **options):
        saved = save(*arguments, **options)
        shutil.rmtree("b", ignore_errors=True)
        return saved

    monkeypatch.setattr(checkpoints, "save", save_and_delete)
    assert train.main(TRAIN.split()) == 1
    error = capfd.readouterr().err
    assert "Traceback" not in error
    line = error.strip().splitlines()[-1]
    assert line.startswith("error: 400 images in b: the folder cannot be")
    assert line.endswith("earlier checkpoints stay")
    assert 2 in checkpoints.steps("runs/dcgan/checkpoints")


def test_files_that_vanish_while_their_folder_stays(data, caplog):
    opened = datasets.open_source("b", 18, cache_bytes=0)
    clear("b", 1)
    with pytest.raises(ValueError, match="in b: 100 in a row cannot be read"):
        opened.load(1)
    # Not one line for each of them.
    assert len(caplog.records) == 11
    clear("b")
    with pytest.raises(ValueError, match=r"in b: the folder .*\(empty\)"):
        opened.load(200)


def test_a_report_replaces_only_a_report_and_is_no_image(data, capsys):
    arguments = ["--data-a", "a", "--data-b", "b", "--image-size", str(SIZE)]
    clear("a", 3)
    clear("b", 3)
    pathlib.Path("mine").mkdir()
    for name in ("report.txt", "report.json", "contact_sheet.png"):
        path = pathlib.Path("mine", name)
        path.write_text("mine")
        assert check.main([*arguments, "--report", "mine"]) == 2
        error = capsys.readouterr().err
        assert "report must be a new file, or one that was" in error
        assert os.listdir("mine") == [name] and path.read_text() == "mine"
        path.unlink()
    for inside in ("a", "b/new", "a/../b"):
        assert check.main([*arguments, "--report", inside]) == 2
        assert "report must lie outside" in capsys.readouterr().err
    assert len(os.listdir("a")) == len(os.listdir("b")) == 3
    for _ in range(2):
        assert check.main([*arguments, "--report", "new"]) == 1
    pathlib.Path("new", "report.json").unlink()
    assert check.main([*arguments, "--report", "new"]) == 2


def test_names_are_escaped_on_the_console_and_in_the_report(data, capfd):
    name = "\x1b[31m\n\u202e\udcff字.png"
    picture(0).save(pathlib.Path("a", "ok " + name))
    pathlib.Path("a", name).write_bytes(b"x")
    os.link(pathlib.Path("a", "000.png"), pathlib.Path("a", "same " + name))
    code = check.main(
        ["--data-a", "a", "--data-b", "b", "--image-size", str(SIZE)]
        + ["--report", "new"]
    )
    out, err = capfd.readouterr()
    text = pathlib.Path("new", "report.txt").read_text("utf-8")
    plain = pathlib.Path("new", "report.json").read_text("utf-8")
    for shown in (out, err, text, plain):
        assert not {"\x1b", "\u202e", "\udcff"} & {*shown}
    assert code == 0 and r"\x1b[31m\n\u202e\udcff字.png is not a " in out
    content = json.loads(plain)["sides"]["data_a"]
    assert content["skipped"][0][0] == name and "字" in plain
    assert content["skipped"][0][1].startswith("is not a JPEG")
