"""What DESIGN asks of every registered model, at a tiny size."""

import json
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import export, images, registry

# The smallest arguments of each model; the batch follows from `data_kind`.
# Another architecture of a model is a case `model-architecture`.
TINY = {
    "cyclegan": {"image_size": 32, "base_filters": 4},
    "cyclegan-resnet": {
        "architecture": "resnet",
        "image_size": 24,
        "base_filters": 2,
        "num_residual_blocks": 1,
        "pool_size": 5,
    },
    "pix2pix": {"image_size": 32, "base_filters": 2},
    "stargan": {
        "image_size": 16,
        "labels": ["Black_Hair", "Blond_Hair", "Male"],
        "base_filters": 2,
        "num_residual_blocks": 0,
        "num_discriminator_layers": 2,
        "critic_steps": 2,
    },
}
OPTIONAL_TERMS = {"cyclegan": {"identity": 5.0}}
BATCH_KEYS = {
    "unpaired": ("images_a", "images_b"),
    "paired": ("images_a", "images_b"),
    "labelled": ("images",),
}


def make_batch(model, size=4, seed=0):
    rng = np.random.default_rng(seed)
    shape = (size, model.image_size, model.image_size, 3)
    batch = {
        key: rng.uniform(-1, 1, shape).astype("float32")
        for key in BATCH_KEYS[model.data_kind]
    }
    if model.data_kind == "labelled":
        batch |= make_labels(model.label_table, size)
    return batch


