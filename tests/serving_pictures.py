"""Encoded images of every kind, whole, broken and hostile, for tests."""

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 47, 61

_XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
_PROFILE = b"not a color profile" * 9
# The types of color of a PNG, and of how many bits each may be.
_COLORS = {
    0: ("gray", (1, 2, 4, 8, 16)),
    2: ("rgb", (8, 16)),
    3: ("palette", (1, 2, 4, 8)),
    4: ("gray alpha", (8, 16)),
    6: ("rgba", (8, 16)),
}
# Where the parts of an interlaced PNG begin, and their steps.
_PARTS = (
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
    *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
)


def pixels(height=HEIGHT, width=WIDTH, seed=0):
    """Draw a smooth image, uint8 `[height, width, 3]`."""
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


def exif(turn, order="<", kind=3, count=1):
    """Return EXIF entries: the maker of a camera, and an orientation."""
    value = struct.pack(order + ("I" if kind == 4 else "Hxx"), turn)
    return (
        {"<": b"II*\0", ">": b"MM\0*"}[order]
        + struct.pack(order + "IHHHI4s", 8, 2, 0x010F, 2, 4, b"abc\0")
        + struct.pack(order + "HHI4sI", 0x0112, kind, count, value, 0)
    )


def chunk(name, content=b""):
    """Return a chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png(color, bits, before=(), after=(), interlaced=False):
    """Return a PNG of any type of color and number of bits.

    Args:
        before: chunks before the pixels, a palette included.
        after: chunks behind them.
    """
    rgb = pixels()
    channels = {0: [0], 2: [0, 1, 2], 3: [0], 4: [0, 1], 6: [0, 1, 2, 1]}[color]
    levels = rgb[..., channels].astype("uint16")
    levels = levels * 257 + levels % 7 if bits == 16 else levels >> (8 - bits)
    lines = b""
    for top, left, down, right in _PARTS if interlaced else [(0, 0, 1, 1)]:
        for row in levels[top::down, left::right]:
            if bits == 16:
                line = row.astype(">u2").tobytes()
            else:
                digits = np.unpackbits(
                    row.astype("uint8").reshape(-1, 1), axis=1
                )
                line = np.packbits(digits[:, 8 - bits :]).tobytes()
            lines += b"\0" + line if line else b""
    header = struct.pack(
        ">IIBBBBB", WIDTH, HEIGHT, bits, color, 0, 0, interlaced
    )
    body = zlib.compress(lines)
    third = len(body) // 3 + 1
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header),
            *before,
            *(chunk(b"IDAT", body[i * third :][:third]) for i in range(3)),
            *after,
            chunk(b"IEND"),
        ]
    )


def palette(bits, clear=0):
    """Return the chunks of 2**bits colors, of which some are transparent."""
    rng = np.random.default_rng(1)
    chunks = [chunk(b"PLTE", rng.bytes(3 * 2**bits))]
    return chunks + ([chunk(b"tRNS", rng.bytes(clear))] if clear else [])


def webp(parts):
    """Return a WebP of parts, each a name and a content."""
    body = b""
    for name, content in parts:
        body += name + struct.pack("<I", len(content)) + content
        body += bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def webp_parts(image_bytes):
    """Return the parts of a WebP that hold pixels."""
    body, parts = image_bytes[12:], []
    while body:
        (length,) = struct.unpack_from("<I", body, 4)
        parts.append((body[:4], body[8 : 8 + length]))
        body = body[8 + length + length % 2 :]
    return [part for part in parts if part[0] in (b"ALPH", b"VP8 ", b"VP8L")]


def _three(number):
    return struct.pack("<I", number)[:3]


def webp_header(flags, width=WIDTH, height=HEIGHT):
    """Return the part of a WebP that has its flags and size."""
    sides = _three(width - 1) + _three(height - 1)
    return b"VP8X", bytes([flags, 0, 0, 0]) + sides


def webp_frame(parts, left=0, top=0, width=WIDTH, height=HEIGHT):
    """Return the part of an animated WebP that is a frame."""
    place = _three(left // 2) + _three(top // 2)
    header = place + _three(width - 1) + _three(height - 1) + _three(100)
    return b"ANMF", header + b"\0" + webp(parts)[12:]


def _described(image, entries=b"", has_xmp=False, has_profile=False):
    """Add EXIF entries, an XMP text or a profile to an encoded image."""
    xmp, profile = _XMP * has_xmp, _PROFILE * has_profile
    if image[:2] == b"\xff\xd8":
        for mark, name, content in (
            (b"\xff\xe1", b"Exif\0\0", entries),
            (b"\xff\xe1", b"http://ns.adobe.com/xap/1.0/\0", xmp),
            (b"\xff\xe2", b"ICC_PROFILE\0\1\1", profile),
        ):
            if content:
                length = struct.pack(">H", 2 + len(name + content))
                image = image[:2] + mark + length + name + content + image[2:]
    elif image[:1] == b"\x89":
        name = b"XML:com.adobe.xmp" + bytes(5)
        packed = b"a\0\0" + zlib.compress(profile)
        image = (
            image[:33]
            + (chunk(b"iCCP", packed) if profile else b"")
            + (chunk(b"eXIf", entries) if entries else b"")
            + (chunk(b"iTXt", name + xmp) if xmp else b"")
            + image[33:]
        )
    elif entries or xmp or profile:
        is_clear = Image.open(io.BytesIO(image)).mode == "RGBA"
        flags = 0x10 * is_clear + 0x08 * bool(entries)
        image = webp(
            [
                webp_header(flags + 0x04 * bool(xmp) + 0x20 * bool(profile)),
                (b"ICCP", profile),
                *webp_parts(image),
                (b"EXIF", entries),
                (b"XMP ", xmp),
            ]
        )
    return image


def _stills():
    """Return images of every format and mode that both decoders read."""
    rgb = Image.fromarray(pixels())
    gray = rgb.convert("L")
    rgba = rgb.convert("RGBA")
    rgba.putalpha(gray)
    cmyk = Image.merge("CMYK", [*rgb.split(), gray])
    adobe = encode(cmyk, "JPEG")
    kind = adobe.index(b"Adobe") + 11
    key = struct.pack(">3H", *pixels()[5, 5])
    frame = struct.pack(">5I2H2B", 0, WIDTH, HEIGHT, 0, 0, 1, 9, 0, 1)
    animation = [
        chunk(b"acTL", struct.pack(">2I", 2, 0)),
        chunk(b"fcTL", frame),
    ]
    next_frame = chunk(b"fcTL", struct.pack(">I", 1) + frame[4:])
    images = {
        "jpeg": encode(rgb, "JPEG"),
        "jpeg 4:4:4": encode(rgb, "JPEG", subsampling=0),
        "jpeg 4:2:2": encode(rgb, "JPEG", subsampling=1, quality=30),
        "jpeg progressive": encode(rgb, "JPEG", progressive=True),
        "jpeg restarts": encode(rgb, "JPEG", restart_marker_blocks=2),
        "jpeg rgb": encode(rgb, "JPEG", keep_rgb=True),
        "jpeg gray": encode(gray, "JPEG"),
        "jpeg cmyk": adobe,
        "jpeg ycck": adobe[:kind] + b"\2" + adobe[kind + 1 :],
        "jpeg several": encode(
            rgb, "MPO", save_all=True, append_images=[rgb.transpose(0)]
        ),
        "jpeg filled": b"\xff\xd8\xff" + encode(rgb, "JPEG")[2:],
        "png clear gray": png(0, 8, [chunk(b"tRNS", key[:2])]),
        "png clear rgb": png(2, 8, [chunk(b"tRNS", key)]),
        "png clear index": encode(rgb.quantize(64), "PNG", transparency=3),
        "png animated": png(
            2, 8, animation, [next_frame, chunk(b"fdAT", bytes(4))]
        ),
        "png gamma": png(2, 8, [chunk(b"gAMA", struct.pack(">I", 9999))]),
        "webp": encode(rgb, "WEBP"),
        "webp lossless": encode(rgb, "WEBP", lossless=True),
        "webp rgba": encode(rgba, "WEBP"),
        "webp rgba lossless": encode(rgba, "WEBP", lossless=True),
    }
    for color, (name, depths) in _COLORS.items():
        for bits in depths:
            for is_interlaced in (False, True):
                colors = palette(bits) if color == 3 else []
                images[f"png {name} {bits}" + " in parts" * is_interlaced] = (
                    png(color, bits, colors, interlaced=is_interlaced)
                )
            if color == 3:
                colors = palette(bits, clear=2**bits - 1)
                images[f"png clear palette {bits}"] = png(3, bits, colors)
    return images


def whole():
    """Return images that are read, by name: all modes, all metadata."""
    stills = _stills()
    images = dict(stills)
    for name, still in stills.items():
        images[f"{name}, turned"] = _described(still, exif(6))
        images[f"{name}, xmp"] = _described(still, has_xmp=True)
        images[f"{name}, profile"] = _described(still, has_profile=True)
    entries = {
        f"turned {turn} {order}": exif(turn, order)
        for turn, order in itertools.product(range(1, 9), "<>")
    }
    entries |= {
        "marked twice": b"Exif\0\0" * 2 + exif(6),
        "long turn": exif(6, kind=4),
        "two turns": exif(6, count=2),
        "unknown turn": exif(9),
        "turn cut off": exif(6, ">")[:-6],
        "no entries": b"",
        "order alone": b"MM",
        "far away": b"II*\0\xff\xff\xff\xff",
        "many": b"II*\0\x08\0\0\0\xff\xff",
        "unknown order": b"MM*\0" + exif(6, ">")[4:],
    }
    for name in ("jpeg", "png rgb 8", "webp lossless"):
        for key, value in entries.items():
            images[f"{name}, {key}"] = _described(stills[name], value, True)
    turned = [chunk(b"eXIf", exif(6))]
    images["png turned at its end"] = png(2, 8, after=turned)
    images["webp turned without flag"] = webp(
        [webp_header(0), *webp_parts(stills["webp"]), (b"EXIF", exif(6))]
    )
    # In a comment, in a profile, behind the pixels.
    for name, image in stills.items():
        for mark in (b"Exif\0\0", b"eXIf", b"EXIF\x26\0\0\0"):
            images[f"{name}, {mark} behind"] = image + mark + exif(6)
    return images


def broken():
    """Return what must be refused, by name: bytes, and part of the reason."""
    stills = _stills()
    rgb = Image.fromarray(pixels())
    jpeg, rgb_png, lossless = (
        stills[kind] for kind in ("jpeg", "png rgb 8", "webp lossless")
    )
    scan = jpeg.index(b"\xff\xda")
    side = struct.pack(">I", 30_000)
    start = jpeg.index(b"\xff\xc0") + 5
    adobe = stills["jpeg cmyk"].index(b"\xff\xee")
    clear = chunk(b"tRNS", bytes(2))
    clear_rgb = chunk(b"tRNS", bytes(6))
    large = "at most 10000 pixels. Received: 30000 x 30000 pixels"
    frames = {"save_all": True, "append_images": [rgb.transpose(0)] * 3}
    animated = "is an animated WebP"
    parts = webp_parts(lossless)
    images = {
        "empty": (b"", "is empty"),
        "text": (b"not an image", "is not a JPEG"),
        "tiff": (encode(rgb, "TIFF"), "is not a JPEG"),
        "gif": (encode(rgb, "GIF"), "is a GIF; send JPEG, PNG or WebP"),
        "bmp": (encode(rgb, "BMP"), "is a BMP; send JPEG, PNG or WebP"),
        "first bytes only": (rgb_png[:8], "is damaged"),
        "png bomb": (rgb_png[:16] + side + side + rgb_png[24:], large),
        "jpeg bomb": (
            jpeg[:start] + side[2:] + side[2:] + jpeg[start + 4 :],
            large,
        ),
        "webp bomb": (
            encode(Image.new("L", (16_000, 10)), "WEBP"),
            "Received: 16000 x 10 pixels",
        ),
        # The decoder would find the size, or the image, somewhere else.
        "png of another size": (
            rgb_png[:8] + chunk(b"abCd", bytes([0, 0, 0, 1] * 3)) + rgb_png[8:],
            "is damaged",
        ),
        "webp without parts": (
            lossless[:12] + lossless[20:] + bytes(99),
            "is damaged",
        ),
        "jpeg of a thousand scans": (
            jpeg[:scan] + jpeg[scan:-2] * 1000 + jpeg[-2:],
            "at most 100 scans",
        ),
        "png of many parts": (
            rgb_png[:33] + chunk(b"abCd") * 20_000 + rgb_png[33:],
            "fewer than 16384 parts",
        ),
        "jpeg cmyk of unknown scale": (
            stills["jpeg cmyk"][:adobe] + stills["jpeg cmyk"][adobe + 16 :],
            "with Adobe's marker",
        ),
        "png rgb 16 clear": (
            png(2, 16, [clear_rgb]),
            "a PNG of 8 bits",
        ),
        "png clear twice": (png(0, 8, [clear] * 2), "is damaged"),
        "png clear at its end": (png(0, 8, after=[clear]), "is damaged"),
        "png clear of five bytes": (
            png(2, 8, [chunk(b"tRNS", bytes(5))]),
            "is damaged",
        ),
        "png clear above all levels": (
            png(0, 8, [chunk(b"tRNS", b"\1\0")]),
            "is damaged",
        ),
        "png of more clear colors than colors": (
            png(3, 2, palette(2, clear=5)),
            "is damaged",
        ),
        "webp animated": (encode(rgb, "WEBP", **frames), animated),
        "webp animated lossless": (
            encode(rgb, "WEBP", lossless=True, **frames),
            animated,
        ),
        "webp animated without frames": (
            webp([webp_header(0x02), *parts]),
            animated,
        ),
        "webp still with frames": (
            webp([webp_header(0), *parts, webp_frame(parts)]),
            "is damaged",
        ),
        "webp of two images": (
            webp([webp_header(0), *parts, *parts]),
            "is damaged",
        ),
        "webp clear without flag": (
            webp([webp_header(0), *webp_parts(stills["webp rgba"])]),
            "is damaged",
        ),
    }
    for bits in (1, 2, 4, 16):
        name = f"png gray {bits} clear"
        images[name] = png(0, bits, [clear]), "a PNG of 8 bits"
    for kind in ("jpeg", "jpeg progressive", "png rgb 8", "webp lossless"):
        image = stills[kind]
        images[f"{kind} cut short"] = image[: len(image) // 2], "is damaged"
    return images


def mutate(rng, picture, others):
    """Damage an encoded image as chance has it, its header above all."""
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


def any_webp(rng):
    """Put a WebP together as chance has it: flags, sizes, frames, ends."""

    def some_parts():
        size = sizes[rng.choice(len(sizes), p=[0.7, 0.1, 0.1, 0.1])]
        image = Image.fromarray(pixels(*size, seed=int(rng.integers(9))))
        if rng.random() < 0.5:
            image.putalpha(image.convert("L"))
        is_lossless = bool(rng.random() < 0.5)
        return webp_parts(encode(image, "WEBP", lossless=is_lossless))

    sizes = ((HEIGHT, WIDTH), (1, 1), (9, 16), (99, 101))
    flags = [0, 0x10, 0x02, 0x12, 0x18, 0x08, int(rng.integers(256))]
    sides = [(WIDTH, HEIGHT)] * 6 + [(16_384, 16_384), (WIDTH, HEIGHT - 1)]
    parts = [webp_header(rng.choice(flags), *sides[rng.integers(len(sides))])]
    parts *= int(rng.choice([0, 1, 2], p=[0.1, 0.85, 0.05]))
    if rng.random() < 0.3:
        parts.append((b"ANIM", bytes(6)))
    if rng.random() < 0.7:
        parts += some_parts()
    for _ in range(max(0, rng.integers(-4, 4))):
        places = (0, 0) if rng.random() < 0.7 else rng.integers(0, 40, 2)
        parts.append(webp_frame(some_parts(), *map(int, places)))
    for part in ((b"EXIF", exif(6)), (b"ICCP", b"abc"), (b"abcd", b"")):
        if rng.random() < 0.2:
            parts.insert(int(rng.integers(len(parts) + 1)), part)
    image = bytearray(webp(parts))
    change = rng.random()
    if change < 0.1:
        del image[rng.integers(len(image)) :]
    elif change < 0.2:
        image[rng.integers(min(64, len(image)))] = rng.integers(256)
    return bytes(image)
