"""Encoded pictures of every kind, whole, broken and hostile, for tests."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

HEIGHT, WIDTH = 47, 61


def pixels(height=HEIGHT, width=WIDTH, seed=0):
    """Draw a smooth picture, uint8 `[height, width, 3]`."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
    image = Image.fromarray(small)
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def encode(image, kind, **options):
    """Return the bytes of a Pillow image or of uint8 pixels."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def whole():
    """Return images of every kind that are served, by name."""
    rgb = Image.fromarray(pixels())
    grey = rgb.convert("L")
    rgba = rgb.convert("RGBA")
    rgba.putalpha(grey)
    palette = rgb.quantize(64)
    flat = Image.fromarray(np.where(pixels() < 128, 0, 255).astype("uint8"))
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", "a text " * 100, zip=True)
    sixteen = Image.fromarray(np.asarray(grey).astype("uint16") * 257)
    pictures = {
        "jpeg": encode(rgb, "JPEG"),
        "jpeg 4:4:4": encode(rgb, "JPEG", subsampling=0),
        "jpeg progressive": encode(rgb, "JPEG", progressive=True),
        "jpeg grey": encode(grey, "JPEG"),
        "jpeg cmyk": encode(rgb.convert("CMYK"), "JPEG"),
        "png": encode(rgb, "PNG"),
        "png grey": encode(grey, "PNG"),
        "png 1 bit": encode(rgb.convert("1"), "PNG"),
        "png 16 bit": encode(sixteen, "PNG"),
        "png rgba": encode(rgba, "PNG"),
        "png grey alpha": encode(rgba.convert("LA"), "PNG"),
        "png palette": encode(palette, "PNG"),
        "png palette alpha": encode(palette, "PNG", transparency=3),
        "png palette of clear colors": encode(
            palette, "PNG", transparency=bytes(range(0, 256, 4))
        ),
        "png clear color": encode(flat, "PNG", transparency=(0, 0, 255)),
        "png grey clear level": encode(
            flat.convert("L"),
            "PNG",
            transparency=int(np.array(flat.convert("L"))[0, 0]),
        ),
        "png interlaced": interlaced_png(),
        "png with texts": encode(rgb, "PNG", pnginfo=texts),
        "webp": encode(rgb, "WEBP"),
        "webp lossless": encode(rgb, "WEBP", lossless=True),
        "webp rgba": encode(rgba, "WEBP", lossless=True),
        "webp rgba lossy": encode(rgba, "WEBP", quality=80),
        "webp with profile": encode(rgb, "WEBP", icc_profile=b"profile"),
    }
    for turn in range(1, 9):
        for kind in ("JPEG", "PNG", "WEBP"):
            exif = Image.Exif()
            # An entry before it, and one that is stored elsewhere.
            exif[0x010F], exif[0x0112] = "a maker of cameras", turn
            name = f"{kind.lower()} turned {turn}"
            pictures[name] = encode(rgb, kind, exif=exif)
    return pictures


def interlaced_png():
    """Return a gray PNG whose rows come in seven passes, built by hand."""
    gray = pixels()[..., 0]
    rows = b""
    for top, left, down, right in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        for row in gray[top::down, left::right]:
            rows += b"\0" + row.tobytes()

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(
                b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 1)
            ),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def broken():
    """Return what must be refused, by name: bytes, and part of the reason."""
    good = whole()
    rgb = Image.fromarray(pixels())
    jpeg, png, webp = (good[kind] for kind in ("jpeg", "png", "webp lossless"))
    gif, bmp = encode(rgb.quantize(64), "GIF"), encode(rgb, "BMP")
    frames = {"save_all": True, "append_images": [rgb.transpose(0)] * 3}
    sixteen = Image.fromarray(np.asarray(rgb.convert("L")).astype("uint16"))
    cmyk = encode(rgb.convert("CMYK"), "JPEG")
    adobe = cmyk.index(b"\xff\xee")
    scan = jpeg.index(b"\xff\xda")
    side = struct.pack(">I", 30_000)
    start = jpeg.index(b"\xff\xc0") + 5
    large = "at most 10000 pixels. Received: 30000 x 30000 pixels"
    pictures = {
        "empty": (b"", "is empty"),
        "text": (b"not a picture", "is not a JPEG"),
        "tiff": (encode(rgb, "TIFF"), "is not a JPEG"),
        "first bytes only": (png[:8], "is damaged"),
        "png bomb": (png[:16] + side + side + png[24:], large),
        "jpeg bomb": (
            jpeg[:start] + side[2:] + side[2:] + jpeg[start + 4 :],
            large,
        ),
        "gif": (gif, "is a GIF; send JPEG, PNG or WebP"),
        "bmp": (bmp, "is a BMP; send JPEG, PNG or WebP"),
        "webp animated": (encode(rgb, "WEBP", **frames), "is an animated"),
        "webp animated, opacity flag": (
            encode(rgb.convert("RGBA"), "WEBP", **frames),
            "is an animated",
        ),
        "png 16 bit clear level": (
            encode(sixteen, "PNG", transparency=7),
            "must be a PNG of 8 bits",
        ),
        "cmyk without its marker": (
            cmyk[:adobe] + cmyk[adobe + 16 :],
            "must be a CMYK JPEG with",
        ),
        "webp bomb": (
            encode(Image.new("L", (16_000, 10)), "WEBP"),
            "Received: 16000 x 10 pixels",
        ),
        "jpeg of a thousand scans": (
            jpeg[:scan] + jpeg[scan:-2] * 1000 + jpeg[-2:],
            "at most 100 scans",
        ),
    }
    for kind in ("jpeg", "png", "webp lossless"):
        picture = good[kind]
        pictures[f"{kind} cut short"] = (
            picture[: len(picture) // 2],
            "is damaged",
        )
    return pictures


def mutate(rng, picture, others):
    """Damage an encoded picture as chance has it, its header above all."""
    picture = bytearray(picture)
    for _ in range(rng.integers(1, 6)):
        reach = len(picture) if rng.random() < 0.5 else min(64, len(picture))
        place = int(rng.integers(0, reach + 1))
        some = slice(place, place + int(rng.integers(1, 9)))
        change = rng.integers(0, 6)
        if change == 0:
            picture[place : place + 1] = rng.bytes(1)
        elif change == 1:
            del picture[place:]
        elif change == 2:
            picture[place:place] = rng.bytes(8)[: some.stop - place]
        elif change == 3:
            del picture[some]
        elif change == 4:
            extremes = (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff")
            picture[place : place + 4] = extremes[rng.integers(0, 3)]
        else:
            other = others[rng.integers(0, len(others))]
            picture[place:] = other[int(rng.integers(0, len(other))) :]
    return bytes(picture)
