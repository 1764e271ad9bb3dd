"""From encoded pictures to pixels inside a graph, whatever they hold.

The pixels are those of `keras_gans.images.read`, so that a picture has one
translation however it reaches the model: JPEG by the accurate transform,
transparent parts on white, turned pictures upright. TensorFlow differs where
a GIF is transparent, which it paints black, and knows fewer kinds of BMP.
"""

import tensorflow as tf

from keras_gans.serving import headers

OK = "ok"
DAMAGED = "is damaged or cut short"

# A progressive JPEG has about ten scans. Each is a walk over all pixels and
# may take few bytes, so that a thousand of them are an attack.
_MOST_SCANS = 100


def decode(image_bytes, pixel_limit, multiple=1):
    """Decode one picture, or say why not.

    Args:
        image_bytes: string scalar: JPEG, PNG, BMP, GIF or WebP; of an
            animation the first frame counts.
        pixel_limit: int, most pixels a picture may have; held against its
            header, before anything is decoded.
        multiple: int, what height and width are rounded up to for that.

    Returns:
        `(picture, status)`: uint8 `[height, width, 3]`, without pixels where
        the picture cannot be read; string scalar, `"ok"` or the reason.
    """
    nothing = tf.zeros([0, 0, 3], tf.uint8)

    @tf.autograph.experimental.do_not_convert  # nothing to convert, slowly
    def attempt(image_bytes):
        data = headers.read(image_bytes)
        index = headers.kind(data)
        status = _status(image_bytes, data, index, pixel_limit, multiple)
        picture = tf.cond(
            status == OK,
            lambda: _pixels(image_bytes, data, index),
            lambda: nothing,
        )
        return picture, status

    # A graph cannot catch an error, but a data set can leave an element out.
    attempts = tf.data.Dataset.from_tensors(image_bytes).map(attempt)
    failure = tf.data.Dataset.from_tensors((nothing, DAMAGED))
    either = attempts.ignore_errors().concatenate(failure).take(1)
    return either.get_single_element()


def _status(image_bytes, data, index, pixel_limit, multiple):
    """Return `"ok"`, or the first rule that the picture breaks."""
    is_jpeg, _, is_bmp, _, _ = (index == i for i in range(5))
    size = headers.size(image_bytes, data, index)
    pixels = tf.reduce_prod(-(-size // multiple) * multiple)
    height, width = tf.unstack(tf.strings.as_string(size))
    bits, compression = headers.number(data, 28, 2), headers.number(data, 30, 4)
    is_known_bmp = tf.reduce_any(bits == [8, 24, 32]) & (
        tf.reduce_any(compression == [0, 3])
    )
    too_large = f"must have at most {pixel_limit} pixels"
    if multiple > 1:
        too_large += f", its sides rounded up to multiples of {multiple}"
    scans = tf.size(tf.strings.split(image_bytes, b"\xff\xda")) - 1
    return tf.case(
        [
            (
                tf.strings.length(image_bytes) == 0,
                lambda: tf.constant("is empty (0 bytes)"),
            ),
            (
                index == len(headers.KINDS),
                lambda: tf.constant(
                    "is not a JPEG, PNG, BMP, GIF or WebP picture"
                ),
            ),
            (tf.reduce_any(size < 1), lambda: tf.constant(DAMAGED)),
            (
                pixels > pixel_limit,
                lambda: tf.strings.join(
                    [too_large, ". Received: ", width, " x ", height, " pixels"]
                ),
            ),
            (
                is_bmp & ~is_known_bmp,
                lambda: tf.constant(
                    "must be a BMP of 8, 24 or 32 bits, not compressed"
                ),
            ),
            (
                is_jpeg & (scans > _MOST_SCANS),
                lambda: tf.constant(
                    f"must be a JPEG of at most {_MOST_SCANS} scans"
                ),
            ),
        ],
        lambda: tf.constant(OK),
    )


def _pixels(image_bytes, data, index):
    """Decode as uint8 `[height, width, 3]`, upright, on white."""

    def jpeg():
        return tf.io.decode_jpeg(
            image_bytes, channels=3, dct_method="INTEGER_ACCURATE"
        )

    def with_channels_as_stored(decode, **arguments):
        # One or two for grey; the last of two or four is opacity. Asked for
        # four, TensorFlow makes pictures of one bit transparent.
        return lambda: _on_white(decode(image_bytes, **arguments))

    branches = [
        jpeg,
        with_channels_as_stored(tf.io.decode_png),
        lambda: _bmp(image_bytes, data),
        lambda: _gif(image_bytes, data),
        # decode_webp would decode all frames.
        with_channels_as_stored(tf.io.decode_image, expand_animations=False),
    ]
    pixels = tf.ensure_shape(tf.switch_case(index, branches), [None, None, 3])
    return _upright(pixels, headers.orientation(image_bytes, index))


def _bmp(image_bytes, data):
    """Decode a BMP; the operation leaves colour tables unread."""
    pixels = tf.io.decode_bmp(image_bytes)
    colours = (
        14 + headers.number(data, 14, 4) + 4 * tf.range(256, dtype="int64")
    )
    table = tf.cast(headers.number(data, colours, 3), tf.int32)

    def from_table():
        rgb = tf.gather(table, tf.cast(pixels[..., 0], tf.int32))
        return tf.cast(rgb[..., None] // [2**16, 2**8, 1] % 256, tf.uint8)

    is_indexed = tf.shape(pixels)[-1] == 1
    return tf.cond(is_indexed, from_table, lambda: pixels[..., :3])


def _gif(image_bytes, data):
    """Decode a GIF's first frame at its place on a white canvas."""
    gif, box = headers.first_gif_frame(image_bytes)
    frame = tf.io.decode_image(gif, channels=3, expand_animations=False)
    canvas = tf.maximum(headers.gif_canvas(data), box[:2] + box[2:])
    around = tf.stack([box[:2], canvas - box[:2] - box[2:]], axis=1)
    around = tf.concat([around, [[0, 0]]], axis=0)
    return tf.pad(frame, around, constant_values=255)


def _on_white(pixels):
    """Lay uint8 `[height, width, 1 to 4]` on white, as RGB."""
    shape = tf.shape(pixels)
    is_clear = shape[-1] % 2 == 0
    colours = pixels[..., : shape[-1] - tf.cast(is_clear, tf.int32)]
    colours = tf.broadcast_to(colours, tf.concat([shape[:2], [3]], 0))

    def mixed():
        opacity = tf.cast(pixels[..., -1:], tf.int32)
        mixed = tf.cast(colours, tf.int32) * opacity + 255 * (255 - opacity)
        return tf.cast((mixed + 127) // 255, tf.uint8)

    return tf.cond(is_clear, mixed, lambda: colours)


def _upright(pixels, orientation):
    """Turn a picture as its EXIF entry says."""
    turned = tf.cond(
        orientation >= 5,
        lambda: tf.transpose(pixels, [1, 0, 2]),
        lambda: pixels,
    )
    for axis, mirrored in ((0, [3, 4, 7, 8]), (1, [2, 3, 6, 7])):
        turned = tf.cond(
            tf.reduce_any(orientation == mirrored),
            lambda turned=turned, axis=axis: tf.reverse(turned, [axis]),
            lambda turned=turned: turned,
        )
    return turned
