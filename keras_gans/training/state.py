"""Save and load model state that Keras does not save.

Keras saves neither metrics nor random states. Without metrics a resumed run
would lose the part of a log row before the checkpoint; without random states
dropout, pools and drawn labels would restart their random sequences.
"""

import keras


def prefix(player):
    """Return the log prefix of a player: `latent_critic` -> `lc`."""
    return "".join(word[0] for word in player.split("_"))


def make_trackers(terms):
    """Return a mean for each player's loss and each of its terms, by name."""
    return {
        name: keras.metrics.Mean(name=name)
        for player, own in terms.items()
        for name in (f"{prefix(player)}_{term}" for term in ("loss", *own))
    }


def own_state(model):
    """Return the additional variables to save with a `BaseModel`, by name."""
    random_states = (
        v for v in model.variables if v.name == "seed_generator_state"
    )
    return (
        model.counters
        | {f"random_{i}": v for i, v in enumerate(random_states)}
        | _begun_at_zero(model)
    )


def _begun_at_zero(model):
    """Return the means of losses and the averages of weights, by name."""
    means = {
        f"{name}_{variable.name}": variable
        for name, tracker in model.trackers.items()
        for variable in tracker.variables
    }
    return means | (model.averages.state if model.averages else {})


def save(model, store):
    """Write a model's own state into a store of Keras."""
    for name, variable in own_state(model).items():
        store[name] = variable.numpy()


def load(model, store):
    """Read a model's own state from a Keras store.

    Averages and means of losses that the saved model, maybe of an earlier
    version, did not have begin at zero; so do all averages if those of the
    file are of other weights, such as of layers that were frozen.
    """
    missing = set(_begun_at_zero(model)) - set(store.keys())
    averages = model.averages.state if model.averages else {}
    stored = {name for name in store.keys() if name.startswith("average_")}
    if stored != {*averages} or any(
        tuple(store[name].shape) != tuple(variable.shape)
        for name, variable in averages.items()
    ):
        missing |= {*averages}
    for name, variable in own_state(model).items():
        variable.assign(
            keras.ops.zeros_like(variable) if name in missing else store[name]
        )
