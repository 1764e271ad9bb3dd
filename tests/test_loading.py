"""Files of models from elsewhere: skipped or named, never run."""

import json
import pathlib
import re
import shutil
import tracemalloc
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_gans
from keras_gans import registry
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.serving import description, loading
from tests.models.test_contract import TINY, make_bare, make_model
from tests.test_checkpoints import DAMAGES, flip, of_config, rewritten
from tests.tiny import fit, make_batch, moved, values

SETTINGS = {"model": "dcgan", "seed": 0, "image_size": 32}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run folder with the checkpoints of steps 1 and 2."""
    model, folder = make_model("dcgan"), tmp_path_factory.mktemp("whole")
    for step in (1, 2):
        model.step.assign(step)
        checkpoints.save(model, folder / "checkpoints")
    (folder / "arguments.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def step_of(run):
    model, settings = loading.read_model(run)
    assert settings == SETTINGS
    return int(model.step.numpy())


# What `test_checkpoints` asks of each is here asked of some.
OF_THE_SAME_KIND = (
    *("foreign zip", "no json", "number for a class", "no config"),
    *("renamed weights", "no weights", "another shape", "no own state"),
    *("large chunk", "large member"),
)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            name, marks=[pytest.mark.slow] * (name in OF_THE_SAME_KIND)
        )
        for name in DAMAGES
    ],
)
def test_whatever_is_wrong_the_one_before_is_taken(run, caplog, damage):
    newest = run / "checkpoints" / "000002.keras"
    rewritten(newest, DAMAGES[damage], zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    assert step_of(run) == 1
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert "000002.keras" in caplog.text and "it is skipped" in caplog.text
    (run / "checkpoints" / "000001.keras").unlink()
    with pytest.raises(UserError, match="the newest: .*000002.keras"):
        loading.read_model(run)


@pytest.mark.parametrize(
    "count", [6, pytest.param(1600, marks=pytest.mark.slow)]
)
def test_flipped_bits_of_the_directory(run, count):
    for _ in flip(run / "checkpoints" / "000002.keras", count):
        assert step_of(run) in (1, 2)


HOSTILE = {
    "blocks": {"architecture": "resnet", "num_residual_blocks": 10**6},
    "filters": {"base_filters": 10**6},
    "size": {"image_size": 2**20},
    "pool": {"pool_size": 10**9},
    "number": {"base_filters": 1e308},
    "text": {"base_filters": "4"},
    "unknown": {"activity_regularizer": {"class_name": "L2", "config": {}}},
    "policy": {"dtype": {"class_name": "X", "config": {"name": "int8"}}},
    "no policy": {"dtype": "float32"},
    "name": {"name": "../x"},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A CycleGAN, which has more arguments, in a file."""
    path = tmp_path_factory.mktemp("file") / "model.keras"
    make_bare("cyclegan").save(path)
    return path


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_file_asks_for_is_bounded(file, tmp_path, name):
    path = shutil.copy(file, tmp_path)
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("config.json"))
    content["config"] |= HOSTILE[name]
    rewritten(path, of_config(json.dumps(content)))
    with pytest.raises(UserError, match="model.keras cannot be read") as error:
        loading.load(path)
    assert len(str(error.value).splitlines()) == 1


def test_no_class_but_ours_is_made(tmp_path):
    made = []

    @keras.saving.register_keras_serializable("keras_gans")
    class Hostile(keras.Model):
        def __init__(self, **kwargs):
            made.append(self)
            super().__init__(**kwargs)

        def call(self, inputs):
            return inputs

    path = tmp_path / "hostile.keras"
    model = Hostile()
    model.build((None, 1))
    model.save(path)
    made.clear()
    with pytest.raises(UserError, match="holds a Hostile"):
        loading.load(path)
    assert not made


