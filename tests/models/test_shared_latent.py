"""The article's shared latent space: what each part is for, and errors."""

import numpy as np
import pytest

from keras_gans import SharedLatent, images
from keras_gans.checks import UserError
from keras_gans.serving import translation
from tests.tiny import fit, moved, values

TINY = {"image_size": 32, "base_filters": 2}


def make(loss_weights=None, **arguments):
    model = SharedLatent(**TINY, **arguments)
    model.compile(run_eagerly=True, loss_weights=loss_weights)
    return model


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return {
        f"images_{domain}": rng.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
        for domain in "ab"
    }


def shared(one, other):
    """Return how many weights two networks have in common."""
    return len({id(v) for v in one.weights} & {id(v) for v in other.weights})


@pytest.mark.parametrize("shared_layers", [0, 1, 2])
def test_deep_layers_are_the_same_or_close(shared_layers, batch):
    model = make(shared_layers=shared_layers)
    count = 2 * shared_layers  # kernels and biases
    assert shared(model.encoder_a, model.encoder_b) == count
    assert shared(model.decoder_a, model.decoder_b) == count
    assert "g_tie" not in fit(model, batch)
    if not shared_layers:
        return
    # So much that a single step shows it.
    model = make({"tie": 1e6}, shared_layers=shared_layers, tie="close")
    assert not shared(model.encoder_a, model.encoder_b)
    weights = [
        network.trainable_variables
        for network in (
            *(model.encoder_a, model.encoder_b),
            *(model.decoder_a, model.decoder_b),
        )
    ]
    expected = sum(
        np.sum((one.numpy() - other.numpy()) ** 2)
        for first, second, part in (
            (*weights[:2], slice(-count, None)),
            (*weights[2:], slice(count)),
        )
        for one, other in zip(first[part], second[part], strict=True)
    )
    np.testing.assert_allclose(model._distance(), expected, rtol=1e-5)
    assert expected > 1.0
    fit(model, batch)
    assert float(model._distance()) < 0.999 * expected


def test_the_latent_discriminator_watches_where_nobody_must_fool_it(batch):
    model = make({"latent_adversarial": 0.0})
    other = make()
    other.set_weights(model.get_weights())
    encoder = values(model.encoder_a.weights)
    logs = [fit(one, batch) for one in (model, other)]
    assert logs[0]["ld_domain"] == logs[1]["ld_domain"] > 0
    assert "g_latent_adversarial" not in logs[0]
    assert all(moved(encoder, model.encoder_a.weights))
    # What the encoders must hide is all that makes a difference.
    assert any(moved(values(model.encoder_a.weights), other.encoder_a.weights))
    assert not any(
        moved(
            values(model.discriminators_a[0].weights), other.networks[4].weights
        )
    )


def test_latent_losses_are_each_others_mirror(batch):
    model = make()
    code_a, code_b = model._encoded(*batch.values(), training=False)
    told, _ = model._latent_discriminator_terms(code_a, code_b, training=False)
    logits = [model.latent_discriminator(code) for code in (code_a, code_b)]
    from_a, from_b = (1 / (1 + np.exp(-np.asarray(x))) for x in logits)
    np.testing.assert_allclose(
        told["domain"],
        -np.log(from_a).mean() - np.log(1 - from_b).mean(),
        rtol=1e-5,
    )
    fooled, _ = model._generator_terms(
        *batch.values(), (None, None), None, training=False
    )
    np.testing.assert_allclose(
        fooled["latent_adversarial"],
        -np.log(1 - from_a).mean() - np.log(from_b).mean(),
        rtol=1e-5,
    )


def test_codes_are_decoded_into_both_domains(batch):
    model = make()
    a, b = batch.values()
    codes = model.encode(a, "a")
    assert codes.shape == (2, 4, 4, 8) and codes.dtype == "float32"
    np.testing.assert_array_equal(model(a), model.decode(codes, "b"))
    np.testing.assert_array_equal(model(a), model.translate(a, to="b"))
    np.testing.assert_array_equal(
        model.translate(b, to="a"), model.decode(model.encode(b, "b"), "a")
    )
    (own_a, fake_a), (fake_b, own_b) = model._decoded(
        model._encoded(a, b, training=False), training=False
    )
    for found, expected in (
        (own_a, model.decode(codes, "a")),
        (own_b, model.decode(model.encode(b, "b"), "b")),
        (fake_a, model.translate(b, to="a")),
        (fake_b, model.translate(a, to="b")),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_samples_have_a_way_between_two_images(batch):
    model = make()
    grids = model.samples(batch)
    assert [*grids] == ["a_to_b", "b_to_a", "interpolation"]
    roles = [column.role for column in grids["b_to_a"].columns]
    assert roles == ["input", "output", "back"]
    into_a, into_b = (c.images for c in grids["interpolation"].columns)
    assert into_a.shape == into_b.shape == (8, 32, 32, 3)
    ends = batch["images_a"]
    reconstructed = model.decode(model.encode(ends, "a"), "a")
    np.testing.assert_allclose(into_a[::7], reconstructed, atol=1e-6)
    np.testing.assert_allclose(into_b[::7], model(ends), atol=1e-6)


def test_a_loaded_model_has_an_encoder_for_each_domain():
    model = make()
    loaded = translation.of_model(model)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 32, 32, 3), np.uint8)
    expected = model.encode(images.to_float(pixels), "b")
    found = loaded.encode_b(pixels, batch_size=2)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert loaded.encode_a(pixels[0, :20]).shape == model.code_shape
    assert not hasattr(loaded, "encode_c") and loaded.label_table is None
    for options, message in (
        ({"to": "encode_a"}, r"to must be a domain: encode_a returns codes"),
        ({"verb": "encode_a"}, "takes images and returns images.*encode_a"),
    ):
        with pytest.raises(UserError, match=message):
            loaded.translate(pixels, **options)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"architecture": "cogan"}, "architecture must be one of article"),
        ({"image_size": 60}, 'multiple of 16 from 32.*="article"'),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"base_filters": 10**6}, "at most 268,435,456 weights.*=1000000"),
        ({"shared_layers": 3}, "shared_layers.*from 0 to 2.*3"),
        ({"shared_layers": 0, "tie": "close"}, "shared_layers.*from 1 up.*0"),
        ({"tie": "loose"}, "tie must be one of equal, close.*loose"),
        ({"num_residual_blocks": 2}, "left out for.*article.*2"),
        ({"num_discriminator_layers": 0}, "left out for.*article.*0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        SharedLatent(**arguments)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda m, x: m.translate(x, to="anime"), "to must be one of a, b"),
        (lambda m, x: m.encode(x, domain="c"), "domain must be one of a, b"),
        (lambda m, x: m.decode(x, "a"), r"codes must be.*, 8\].*32, 32, 3"),
        (lambda m, x: m.encode(x[:, 1:], "a"), "multiples of 8.*31"),
        (lambda m, x: m.encode(x[:, :0], "a"), "from 8 up.*0"),
        (
            lambda m, x: m.compile(loss_weights={"tie": 1.0}),
            "loss_weights must have keys among.*tie",
        ),
        (
            lambda m, x: m.compile(loss_weights={"domain": 0.0}),
            "weight above 0 among domain",
        ),
    ],
)
def test_wrong_use(use, message):
    with pytest.raises(UserError, match=message):
        use(make(), np.zeros((1, 32, 32, 3), "float32"))
