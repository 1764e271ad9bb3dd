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


@pytest.mark.parametrize("kind", ["large", "pipe", "folder"])
def test_json_that_is_no_file_of_ours_is_not_waited_for(tmp_path, kind):
    path = tmp_path / "result.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("[" + " " * files.MOST_JSON + "]")
    with pytest.raises(UserError, match=r"result\.json (is damaged|cannot be)"):
        files.read_json(path)


ROWS = "step,seconds,g_loss,warnings\n5,1.0,2.5,\n10,2.0,nan,=look\n"


@pytest.mark.parametrize(
    "content,steps,damage",
    [
        (ROWS.encode(), [5, 10], None),
        (b"\xef\xbb\xbf" + ROWS.encode(), [5, 10], None),
        (ROWS.encode()[:-13], [5], "line 3"),
        (ROWS.encode() + b"15,3.", [5, 10], "line 4"),
        (ROWS.encode() + b"15,3.0,1,,7\n", [5, 10], "line 4"),
        (ROWS.encode() + b"15,nan,1,\n", [5, 10], "line 4"),
        (ROWS.encode() + b"x,3.0,1,\n20,4.0,,\n", [5, 10, 20], "line 4"),
        (ROWS.encode() + b"15,\xff\xfe,1,\n20,4,1,", [5, 10, 20], "line 4"),
        (ROWS.encode() + b"\0" * 4096, [5, 10], "line 4"),
        (ROWS.encode() + b"9" * 200_000, [5, 10], "field larger"),
        (ROWS.encode()[5:], [], "no columns"),
        (b"a;b\n1;2\n", [], "no columns"),
        (b"\x89PNG\r\n\x1a\n\0\0\xff", [], "no columns"),
        (b"", [], "no columns"),
    ],
)
def test_rows_that_can_be_read_are(tmp_path, content, steps, damage):
    path = tmp_path / "log.csv"
    assert files.read_rows(path) == ([], None)
    path.write_bytes(content)
    rows, found = files.read_rows(path)
    assert [int(row["step"]) for row in rows] == steps
    assert found is None if damage is None else damage in found


def test_damaged_files_are_kept_beside(tmp_path, caplog):
    for content in "12":
        (tmp_path / "log.csv").write_text(content)
        files.set_aside(tmp_path / "log.csv", "line 3 is damaged")
    assert sorted(os.listdir(tmp_path)) == [
        *("log.csv.damaged", "log.csv.damaged.1"),
    ]
    assert (tmp_path / "log.csv.damaged.1").read_text() == "2"
    assert "log.csv is damaged (line 3 is damaged)" in caplog.text


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
