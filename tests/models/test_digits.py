"""UNIT for digits beside its authors' training loop for domain adaptation."""

import numpy as np
import pytest
import tensorflow as tf

from tests.benchmarks import digits
from tests.models.unit_training import close
from tests.networks.pytorch_reference import assign, nchw, nhwc, to_reference

# Our term -> those of the code.
TERMS = {
    "adversarial": ("gen_ad_loss",),
    "reconstruction": ("gen_ll_loss_a", "gen_ll_loss_b"),
    "kl": ("gen_enc_loss",),
    "real": ("dis_ad_true_loss",),
    "fake": ("dis_ad_fake_loss_a",),
    "classification": ("dis_cls_loss",),
    "feature": ("dis_feature_loss_a", "dis_feature_loss_b"),
}
PLAYERS = (
    ("discriminator", "grad_d", "dis_total_loss"),
    ("generator", "grad_g", "gen_total_loss"),
)
_NETWORKS = {
    **{f"first_{d}": [f"gen/g_en_conv0_{d}.model"] for d in "ab"},
    "deep": [
        *(f"gen/g_en_conv{n}.model" for n in (1, 2, 3)),
        *(f"gen/g_vae.{name}" for name in ("en_mu", "en_sigma")),
    ],
    "decoder": [f"gen/g_de_conv{n}.model" for n in (0, 1, 2)],
    **{
        f"last_{d}": [f"gen/g_de_conv3_{d}.model", f"gen/de_conv4_{d}"]
        for d in "ab"
    },
    **{f"eye_{d}": [f"dis/conv0_{d}.0"] for d in "ab"},
    "body": [
        *(f"dis/conv{n}.0" for n in (1, 2, 3)),
        "dis/conv4",
        "dis/conv_cl",
    ],
}


def variables(model):
    """Return weights and moving statistics by the code's names."""
    found = {}
    for attribute, names in _NETWORKS.items():
        names = iter(names)
        for layer in getattr(model, attribute).layers:
            own = {v.name: v for v in layer.weights}
            if "kernel" in own:
                name = next(names)
                part = ".0" if name.endswith("model") else ""
                found[f"{name}{part}.weight"] = own["kernel"]
                found[f"{name}{part}.bias"] = own["bias"]
            elif "moving_mean" in own:
                found[f"{name}.1.running_mean"] = own["moving_mean"]
                found[f"{name}.1.running_var"] = own["moving_variance"]
                found[f"{name}.2.bias"] = own["beta"]
    return found


@pytest.fixture
def fixture(reference):
    return reference("unit_digits_da")


@pytest.fixture
def model(fixture):
    model = digits.DigitsUNIT(2, channels_a=3, dropout=0.0)
    model.compile(run_eagerly=True)
    assign(variables(model), fixture.group("w"))
    model._draw = lambda images: 0.0
    return model


@pytest.fixture
def batch(fixture):
    labels = np.eye(10, dtype="float32")[fixture["in/labels_a"]]
    images = {f"images_{d}": nhwc(fixture[f"in/x_{d}"]) for d in "ab"}
    return {**images, "labels_a": labels}


def test_all_weights_have_a_place(model, fixture):
    assert {*variables(model)} == {*fixture.group("w")}
    assert len(model.trainable_variables) == 52


def compare_images(fixture, group, generated):
    (own_a, fake_a), (fake_b, own_b), *_ = generated
    for name, images in (
        *(("x_aa", own_a), ("x_ba", fake_a)),
        *(("x_ab", fake_b), ("x_bb", own_b)),
    ):
        close(fixture, group, name, nchw(images))


def test_forward(model, fixture, batch):
    a, b, _ = batch.values()
    places = digits._with_places(a)[:1, :, :, 3:]
    fixture.assert_close("aux/xy", nchw(places))
    generated = model._generated(a, b, 0.0, training=False)
    compare_images(fixture, "out_eval", generated)
    generated = model._generated(a, b, 0.0, training=True)
    compare_images(fixture, "out_train", generated)
    for name in fixture.group("running1"):
        variable = variables(model)[name]
        close(fixture, "running1", name, variable)
    (own_a, fake_a), (fake_b, own_b), mean, deviation = generated
    close(fixture, "out_train", "mu", nchw(mean))
    close(fixture, "out_train", "sd", nchw(deviation))
    for kind, pair, features in (
        ("real", (a, b), ("feat_a", "feat_b")),
        ("recon", (own_a, own_b), ("feat_aa", "feat_bb")),
        ("trans", (fake_a, fake_b), ("feat_ba", "feat_ab")),
    ):
        found, judged, classes = model._judged(*pair, training=True)
        close(fixture, "out_train", f"dis_{kind}", judged)
        for name, half in zip(features, tf.split(found, 2), strict=True):
            close(fixture, "out_train", name, nchw(half))
        if kind == "real":
            for domain, half in zip("ab", tf.split(classes, 2), strict=True):
                close(fixture, "out_train", f"classify_{domain}", half)
                logits = model.classifier(domain)(batch[f"images_{domain}"])
                np.testing.assert_allclose(logits, half, rtol=1e-5, atol=1e-6)
    noise = nhwc(fixture["noise_in/z"])
    generated = model._generated(a, b, noise, training=True)
    compare_images(fixture, "noise_out", generated)


def compare_terms(losses, terms):
    for term, value in terms.items():
        expected = sum(losses[name] for name in TERMS[term])
        np.testing.assert_allclose(
            value, expected, rtol=1e-4, atol=1e-5, err_msg=term
        )


def test_losses_and_gradients(model, fixture, batch):
    a, b, labels = batch.values()
    for player, group, total in PLAYERS:
        inputs = (a, b, labels) if player == "discriminator" else (a, b)
        own = model.variables_of(player)
        with tf.GradientTape() as tape:
            find = getattr(model, f"_{player}_terms")
            terms, _ = find(*inputs, 0.0, training=True)
            objective = model.weighted_sum(terms)
        compare_terms(fixture.group("loss"), terms)
        close(fixture, "loss", total, objective)
        gradients = tape.gradient(objective, own)
        gradients = dict(zip(map(id, own), gradients, strict=True))
        assert len(fixture.group(group)) == len(own)
        for name in fixture.group(group):
            gradient = to_reference(gradients[id(variables(model)[name])])
            close(fixture, group, name, gradient)


def test_three_steps_of_the_recipe(model, fixture, batch):
    named = variables(model)
    for step in range(3):
        logs = model.train_on_batch(batch, return_dict=True)
        model.reset_metrics()
        losses = {k: v[step] for k, v in fixture.group("step_loss").items()}
        compare_terms(
            losses,
            {
                name: logs[f"{player[0]}_{name}"]
                for player, names in model.terms.items()
                for name in names
            },
        )
        if step == 1:
            continue
        for group in (f"adam{step + 1}", f"adam{step + 1}_running"):
            compared = {*fixture.group(group)}
            compared -= {*fixture.meta["zero_gradient_weights"]}
            assert len(compared) >= 20
            for name in compared:
                close(fixture, group, name, to_reference(named[name].numpy()))


def test_without_dropout_features_are_those_of_inference():
    model = digits.DigitsUNIT(1)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 1))
    pair = [tf.constant(images, tf.float32)] * 2
    still, dropped = (model._judged(*pair, t) for t in (False, True))
    assert np.any(still[1] != dropped[1])
    assert np.any(still[0] != dropped[0])
