"""What DESIGN asks of every registered model, at a tiny size."""

import functools
import json
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import export, images, registry, verbs
from keras_gans.serving import signatures
from keras_gans.training import state
from tests.tiny import (
    TINY,
    TOYS,
    at_rest,
    fit,
    make_bare,
    make_batch,
    make_model,
    moved,
    values,
)

pytestmark = pytest.mark.parametrize(
    "name", sorted({*TINY, *TOYS, *registry.names()})
)


# For tests that train nothing.
untrained = functools.cache(make_bare)
# A graph of each is made elsewhere: by the command, by XLA, on replicas.
TRACED = ("cyclegan", "pix2pix", "stargan")


def test_compile_without_arguments_is_a_recipe_and_may_be_repeated(name):
    model = make_bare(name)
    model.compile()
    recipe = model.get_compile_config()
    model.compile()
    model.run_eagerly = name in TRACED
    assert json.dumps(model.get_compile_config()) == json.dumps(recipe)
    assert all(np.isfinite(v) for v in fit(model, make_batch(model)).values())


def test_single_batches_and_what_is_no_batch(name):
    model = make_model(name)
    batch = make_batch(model)
    used, *_ = model.terms
    before = values(model.variables_of(used))
    expected = model.test_on_batch(batch, return_dict=True)
    logs = model.train_on_batch(batch, return_dict=True)
    assert {*logs} == {*expected} == {*fit(make_model(name), batch)}
    assert all(moved(before, model.variables_of(used)))
    for wrong in (next(iter(batch.values())), {"x": 1}):
        with pytest.raises(ValueError, match="batch must be a dict with"):
            model.train_step(wrong)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_keeps_weights_pictures_and_losses_whole(
    name, precision
):
    keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        model = make_model(name)
    finally:
        keras.config.set_dtype_policy("float32")
    batch = make_batch(model)
    assert all(np.isfinite(v) for v in fit(model, batch).values())
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    for player in model.players:
        is_scaled = isinstance(
            model.optimizer_of(player), keras.optimizers.LossScaleOptimizer
        )
        assert is_scaled == (precision == "float16")
    for grid in model.samples(batch).values():
        assert all(c.images.dtype == "float32" for c in grid.columns)


def test_config_is_plain_json_and_rebuilds(name):
    model = untrained(name)
    config = json.loads(json.dumps(model.get_config()))
    rebuilt = type(model).from_config(config)
    assert rebuilt.get_config() == model.get_config()
    assert [v.shape for v in rebuilt.weights] == [
        v.shape for v in model.weights
    ]


def test_each_player_moves_only_its_own_weights(name):
    for still in (players := list(untrained(name).terms)):
        model = make_model(name, **{f"{still}_optimizer": at_rest()})
        assert [*model.players] == players
        before = {p: values(model.variables_of(p)) for p in players}
        logs = fit(model, make_batch(model))
        for player in players:
            variables = getattr(model, f"{player}_variables")
            found = moved(before[player], variables)
            assert not any(found) if player == still else all(found)
        assert all(np.isfinite(value) for value in logs.values())
        assert int(model.step) == 1
    known = {id(v) for p in players for v in model.variables_of(p)}
    assert known == {id(v) for v in model.trainable_variables}


def test_test_step_moves_nothing(name):
    model = make_model(name)
    trackers = {id(v) for metric in model.metrics for v in metric.variables}
    still = [v for v in model.variables if id(v) not in trackers]
    before = values(still)
    dataset = tf.data.Dataset.from_tensors(make_batch(model))
    logs = model.evaluate(dataset, verbose=0, return_dict=True)
    assert {f"{state.prefix(p)}_loss" for p in model.terms} <= {*logs}
    assert not any(moved(before, still))


def test_the_objective_is_the_weighted_sum_of_the_terms(name):
    model = make_model(name)
    terms = model.terms
    # Each its own, so that no mistake makes up for another.
    weights = {
        term: (2.0 + 0.7 * number) * (weight > 0)
        for number, (term, weight) in enumerate(model.loss_weights.items())
    }
    model.compile(loss_weights=weights, run_eagerly=True)
    logs = fit(model, make_batch(model))
    for player, names in terms.items():
        prefix = state.prefix(player)
        np.testing.assert_allclose(
            logs[f"{prefix}_loss"],
            sum(weights[t] * logs.get(f"{prefix}_{t}", 0.0) for t in names),
            rtol=1e-4,
            atol=1e-4,
        )
        for term in names:
            assert (f"{prefix}_{term}" in logs) == (weights[term] > 0)


@pytest.mark.parametrize("first", [0, 1])
def test_terms_of_weight_zero_are_dropped(name, first):
    model = make_model(name)
    weights = dict(model.loss_weights)
    for term in list(filter(weights.get, weights))[first::2]:
        tried = weights | {term: 0.0}
        # Each player keeps one.
        if all(any(map(tried.get, terms)) for terms in model.terms.values()):
            weights = tried
    model.compile(loss_weights=weights, run_eagerly=True)
    logs = fit(model, make_batch(model))
    assert all(np.isfinite(value) for value in logs.values())
    for player, terms in model.terms.items():
        for term in terms:
            shown = f"{state.prefix(player)}_{term}" in logs
            assert shown == (weights[term] > 0)


