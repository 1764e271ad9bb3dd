"""Headers are read once and remembered by path, size and time."""

import json
import os
import pathlib

import pytest
from PIL import Image

from keras_gans import images
from keras_gans.datasets import headers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Five pictures and a broken one, and an empty cache of their headers."""
    monkeypatch.setenv(headers.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(headers, "REMEMBER_FROM", 1)
    monkeypatch.setattr(headers, "_FILES_PER_TASK", 2)
    (tmp_path / "p").mkdir()
    for i in range(5):
        Image.new("RGB", (10 + i, 20)).save(tmp_path / f"p/{i}.png")
    (tmp_path / "p/broken.png").write_bytes(b"text")
    return tmp_path / "p"


@pytest.fixture
def opened(monkeypatch):
    """Return the list of names whose files were opened."""
    names, check = [], images.check

    def counted(source, name=None):
        names.append(name)
        return check(source, name=name)

    monkeypatch.setattr(images, "check", counted)
    return names


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def cache_file():
    (path,) = (headers.cache_folder() / "headers").iterdir()
    return path


def test_only_what_has_changed_is_read_again(folder, opened):
    names = names_in(folder)
    first = headers.read(folder, names)
    assert [header.width for header in first[:5]] == [10, 11, 12, 13, 14]
    assert first[0] == images.Header("PNG", "RGB", 10, 20)
    assert "is not a JPEG" in first[5] and sorted(opened) == names

    opened.clear()
    assert headers.read(folder, names) == first
    assert opened == ["broken.png"]  # it may have been mended

    opened.clear()
    Image.new("L", (90, 20)).save(folder / "0.png")  # other size
    status = os.stat(folder / "1.png")
    later = status.st_mtime_ns + 1_000_000
    os.utime(folder / "1.png", ns=(status.st_atime_ns, later))
    (folder / "2.png").unlink()
    Image.new("RGB", (7, 7)).save(folder / "broken.png")
    again = headers.read(folder, names)
    assert sorted(opened) == ["0.png", "1.png", "broken.png"]
    assert again[0].mode == "L" and again[0].width == 90
    assert again[2] == "2.png: cannot be opened (No such file or directory)"
    assert again[5].width == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b"null",
        b'{"version": 0}',
        "files",
        "entry",
        "header",
    ],
)
def test_a_damaged_cache_costs_only_time(folder, content):
    names = names_in(folder)
    first = headers.read(folder, names)
    whole = json.loads(cache_file().read_text())
    if isinstance(content, str):
        whole["files"] = {
            "files": [1, 2],
            "entry": {"0.png": 3},
            "header": {"0.png": [1, 2, "PNG"]},
        }[content]
        content = json.dumps(whole).encode()
    cache_file().write_bytes(content)
    assert headers.read(folder, names) == first
    assert json.loads(cache_file().read_text())["files"]["4.png"][4] == 14


def test_a_cache_that_cannot_be_written_does_no_harm(folder, monkeypatch):
    (folder.parent / "file").write_text("in the way")
    place = str(folder.parent / "file" / "cache")
    monkeypatch.setenv(headers.CACHE_VARIABLE, place)
    assert len(headers.read(folder, names_in(folder))) == 6
    monkeypatch.setenv(headers.CACHE_VARIABLE, str(folder.parent / "other"))
    monkeypatch.setattr(os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        headers.read(folder, names_in(folder))
    # Nothing half written stays behind.
    assert not list((folder.parent / "other").rglob("*.json"))


def test_small_folders_leave_no_trace(folder, monkeypatch):
    monkeypatch.setattr(headers, "REMEMBER_FROM", 7)
    headers.read(folder, names_in(folder))
    assert not headers.cache_folder().exists()


def test_place_of_the_cache(monkeypatch):
    monkeypatch.delenv(headers.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.setattr("sys.platform", "linux")
    assert headers.cache_folder() == pathlib.Path("/x/keras_gans")
    monkeypatch.delenv("XDG_CACHE_HOME")
    home = pathlib.Path.home()
    assert headers.cache_folder() == home / ".cache/keras_gans"
    monkeypatch.setattr("sys.platform", "darwin")
    assert headers.cache_folder() == home / "Library/Caches/keras_gans"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert headers.cache_folder() == pathlib.Path("/local/keras_gans")


def test_names_that_are_no_text(folder):
    name = os.fsdecode(b"\xff \xe4\xb8\x80.png")
    try:
        Image.new("RGB", (3, 4)).save(folder / name)
    except OSError:
        pytest.skip("the file system takes only names that are text")
    for _ in range(2):
        (header,) = headers.read(folder, [name])
        assert header.width == 3
