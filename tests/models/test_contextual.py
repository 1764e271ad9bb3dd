"""Contextual GAN: its public code, its searches, and odd sketches."""

import logging
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import images, losses, train, translate
from keras_gans.checks import UserError
from keras_gans.models.contextual_gan import ContextualGAN
from keras_gans.serving import onnx_files, translation
from tests.models.noise_training import Training
from tests.tiny import make_batch, make_model


@pytest.fixture(scope="module")
def published():
    """Return the public code's system, untrained."""
    model = ContextualGAN(
        *("published", 64, 20, 4), labels=[f"attribute {i}" for i in range(18)]
    )
    model.compile(run_eagerly=True)
    return model


@pytest.fixture
def training(published, reference):
    fixture = reference("stext2image")
    names = list(fixture.meta["weights_order"])
    for i, name in enumerate(fixture.meta["weights_order"]):
        if name.endswith("/beta"):  # which ours have after their scale
            names[i : i + 2] = names[i + 1], name
    variables = [v for n in published.networks for v in n.trainable_variables]
    variables = dict(zip(names, variables, strict=True))
    for name, variable in variables.items():
        variable.assign(fixture[f"w/{name}"])
    # The code's labels are -1 and 1.
    labels, wrong = ((fixture[f"in/{t}"] + 1.0) / 2.0 for t in ("t", "t_wr"))
    published._draw_wrong = lambda vectors, seed: tf.constant(wrong)
    left, right = np.split(fixture["in/images"], 2, axis=2)
    return Training(
        *(published, fixture, variables, lambda name, array: array.numpy()),
        fixture["in/z"],
        images_a=left,
        images_b=right,
        labels=labels,
    )


def test_networks_losses_and_gradients_of_the_public_code(training):
    model = training.model
    joint, labels = model._joint(training.batch)
    wrong = model._draw_wrong(labels, None)
    with tf.GradientTape() as tape:
        fake = model.generator([training.latents, labels], training=True)
        terms, _ = model._generator_terms(fake, labels, training=True)
        total = model.weighted_sum(terms)
    training.assert_close("out_train", "G", fake)
    training.assert_close("loss", "g_loss", total)
    training.assert_gradients("grad_g", tape, total, model.generator_variables)
    with tf.GradientTape() as tape:
        terms, _ = model._discriminator_terms(
            joint, fake, labels, wrong, training=True
        )
        total = model.weighted_sum(terms)
    for name, term in terms.items():
        training.assert_close("loss", f"d_loss_{name}", term)
    training.assert_gradients(
        "grad_d", tape, total, model.discriminator_variables
    )
    for name, *shown in (
        ("rl", joint, labels),
        ("fk", fake, labels),
        ("wr", joint, wrong),
    ):
        logits = model.discriminator(shown, training=True)
        training.assert_close("out_train", f"D_logits_{name}", logits)


def test_three_steps_of_the_public_code(training):
    model = training.model
    for step in (1, 2, 3):
        training.step()
        if step == 2:
            continue
        assert training.assert_group(f"iter{step}") == 29
        real = model._joint(training.batch)
        logits = model.discriminator(real, training=True)
        training.assert_close(f"iter{step}_out_train", "D_logits_rl", logits)
    latents, labels = training.latents, training.batch["labels"]
    fake = model.generator([latents, labels], training=True)
    training.assert_close("iter3_out_train", "G", fake)


