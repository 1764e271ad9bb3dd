"""Apply verbs to encoded images of different sizes."""

import functools

import tensorflow as tf

from keras_gans import images, verbs
from keras_gans.serving import decoding, geometry, tensors

# Of the default, 6, the last tenth of the size costs nine tenths of the time:
# 26 ms against 3 ms for an image of 256 pixels.
_COMPRESSION = 1
# Images that are decoded and scaled at the same time. As large as they may
# be, each takes some hundred megabytes meanwhile.
_AT_ONCE = 4


def encoded_form(function, on_tensors, verb):
    """Return a verb as a function of encoded images.

    Args:
        function: as for `tensors.tensor_form`.
        on_tensors: the result of `tensors.tensor_form` for it.
        verb: `Verb`.

    Returns:
        Function of the inputs by name, images as `image_bytes`, string
        `[batch]`, to a dict with `image_bytes`, string `[batch]`, PNG files of
        the same sizes, or the verb's `output`, such as `labels`; and `status`,
        string `[batch]`, `"ok"` or the reason for an empty answer, of numbers
        0.
    """
    name, declared = verb.input(verbs.Images)
    if declared is not None:
        decode = decoder(tensors.pixel_limit(declared), declared.multiple or 1)
        keep, kept, translate = (
            _scaled(function, name, declared.size, verb.output)
            if declared.multiple is None
            else _at_own_sizes(on_tensors, name)
        )

    def read(image_bytes):
        image, size, status = decode(image_bytes)
        return keep(image), size, status

    def on_bytes(**inputs):
        image_bytes = inputs.pop("image_bytes", None)
        first = next(iter(inputs.values()), image_bytes)
        count = tf.size(image_bytes) if declared else tf.shape(first)[0]
        rules = tensors.row_rules(inputs, count)
        if declared is None:
            inputs = {n: tensors.checked(r, rules) for n, r in inputs.items()}
            given, status = (), tf.fill([count], decoding.OK)
        else:
            image_bytes = tensors.checked(image_bytes, rules)
            specifications = kept, tf.TensorSpec([2], tf.int32), tf.string
            *given, status = _map(read, image_bytes, specifications)
        for other, rows in inputs.items():
            is_valid = tensors.valid_rows(verb.inputs[other], rows)
            is_wrong = (status == decoding.OK) & ~is_valid
            rule = tensors.range_rule(other, verb.inputs[other])
            status = tf.where(is_wrong, rule, status)
        good = tf.where(status == decoding.OK)
        given, inputs = tf.nest.map_structure(
            lambda rows: tf.gather_nd(rows, good), (tuple(given), inputs)
        )
        encoded = (
            _map(_png, on_tensors(**inputs)["images"], tf.string)
            if declared is None
            else translate(*given, inputs)
        )
        shape = [count, *encoded.shape[1:]]
        encoded = tf.scatter_nd(good, encoded, tf.cast(shape, tf.int64))
        if verb.steps is not None:
            is_lost = (status == decoding.OK) & (encoded == "")
            status = tf.where(is_lost, tensors.NOT_FOUND, status)
        key = verb.output_key if verb.output else "image_bytes"
        return {key: encoded, "status": status}

    return on_bytes


def _scaled(function, name, side, output):
    """Translate images scaled into squares, as one batch.

    Returns:
        `(keep, kept, translate)`: function from a decoded image to the data
        to keep, their specification, and the function from kept data, sizes
        and further inputs of all images to their PNGs, or to the `output`
        that the verb declares.
    """
    function = tensors.on_any_number(function)
    square = tf.TensorSpec([side, side, 3], tf.float32)

    def keep(picture):
        picture = _unpacked(picture)
        return tf.cond(
            tf.size(picture) > 0,
            lambda: geometry.fit(images.to_float(picture[None]), side)[0],
            lambda: tf.zeros(square.shape),
        )

    def restore(inputs):
        output, size = inputs
        restored = geometry.restore(output[None], size, side)
        png = _png(images.to_uint8(restored)[0])
        is_found = tf.reduce_all(tf.math.is_finite(output))
        return tf.where(is_found, png, "")

    def translate(squares, sizes, extra):
        outputs = function(**{name: squares}, **extra)
        if output:
            return outputs
        return _map(restore, (outputs, sizes), tf.string)

    return keep, square, translate


def _at_own_sizes(on_tensors, name):
    """Translate one by one, or as a batch if all sizes are equal.

    Returns:
        As `_scaled`; images are kept as strings.
    """

    def alike(pictures, extra):
        specification = tf.TensorSpec([None, None, 3], tf.uint8)
        pictures = _map(_unpacked, pictures, specification)
        outputs = on_tensors(**{name: pictures}, **extra)["images"]
        return _map(_png, outputs, tf.string)

    def each(pictures, extra):
        def one(inputs):
            picture, rows = inputs
            rows = {name: row[None] for name, row in rows.items()}
            rows[name] = _unpacked(picture)[None]
            return _png(on_tensors(**rows)["images"][0])

        return _map(one, (pictures, extra), tf.string, at_once=1)

    def translate(pictures, sizes, extra):
        # Of no images, the size of a batch would be unknown; of many large
        # ones, a batch would take the memory of them all.
        area = tf.reduce_sum(tf.reduce_prod(tf.cast(sizes, tf.int64), -1))
        return tf.cond(
            tf.reduce_all(sizes == sizes[:1])
            & (area > 0)
            & (area <= tensors.OWN_SIZE_LIMIT),
            lambda: alike(pictures, extra),
            lambda: each(pictures, extra),
        )

    return lambda picture: picture, tf.string, translate


@functools.cache  # the one large graph here, the same for many models
def decoder(pixel_limit, multiple):
    """Return a function from bytes to an image, its size and status.

    Images of several sizes cannot form a tensor, so each is a string.
    """

    def decode(image_bytes):
        picture, status = decoding.decode(image_bytes, pixel_limit, multiple)
        size = tf.shape(picture)[:2]
        return tf.io.serialize_tensor(picture), size, status

    specification = [tf.TensorSpec([], tf.string)]
    return tf.function(decode, specification, autograph=False)


def _unpacked(picture):
    picture = tf.io.parse_tensor(picture, tf.uint8)
    return tf.ensure_shape(picture, [None, None, 3])


def _png(picture):
    return tf.io.encode_png(picture, _COMPRESSION)


def _map(function, rows, specification, at_once=_AT_ONCE):
    return tf.map_fn(
        function,
        rows,
        parallel_iterations=at_once,
        fn_output_signature=specification,
    )
