"""Optimizers whose numbers differ from those of Keras."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class PyTorchAdam(keras.optimizers.Adam):
    """Adam with epsilon where PyTorch adds it.

    In step t Keras, like TensorFlow 1 and the end of the paper's section 2,
    takes lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon). PyTorch
    first corrects v: lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + epsilon).
    The two agree when the epsilon of the former is multiplied by
    sqrt(1 - b2^t), 0.03 in the first step. That matters where gradients are
    small: there the two move a weight by different parts of lr.

    Args:
        learning_rate: float or schedule. Default 1e-3.
        beta_1: float, decay of the first moment. Default 0.9.
        beta_2: float, decay of the second moment. Default 0.999.
        epsilon: float. Default 1e-8, PyTorch's.
        **kwargs: as `keras.optimizers.Adam`.

    Reference:
        Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization",
        arXiv:1412.6980, algorithm 1; torch.optim.Adam.
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

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        rate = ops.cast(learning_rate, dtype)
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]

        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, ops.maximum(largest, v))
            v = largest
        # 1 - b^t by `expm1`: 1 - 0.999 in float32 has lost four digits.
        corrections = [
            -ops.expm1(step * (math.log(beta) if beta else -math.inf))
            for beta in (self.beta_1, self.beta_2)
        ]
        denominator = ops.sqrt(v) / ops.sqrt(corrections[1]) + self.epsilon
        self.assign_sub(variable, rate / corrections[0] * m / denominator)
