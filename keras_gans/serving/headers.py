"""Parse image headers (format, size, EXIF) inside a TensorFlow graph.

A few bytes can declare gigabytes, so a server must know the size of an image
before decoding it. Files are parsed as TensorFlow's decoders do, with
operations that a SavedModel can hold. Files that crash the decoders, or are
decoded differently from `keras_gans.images.read`, are refused with a reason.
"""

import typing

import tensorflow as tf

DAMAGED = "is damaged or cut short"

_ORIENTATION, _SHORT = 0x0112, 3

# A progressive JPEG has about ten scans. Each is a walk over all pixels and
# may take few bytes, so that a thousand of them are an attack.
_MOST_SCANS = 100
# Each part takes a step of a loop. libpng writes one for 8 KB of pixels.
_MOST_PARTS = 2**14
_FAR = 2**40  # beyond any end
_IEND = b"\0\0\0\0IEND\xaeB`\x82"


class Header(typing.NamedTuple):
    """The parsed header of an encoded image.

    Attributes:
        problem: string scalar, reason it cannot be served; empty if none.
        size: int64 `[height, width]`, pixels as stored.
        content: string scalar, the bytes to decode.
        index: int32 scalar, the decoder: one of `JPEG` to
            `WEBP_OPAQUE`.
        exif: string scalar, its EXIF entries; empty if there are none.
    """

    problem: tf.Tensor
    size: tf.Tensor
    content: tf.Tensor
    index: tf.Tensor
    exif: tf.Tensor


# As stored, for a PNG and a WebP, is one or two channels for gray, three or
# four for color; the last of two or four is opacity.
JPEG, PNG, PNG_OF_CLEAR_COLOR, PNG_OF_GRAY_16, WEBP, WEBP_OPAQUE = range(6)


def read(image_bytes):
    """Read the header of a JPEG, PNG or WebP.

    Args:
        image_bytes: string scalar.

    Returns:
        `Header`. Damaged images have a problem, or fail with
        `tf.errors.InvalidArgumentError`.
    """
    data = _bytes(image_bytes)

    def has(magic, start=0):
        return tf.reduce_all(data[start : start + len(magic)] == list(magic))

    def refuse(problem):
        nothing = tf.constant(b"")
        return Header(
            tf.constant(problem),
            tf.zeros([2], tf.int64),
            nothing,
            tf.constant(JPEG),
            nothing,
        )

    wanted = "send JPEG, PNG or WebP"
    kinds = [
        (has(b"\xff\xd8\xff"), lambda: _jpeg(image_bytes, data)),
        (has(b"\x89PNG\r\n\x1a\n"), lambda: _png(image_bytes, data)),
        (has(b"RIFF") & has(b"WEBP", 8), lambda: _webp(image_bytes, data)),
        (has(b"GIF8"), lambda: refuse(f"is a GIF; {wanted}")),
        (has(b"BM"), lambda: refuse(f"is a BMP; {wanted}")),
        (
            tf.strings.length(image_bytes) == 0,
            lambda: refuse("is empty (0 bytes)"),
        ),
        (True, lambda: refuse("is not a JPEG, PNG or WebP image")),
    ]
    matches, branches = zip(*kinds, strict=True)
    return tf.switch_case(tf.argmax(matches, output_type=tf.int32), branches)


def orientation(exif):
    """Return the EXIF orientation as `images.orientation` does.

    Args:
        exif: string scalar, as in `Header`.

    Returns:
        int64 scalar, 1 to 8; 1, upright, where there is none.
    """
    data = _bytes(exif)
    start = tf.zeros([], tf.int64)
    for _ in range(2):
        start += 6 * tf.cast(_is(data, start, b"Exif\0\0"), tf.int64)
    big_endian = _is(data, start, b"MM\0*")
    is_known = big_endian | _is(data, start, b"II*\0")

    def number(place, length):
        return _number(data, place, length, big_endian)

    directory = start + number(start + 4, 4)
    count = tf.where(is_known, number(directory, 2), 0)
    entries = directory + 2 + 12 * tf.range(count)
    values = number(entries + 8, 2)
    fitting = (
        (number(entries, 2) == _ORIENTATION)
        & (number(entries + 2, 2) == _SHORT)
        & (number(entries + 4, 4) == 1)
        & (values >= 1)
        & (values <= 8)
    )
    return tf.concat([values[fitting], [1]], 0)[0]


def first_problem(*rules, otherwise=""):
    """Return the text of the first broken rule, a string scalar.

    Args:
        *rules: pairs of a bool scalar, whether it is broken, and a text.
        otherwise: str, what to return if none is.
    """
    problem = tf.constant(otherwise)
    for is_broken, text in reversed(rules):
        problem = tf.where(is_broken, text, problem)
    return problem


