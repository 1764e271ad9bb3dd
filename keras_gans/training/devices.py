"""Choose the devices and machines of a run and keep them in agreement.

The strategies are TensorFlow's own: a model is built under `scope()`, Keras'
`fit` does the rest, and the optimizers sum the gradients. This module holds
what TensorFlow and Keras leave to the caller.
"""

import functools
import json
import logging
import os
import time

import numpy as np

from keras_gans.checks import UserError

logger = logging.getLogger("keras_gans")


def has_fast_bfloat16():
    """Tell whether the CPU supports bfloat16, as reported by Linux."""
    try:
        with open("/proc/cpuinfo") as file:
            return "avx512_bf16" in file.read()
    except OSError:
        return False


def fastest_precision(strategy):
    """Return `"bfloat16"` or `"float32"`, and why, in one line.

    bfloat16 where the GPU or the processor has it and a step of a strided
    convolution takes less time, on average over all workers.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        has_it = details.get("compute_capability", (0, 0)) >= (8, 0)
    else:
        has_it = has_fast_bfloat16()
    (everywhere,) = means(strategy, float(has_it))
    if everywhere < 1.0:
        return "float32", "the hardware has no fast bfloat16"
    half, full = means(strategy, *map(_step_seconds, (tf.bfloat16, tf.float32)))
    fastest = "bfloat16" if half < full else "float32"
    why = f"a convolution's step takes {1e3 * half:.0f} ms in bfloat16, "
    return fastest, f"{why}{1e3 * full:.0f} ms in float32"


def _step_seconds(dtype):
    """Measure a convolution and its gradients: the best of five."""
    import tensorflow as tf

    images = tf.ones([16, 32, 32, 64], dtype)
    kernel = tf.ones([4, 4, 64, 128], dtype)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch((images, kernel))
            outputs = tf.nn.conv2d(images, kernel, 2, "SAME")
        return tape.gradient(outputs, (images, kernel))

    seconds = []
    for _ in range(6):  # the first of which is traced
        start = time.perf_counter()
        step()[1].numpy()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def demonstration_steps(bfloat16, float32):
    """Return settings of a short run: more steps where bfloat16 is fast.

    Args:
        bfloat16, float32: int, steps of either.
    """
    if has_fast_bfloat16():
        return {"steps": bfloat16, "precision": "auto"}
    return {"steps": float32}


def make(name, batch_size):
    """Return the `tf.distribute.Strategy` for a run.

    It must be created before TensorFlow computes anything.

    Args:
        name: `"none"`; `"mirrored"`, all GPUs of this machine, or without one
            all its logical CPUs; `"multiworker"`, the machines in the
            environment variable `TF_CONFIG`; or `"auto"`, mirrored if there
            is more than one GPU, on as many as the batch can be shared by.
        batch_size: int, images of a batch, over all replicas.

    Returns:
        `tf.distribute.Strategy`; for `"none"` the default one.

    Raises:
        UserError: if `TF_CONFIG` does not describe the workers, or the
            replicas cannot share the batch evenly.
    """
    import tensorflow as tf

    if name == "multiworker":
        _check_workers(os.environ.get("TF_CONFIG"))
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        gpus = tf.config.list_logical_devices("GPU")
        if name == "auto":
            most = len(gpus)
            shares = [n for n in range(1, most + 1) if batch_size % n == 0]
            gpus = gpus[: max(shares, default=0)]
            if len(gpus) < most:
                logger.warning(
                    "%d of %d GPUs share a batch of %d: a --batch-size that is "
                    "a multiple of %d would use all",
                    *(len(gpus), most, batch_size, most),
                )
        if name == "none" or (name == "auto" and len(gpus) < 2):
            return tf.distribute.get_strategy()
        devices = gpus or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([d.name for d in devices])
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(
            f"batch_size must be a multiple of the {replicas} replicas that "
            f"share a batch. Received: {batch_size}"
        )
    return strategy


def _check_workers(text):
    """Check `TF_CONFIG`, for better errors than TensorFlow's."""
    try:
        config = json.loads(text or "")
        workers = config["cluster"]["worker"]
        task = config["task"]
        place = task["index"] if task["type"] == "worker" else -1
        if len(workers) > 1 and 0 <= place < len(workers):
            return
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(
        "TF_CONFIG must list two workers or more and say which one this is: "
        '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": '
        f'{{"type": "worker", "index": 0}}}}. Received: {text!r}'
    )


def is_multi_worker(strategy):
    """Tell whether other processes take part."""
    resolver = strategy.cluster_resolver
    return resolver is not None and bool(resolver.cluster_spec().as_dict())


def is_chief(strategy):
    """Tell whether this process is the chief, which writes files."""
    return (
        not is_multi_worker(strategy) or strategy.cluster_resolver.task_id == 0
    )


def means(strategy, *values):
    """Average numbers over all workers; each waits for the others.

    Args:
        strategy: `tf.distribute.Strategy`.
        *values: floats of this worker.

    Returns:
        list of float, the same on every worker.
    """
    if not is_multi_worker(strategy):
        return list(values)
    return _mean(strategy)(np.float64(values)).numpy().tolist()


@functools.cache
def _mean(strategy):
    import tensorflow as tf

    @tf.function
    def mean(numbers):
        def of_replica():
            context = tf.distribute.get_replica_context()
            here = tf.identity(numbers)  # on the replica's device
            return context.all_reduce(tf.distribute.ReduceOp.MEAN, here)

        results = strategy.run(of_replica)
        return strategy.experimental_local_results(results)[0]

    return mean


def check_agreement(strategy, name, value):
    """Check that all workers have the same number.

    Raises:
        UserError: on all workers, if not.
    """
    mean, of_squares = means(strategy, value, value**2)
    if mean**2 != of_squares:
        raise UserError(
            f"{name} must be the same on every worker: a run folder on a file "
            f"system that all of them share. Received here: {value}"
        )


def reason(error, strategy):
    """Describe the loss of another worker in one line, or return None.

    Args:
        error: exception from `fit`.
        strategy: the strategy of the run.
    """
    import tensorflow as tf

    lost = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
    )
    if not is_multi_worker(strategy) or not isinstance(error, lost):
        return None
    return (
        "another worker cannot be reached any more; start all of them again "
        "with the same command, and the run continues from its last "
        "checkpoint"
    )
