"""The weights that an export stores: under fixed names, or in half the bytes.

Keras numbers layers as they come in a process, so that the weights of a model
have other names wherever it is made.
"""

import keras
import tensorflow as tf


class Copies(keras.StatelessScope):
    """Within it a model reads copies of its weights, made on first use.

    Copies, and within it layers, are named by their place in the network.

    Kernels may be kept in float16; they are cast whenever they are read, and
    computed with as before. Offsets, scales and statistics, which are small,
    stay: a variance can be larger or smaller than float16 can say.

    Args:
        model: a model with `networks`.
        is_half: bool, whether kernels are kept in float16.

    Attributes:
        variables: dict from name to the `tf.Variable`s that were read. A
            function that reads copies does not keep them.
    """

    def __init__(self, model, is_half=False):
        super().__init__()
        self.variables = {}
        self._is_half = is_half
        self._layers = [
            pair for n in model.networks for pair in enumerate(n.layers)
        ]
        self._names = [layer.name for _, layer in self._layers]
        self._originals = {
            id(variable): (network.name, f"{i}/{variable.name}", variable.value)
            for network in model.networks
            for i, variable in enumerate(network.variables)
        }

    def __enter__(self):
        for i, layer in self._layers:
            layer.name = f"{i}_{type(layer).__name__}"
        return super().__enter__()

    def __exit__(self, *args, **kwargs):
        for (_, layer), name in zip(self._layers, self._names, strict=True):
            layer.name = name
        return super().__exit__(*args, **kwargs)

    def get_current_value(self, variable):
        if id(variable) not in self._originals:
            return super().get_current_value(variable)
        network, place, original = self._originals[id(variable)]
        name = f"{network}/{place}"
        if name not in self.variables:
            is_kernel = len(variable.shape) > 1 and variable.dtype == "float32"
            dtype = "float16" if self._is_half and is_kernel else original.dtype
            # The slash makes it the whole name, wherever the trace is.
            with tf.init_scope(), tf.name_scope(f"{network}/"):
                copy = tf.Variable(tf.cast(original, dtype), name=place)
            self.variables[name] = copy
        return tf.cast(self.variables[name], variable.dtype)
