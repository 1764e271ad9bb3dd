"""What a model keeps beside its networks and optimizers.

Keras saves a model's weights, but not its metrics: a continued run would lose
the part of a log row that lies before the checkpoint. Nor does it save random
states: dropout, pools and drawn labels would draw anew.
"""

import keras


def prefix(player):
    """Return what the logs of a player begin with: `latent_critic` -> `lc`."""
    return "".join(word[0] for word in player.split("_"))


def make_trackers(terms):
    """Return a mean for each player's loss and each of its terms, by name."""
    return {
        name: keras.metrics.Mean(name=name)
        for player, own in terms.items()
        for name in (f"{prefix(player)}_{term}" for term in ("loss", *own))
    }


def own_state(model):
    """Return the variables to be saved with a `BaseModel`, by name."""
    means = {
        f"{name}_{variable.name}": variable
        for name, tracker in model.trackers.items()
        for variable in tracker.variables
    }
    random_states = (
        v for v in model.variables if v.name == "seed_generator_state"
    )
    return (
        {"step": model.step}
        | means
        | {f"random_{i}": v for i, v in enumerate(random_states)}
        | _of_options(model)
    )


def _of_options(model):
    """Return the variables that options of `compile()` have made."""
    options = filter(None, (model.averages, model.augmentation))
    return {name: v for option in options for name, v in option.state.items()}


def save(model, store):
    """Write a model's own state into a store of Keras."""
    for name, variable in own_state(model).items():
        store[name] = variable.numpy()


def load(model, store):
    """Read a model's own state from a store of Keras.

    An option that the model which was saved did not have starts afresh.
    """
    missing = set(_of_options(model)) - set(store.keys())
    for name, variable in own_state(model).items():
        variable.assign(
            keras.ops.zeros_like(variable) if name in missing else store[name]
        )