def test_bad_loss_weights_and_losses_are_named(name):
    model = untrained(name)
    with pytest.raises(ValueError, match="loss_weights must have keys.*cylce"):
        model.compile(loss_weights={"cylce": 1.0})
    terms = next(iter(model.terms.values()))
    with pytest.raises(ValueError, match="finite number from 0 up.*-1"):
        model.compile(loss_weights={terms[0]: -1.0})
    for value in ("5", None, True, float("nan"), float("inf"), 10**400, [1]):
        with pytest.raises(ValueError, match="finite number from 0 up"):
            model.compile(loss_weights={terms[0]: value})
    for value in ("{cycle: 5}", 5, 0, [], [("cycle", 5)], "", {"cycle"}):
        with pytest.raises(ValueError, match="loss_weights must be a dict"):
            model.compile(loss_weights=value)
    with pytest.raises(ValueError, match="weight above 0 among"):
        model.compile(loss_weights=dict.fromkeys(terms, 0.0))
    with pytest.raises(ValueError, match="adversarial_loss.*wgan"):
        model.compile(adversarial_loss="wgan")


def test_save_and_load_keep_outputs_and_all_optimizers(name, tmp_path):
    model = make_model(name)
    batch = make_batch(model)
    fit(model, batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for player in model.players:
        expected = values(model.optimizer_of(player).variables)
        assert len(expected) > 2
        for old, new in zip(
            expected, loaded.optimizer_of(player).variables, strict=True
        ):
            np.testing.assert_array_equal(old, new.numpy())
    assert loaded.loss_weights == model.loss_weights
    assert int(loaded.step) == 1
    samples = loaded.samples(batch)
    for name, grid in model.samples(batch).items():
        for old, new in zip(grid.columns, samples[name].columns, strict=True):
            np.testing.assert_array_equal(old.images, new.images)
    assert fit(loaded, batch) == fit(model, batch)


def test_exported_and_reloaded_gives_the_same_pixels(name, tmp_path):
    model = make_model(name)
    rng = np.random.default_rng(0)
    size = model.image_size
    pictures = rng.integers(0, 256, (3, size, size, 3), dtype="uint8")
    path = export.export(model, tmp_path / name, pictures)
    assert path == tmp_path / name / "1"
    loaded = tf.saved_model.load(path)
    names = {verb.name for verb in model.verbs()}
    encoded = {f"{name}_encoded" for name in names}
    seeded = {
        f"{verb.name}_from_seeds"
        for verb in model.verbs()
        if verb.input(verbs.Latents)[1]
    }
    expected = names | encoded | seeded | {"serving_default"}
    assert set(loaded.signatures) == expected
    other = rng.integers(0, 256, (2, 45, 50, 3), dtype="uint8")
    for verb in model.verbs():
        extra = signatures.sample_inputs(verb, 3)
        key, kind = verb.input(verbs.Images)
        floats = {key: images.to_float(pictures)} if kind else {}
        expected = verb.function(**floats, **extra)
        if not verb.output:
            expected = images.to_uint8(expected)
        served = loaded.signatures[verb.name]
        pixels = {key: tf.constant(pictures)} if kind else {}
        actual = served(**pixels, **extra)
        actual = actual[verb.output_key]
        if verb.output:
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
        else:
            np.testing.assert_array_equal(actual, expected)
        if kind:
            extra = {name: rows[:2] for name, rows in extra.items()}
            outputs = served(**{key: tf.constant(other)}, **extra)
            if verb.output:
                shape = outputs[verb.output_key].shape
                assert shape == (2, *expected.shape[1:])
                continue
            assert outputs["images"].shape == other.shape
            assert outputs["images"].dtype == tf.uint8


def test_readme_lists_its_signatures(name):
    readme = pathlib.Path(__file__).parents[2] / "saved_models/README.md"
    rows = [
        re.findall("`(.*?)`", line)
        for line in readme.read_text().splitlines()
        if line.startswith(f"| `{name.split('-')[0]}` |")
    ]
    model = untrained(name)
    names = [verb.name for verb in model.verbs()]
    inputs = [n for n in model.verbs()[0].inputs if n != "images"]
    encoded = [f"{one}_encoded" for one in names]
    row = [name.split("-")[0], *names, *inputs, *encoded, *inputs]
    if "latents" in inputs:
        seeded = [f"{one}_from_seeds" for one in names]
        row += [*seeded, *("seeds" if n == "latents" else n for n in inputs)]
    assert (row in rows) == (name not in TOYS)


def test_eager_graph_and_xla_agree(name):
    expected = None
    for arguments in (
        {"run_eagerly": True},
        {"run_eagerly": False, "jit_compile": False},
        {"run_eagerly": False, "jit_compile": True},
    ):
        model = make_model(name, **arguments)
        logs = fit(model, make_batch(model), steps=2)
        expected = expected or logs
        for term, value in logs.items():
            np.testing.assert_allclose(
                value, expected[term], rtol=2e-3, err_msg=f"{term} {arguments}"
            )


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_two_replicas_agree_with_one(name, mode, two_replicas):
    one, two = two_replicas(f"models {name} {mode}")
    assert one.keys() == two.keys()
    for term in one:
        np.testing.assert_allclose(
            one[term], two[term], rtol=2e-3, err_msg=term
        )
