"""The article's TensorFlow 1 graph, reproduced number by number."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import CycleGAN, interop

# Our attribute -> the article's scope.
NETWORKS = {
    "generator_ab": "generatorA2B",
    "generator_ba": "generatorB2A",
    "discriminator_a": "discriminatorA",
    "discriminator_b": "discriminatorB",
}


def load_networks(model, weights):
    """Load `{scope/name: array}` into the four networks of a model."""
    for attribute, scope in NETWORKS.items():
        arrays = {
            name.removeprefix(f"{scope}/"): array
            for name, array in weights.items()
            if name.startswith(f"{scope}/")
        }
        interop.load_reference(
            getattr(model, attribute), arrays, source="article"
        )


def named_variables(model):
    """Return `{scope/name: variable}` of the four networks."""
    variables_by_name = interop.SOURCES["article"].variables
    return {
        f"{scope}/{name}": variable
        for attribute, scope in NETWORKS.items()
        for name, variable in variables_by_name(
            getattr(model, attribute)
        ).items()
    }


@pytest.fixture(scope="module")
def forward(reference):
    return reference("article_cyclegan_forward")


@pytest.fixture(scope="module")
def train(reference):
    return reference("article_cyclegan_train")


@pytest.fixture
def model(forward):
    model = CycleGAN(base_filters=8)
    load_networks(model, forward.group("w"))
    # The article's optimizer, with the momentum of TensorFlow 1.
    model.compile(
        generator_optimizer=keras.optimizers.Adam(4e-4, 0.9, epsilon=1e-8),
        discriminator_optimizer=keras.optimizers.Adam(4e-4, 0.9, epsilon=1e-8),
    )
    return model


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_forward_passes(model, forward, mode):
    training = mode == "train"
    a, b = forward["in/input_A"], forward["in/input_B"]
    fake_b = model.generator_ab(a, training=training)
    fake_a = model.generator_ba(b, training=training)
    # The reference's statistics are those from before any of these calls.
    outputs = {"fake_B": fake_b, "fake_A": fake_a}
    for attribute, name, images in (
        ("generator_ba", "fake_rec_A", fake_b),
        ("generator_ab", "fake_rec_B", fake_a),
        ("discriminator_a", "dis_fake_A", fake_a),
        ("discriminator_a", "dis_real_A", a),
        ("discriminator_b", "dis_fake_B", fake_b),
        ("discriminator_b", "dis_real_B", b),
    ):
        outputs[name] = getattr(model, attribute)(images, training=training)
    assert outputs["dis_real_A"].shape == (2, 1, 1, 1)
    for name, actual in outputs.items():
        forward.assert_close(f"out_{mode}/{name}", actual)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_activations_after_each_leaky_relu(model, forward, mode):
    for attribute, scope, images in (
        ("generator_ab", "generatorA2B", forward["in/input_A"]),
        ("discriminator_b", "discriminatorB", forward[f"out_{mode}/fake_B"]),
    ):
        network = getattr(model, attribute)
        activations = [
            layer.output
            for layer in network.layers
            if isinstance(layer, keras.layers.LeakyReLU)
        ]
        probe = keras.Model(network.input, activations)
        for count, actual in enumerate(probe(images, training=mode == "train")):
            suffix = f"_{count}" if count else ""
            forward.assert_close(
                f"act_{mode}/{scope}_LeakyRelu{suffix}",
                actual,
                rtol=2e-4,
                atol=2e-5,
            )


def test_moving_statistics(model, forward):
    a = forward["in/input_A"]
    model.generator_ab(a, training=True)
    variables = named_variables(model)
    for name in forward.group("bnupd1"):
        forward.assert_close(
            f"bnupd1/{name}", variables[name], rtol=5e-6, atol=1e-6
        )
    for _ in range(2):
        model.generator_ab(a, training=True)
    for name in forward.group("bnupd3"):
        forward.assert_close(
            f"bnupd3/{name}", variables[name], rtol=5e-6, atol=1e-6
        )
    forward.assert_close("bnupd3_out_eval/fake_B", model.translate(a))


def test_losses_and_gradients(model, forward, train):
    a, b = train["in/input_A"], train["in/input_B"]
    variables = named_variables(model)
    with tf.GradientTape() as tape:
        g_terms, (fake_a, fake_b) = model._generator_terms(a, b, training=True)
        g_loss = model.weighted_sum(g_terms)
    g_gradients = tape.gradient(g_loss, model.generator_variables)
    with tf.GradientTape() as tape:
        d_terms, _ = model._discriminator_terms(
            a, b, fake_a, fake_b, training=True
        )
        d_loss = model.weighted_sum(d_terms)
    d_gradients = tape.gradient(d_loss, model.discriminator_variables)

    train.assert_close("loss/g_loss", g_loss)
    train.assert_close("loss/d_loss", d_loss)
    for term, names in (
        (g_terms["adversarial"], ("g_adv_A", "g_adv_B")),
        (g_terms["cycle"], ("cycle_A", "cycle_B")),
        (d_terms["real"], ("d_real_A", "d_real_B")),
        (d_terms["fake"], ("d_fake_A", "d_fake_B")),
    ):
        expected = sum(train[f"loss/{name}"] for name in names)
        np.testing.assert_allclose(term, expected, rtol=1e-4, atol=1e-5)

    compared = 0
    for group, players, gradients in (
        ("grad_g", model.generator_variables, g_gradients),
        ("grad_d", model.discriminator_variables, d_gradients),
    ):
        by_id = {id(v): g for v, g in zip(players, gradients, strict=True)}
        for name in train.group(group):
            train.assert_close(f"{group}/{name}", by_id[id(variables[name])])
            compared += 1
    assert compared == 80


def test_optimizer_steps(model, train):
    batch = {
        "images_a": train["in/input_A"],
        "images_b": train["in/input_B"],
    }
    variables = named_variables(model)
    noise = set(train.meta["zero_gradient_weights"])
    # The reference did not run its update ops, which training mode ignores.
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    for step in (1, 2, 3):
        history = model.fit(
            dataset, steps_per_epoch=1, verbose=0, shuffle=False
        ).history
        train.assert_close(f"step_loss/g_{step}", history["g_loss"][0])
        train.assert_close(f"step_loss/d_{step}", history["d_loss"][0])
        if step == 2:
            continue
        for name in train.group(f"adam{step}"):
            if name not in noise:
                train.assert_close(
                    f"adam{step}/{name}", variables[name], rtol=1e-6
                )
        fake_b = model.generator_ab(batch["images_a"], training=True)
        train.assert_close(f"adam{step}_out_train/fake_B", fake_b)
        train.assert_close(
            f"adam{step}_out_train/dis_real_A",
            model.discriminator_a(batch["images_a"], training=True),
        )


def test_full_width(reference):
    full = reference("article_cyclegan_fullwidth")
    meta = full.meta
    rng = np.random.RandomState(meta["seed"])
    weights = {}
    for name, shape in zip(
        meta["weights_order"], meta["weights_shape"], strict=True
    ):
        kind = name.rsplit("/", 1)[-1]
        if kind == "kernel":
            limit = np.sqrt(6 / (shape[0] * shape[1] * (shape[2] + shape[3])))
            array = rng.uniform(-limit, limit, shape)
        elif kind == "moving_variance":
            array = rng.uniform(0.5, 1.5, shape)
        elif kind == "gamma":
            array = 1 + 0.2 * rng.standard_normal(shape)
        else:  # bias, beta, moving_mean
            array = 0.1 * rng.standard_normal(shape)
        weights[name] = array.astype("float32")
    for position, name in enumerate(meta["weights_order"]):
        assert weights[name].flat[0] == full["check/first"][position]

    for mode in ("eval", "train"):
        model = CycleGAN()
        load_networks(model, weights)
        training = mode == "train"
        a = full["in/input_A"]
        fake_b = model.generator_ab(a, training=training)
        outputs = {
            "fake_B": fake_b,
            "fake_rec_A": model.generator_ba(fake_b, training=training),
            "dis_real_A": model.discriminator_a(a, training=training),
            "dis_fake_B": model.discriminator_b(fake_b, training=training),
        }
        for name, actual in outputs.items():
            full.assert_close(f"out_{mode}/{name}", actual)
