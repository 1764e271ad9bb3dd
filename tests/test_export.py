"""Exports: next free version, never half of one, never other pixels."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_gans import export, images
from keras_gans.serving import signatures, versions, warmup
from tests.models.test_contract import make_model


@pytest.fixture(scope="module")
def model():
    return make_model("cyclegan")


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 32, 32, 3), dtype="uint8")


@pytest.fixture(scope="module")
def exported(model, samples, tmp_path_factory):
    """The next version beside another one and something else."""
    folder = tmp_path_factory.mktemp("exports") / "faces"
    (folder / "7").mkdir(parents=True)
    (folder / "notes").mkdir()
    return export.export(
        model,
        folder,
        samples,
        settings={"data_a": "photos", "data_b": "drawings", "steps": 5},
        metrics={"l1": 0.5},
    )


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported).signatures


def needed_bytes(model):
    networks = (model.generator_ab, model.generator_ba)
    return 4 * sum(network.count_params() for network in networks)


def stored_bytes(path):
    return sum(f.stat().st_size for f in path.glob("variables/*.data*"))


def test_versions_count_up_and_nothing_unfinished_stays(exported):
    assert exported.name == "8"
    names = sorted(path.name for path in exported.parent.iterdir())
    assert names == ["7", "8", "notes"]
    assert os.stat(exported).st_mode & 0o777 == 0o755


def test_only_the_exported_networks_are_stored(model, exported):
    needed = needed_bytes(model)
    # Beside them a table of contents; the discriminators would add a third.
    assert needed <= stored_bytes(exported) < 1.2 * needed


def test_description_tells_what_it_is(model, exported):
    about = json.loads((exported / "model.json").read_text())
    assert about["model"] == "CycleGAN"
    assert about["config"] == model.get_config()
    assert about["step"] == int(model.step)
    assert about["data"] == {"data_a": "photos", "data_b": "drawings"}
    assert about["settings"]["steps"] == 5
    assert about["metrics"] == {"l1": 0.5}
    assert about["packages"]["keras"] == keras.__version__
    assert about["image_size"] == 32
    assert about["size_multiple"] is None
    default = about["signatures"]["serving_default"]
    assert default["inputs"] == {
        "image_bytes": {"dtype": "string", "shape": [None]}
    }
    assert set(default["outputs"]) == {"image_bytes", "status"}
    for name, size in about["bytes"].items():
        assert (exported / name).stat().st_size == size


def test_graph_is_for_any_device_and_without_xla(exported):
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((exported / "saved_model.pb").read_bytes())
    graph = content.meta_graphs[0].graph_def
    functions = graph.library.function
    nodes = [*graph.node, *(n for f in functions for n in f.node_def)]
    assert not any("GPU" in node.device for node in nodes)
    assert not {n.op for n in nodes} & {"PyFunc", "EagerPyFunc"}
    assert not any(
        holder.attr["_XlaMustCompile"].b for holder in (*functions, *nodes)
    )


@pytest.mark.parametrize("changed", ["b_to_a", "a_to_b_encoded"])
def test_other_pixels_are_not_published(
    changed, model, samples, tmp_path, monkeypatch
):
    real = signatures.make
    other = {"b_to_a": "a_to_b", "a_to_b_encoded": "b_to_a_encoded"}[changed]

    def make_another(*args):
        made = real(*args)
        return made | {changed: made[other]}

    monkeypatch.setattr(signatures, "make", make_another)
    rule = f"'{changed}'.*nothing was published"
    with pytest.raises(RuntimeError, match=rule):
        export.export(model, tmp_path, samples)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("half", [False, True])
def test_equal_weights_are_stored_alike(samples, tmp_path, half):
    """Whatever was made before in the process, by which layers have numbers."""
    model = make_model("cyclegan")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    names = [layer.name for layer in model.generator_ab.layers]
    paths = [
        export.export(one, tmp_path / "exports" / "faces", samples, half=half)
        for one in (model, loaded)
    ]
    for name in ("variables.index", "variables.data-00000-of-00001"):
        one, other = (p / "variables" / name for p in paths)
        assert one.read_bytes() == other.read_bytes(), name
    one, other = (tensors(path) for path in paths)
    assert one == other and any("15/kernel" in name for name in one)
    assert names == [layer.name for layer in model.generator_ab.layers]


def tensors(path):
    """Return the names of signatures' tensors, and of operations."""
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((path / "saved_model.pb").read_bytes())
    (graph,) = content.meta_graphs
    signatures = {
        tensor.name
        for definition in graph.signature_def.values()
        for tensor in (
            *definition.inputs.values(),
            *definition.outputs.values(),
        )
    }
    functions = graph.graph_def.library.function
    nodes = {
        node.name
        for place in (graph.graph_def.node, *(f.node_def for f in functions))
        for node in place
    }
    return signatures | nodes


