"""Weights stored in half the bytes."""

import keras
import tensorflow as tf


def copies(model):
    """Return float16 copies of a model's kernels.

    Offsets, scales and statistics, which are small, have none: a variance can
    be larger or smaller than float16 can say.

    Args:
        model: a Keras model.

    Returns:
        list of `(keras.Variable, tf.Variable)`. A function that reads copies
        does not keep them: hold on to the list.
    """
    return [
        (kernel, tf.Variable(tf.cast(kernel.value, tf.float16)))
        for kernel in model.variables
        if len(kernel.shape) > 1 and kernel.dtype == "float32"
    ]


def reading(copies, function, variables):
    """Return a function that reads the copies of its kernels.

    They are cast to float32 whenever it is called, and computed with as
    before.

    Args:
        copies: list, what `copies` returned.
        function: a function of the model.
        variables: the `tf.Variable`s that it reads.

    Returns:
        Function that takes and gives the same.
    """
    read = {variable.ref() for variable in variables}
    copies = [pair for pair in copies if pair[0].value.ref() in read]

    def on_copies(*args, **kwargs):
        kernels = [
            (kernel, tf.cast(copy, "float32")) for kernel, copy in copies
        ]
        with keras.StatelessScope(kernels):
            return function(*args, **kwargs)

    return on_copies