def test_completion_of_the_public_code(training, reference):
    fixture, model = reference("stext2image_completion"), training.model
    config = fixture.meta["config"]
    labels = (fixture["in/t"] + 1.0) / 2.0
    left = fixture["in/images"][:, :, :64]
    # The code's weights are 100 times ours, so its rate is a 100th.
    scale = config["lam1"]
    model.search_rate = config["lr"] * scale
    model.perceptual_weight = config["lam2"] / scale
    starts = fixture["init/z_candidates"].swapaxes(0, 1)

    def found(steps, **options):
        return model.complete(
            left,
            labels=labels,
            steps=steps,
            starts=starts,
            faithful=True,
            **options,
        )

    start = found(0, whole=True)
    fixture.assert_close("init/z_chosen", start.latents)
    fixture.assert_close("init/G_chosen", start.images)
    # What was ranked was made in the batch of its round.
    rounds = fixture["init/choice"], [0, 1]
    np.testing.assert_allclose(
        start.divergence, fixture["init/kl"][rounds], rtol=0.05
    )
    for steps in (1, 3, 10):
        completion = found(steps)
        fixture.assert_close(f"loop/z_after_{steps}", completion.latents)
    fixture.assert_close("loop/total", scale * completion.curve)
    # The code shows the image before the last update.
    fixture.assert_close("out/completed", found(9).images)


def test_divergence_of_gray_values():
    white, half = np.ones((1, 2, 1, 3)), np.ones((1, 2, 1, 3))
    half[0, 0] = -1.0
    # Of (1/2, 1/2) from (0, 1), with a gray level added to each; the weights
    # of red, green and blue add up to 0.9999.
    q = np.array([1.0, 256.0]) / 257.0
    expected = np.sum(0.5 * np.log(0.5 / q))
    np.testing.assert_allclose(
        losses.gray_divergence(white, half), [expected], rtol=5e-3
    )
    assert losses.gray_divergence(half, half * 1.0)[0] == 0.0


@pytest.fixture(scope="module")
def model():
    """A calibrated model."""
    model = make_differing("contextual")
    model.num_starts, model.search_steps = 3, 4
    model.calibrate([lines(8)])
    return model


def make_differing(name):
    """Make a model whose images differ, which random ones do not."""
    model = make_model(name)
    for network in model.networks:
        for variable in network.trainable_variables:
            variable.assign(6.0 * variable)
    return model


def lines(count, seed=0):
    """Return a batch: dark lines on white, and noise."""
    rng = np.random.default_rng(seed)
    sketches = np.where(rng.uniform(size=(count, 16, 16, 1)) < 0.2, -1.0, 1.0)
    photos = rng.uniform(-1, 1, (count, 16, 16, 3))
    sketches = np.broadcast_to(sketches, photos.shape)
    return {
        "images_a": sketches.astype("float32"),
        "images_b": photos.astype("float32"),
    }


def test_a_completion_does_not_depend_on_its_batch(model):
    sketches = lines(5, seed=1)["images_a"]
    together, alone = model.complete(sketches), model.complete(sketches[3:4])
    assert np.std(together.images[:, :, 16:]) > 0.01
    np.testing.assert_allclose(alone.images[0], together.images[3], atol=1e-5)
    np.testing.assert_allclose(
        alone.curve[:, 0], together.curve[:, 3], rtol=1e-4
    )
    # The visible half is the sketch, or the generator's own.
    np.testing.assert_array_equal(together.images[:, :, :16], sketches)
    whole = model.complete(sketches, whole=True)
    np.testing.assert_array_equal(whole.images, model(whole.latents))
    faithful = model.complete(sketches[3:4], faithful=True)
    assert np.abs(faithful.curve - alone.curve).max() > 1e-3
    other = model.complete(sketches, "b")
    np.testing.assert_array_equal(other.images[:, :, 16:], sketches)


def test_nan_fails_alone(model, monkeypatch, caplog):
    sketches = lines(3, seed=2)["images_a"]
    expected = model.sketch_to_photo(sketches)
    sketches[1, 0, 0] = np.nan
    monkeypatch.setattr(model, "_check_half", tf.constant)
    outputs = model.sketch_to_photo(sketches)
    assert np.isnan(outputs[1]).all()
    np.testing.assert_allclose(outputs[::2], expected[::2], atol=1e-5)
    (record,) = caplog.records
    assert "image 1 has no completion: NaN" in record.getMessage()