def test_networks_can_compute_in_another_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        make_bare("dcgan").save(tmp_path / "half.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    path = tmp_path / "half.keras"
    assert loading.read_model(path)[0].compute_dtype == "bfloat16"
    model, _ = loading.read_model(path, precision="float32")
    assert {n.layers[-2].compute_dtype for n in model.networks} == {"float32"}


@pytest.mark.parametrize("name", sorted(TINY))
def test_every_model_comes_back(name, tmp_path):
    model = make_bare(name)
    model.save(tmp_path / "model.keras")
    other, _ = loading.read_model(tmp_path / "model.keras")
    assert other.get_config() == model.get_config()
    for one, two in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.parametrize(
    "content,message",
    [
        (b"", "arguments.json is damaged"),
        (b"[1]", "arguments.json is damaged"),
        (b'{"model": "evil"}', "arguments.json: model must be one of"),
        (b'{"model_arguments": [1]}', "must be.*dict for model_arguments"),
        (b'{"labels": [3]}', "arguments.json must be.*names for labels"),
        (b'{"data": [{}]}', "arguments.json must be.*names for data"),
        (b'{"data_a": ["x"]}', "arguments.json must be.*str for data_a"),
        (b'{"seed": -1}', "arguments.json: seed must be"),
        (b'{"image_size": 1e9}', "arguments.json: image_size must be"),
        (b'{"batch_size": 1000000000}', "batch_size must be.*to 65536"),
        (
            b'{"model": "cyclegan", "model_arguments": {"trainable": {}}}',
            "json: a key of model_arguments must be one of architecture",
        ),
    ],
)
def test_settings_of_a_run_folder_are_checked(run, content, message):
    (run / "arguments.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        loading.read_model(run)
    assert len(str(caught.value).splitlines()) == 1


def test_arguments_of_compile_that_there_are_not_are_left_out(run):
    """Such as those of a version that had them, or a class to be made."""
    recorded = {"ema": 0.9, "augment_discriminator": "color", "optimizer": {}}
    settings = SETTINGS | {"compile_arguments": recorded}
    (run / "arguments.json").write_text(json.dumps(settings))
    _, found = loading.read_model(run)
    assert found["compile_arguments"] == {"ema": 0.9}


@pytest.fixture(scope="module")
def exported(exported_cyclegan):
    return exported_cyclegan


@pytest.mark.parametrize(
    "place,content",
    [
        ("model.json", b"{"),
        ("model.json", b'{"model": "CycleGAN"}'),
        ("model.json", b" " * 2**23),
        ("saved_model.pb", b""),
        ("saved_model.pb", b"no graph"),
        ("variables/variables.index", b"no table"),
    ],
)
def test_damaged_exports_are_named(exported, tmp_path, place, content):
    copy = shutil.copytree(exported, tmp_path / "1")
    (copy / place).write_bytes(content)
    with pytest.raises(UserError, match=str(copy)) as caught:
        loading.load(copy)
    assert len(str(caught.value).splitlines()) == 1


def reads(images):
    size = tf.cond(
        tf.size(images) > 3,
        lambda: tf.strings.length(tf.io.read_file("secret")),
        lambda: 0,
    )
    return tf.cast(size, tf.uint8)


def saves(images):
    tf.raw_ops.SaveV2(
        prefix="out",
        tensor_names=["x"],
        shape_and_slices=[""],
        tensors=[tf.constant(1.0)],
    )
    return tf.uint8.min


def maps(images):
    texts = tf.data.Dataset.from_tensors("secret").map(tf.io.read_file)
    return tf.cast(texts.reduce(0, lambda n, _: n + 1), tf.uint8)


def calls_python(images):
    return tf.numpy_function(lambda: np.uint8(1), [], tf.uint8)


def runs_another_graph(images):
    # Which depends on an input, so that nobody folds it.
    text = tf.where(tf.size(images) >= 0, b"a graph", b"")
    data = tf.raw_ops.DatasetFromGraph(graph_def=text)
    return tf.cast(tf.raw_ops.DatasetCardinality(input_dataset=data), tf.uint8)


def reads_a_vocabulary(images):
    rows, _ = tf.raw_ops.GenerateVocabRemapping(
        new_vocab_file="/etc/hostname",
        old_vocab_file="/etc/hostname",
        new_vocab_offset=0,
        num_new_vocab=1,
    )
    return tf.cast(rows[0], tf.uint8)


@pytest.mark.parametrize(
    "hostile",
    [
        *(reads, saves, maps, calls_python),
        *(runs_another_graph, reads_a_vocabulary),
    ],
)
def test_graphs_that_reach_out_are_not_loaded(
    exported, tmp_path, monkeypatch, hostile
):
    monkeypatch.chdir(tmp_path)
    description.check_graph(exported)
    specification = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    module = tf.Module()
    module.variable = tf.Variable(1.0)  # saved, so that there is a saver

    @tf.function(input_signature=[specification])
    def function(images):
        return {"images": images + hostile(images)}

    module.function = function
    folder = tmp_path / "1"
    tf.saved_model.save(module, folder, signatures={"a_to_b": function})
    shutil.copy(exported / "model.json", folder)
    with pytest.raises(UserError, match="SavedModel that only computes"):
        loading.load(folder)
    assert not pathlib.Path("out.index").exists()


def test_the_saver_of_a_graph_is_nobody_elses(exported, tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    copy = shutil.copytree(exported, tmp_path / "1")
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((copy / "saved_model.pb").read_bytes())
    (graph,) = content.meta_graphs
    names = [f.signature.name for f in graph.graph_def.library.function]
    (save,) = (name for name in names if "traced_save" in name)
    graph.object_graph_def.concrete_functions[save].SetInParent()
    (copy / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(UserError, match="SaveV2"):
        description.check_graph(copy)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.slow] * (n != "pix2pix"))
        for n in sorted({*TINY, *registry.names()})
    ],
)
def test_another_training_starts_with_the_weights_alone(name, tmp_path):
    model = make_model(name)
    fit(model, make_batch(model), steps=2)
    model.save(tmp_path / "model.keras")
    other = make_model(name, seed=1, ema=0.9)
    fresh = {p: values(other.optimizer_of(p).variables) for p in other.players}
    assert keras_gans.init_from(other, tmp_path / "model.keras") == 2
    for ours, theirs in zip(model.networks, other.networks, strict=True):
        for expected, weight in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_array_equal(expected.numpy(), weight.numpy())
    assert int(other.step) == 0
    for player, before in fresh.items():
        assert not any(moved(before, other.optimizer_of(player).variables))


def test_other_networks_are_no_start(whole):
    model = make_model("pix2pix")
    with pytest.raises(UserError, match="', of a DCGAN, for a Pix2Pi"):
        keras_gans.init_from(model, whole)
    model = keras_gans.DCGAN(image_size=32, latent_dim=8, base_filters=6)
    before = values(model.generator.weights)
    with pytest.raises(UserError) as caught:
        keras_gans.init_from(model, whole)
    assert re.search(
        r"first in a weight of generator, kernel \(2, 2, 16, 8\) there, "
        r"generator, kernel \(2, 2, 48, 8\) here \(base_filters 2 there, 6",
        str(caught.value),
    )
    assert not any(moved(before, model.generator.weights))
    with pytest.raises(UserError, match="init_from: path must be a run folder"):
        keras_gans.init_from(model, whole / "nothing")
