"""The weights that an export stores, under names that do not depend on chance.

Keras numbers layers as they come in a process, so that the weights of a model
have other names wherever it is made.
"""

import keras
import tensorflow as tf


class NamedWeights(keras.StatelessScope):
    """Within it a model reads copies of its weights, under fixed names.

    Args:
        model: a model with `networks`.

    Attributes:
        variables: dict from name to the `tf.Variable`s that were read. A
            function that reads them does not keep them.
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
