"""One update of one player: tape, scaling, gradients, optimizer."""

import functools

import keras
import tensorflow as tf


def record(model, network, *inputs):
    """Make a training pass whose gradients a later update takes.

    Returns:
        `(outputs, tape)`, for `recorded` of `update`.
    """
    network = functools.partial(network, training=True)
    with tf.GradientTape() as tape:
        outputs = _compiled_replica(model, network)(*inputs)
    return outputs, tape


def update(model, player, terms_function, args, recorded=None):
    """Run a player's terms under a tape and apply their gradients once.

    Args:
        model: a compiled `AdversarialModel`.
        player: `"generator"` or `"discriminator"`.
        terms_function: called on `args` with `training=True`; returns the
            named terms and what else it has made.
        args: tensors.
        recorded: what `record` returned, or None. `terms_function` receives
            the outputs of that pass first, and the gradients go on through
            it.

    Returns:
        What `terms_function` returned.
    """
    optimizer = getattr(model, f"{player}_optimizer")
    variables = getattr(model, f"{player}_variables")
    # `optimizer.apply` sums over the replicas.
    replicas = model.distribute_strategy.num_replicas_in_sync
    passed, passed_tape = recorded or (None, None)
    args = args if recorded is None else (passed, *args)

    def gradients_and_terms(*args):
        with tf.GradientTape() as tape:
            if recorded is not None:
                tape.watch(args[0])
            terms, outputs = terms_function(*args, training=True)
            objective = model.weighted_sum(terms) / replicas
            objective = optimizer.scale_loss(objective)
        sources = (
            [variable.value for variable in variables]
            if recorded is None
            else args[0]
        )
        # A weight of 0 may leave a part of a network without a gradient.
        gradients = tape.gradient(
            objective,
            sources,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return gradients, terms, outputs

    gradients, terms, outputs = _compiled_replica(model, gradients_and_terms)(
        *args
    )
    if recorded is not None:
        gradients = passed_tape.gradient(passed, variables, gradients)
    optimizer.apply(gradients, variables)
    return terms, outputs


def scaled(optimizer, policy):
    """Wrap an optimizer as `keras.Model.compile` does for float16."""
    if policy.name != "mixed_float16" or isinstance(
        optimizer, keras.optimizers.LossScaleOptimizer
    ):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def _compiled_replica(model, function):
    """Let XLA compile what lies inside one of several replicas."""
    if not model.jit_replica:
        return function
    return tf.function(function, jit_compile=True)
