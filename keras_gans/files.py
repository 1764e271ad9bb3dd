"""Files: written whole and then renamed; read in one line or not at all."""

import contextlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import weakref

from keras_gans.checks import UserError

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None

CACHE_VARIABLE = "KERAS_GANS_CACHE"
UNFINISHED = ".unfinished-"
_held = weakref.WeakValueDictionary()  # `Lock`s of this process, by folder


@contextlib.contextmanager
def beside(folder):
    """Make a temporary folder within `folder`, for what is renamed later.

    It is deleted at the end. One that a killed process left is deleted by
    the next call: the lock that its owner held has gone with the process.

    Args:
        folder: path; made as needed.

    Yields:
        `pathlib.Path`, on the file system of `folder`.

    Raises:
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Before there were locks, checkpoints were written to a file.
    for path in folder.glob(f"{UNFINISHED[:-1]}*"):
        with _locked(path) as is_ours:
            if is_ours and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif is_ours:
                path.unlink(missing_ok=True)
    while True:
        path = pathlib.Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        with _locked(path) as is_ours:
            # Another process may have taken it for a left one already.
            if is_ours is False or not path.exists():
                continue
            try:
                yield path
            finally:
                shutil.rmtree(path, ignore_errors=True)
            return


@contextlib.contextmanager
def _locked(path):
    """Hold the lock of a path; yield what `lock` says, False if it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    except OSError:  # not ours to read; a folder under Windows
        yield None
        return
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor):
    """Lock an open file for this process, until it is closed or the end.

    The system releases the lock when the process dies, however it dies.

    Returns:
        bool, whether it was free; None where the system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, AttributeError):
        return None
    return True


class Lock:
    """A lock of a folder; see `hold`."""

    def __init__(self, descriptor):
        # Also where nobody keeps the lock any more.
        self.release = weakref.finalize(self, os.close, descriptor)


def hold(folder, name):
    """Keep other processes from writing into a folder.

    Nothing is written for it: the folder itself is locked, wherever it is
    moved. Where the system has no locks of folders nobody is kept out.

    Args:
        folder: path; made as needed.
        name: str, the argument that names it.

    Returns:
        `Lock`, held until `release()`, or until nobody keeps it, or until
        the process dies. Within this process the folder is free.

    Raises:
        UserError: if another process holds it.
        OSError: if it cannot be made.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = os.stat(folder)
    held = _held.get((found.st_dev, found.st_ino))
    if held is not None and held.release.alive:
        return held
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder under Windows
        return Lock(os.open(os.devnull, os.O_RDONLY))
    held = Lock(descriptor)
    is_ours = lock(descriptor)
    found = os.fstat(descriptor)
    # Meanwhile it may have been moved, for another to begin here.
    if is_ours is False or not _is_at(folder, found):
        held.release()
        raise UserError(
            f"{name} must be a folder that no other process trains in. "
            f"Received: {str(folder)!r}, where one does: wait for its end, or "
            "end it and continue here, or choose another folder"
        )
    _held[found.st_dev, found.st_ino] = held
    return held


def _is_at(folder, found):
    try:
        return os.path.samestat(os.stat(folder), found)
    except FileNotFoundError:
        return False


def _leave_to_parent():
    # A child that is forked would hold a lock for as long as it lives.
    for held in list(_held.values()):
        held.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def check_writable(folder, name):
    """Check that files can be written into a folder, or that it can be made.

    Nothing is left there.

    Raises:
        UserError: naming the argument, if not.
    """
    place = pathlib.Path(folder).absolute()
    while not os.path.lexists(place):
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UserError(
            f"{name} must be a folder that can be written. Received: "
            f"{str(folder)!r} ({place}: {error.strerror})"
        ) from None


@contextlib.contextmanager
def whole(path):
    """Write a file whole or not at all: a reader never meets half of it.

        with files.whole("log.csv") as unfinished:
            unfinished.write_text(text)

    Args:
        path: where the file goes; folders are made as needed.

    Yields:
        `pathlib.Path` to write to, with the name of the file. If the block
        ends well, its bytes are on the disk before it gets its place.

    Raises:
        OSError: if it cannot be written; what was there is untouched.
    """
    path = pathlib.Path(path)
    with beside(path.parent) as folder:
        unfinished = folder / path.name
        yield unfinished
        sync(unfinished)
        os.replace(unfinished, path)
    with contextlib.suppress(OSError):  # not every system syncs folders
        sync(path.parent)


def sync(path):
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path, text):
    """Write text as UTF-8, whole or not at all."""
    with whole(path) as unfinished:
        unfinished.write_text(text, "utf-8", "replace")


def write_json(path, content):
    """Write plain values as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path):
    """Return the dict in a JSON file, or None if there is no file.

    Raises:
        UserError: naming the file, if it is damaged or holds no dict.
    """
    path = pathlib.Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (it holds no names)")
    return content


def cache_folder():
    """Return where this user's caches live.

    The variable `KERAS_GANS_CACHE` names the folder; without it, it is
    `keras_gans` below the place that the system has for caches.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return pathlib.Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(os.path.expanduser(base), "keras_gans")