def odd_sketches():
    """Return sketches by what is said of them."""
    (usual,) = lines(1, seed=3)["images_a"]
    colored = usual.copy()
    colored[:8, :, 2] = -1.0
    rows = np.arange(16)[:, None, None]
    return {
        None: usual,
        "is empty": np.ones_like(usual),
        "is inverted": -usual,
        "has shades of gray": np.where(rows % 2, usual, 0.0),
        "has colors": colored,
        "is like none": np.where(rows < 8, usual, -1.0),
    }


def test_odd_sketches_are_named_with_their_distance(model, caplog):
    odd = odd_sketches()
    sketches = np.stack([*odd.values()]).astype("float32")
    with caplog.at_level(logging.WARNING, "keras_gans"):
        outputs = model.sketch_to_photo(sketches)
    assert np.isfinite(outputs).all()
    said = [record.getMessage() for record in caplog.records]
    for number, expected in enumerate(odd):
        own = [line for line in said if line.startswith(f"image {number} ")]
        assert len(own) == (expected is not None)
        assert not own or expected in own[0]
    least, most = model.usual[0, 0].numpy()
    assert all(f"usual are {least:.3f} to {most:.3f}" in s for s in said)


def test_loaded_live_it_names_files_and_tells_its_progress(model, caplog):
    loaded = translation.of_model(model)
    pixels = np.full((2, 20, 16, 3), 255, np.uint8)
    pixels[0] = images.to_uint8(lines(1)["images_a"][0, :1])
    told = []
    with caplog.at_level(logging.WARNING, "keras_gans"):
        outputs = loaded.translate(
            pixels,
            to="b",
            names=["a.png", "b.png"],
            progress=lambda *now: told.append(now),
        )
    assert outputs.shape == pixels.shape and told == [(4, 4)]
    assert any("b.png is empty" in r.getMessage() for r in caplog.records)
    with pytest.raises(UserError, match='"savedmodel" for a model that sear'):
        onnx_files.write(None, model, pixels, {})


def test_samples_are_completions_beside_the_truth(model):
    batch = make_batch(model, 3)
    grids = model.samples(batch)
    assert [*grids] == ["sketch_to_photo", "generate"]
    roles = [column.role for column in grids["sketch_to_photo"].columns]
    assert roles == ["input", "output", "back", "truth"]
    (joint,) = grids["generate"].of("output")
    np.testing.assert_array_equal(joint, model.generate(3))


@pytest.fixture(scope="module")
def labelled():
    return make_differing("contextual-labels")


def test_completions_have_labels(labelled):
    sketches = lines(3)["images_a"]
    names = labelled.label_table.names
    rows = np.eye(3, dtype="float32")
    together = labelled.complete(sketches, labels=rows, whole=True)
    expected = labelled([together.latents, rows])
    np.testing.assert_allclose(together.images, expected, atol=1e-6)
    alone = labelled.complete(sketches[2:], labels={names[2]: 1}, whole=True)
    np.testing.assert_allclose(alone.images[0], together.images[2], atol=1e-5)
    other = labelled.complete(sketches[2:], labels=rows[0], whole=True)
    assert np.abs(other.images - alone.images).max() > 1e-2


def test_wrong_labels_are_as_frequent_as_in_the_batch(labelled):
    shares = np.array([0.0, 0.25, 1.0])
    vectors = np.arange(4000)[:, None] % 4 < 4 * shares
    vectors = tf.constant(vectors, tf.float32)
    wrong = labelled._draw_wrong(vectors, labelled.seed_generator).numpy()
    assert {*wrong.ravel()} == {0.0, 1.0}
    np.testing.assert_allclose(wrong.mean(axis=0), shares, atol=0.03)
    assert abs(np.corrcoef(wrong[:, 1], vectors[:, 1])[0, 1]) < 0.1


