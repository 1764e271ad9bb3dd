"""Decode images inside a TensorFlow graph.

The pixels equal those of `keras_gans.images.read`, so that an image has one
translation however it reaches the model: JPEG by the accurate transform,
transparency on white, EXIF rotation applied. Images that cannot have the same
pixels are refused.
"""

import tensorflow as tf

from keras_gans.serving import geometry, headers

OK = "ok"


def decode(image_bytes, pixel_limit, multiple=1):
    """Decode one image, or return the reason of failure.

    Args:
        image_bytes: string scalar: JPEG, PNG or WebP.
        pixel_limit: int, most pixels an image may have; checked in its
            header, before anything is decoded.
        multiple: int, height and width are rounded up to it for that check.

    Returns:
        `(image, status)`: uint8 `[height, width, 3]`, empty if the image
        cannot be read; string scalar, `"ok"` or the reason.
    """
    nothing = tf.zeros([0, 0, 3], tf.uint8)

    @tf.autograph.experimental.do_not_convert  # nothing to convert, slowly
    def attempt(image_bytes):
        header = headers.read(image_bytes)
        status = _status(header, pixel_limit, multiple)
        image = tf.cond(status == OK, lambda: _pixels(header), lambda: nothing)
        return image, status

    # A graph cannot catch an error, but a data set can leave an element out.
    attempts = tf.data.Dataset.from_tensors(image_bytes).map(attempt)
    failure = tf.data.Dataset.from_tensors((nothing, headers.DAMAGED))
    either = attempts.ignore_errors().concatenate(failure).take(1)
    return either.get_single_element()


def _status(header, pixel_limit, multiple):
    """Return `"ok"`, or the first rule that the image breaks."""
    pixels = tf.reduce_prod(geometry.rounded_up(header.size, multiple))
    height, width = tf.unstack(tf.strings.as_string(header.size))
    too_large = f"must have at most {pixel_limit} pixels"
    if multiple > 1:
        too_large += f", its sides rounded up to multiples of {multiple}"
    too_large = tf.strings.join(
        [too_large, ". Received: ", width, " x ", height, " pixels"]
    )
    return headers.first_problem(
        (header.problem != "", header.problem),
        (tf.reduce_any(header.size < 1), headers.DAMAGED),
        (pixels > pixel_limit, too_large),
        otherwise=OK,
    )


def _pixels(header):
    """Decode as uint8 `[height, width, 3]`, upright, on white."""

    def jpeg():
        return tf.io.decode_jpeg(
            header.content, channels=3, dct_method="INTEGER_ACCURATE"
        )

    def png(channels=0):
        # Four channels hold a transparent color. Asked for them, TensorFlow
        # makes images of one bit transparent that have none.
        return _on_white(tf.io.decode_png(header.content, channels))

    def png_of_gray_16():
        # By itself TensorFlow cuts off the lower bits.
        levels = tf.io.decode_png(header.content, dtype=tf.uint16)
        levels = (tf.cast(levels, tf.int32) + 128) // 257
        return _on_white(tf.cast(levels, tf.uint8))

    def webp(channels=0):
        # decode_webp has a dimension more, for the frames.
        return _on_white(
            tf.io.decode_image(
                header.content, channels, expand_animations=False
            )
        )

    branches = {
        headers.JPEG: jpeg,
        headers.PNG: png,
        headers.PNG_OF_CLEAR_COLOR: lambda: png(channels=4),
        headers.PNG_OF_GRAY_16: png_of_gray_16,
        headers.WEBP: webp,
        headers.WEBP_OPAQUE: lambda: webp(channels=3),
    }
    pixels = tf.switch_case(header.index, branches)
    pixels = tf.ensure_shape(pixels, [None, None, 3])
    return _upright(pixels, headers.orientation(header.exif))


def _on_white(pixels):
    """Put uint8 `[height, width, 1 to 4]` on white, as RGB."""
    shape = tf.shape(pixels)
    is_clear = shape[-1] % 2 == 0
    colors = pixels[..., : shape[-1] - tf.cast(is_clear, tf.int32)]
    colors = tf.broadcast_to(colors, tf.concat([shape[:2], [3]], 0))

    def mixed():
        opacity = tf.cast(pixels[..., -1:], tf.int32)
        mixed = tf.cast(colors, tf.int32) * opacity + 255 * (255 - opacity)
        return tf.cast((mixed + 127) // 255, tf.uint8)

    return tf.cond(is_clear, mixed, lambda: colors)


def _upright(pixels, orientation):
    """Rotate and flip an image by its EXIF orientation."""
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
