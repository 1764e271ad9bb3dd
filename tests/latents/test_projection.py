"""The search for latents: its schedules, its optimizers, its independence."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.checks import UserError
from keras_gans.latents import projection
from keras_gans.latents.projection import nearest_start, project

RNG = np.random.default_rng(0)
MAP = RNG.normal(size=(4, 12)).astype("float32")
LATENTS = RNG.normal(size=(5, 4)).astype("float32")
STARTS = RNG.normal(size=(5, 7, 4)).astype("float32")
PLAIN = {"optimizer": "momentum", "momentum": 0.0, "ramp_up": 0, "ramp_down": 0}


def distance(latents, targets):
    return tf.reduce_mean((latents @ MAP - targets) ** 2, axis=-1)


def total(latents):
    return tf.reduce_sum(latents, axis=-1)


@pytest.mark.parametrize("optimizer", projection.OPTIMIZERS)
def test_known_latents_are_found(optimizer):
    rate = 0.1 if optimizer == "adam" else 0.02
    found = project(
        distance,
        STARTS,
        inputs=[LATENTS @ MAP],
        steps=200,
        learning_rate=rate,
        optimizer=optimizer,
    )
    np.testing.assert_allclose(found.latents, LATENTS, atol=1e-3)
    assert found.curve.shape == (200, 5)
    assert np.max(found.losses) < 1e-5 < np.min(found.curve[0])


def test_search_starts_from_the_best_candidate():
    targets = LATENTS @ MAP
    all_losses = np.stack([distance(STARTS[:, i], targets) for i in range(7)])
    best = STARTS[np.arange(5), all_losses.argmin(axis=0)]
    found = project(distance, STARTS, inputs=[targets], steps=0)
    np.testing.assert_array_equal(found.latents, best)
    np.testing.assert_allclose(found.losses, all_losses.min(axis=0), 1e-6)
    assert found.curve.shape == (0, 5)


def test_start_whose_objective_is_not_a_number_is_not_chosen():
    starts = np.array([[[-1.0], [4.0], [9.0]]])
    root = nearest_start(lambda z: tf.sqrt(z[:, 0]), starts)
    np.testing.assert_array_equal(root, [[4.0]])


def test_learning_rate_rises_and_falls():
    """Numbers of the published schedule, worked out by hand."""
    settings = {**PLAIN, "ramp_up": 0.25, "ramp_down": 0.5, "keep": "last"}
    found = project(
        total, np.zeros((1, 1, 1)), steps=8, learning_rate=2.0, **settings
    )
    positions = np.append(found.curve[:, 0], found.losses)
    half = 0.5 * (1 - math.cos(0.75 * math.pi))
    rest = 0.5 * (1 - math.cos(0.25 * math.pi))
    expected = [0.0, 0.5, 1.0, 1.0, 1.0, half, 0.5, rest]
    np.testing.assert_allclose(-np.diff(positions) / 2, expected, atol=1e-6)


def test_adam_is_that_of_keras():
    variable = tf.Variable(STARTS[:, 0])
    optimizer = keras.optimizers.Adam(0.1, epsilon=1e-8)
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(distance(variable, LATENTS @ MAP))
        optimizer.apply([tape.gradient(loss, variable)], [variable])
    found = project(
        distance,
        STARTS[:, :1],
        inputs=[LATENTS @ MAP],
        steps=20,
        ramp_up=0,
        ramp_down=0,
        keep="last",
    )
    np.testing.assert_allclose(found.latents, variable, atol=1e-5)


def test_noise_fades_and_the_best_is_what_was_evaluated():
    settings = {**PLAIN, "learning_rate": 0.0, "steps": 40}
    settings |= {"noise": 0.5, "noise_until": 0.5}
    zeros = np.zeros((2, 1, 3))
    found = project(total, zeros, keep="last", **settings)
    assert not np.any(found.latents)
    assert np.std(found.curve[:10]) > 4 * np.std(found.curve[10:20]) > 0
    assert not np.any(found.curve[20:])
    best = project(total, zeros, **settings)
    np.testing.assert_array_equal(best.losses, np.min(found.curve, axis=0))
    np.testing.assert_allclose(total(best.latents), best.losses, 1e-6)
    other = project(total, zeros, seed=1, **settings)
    assert np.all(np.abs(other.curve[:10] - found.curve[:10]) > 0)


def test_rows_know_nothing_of_one_another():
    targets, settings = LATENTS @ MAP, {"steps": 60, "noise": 0.1}
    together = project(distance, STARTS, inputs=[targets], **settings)
    again = project(distance, STARTS, inputs=[targets], **settings)
    for one, other in zip(together, again, strict=True):
        np.testing.assert_array_equal(one, other)
    alone = project(distance, STARTS[3:4], inputs=[targets[3:4]], **settings)
    np.testing.assert_allclose(alone.latents[0], together.latents[3], atol=1e-6)
    np.testing.assert_allclose(alone.curve[:, 0], together.curve[:, 3], 1e-5)


def test_momentum_steps_are_those_of_contextual_gan(reference):
    """The published search, given the gradients that it had."""
    arrays = reference("stext2image_completion")
    config = arrays.meta["config"]
    candidates = arrays["init/z_candidates"].swapaxes(0, 1)
    kl = arrays["init/kl"].T

    def ranked(latents):
        is_same = tf.reduce_all(latents[:, None] == candidates, axis=-1)
        return tf.reduce_sum(tf.where(is_same, kl, 0.0), axis=-1)

    chosen = nearest_start(ranked, candidates)
    np.testing.assert_array_equal(chosen, arrays["init/z_chosen"])

    gradients, losses = arrays["loop/grad_z"], arrays["loop/total"]
    for steps in (1, 3, 10):
        done = tf.Variable(-1)

        def recorded(latents, done=done):
            step = tf.minimum(done.assign_add(1), 9)
            move = latents - tf.stop_gradient(latents)
            slope = tf.gather(gradients, step)
            return tf.gather(losses, step) + tf.reduce_sum(move * slope, -1)

        found = project(
            recorded,
            chosen[:, None],
            steps=steps,
            learning_rate=config["lr"],
            optimizer="nesterov",
            momentum=config["momentum"],
            limit=1.0,
            ramp_up=0,
            ramp_down=0,
            keep="last",
        )
        arrays.assert_close(f"loop/z_after_{steps}", found.latents)
    arrays.assert_close("loop/total", found.curve)
    is_clipped = np.abs(found.latents) == 1.0
    assert is_clipped.sum() == arrays["loop/clipped_entries_after_10"] > 0


def test_progress_changes_nothing_and_may_stop():
    calls = []
    settings = {"inputs": [LATENTS @ MAP], "steps": 25, "noise": 0.1}
    whole = project(distance, STARTS, **settings)
    told = project(
        distance, STARTS, progress=lambda *now: calls.append(now), **settings
    )
    for one, other in zip(whole, told, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [step for step, _ in calls] == [10, 20, 25]
    for step, losses in calls:
        np.testing.assert_array_equal(losses, whole.curve[step - 1])
    stopped = project(
        distance,
        STARTS,
        progress=lambda step, losses: step < 8,
        progress_every=4,
        **settings,
    )
    np.testing.assert_array_equal(stopped.curve, whole.curve[:8])
    np.testing.assert_allclose(
        distance(stopped.latents, LATENTS @ MAP), stopped.losses, 1e-5
    )


def test_called_again_it_is_not_traced_again():
    traces = []

    def counted(latents, targets):
        traces.append(latents)
        return distance(latents, targets)

    project(counted, STARTS, inputs=[LATENTS @ MAP], steps=5)
    first = len(traces)
    project(counted, STARTS + 1, inputs=[LATENTS @ MAP + 1], steps=5)
    assert len(traces) == first > 0


def test_search_in_an_export_gives_the_same(tmp_path):
    module = tf.Module()
    module.search = tf.function(
        lambda starts, targets: (
            project(
                distance, starts, inputs=[targets], steps=30, noise=0.1
            ).latents
        ),
        [
            tf.TensorSpec([None, 7, 4], tf.float32),
            tf.TensorSpec([None, 12], tf.float32),
        ],
        autograph=False,
    )
    tf.saved_model.save(module, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    found = project(
        distance, STARTS, inputs=[LATENTS @ MAP], steps=30, noise=0.1
    )
    np.testing.assert_allclose(
        loaded.search(STARTS, LATENTS @ MAP), found.latents, atol=1e-5
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"objective": "distance"},
        {"starts": STARTS[0]},
        {"starts": "noise"},
        {"starts": STARTS * np.nan},
        {"starts": STARTS[:, :0]},
        {"steps": -1},
        {"learning_rate": math.inf},
        {"optimizer": "sgd"},
        {"momentum": 1.0},
        {"ramp_up": 1.5},
        {"ramp_down": "0.5"},
        {"noise": -0.1},
        {"noise_until": None},
        {"limit": 0},
        {"seed": -1},
        {"keep": "first"},
        {"progress": 3},
        {"progress_every": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_arguments(wrong):
    (name,) = wrong
    arguments = {"objective": total, "starts": STARTS, **wrong}
    with pytest.raises(UserError, match=f"^{name} must .*Received"):
        project(**arguments)


def test_wrong_objectives():
    with pytest.raises(UserError, match="loss of each row.*Received"):
        project(lambda z: tf.reduce_sum(z), STARTS)
    with pytest.raises(UserError, match="objective must have a gradient"):
        project(lambda z: tf.reduce_sum(tf.round(z), -1), STARTS)
    with pytest.raises(UserError, match="within a graph"):
        tf.function(lambda: project(total, STARTS, progress=print))()