@pytest.mark.parametrize(
    "labels,message",
    [
        (None, r"labels must be numbers of shape \[1, 3\].*None"),
        ([0.0, 1.0], r"labels must be numbers of shape \[1, 3\]"),
        ([0.0, 2.0, 0.0], r"labels must lie in \[0, 1\]"),
        ({"Smiling": 1}, "labels must name labels among .*Male.*Smiling"),
    ],
)
def test_labels_that_do_not_fit(labelled, model, labels, message):
    sketches = lines(1)["images_a"]
    with pytest.raises(UserError, match=message):
        labelled.sketch_to_photo(sketches, labels)
    if labels is not None:
        with pytest.raises(UserError, match="labels must be left out: this"):
            model.sketch_to_photo(sketches, labels)


@pytest.mark.usefixtures("eagerly", "unexported")
def test_trained_on_a_folder_with_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = ["image,Male,Smiling"]
    pathlib.Path("photos").mkdir()
    for i in range(20):
        pixels = rng.integers(0, 256, (20, 20, 3), dtype="uint8")
        Image.fromarray(pixels).save(f"photos/{i}.png")
        table.append(f"{i}.png,{i % 2},{i // 2 % 2}")
    pathlib.Path("photos/labels.csv").write_text("\n".join(table))
    tiny = "base_filters=2 latent_dim=8 search_steps=2 num_starts=1".split()
    command = [
        *("--model=contextual --data=photos --sketch-style=edges").split(),
        *("--labels=Male,Smiling --image-size=16 --batch-size=4").split(),
        *("--steps=2 --evaluate-every=0 --run-dir=run").split(),
        *(f"--set={option}" for option in tiny),
    ]
    assert train.main(command) == 0
    assert "d_wrong" in pathlib.Path("run/log.csv").read_text()
    how = ["--model=run", "--from=b", "photos/0.png"]
    for labels, output in (("Male", "one"), ("-Male", "other")):
        given = [f"--labels={labels}", f"--output={output}", *how]
        assert translate.main(given) == 0
    one, other = (images.read(f"{name}/0.png") for name in ("one", "other"))
    assert one.shape == (20, 20, 3) and (one != other).any()
    assert translate.main(["--output=out", "--labels=Young", *how]) == 2
    assert "must name labels among Male, Smiling" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments,counts",
    [
        ({}, [5_962_755, 4_324_737]),
        ({"architecture": "published"}, [4_548_099, 12_697_472]),
        (
            {"architecture": "published", "labels": [*"abcdefghijklmnopqr"]},
            [4_557_315, 12_755_072],
        ),
    ],
)
def test_sizes_and_recipes(arguments, counts):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RandomNormal", "TruncatedNormal"):
            patch.setattr(
                keras.initializers, name, lambda *_: keras.initializers.Zeros()
            )
        model = ContextualGAN(**arguments)
    found = [
        sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        for network in model.networks
    ]
    assert found == counts
    settings = ContextualGAN.default_settings(**arguments)
    # Those of "published" are the public code's.
    expected = (50, 2, 1000, 30) if arguments else (200, 1, 500, 10)
    found = settings["epochs"], model.generator_steps
    assert (*found, model.search_steps, model.num_starts) == expected
    assert settings["batch_size"] == 64


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"architecture": "dcgan"}, "one of article, published.*dcgan"),
        ({"image_size": 60}, "image_size must be a multiple of 16.*60"),
        ({"image_size": 2**12}, "image_size.*4096"),
        ({"search_steps": -1}, "search_steps must be.*-1"),
        ({"search_rate": None}, "search_rate must be.*None"),
        ({"num_starts": 0}, "num_starts must be.*0"),
        ({"perceptual_weight": -1.0}, "perceptual_weight.*-1.0"),
        ({"labels": []}, r"labels must be a list of one name.*\[\]"),
        ({"labels": [["Male"], ["Old"]]}, "labels must be those of one data"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        ContextualGAN(**arguments)


def test_wrong_halves(model):
    with pytest.raises(UserError, match=r"images must be.*16, 16, 3"):
        model.complete(np.zeros((2, 16, 32, 3), "float32"))
    with pytest.raises(UserError, match="visible must be one of a, b.*'c'"):
        model.complete(np.zeros((2, 16, 16, 3), "float32"), "c")
