"""Apply verbs to uint8 images; check the inputs of all verbs."""

import tensorflow as tf

from keras_gans import images, verbs
from keras_gans.serving import geometry

# At an image's own size the ResNet takes 2.5 GB for these 2.1 million pixels,
# somewhat more than 1920 x 1080. Where an image is scaled first, only itself
# takes room, 400 MB as floats.
OWN_SIZE_LIMIT = 2**21
SCALED_LIMIT = 2**25
# Why an image has no result, of a verb that iterates.
NOT_FOUND = "the search met NaN or infinity"


def pixel_limit(declared):
    """Return the maximum number of pixels, with sides rounded up.

    An image of the size that the model was trained on is always accepted.

    Args:
        declared: `verbs.Images`.
    """
    if declared.multiple is None:
        return SCALED_LIMIT
    side = -(-declared.size // declared.multiple) * declared.multiple
    return max(OWN_SIZE_LIMIT, side**2)


def tensor_form(function, verb):
    """Return a verb as a function of uint8 images of one size.

    Args:
        function: as `verb.function`.
        verb: `Verb`.

    Returns:
        Function of the inputs by name, images as uint8 `[batch, height,
        width, 3]`, to a dict with `images`, the same, or the verb's `output`.
    """
    function = on_any_number(function)
    name, declared = verb.input(verbs.Images)

    def on_tensors(**inputs):
        pixels = inputs.pop(name, None)
        rows = next(iter(inputs.values())) if pixels is None else pixels
        count = tf.shape(rows, tf.int64)[0]
        rules = row_rules(inputs, count)
        for other, rows in inputs.items():
            is_valid = tf.reduce_all(valid_rows(verb.inputs[other], rows))
            rules[range_rule(other, verb.inputs[other])] = is_valid
        if pixels is None:
            inputs = {n: checked(rows, rules) for n, rows in inputs.items()}
            return {"images": images.to_uint8(function(**inputs))}
        size = tf.shape(pixels, tf.int64)[1:3]
        area = tf.reduce_prod(geometry.rounded_up(size, declared.multiple or 1))
        limit = pixel_limit(declared)
        rules |= {
            "height and width of images must be from 1 up": (
                tf.reduce_prod(size) > 0
            ),
            f"images must have at most {limit} pixels": area <= limit,
        }
        floats = images.to_float(checked(pixels, rules))
        inputs[name] = geometry.fit(floats, declared.size, declared.multiple)
        outputs = function(**inputs)
        if verb.output:
            return {verb.output_key: outputs}
        if verb.steps is not None:
            is_found = tf.reduce_all(tf.math.is_finite(outputs))
            outputs = checked(outputs, {NOT_FOUND: is_found})
        outputs = geometry.restore(
            outputs, size, declared.size, declared.multiple
        )
        return {"images": images.to_uint8(outputs)}

    return on_tensors


def on_any_number(function):
    """Make a network accept empty batches.

    TensorFlow's fusion of convolution and normalization fails on an empty
    batch.
    """

    def on_rows(**inputs):
        count = tf.shape(next(iter(inputs.values())))[0]
        missing = tf.cast(count == 0, tf.int32)

        def filled(rows):
            return tf.pad(
                rows, [[0, missing]] + [[0, 0]] * (len(rows.shape) - 1)
            )

        filled_inputs = {name: filled(rows) for name, rows in inputs.items()}
        return function(**filled_inputs)[:count]

    return on_rows


def checked(tensor, rules):
    """Return a tensor, or fail with the text of the first broken rule."""
    checks = [tf.debugging.Assert(rule, [text]) for text, rule in rules.items()]
    with tf.control_dependencies(checks):
        return tf.identity(tensor)


def row_rules(inputs, count):
    """Return the rules that every image has its row of further inputs."""
    return {
        f"{name} must have a row for each image": (
            tf.shape(rows, tf.int64)[0] == tf.cast(count, tf.int64)
        )
        for name, rows in inputs.items()
    }


def range_rule(name, declared):
    """Return the text of the rule that `valid_rows` asks about."""
    if isinstance(declared, verbs.Labels):
        return f"{name} must lie in [0, 1]"
    return f"{name} must be finite"


def valid_rows(declared, rows):
    """Return whether each row fits the declared input, bool `[batch]`."""
    if isinstance(declared, verbs.Labels):  # NaN does not compare
        is_valid = (rows >= 0) & (rows <= 1)
    else:
        is_valid = tf.math.is_finite(rows)
    return tf.reduce_all(is_valid, tf.range(1, tf.rank(rows)))
