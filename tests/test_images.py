import io
import itertools
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import images

RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def photo(height=48, width=64):
    """Smooth colors, which survive JPEG."""
    y, x = np.mgrid[:height, :width]
    channels = (x * 255 / width, y * 255 / height, 128 + 0 * x)
    return np.stack(channels, axis=-1).astype(np.uint8)


def test_read_formats(tmp_path):
    original = photo()
    for extension in images.EXTENSIONS:
        path = tmp_path / f"人 物 image{extension.upper()}"
        options = {".webp": {"lossless": True}, ".jpg": {"quality": 95}}
        Image.fromarray(original).save(path, **options.get(extension, {}))
        picture = images.read(path)
        assert picture.dtype == np.uint8 and picture.shape == (48, 64, 3)
        error = np.abs(picture.astype(int) - original)
        lossy = {".jpg": 12, ".jpeg": 12, ".gif": 40}
        assert error.max() <= lossy.get(extension, 0), extension
        np.testing.assert_array_equal(images.read(str(path)), picture)
        np.testing.assert_array_equal(images.read(path.read_bytes()), picture)


def test_read_grey_and_one_bit():
    grey = photo()[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=-1)
    picture = images.read(encode(Image.fromarray(grey)))
    np.testing.assert_array_equal(picture, expected)
    one_bit = Image.fromarray(grey > 127)
    assert one_bit.mode == "1"
    picture = images.read(encode(one_bit))
    np.testing.assert_array_equal(picture, 255 * (expected > 127))


def test_read_16_bits_scaled_not_clipped():
    levels = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    data = encode(Image.fromarray(levels))
    assert Image.open(io.BytesIO(data)).mode.startswith("I")
    picture = images.read(data)
    expected = np.rint(levels / 257)
    np.testing.assert_array_equal(picture, np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_read_transparent_on_white(mode):
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 255))
    picture = images.read(encode(image.convert(mode)))
    assert picture[0].tolist() == [[255] * 3, [127] * 3, [0] * 3]


def test_read_palette():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 0, 255])
    image.putpixel((1, 0), 1)
    picture = images.read(encode(image))
    assert picture[0].tolist() == [list(RED), [0, 0, 255]]
    picture = images.read(encode(image, transparency=1))
    assert picture[0].tolist() == [list(RED), list(WHITE)]
    # Per-entry alpha, as bytes.
    picture = images.read(encode(image, transparency=b"\xff\x00"))
    assert picture[0].tolist() == [list(RED), list(WHITE)]


def test_read_transparent_colour_of_rgb():
    image = Image.new("RGB", (2, 1), RED)
    image.putpixel((1, 0), (1, 2, 3))
    picture = images.read(encode(image, transparency=(1, 2, 3)))
    assert picture[0].tolist() == [list(RED), list(WHITE)]


def test_read_cmyk():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    picture = images.read(encode(image, "JPEG"))
    assert np.abs(picture.astype(int) - RED).max() <= 4


def test_read_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encode(
            frames[0],
            kind,
            save_all=True,
            append_images=frames[1:],
            **({"lossless": True} if kind == "WEBP" else {}),
        )
        assert Image.open(io.BytesIO(data)).n_frames == 2
        assert (images.read(data) == RED).all(), kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_exif_rotation(orientation):
    upright = photo(16, 32)
    # What a camera stores so that a reader has to turn it back.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    np.testing.assert_array_equal(
        images.read(encode(image, exif=exif)), upright
    )
    data = encode(image, "JPEG", quality=95, exif=exif)
    picture = images.read(data, size=16)
    assert picture.shape == (16, 16, 3)
    assert np.abs(picture.astype(int) - upright[:, 8:24]).max() < 20


