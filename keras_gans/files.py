"""List, read and lock files; write them atomically by renaming."""

import contextlib
import csv
import errno
import functools
import hashlib
import json
import logging
import math
import os
import pathlib
import shutil
import stat
import sys
import tempfile
import unicodedata
import weakref
import zipfile

from keras_gans.checks import UserError, shown

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None

logger = logging.getLogger("keras_gans")

CACHE_VARIABLE = "KERAS_GANS_CACHE"
MOST_JSON = 2**22  # bytes; ours have some thousand
MOST_NUMBERS = 2**28  # of a file of weights; no network of ours has more
_TEXTS = "warnings", "advice"  # columns that are no numbers
UNFINISHED = ".unfinished-"
NOTES_BETWEEN = " | "  # in one cell of log.csv
_cleaned = set()  # folders, by `_clean`
_held = weakref.WeakValueDictionary()  # `Lock`s of this process, by folder

# What archives, cameras' disks and network drives add to a folder, besides
# hidden files.
_OF_SYSTEMS = (
    *("__macosx", "@eadir", "#recycle", "@recycle", "$recycle.bin"),
    *("system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
)
_MOST_WARNINGS = 10


def expanded(path):
    """Replace a `~` at the start of a path by the home folder.

    A file or folder that is really called so, such as `~x`, stays.

    Args:
        path: str or `os.PathLike`.

    Returns:
        str.
    """
    path = os.fspath(path)
    first = path.partition("/")[0]
    if os.path.lexists(path) or (first != "~" and os.path.lexists(first)):
        return path
    return os.path.expanduser(path)


def same_name(name):
    """Normalize a name to Unicode NFC, so that equal-looking names match.

    A Mac may store an accented letter as two characters, others as one.
    """
    return unicodedata.normalize("NFC", str(name))


def identity(path):
    """Return an identifier of a file or folder; None if it does not exist.

    Links are followed, so all paths of one file have the same identifier.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def is_listed(name):
    """Return whether a name is neither hidden nor a system file."""
    return not name.startswith(".") and name.lower() not in _OF_SYSTEMS


def listing(folder):
    """List the files of a folder and of its subfolders.

    Skips hidden files, files that systems add, dead links and pipes. Linked
    folders are followed; one that is reached several ways is listed once,
    under its own name if that is below `folder`.

    Args:
        folder: path.

    Returns:
        list of str, sorted paths relative to `folder`, with `/`: the same on
        every machine. Not `Path`s: 200,000 of them would take seconds.

    Raises:
        UserError: if the folder itself cannot be read. Subfolders that
            cannot be read are listed in a warning.
    """
    found, seen, problems = [], set(), []
    roots = [""]
    for root in roots:
        top = os.path.join(folder, root) if root else os.fspath(folder)
        for parent, folders, names in os.walk(top, onerror=problems.append):
            here = identity(parent)
            if here in seen:
                folders.clear()
                continue
            seen.add(here)
            within = os.path.relpath(parent, folder).replace(os.sep, "/")
            within = "" if within == "." else f"{within}/"
            folders[:] = sorted(filter(is_listed, folders))
            # After all real folders, the linked ones.
            roots += [
                within + name
                for name in folders
                if os.path.islink(os.path.join(parent, name))
            ]
            found += [
                within + name
                for name in filter(is_listed, names)
                if _is_file(os.path.join(parent, name), problems)
            ]
    if not seen:
        reason = problems[0].strerror if problems else "no folder"
        raise UserError(f"{folder} cannot be read ({reason})")
    for error in problems[:_MOST_WARNINGS]:
        logger.warning(
            "%s is skipped: it cannot be read (%s)",
            error.filename,
            error.strerror,
        )
    if len(problems) > _MOST_WARNINGS:
        rest = len(problems) - _MOST_WARNINGS
        logger.warning("%s: %d more cannot be read", folder, rest)
    return sorted(found)


def _is_file(path, problems):
    """Return whether a path is a file; note the reason if unknown."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:
        # But for dead links.
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            problems.append(error)
        return False


def subfolders(folder):
    """Return the names of the folders in a folder that `listing` looks into.

    Raises:
        UserError: if the folder cannot be read.
    """
    try:
        names = sorted(filter(is_listed, os.listdir(folder)))
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror})") from None
    return [n for n in names if os.path.isdir(os.path.join(folder, n))]


def check_outside(place, folders, name):
    """Check that no output is written into a folder of images.

    It would be read as part of the data set the next time.

    Args:
        place: path that will be written, there already or not.
        folders: iterable of paths; None is skipped.
        name: str, the argument that gave `place`.

    Raises:
        UserError: if it is, or lies in, one of the folders.
    """
    real = pathlib.Path(os.path.realpath(place))
    above = {identity(path) for path in (real, *real.parents)} - {None}
    for folder in folders:
        if folder is not None and identity(folder) in above:
            raise UserError(
                f"{name} must lie outside the folders of the images. "
                f"Received: {str(place)!r}, in {str(folder)!r}"
            )


