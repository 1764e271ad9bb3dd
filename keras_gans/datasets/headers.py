"""The headers of all pictures in a folder, read in parallel and remembered.

200,000 headers take some seconds to read, or minutes over a network. So what
a large folder's headers said is kept in the user's cache folder, and a file
of the same path, size and time of change is not opened again.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import sys
import tempfile

from tqdm.auto import tqdm

from keras_gans import images

CACHE_VARIABLE = "KERAS_GANS_CACHE"

# Smaller folders are read faster than anybody notices, and leave no trace.
REMEMBER_FROM = 1000
_FILES_PER_TASK = 200
# What is remembered was read by these rules.
_VERSION = [1, images.PIXEL_LIMIT]


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


def read(folder, names):
    """Read the headers of the pictures in a folder.

    Args:
        folder: path.
        names: list of str, the paths of the pictures relative to `folder`.

    Returns:
        list with an `images.Header` for each picture, or a str, the reason
        why it cannot be read.
    """
    folder = os.path.abspath(folder)
    remembered = _recall(folder) if len(names) >= REMEMBER_FROM else {}
    # Threads, although Python runs one of them at a time: on a slow disk the
    # time goes in waiting, and a new process would first import everything.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        tasks = [
            names[i : i + _FILES_PER_TASK]
            for i in range(0, len(names), _FILES_PER_TASK)
        ]
        read_some = functools.partial(_read_some, folder, remembered)
        found = {}
        with tqdm(
            desc="reading headers",
            total=len(names),
            unit=" files",
            delay=2,
            disable=None,
            leave=False,
        ) as bar:
            for results in pool.map(read_some, tasks):
                found.update(results)
                bar.update(len(results))
    # Broken files are looked at again each time: they may be mended, or the
    # disk may have been at fault.
    good = {
        name: [*stamp, *header]
        for name, (stamp, header) in found.items()
        if isinstance(header, images.Header)
    }
    if len(names) >= REMEMBER_FROM and good != remembered:
        _remember(folder, good)
    return [found[name][1] for name in names]


def _read_some(folder, remembered, names):
    results = {}
    for name in names:
        path = os.path.join(folder, name)
        try:
            status = os.stat(path)
            stamp = [status.st_size, status.st_mtime_ns]
            known = remembered.get(name)
            if known is not None and known[:2] == stamp:
                results[name] = stamp, images.Header(*known[2:])
            else:
                results[name] = stamp, images.check(path, name=name)
        except OSError as error:
            reason = f"{name}: cannot be opened ({error.strerror})"
            results[name] = None, reason
        except ValueError as error:
            results[name] = None, str(error)
    return results


def _place(folder):
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
    return cache_folder() / "headers" / f"{digest}.json"


def _recall(folder):
    """Return `{name: [size, time, *header]}`; nothing if anything is odd."""
    fields = 2 + len(images.Header._fields)
    try:
        content = json.loads(_place(folder).read_text("utf-8"))
        if content["version"] != _VERSION or content["folder"] != folder:
            return {}
        files = content["files"]
        whole = all(len(entry) == fields for entry in files.values())
        return files if whole else {}
    # A damaged cache makes JSON of any shape; all it may cost is time.
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _remember(folder, files):
    content = {"version": _VERSION, "folder": folder, "files": files}
    place = _place(folder)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=place.parent, prefix="."
        ) as beside:
            unfinished = pathlib.Path(beside, place.name)
            # Names that are no valid text are kept as escapes.
            unfinished.write_text(json.dumps(content), "utf-8")
            os.replace(unfinished, place)
    except OSError:
        pass  # no room or no right to write: the next run reads again
