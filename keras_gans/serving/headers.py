"""What encoded pictures say of themselves, read inside a graph.

A few bytes can ask for gigabytes, so a server must know the size of a picture
before it decodes it. TensorFlow tells it for JPEG alone; the other headers are
read here, with operations that a SavedModel can hold. Damaged pictures give
zeros, or fail with `tf.errors.InvalidArgumentError`.
"""

import tensorflow as tf

KINDS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")

# Bytes that hold every header, and the 256 colours of a BMP.
_HEADER = 2048
_EXIF = 65536  # what a segment of a JPEG can hold
_ORIENTATION = 0x0112

# A GIF is a chain of blocks of at most 255 bytes. One of millions of tiny
# blocks would keep the walk along it busy for minutes.
_MOST_BLOCKS = 2**16
_MOST_EXTENSIONS = 64  # before the first frame
_MOST_BLOCKS_AROUND = 2**12


def read(image_bytes, length=_HEADER):
    """Return the first bytes of a string, then zeros, as uint8 `[bytes]`."""
    start = tf.strings.substr(image_bytes, 0, length)
    return tf.io.decode_raw(tf.strings.join([start, b"\0" * 32]), tf.uint8)


def number(data, start, length, big_endian=False):
    """Read one unsigned number, or one at each of several positions.

    Args:
        data: uint8 `[bytes]`, from `read`.
        start: int or integer tensor, positions of first bytes.
        length: int, bytes of a number, at most 4.
        big_endian: bool or bool scalar tensor.

    Returns:
        int64, the shape of `start`; bytes beyond the end are zero.
    """
    places = tf.range(length, dtype=tf.int64)
    start = tf.expand_dims(tf.cast(start, tf.int64), -1)
    last = tf.size(data, tf.int64) - 1  # a zero, by `read`
    digits = tf.gather(data, tf.clip_by_value(start + places, 0, last))
    powers = [256**i for i in range(length)]
    powers = tf.where(big_endian, powers[::-1], powers)
    return tf.reduce_sum(
        tf.cast(digits, tf.int64) * tf.cast(powers, tf.int64), -1
    )


def kind(data):
    """Return the index in `KINDS` by the first bytes; 5 for anything else."""

    def has(magic, start=0):
        return tf.reduce_all(data[start : start + len(magic)] == list(magic))

    matches = (
        has(b"\xff\xd8\xff"),
        has(b"\x89PNG\r\n\x1a\n"),
        has(b"BM"),
        has(b"GIF87a") | has(b"GIF89a"),
        has(b"RIFF") & has(b"WEBP", 8),
        True,
    )
    return tf.argmax(matches, output_type=tf.int32)


def size(image_bytes, data, index):
    """Return how large a picture is, before anything is decoded.

    Args:
        image_bytes: string scalar.
        data: uint8 `[bytes]`, what `read` returns of it.
        index: int32 scalar, what `kind` returns.

    Returns:
        int64 `[height, width]`, pixels as stored; zeros of no picture. Of a
        GIF the larger of its canvas and its first frame.
    """

    def png():
        return [number(data, i, 4, big_endian=True) for i in (20, 16)]

    def bmp():
        height = number(data, 22, 4)
        # Signed: a negative height means that the top row comes first.
        return [tf.minimum(height, 2**32 - height), number(data, 18, 4)]

    def gif():
        _, box = first_gif_frame(image_bytes)
        return tf.maximum(gif_canvas(data), box[:2] + box[2:])

    branches = [
        lambda: tf.io.extract_jpeg_shape(image_bytes, tf.int64)[:2],
        lambda: tf.stack(png()),
        lambda: tf.stack(bmp()),
        gif,
        lambda: _webp_size(data),
        lambda: tf.zeros([2], tf.int64),
    ]
    return tf.switch_case(index, branches)


def _webp_size(data):
    letter = number(data, 15, 1)  # the last of `VP8 `, `VP8L` or `VP8X`
    choice = tf.argmax([letter == ord(" "), letter == ord("L"), True])
    lossless = number(data, 21, 4)
    width, height = (
        tf.stack(
            [
                number(data, 26 + 2 * i, 2) % 2**14,
                lossless // 2 ** (14 * i) % 2**14 + 1,
                number(data, 24 + 3 * i, 3) + 1,
            ]
        )[choice]
        for i in range(2)
    )
    return tf.stack([height, width])


def gif_canvas(data):
    """Return height and width of a GIF as a whole, int64 `[2]`."""
    return number(data, [8, 6], 2)


def first_gif_frame(image_bytes):
    """Cut a GIF down to its first frame, moved to the corner.

    TensorFlow's decoder unpacks every frame, of which there may be many,
    before it returns the first, and cuts off what lies beside a narrow one.

    Returns:
        `(gif, box)`: string scalar, the bytes of a GIF with that frame alone;
        int64 `[top, left, height, width]`, where on the canvas it was.
    """
    data = read(image_bytes, -1)

    def byte(position):
        return number(data, position, 1)

    def length_of_colours(flags):
        return tf.where(flags >= 128, 3 * 2 ** (flags % 8 + 1), 0)

    def end_of_blocks(position, most):
        last = tf.while_loop(
            lambda i: byte(i) > 0,
            lambda i: [i + 1 + byte(i)],
            [position],
            maximum_iterations=most,
        )
        return last[0] + 1

    start = tf.while_loop(
        lambda i: byte(i) == ord("!"),
        lambda i: [end_of_blocks(i + 2, _MOST_BLOCKS_AROUND)],
        [13 + length_of_colours(byte(10))],
        maximum_iterations=_MOST_EXTENSIONS,
    )[0]
    first = start + 11 + length_of_colours(byte(start + 9))
    end = end_of_blocks(first, _MOST_BLOCKS)

    def cut(first, last):
        return tf.strings.substr(image_bytes, first, last - first)

    zero = tf.zeros([], tf.int64)
    pieces = [cut(zero, start + 1), b"\0\0\0\0", cut(start + 5, end), b";"]
    box = number(data, start + [3, 1, 7, 5], 2)
    box *= tf.cast(byte(start) == ord(","), tf.int64)
    return tf.strings.join(pieces), box


def orientation(image_bytes, index):
    """Return the EXIF orientation of a JPEG, PNG or WebP.

    Args:
        image_bytes: string scalar.
        index: int32 scalar, what `kind` returns.

    Returns:
        int64 scalar, 1 to 8; 1, upright, where none can be read.
    """
    marks = [b"Exif\0\0", b"eXIf", b"", b"", b"EXIF"]
    pieces = tf.strings.split(image_bytes, tf.gather(marks, index), maxsplit=1)
    has_entries = (tf.size(pieces) > 1) & (tf.gather(marks, index) != b"")
    data = read(tf.cond(has_entries, lambda: pieces[1], lambda: b""), _EXIF)
    # In WebP the size of the chunk comes between, in some files also the
    # mark that JPEG has.
    start = tf.where(index != KINDS.index("WEBP"), 0, 4)
    start += tf.where(data[start] == ord("E"), 6, 0)
    start = tf.cast(start, tf.int64)
    big_endian = data[start] == ord("M")
    directory = start + number(data, start + 4, 4, big_endian)
    count = number(data, directory, 2, big_endian)
    entries = directory + 2 + 12 * tf.range(count)
    tags = number(data, entries, 2, big_endian)
    values = number(data, entries + 8, 2, big_endian)
    found = values[tags == _ORIENTATION]
    known = found[(found >= 1) & (found <= 8)]
    return tf.concat([known, [1]], 0)[0]
