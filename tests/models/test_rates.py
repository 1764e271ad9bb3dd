"""The rates that `compile` sets, and who sets them afterwards."""

import keras
import numpy as np
import pytest

from keras_gans import CycleGAN
from keras_gans.checks import UserError
from keras_gans.optimizers.schedules import LinearDecay
from keras_gans.training import rates
from tests.tiny import make_bare, make_batch, make_model


def test_a_recipe_with_epochs_follows_fit_or_the_steps_given():
    generator, critic, course = rates.published(2e-4, (100, 100), None)
    assert (generator, critic) == (2e-4, 2e-4)
    assert float(course(0)) == pytest.approx(2e-4) and float(course(200)) == 0.0
    generator, critic, course = rates.published(
        2e-4, (100, 100), 400, critic_steps=5
    )
    assert course is None
    for step in (0, 199, 300, 399):
        assert float(generator(step)) == float(critic(5 * step + 4))
    np.testing.assert_allclose(generator(300), 1e-4, rtol=0.02)


def test_schedule_overrides_the_recipe():
    assert rates.published(0.1, (100, 100), 400, "constant") == (0.1, 0.1, None)
    assert rates.published(0.1, None, 400) == (0.1, 0.1, None)
    generator, _, _ = rates.published(0.1, None, 400, "linear")
    np.testing.assert_allclose(
        [generator(step) for step in (0, 199, 300, 400)],
        [0.1, 0.1, 0.05, 0.0],
        rtol=0.02,
    )
    own = LinearDecay(0.1)
    assert rates.published(own, (100, 100), 400) == (own, own, None)
    with pytest.raises(UserError, match="schedule must be left out.*'linear'"):
        rates.published(own, None, 400, "linear")


def make(architecture="dcgan", **arguments):
    options = {"num_residual_blocks": 0, "pool_size": 0}
    model = CycleGAN(
        architecture,
        image_size=32,
        base_filters=1,
        **(options if architecture == "resnet" else {}),
    )
    model.compile(run_eagerly=True, **arguments)
    return model


def found(model):
    return [
        float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        for optimizer in (
            model.generator_optimizer,
            model.discriminator_optimizer,
        )
    ]


def fit(model, *callbacks, epochs=1, first=0):
    images = np.zeros((1, 32, 32, 3), "float32")
    return model.fit(
        {"images_a": images, "images_b": images},
        initial_epoch=first,
        epochs=first + epochs,
        verbose=0,
        callbacks=list(callbacks),
    )


