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
from keras_gans.callbacks import checkpoints
from keras_gans.serving import signatures, versions, warmup
from tests.tiny import make_model


@pytest.fixture(scope="module")
def model():
    return make_model("cyclegan")


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 32, 32, 3), dtype="uint8")


@pytest.fixture(scope="module")
def exported(exported_cyclegan):
    """The next version beside another one and something else."""
    return exported_cyclegan


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported).signatures


@pytest.mark.parametrize("result", ["", "[]", '{"step": 1}', None])
def test_a_run_folder_of_somebody_else(
    tmp_path, capsys, caplog, monkeypatch, result
):
    """Data that would be downloaded are not opened; faces do."""
    given = []
    monkeypatch.setattr(
        "keras_gans.export.export",
        lambda *a, **options: given.append(options),
    )
    model = make_model("cyclegan")
    model.step.assign(1)
    checkpoints.save(model, tmp_path / "checkpoints")
    settings = {"model": "cyclegan", "image_size": 32, "seed": 0}
    settings |= dict.fromkeys(("data_a", "data_b"), "tfds:evil/data_dir=.@x")
    (tmp_path / "arguments.json").write_text(json.dumps(settings))
    if result is not None:
        (tmp_path / "result.json").write_text(result)
    command = [str(tmp_path), "--output", str(tmp_path / "out")]
    assert export.main(command) == 0
    shown = capsys.readouterr()
    assert "comparing on drawn faces: data_a is recorded as" in shown.err
    assert ("result.json is damaged" in caplog.text) == (result in ("", "[]"))
    assert given[0]["metrics"] is None and given[0]["settings"] == settings
    (tmp_path / "arguments.json").write_text("{}")
    assert export.main(command) == 0
    assert "arguments.json lacks 'model'" in capsys.readouterr().err


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


def test_equal_weights_have_equal_names(model, exported, samples, tmp_path):
    other = make_model("cyclegan")  # Keras counts its layers on
    other.set_weights(model.get_weights())
    path = export.export(other, tmp_path, samples)

    def stored(folder):
        content = saved_model_pb2.SavedModel()
        content.ParseFromString((folder / "saved_model.pb").read_bytes())
        (graph,) = content.meta_graphs
        return (
            tf.train.list_variables(str(folder / "variables" / "variables")),
            sorted(
                node.variable.name
                for node in graph.object_graph_def.nodes
                if node.HasField("variable")
            ),
        )

    assert stored(path) == stored(exported)


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
    a_to_b = about["verbs"]["a_to_b"]
    assert a_to_b["inputs"] == {
        "images": {"type": "images", "size": 32, "multiple": None}
    }
    assert (a_to_b["target"], a_to_b["back"]) == ("b", "b_to_a")
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


@pytest.mark.parametrize(
    "changed",
    [pytest.param("b_to_a", marks=pytest.mark.slow), "a_to_b_encoded"],
)
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
