"""Files are written whole; damaged ones are named."""

import os
import pathlib
import subprocess
import sys

import pytest

from keras_gans import files
from keras_gans.checks import UserError


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "new" / "log.csv"
    files.write_text(path, "first")
    with pytest.raises(ZeroDivisionError), files.whole(path) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "first"
    assert os.listdir(path.parent) == ["log.csv"]


def test_a_killed_writer_is_cleaned_up_and_a_living_one_is_not(tmp_path):
    code = (
        "import os, sys; from keras_gans import files\n"
        "with files.beside(sys.argv[1]):\n"
        "    print('ready', flush=True); sys.stdin.read(1); os._exit(9)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "ready\n"
    files.write_text(tmp_path / "a", "")
    assert len(list(tmp_path.glob(f"{files.UNFINISHED}*"))) == 1
    writer.communicate("x")
    assert len(list(tmp_path.glob(f"{files.UNFINISHED}*"))) == 1
    files.write_text(tmp_path / "a", "")
    assert os.listdir(tmp_path) == ["a"]


def test_json_comes_back_and_damage_names_the_file(tmp_path):
    path = tmp_path / "result.json"
    assert files.read_json(path) is None
    files.write_json(path, {"step": 3})
    assert files.read_json(path) == {"step": 3}
    for damaged in (b"", b'{"step": ', b"[1]", b"null", b"\xff", b"[" * 99999):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="result.json is damaged"):
            files.read_json(path)


def test_place_of_the_cache(monkeypatch):
    monkeypatch.setenv(files.CACHE_VARIABLE, "/mine")
    assert files.cache_folder() == pathlib.Path("/mine")
    monkeypatch.delenv(files.CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.setattr("sys.platform", "linux")
    assert files.cache_folder() == pathlib.Path("/x/keras_gans")
    monkeypatch.delenv("XDG_CACHE_HOME")
    home = pathlib.Path.home()
    assert files.cache_folder() == home / ".cache/keras_gans"
    monkeypatch.setattr("sys.platform", "darwin")
    assert files.cache_folder() == home / "Library/Caches/keras_gans"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert files.cache_folder() == pathlib.Path("/local/keras_gans")