def test_setting_the_rate_moves_both_in_proportion():
    model = make(discriminator_optimizer=keras.optimizers.Adam(8e-4))
    np.testing.assert_allclose(found(model), [4e-4, 8e-4])
    model.optimizer.learning_rate = 1e-3
    np.testing.assert_allclose(found(model), [1e-3, 2e-3])
    model.optimizer.learning_rate.assign(np.float32(1e-4))
    np.testing.assert_allclose(found(model), [1e-4, 2e-4])
    model.optimizer.learning_rate.assign_sub(5e-5)
    np.testing.assert_allclose(found(model), [5e-5, 1e-4])
    model.optimizer.learning_rate = 0
    model.optimizer.learning_rate = 3e-4
    np.testing.assert_allclose(found(model), [3e-4, 6e-4])
    # Each for itself.
    model.generator_optimizer.learning_rate = 1e-4
    np.testing.assert_allclose(found(model), [1e-4, 6e-4])
    for wrong in (-1.0, np.nan, np.inf, "a", LinearDecay(0.1)):
        with pytest.raises(UserError, match="learning_rate must be a number"):
            model.optimizer.learning_rate = wrong


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_callbacks_of_keras_move_both_and_that_is_saved(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        model = make()
        scheduler = keras.callbacks.LearningRateScheduler(lambda _, r: r / 2)
        history = fit(model, scheduler, epochs=2).history
        np.testing.assert_allclose(history["learning_rate"], [2e-4, 1e-4])
        np.testing.assert_allclose(found(model), [1e-4, 1e-4])
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(found(loaded), [1e-4, 1e-4])
    loaded.optimizer.learning_rate = 3e-4
    np.testing.assert_allclose(found(loaded), [3e-4, 3e-4])
    plateau = keras.callbacks.ReduceLROnPlateau(
        "g_loss", factor=0.5, patience=1, min_delta=1e9, mode="min"
    )
    model = make()
    fit(model, plateau, epochs=2)
    np.testing.assert_allclose(found(model), [2e-4, 2e-4])


def test_a_fit_after_ctrl_c_starts_like_the_first():
    class Stopping(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 151:
                raise KeyboardInterrupt

    model = make("resnet")
    with pytest.raises(KeyboardInterrupt):
        fit(model, Stopping(), epochs=2, first=150)
    assert max(found(model)) < 1.1e-4
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(found(model))
    )
    fit(model, look, epochs=1)
    np.testing.assert_allclose(seen, [[2e-4, 2e-4]])


def test_who_sets_the_rate_takes_the_place_of_the_recipe():
    class Setting(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 3e-5

    model = make("resnet")
    fit(model, epochs=2, first=150)  # falls, and starts again
    np.testing.assert_allclose(found(model), [2e-4, 2e-4])
    fit(model, Setting(), epochs=3, first=150)
    np.testing.assert_allclose(found(model), [3e-5, 3e-5])
    fit(model, epochs=2, first=150)
    np.testing.assert_allclose(found(model), [3e-5, 3e-5])
    model = make("resnet")
    scheduler = keras.callbacks.LearningRateScheduler(lambda *_: 7e-5)
    fit(model, scheduler, epochs=2, first=150)
    np.testing.assert_allclose(found(model), [7e-5, 7e-5])


def test_a_round_part_of_the_recipes_rate_stays(caplog):
    model = make_model("attributes")
    batch = make_batch(model)
    model.optimizer.learning_rate = 1e-3  # half of it, as in epoch 8
    with pytest.raises(UserError, match="learning_rate must be a number"):
        model.optimizer.learning_rate = -1
    model.fit(batch, epochs=12, verbose=0, callbacks=[])
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    assert "learning rates are 0" not in caplog.text
    model.compile(run_eagerly=True)
    model.fit(batch, initial_epoch=11, epochs=12, verbose=0, callbacks=[])
    assert "learning rates are 0 after 10 of 12 epochs" in caplog.text
    # Of a growing model, in all stages.
    model = make_model("progressive")
    model.optimizer.learning_rate = 2e-4
    model.images_seen.assign(0)
    model.grow()
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        assert float(optimizer.learning_rate) == pytest.approx(2e-4)


def test_a_schedule_counts_training_steps():
    model = make_bare("stargan")  # with two updates of the critic
    model.compile(learning_rate=LinearDecay(0.1, 1, 1), run_eagerly=True)
    batch = make_batch(model)
    for rate in (0.1, 0.05):
        assert found(model) == pytest.approx([rate, rate])
        model.train_on_batch(batch)
    optimizer = model.discriminator_optimizer
    again = type(optimizer).from_config(optimizer.get_config())
    again.iterations.assign(2)
    assert float(again.learning_rate) == pytest.approx(0.05)


def test_keras_lists_of_callbacks_are_kept():
    model = make("resnet")
    history = keras.callbacks.History()
    listed = keras.callbacks.CallbackList([history], model=model)
    images = np.zeros((1, 32, 32, 3), "float32")
    batch = {"images_a": images, "images_b": images}
    model.fit(batch, initial_epoch=150, epochs=152, verbose=0, callbacks=listed)
    assert len(history.history["g_loss"]) == 2
    assert listed.callbacks == [history]


def test_rates_that_follow_a_schedule_are_not_set():
    of_steps = make("resnet", total_steps=400)
    given = make(generator_optimizer=keras.optimizers.Adam(LinearDecay(0.1)))
    for model in (of_steps, given):
        for callback in (
            keras.callbacks.LearningRateScheduler(lambda *_: 7e-5),
            keras.callbacks.ReduceLROnPlateau("g_loss", mode="min"),
        ):
            name = type(callback).__name__
            with pytest.raises(UserError, match=f"{name} cannot set.*constant"):
                fit(model, callback)
        assert int(model.step) == 0
        with pytest.raises(UserError, match="learning_rate cannot set rates"):
            model.optimizer.learning_rate = 1e-4
