"""Read, convert and write images; all value ranges are handled here.

Images are uint8 `[height, width, 3]` in RGB, 0 to 255, when read or written,
and float32 in [-1, 1] everywhere else. TensorFlow is imported on first use,
so that reading and writing images stays cheap.
"""

import contextlib
import io
import math
import os
import pathlib
import struct
import typing

import numpy as np
from PIL import (
    Image,
    ImageDraw,
    ImageFont,
    ImageOps,
    PngImagePlugin,
    UnidentifiedImageError,
)

from keras_gans import files
from keras_gans.checks import UserError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")

# Pillow's own limit: a header can request any amount of memory.
PIXEL_LIMIT = 178_956_970

# Other formats that Pillow knows, such as EPS, run other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")

# The transpose that applies each EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION, _SHORT = 0x0112, 3


class Header(typing.NamedTuple):
    """Describes an image by its header, without decoding it.

    Attributes:
        format: str, `"JPEG"`, `"PNG"`, `"BMP"`, `"GIF"` or `"WEBP"`.
        mode: str, Pillow's mode (`"RGB"`, `"L"`, ...), or `"16 bit"`.
        width: int, pixels, after EXIF rotation.
        height: int, the same.
        turned: bool, whether its EXIF orientation rotates or flips it.
        animated: bool, whether it has more than one frame.
        transparent: bool, whether it may have transparent parts.
    """

    format: str
    mode: str
    width: int
    height: int
    turned: bool = False
    animated: bool = False
    transparent: bool = False


def read(source, limit=PIXEL_LIMIT, size=None, name=None):
    """Read one image of any kind as RGB.

    Gray, palette, CMYK and 16-bit images are converted, transparent ones are
    put on white, EXIF rotation is applied, and of an animation the first
    frame is used.

    Args:
        source: path of a file, or the bytes of one (JPEG, PNG, BMP, GIF or
            WebP; the content counts, not the extension).
        limit: int, most pixels an image may have, checked before decoding;
            at most `PIXEL_LIMIT`, which is Pillow's own.
        size: int or None; if given, the image is made square as in
            `fit_square`, and a large JPEG is decoded at reduced scale, which
            is several times faster.
        name: str, its name in error messages. Default: the path.

    Returns:
        uint8 `[height, width, 3]`, or `[size, size, 3]`.

    Raises:
        UserError: in one line, with the name and the reason, if the image
            cannot be read.
    """
    with _opened(source, limit, name) as image:
        if size is not None:
            # Twice the size leaves the antialiasing filter enough to do the
            # rest; it is what `Image.thumbnail` asks for, too.
            image.draft(None, (2 * size, 2 * size))
        image.load()  # a PNG may have its EXIF entries behind the pixels
        turn = _TURNS.get(orientation(image.info.get("exif", b"")))
        image = _to_rgb(image if turn is None else image.transpose(turn))
        return np.array(image if size is None else _fit(image, size))


def check(source, limit=PIXEL_LIMIT, name=None):
    """Check an image's header without decoding; the same arguments.

    Returns:
        `Header`.

    Raises:
        UserError: as `read`, but damage beyond the header goes unnoticed.
    """
    with _opened(source, limit, name) as image:
        width, height = image.size
        turned = orientation(image.info.get("exif", b""))
        if turned >= 5:
            width, height = height, width
        is_mpo = image.format == "MPO"
        tiles = image.tile if image.format == "PNG" else ()
        has_16_bits = any("16" in str(tile[3]) for tile in tiles)
        return Header(
            # Telephones put a preview behind the JPEG and call it MPO.
            "JPEG" if is_mpo else image.format,
            "16 bit" if has_16_bits else image.mode,
            width,
            height,
            turned > 1,
            getattr(image, "is_animated", False) and not is_mpo,
            image.has_transparency_data,
        )


def read_text(source, name=None):
    """Return the text in an image file, such as `encode` writes beside pixels.

    Args:
        source, name: as of `read`.

    Returns:
        dict of str; empty where a file has none.

    Raises:
        UserError: as `read`.
    """
    with _opened(source, PIXEL_LIMIT, name) as image:
        return {k: str(v) for k, v in getattr(image, "text", {}).items()}


def orientation(exif):
    """Return the EXIF orientation of an image.

    Exported graphs use the same rule, so that served images have the
    orientation of those in training. Pillow would also read XMP texts, and
    would find nothing if another entry is damaged.

    Args:
        exif: bytes, EXIF entries: what follows `Exif\\0\\0`, with it or not.

    Returns:
        int, 1 to 8, as EXIF has it; 1, upright, if there is no such entry.
    """
    for _ in range(2):  # some programs write the mark twice
        exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    exif += bytes(12)
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            entry = struct.unpack_from(order + "HHIH", exif, place)
            if entry[:3] == (_ORIENTATION, _SHORT, 1) and 1 <= entry[3] <= 8:
                return entry[3]
    except struct.error:  # the entries end before the count of them
        pass
    return 1


