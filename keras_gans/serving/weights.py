"""Store the weights of an export under reproducible names.

Keras numbers layers in the order of their creation in a process, so the names
of a model's weights vary.
"""

import keras
import tensorflow as tf


class NamedWeights(keras.StatelessScope):
    """A context in which a model reads copies of its weights by fixed names.

    Args:
        model: a model with `networks`.

    Attributes:
        variables: dict from name to the `tf.Variable`s that were read. A
            function that reads them does not keep them alive.
    """

    def __init__(self, model):
        super().__init__()
        self.variables = {}
        self._originals = {
            id(variable): (network.name, f"{i}_{variable.name}", variable.value)
            for network in model.networks
            for i, variable in enumerate(network.variables)
        }

    def get_current_value(self, variable):
        if id(variable) not in self._originals:
            return super().get_current_value(variable)
        network, place, original = self._originals[id(variable)]
        name = f"{network}/{place}"
        if name not in self.variables:
            # The slash makes it the whole name, wherever the trace is.
            with tf.init_scope(), tf.name_scope(f"{network}/"):
                self.variables[name] = tf.Variable(original, name=place)
        return self.variables[name]
