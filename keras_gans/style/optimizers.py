"""Move pixels down the gradient of an objective: L-BFGS or Adam.

An optimizer is a function of an objective, pixels, what the last call
returned beside pixels, and how many evaluations to make. It gives the pixels,
and arrays from which the next call goes on.
"""

import math

import numpy as np

from keras_gans import optimizers
from keras_gans.checks import UserError

_GRAY_LEVEL = 1 / 127.5  # of images in [-1, 1]
_KEPT = 20  # pairs of steps and gradients that L-BFGS knows


class NotFinite(FloatingPointError):
    """NaN or infinity in the objective; `pixels` are the last good ones."""

    def __init__(self, message, pixels):
        super().__init__(message)
        self.pixels = pixels


class _EnoughError(Exception):
    """Ends SciPy's search at an exact number of evaluations."""


def _checked(objective, pixels, good):
    terms, gradient = objective(pixels)
    if not (math.isfinite(terms["total"]) and np.isfinite(gradient).all()):
        raise NotFinite("NaN or infinity in the objective", good)
    return terms["total"], gradient


def lbfgs(objective, pixels, state, evaluations):
    """Search by `scipy.optimize.minimize(method="L-BFGS-B")`, without bounds.

    Each call begins anew: SciPy does not tell what it knows. The best pixels
    of those evaluated are returned.
    """
    try:
        from scipy import optimize
    except ImportError as error:
        raise UserError(
            "optimizer lbfgs needs a package that is missing: pip install "
            f'"keras_gans[style]", or choose adam ({error})'
        ) from None
    shape, done = pixels.shape, 0
    best, least = np.asarray(pixels, np.float64), math.inf

    def evaluate(flat):
        nonlocal best, least, done
        if done == evaluations:
            raise _EnoughError
        total, gradient = _checked(objective, flat.reshape(shape), best)
        done += 1
        if total < least:
            best, least = flat.reshape(shape).copy(), total
        return total, gradient.ravel().astype(np.float64)

    options = {"maxcor": _KEPT, "maxfun": math.inf, "maxiter": evaluations}
    options |= {"ftol": 0.0, "gtol": 0.0}
    try:
        optimize.minimize(
            evaluate, best.ravel(), jac=True, method="L-BFGS-B", options=options
        )
    except _EnoughError:
        pass
    return best, state


def adam(objective, pixels, state, evaluations, learning_rate=1.0):
    """Search by Adam as PyTorch has it.

    Args:
        learning_rate: float, in levels of 0..255, the change of a pixel in
            the first steps.
    """
    import keras

    variable = keras.Variable(np.asarray(pixels, np.float32), dtype="float32")
    optimizer = optimizers.PyTorchAdam(learning_rate * _GRAY_LEVEL)
    optimizer.build([variable])
    for own, value in zip(optimizer.variables, state, strict=False):
        own.assign(value)
    good = pixels
    for _ in range(evaluations):
        _, gradient = _checked(objective, variable.numpy(), good)
        good = variable.numpy()
        optimizer.apply([gradient], [variable])
    return variable.numpy(), [own.numpy() for own in optimizer.variables]


OPTIMIZERS = {"lbfgs": lbfgs, "adam": adam}