def _jpeg(image_bytes, data):
    def step(place):
        # Bytes may lie between two segments, as in `JpegImageFile._open`.
        marker = _number(data, place, 2)
        has_length = (marker > 0xFF01) & (marker < 0xFFFF)
        has_length &= (marker < 0xFFD0) | (marker > 0xFFD9)
        length = 2 + tf.maximum(_number(data, place + 2, 2), 2)
        length = tf.where(has_length, length, 1)
        return tf.where(marker == 0xFFDA, _FAR, length)

    end = _length(image_bytes)
    places = _walk(2, end, step)
    markers, lengths = _number(data, places, 2), _number(data, places + 2, 2)
    is_exif = (markers == 0xFFE1) & _is(data, places + 4, b"Exif\0\0")
    is_adobe = (markers == 0xFFEE) & _is(data, places + 4, b"Adobe")
    shape = tf.io.extract_jpeg_shape(image_bytes, tf.int64)
    scans = tf.size(tf.strings.split(image_bytes, b"\xff\xda")) - 1
    problem = first_problem(
        (scans > _MOST_SCANS, f"must be a JPEG of at most {_MOST_SCANS} scans"),
        # TensorFlow and Pillow disagree which end of its scale is black.
        (
            (shape[2] == 4) & ~tf.reduce_any(is_adobe & (lengths >= 14)),
            "must be a CMYK JPEG with Adobe's marker",
        ),
        _too_many(places),
    )
    exif = _piece(image_bytes, places + 4, lengths - 2, is_exif)
    return Header(problem, shape[:2], image_bytes, tf.constant(JPEG), exif)


