"""Files are written whole; damaged ones are named."""

import errno
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import pytest

from keras_gans import files
from keras_gans.checks import UserError, shown


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
    # A process looks once, as a folder may have many files.
    files.write_text(tmp_path / "a", "")
    assert len(list(tmp_path.glob(f"{files.UNFINISHED}*"))) == 1
    code = "import sys; from keras_gans import files; files.write_text(*%s)"
    code %= "(sys.argv[1], '')"
    subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=True)
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


def test_listing_skips_what_nobody_made(tmp_path):
    kept = ["a.png", "sub/b.JPG", "sub/deep/c.txt", "__macos/d.png", "é .gif"]
    left_out = [
        *(".hidden.png", "._a.png", "sub/._b.JPG", "__MACOSX/a.png"),
        *("@eaDir/a.png/thumb.jpg", "sub/Thumbs.db", ".DS_Store"),
        *("desktop.ini", "$RECYCLE.BIN/x.png", ".ipynb_checkpoints/a.png"),
        *(f"{files.UNFINISHED}abc/a.png", "System Volume Information/a.png"),
    ]
    for name in kept + left_out:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "dead.png").symlink_to("nowhere.png")
    (tmp_path / "itself.png").symlink_to("itself.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert files.listing(tmp_path) == sorted(kept)
    assert files.listing(str(tmp_path / "@eaDir")) == ["a.png/thumb.jpg"]
    assert files.subfolders(tmp_path) == ["__macos", "sub"]


def test_listing_follows_links_once_and_ends(tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    for path in (home / "z" / "1.png", other / "2.png", other / "x" / "3.png"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    # A loop, a folder that is there by its own name, and two ways to one.
    (home / "a").symlink_to(home)
    (home / "b").symlink_to(home / "z")
    (home / "z" / "up").symlink_to(tmp_path / "other")
    (home / "c").symlink_to(other)
    (other / "back").symlink_to(home)
    names = ["c/2.png", "c/x/3.png", "z/1.png"]
    assert files.listing(home) == names
    (tmp_path / "link").symlink_to(home)
    assert files.listing(tmp_path / "link") == names


def test_listing_names_what_it_cannot_read(tmp_path, caplog, monkeypatch):
    for name in ("a/1.png", "closed/2.png", "b/3.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    scandir, status = os.scandir, os.stat

    def refuse(path, *arguments, **options):
        if "closed" in str(path) or str(path).endswith("3.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return (status if arguments or options else scandir)(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert files.listing(tmp_path) == ["a/1.png", "b/3.png"]
    assert f"{tmp_path}/closed is skipped: it cannot be read" in caplog.text
    with pytest.raises(UserError, match="closed cannot be read .Permission"):
        files.listing(tmp_path / "closed")
    monkeypatch.undo()
    monkeypatch.setattr(
        os,
        "stat",
        lambda p, **o: refuse(p, 1) if "3.p" in str(p) else status(p),
    )
    caplog.clear()
    assert files.listing(tmp_path) == ["a/1.png", "closed/2.png"]
    assert "3.png is skipped: it cannot be read (Permission" in caplog.text


def test_home_is_expanded_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    assert files.expanded("~/a") == "/home/me/a"
    assert files.expanded(pathlib.Path("~")) == "/home/me"
    assert files.expanded("a/~") == "a/~"
    (tmp_path / "~me").mkdir()
    assert files.expanded("~me/new") == "~me/new"
    (tmp_path / "~").mkdir()  # as an earlier version left it
    assert files.expanded("~/a") == "/home/me/a"
    (tmp_path / "~" / "a").mkdir()
    assert files.expanded("~/a") == "~/a"


def test_spellings_of_a_name_are_one():
    one, other = (unicodedata.normalize(f, "é.png") for f in ("NFC", "NFD"))
    assert one != other
    assert files.same_name(one) == files.same_name(other) == one


def test_nothing_is_written_where_images_are_read(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "in" / "sub")
    folders = [None, str(tmp_path / "in")]
    files.check_outside(tmp_path / "in2" / "new", folders, "report")
    for place in ("in", "in/new/newer", "link", "link/new", "in2/../in/x"):
        with pytest.raises(UserError, match="report must lie outside"):
            files.check_outside(tmp_path / place, folders, "report")


def test_only_ours_is_replaced(tmp_path):
    path = tmp_path / "file"
    files.check_ours(path, "start", "report")
    path.write_text("start and more")
    files.check_ours(path, "start", "report")
    for content in (b"", b"star", b"a start", b"\xff" * 9):
        path.write_bytes(content)
        with pytest.raises(UserError, match="report must be a new file, or"):
            files.check_ours(path, "start", "report")
    (tmp_path / "dead").symlink_to("nowhere")
    for place in (tmp_path, tmp_path / "dead"):
        with pytest.raises(UserError, match="report must be a new file"):
            files.check_ours(place, "start", "report")


HOSTILE = "a\x1b]0;title\x07\n\u202egnp.\u2066b\x9b\r\udcffé 字\u3000\u2028.png"


def test_names_are_shown_in_one_line_without_commands(caplog):
    text = shown(HOSTILE)
    assert text.startswith(
        r"a\x1b]0;title\x07\n\u202egnp.\u2066b\x9b\r\udcffé 字"
    )
    assert text.endswith("\u3000\\u2028.png")  # a space that is just wide
    assert shown(text) == text
    text.encode()
    assert str(UserError(HOSTILE)) == text
    logging.getLogger("keras_gans").warning("%s: %d", HOSTILE, 3)
    assert caplog.messages == [f"{text}: 3"]


def test_cells_are_no_formulas(tmp_path):
    row = {"a": -1.5, "b": "-1.5", "c": "nan", "d": "", "e": "fine"}
    assert files.cells(row) == row
    for text in ("=1+1", "+cmd", "-x", "@a", "\t=1", "\r=1", "=1\n"):
        (cell,) = files.cells({"warnings": text}).values()
        assert cell == f"'{shown(text)}"
        assert files.cells({"warnings": cell}) == {"warnings": cell}
