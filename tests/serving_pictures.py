"""Encoded pictures of every kind, whole, broken and hostile, for tests."""

import io
import struct

import numpy as np
from PIL import Image

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
    """Return pictures of every kind that are read, by name."""
    rgb = Image.fromarray(pixels())
    grey = rgb.convert("L")
    rgba = rgb.convert("RGBA")
    rgba.putalpha(grey)
    palette = rgb.quantize(64)
    frames = {"save_all": True, "append_images": [rgb.transpose(0)] * 3}
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
        "bmp": encode(rgb, "BMP"),
        "bmp 32 bit": encode(rgba, "BMP"),
        "bmp grey": encode(grey, "BMP"),
        "bmp palette": encode(palette, "BMP"),
        "gif": encode(palette, "GIF"),
        "gif animated": encode(rgb, "GIF", **frames),
        "webp": encode(rgb, "WEBP"),
        "webp lossless": encode(rgb, "WEBP", lossless=True),
        "webp rgba": encode(rgba, "WEBP", lossless=True),
        "webp animated": encode(rgb, "WEBP", lossless=True, **frames),
    }
    for turn in range(1, 9):
        for kind in ("JPEG", "PNG", "WEBP"):
            exif = Image.Exif()
            # An entry before it, and one that is stored elsewhere.
            exif[0x010F], exif[0x0112] = "a maker of cameras", turn
            name = f"{kind.lower()} turned {turn}"
            pictures[name] = encode(rgb, kind, exif=exif)
    return pictures


def gif_on_canvas(top, left, height, width):
    """Return a GIF of 64 colours and its pixels, on a larger white canvas."""
    frame = Image.fromarray(pixels()).quantize(64)
    gif = bytearray(encode(frame, "GIF"))
    start = gif.index(b"," + bytes(4) + struct.pack("<HH", WIDTH, HEIGHT))
    gif[start + 1 : start + 5] = struct.pack("<HH", left, top)
    gif[6:10] = struct.pack("<HH", width, height)
    canvas = np.full((height, width, 3), 255, "uint8")
    canvas[top : top + HEIGHT, left : left + WIDTH] = frame.convert("RGB")
    return bytes(gif), canvas


def broken():
    """Return what must be refused, by name: bytes, and part of the reason."""
    good = whole()
    rgb = Image.fromarray(pixels())
    jpeg, png, gif, webp = (
        good[kind] for kind in ("jpeg", "png", "gif", "webp lossless")
    )
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
        "gif bomb": (
            gif[:6] + struct.pack("<HH", 30_000, 30_000) + gif[10:],
            large,
        ),
        "bmp bomb": (
            good["bmp"][:18]
            + struct.pack("<ii", 30_000, -30_000)
            + good["bmp"][26:],
            large,
        ),
        "webp bomb": (
            encode(Image.new("L", (16_000, 10)), "WEBP"),
            "Received: 16000 x 10 pixels",
        ),
        # One small frame after another.
        "gif of tiny blocks": (
            gif[: gif.index(b",") + 11] + b"\1a" * 100_000,
            "is damaged",
        ),
        "jpeg of a thousand scans": (
            jpeg[:scan] + jpeg[scan:-2] * 1000 + jpeg[-2:],
            "at most 100 scans",
        ),
        "bmp 1 bit": (encode(rgb.convert("1"), "BMP"), "8, 24 or 32 bits"),
        "bmp without sides": (good["bmp"][:18] + bytes(8), "is damaged"),
    }
    for kind in ("jpeg", "png", "bmp", "gif", "webp lossless"):
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
