"""Average weights on two logical CPUs: by `graph` or `xla`.

Asserts that both replicas have the average worked out by hand.
"""

import numpy as np

from tests import tiny
from tests.models import test_averages


def find(strategy, mode):
    with strategy.scope():
        model = tiny.make_model(
            "dcgan",
            run_eagerly=False,
            jit_compile=mode == "xla",
            ema=test_averages.DECAY,
        )
    trained = test_averages.train(model, 6)
    averages = test_averages.by_hand(trained)
    for variable, expected in zip(
        model.generator_variables, averages, strict=True
    ):
        for copy in strategy.experimental_local_results(variable.value):
            np.testing.assert_allclose(
                copy.numpy(), expected, rtol=1e-5, atol=1e-7
            )
