"""XGAN beside the training loop of a reimplementation, and wrong use."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import XGAN, losses, registry
from keras_gans.checks import UserError
from tests.models.pytorch_training import under
from tests.networks.pytorch_reference import layers_of, tolerances
from tests.tiny import values

NETWORKS = {
    "encoder_{}": ("encoder_{}", "encoder_sharing"),
    "decoder_{}": ("decoder_sharing", "decoder_{}"),
    "discriminator_{}": ("discriminator_{}",),
}
G_TERMS = {
    "reconstruction": "rec_loss",
    "domain": "dann_loss",
    "semantic": "sem_loss",
    "adversarial": "gen_gan_loss",
}


def variables(model, arrays):
    """Return the variables by the code's names, shared ones once."""
    scopes = [("domain_classifier", ("cdann",))]
    for domain in "ab":
        scopes += [
            (
                ours.format(domain),
                [scope.format(domain.upper()) for scope in theirs],
            )
            for ours, theirs in NETWORKS.items()
        ]
    found = {}
    for attribute, theirs in scopes:
        names = [
            f"{scope}/{name}"
            for scope in theirs
            for name in under(scope, arrays)
        ]
        own = getattr(model, attribute).trainable_variables
        found |= dict(zip(names, own, strict=True))
    return found


@pytest.fixture
def fixture(reference):
    return reference("xgan_train")


@pytest.fixture
def model(fixture):
    model = XGAN(
        base_filters=2,
        decoder_filters=2,
        discriminator_filters=3,
        embedding_dim=16,
    )
    model.compile(run_eagerly=True)
    arrays = fixture.group("w")
    for name, variable in variables(model, arrays).items():
        # A dense layer is a convolution over all that there is.
        variable.assign(arrays[name].reshape(variable.shape))
    return model


@pytest.fixture
def batch(fixture):
    return {f"images_{d}": fixture[f"in/real_{d.upper()}"] for d in "ab"}


def close(fixture, group, name, actual):
    expected = fixture[f"{group}/{name}"]
    fixture.assert_close(
        f"{group}/{name}",
        np.reshape(actual, expected.shape),
        **tolerances(fixture)[group],
    )


def test_shared_weights_are_those_of_the_code(model, fixture):
    found = variables(model, fixture.group("w"))
    assert {*found} == {*fixture.group("w")}
    assert len(found) == len(model.trainable_variables) == 66
    assert len(model.generator_variables) == 44


def test_forward(model, fixture, batch):
    a, b = batch.values()
    codes = model.encode(a, "a"), model.encode(b, "b")
    (own_a, fake_a), (fake_b, own_b) = model._decoded(codes, training=False)
    for name, actual in {
        **{"embedding_A": codes[0], "embedding_B": codes[1]},
        **{"reconstruct_A": own_a, "reconstruct_B": own_b},
        **{"fake_A": fake_a, "fake_B": fake_b},
        "cdann_A": model.domain_classifier(codes[0]),
        "cdann_B": model.domain_classifier(codes[1]),
        "embedding_fake_A": model.encode(fake_a, "a"),
        "embedding_fake_B": model.encode(fake_b, "b"),
        "discriminate_real_A": model.discriminator_a(a),
        "discriminate_real_B": model.discriminator_b(b),
        "discriminate_fake_A": model.discriminator_a(fake_a),
        "discriminate_fake_B": model.discriminator_b(fake_b),
    }.items():
        close(fixture, "out", name, actual)


def test_encoders_get_the_gradient_of_the_domain_loss_reversed(model, fixture):
    codes = [
        tf.constant(fixture[f"out/embedding_{d}"].reshape((2, 16)))
        for d in "AB"
    ]
    with tf.GradientTape() as tape:
        tape.watch(codes)
        of_a, of_b = map(model.domain_classifier, codes)
        loss = sum(losses.non_saturating_discriminator(of_b, of_a))
    close(fixture, "loss", "dann_loss", loss)
    for domain, gradient in zip("AB", tape.gradient(loss, codes), strict=True):
        close(fixture, "out", f"grad_dann_embedding_{domain}", gradient)


def test_losses_and_gradients(model, fixture, batch):
    named = variables(model, fixture.group("w"))
    fakes = fixture["out/fake_A"], fixture["out/fake_B"]
    for player, group, expected, find, inputs in (
        ("generator", "grad_g", "gen_loss", model._generator_terms, ()),
        (
            *("discriminator", "grad_d", "dis_loss"),
            *(model._discriminator_terms, fakes),
        ),
    ):
        own = model.variables_of(player)
        with tf.GradientTape() as tape:
            terms, _ = find(*batch.values(), *inputs, training=True)
            total = model.weighted_sum(terms)
        close(fixture, "loss", expected, total)
        for name, theirs in G_TERMS.items():
            if name in terms:
                close(fixture, "loss", theirs, terms[name])
        gradients = dict(
            zip(map(id, own), tape.gradient(total, own), strict=True)
        )
        assert len(fixture.group(group)) == len(own)
        for name in fixture.group(group):
            close(fixture, group, name, gradients[id(named[name])])


def test_three_steps_of_the_recipe(model, fixture, batch):
    named = variables(model, fixture.group("w"))
    for step in range(3):
        logs = model.train_on_batch(batch, return_dict=True)
        model.reset_metrics()
        for log, theirs in {
            **{f"g_{name}": theirs for name, theirs in G_TERMS.items()},
            **{"g_loss": "gen_loss", "d_loss": "dis_loss"},
        }.items():
            expected = fixture[f"step_loss/{theirs}"][step]
            np.testing.assert_allclose(
                logs[log], expected, 1e-4, 1e-5, err_msg=log
            )
        if step == 1:
            continue
        group = f"adam{step + 1}"
        assert len(fixture.group(group)) == len(named)
        for name, variable in named.items():
            close(fixture, group, name, variable)