def test_read_takes_the_orientation_from_exif_alone():
    image = Image.fromarray(photo(16, 32))
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    assert images.read(encode(image, "WEBP", xmp=xmp)).shape == (16, 32, 3)
    # The maker before it is said to lie far behind the end.
    maker = struct.pack("<HHII", 0x010F, 2, 99, 2**20)
    turn = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = struct.pack("<4sIH", b"II*\0", 8, 2) + maker + turn
    assert images.read(encode(image, "WEBP", exif=exif)).shape == (32, 16, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_read_damaged_exif_is_no_reason_to_refuse():
    data = encode(
        Image.fromarray(photo()), "JPEG", exif=b"Exif\0\0MM\0*rubbish"
    )
    assert images.read(data).shape == (48, 64, 3)
    images.check(data)


def huge_header(width, height):
    """A PNG file that claims a size and has no pixels."""

    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def damaged(tmp_path):
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8))
    for name, data, reason in (
        ("cut.jpg", encode(noise, "JPEG")[:2000], "damaged or cut short"),
        ("cut.png", encode(noise)[:5000], "damaged or cut short"),
        ("cut.webp", encode(noise, "WEBP")[:500], "damaged|not a"),
        ("cut.gif", encode(noise, "GIF")[:2000], "damaged or cut short"),
        ("cut.bmp", encode(noise, "BMP")[:2000], "damaged or cut short"),
        ("zero.jpg", b"", r"is empty \(0 bytes\)"),
        ("text.png", b"not an image", "is not a JPEG, PNG"),
        ("disguised.png", encode(noise, "TIFF"), "is not a JPEG, PNG"),
        ("huge.png", huge_header(30000, 30000), "at most 178956970 pixels"),
        ("hollow.png", huge_header(8, 8), "damaged or cut short"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        yield path, reason


def test_read_damaged(tmp_path):
    for path, reason in damaged(tmp_path):
        for source, name in (
            (path, str(path)),
            (path.read_bytes(), "image in memory"),
        ):
            with pytest.raises(ValueError, match=reason) as caught:
                images.read(source)
            assert str(caught.value).startswith(f"{name}: ")
            assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="my name: is empty"):
        images.read(b"", name="my name")
    with pytest.raises(ValueError, match="cannot be opened .No such file"):
        images.read(tmp_path / "absent.png")
    with pytest.raises(ValueError, match="cannot be opened"):
        images.read(tmp_path)


def test_pixel_limit_from_the_header(tmp_path, monkeypatch):
    data = encode(Image.fromarray(photo()))
    assert images.read(data, limit=48 * 64).shape == (48, 64, 3)

    def never(*args, **kwargs):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", never)
    for function in (images.read, images.check):
        with pytest.raises(ValueError, match="most 3071 .*: 64 x 48 pixels"):
            function(data, limit=48 * 64 - 1)
        with pytest.raises(ValueError, match="900000000 pixels"):
            function(huge_header(30000, 30000))
    images.check(huge_header(8, 8))


def test_fit_square():
    # Stripes of one pixel average to gray if every pixel counts.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = images.fit_square(stripes, 8)
    assert small.shape == (8, 8, 3) and small.dtype == np.uint8
    assert np.abs(small.astype(int) - 127).max() <= 8
    # The middle of the longer side, of either.
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = RED
    for picture in (wide, wide.transpose(1, 0, 2)):
        assert (images.fit_square(picture, 10) == RED).all()
        assert images.fit_square(picture, 20).shape == (20, 20, 3)
    random = np.random.default_rng(0)
    same = random.integers(0, 256, (12, 12, 3), np.uint8)
    np.testing.assert_array_equal(images.fit_square(same, 12), same)


def test_read_at_size():
    original = photo(200, 300)
    for kind in ("PNG", "JPEG"):
        data = encode(Image.fromarray(original), kind)
        picture = images.read(data, size=24)
        expected = images.fit_square(images.read(data), 24)
        assert picture.shape == (24, 24, 3)
        # A JPEG is decoded at reduced scale.
        assert np.abs(picture.astype(int) - expected).max() <= 3
    assert images.read(data, size=400).shape == (400, 400, 3)


def test_floats_and_back():
    values = np.arange(256, dtype=np.uint8)
    floats = images.to_float(values)
    assert floats.dtype == tf.float32
    assert (floats[0], floats[255]) == (-1.0, 1.0)
    for dtype in (tf.float32, tf.float64):
        back = images.to_uint8(tf.cast(floats, dtype))
        np.testing.assert_array_equal(back, values)
    both = tf.function(lambda x: images.to_uint8(images.to_float(x)))
    np.testing.assert_array_equal(both(values), values)
    # Clipped, not wrapped round, and rounded, not cut off.
    outside = np.float32([-7.0, -1.01, 1.01, 7.0, 0.999])
    assert images.to_uint8(outside).numpy().tolist() == [0, 0, 255, 255, 255]
    assert images.to_uint8(np.float16([1.0])).numpy().tolist() == [255]


def test_grid():
    pictures = np.stack([np.full((4, 6, 3), i, np.uint8) for i in range(1, 6)])
    sheet = images.grid(pictures, columns=2, padding=1)
    assert sheet.shape == (1 + 3 * 5, 1 + 2 * 7, 3) and sheet.dtype == np.uint8
    for i, (row, column) in enumerate(itertools.product(range(3), range(2))):
        y, x = 1 + row * 5, 1 + column * 7
        expected = i + 1 if i < 5 else 255
        assert (sheet[y : y + 4, x : x + 6] == expected).all()
    assert (sheet[0] == 255).all() and (sheet[:, 0] == 255).all()
    assert images.grid(pictures, padding=0).shape == (2 * 4, 3 * 6, 3)
    np.testing.assert_array_equal(
        images.grid([pictures[:2], pictures[2:4], pictures[4:]], padding=1),
        sheet,
    )
    headed = images.grid(pictures, columns=2, padding=1, headings=["a", "b"])
    np.testing.assert_array_equal(headed[-len(sheet) :], sheet)
    assert (headed[: -len(sheet)] < 128).any()


def test_grid_refuses():
    with pytest.raises(ValueError, match="must be uint8.*float32"):
        images.grid(np.zeros((2, 4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="one size"):
        images.grid([np.zeros((1, n, n, 3), np.uint8) for n in (4, 5)])


def test_write(tmp_path, monkeypatch):
    path = tmp_path / "a folder" / "次.png"
    images.write(path, photo())
    np.testing.assert_array_equal(images.read(path), photo())
    images.write(str(path), photo()[:8])
    assert images.read(path).shape == (8, 64, 3)
    assert os.listdir(path.parent) == ["次.png"]

    def full(self, content):
        with open(self, "wb") as stream:
            stream.write(content[:4])
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        images.write(path, photo())
    assert images.read(path).shape == (8, 64, 3)
    assert os.listdir(path.parent) == ["次.png"]
    with pytest.raises(ValueError, match="must end in .png"):
        images.write(tmp_path / "x.jpg", photo())
    with pytest.raises(ValueError, match="uint8.*float64"):
        images.write(tmp_path / "x.png", photo() / 255)


def test_encode_keeps_text():
    encoded = images.encode(photo(), {"state": "ä=1"})
    np.testing.assert_array_equal(images.read(encoded), photo())
    with Image.open(io.BytesIO(encoded)) as file:
        assert file.text == {"state": "ä=1"}
