"""Fused Adam, with epsilon as in TensorFlow or as in PyTorch."""

import math

import keras
import tensorflow as tf

from keras_gans.checks import UserError


@keras.saving.register_keras_serializable("keras_gans")
class Adam(keras.optimizers.Adam):
    """Adam as in Keras and TensorFlow 1, in one pass over each weight.

    Keras reads and writes a weight and its two moments a dozen times per step.
    That is most of the step if a network has many weights for few pixels:
    pix2pix at 128 pixels and batch 1 has 57 million.

    Args:
        learning_rate: float or schedule. Default 1e-3.
        beta_1: float, decay of the first moment. Default 0.9.
        beta_2: float, decay of the second moment. Default 0.999.
        epsilon: float. Default 1e-8, TensorFlow 1's and PyTorch's.
        **kwargs: as `keras.optimizers.Adam`.

    Reference:
        Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization",
        arXiv:1412.6980, end of section 2.
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        **kwargs,
    ):
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon=epsilon, **kwargs
        )

    def _corrected_epsilon(self, root):
        """Return the epsilon to add to the root of the uncorrected moment."""
        return self.epsilon

    def _corrections(self, step):
        """Return 1 - b^t of both moments; arrays for several steps."""
        step = tf.cast(step, tf.float32)
        # By `expm1`: 1 - 0.999 in float32 has lost four digits.
        return [
            -tf.math.expm1(step * (math.log(beta) if beta else -math.inf))
            for beta in (self.beta_1, self.beta_2)
        ]

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # What all weights have in common is computed once: for each of a
        # hundred it would be a quarter of the operations of a step's graph.
        # `iterations` is a tensor where gradients are accumulated.
        step = tf.convert_to_tensor(self.iterations) + 1
        corrections = self._corrections(step)
        root = tf.sqrt(corrections[1])
        learning_rate = tf.cast(learning_rate, tf.float32)
        common = {
            # The corrections are in the rate already.
            "beta1_power": 0.0,
            "beta2_power": 0.0,
            "lr": learning_rate * root / corrections[0],
            "beta1": self.beta_1,
            "beta2": self.beta_2,
            "epsilon": self._corrected_epsilon(root),
        }
        common = {
            name: tf.convert_to_tensor(value, tf.float32)
            for name, value in common.items()
        }
        super()._backend_update_step(
            grads, trainable_variables, (learning_rate, common)
        )

    def update_step(self, gradient, variable, learning_rate):
        """Update a weight; `learning_rate` is of `_backend_update_step`."""
        _, common = learning_rate
        index = self._get_variable_index(variable)
        slots = {"m": self._momentums[index], "v": self._velocities[index]}
        function = tf.raw_ops.ResourceApplyAdam
        if self.amsgrad:
            slots["vhat"] = self._velocity_hats[index]
            function = tf.raw_ops.ResourceApplyAdamWithAmsgrad
        function(
            var=variable.handle,
            grad=tf.cast(gradient, variable.dtype),
            **{name: slot.value.handle for name, slot in slots.items()},
            **common,
        )


@keras.saving.register_keras_serializable("keras_gans")
class PyTorchAdam(Adam):
    """Adam with epsilon where PyTorch adds it.

    In step t Keras, like TensorFlow 1 and the end of the paper's section 2,
    takes lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon). PyTorch
    first corrects v: lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon).
    The two agree if the epsilon of the former is multiplied by
    sqrt(1 - b2^t), 0.03 in the first step. The difference matters for small
    gradients, which change a weight by different fractions of lr.

    Args:
        *args: as `Adam`.
        l2: float from 0 up. This multiple of each weight is added to its
            gradient, before the moments: PyTorch's `weight_decay`. That of
            Keras is decoupled from the moments, as in AdamW.
        **kwargs: as `Adam`.

    Reference:
        Kingma and Ba 2015, algorithm 1; torch.optim.Adam.
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}

    def update_step(self, gradient, variable, learning_rate):
        if self.l2:
            gradient = tf.cast(gradient, variable.dtype)
            gradient += self.l2 * tf.convert_to_tensor(variable)
        super().update_step(gradient, variable, learning_rate)

    def _corrected_epsilon(self, root):
        return self.epsilon * root