@contextlib.contextmanager
def _opened(source, limit, name):
    """Open an image; raise errors of the block as a one-line `UserError`."""
    in_memory = isinstance(source, (bytes, bytearray, memoryview))
    name = name or ("image in memory" if in_memory else os.fspath(source))
    try:
        if not in_memory:
            source = files.expanded(source)
        stream = io.BytesIO(source) if in_memory else open(source, "rb")
        with stream, Image.open(stream, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > limit:
                raise Image.DecompressionBombError(f"{width} x {height} pixels")
            yield image
    # Damaged files make Pillow raise nearly anything: OSError, SyntaxError,
    # struct.error, EOFError, IndexError, ValueError.
    except Exception as error:
        reason = _reason(error, source, limit, in_memory)
        raise UserError(f"{name}: {reason}") from error


def _reason(error, source, limit, in_memory):
    text = " ".join(str(error).split())
    if isinstance(error, Image.DecompressionBombError):
        return f"must have at most {limit} pixels. Received: {text}"
    if isinstance(error, UnidentifiedImageError):
        if not (len(source) if in_memory else os.path.getsize(source)):
            return "is empty (0 bytes)"
        return "is not a JPEG, PNG, BMP, GIF or WebP image"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be opened ({error.strerror})"
    return f"is damaged or cut short ({text or type(error).__name__})"


def _to_rgb(image):
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16 bits clips everything above 255 to
        # white. 65535 / 257 = 255.
        levels = np.rint(np.asarray(image, np.float32) / 257.0)
        image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _fit(image, size, width=None):
    # Pillow widens the bicubic filter by the scale, so that every source
    # pixel counts; TensorFlow's resize does not unless asked to, and clean-fid
    # shows what that does to scores.
    sides = width or size, size
    return ImageOps.fit(image, sides, Image.Resampling.BICUBIC)


def fit_square(image, size):
    """Scale the shorter side to `size` and crop the center of the longer.

    Args:
        image: uint8 `[height, width, 3]`.
        size: int, pixels of either side of the result.

    Returns:
        uint8 `[size, size, 3]`, antialiased; a square image of this size
        is returned unchanged.
    """
    return np.array(_fit(Image.fromarray(image), size))


def fit(image, height, width):
    """Scale and crop an image to sides of any ratio, as `fit_square` does.

    Args:
        image: uint8 `[any height, any width, 3]`.
        height, width: int, pixels of the result.

    Returns:
        uint8 `[height, width, 3]`.
    """
    return np.array(_fit(Image.fromarray(image), height, width))


def to_float(pixels):
    """Convert uint8 0..255 to float32 in [-1, 1]: x / 127.5 - 1."""
    import tensorflow as tf

    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def to_uint8(pixels):
    """Convert floats in [-1, 1] to uint8, rounded and clipped.

    The exact inverse of `to_float`. Works eagerly and in graphs, on any
    floating type, and returns a tensor.
    """
    import tensorflow as tf

    levels = tf.round((tf.cast(pixels, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)


def grid(images, columns=None, padding=2, headings=None):
    """Arrange images of one size as a grid on white.

    Args:
        images: uint8 `[count, height, width, 3]`, laid out row by row, or a
            list of rows, each uint8 `[columns, height, width, 3]`.
        columns: int, images in a row. Default: the most square layout, or
            the longest row.
        padding: int, white pixels around each image.
        headings: list of str, text above each column.

    Returns:
        uint8 `[height, width, 3]`.

    Raises:
        UserError: if the images are not uint8 of one shape.
    """
    rows = [images] if isinstance(images, np.ndarray) else list(images)
    rows = [np.asarray(row) for row in rows]
    shapes = {row.shape[1:] for row in rows}
    if len(shapes) != 1 or any(
        row.dtype != np.uint8 or row.ndim != 4 or row.shape[3] != 3
        for row in rows
    ):
        raise UserError(
            "images must be uint8 [count, height, width, 3], or a list of "
            "such rows with images of one size. Received: "
            f"{[(row.dtype.name, row.shape) for row in rows][:3]}"
        )
    if isinstance(images, np.ndarray):
        columns = columns or math.ceil(math.sqrt(len(images)))
        rows = [images[i : i + columns] for i in range(0, len(images), columns)]
    columns = columns or max(len(row) for row in rows)
    height, width = rows[0].shape[1:3]
    step_x, step_y = width + padding, height + padding
    top = 16 if headings else 0
    canvas = Image.new(
        "RGB",
        (padding + columns * step_x, top + padding + len(rows) * step_y),
        "white",
    )
    for y, row in enumerate(rows):
        for x, picture in enumerate(row[:columns]):
            corner = (padding + x * step_x, top + padding + y * step_y)
            canvas.paste(Image.fromarray(picture), corner)
    font = ImageFont.load_default(11)
    for x, text in enumerate((headings or [])[:columns]):
        # A heading too long for its column is cut, not drawn over the next.
        strip = Image.new("RGB", (width, top), "white")
        ImageDraw.Draw(strip).text((0, 1), str(text), fill=0, font=font)
        canvas.paste(strip, (padding + x * step_x, 0))
    return np.array(canvas)


def encode(image, text=None):
    """Encode an image as PNG.

    Args:
        image: uint8 `[height, width, 3]`.
        text: dict of str, kept in the file beside the pixels, or None.

    Returns:
        bytes.

    Raises:
        UserError: if the image does not fit.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise UserError(
            "image must be uint8 [height, width, 3]. "
            f"Received: {image.dtype.name} {image.shape}"
        )
    chunks = PngImagePlugin.PngInfo()
    for name, value in (text or {}).items():
        chunks.add_itxt(name, value)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", pnginfo=chunks)
    return stream.getvalue()


def write(path, image, text=None):
    """Write an image as PNG, atomically.

    Args:
        path: where to, ending in `.png`; folders are made as needed.
        image, text: as of `encode`.

    Raises:
        UserError: if the path or the image does not fit.
    """
    path = pathlib.Path(files.expanded(path))
    if path.suffix.lower() != ".png":
        raise UserError(f"path must end in .png. Received: {path}")
    encoded = encode(image, text)
    with files.whole(path) as unfinished:
        unfinished.write_bytes(encoded)
