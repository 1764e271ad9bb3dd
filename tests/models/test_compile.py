"""Compiling, saving and exporting as Keras' users do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import CycleGAN, Pix2Pix, StarGAN, Translator
from keras_gans.checks import UserError
from tests.tiny import fit, make_bare, make_batch, moved, values

Adam = keras.optimizers.Adam


def make(**arguments):
    model = CycleGAN(image_size=32, base_filters=2)
    model.compile(**arguments)
    return model


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"optimizer": "adam"}, "optimizer must be left out.*generator_opt"),
        ({"loss": "mse"}, "loss must be left out.*loss_weights.*mse"),
        ({"metrics": ["mae"]}, "metrics must be left out.*Evaluation"),
        ({"weighted_metrics": []}, "weighted_metrics must be left out"),
        ({"no_such": 1}, "compile has no argument no_such"),
        ({"loss_weights": [1.0, 2.0]}, "loss_weights must be a dict with"),
        ({"loss_weights": {"cycle": "10"}}, "finite number.*'10'"),
        ({"loss_weights": {"cycle": np.nan}}, "finite number.*nan"),
        ({"jit_compile": "yes"}, "jit_compile must be True, False or.*yes"),
        ({"steps_per_execution": 0}, "steps_per_execution.*from 1 up.*0"),
        ({"learning_rate": "1e-4"}, "learning_rate must be a number.*'1e-4'"),
        ({"learning_rate": -1.0}, "learning_rate must be a number.*-1"),
        ({"generator_optimizer": "nope"}, "generator_optimizer must.*'nope'"),
        ({"discriminator_optimizer": Adam}, "discriminator_optimizer.*class"),
        ({"generator_optimizer": {}}, "generator_optimizer must.*{}"),
        ({"discriminator_optimizer": 1e-4}, "discriminator_opt.*0.0001"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(UserError, match=message):
        make(**arguments)


def test_optimizers_by_name_and_config():
    model = make(
        generator_optimizer="adam",
        discriminator_optimizer={"class_name": "SGD", "config": {}},
        loss=None,
        learning_rate=1,
    )
    assert type(model.generator_optimizer) is Adam
    assert type(model.discriminator_optimizer) is keras.optimizers.SGD
    assert model.optimizer.inner_optimizer is model.generator_optimizer
    model.optimizer.clipnorm = 1.0
    assert model.generator_optimizer.clipnorm == 1.0
    config = model.get_compile_config()
    model.compile_from_config(config)
    assert model.get_compile_config() == config


def test_an_optimizer_serves_one_player_of_one_model():
    one = Adam()
    for other in (one, keras.optimizers.LossScaleOptimizer(one)):
        with pytest.raises(UserError, match="must be two instances.*twice"):
            make(generator_optimizer=one, discriminator_optimizer=other)
    model = make(generator_optimizer=one)
    model.compile(generator_optimizer=one)  # again, for the same weights
    with pytest.raises(UserError, match="generator_optimizer must be new"):
        make(generator_optimizer=one)
    with pytest.raises(UserError, match="discriminator_optimizer must be new"):
        model.compile(discriminator_optimizer=one)


def test_averages_of_keras_optimizers_are_of_both_players():
    optimizers = [Adam(use_ema=True, ema_momentum=0.5) for _ in range(2)]
    model = make(
        **dict(
            zip(
                ("generator_optimizer", "discriminator_optimizer"),
                optimizers,
                strict=True,
            )
        ),
        run_eagerly=True,
    )
    images = np.zeros((1, 32, 32, 3), "float32")
    model.fit({"images_a": images, "images_b": images}, verbose=0)
    for optimizer, variables in zip(
        optimizers,
        (model.generator_variables, model.discriminator_variables),
        strict=True,
    ):
        averages = optimizer._model_variables_moving_average
        for average, variable in zip(averages, variables, strict=True):
            np.testing.assert_array_equal(average.numpy(), variable.numpy())


def test_averages_of_keras_optimizers_are_there_before_callbacks_end():
    model = make(
        generator_optimizer=Adam(use_ema=True, ema_momentum=0.5),
        run_eagerly=True,
    )
    seen = []
    last = keras.callbacks.LambdaCallback(
        on_train_end=lambda logs: seen.extend(values(model.generator_variables))
    )
    images = np.zeros((1, 32, 32, 3), "float32")
    batch = {"images_a": images, "images_b": images}
    model.fit(batch, verbose=0, callbacks=[last])
    averages = model.generator_optimizer._model_variables_moving_average
    for average, value in zip(averages, seen, strict=True):
        np.testing.assert_array_equal(average.numpy(), value)


def images(size):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, size, size, 3)).astype("float32")


@pytest.mark.parametrize(
    "make_model,inputs",
    [
        (lambda: CycleGAN(image_size=32, base_filters=2), images(32)),
        (lambda: Pix2Pix(image_size=32, base_filters=2), images(32)),
        (
            lambda: StarGAN(16, base_filters=2, num_residual_blocks=0),
            [images(16), np.eye(2, 5, dtype="float32")],
        ),
        (
            lambda: Translator(
                "unet_generator",
                {
                    "input_shape": (None, None, 1),
                    "output_channels": 1,
                    "base_filters": 2,
                    "num_downsamples": 5,
                },
            ),
            images(32)[..., :1],
        ),
    ],
)
def test_export_as_in_keras_without_a_call_before(make_model, inputs, tmp_path):
    model = make_model()
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.serve(inputs), model(inputs), atol=1e-5)


def test_callbacks_of_keras(tmp_path):
    model = make(run_eagerly=True)
    batch = {"images_a": images(32), "images_b": -images(32)}
    callbacks = keras.callbacks
    model.fit(
        batch,
        epochs=2,
        verbose=0,
        validation_data=batch,
        callbacks=[
            callbacks.EarlyStopping("val_g_loss", mode="min"),
            callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
            callbacks.CSVLogger(tmp_path / "log.csv"),
            callbacks.TensorBoard(tmp_path / "events"),
            callbacks.BackupAndRestore(tmp_path / "backup"),
            callbacks.TerminateOnNaN(),
        ],
    )
    assert "val_d_loss" in (tmp_path / "log.csv").read_text()
    loaded = keras.models.load_model(tmp_path / "2.keras")
    assert int(loaded.step) == int(model.step) == 2
    with pytest.raises(UserError, match="filepath must end with .keras"):
        model.save(tmp_path / "model.h5")


@pytest.mark.parametrize(
    "name,value,message",
    [
        ("image_data_format", "channels_first", "must be channels_last.*first"),
        ("floatx", "float64", "floatx must be float32.*float64"),
        ("dtype_policy", "float16", "dtype policy must be one of.*'float16'"),
    ],
)
def test_settings_of_keras_that_do_not_fit(name, value, message):
    before = getattr(keras.config, name)()
    getattr(keras.config, f"set_{name}")(value)
    try:
        with pytest.raises(UserError, match=message):
            CycleGAN()
    finally:
        getattr(keras.config, f"set_{name}")(before)


def test_other_backends_are_refused(monkeypatch):
    from keras_gans.training.backend import check_backend

    check_backend()
    for name in ("jax", "torch", "numpy", "no such"):
        monkeypatch.setenv("KERAS_BACKEND", name)
        with pytest.raises(UserError, match=f"must be tensorflow.*{name}"):
            check_backend()
    # As keras.json has it, which only Keras reads.
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match="must be tensorflow.*jax"):
        check_backend()


def test_a_derived_class_has_its_own_recipe_and_networks():
    class Own(CycleGAN):
        default_learning_rate = 1e-5
        default_loss_weights = {
            **CycleGAN.architectures["resnet"].default_loss_weights,
            "cycle": 99.0,
        }

        def __init__(self, **arguments):
            super().__init__("resnet", 24, 2, 2, 1, pool_size=0, **arguments)
            # Of one name, as in a notebook.
            self.generator_ab, self.generator_ba = (
                keras.models.clone_model(self.generator_ab) for _ in "ab"
            )

    model = Own()
    model.compile(run_eagerly=True, recompute=True)
    assert model.loss_weights["cycle"] == 99.0
    np.testing.assert_allclose(model.generator_optimizer.learning_rate, 1e-5)
    before = [
        values(n.trainable_variables)
        for n in (model.generator_ab, model.generator_ba)
    ]
    fit(model, make_batch(model))
    for network, old in zip(model.used_networks, before, strict=True):
        assert all(moved(old, network.trainable_variables))

    class Lacking(CycleGAN):
        terms = {
            "generator": ("adversarial", "cycle", "identity", "brightness"),
            "discriminator": ("real", "fake"),
        }

    with pytest.raises(UserError, match="none for brightness"):
        Lacking(image_size=32, base_filters=2).compile()


def test_networks_have_the_recorded_policy(tmp_path):
    path = tmp_path / "model.keras"
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        make_bare("dcgan").save(path)
    finally:
        keras.config.set_dtype_policy("float32")
    loaded = keras.models.load_model(path)
    assert loaded.generator.layers[2].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    with pytest.raises(UserError, match="dtype must be left out.*bfloat16'"):
        CycleGAN(image_size=32, dtype="mixed_bfloat16")


def test_a_file_is_compiled_for_where_it_is_loaded(tmp_path):
    model = make_bare("dcgan")
    model.compile()
    assert model.get_compile_config()["jit_compile"] == "auto"
