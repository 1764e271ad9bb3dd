"""Build an endless `tf.data.Dataset` from a function of the batch index."""

import atexit
import functools
import os
import threading
import weakref

import numpy as np

from keras_gans import images
from keras_gans.checks import UserError


def batches(make_batch, specs, start=0, stop=None):
    """Build the data set of batches `start`, `start + 1` and so on.

    Args:
        make_batch: function from the batch index, an int, to a dict of
            arrays. It must depend on nothing else, and several threads call
            it at the same time.
        specs: dict from key to `(shape, dtype)` of these arrays.
        start: int, index of the first batch.
        stop: int, index after the last batch, which may be smaller; None for
            no end.

    Returns:
        `tf.data.Dataset`, in the order of the indices; elements are dicts,
        with uint8 converted to float32 in [-1, 1].
    """
    import tensorflow as tf

    calls = _calls()
    # TensorFlow keeps functions of NumPy until the process ends. What this one
    # reads, such as all cached images, goes with the data set.
    made_by = weakref.ref(make_batch)

    def arrays(number):
        with calls:
            if calls.closing:
                return [
                    np.zeros([n or 1 for n in shape], dtype)
                    for shape, dtype in specs.values()
                ]
            batch = made_by()(int(number))
            return [np.asarray(batch[key], specs[key][1]) for key in specs]

    def tensors(number):
        dtypes = [tf.as_dtype(dtype) for _, dtype in specs.values()]
        # Whole batches cross into Python at once, for speed.
        values = tf.numpy_function(arrays, [number], dtypes, stateful=False)
        batch = {}
        for (key, (shape, dtype)), value in zip(
            specs.items(), values, strict=True
        ):
            value.set_shape(shape if stop is None else (None, *shape[1:]))
            is_picture = dtype == np.uint8
            batch[key] = images.to_float(value) if is_picture else value
        return batch

    tensors.make_batch = make_batch  # for as long as the data set has it

    options = tf.data.Options()
    # Its thread sleeps up to a minute at a time, and the end of `fit` or a
    # Ctrl-C must at times wait for it.
    options.autotune.enabled = False
    # There are no files to share out among workers; each takes its slice of
    # every batch.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    numbers = (
        tf.data.Dataset.counter(start)
        if stop is None
        else tf.data.Dataset.range(start, stop)
    )
    return (
        numbers.map(tensors, min(8, os.cpu_count()), deterministic=True)
        .prefetch(2)
        .with_options(options)
    )


def reason(error):
    """Describe in one line why `make_batch` failed, or return None.

    TensorFlow wraps a `UserError` in its own error with the whole traceback
    in the message.

    Args:
        error: exception from the data set or from `fit`.

    Returns:
        str, or None if something else has failed.
    """
    import tensorflow as tf

    if not isinstance(error, tf.errors.OpError):
        return None
    reasons = [
        line.partition("UserError: ")[2]
        for line in str(error).splitlines()
        if line.startswith(f"{UserError.__module__}.UserError: ")
    ]
    return reasons[-1] if reasons else None


class _Calls:
    """The current calls into Python from threads of tf.data.

    A thread that calls Python while the interpreter shuts down waits forever,
    and the iterator's destructor waits for the thread: a process that ends
    with a live iterator, as after any error inside `fit`, would hang. So at
    shutdown batches become empty, which fills the buffers at once, until all
    threads are done.
    """

    def __init__(self):
        self.closing = False
        self._running = 0
        self._changed = threading.Condition()

    def __enter__(self):
        with self._changed:
            self._running += 1
            self._changed.notify_all()

    def __exit__(self, *_):
        with self._changed:
            self._running -= 1

    def close(self):
        self.closing = True
        with self._changed:
            for _ in range(100):
                if not self._changed.wait(0.1) and not self._running:
                    break


@functools.cache
def _calls():
    calls = _Calls()
    atexit.register(calls.close)
    return calls
