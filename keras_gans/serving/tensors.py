"""Verbs on uint8 pictures, and what all verbs ask of their inputs."""

import tensorflow as tf

from keras_gans import images
from keras_gans.serving import geometry

# At a picture's own size the ResNet takes 2.5 GB for these 2.1 million pixels,
# somewhat more than 1920 x 1080. Where a picture is scaled first, only itself
# takes room, 400 MB as floats.
OWN_SIZE_LIMIT = 2**21
SCALED_LIMIT = 2**25


def multiple(model):
    """Return what sides must be multiples of; None if there is one scale."""
    return getattr(model, "size_multiple", None)


def pixel_limit(model):
    """Return the most pixels that a picture may have, sides rounded up."""
    return SCALED_LIMIT if multiple(model) is None else OWN_SIZE_LIMIT


def tensor_form(function, model):
    """Return a verb as a function of uint8 pictures of one size.

    Args:
        function: from float32 `[batch, height, width, 3]` in [-1, 1], and the
            model's `serving_inputs` by name, to the same.
        model: with `image_size`, and `size_multiple` where it has it.

    Returns:
        Function from uint8 `[batch, height, width, 3]` to a dict with
        `images`, the same.
    """
    side, unit, limit = model.image_size, multiple(model), pixel_limit(model)
    function = on_any_number(function)

    def on_pictures(pictures, **extra):
        count, height, width, _ = tf.unstack(tf.shape(pictures, tf.int64))
        size = tf.stack([height, width])
        area = tf.reduce_prod(geometry.rounded_up(size, unit or 1))
        rules = {
            "height and width of images must be from 1 up": height * width > 0,
            f"images must have at most {limit} pixels": area <= limit,
            **row_rules(extra, count),
        }
        for name, rows in extra.items():
            rules[range_rule(name)] = tf.reduce_all(in_range(rows))
        pictures = images.to_float(checked(pictures, rules))
        outputs = function(geometry.fit(pictures, side, unit), **extra)
        outputs = geometry.restore(outputs, size, side, unit)
        return {"images": images.to_uint8(outputs)}

    return on_pictures


def on_any_number(function):
    """Let a network pass no pictures, too.

    What TensorFlow makes of convolution and normalisation together fails on
    an empty batch.
    """

    def on_pictures(pictures, **extra):
        count = tf.shape(pictures)[0]
        missing = tf.cast(count == 0, tf.int32)

        def filled(rows):
            return tf.pad(
                rows, [[0, missing]] + [[0, 0]] * (len(rows.shape) - 1)
            )

        extra = {name: filled(rows) for name, rows in extra.items()}
        return function(filled(pictures), **extra)[:count]

    return on_pictures


def checked(tensor, rules):
    """Return a tensor, or fail with the text of the first rule broken."""
    checks = [tf.debugging.Assert(rule, [text]) for text, rule in rules.items()]
    with tf.control_dependencies(checks):
        return tf.identity(tensor)


def row_rules(extra, count):
    """Return the rules that every picture has its row of further inputs."""
    return {
        f"{name} must have a row for each picture": (
            tf.shape(rows, tf.int64)[0] == tf.cast(count, tf.int64)
        )
        for name, rows in extra.items()
    }


def range_rule(name):
    """Return the text of the rule that `in_range` asks about."""
    return f"{name} must lie in [0, 1]"


def in_range(rows):
    """Return which rows lie in [0, 1], bool `[batch]`; NaN does not."""
    return tf.reduce_all((rows >= 0) & (rows <= 1), tf.range(1, tf.rank(rows)))
