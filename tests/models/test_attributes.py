"""The attribute network: loss, calibration, backbones, commands."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gans
from keras_gans import callbacks, evaluate, generate, train, translate
from keras_gans.callbacks import health, statistics
from keras_gans.metrics import classification
from keras_gans.models import attributes
from keras_gans.models.attributes import AttributeNetwork
from keras_gans.networks import attribute_network
from keras_gans.serving import loading
from tests.tiny import fit, make_batch, make_model, moved, values

LABELS = ["A", "B", "C"]


def make(exclusive=(("A", "B"),), **arguments):
    return AttributeNetwork(
        16, LABELS, exclusive, **{"base_filters": 2} | arguments
    )


def test_parameters_of_the_default_network():
    # 27 + 18 * 32 + 72 * 32 + 144 * 32 kernels of 32 channels each, two
    # trained numbers a channel, and 4 * 4 * 128 inputs of the dense layer.
    kernels = 32 * (27 + 18 * 32 + 72 * 32 + 144 * 32)
    expected = kernels + 2 * 352 + (2048 + 1) * 10
    network = attribute_network(64, 10)
    assert (
        sum(np.prod(v.shape) for v in network.trainable_variables) == expected
    )


def test_loss_of_a_group_and_a_label_by_hand():
    model = make()
    model.compile(run_eagerly=True)
    kernel, bias = model.classifier.layers[-1].weights
    kernel.assign(tf.zeros_like(kernel))
    bias.assign([1.0, 0.0, 2.0])  # the logits of every image
    batch = {
        "images": np.zeros((2, 16, 16, 3), "float32"),
        "labels": np.array([[1, 0, 1], [0, 0, 0]], "float32"),
    }
    # -log softmax(1, 0)[0] of the first image, the second has none of the
    # group; -log sigmoid(2), -log(1 - sigmoid(2)).
    group = np.log(1 + np.exp(-1.0)) / 2
    alone = (np.log(1 + np.exp(-2.0)) + np.log(1 + np.exp(2.0))) / 2
    logs = model.test_on_batch(batch, return_dict=True)
    assert logs["c_classification"] == pytest.approx(group + alone, rel=1e-5)
    shares = model.classify(batch["images"]).numpy()[0]
    one = 1 / (1 + np.exp(-1.0))
    expected = [one, 1 - one, 1 / (1 + np.exp(-2.0))]
    np.testing.assert_allclose(shares, expected, rtol=1e-5)


def overconfident(count=2000):
    """Return a model, and images of which it claims four times too much."""
    model = make(base_filters=4)
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (count, 16, 16, 3)).astype("float32")
    kernel, bias = model.classifier.layers[-1].weights
    logits = model.classifier(images).numpy()
    kernel.assign(kernel * (8.0 / logits.std()))
    bias.assign(-8.0 / logits.std() * logits.mean(0))
    logits = model.classifier(images).numpy() / 4
    labels = np.zeros_like(logits)
    first = rng.random(count) < 1 / (1 + np.exp(logits[:, 1] - logits[:, 0]))
    labels[:, 0], labels[:, 1] = first, ~first
    labels[:, 2] = rng.random(count) < 1 / (1 + np.exp(-logits[:, 2]))
    return model, {"images": images, "labels": labels}


def test_calibration_finds_the_temperature():
    model, batch = overconfident()
    cross_entropies, errors, right = [], [], []
    for _ in range(2):
        found = model.classify(batch["images"]).numpy()
        result = classification.measure(
            model.label_table, batch["labels"], found
        )
        rows = result["labels"].values()
        errors.append(np.mean([row["calibration_error"] for row in rows]))
        right.append([(row["accuracy"], row["auc"]) for row in rows])
        chosen = np.where(batch["labels"] > 0.5, found, 1 - found)
        cross_entropies.append(-np.log(np.maximum(chosen, 1e-30)).mean())
        model.calibrate([batch])
    (scales,) = model.scales.get_weights()
    np.testing.assert_allclose(scales, 0.25, rtol=0.1)
    assert scales[0] == scales[1]
    assert cross_entropies[1] < 0.8 * cross_entropies[0]
    assert errors[1] < 0.03 < 0.1 < errors[0]
    np.testing.assert_allclose(right[1], right[0], atol=2e-3)
    # Of the same weights and images it is the same, in parts as well.
    halves = [{k: v[i::2] for k, v in batch.items()} for i in range(2)]
    model.calibrate(halves)
    np.testing.assert_allclose(model.scales.get_weights()[0], scales, rtol=1e-5)


def test_a_few_images_that_are_all_right_leave_it_finite():
    scale = attributes._scale(np.array([[5.0], [-5.0]]), np.array([[1], [0]]))
    # Where d/dt (2 log(1 + exp(-5 e^t)) + t^2 / 2 / 0.5^2) = 0.
    slope = -10 * scale / (1 + np.exp(5 * scale)) + 4 * np.log(scale)
    assert 1.0 < scale < 1.1 and slope == pytest.approx(0, abs=2e-3)
    logits = np.array([[2.0, 0.0, 0.0]])
    assert 1.0 < attributes._scale(logits, np.array([[1, 0, 0]])) < 1.2
    assert attributes._scale(logits, np.array([[0, 1, 0]])) < 1.0
    assert attributes._scale(logits, np.zeros((1, 3))) == 1.0
    wrong = attributes._scale(np.array([[9.0]] * 500), np.zeros((500, 1)))
    assert 0.0 < wrong < 0.05


@pytest.mark.parametrize("form", ["dict", "dataset", "endless", "sequence"])
def test_fit_calibrates_on_validation_data(form, tmp_path):
    model = make_model("attributes")
    batch = make_batch(model, size=8)
    dataset = tf.data.Dataset.from_tensors(batch)
    options = {"validation_data": batch}
    if form == "dataset":
        options = {"validation_data": dataset}
    if form == "endless":
        options = {"validation_data": dataset.repeat(), "validation_steps": 2}
    if form == "sequence":

        class Batches(keras.utils.PyDataset):
            num_batches = 1

            def __len__(self):
                return 1

            def __getitem__(self, index):
                return (batch,)

        options = {"validation_data": Batches()}
    path = tmp_path / "model.keras"
    model.fit(
        dataset,
        verbose=0,
        shuffle=False,
        callbacks=[keras.callbacks.ModelCheckpoint(path)],
        **options,
    )
    (scales,) = model.scales.get_weights()
    assert np.all(scales != 1.0)
    model.calibrate([batch, batch] if form == "endless" else [batch])
    np.testing.assert_array_equal(model.scales.get_weights()[0], scales)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded.scales.get_weights()[0], scales)


def test_a_generator_is_left_to_keras(caplog):
    model = make_model("attributes")
    batch = make_batch(model, size=8)
    model.fit(
        tf.data.Dataset.from_tensors(batch).repeat(),
        steps_per_epoch=1,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=(batch for _ in range(4)),
        validation_steps=2,
    )
    assert "does not calibrate on a generator" in caplog.text
    assert np.all(model.scales.get_weights()[0] == 1.0)


def test_health_checks_find_nothing_in_images_that_are_real(tmp_path):
    model = make_model("attributes")
    batch = make_batch(model, size=5)
    grid = model.samples(batch)["classify"]
    assert [c.heading for c in grid.columns[:2]] == [
        "Black_Hair",
        "not Black_Hair",
    ]
    shares = model.classify(batch["images"]).numpy()[:, 0]
    for column, place in zip(
        grid.columns, (shares.argmax(), shares.argmin()), strict=False
    ):
        assert len(column.images) == 2
        np.testing.assert_array_equal(column.images[0], batch["images"][place])
    log = callbacks.RunLog(tmp_path, every=1)
    grids = callbacks.SampleGrid(tmp_path / "samples", batch, every=1)
    checkpoint = callbacks.Checkpoints(tmp_path / "checkpoints", every=1)
    watch = health.Health(log, grids, checkpoint, early=0)
    model.fit(
        tf.data.Dataset.from_tensors(batch).repeat(),
        steps_per_epoch=2,
        verbose=0,
        shuffle=False,
        callbacks=[watch, grids, log, checkpoint],
    )
    assert [row["warnings"] for row in log.rows] == ["", ""]


def test_refreshed_statistics_leave_the_dropout_as_it_was():
    model = make_model("attributes")
    batch = make_batch(model)
    state = [v for v in model.variables if "seed" in v.name]
    moving = model.classifier.layers[2].moving_mean
    before, mean = values(state), moving.numpy()
    assert state
    statistics.refresh(model, [batch])
    assert not any(moved(before, state))
    assert not np.array_equal(mean, moving.numpy())


def nested(network):
    return [x for x in network.layers if isinstance(x, keras.Model)]


@pytest.fixture
def asked(monkeypatch):
    """A small network in place of MobileNetV2; what weights it was asked."""
    asked = []

    def network(include_top, weights, input_shape):
        assert not include_top
        asked.append(weights)
        if weights == "imagenet" and len(asked) > 1:
            raise Exception("no route to host\nat all")
        inputs = keras.Input(input_shape)
        x = keras.layers.Conv2D(3, 3, 2)(inputs)
        x = keras.layers.BatchNormalization()(x)
        return keras.Model(inputs, x)

    monkeypatch.setattr(keras.applications, "MobileNetV2", network)
    return asked


def test_a_backbone_is_frozen_and_never_fetched_again(asked, tmp_path):
    arguments = {"backbone": "mobilenet_v2", "backbone_weights": "imagenet"}
    model = AttributeNetwork(32, LABELS, **arguments)
    model.compile(run_eagerly=True)
    (backbone,) = nested(model.classifier)
    before = values(backbone.variables)
    head = values(model.classifier_variables)
    batch = make_batch(model)
    fit(model, batch, steps=2)
    statistics.refresh(model, [batch])
    assert not any(moved(before, backbone.variables))
    assert len(head) == 4 and all(moved(head, model.classifier_variables))
    model.calibrate([batch])
    expected = model.classify(batch["images"])
    model.save(tmp_path / "model.keras")
    loaded, _ = loading.read_model(tmp_path / "model.keras")
    for other in (loaded, keras.models.load_model(tmp_path / "model.keras")):
        np.testing.assert_array_equal(other.classify(batch["images"]), expected)
    assert asked == ["imagenet", None, None]
    with pytest.raises(ValueError) as error:
        AttributeNetwork(32, LABELS, **arguments)
    assert "no route to host" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "backbone, module",
    [
        ("mobilenet", "mobilenet"),
        pytest.param("mobilenet_v2", "mobilenet_v2", marks=pytest.mark.slow),
        pytest.param(
            "efficientnet_v2_b0", "efficientnet_v2", marks=pytest.mark.slow
        ),
    ],
)
def test_a_backbone_sees_what_it_was_trained_on(backbone, module):
    network = attribute_network(32, 2, backbone, "saved")
    rescaling = network.layers[1]
    pixels = np.linspace(0, 255, 32 * 32 * 3, dtype="float32")
    pixels = pixels.reshape(1, 32, 32, 3)
    expected = getattr(keras.applications, module).preprocess_input(
        pixels.copy()
    )
    np.testing.assert_allclose(
        rescaling(pixels / 127.5 - 1), expected, atol=1e-4
    )
    assert network(tf.zeros((1, 32, 32, 3))).shape == (1, 2)
    (backbone,) = nested(network)
    assert not backbone.trainable_variables


def test_bad_arguments_are_one_line(asked, tmp_path):
    for arguments, reason in (
        ({"backbone": "vgg16"}, "backbone must be one of .*'vgg16'"),
        (
            {"image_size": 16, "backbone": "mobilenet_v2"},
            "image_size must be an integer from 32",
        ),
        ({"backbone": "mobilenet_v2"}, "random weights learns nothing.*None"),
        (
            {"backbone": "mobilenet_v2", "backbone_weights": tmp_path / "no"},
            "backbone_weights must be .*no'",
        ),
        ({"backbone_weights": "imagenet"}, "left out without a backbone"),
        ({"dropout": 1}, "dropout must be a rate .*: 1"),
        ({"base_filters": 0}, "base_filters must be an integer from 1"),
        ({"image_size": 4096, "base_filters": 1024}, "of at most"),
        ({"labels": [["A"], ["B"]]}, "those of one data set"),
    ):
        with pytest.raises(keras_gans.checks.UserError, match=reason) as error:
            AttributeNetwork(**{"image_size": 32} | arguments)
        assert "\n" not in str(error.value)
    model = make()
    for wrong in (np.zeros((1, 17, 16, 3)), np.full((1, 16, 16, 3), 7.0)):
        with pytest.raises(ValueError, match="images must"):
            model.classify(wrong)
    with pytest.raises(ValueError, match="labels must lie in"):
        model.train_step(
            {"images": np.zeros((1, 16, 16, 3)), "labels": np.full((1, 3), 2.0)}
        )


@pytest.mark.usefixtures("eagerly")
def test_commands(folders, capsys):
    command = [
        *("--model", "attributes", "--data", "faces:photo@80"),
        *("--labels", "Black_Hair,Blond_Hair", "--image-size", "16"),
        *("--batch-size", "4", "--steps", "3", "--held-out", "18"),
        *("--set", "base_filters=2", "--run-dir", "run", "--export-dir", "out"),
    ]
    assert train.main([*command, "--best", "kid"]) == 2
    assert "outputs are labels" in capsys.readouterr().err
    assert train.main(command) == 0
    shown = capsys.readouterr().out
    assert "200 images, drawn faces of identities that are never" in shown
    with open("run/result.json") as file:
        row = json.load(file)["metrics"]["classify"]["labels"]["Blond_Hair"]
    line = f"| Blond_Hair | {row['majority']:.1%} | {row['accuracy']:.1%} |"
    assert line in shown
    assert evaluate.main(["--run-dir", "run"]) == 0
    assert line in capsys.readouterr().out
    with open("run/report.html") as file:
        assert '<th scope="col">calibration error</th>' in file.read()
    assert evaluate.main(["--run-dir", "run", "--metrics", "kid"]) == 2
    assert translate.main(["--model", "run", "a", "--output", "x"]) == 2
    assert generate.main(["--model", "out", "--output", "y"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == error.count("error: ") == 3
    pixels = np.random.default_rng(0).integers(0, 256, (5, 30, 40, 3), "uint8")
    live, served = keras_gans.load("run"), keras_gans.load("out")
    assert served.label_table.names == ("Black_Hair", "Blond_Hair")
    (scales,) = live.owner.scales.get_weights()
    assert scales[0] == scales[1] != 1.0
    expected = live.classify(pixels)
    assert expected.shape == (5, 2) and expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(
        served.classify(pixels, batch_size=2), expected, atol=1e-5
    )
    np.testing.assert_allclose(
        served.classify(pixels[0]), expected[0], atol=1e-5
    )
    assert served.classify(pixels[:0]).shape == (0, 2)
    answer = served.owner.signatures["classify_encoded"](
        image_bytes=tf.stack([tf.io.encode_png(pixels[0]), b"no image"])
    )
    np.testing.assert_allclose(
        answer["labels"], [expected[0], [0.0, 0.0]], atol=1e-5
    )
    assert answer["status"][0] == b"ok" != answer["status"][1]
    with pytest.raises(ValueError, match="batch_size must be"):
        live.classify(pixels, batch_size=0)
