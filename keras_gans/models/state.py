"""What a model keeps beside its networks and optimizers.

Keras saves a model's weights, but not its metrics: a continued run would lose
the part of a log row that lies before the checkpoint. Nor does it save random
states: dropout, pools and drawn labels would draw anew.
"""

import keras


def make_trackers(generator_terms, discriminator_terms):
    """Return a mean for either player's loss and each of its terms, by name."""
    return {
        name: keras.metrics.Mean(name=name)
        for prefix, terms in (
            ("g", generator_terms),
            ("d", discriminator_terms),
        )
        for name in (f"{prefix}_loss", *(f"{prefix}_{t}" for t in terms))
    }


def own_state(model):
    """Return the variables to be saved with an `AdversarialModel`, by name."""
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
    )