@keras.saving.register_keras_serializable("keras_gans")
class RowAdam(PyTorchAdam):
    """An Adam for each row of a weight, as if rows were weights.

    For layers that stack the weights of domains, `keras_gans.layers.by_domain`:
    their gradients are `tf.IndexedSlices` of one or two different rows. Only
    these rows are read and written, and each counts its own steps. Other
    gradients are applied as by `PyTorchAdam`.

    Args: as `Adam`; without what is of all rows: `amsgrad`, `l2`,
        `weight_decay`, `global_clipnorm` and accumulated gradients.
    """

    def build(self, variables):
        if self.amsgrad:
            raise UserError("amsgrad must be False. Received: True")
        for name in (
            *("gradient_accumulation_steps", "global_clipnorm"),
            *("weight_decay", "l2"),  # which are of all rows
        ):
            if getattr(self, name):
                raise UserError(
                    f"{name} must be left out. Received: {getattr(self, name)}"
                )
        super().build(variables)
        self._steps = [
            self.add_variable(v.shape[:1], dtype="int64", name="steps")
            for v in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        # Two rows, of which one alone is written twice; where it is, a row
        # has a gradient from every pass.
        rows = _rows(gradient)
        found = tf.convert_to_tensor(gradient.indices)
        parts = tf.expand_dims(rows, 1) == found
        parts = tf.cast(parts, gradient.dtype)
        gradient = tf.tensordot(parts, gradient.values, 1)

        index = self._get_variable_index(variable)
        slots = self._steps, self._momentums, self._velocities
        handles = [slot[index].value.handle for slot in slots]

        def read(handle, dtype=gradient.dtype):
            return tf.raw_ops.ResourceGather(
                resource=handle, indices=rows, dtype=dtype
            )

        def write(handle, values):
            tf.raw_ops.ResourceScatterUpdate(
                resource=handle, indices=rows, updates=values
            )

        steps, first, second = (
            read(handle, slot[index].dtype)
            for handle, slot in zip(handles, slots, strict=True)
        )
        steps += 1
        first += (gradient - first) * (1 - self.beta_1)
        second += (tf.square(gradient) - second) * (1 - self.beta_2)
        shape = [2, *[1] * (len(gradient.shape) - 1)]
        corrections = [
            tf.reshape(value, shape) for value in self._corrections(steps)
        ]
        root = tf.sqrt(corrections[1])
        rate = learning_rate[0] * root / corrections[0]
        change = first / (tf.sqrt(second) + self._corrected_epsilon(root))
        for handle, values in zip(handles, (steps, first, second), strict=True):
            write(handle, values)
        write(variable.handle, read(variable.handle) - rate * change)


def _rows(gradient):
    """Return the two rows that a gradient is of, maybe the same twice."""
    found = tf.convert_to_tensor(gradient.indices)
    return tf.stack([tf.reduce_min(found), tf.reduce_max(found)])


def rows_moved(optimizer, gradients, variables):
    """Return which rows of weights an optimizer has moved, and how often.

    Args:
        optimizer: a Keras optimizer, maybe with a loss scale, which has
            applied `gradients` to `variables`.

    Returns:
        list, for each weight of which a `RowAdam` has moved some rows
        `(rows, steps)`, int64 `[2]`, the numbers of the rows and of their
        updates before this one; for others `()`.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    found = []
    for gradient, variable in zip(gradients, variables, strict=True):
        moved = ()
        if isinstance(optimizer, RowAdam) and isinstance(
            gradient, tf.IndexedSlices
        ):
            rows = _rows(gradient)
            steps = optimizer._steps[optimizer._get_variable_index(variable)]
            moved = rows, tf.gather(steps.value, rows) - 1
        found.append(moved)
    return found