def _png(image_bytes, data):
    """Read a PNG; keep only the chunks that define its pixels.

    Its texts and profiles, a few bytes each, can unpack to gigabytes in the
    decoder.
    """

    def step(place):
        length = 12 + _number(data, place, 4)
        return tf.where(_is(data, place + 4, b"IEND"), _FAR, length)

    end = _length(image_bytes)
    places = _walk(8, end, step)
    lengths = 12 + _number(data, places, 4)
    is_palette, is_clear, is_data, is_exif, is_end = (
        _is(data, places + 4, name)
        for name in (b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
    )
    first = tf.reduce_min(tf.where(is_data, places, _FAR))
    last = tf.reduce_max(tf.where(is_data, places + lengths, 0))
    pixels_length = tf.reduce_sum(tf.where(is_data, lengths, 0))
    is_whole = (
        _is(data, 8, b"\0\0\0\x0dIHDR")
        & tf.reduce_any(is_end)
        & (last - first == pixels_length)
    )
    for chosen in (is_palette, is_clear, is_exif):
        is_whole &= tf.math.count_nonzero(chosen) <= 1
    for chosen in (is_palette, is_clear):
        is_whole &= tf.reduce_all(places[chosen] < first)

    bits, color = _number(data, 24, 1), _number(data, 25, 1)
    is_gray, is_rgb, is_indexed = color == 0, color == 2, color == 3
    # Of images with opacity neither decoder reads a clear color.
    is_clear &= is_gray | is_rgb | is_indexed
    palette = _piece(image_bytes, places, lengths, is_palette)
    clear = _piece(image_bytes, places, lengths, is_clear)
    has_clear = tf.reduce_any(is_clear)
    # What has too many levels, or too high ones, is read in several ways.
    levels = 8 + 2 * tf.range(tf.where(is_gray, 1, 3))
    levels = _number(_bytes(clear), levels, 2)
    count = _length(clear) - 12
    fits = tf.where(
        is_indexed,
        (count > 0) & (3 * count <= _length(palette) - 12),
        (count == 2 * tf.size(levels, tf.int64)) & tf.reduce_all(levels < 256),
    )
    problem = first_problem(
        _too_many(places),
        (~is_whole, DAMAGED),
        (
            has_clear & ~is_indexed & (bits != 8),
            "must be a PNG of 8 bits, since it has a transparent color",
        ),
        (has_clear & ~fits, DAMAGED),
    )
    content = tf.strings.join(
        [
            tf.strings.substr(image_bytes, 0, 33),
            palette,
            clear,
            tf.strings.substr(
                image_bytes,
                tf.minimum(first, end),
                pixels_length,
            ),
            _IEND,
        ]
    )
    index = tf.where(
        has_clear,
        PNG_OF_CLEAR_COLOR,
        tf.where(is_gray & (bits == 16), PNG_OF_GRAY_16, PNG),
    )
    exif = _piece(image_bytes, places + 8, lengths - 12, is_exif)
    exif = tf.strings.join([b"Exif\0\0", exif])  # as Pillow gives it
    size = _number(data, [20, 16], 4)
    return Header(problem, size, content, index, exif)


def _webp(image_bytes, data):
    def number(place, length):
        return _number(data, place, length, big_endian=False)

    def step(place):
        length = number(place + 4, 4)
        return 8 + length + length % 2

    end = tf.minimum(8 + number(4, 4), _length(image_bytes))
    places = _walk(12, end, step)
    is_extended, is_lossy, is_lossless, is_exif, is_setup, is_frame = (
        _is(data, places, name)
        for name in (b"VP8X", b"VP8 ", b"VP8L", b"EXIF", b"ANIM", b"ANMF")
    )
    extended, lossy, lossless = (
        tf.reduce_any(chosen[:1])
        for chosen in (is_extended, is_lossy, is_lossless)
    )
    flags = tf.where(extended, data[20], 0)

    def has_flag(bit):
        return tf.bitwise.bitwise_and(flags, bit) > 0

    # A VP8X at its start, but not its flags, decides whether there may be
    # more than one image; without it TensorFlow takes anything for an image.
    is_strange = (
        ~(extended | lossy | lossless)
        | (tf.math.count_nonzero(is_extended) > 1)
        | (tf.math.count_nonzero(is_lossy | is_lossless) != 1)
        | tf.reduce_any(is_setup | is_frame)
    )
    problem = first_problem(
        # TensorFlow decodes animations to four channels, but makes room for
        # three of them if the flag of opacity is not set.
        (has_flag(0x02), "is an animated WebP; send a still image"),
        _too_many(places),
        (is_strange, DAMAGED),
    )
    sides = number(21, 4)
    width, height = (
        tf.where(
            lossy,
            number(26 + 2 * i, 2) % 2**14,
            tf.where(
                lossless,
                sides // 2 ** (14 * i) % 2**14 + 1,
                number(24 + 3 * i, 3) + 1,
            ),
        )
        for i in range(2)
    )
    exif = _piece(
        image_bytes, places + 8, number(places + 4, 4), is_exif & has_flag(0x08)
    )
    index = tf.where(extended & ~has_flag(0x10), WEBP_OPAQUE, WEBP)
    return Header(problem, tf.stack([height, width]), image_bytes, index, exif)


def _walk(start, end, step):
    """Return the start positions of the parts of a file, int64 `[parts]`.

    Args:
        start: int, position of the first part.
        end: int64 scalar tensor, bytes of the file.
        step: function from a start position to the length of the part.
    """
    places = tf.TensorArray(tf.int64, 0, dynamic_size=True, element_shape=[])
    _, _, places = tf.while_loop(
        lambda place, count, places: place < end,
        lambda place, count, places: (
            place + step(place),
            count + 1,
            places.write(count, place),
        ),
        (tf.constant(start, tf.int64), 0, places),
        maximum_iterations=_MOST_PARTS,
    )
    return places.stack()


def _too_many(places):
    text = f"must be made of fewer than {_MOST_PARTS} parts"
    return tf.size(places) >= _MOST_PARTS, text


def _piece(image_bytes, places, lengths, chosen):
    """Return the first chosen part of a file; empty if none is chosen."""
    place, length = (
        tf.concat([numbers[chosen], [0]], 0)[0] for numbers in (places, lengths)
    )
    return tf.strings.substr(image_bytes, place, tf.maximum(length, 0))


def _length(text):
    return tf.cast(tf.strings.length(text), tf.int64)


def _bytes(text):
    """Return a string as uint8 `[bytes]`, padded with zeros."""
    return tf.io.decode_raw(tf.strings.join([text, b"\0" * 32]), tf.uint8)


def _number(data, start, length, big_endian=True):
    """Read one unsigned number, or one at each of several positions.

    Args:
        data: uint8 `[bytes]`, from `_bytes`.
        start: int or integer tensor, positions of first bytes.
        length: int, bytes of a number, at most 4.
        big_endian: bool or bool scalar tensor.

    Returns:
        int64, the shape of `start`; bytes beyond the end are zero.
    """
    digits = _digits(data, start, length)
    powers = [256**i for i in range(length)]
    powers = tf.where(big_endian, powers[::-1], powers)
    return tf.reduce_sum(
        tf.cast(digits, tf.int64) * tf.cast(powers, tf.int64), -1
    )


def _is(data, start, text):
    """Tell whether bytes occur at a position, or at each of several."""
    return tf.reduce_all(_digits(data, start, len(text)) == list(text), -1)


def _digits(data, start, length):
    places = tf.range(length, dtype=tf.int64)
    places += tf.expand_dims(tf.cast(start, tf.int64), -1)
    last = tf.size(data, tf.int64) - 1  # a zero, by `_bytes`
    return tf.gather(data, tf.clip_by_value(places, 0, last))
