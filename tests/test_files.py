"""Files are written whole; damaged ones are named."""

import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

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


def test_what_older_versions_left_is_cleaned_up(tmp_path):
    (tmp_path / f"{files.UNFINISHED}abc" / "variables").mkdir(parents=True)
    (tmp_path / ".unfinished.keras").write_bytes(b"half of a checkpoint")
    (tmp_path / ".other").mkdir()
    files.write_text(tmp_path / "a", "")
    assert sorted(os.listdir(tmp_path)) == [".other", "a"]


@pytest.mark.parametrize("moment", ["deleted", "about to be deleted"])
def test_a_writer_that_is_taken_for_a_killed_one_begins_again(
    tmp_path, monkeypatch, moment
):
    """Another process cleans up between the making of a folder and its lock."""
    make, taken = tempfile.mkdtemp, []

    def taken_at_once(**arguments):
        path = make(**arguments)
        if not taken:
            taken.append(os.open(path, os.O_RDONLY))
            assert files.lock(taken[0])
            if moment == "deleted":
                shutil.rmtree(path)
        return path

    monkeypatch.setattr(tempfile, "mkdtemp", taken_at_once)
    files.write_text(tmp_path / "a", "whole")
    assert (tmp_path / "a").read_text() == "whole"
    os.close(taken[0])


def test_a_folder_is_held_by_one_process(tmp_path, another_process):
    folder = tmp_path / "run"
    other = another_process(folder)
    with pytest.raises(UserError, match="folder .*no other process.*/run'"):
        files.hold(folder, "folder")
    # Nothing is written for it; it is held wherever it is moved.
    assert not os.listdir(folder)
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(UserError):
        files.hold(moved, "folder")
    other.kill()
    other.communicate()
    held = files.hold(moved, "folder")
    # Free within this process, such as after a fit that has failed.
    assert files.hold(tmp_path / "." / "moved", "folder") is held
    with pytest.raises(AssertionError):
        another_process(moved)
    held.release()
    another_process(moved)


def test_a_folder_is_free_when_nobody_keeps_its_lock(tmp_path, another_process):
    held = files.hold(tmp_path, "folder")
    del held
    another_process(tmp_path)


def test_a_forked_child_does_not_hold_what_its_parent_holds(
    tmp_path, another_process
):
    code = (
        "import os, sys, time; from keras_gans import files\n"
        "held = files.hold(sys.argv[1], 'folder')\n"
        "if os.fork() == 0:\n"
        "    print('ready', flush=True); sys.stdin.read(1); os._exit(0)\n"
        "os.wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout.readline() == "ready\n"
    with pytest.raises(UserError):
        files.hold(tmp_path, "folder")
    parent.kill()
    parent.wait()
    files.hold(tmp_path, "folder").release()  # the child lives on
    parent.stdin.write("x")
    parent.communicate()


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP]
)
def test_a_system_without_locks(tmp_path, monkeypatch, number):
    def refuse(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    left = tmp_path / f"{files.UNFINISHED}abc"
    left.mkdir()
    files.hold(tmp_path, "folder").release()
    files.write_text(tmp_path / "a", "")
    assert left.exists()  # who knows whose it is
    monkeypatch.setattr(files, "fcntl", None)
    files.hold(tmp_path, "folder").release()
    files.write_text(tmp_path / "a", "")


def test_where_nothing_can_be_written_is_said(tmp_path):
    files.check_writable(tmp_path / "new" / "one", "export_dir")
    assert not os.listdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/1", "link", "link/1"):
        rule = f"export_dir .*written.*/{name}'"
        with pytest.raises(UserError, match=rule):
            files.check_writable(tmp_path / name, "export_dir")


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