def test_the_first_fakes_fill_the_pools(model, batch):
    fakes = [model.translate(batch[f"images_{s}"], t) for s, t in ("ba", "ab")]
    model.train_on_batch(batch)
    for pool, fake in zip((model.pool_a, model.pool_b), fakes, strict=True):
        assert int(pool.filled) == 2
        np.testing.assert_allclose(pool.images[:2], fake, atol=1e-5)


@pytest.fixture
def teacher(tmp_path):
    """Return the path of an embedding model that anyone may have made."""
    keras.Sequential(
        [keras.Input((64, 64, 3)), keras.layers.AveragePooling2D(32)]
        + [keras.layers.Flatten(), keras.layers.Dense(16)]
    ).save(path := tmp_path / "teacher.keras")
    return str(path)


def test_the_teacher_draws_the_embeddings_of_a(model, batch, teacher):
    taught = XGAN.from_config({**model.get_config(), "teacher": teacher})
    taught.set_weights(model.get_weights())
    with pytest.raises(UserError, match="teacher must be a file.*None"):
        model.compile(loss_weights={"teacher": 1.0})
    taught.compile(run_eagerly=True, loss_weights={"teacher": 3.0})
    assert taught.get_config()["teacher"] == teacher
    assert len(taught.weights) == len(model.weights)  # they are not its own
    embeddings = taught.encode(batch["images_a"], "a")
    known = keras.saving.load_model(teacher)(batch["images_a"])
    expected = np.abs(known - embeddings).mean()
    logs = taught.train_on_batch(batch, return_dict=True)
    np.testing.assert_allclose(logs["g_teacher"], expected, rtol=1e-5)
    others = sum(logs[f"g_{name}"] for name in G_TERMS)
    np.testing.assert_allclose(logs["g_loss"], others + 3 * expected, 1e-5)
    assert "teacher" not in registry.options(XGAN)
    # Where it is not, the model can be loaded, but not trained.
    taught.save(path := f"{teacher}.model.keras")
    pathlib.Path(teacher).unlink()
    loaded = keras.models.load_model(path)
    with pytest.raises(UserError, match="teacher must be a file"):
        loaded.train_on_batch(batch)


@pytest.mark.parametrize(
    "dim, message",
    [
        (15, r"outputs of shape \(None, 15\).*teacher.keras.*\(None, 16\)"),
        (0, "teacher must be a file of a Keras model.*damaged"),
    ],
)
def test_what_is_no_teacher(teacher, dim, message, tmp_path):
    if not dim:
        teacher = tmp_path / "damaged.keras"
        teacher.write_bytes(b"PK")
    sizes = {"base_filters": 2, "embedding_dim": dim or 16}
    model = XGAN(**sizes, teacher=str(teacher))
    with pytest.raises(UserError, match=message):
        model.compile(loss_weights={"teacher": 1.0})


def test_samples_have_a_way_between_two_images(model, batch):
    grids = model.samples(batch)
    assert [*grids] == ["a_to_b", "b_to_a", "interpolation"]
    columns = {column.role: column.images for column in grids["b_to_a"].columns}
    np.testing.assert_array_equal(
        columns["output"], model.translate(batch["images_b"], to="a")
    )
    np.testing.assert_array_equal(
        columns["back"], model.translate(columns["output"])
    )
    into_a, into_b = (c.images for c in grids["interpolation"].columns)
    assert into_a.shape == into_b.shape == (8, 64, 64, 3)
    ends = batch["images_a"]
    reconstructed = model.decode(model.encode(ends, "a"), "a")
    np.testing.assert_allclose(into_a[::7], reconstructed, atol=1e-6)
    np.testing.assert_allclose(into_b[::7], model(ends), atol=1e-6)


def test_defaults_are_the_published_recipe():
    model = XGAN()
    assert (model.image_size, model.default_batch_size) == (64, 2)
    counts = {
        player: sum(int(np.prod(v.shape)) for v in model.variables_of(player))
        for player in model.terms
    }
    assert counts == {
        "generator": 17_772_928 + 3_146_752,
        "discriminator": 2 * 42_432,
    }
    # Two deviations of N(0, 0.02).
    kernel = values(layers_of(model.encoder_a, "Dense")[0].weights)[0]
    assert 0.039 < np.abs(kernel).max() < 0.0401
    assert model.encoder_a.output_shape == (None, 1024)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 16}, "image_size.*from 32.*16"),
        ({"image_size": 72}, "multiple of 16 from 32 up.*72"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"decoder_filters": 0}, "decoder_filters.*from 1 up.*0"),
        ({"discriminator_filters": "8"}, "discriminator_filters.*'8'"),
        ({"discriminator_filters": 10**4}, "at most.*filters=10000"),
        ({"embedding_dim": 10**5}, "at most.*embedding_dim=100000"),
        ({"pool_size": -1}, "pool_size.*from 0 up.*-1"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        XGAN(**arguments)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda m, x: m.translate(x, to="anime"), "to must be one of a, b"),
        (lambda m, x: m.encode(x, domain="c"), "domain must be one of a, b"),
        (lambda m, x: m.decode(x, "a"), r"\[batch, 16\].*64, 64, 3"),
        (lambda m, x: m.encode(x[:, 16:], "a"), r"64, 64, 3\].*48, 64, 3"),
        (lambda m, x: m(x[:, 16:]), r"64, 64, 3\].*48, 64, 3"),
    ],
)
def test_wrong_use(model, use, message):
    with pytest.raises(UserError, match=message):
        use(model, np.zeros((1, 64, 64, 3), "float32"))
