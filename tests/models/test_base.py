"""Models of one player and of three; terms that are dropped."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import CycleGAN, registry
from keras_gans.checks import UserError
from keras_gans.training.base import BaseModel
from tests.tiny import make_batch, make_model, moved, values


class OnePlayer(BaseModel):
    """A network that learns to repeat its images."""

    terms = {"network": ("repeat",)}
    default_loss_weights = {"repeat": 2.0}
    batch_shapes = {"images": (None, 8, 8, 3)}

    def __init__(self, image_size=8, **kwargs):
        super().__init__(**kwargs)
        for player in self.terms:
            layers = [keras.layers.Input((8, 8, 3)), keras.layers.Dense(3)]
            setattr(self, player, keras.Sequential(layers, name=player))
        self._make_state()

    @property
    def players(self):
        return {player: (getattr(self, player),) for player in self.terms}

    def _terms(self, player, images, training):
        outputs = getattr(self, player)(images, training=training)
        error = tf.reduce_mean(tf.square(outputs - images))
        return dict.fromkeys(self.terms[player], error), None

    def train_step(self, batch):
        images = self._check_batch(batch)
        return self._report(
            {
                player: self._update(
                    player,
                    lambda x, training, player=player: self._terms(
                        player, x, training
                    ),
                    *images,
                )[0]
                for player in self.terms
            }
        )


@keras.saving.register_keras_serializable("tests")
class ThreePlayers(OnePlayer):
    terms = {
        "generator": ("repeat", "other"),
        "discriminator": ("repeat",),
        "latent_discriminator": ("repeat",),
    }
    default_loss_weights = {"repeat": 2.0, "other": 0.0}


def fit(model):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3))
    history = model.fit({"images": images.astype("float32")}, verbose=0)
    return {name: values[0] for name, values in history.history.items()}


def test_one_player():
    model = OnePlayer()
    model.compile(learning_rate=0.1, ema=0.5, recompute=True)
    before = values(model.network_variables)
    logs = fit(model)
    assert {*logs} == {"n_loss", "n_repeat"}
    assert logs["n_loss"] == pytest.approx(2 * logs["n_repeat"])
    assert not np.array_equal(before[0], model.network_variables[0])
    model.optimizer.learning_rate = 0.2
    rate = model.network_optimizer.learning_rate
    assert float(rate) == pytest.approx(0.2)
    assert model.networks == (model.network,) == model.used_networks
    assert "adversarial_loss" not in registry.options(OnePlayer)
    assert "adversarial_loss" in registry.options(CycleGAN)
    with pytest.raises(UserError, match="OnePlayer has none.*'hinge'"):
        model.compile("hinge")
    with pytest.raises(UserError, match="no argument generator_optimizer"):
        model.compile(generator_optimizer="adam")


def test_three_players(tmp_path):
    model = ThreePlayers()
    rates = {"discriminator": 2e-4, "latent_discriminator": 8e-4}
    model.compile(
        **{
            f"{player}_optimizer": keras.optimizers.Adam(rate)
            for player, rate in rates.items()
        }
    )
    assert {*fit(model)} == {
        *("g_loss", "g_repeat", "d_loss", "d_repeat"),
        *("ld_loss", "ld_repeat"),
    }
    model.optimizer.learning_rate = 1e-4
    for player, rate in {"generator": 1e-4, **rates}.items():
        found = model.optimizer_of(player).learning_rate
        assert float(found) == pytest.approx(rate / (1 + (rate > 1e-4)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for player in model.terms:
        for ours, theirs in zip(
            model.optimizer_of(player).variables,
            loaded.optimizer_of(player).variables,
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert fit(loaded) == fit(model)


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix"])
def test_a_dropped_term_leaves_no_moving_statistics(name):
    for dropped in (False, True):
        model = make_model(name)
        state = [
            variable
            for network in model.players["discriminator"]
            for variable in network.non_trainable_variables
        ]
        if dropped:
            model.loss_weights["adversarial"] = 0.0
        before = values(state)
        images = list(model._check_batch(make_batch(model)))
        if name != "cyclegan":
            images.append(images[-1])
        terms, _ = model._update("generator", model._generator_terms, *images)
        assert ("adversarial" in terms) != dropped
        found = moved(before, state)
        assert not any(found) if dropped else all(found)
