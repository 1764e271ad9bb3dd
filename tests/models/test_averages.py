"""The moving average of the generators: its values, and who sees which."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gans
from keras_gans import callbacks, runs
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.serving import loading
from tests.tiny import TINY, make_bare, make_batch, make_model, values

DECAY = 0.3  # reached in the fifth update: 4 / 13 > 0.3


class Weights(keras.callbacks.Callback):
    """Remembers the trained weights after each step."""

    def __init__(self):
        super().__init__()
        self.trained = []

    def on_train_batch_end(self, batch, logs=None):
        self.trained.append(values(first_variables(self.model)))


def first_variables(model):
    """Return the variables of the player that is averaged."""
    return model.variables_of(next(iter(model.terms)))


def train(model, steps, batch=None, extra=()):
    batch = make_batch(model) if batch is None else batch
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    weights = Weights()
    model.fit(
        dataset,
        steps_per_epoch=steps,
        verbose=0,
        shuffle=False,
        callbacks=[weights, *extra],
    )
    return weights.trained


def by_hand(trained, decay=DECAY):
    averages = trained[0]
    for count, weights in enumerate(trained):
        keep = min(decay, count / (count + 9))
        averages = [
            keep * a + (1 - keep) * w
            for a, w in zip(averages, weights, strict=True)
        ]
    return averages


def assert_close(actual, expected):
    for one, two in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def assert_equal(actual, expected):
    for one, two in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", sorted(TINY))
def test_networks_hold_the_average_after_training(name):
    model = make_model(name, ema=DECAY)
    plain = make_model(name)
    updated, update = [], model.averages.update

    def update_and_keep(moved):  # a step may have several
        updated.append(values(first_variables(model)))
        update(moved)

    model.averages.update = update_and_keep
    trained = train(model, 7)
    # What is trained does not depend on the average.
    assert_equal(train(plain, 7)[-1], trained[-1])
    averages = values(first_variables(model))
    assert_equal(updated[-1], trained[-1])
    assert_close(averages, by_hand(updated))
    assert not np.array_equal(averages[0], trained[-1][0])
    with model.averaged():
        assert_equal(values(first_variables(model)), averages)
    # And training goes on with the weights themselves.
    assert_equal(train(plain, 2)[-1], train(model, 2)[-1])


def test_single_batches_are_as_in_fit_and_evaluate():
    model, other = (make_model("cyclegan", ema=DECAY) for _ in range(2))
    batch = make_batch(model)
    for _ in range(3):
        model.train_on_batch(batch)
        train(other, 1, batch)
        averages = values(first_variables(model))
        assert_equal(averages, values(first_variables(other)))
    dataset = tf.data.Dataset.from_tensors(batch)
    expected = model.evaluate(dataset, verbose=0, return_dict=True)
    assert model.test_on_batch(batch, return_dict=True) == expected
    assert_equal(values(first_variables(model)), averages)
    assert_equal(train(model, 1, batch)[-1], train(other, 1, batch)[-1])


@pytest.mark.parametrize(
    "jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_several_steps_at_once_and_xla(jit_compile):
    # Adam's first steps have the size of the rate, whatever the gradient.
    def make(**arguments):
        rate = keras.optimizers.SGD(0.01)
        return make_model("dcgan", generator_optimizer=rate, **arguments)

    reference = make(ema=DECAY)
    trained = train(reference, 6)[-1]
    expected = values(reference.generator_variables)
    model = make(
        ema=DECAY,
        run_eagerly=False,
        jit_compile=jit_compile,
        steps_per_execution=3,
    )
    train(model, 6)
    apart, lag = 0.0, 0.0
    for one, two, last in zip(
        values(first_variables(model)), expected, trained, strict=True
    ):
        apart = max(apart, np.abs(one - two).max())
        lag = max(lag, np.abs(two - last).max())
    assert apart < 0.02 * lag


def test_callbacks_see_the_average_and_files_hold_both(tmp_path):
    model = make_model("pix2pix", ema=DECAY)
    batch = make_batch(model)
    seen = {}

    class Look(callbacks.StepCallback):
        def on_step(self, before, logs):
            with self.model.averaged():
                seen[self.current_step] = values(first_variables(self.model))

    grids = callbacks.SampleGrid(tmp_path / "samples", batch, every=2)
    extra = [Look(), grids, callbacks.Checkpoints(tmp_path / "whole", every=2)]
    trained = train(model, 4, batch, extra)
    assert_close(seen[2], by_hand(trained[:2]))
    assert_equal(values(first_variables(model)), seen[4])
    np.testing.assert_array_equal(
        grids.samples(4)["a_to_b"].of("output")[0],
        model.translate(batch["images_a"]),
    )
    half = tmp_path / "whole" / "000002.keras"
    runs.write(tmp_path, "arguments.json", {})
    loaded = keras.models.load_model(half, compile=False)
    assert_equal(values(loaded.generator_variables), seen[2])
    assert loaded.averages is None
    # A whole one goes on with the trained weights, to the same end.
    resumed = make_model("pix2pix", seed=1, ema=DECAY)
    half.rename(tmp_path / "000002.keras")
    checkpoints.restore(resumed, tmp_path)
    assert_equal(values(resumed.generator_variables), seen[2])
    assert_equal(train(resumed, 2, batch)[-1], trained[-1])
    assert_equal(values(resumed.generator_variables), seen[4])
    compiled = keras.models.load_model(tmp_path / "000002.keras")
    assert_equal(train(compiled, 2, batch)[-1], trained[-1])


def test_load_and_read_have_the_average(tmp_path):
    model = make_model("pix2pix", ema=DECAY)
    train(model, 3)
    path = tmp_path / "model.keras"
    model.save(path)
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), "uint8")
    expected = keras_gans.images.to_uint8(
        model.translate(keras_gans.images.to_float(picture[None]))
    )[0]
    assert_equal([keras_gans.load(path).translate(picture)], [expected.numpy()])
    read, _ = loading.read_model(path)
    assert_equal(
        values(read.generator_variables), values(first_variables(model))
    )


def test_saved_while_training_reads_back_alike(tmp_path):
    model = make_model("cyclegan", ema=DECAY)
    trained = train(model, 2)
    averages = values(first_variables(model))
    # As through Keras' own function, which knows nothing of the exchange.
    model.averages.put(False)
    keras.saving.save_model(model, tmp_path / "raw.keras")
    other = keras.models.load_model(tmp_path / "raw.keras")
    assert_equal(values(other.generator_variables), trained[-1])
    with other.averaged():
        assert_equal(values(other.generator_variables), averages)


def test_file_without_averages_starts_them_afresh(tmp_path):
    plain = make_model("dcgan")
    train(plain, 2)
    plain.save(tmp_path / "plain.keras")
    model = make_model("dcgan", ema=DECAY)
    train(model, 2)
    model.load_weights(tmp_path / "plain.keras")
    assert_equal(
        values(first_variables(model)), values(plain.generator_variables)
    )
    with model.averaged():
        assert_equal(
            values(first_variables(model)), values(plain.generator_variables)
        )
    trained = train(model, 1)
    assert_equal(values(first_variables(model)), trained[-1])


def test_validation_is_of_the_average():
    model = make_model("pix2pix", ema=DECAY)
    batch = make_batch(model)
    data = tf.data.Dataset.from_tensors(batch)
    history = model.fit(
        data, validation_data=data, verbose=0, shuffle=False
    ).history
    assert history["val_g_loss"][-1] == pytest.approx(
        model.evaluate(data, verbose=0, return_dict=True)["g_loss"]
    )


def test_config_and_bad_values():
    model = make_model("dcgan", ema=0.999)
    config = json.loads(json.dumps(model.get_compile_config()))
    assert config["ema"] == 0.999
    for value in (1.0, True, "0.9", -0.1):
        with pytest.raises(ValueError, match="ema must be a number from 0 to"):
            make_model("dcgan", ema=value)
    # A recipe's own average can be turned off.
    assert make_model("progressive").averages is not None
    assert make_model("progressive", ema=0).averages is None


@pytest.mark.parametrize(
    "mode", ["graph", pytest.param("xla", marks=pytest.mark.slow)]
)
def test_two_replicas_have_the_average_worked_out_by_hand(mode, two_replicas):
    two_replicas(f"averages {mode}")


def test_early_stopping_restores_what_was_measured():
    model = make_model("pix2pix", ema=DECAY)
    scores, seen = [1.0, 0.0, 2.0, 3.0], {}

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with self.model.averaged():
                seen[epoch] = values(first_variables(self.model))
            logs["score"] = scores[epoch]

    best = keras.callbacks.EarlyStopping(
        "score", mode="min", patience=2, restore_best_weights=True
    )
    dataset = tf.data.Dataset.from_tensors(make_batch(model)).repeat()
    options = {"steps_per_epoch": 2, "verbose": 0, "shuffle": False}
    model.fit(dataset, epochs=4, callbacks=[Look(), best], **options)
    assert sorted(seen) == [0, 1, 2, 3]
    assert_equal(values(first_variables(model)), seen[1])
    # Training goes on from there, and so does a new average.
    (trained,) = train(model, 1)
    assert_close(values(first_variables(model)), trained)


def test_weights_alone_hold_the_average_too(tmp_path):
    model = make_model("pix2pix", ema=DECAY)
    file = tmp_path / "last.weights.h5"
    write = keras.callbacks.ModelCheckpoint(file, save_weights_only=True)
    train(model, 6, extra=[write])
    averages = values(first_variables(model))
    for other in (make_bare("pix2pix"), make_model("pix2pix", ema=DECAY)):
        other.load_weights(file)
        assert_equal(values(first_variables(other)), averages)
    # In the middle of training, as `BackupAndRestore` does.

    class Load(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.load_weights(file)

    loaded = make_model("pix2pix", ema=DECAY)
    assert_equal(
        *(
            train(m, 1, extra=x)[-1]
            for m, x in ((loaded, [Load()]), (model, []))
        )
    )


def test_compiling_again_keeps_both_sets():
    model, plain = make_model("cyclegan", ema=0.9), make_model("cyclegan")
    for one in (model, plain):
        train(one, 8)
    averages = values(first_variables(model))
    model.compile(ema=DECAY, run_eagerly=True, learning_rate=0.0)
    assert_equal(values(first_variables(model)), averages)
    trained = values(first_variables(plain))
    assert_equal(train(model, 1)[-1], trained)
    assert model.averages.decay == DECAY
    # Where they no longer fit, or there are to be none, weights go on alone.
    model.generator_ab.layers[1].trainable = False
    with pytest.raises(UserError, match="trainable must not change.*again"):
        train(model, 1)
    model.compile(ema=DECAY, run_eagerly=True, learning_rate=0.0)
    assert_close(train(model, 1)[-1], values(first_variables(model)))
    model.generator_ab.layers[1].trainable = True
    model.compile(ema=0, run_eagerly=True)
    assert_equal(values(first_variables(model)), trained)


def test_averages_of_other_weights_begin_anew(tmp_path):
    """Layers that were frozen come back trainable from a file."""
    model = make_model("cyclegan")
    model.generator_ba.trainable = False
    model.compile(ema=DECAY, run_eagerly=True)
    train(model, 2)
    model.save(tmp_path / "model.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the optimizer's state
        loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = values(model.generator_ba.variables)
    assert_equal(values(loaded.generator_ba.variables), expected)
    loaded.averages.put(False)
    assert_equal(values(loaded.generator_ba.variables), expected)


def test_weights_of_another_begin_a_new_average(tmp_path):
    make_model("cyclegan", seed=1).save(tmp_path / "other.keras")
    model = make_model("cyclegan", ema=DECAY)
    train(model, 2)
    with pytest.raises(UserError, match="not been trained. Received: step 2"):
        keras_gans.init_from(model, tmp_path / "other.keras")
    other = make_model("cyclegan", seed=1)
    model.set_weights(other.get_weights())
    model.compile(ema=DECAY, run_eagerly=True, learning_rate=0.0)
    assert_equal(train(model, 1)[-1], values(first_variables(other)))