def make_labels(table, size):
    """One label each, of the data sets in turn; the mask where there is one."""
    sets = np.arange(size) % table.num_sets
    labels = np.zeros((size, len(table.names)), "float32")
    for row, index in enumerate(sets):
        start, stop = table.ranges[index]
        labels[row, start + row // table.num_sets % (stop - start)] = 1.0
    mask = np.eye(table.num_sets, dtype="float32")[sets]
    return {"labels": labels} | ({"mask": mask} if table.num_sets > 1 else {})


def make_bare(name):
    """Make a model that is not compiled."""
    return registry.get(name.split("-")[0])(**TINY[name])


def make_model(name, seed=0, run_eagerly=True, **compile_arguments):
    """Make a compiled model; eager, which spares tiny models the tracing."""
    keras.utils.set_random_seed(seed)
    model = make_bare(name)
    compile_arguments.setdefault("loss_weights", OPTIONAL_TERMS.get(name))
    model.compile(run_eagerly=run_eagerly, **compile_arguments)
    return model


def fit(model, batch, steps=1):
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    history = model.fit(
        dataset, steps_per_epoch=steps, verbose=0, shuffle=False
    )
    return {name: values[-1] for name, values in history.history.items()}


def at_rest():
    """An optimizer that moves nothing."""
    return keras.optimizers.SGD(0.0)


def values(variables):
    return [variable.numpy().copy() for variable in variables]


def moved(before, variables):
    return [
        not np.array_equal(old, variable.numpy())
        for old, variable in zip(before, variables, strict=True)
    ]


pytestmark = pytest.mark.parametrize("name", sorted({*TINY, *registry.names()}))


def test_compile_without_arguments_is_a_recipe_and_may_be_repeated(name):
    model = make_bare(name)
    model.compile()
    recipe = model.get_compile_config()
    model.compile()
    assert json.dumps(model.get_compile_config()) == json.dumps(recipe)
    assert all(np.isfinite(v) for v in fit(model, make_batch(model)).values())


def test_single_batches_and_what_is_no_batch(name):
    model = make_model(name)
    batch = make_batch(model)
    before = values(model.generator_variables)
    expected = model.test_on_batch(batch, return_dict=True)
    logs = model.train_on_batch(batch, return_dict=True)
    assert {*logs} == {*expected} == {*fit(make_model(name), batch)}
    assert all(moved(before, model.generator_variables))
    for wrong in (batch["images" + "_a" * ("images" not in batch)], {"x": 1}):
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
    for attribute in ("generator_optimizer", "discriminator_optimizer"):
        is_scaled = isinstance(
            getattr(model, attribute), keras.optimizers.LossScaleOptimizer
        )
        assert is_scaled == (precision == "float16")
    for columns in model.samples(batch).values():
        assert all(column.dtype == "float32" for column in columns)


def test_config_is_plain_json_and_rebuilds(name):
    model = make_bare(name)
    config = json.loads(json.dumps(model.get_config()))
    rebuilt = type(model).from_config(config)
    assert rebuilt.get_config() == model.get_config()
    assert [v.shape for v in rebuilt.weights] == [
        v.shape for v in model.weights
    ]


def test_each_player_moves_only_its_own_weights(name):
    for still in ("generator", "discriminator"):
        model = make_model(name, **{f"{still}_optimizer": at_rest()})
        other = {"generator": "discriminator"}.get(still, "generator")
        mine = getattr(model, f"{other}_variables")
        theirs = getattr(model, f"{still}_variables")
        before_mine, before_theirs = values(mine), values(theirs)
        logs = fit(model, make_batch(model))
        assert all(moved(before_mine, mine))
        assert not any(moved(before_theirs, theirs))
        assert all(np.isfinite(value) for value in logs.values())
        assert int(model.step) == 1
    players = {
        id(v) for v in model.generator_variables + model.discriminator_variables
    }
    assert players == {id(v) for v in model.trainable_variables}


def test_test_step_moves_nothing(name):
    model = make_model(name)
    trackers = {id(v) for metric in model.metrics for v in metric.variables}
    state = [v for v in model.variables if id(v) not in trackers]
    before = values(state)
    dataset = tf.data.Dataset.from_tensors(make_batch(model))
    logs = model.evaluate(dataset, verbose=0, return_dict=True)
    assert {"g_loss", "d_loss"} <= set(logs)
    assert not any(moved(before, state))


def test_doubling_a_weight_adds_exactly_that_term(name):
    def still(**arguments):
        # The player who comes second would meet a first that has moved.
        return make_model(
            name,
            generator_optimizer=at_rest(),
            discriminator_optimizer=at_rest(),
            **arguments,
        )

    base = still()
    batch = make_batch(base)
    logs = fit(base, batch)
    for term, weight in base.loss_weights.items():
        weights = {**base.loss_weights, term: 2 * weight}
        doubled = fit(still(loss_weights=weights), batch)
        for player in "gd":
            extra = weight * logs.get(f"{player}_{term}", 0.0)
            np.testing.assert_allclose(
                doubled[f"{player}_loss"] - logs[f"{player}_loss"],
                extra,
                rtol=1e-4,
                atol=1e-4,
                err_msg=f"{player}: {term}",
            )


def test_term_of_weight_zero_is_not_computed(name):
    model = make_model(name)
    for term in model.generator_terms:
        weights = {**model.loss_weights, term: 0.0}
        logs = fit(make_model(name, loss_weights=weights), make_batch(model))
        assert f"g_{term}" not in logs


def test_bad_loss_weights_and_losses_are_named(name):
    model = make_bare(name)
    with pytest.raises(ValueError, match="loss_weights must have keys.*cylce"):
        model.compile(loss_weights={"cylce": 1.0})
    with pytest.raises(ValueError, match="finite number from 0 up.*-1"):
        model.compile(loss_weights={model.generator_terms[0]: -1.0})
    for value in ("5", None, True, float("nan"), float("inf"), 10**400, [1]):
        with pytest.raises(ValueError, match="finite number from 0 up"):
            model.compile(loss_weights={model.generator_terms[0]: value})
    for value in ("{cycle: 5}", 5, 0, [], [("cycle", 5)], "", {"cycle"}):
        with pytest.raises(ValueError, match="loss_weights must be a dict"):
            model.compile(loss_weights=value)
    with pytest.raises(ValueError, match="weight above 0 among"):
        model.compile(loss_weights=dict.fromkeys(model.generator_terms, 0.0))
    with pytest.raises(ValueError, match="adversarial_loss.*wgan"):
        model.compile(adversarial_loss="wgan")


def test_save_and_load_keep_outputs_and_both_optimizers(name, tmp_path):
    model = make_model(name)
    batch = make_batch(model)
    fit(model, batch, steps=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for attribute in ("generator_optimizer", "discriminator_optimizer"):
        expected = values(getattr(model, attribute).variables)
        assert len(expected) > 2
        for old, new in zip(
            expected, getattr(loaded, attribute).variables, strict=True
        ):
            np.testing.assert_array_equal(old, new.numpy())
    assert loaded.loss_weights == model.loss_weights
    assert int(loaded.step) == 2
    samples = loaded.samples(batch)
    for kind, columns in model.samples(batch).items():
        np.testing.assert_array_equal(samples[kind], columns)
    assert fit(loaded, batch) == fit(model, batch)


def test_exported_and_reloaded_gives_the_same_pixels(name, tmp_path):
    model = make_model(name)
    rng = np.random.default_rng(0)
    size = model.image_size
    pictures = rng.integers(0, 256, (3, size, size, 3), dtype="uint8")
    path = export.export(model, tmp_path / name, pictures)
    assert path == tmp_path / name / "1"
    loaded = tf.saved_model.load(path)
    verbs = set(model.serving_signatures())
    encoded = {f"{verb}_encoded" for verb in verbs}
    assert set(loaded.signatures) == verbs | encoded | {"serving_default"}
    for signature, function in model.serving_signatures().items():
        extra = {
            key: tf.constant(rng.integers(0, 2, (3, spec.shape[1])), spec.dtype)
            for key, spec in model.serving_inputs.items()
        }
        floats = images.to_float(pictures)
        expected = images.to_uint8(function(floats, *extra.values()))
        served = loaded.signatures[signature]
        actual = served(images=tf.constant(pictures), **extra)
        np.testing.assert_array_equal(actual["images"], expected)
        other = rng.integers(0, 256, (2, 45, 50, 3), dtype="uint8")
        extra = {key: value[:2] for key, value in extra.items()}
        outputs = served(images=tf.constant(other), **extra)
        assert outputs["images"].shape == other.shape
        assert outputs["images"].dtype == tf.uint8


def test_readme_lists_its_signatures(name):
    readme = pathlib.Path(__file__).parents[2] / "README.md"
    rows = [
        re.findall("`(.*?)`", line)
        for line in readme.read_text().splitlines()
        if line.startswith(f"| `{name.split('-')[0]}` |")
    ]
    model = make_bare(name)
    verbs = list(model.serving_signatures())
    inputs = list(model.serving_inputs)
    encoded = [f"{verb}_encoded" for verb in verbs]
    assert [name.split("-")[0], *verbs, *inputs, *encoded, *inputs] in rows


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


def test_two_replicas_agree_with_one(name):
    # Logical devices can only be made before TensorFlow starts.
    process = subprocess.run(
        [sys.executable, "-m", "tests.models.two_replicas", name],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    one, *two = json.loads(process.stdout.splitlines()[-1])
    assert len(two) == 2  # graph and XLA
    for logs in two:
        assert one.keys() == logs.keys()
        for term in one:
            np.testing.assert_allclose(
                one[term], logs[term], rtol=2e-3, err_msg=term
            )