@pytest.mark.parametrize("left", ["killed", "of an older version"])
def test_what_a_killed_export_left_is_cleaned_up(tmp_path, left):
    if left == "killed":
        code = (
            "import os, signal, sys; from keras_gans.serving import versions\n"
            "def write(path):\n"
            "    (path / 'variables').mkdir()\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "versions.publish(sys.argv[1], write)\n"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    else:
        (tmp_path / ".unfinished-abc123" / "variables").mkdir(parents=True)
    (name,) = os.listdir(tmp_path)
    assert name.startswith(".unfinished-")
    versions.publish(tmp_path, lambda path: (path / "model.json").touch())
    assert os.listdir(tmp_path) == ["1"]


def test_half_stores_kernels_in_half_the_bytes(model, samples, tmp_path):
    path = export.export(model, tmp_path, samples, half=True)
    assert stored_bytes(path) < 0.7 * needed_bytes(model)
    assert json.loads((path / "model.json").read_text())["weights"] == "float16"
    variables = tf.train.list_variables(str(path / "variables" / "variables"))
    stored = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    kernels = [n for n, shape in variables if len(shape) == 4]
    assert len(kernels) == 12
    for name in kernels:
        assert stored.get_tensor(name).dtype == np.float16


def test_warm_up_is_what_the_server_reads(exported, served, samples):
    """Beside the messages of TensorFlow Serving's own package."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    records = tf.data.TFRecordDataset(str(exported / warmup.PLACE))
    requests = {}
    for record in records.as_numpy_iterator():
        log = logs.PredictionLog.FromString(record)
        assert log.SerializeToString(deterministic=True) == record
        request = log.predict_log.request
        assert request.model_spec.name == "faces"
        requests[request.model_spec.signature_name] = request.inputs
    assert set(requests) == set(served.keys())
    for name, inputs in requests.items():
        tensors = {
            k: tf.constant(tf.make_ndarray(v)) for k, v in inputs.items()
        }
        assert served[name](**tensors)
    pixels = tf.make_ndarray(requests["a_to_b"]["images"])
    np.testing.assert_array_equal(pixels, samples[:1])


def test_server_messages_fit_the_signature(exported, served, samples):
    """A gRPC request as a client builds it, its answer as a server does."""
    apis = "tensorflow_serving.apis"
    predict = pytest.importorskip(f"{apis}.predict_pb2")
    metadata = pytest.importorskip(f"{apis}.get_model_metadata_pb2")
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((exported / "saved_model.pb").read_bytes())
    definitions = metadata.SignatureDefMap()
    for name, definition in content.meta_graphs[0].signature_def.items():
        definitions.signature_def[name].CopyFrom(definition)
    text = tf.io.encode_png(samples[0]).numpy()

    request = predict.PredictRequest()
    request.model_spec.name = "faces"
    request.model_spec.signature_name = "serving_default"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([text]))
    request = predict.PredictRequest.FromString(request.SerializeToString())
    expected = definitions.signature_def["serving_default"]
    assert set(request.inputs) == set(expected.inputs)
    for name, tensor in request.inputs.items():
        assert tensor.dtype == expected.inputs[name].dtype

    outputs = served["serving_default"](
        image_bytes=tf.constant(tf.make_ndarray(request.inputs["image_bytes"]))
    )
    response = predict.PredictResponse()
    for name, tensor in outputs.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor))
    response = predict.PredictResponse.FromString(response.SerializeToString())
    assert set(response.outputs) == set(expected.outputs)
    (answer,) = response.outputs["image_bytes"].string_val
    assert response.outputs["status"].string_val == [b"ok"]
    assert images.read(answer).shape == (32, 32, 3)
