"""Pictures of a run folder as data URIs, within a bounded size."""

import base64
import io

import numpy as np

from keras_gans import images
from keras_gans.checks import UserError

MOST_STEPS = 40
MOST_BYTES = 24_000_000  # of all sample grids in a page, before base64
_QUALITY = 90
RULE = (
    "A group of a_to_b is an input, its translation, and the way back or the "
    f"truth. At most {MOST_STEPS} evenly spaced steps of each kind are shown, "
    f"the first and the last among them, and {MOST_BYTES // 10**6} MB in all: "
    f"if they are larger, as JPEG of quality {_QUALITY}, and if that is not "
    "enough, with fewer steps. The files in samples/ are without loss."
)


def samples(folder):
    """Embed the sample grids of a run, within `MOST_STEPS` and `MOST_BYTES`.

    Args:
        folder: `pathlib.Path` of the run folder.

    Returns:
        `(kinds, problems)`: dict from kind (`"a_to_b"`) to a list of
        `(step, data URI, width)`, ascending; list of str, a line for each
        grid that cannot be read.

    Raises:
        FileNotFoundError: if there are no grids.
    """
    paths = {
        place.name: sorted(
            (p for p in place.glob("*.png") if p.stem.isdecimal()),
            key=lambda path: int(path.stem),
        )
        for place in sorted((folder / "samples").glob("*/"))
    }
    paths = {kind: found for kind, found in paths.items() if found}
    if not paths:
        raise FileNotFoundError("samples/ has no sample grids.")
    most = MOST_STEPS
    while True:
        chosen = {kind: _spread(found, most) for kind, found in paths.items()}
        size = sum(p.stat().st_size for found in chosen.values() for p in found)
        embedded, problems = {}, []
        for kind, found in chosen.items():
            embedded[kind] = []
            for path in found:
                try:
                    uri, width = _embedded(path, size > MOST_BYTES)
                except UserError as error:
                    problems.append(str(error))
                else:
                    embedded[kind].append((int(path.stem), uri, width))
        size = sum(len(u) for rows in embedded.values() for _, u, _ in rows)
        if most <= 2 or size * 3 / 4 <= MOST_BYTES:
            return embedded, problems
        most = max(2, most // 2)


def png(path):
    """Return a picture file as `(data URI, width)`.

    Raises:
        UserError: in one line, if it cannot be read.
    """
    return _embedded(path, is_jpeg=False)


def _embedded(path, is_jpeg):
    name = f"{path.parent.name}/{path.name}"
    # Decoded in any case: a file that was cut short shows half a picture.
    pixels = images.read(path, name=name)
    content, kind = path.read_bytes(), "png"
    if is_jpeg:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
        content, kind = buffer.getvalue(), "jpeg"
    text = base64.b64encode(content).decode("ascii")
    return f"data:image/{kind};base64,{text}", pixels.shape[1]


def _spread(paths, most):
    places = np.linspace(0, len(paths) - 1, min(most, len(paths)))
    return [paths[place] for place in np.rint(places).astype(int)]