def check_ours(path, start, name):
    """Check that a file to replace was written by this package.

    Args:
        path: path, there or not.
        start: str, how all files of that kind begin.
        name: str, the argument that gave `path`.

    Raises:
        UserError: if something else is there.
    """
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            is_ours = file.read(len(start)) == start
    except FileNotFoundError:
        is_ours = not os.path.islink(path)
    except OSError:
        is_ours = False
    if not is_ours:
        raise UserError(
            f"{name} must be a new file, or one that was written here before. "
            f"Received: {str(path)!r}, which is something else"
        )


def cells(row):
    """Return a row of a csv file, a dict, with its cells as plain text.

    Text that a spreadsheet would run as a formula gets a quote mark in front.
    Numbers stay as they are, also those read back as text.
    """
    return {name: _cell(value) for name, value in row.items()}


def _cell(value):
    if not isinstance(value, str):
        return value
    text = shown(value)
    try:
        float(text)
    except ValueError:
        return f"'{text}" if value[:1] in "=+-@\t\r" and value else text
    return text


@contextlib.contextmanager
def beside(folder):
    """Make a temporary folder within `folder`, for files to rename later.

    It is deleted at the end. The first call of a process for `folder` also
    deletes the folders of killed processes, as their locks are released.

    Args:
        folder: path; made as needed.

    Yields:
        `pathlib.Path`, on the file system of `folder`.

    Raises:
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
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


def _clean(folder):
    """Delete what killed processes left, once, as it lists all files."""
    place = os.path.abspath(folder)
    if place in _cleaned:
        return
    _cleaned.add(place)
    # Before there were locks, checkpoints were written to a file.
    for path in folder.glob(f"{UNFINISHED[:-1]}*"):
        with _locked(path) as is_ours:
            if is_ours and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif is_ours:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path):
    """Hold the lock of a path; yield the result of `lock`, False if missing."""
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
    """Lock an open file for this process until it is closed or exits.

    The system releases the lock whenever the process ends.

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

    No file is written: the folder itself is locked, also after a move. On
    systems without folder locks, other processes are not kept out.

    Args:
        folder: path; made as needed.
        name: str, the argument that names it.

    Returns:
        `Lock`, held until `release()`, garbage collection or the end of the
        process. Within this process the folder is free.

    Raises:
        UserError: if another process holds it.
        OSError: if it cannot be made.
    """
    folder = pathlib.Path(folder)
    # The target of a link may have been moved.
    os.makedirs(os.path.realpath(folder), exist_ok=True)
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
    """Check that a folder can be written to or created.

    Leaves no files behind.

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
    """Write a file atomically: a reader never sees half of it.

        with files.whole("log.csv") as unfinished:
            unfinished.write_text(text)

    Args:
        path: where the file goes; folders are made as needed.

    Yields:
        `pathlib.Path` to write to, with the name of the file. If the block
        succeeds, the file is synced to disk and then renamed.

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
    """Write text as UTF-8, atomically."""
    with whole(path) as unfinished:
        unfinished.write_text(text, "utf-8", "replace")


def write_json(path, content):
    """Write plain values as JSON, atomically."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def record(path, settings, argument):
    """Write the settings of a folder's results, or compare them.

    So the same command goes on where it was stopped, and no result of other
    settings passes for one of these.

    Args:
        path: of a JSON file in the folder.
        settings: dict of plain values.
        argument: str, the name of the folder in the error.

    Raises:
        UserError: if the folder has results of other settings.
    """
    found = read_json(path)
    if found is None:
        return write_json(path, settings)
    others = [
        f"{name}={value!r} for {found.get(name)!r}"
        for name, value in settings.items()
        if value != found.get(name)
    ]
    if others:
        raise UserError(
            f"{argument} must be a new folder, or one of results with the same "
            f"settings ({path}). Received: {', '.join(others)}"
        )


