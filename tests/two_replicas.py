"""What is asked of two logical CPUs; several cases in one process.

`python -m tests.two_replicas CASE...` prints JSON: by case what it returned,
and the error where it failed.
"""

import importlib
import json
import sys
import traceback

# Those of the fast suite share one process.
FAST = (
    "metrics",
    "averages graph",
    "latents",
    "overflow",
    # Batch normalization, and shuffled labels.
    "models dcgan graph",
    "models stargan graph",
)
CASES = {
    "metrics": "tests.metrics.two_replicas",
    "averages": "tests.models.averages_of_replicas",
    "latents": "tests.latents_of_replicas",
    "overflow": "tests.models.overflow_of_replicas",
    "models": "tests.models.two_replicas",
}


def find(case, strategy):
    """Return what the function `find` of the case's module returns."""
    kind, *arguments = case.split()
    return importlib.import_module(CASES[kind]).find(strategy, *arguments)


def main(cases):
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    # One for all: each would count its reductions from the same number on.
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    results = {}
    for case in cases:
        try:
            results[case] = find(case, strategy), None
        except Exception:
            results[case] = None, traceback.format_exc()
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1:])
