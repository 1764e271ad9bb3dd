"""Update one player: tape, loss scaling, gradients, optimizer."""

import functools

import keras
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.optimizers import rows_moved


def record(model, network, *inputs):
    """Run a training pass whose gradients are used by a later update.

    For updating the discriminator on this step's fakes before the generator.

    Returns:
        `(outputs, tape)`, for `recorded` of `update`.
    """
    network = functools.partial(network, training=True)
    with tf.GradientTape() as tape:
        outputs = _compiled_replica(model, network)(*inputs)
    return outputs, tape


def update(model, player, terms_function, args, recorded=None):
    """Compute a player's terms under a tape and apply their gradients.

    Args:
        model: a compiled `BaseModel`.
        player: str, its name.
        terms_function: called on `args` with `training=True`; returns the
            named terms and other outputs.
        args: tensors.
        recorded: the result of `record`, or None. `terms_function` first gets
            the outputs of that pass, and gradients flow through it.

    Returns:
        The result of `terms_function`, without terms of weight 0.
    """
    optimizer = model.optimizer_of(player)
    variables = model.variables_of(player)
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
        return gradients, model.kept(terms), outputs

    gradients, terms, outputs = _compiled_replica(model, gradients_and_terms)(
        *args
    )
    if recorded is not None:
        gradients = passed_tape.gradient(passed, variables, gradients)
    if replicas > 1 and isinstance(
        optimizer, keras.optimizers.LossScaleOptimizer
    ):
        gradients = _all_or_none(gradients)
    optimizer.apply(gradients, variables)
    if model.averages and player == next(iter(model.terms)):
        model.averages.update(rows_moved(optimizer, gradients, variables))
    return terms, outputs


def _all_or_none(gradients):
    """Return gradients that are finite in all replicas, or in none.

    Keras asks the first replica alone whether to skip a step of float16, and
    then would apply what has overflown in another.
    """

    def values(gradient):
        is_sparse = isinstance(gradient, tf.IndexedSlices)
        return gradient.values if is_sparse else gradient

    are_finite = tf.reduce_all(
        [tf.reduce_all(tf.math.is_finite(values(one))) for one in gradients]
    )
    bad = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, tf.cast(~are_finite, tf.float32)
    )
    spoil = tf.where(bad > 0, float("nan"), 0.0)

    def spoiled(gradient):
        found = values(gradient) + tf.cast(spoil, gradient.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            return tf.IndexedSlices(
                found, gradient.indices, gradient.dense_shape
            )
        return found

    return [spoiled(gradient) for gradient in gradients]


def update_in_turn(model, player, terms_function, turns):
    """Take a step of a player for each turn; return the terms of the last.

    In a graph this is a loop, whose body is traced and optimized once. Not
    where turns differ in size, and not under a distribution strategy, whose
    sum of gradients TensorFlow refuses within a loop.

    Args:
        model, player, terms_function: as for `update`.
        turns: list of tuples of tensors, the `args` of each step.
    """
    alike = all(
        value.shape.is_fully_defined() and value.shape == first.shape
        for args in turns
        for value, first in zip(args, turns[0], strict=True)
    )
    if tf.executing_eagerly() or tf.distribute.has_strategy() or not alike:
        for args in turns:
            terms, _ = update(model, player, terms_function, args)
        return terms
    terms = tf.map_fn(
        lambda args: update(model, player, terms_function, args)[0],
        tuple(tf.stack(values) for values in zip(*turns, strict=True)),
        fn_output_signature={
            name: tf.float32
            for name in model.terms[player]
            if model.loss_weights[name]
        },
        parallel_iterations=1,
    )
    return {name: values[-1] for name, values in terms.items()}


def scaled(optimizer, policy):
    """Wrap an optimizer as `keras.Model.compile` does for float16."""
    if policy.name != "mixed_float16" or isinstance(
        optimizer, keras.optimizers.LossScaleOptimizer
    ):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def check_optimizers(model, given):
    """Check the optimizers given to `compile` and create them.

    Args:
        model: a `BaseModel`.
        given: dict from argument to an optimizer, its name, its config, or
            None.

    Returns:
        dict from argument to `keras.optimizers.Optimizer` or None.

    Raises:
        UserError: if one is invalid, used twice or used by another model.
    """
    made = {}
    for name, identifier in given.items():
        try:
            made[name] = keras.optimizers.get(identifier)
        # Keras looks a name up as anything that can be read.
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{name} must be a keras.optimizers.Optimizer, its name or "
                f"its config. Received: {identifier!r}"
            ) from error
    seen = {}
    for name, optimizer in made.items():
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if optimizer is None:
            continue
        other = seen.setdefault(id(optimizer), name)
        if other != name:
            raise UserError(
                f"{other} and {name} must be two instances, as each keeps the "
                "state of its player's weights. "
                f"Received: {optimizer!r} twice"
            )
        variables = model.variables_of(name.removesuffix("_optimizer"))
        known = getattr(optimizer, "_trainable_variables", variables)
        if [*map(id, known)] != [*map(id, variables)] and optimizer.built:
            raise UserError(
                f"{name} must be new: it keeps the state of the weights of "
                f"another model or player. Received: {optimizer!r}"
            )
    return made


def _compiled_replica(model, function):
    """Compile the computation of one of several replicas with XLA."""
    if not model.jit_replica:
        return function
    return tf.function(function, jit_compile=True)
