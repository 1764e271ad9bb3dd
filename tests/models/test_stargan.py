"""StarGAN: its recipe, its steps, what it translates and refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import losses
from keras_gans.models.stargan import StarGAN
from keras_gans.optimizers import PyTorchAdam
from keras_gans.serving import signatures
from tests.networks.pytorch_reference import parameters

LABELS = ["Black_Hair", "Blond_Hair", "Male"]
JOINT = {
    "labels": [["Black_Hair", "Blond_Hair", "Male"], ["angry", "happy"]],
    "exclusive": [["Black_Hair", "Blond_Hair"], ["angry", "happy"]],
}


def tiny(**arguments):
    arguments = {
        "image_size": 16,
        "labels": LABELS,
        "base_filters": 2,
        "num_residual_blocks": 0,
        "num_discriminator_layers": 2,
        "critic_steps": 2,
        **arguments,
    }
    model = StarGAN(**arguments)
    model.compile(run_eagerly=True)
    return model


def images(count=4, size=16, seed=0):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.uniform(-1, 1, (count, size, size, 3)), "float32")


def batch(count=4):
    labels = np.eye(3, dtype="float32")[np.arange(count) % 3]
    return {"images": images(count), "labels": tf.constant(labels)}


def joint_batch(sets):
    """Labels 0 or 1 of the own data set, 0 of the other; and the mask."""
    labels = np.zeros((len(sets), 5), "float32")
    for row, index in enumerate(sets):
        labels[row, (row % 3, 3 + row % 2)[index]] = 1.0
    return {
        "images": images(len(sets)),
        "labels": tf.constant(labels),
        "mask": tf.one_hot(sets, 2),
    }


def test_defaults_are_the_published_recipe():
    model = StarGAN()
    assert [parameters(network) for network in model.networks] == [
        8_430_528,
        44_762_048,
    ]
    table = model.label_table
    assert table.names == (*table.groups[0], "Male", "Young")
    assert (model.critic_steps, model.default_batch_size) == (5, 16)
    settings = StarGAN.default_settings()
    assert settings["image_size"] == 128 and settings["steps"] == 40_000


def test_default_compilation():
    model = tiny(critic_steps=5)
    assert model.adversarial_loss == "wasserstein"
    assert model.loss_weights == {
        "adversarial": 1.0,
        "classification": 1.0,
        "reconstruction": 10.0,
        "identity": 0.0,
        "real": 1.0,
        "fake": 1.0,
        "gradient_penalty": 10.0,
    }
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert type(optimizer) is PyTorchAdam
        assert (optimizer.beta_1, optimizer.beta_2) == (0.5, 0.999)
        assert optimizer.epsilon == 1e-8


def test_both_rates_fall_in_the_last_half_or_never():
    def rates(step):
        for optimizer, updates in (
            (model.generator_optimizer, step),
            (model.discriminator_optimizer, 5 * step),
        ):
            optimizer.iterations.assign(updates)
            yield float(optimizer.learning_rate)

    model = tiny(critic_steps=5)
    np.testing.assert_allclose([*rates(0)], 1e-4)
    np.testing.assert_allclose([*rates(19_799)], 1e-4)
    np.testing.assert_allclose([*rates(30_000)], 0.5e-4, rtol=0.02)
    np.testing.assert_allclose([*rates(39_999)], 1e-4 / 101, rtol=1e-3)
    model.compile(total_steps=1000)
    np.testing.assert_allclose([*rates(750)], 0.5e-4, rtol=0.02)
    generator, critic = rates(999)
    assert 0 < generator == critic
    config = model.get_compile_config()
    for schedule in ("constant", "linear"):
        model.compile_from_config({**config, "schedule": schedule})
        falls = schedule == "linear"
        np.testing.assert_allclose(
            [*rates(999)], generator if falls else 1e-4, rtol=1e-6
        )
    with pytest.raises(ValueError, match="one of linear, constant.*'cosine'"):
        model.compile(schedule="cosine")


def test_critic_steps_take_their_parts_and_the_last_is_the_generators():
    model = tiny(critic_steps=3)
    seen = {"_discriminator_terms": [], "_generator_terms": []}

    def watch(name):
        terms = getattr(model, name)

        def watched(*args, training):
            seen[name].append(args)
            return terms(*args, training=training)

        setattr(model, name, watched)

    for name in seen:
        watch(name)
    given = batch(6)
    model.train_step(given)
    assert int(model.discriminator_optimizer.iterations) == 3
    assert int(model.generator_optimizer.iterations) == int(model.step) == 1
    parts = seen["_discriminator_terms"]
    for first, (real, source, target, mixing) in enumerate(parts):
        np.testing.assert_array_equal(real, given["images"][first::3])
        np.testing.assert_array_equal(source, given["labels"][first::3])
        np.testing.assert_array_equal(np.sort(target, 0), np.sort(source, 0))
        assert mixing.shape == (2,) and np.all((mixing >= 0) & (mixing < 1))
    assert len({float(m) for part in parts for m in part[3]}) == 6
    ((real, source, target),) = seen["_generator_terms"]
    for ours, theirs in zip((real, source, target), parts[-1], strict=False):
        np.testing.assert_array_equal(ours, theirs)


def test_draws_are_fresh_even_and_repeatable():
    model, other = tiny(), tiny()
    other.seed_generator.state.assign(model.seed_generator.state)
    keys, mixing = model._draw(4000)
    np.testing.assert_array_equal(other._draw(4000)[0], keys)
    assert abs(float(tf.reduce_mean(mixing)) - 0.5) < 0.02
    assert abs(float(tf.math.reduce_std(mixing)) - 12**-0.5) < 0.02
    assert abs(np.corrcoef(keys, mixing)[0, 1]) < 0.05
    assert not np.array_equal(model._draw(4000)[0], keys)


@pytest.mark.parametrize("term", StarGAN.terms["discriminator"])
def test_critic_term_of_weight_zero_is_dropped(term):
    model = tiny()
    model.compile(run_eagerly=True, loss_weights={term: 0.0})
    logs = model.train_step(batch())
    others = {f"d_{t}" for t in model.terms["discriminator"] if t != term}
    assert {name for name in logs if name.startswith("d_")} == {
        "d_loss",
        *others,
    }


def test_identity_asks_that_an_image_stays_with_its_own_labels():
    model, given = tiny(), batch()
    inputs = [given["images"], given["labels"]]
    error = losses.l1(given["images"], model(inputs))
    without = model.test_step(given)
    assert "g_identity" not in without
    model.compile(run_eagerly=True, loss_weights={"identity": 3.0})
    model.reset_metrics()
    logs = model.test_step(given)
    np.testing.assert_allclose(logs["g_identity"], error, rtol=1e-6)
    np.testing.assert_allclose(
        logs["g_loss"], without["g_loss"] + 3.0 * error, rtol=1e-6
    )
    for _ in range(5):
        logs = model.train_step(given)
    assert float(losses.l1(given["images"], model(inputs))) < float(error)


def test_a_model_saved_before_it_had_a_term_is_loaded(tmp_path, monkeypatch):
    with monkeypatch.context() as earlier:
        terms = StarGAN.terms["generator"][:-1]
        earlier.setattr(
            *(StarGAN, "terms"), StarGAN.terms | {"generator": terms}
        )
        model = tiny()
        logs = model.train_step(batch())
        model.save(tmp_path / "earlier.keras")
    loaded = keras.models.load_model(tmp_path / "earlier.keras")
    means = {name: float(t.result()) for name, t in loaded.trackers.items()}
    assert means.pop("g_identity") == 0.0
    assert means == {name: float(value) for name, value in logs.items()}


def test_translate_sets_labels_by_name_or_all():
    model = tiny()
    pictures, labels = images(2), np.array([[1, 0, 0], [0, 1, 1]], "float32")
    for arguments, vectors in (
        (({"Blond_Hair": 1}, labels), [[0, 1, 0], [0, 1, 1]]),
        (({"Male": 1},), [[0, 0, 1], [0, 0, 1]]),
        (([1, 0, 1],), [[1, 0, 1], [1, 0, 1]]),
        ((labels,), labels),
        (({"Black_Hair": 1}, [0, 1, 1]), [[1, 0, 1], [1, 0, 1]]),
    ):
        outputs = model.translate(pictures, *arguments)
        expected = model([pictures, tf.constant(vectors, "float32")])
        np.testing.assert_array_equal(outputs, expected)
    assert outputs.dtype == tf.float32
    wide = model.translate(np.zeros((1, 12, 20, 3), "float32"), {"Male": 1})
    assert wide.shape == (1, 12, 20, 3)


def test_translate_refuses_what_does_not_fit():
    model = tiny()
    pictures = images(2)
    for arguments, message in (
        (({"Bald": 1},), "among Black_Hair, Blond_Hair, Male.*'Bald'"),
        (({"Male": 0.5},), r"to\['Male'\] must be 0 or 1.*0.5"),
        (([0, 1],), r"to must be numbers.*\[2, 3\].*\(2, 2\)"),
        (({"Male": 1}, np.zeros((3, 3))), r"labels.*\[2, 3\].*\(3, 3\)"),
        (([0, 1, 0], np.zeros((2, 3))), r"labels must be left out.*\(2, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.translate(pictures, *arguments)
    with pytest.raises(ValueError, match="multiples of 4"):
        model.translate(images(2, 18), {"Male": 1})


def test_samples_are_input_and_one_column_per_label():
    model = tiny()
    given = batch(3)
    (name, grid), *others = model.samples(given).items()
    assert name == "labels" and not others
    assert [c.heading for c in grid.columns] == ["Input", *LABELS]
    assert [c.role for c in grid.columns] == ["input", *["output"] * 3]
    columns = [c.images for c in grid.columns]
    np.testing.assert_array_equal(columns[0], given["images"])
    labels = given["labels"]
    blond = model.translate(given["images"], {"Blond_Hair": 1}, labels)
    np.testing.assert_array_equal(columns[2], blond)
    # No exclusive group: the other way round.
    vectors = tf.concat([labels[:, :2], 1.0 - labels[:, 2:]], -1)
    np.testing.assert_array_equal(columns[3], model([columns[0], vectors]))


def test_serving_takes_pictures_and_labels():
    for model, size in ((tiny(), 3), (tiny(**JOINT), 7)):
        verb, *others = model.verbs()
        assert verb.name == "translate" and not others
        specs = signatures.specs(verb)
        assert specs["labels"] == tf.TensorSpec((None, size), name="labels")
        traced = signatures.trace(verb.function, specs)
        vectors = tf.one_hot([0, 2], size)
        np.testing.assert_allclose(
            traced(images=images(2), labels=vectors),
            model([images(2), vectors]),
            atol=1e-5,
        )


def test_each_data_set_has_its_own_loss():
    model = tiny(**JOINT)
    logits = tf.random.stateless_normal((4, 5), [0, 1])
    alone = {}
    for index, loss, part in (
        (0, losses.attribute_classification, slice(0, 3)),
        (1, losses.exclusive_classification, slice(3, 5)),
    ):
        given = joint_batch([index] * 4)
        vectors = tf.concat([given["labels"], given["mask"]], -1)
        expected = loss(given["labels"][:, part], logits[:, part])
        actual = model._classification(vectors, logits)
        np.testing.assert_allclose(actual, expected, rtol=1e-6)
        alone[index] = given["labels"], loss, part
    mixed = joint_batch([0, 1, 1, 0])
    vectors = tf.concat([mixed["labels"], mixed["mask"]], -1)
    expected = 0.0
    for index, rows in ((0, [0, 3]), (1, [1, 2])):
        _, loss, part = alone[index]
        own = tf.gather(mixed["labels"], rows)[:, part]
        expected += loss(own, tf.gather(logits, rows)[:, part]) / 2
    np.testing.assert_allclose(
        model._classification(vectors, logits), expected, rtol=1e-6
    )


def test_joint_training():
    model = tiny(**JOINT)
    # The generator takes the mask; the critic reads labels alone.
    assert model.generator.input_shape[1] == (None, 7)
    assert model.discriminator.output_shape[1] == (None, 5)
    given = joint_batch([0, 1, 1, 0, 0, 1, 0, 1])
    before = [v.numpy() for v in model.trainable_variables]
    logs = model.train_step(given)
    assert all(np.isfinite(float(value)) for value in logs.values())
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert not np.array_equal(old, variable.numpy())
    assert model.test_step(given).keys() == logs.keys()
    assert len(model.samples(given)["labels"].columns) == 6
    outputs = model.translate(given["images"], {"happy": 1}, given["labels"])
    vectors = tf.constant([[0, 0, 0, 0, 1, 0, 1]] * 8, "float32")
    np.testing.assert_array_equal(outputs, model([given["images"], vectors]))
    rebuilt = StarGAN.from_config(model.get_config())
    assert rebuilt.get_config() == model.get_config()


def test_test_step_is_the_same_every_time():
    model = tiny()
    first = {k: float(v) for k, v in model.test_step(batch(3)).items()}
    model.reset_metrics()
    second = {k: float(v) for k, v in model.test_step(batch(3)).items()}
    assert first == second


def test_bad_batches_are_named():
    model = tiny()
    given = batch()
    with pytest.raises(ValueError, match="multiple of critic_steps=2.*3"):
        model.train_step({k: v[:3] for k, v in given.items()})
    with pytest.raises(ValueError, match="images, labels, .*: images$"):
        model.train_step({"images": given["images"]})
    with pytest.raises(ValueError, match=r"labels.*\[4, 3\].*\(4, 2\)"):
        model.train_step({**given, "labels": given["labels"][:, :2]})
    with pytest.raises(ValueError, match="images, labels, mask"):
        tiny(**JOINT).train_step(given)


@pytest.mark.parametrize("size", [64, 100, 256])
def test_sizes_and_a_single_label(size):
    model = StarGAN(size, ["Smiling"], base_filters=1, num_residual_blocks=0)
    assert model.num_discriminator_layers == 6
    outputs = model.translate(images(1, size), {"Smiling": 1})
    assert outputs.shape == (1, size, size, 3)
    patches, classes = model.discriminator(outputs)
    side = size // 64
    assert patches.shape == (1, side, side, 1) and classes.shape == (1, 1)


def test_float16_stays_finite():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = tiny()
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = keras.optimizers.LossScaleOptimizer
    model.compile(
        **{
            f"{player}_optimizer": scaled(
                PyTorchAdam(1e-4, 0.5), initial_scale=64.0
            )
            for player in model.terms
        },
        run_eagerly=True,
    )
    before = [v.numpy() for v in model.trainable_variables]
    logs = model.train_step(batch())
    assert all(np.isfinite(float(value)) for value in logs.values())
    # Not skipped, as with a gradient that is not finite.
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert not np.array_equal(old, variable.numpy())


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"image_size": 66}, "image_size must be a multiple of 4.*66"),
        ({"image_size": 4}, "image_size.*from 8 up.*4"),
        ({"image_size": 64.0}, "image_size.*64.0"),
        ({"labels": "Male"}, "labels must be a list.*'Male'"),
        ({"exclusive": [["Male", "Bald"]]}, "exclusive.*Bald"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"discriminator_filters": 2.5}, "discriminator_filters.*2.5"),
        ({"num_residual_blocks": -1}, "num_residual_blocks.*from 0 up.*-1"),
        (
            {"num_discriminator_layers": 8},
            "num_discriminator_layers must be at most 7.*image_size=128.*8",
        ),
        ({"critic_steps": 0}, "critic_steps.*from 1 up.*0"),
        ({"critic_steps": 10**6}, "critic_steps.*from 1 to 1000.*1000000"),
        ({"image_size": 2**20}, "image_size.*from 8 to 4096.*1048576"),
        ({"num_discriminator_layers": 10**6}, "must be at most 7.*1000000"),
        ({"labels": [str(i) for i in range(10**5)]}, "at most 1,000.*100,000"),
        ({"exclusive": [["Male", "Young"]] * 10**5}, "100,000 groups"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        StarGAN(**arguments)