def digest(path):
    """Return the SHA-256 of a file, as text.

    Raises:
        OSError: if it cannot be read.
    """
    with open(expanded(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_size(path, most):
    """Check that a path is a plain file of at most `most` bytes.

    Raises:
        FileNotFoundError: if there is nothing.
        UserError: naming the file, if it is larger or not a plain file, such
            as a pipe.
    """
    size = os.stat(path).st_size
    if not os.path.isfile(path):
        raise UserError(f"{path} cannot be read (it is no plain file)")
    if size > most:
        raise UserError(f"{path} is damaged ({size:,} bytes, at most {most:,})")


def read_json(path):
    """Return the dict in a JSON file, or None if there is no file.

    Raises:
        UserError: naming the file, if it is damaged, larger than `MOST_JSON`
            or holds no dict.
    """
    path = pathlib.Path(path)
    try:
        check_size(path, MOST_JSON)
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged (it holds no names)")
    return content


@contextlib.contextmanager
def open_npz(path, most=MOST_NUMBERS):
    """Open a `.npz` file; read no more than its arrays declare.

    `np.load` reads members of any size; this refuses members that are not
    numeric arrays, and more than `most` numbers, before reading them.

    Yields:
        dict from name to `(shape, function that reads the array)`.

    Raises:
        UserError: if it holds more numbers or other members.
        OSError, zipfile.BadZipFile, ValueError: if it is damaged.
    """
    import numpy as np  # commands that start others stay small

    with zipfile.ZipFile(path) as archive:
        entries = {}
        for member in archive.infolist():
            with _opened(archive, member) as file:
                # Longer headers, of version 2, are of tables.
                if np.lib.format.read_magic(file) != (1, 0):
                    raise UserError(f"{member.filename} is no plain array")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            if dtype.kind not in "biuf":
                raise UserError(f"{member.filename} has no numbers ({dtype})")
            name = member.filename.removesuffix(".npy")
            read = functools.partial(_read_npy, archive, member)
            entries[name] = shape, read
        check_count((shape for shape, _ in entries.values()), most)
        yield entries


def check_count(shapes, most=MOST_NUMBERS):
    """Check the total size of arrays by their shapes, before reading them.

    Raises:
        UserError: if there are more than `most`.
    """
    count = sum(abs(math.prod(shape)) for shape in shapes)
    if count > most:
        raise UserError(f"{count:,} numbers, at most {most:,}")


def _opened(archive, member):
    # Only of these no more is unpacked than is asked for.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{member.filename} is packed in an unusual way")
    return archive.open(member)


def _read_npy(archive, member):
    import numpy as np

    with _opened(archive, member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_rows(path):
    """Return the complete rows of a csv file whose columns are numbers.

    A complete row has a cell for each column: `step` an integer, `seconds`
    finite, `warnings` and `advice` text; others may be empty.

    Args:
        path: of a file; may be missing.

    Returns:
        `(rows, damage)`: list of dicts from column to str; None or a
        description of what cannot be read.
    """
    rows, damage = [], None
    try:
        # Bytes that are no text spoil their own row only.
        with open(
            path, newline="", encoding="utf-8-sig", errors="replace"
        ) as file:
            reader = csv.DictReader(file)
            for row in reader:
                if _is_whole(row):
                    rows.append(row)
                else:
                    damage = damage or f"line {reader.line_num} is damaged"
            if not {"step", "seconds"} <= {*(reader.fieldnames or ())}:
                damage = "it has no columns step and seconds"
    except FileNotFoundError:
        pass
    except (OSError, csv.Error) as error:
        damage = str(error)
    return rows, damage


def rows_until(path, step):
    """Return the rows of `read_rows` up to a step.

    A damaged file is set aside; what can be read of it is written again.
    """
    rows, damage = read_rows(path)
    rows = [row for row in rows if int(row["step"]) <= step]
    if damage:
        set_aside(path, damage)
        if rows:
            write_rows(path, rows)
    return rows


def write_rows(path, rows):
    """Write dicts as the rows of a csv file; without any, delete it."""
    if not rows:
        pathlib.Path(path).unlink(missing_ok=True)
        return
    # A damaged name of a column, or another version, makes others.
    columns = dict.fromkeys(name for row in rows for name in row)
    with whole(path) as unfinished:
        with open(unfinished, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*columns], restval="")
            writer.writeheader()
            writer.writerows(map(cells, rows))


def _is_whole(row):
    # Too many cells are under None, for missing ones there is None.
    if None in row or None in row.values():
        return False
    try:
        step, seconds = int(row["step"]), float(row["seconds"])
        for name, cell in row.items():
            float(cell if cell and name not in _TEXTS else 0)
    except (KeyError, ValueError):
        return False
    return step >= 0 and math.isfinite(seconds)


def set_aside(path, reason):
    """Rename a damaged file to keep it and make room for a new one."""
    path, number = pathlib.Path(path), 0
    while True:
        ending = f".damaged.{number}" if number else ".damaged"
        aside = path.with_name(path.name + ending)
        if not os.path.lexists(aside):
            break
        number += 1
    os.rename(path, aside)
    logger.warning(
        "%s is damaged (%s); it is kept as %s, and what could be read of it "
        "goes on",
        path,
        reason,
        aside.name,
    )


def cache_folder():
    """Return the folder of this user's caches.

    The variable `KERAS_GANS_CACHE` names it. Default: `keras_gans` in the
    system's folder for caches.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return pathlib.Path(expanded(chosen))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(os.path.expanduser(base), "keras_gans")
