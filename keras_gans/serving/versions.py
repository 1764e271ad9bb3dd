"""Publish the versions of an export: numbered folders, always complete."""

import os
import pathlib

from keras_gans import files


def publish(folder, write):
    """Write the next version to a temporary folder and rename it.

    A server that watches `folder` never sees an incomplete version, and none
    if `write` fails.

    Args:
        folder: folder of the versions; created if needed.
        write: function that fills the folder at a given path.

    Returns:
        `pathlib.Path` of the version: in `folder`, with the highest number
        there plus one.

    Raises:
        OSError: if `folder` cannot be written.
    """
    folder = pathlib.Path(files.expanded(folder))
    with files.beside(folder) as unfinished:
        write(unfinished)
        # The 0700 of a temporary folder would lock other users' servers out.
        unfinished.chmod(0o755)
        return _rename(unfinished, folder)


def _rename(unfinished, folder):
    version = max((int(one.name) for one in folders(folder)), default=0) + 1
    while True:
        try:
            # Onto a folder with content this fails, so that no version is
            # ever replaced, also when two runs publish at once.
            os.rename(unfinished, folder / str(version))
            return folder / str(version)
        except OSError:
            if not (folder / str(version)).exists():
                raise
            version += 1


def folders(folder):
    """Return the folders of the versions in a folder, ascending."""
    folder = pathlib.Path(files.expanded(folder))
    found = folder.iterdir() if folder.is_dir() else ()
    numbered = (path for path in found if path.name.isdecimal())
    return sorted(numbered, key=lambda path: int(path.name))
