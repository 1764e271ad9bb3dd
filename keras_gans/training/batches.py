"""Check data passed to Keras' methods before the first step.

Endless data and wrong shapes are found before anything runs. Value ranges are
checked on the first batch when Keras reads it, so that nothing is read twice
and later steps cost nothing.
"""

import contextlib
import inspect
import types
import weakref

import keras
import tensorflow as tf

from keras_gans.checks import UserError

_MOST_ROWS = 256  # of arrays that are looked at
_TARGETS = ("y", "sample_weight", "class_weight")


def bound(method, args, kwargs):
    """Return the arguments of a call to a Keras method by name.

    Raises:
        UserError: for arguments that models with dict batches do not take.
    """
    arguments = dict(inspect.signature(method).bind(*args, **kwargs).arguments)
    arguments |= arguments.pop("kwargs", {})
    for name in _TARGETS:
        if arguments.get(name) is not None:
            raise UserError(
                f"{name} must be left out: all that the model learns from is "
                "x, whose batches are dicts. Received: "
                f"{type(arguments[name]).__name__}"
            )
    return arguments


class Data:
    """The data of one call, checked.

    Args:
        check: function that raises `UserError` for an invalid batch, of
            arrays or `tf.TensorSpec`s.
        replicas: int, replicas that share a batch and average over it.
    """

    def __init__(self, check, replicas=1):
        self._check = check
        self._replicas = replicas
        self._error = None

    def prepare(self, arguments, name, steps):
        """Check a data argument, or replace it by data that check themselves.

        Args:
            arguments: dict, the arguments of the call.
            name: str, the argument that holds the data.
            steps: str, the argument that says how many batches to take.

        Raises:
            UserError: if the data are invalid or never end.
        """
        data = arguments.get(name)
        if data is None:
            if name == "x":
                raise UserError("x must be given. Received: None")
            return
        count = arguments.get(steps)
        if count is not None and count < 1:  # for Keras, without end
            raise UserError(f"{steps} must be from 1 up. Received: {count}")
        if count is None and _is_endless(data):
            raise UserError(
                f"{steps} must be given where {name} never ends; of the data "
                "sets of keras_gans.datasets, repeat=False makes one pass. "
                "Received: None"
            )
        if isinstance(data, tf.data.Dataset):
            arguments[name] = self._dataset(data)
        elif isinstance(data, types.GeneratorType):
            arguments[name] = self._generator(data)
        elif isinstance(data, keras.utils.PyDataset):
            self._check(data[0])
        elif not hasattr(data, "element_spec"):  # of another kind of data set
            self._arrays(data, arguments.get("batch_size") or 32)

    @contextlib.contextmanager
    def errors(self):
        """Re-raise an error of the check of the first batch unchanged.

        TensorFlow would raise its own error with a traceback as its text.
        """
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise

    def _arrays(self, data, batch_size):
        element = data if isinstance(data, tuple) else (data,)
        leaves = [x for x in keras.tree.flatten(element) if x is not None]
        if not all(len(getattr(leaf, "shape", ())) for leaf in leaves):
            self._check(element)
            return
        self._check(
            keras.tree.map_structure(
                lambda leaf: leaf if leaf is None else leaf[:_MOST_ROWS],
                element,
            )
        )
        left = len(leaves[0]) % batch_size
        share = -(-left // self._replicas)
        if left and share * (self._replicas - 1) >= left:
            raise UserError(
                f"batch_size must leave a last batch that all "
                f"{self._replicas} replicas have a part of. Received: "
                f"{batch_size}, which leaves {left} of {len(leaves[0])}"
            )

    def _generator(self, generator):
        for number, element in enumerate(generator):
            if not number:
                self._check(element)
            # Keras wants tuples, unlike of a data set.
            yield element if isinstance(element, tuple) else (element,)

    def _dataset(self, dataset):
        self._check(dataset.element_spec)
        rows = tf.nest.flatten(dataset.element_spec)[0].shape[0]
        if rows is not None and rows % self._replicas:
            raise UserError(
                f"batch_size must be a multiple of the {self._replicas} "
                f"replicas that share a batch. Received: batches of {rows}"
            )
        return dataset.enumerate().map(self._looked_at)

    @tf.autograph.experimental.do_not_convert
    def _looked_at(self, number, element):
        inputs, *_ = keras.utils.unpack_x_y_sample_weight(element)
        leaves = tf.nest.flatten(inputs)
        # TensorFlow keeps functions of NumPy, and so would keep the model.
        asked = weakref.ref(self)
        keys = tf.nest.map_structure(lambda leaf: 0, inputs)

        def check(*arrays):
            data = asked()
            if data is None:  # the call that asked is over
                return True
            try:
                data._check((tf.nest.pack_sequence_as(keys, arrays),))
            except UserError as error:
                data._error = error
                raise
            return True

        is_good = tf.cond(
            tf.equal(number, 0),
            lambda: tf.numpy_function(check, leaves, tf.bool),
            lambda: True,
        )
        rows = tf.shape(leaves[0])[0]
        if self._replicas > 1 and leaves[0].shape[0] is None:
            # A replica without an image would have means of nothing, NaN: a
            # last batch begins again until all have the same number.
            whole = -(-rows // self._replicas) * self._replicas
            rows = tf.range(whole) % rows
            element = tf.nest.map_structure(
                lambda tensor: tf.gather(tensor, rows), element
            )
        with tf.control_dependencies([is_good]):
            return tf.nest.map_structure(tf.identity, element)


def _is_endless(data):
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    count = getattr(data, "cardinality", None)
    count = count() if callable(count) else count
    return count is not None and int(count) == tf.data.INFINITE_CARDINALITY
