"""The export without Python: TensorFlow's C library gives the same bytes.

It is how TensorFlow Serving loads a version; headers and library are in
TensorFlow's wheel.
"""

import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_gans import export
from tests import serving_pictures as pictures
from tests.tiny import make_bare

SOURCE = pathlib.Path(__file__).with_name("serving_c.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program of `serving_c.c`."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = pathlib.Path(tf.sysconfig.get_lib())
    path = tmp_path_factory.mktemp("serving") / "serving_c"
    libraries = [
        f"-l:{next(library.glob(f'libtensorflow_{part}.so*')).name}"
        for part in ("cc", "framework")
    ]
    subprocess.run(
        [compiler, "-Wall", "-Werror", "-o", path, SOURCE]
        + [f"-I{tf.sysconfig.get_include()}", f"-L{library}", *libraries]
        + [f"-Wl,-rpath,{library}"],
        check=True,
    )
    return path


def run(program, version, files, labels=()):
    """Return what the default signature answers, as `{output: [bytes]}`."""
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((version / "saved_model.pb").read_bytes())
    signature = content.meta_graphs[0].signature_def["serving_default"]
    sources = {
        name: tensor.name.split(":")[0]
        for name, tensor in signature.inputs.items()
    }
    assert set(sources) == {"image_bytes", *(["labels"] if labels else [])}
    if labels:
        labels = ["--", sources["labels"], *map(str, labels)]
    names = sorted(signature.outputs)
    process = subprocess.run(
        [program, version, sources["image_bytes"], *files, *labels, "--"]
        + [signature.outputs[name].name for name in names],
        capture_output=True,
        env={"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    assert process.returncode == 0, process.stderr[-3000:]
    answers, rest = [], process.stdout
    while rest:
        end = 8 + int(rest[:8], 16)
        answers.append(rest[8:end])
        rest = rest[end:]
    assert len(answers) == len(names) * len(files)
    return {
        name: answers[i * len(files) : (i + 1) * len(files)]
        for i, name in enumerate(names)
    }


@pytest.mark.parametrize(
    "name,labels",
    [
        pytest.param("pix2pix", (), marks=pytest.mark.slow),
        ("stargan", (0, 1, 0)),
    ],
)
def test_same_bytes_from_c(name, labels, program, tmp_path):
    model = make_bare(name)
    samples = np.stack(
        [pictures.pixels(model.image_size, model.image_size)] * 2
    )
    version = export.export(model, tmp_path / "export", samples)
    whole = pictures.whole()
    batch = [
        whole["jpeg"],
        whole["png rgb 8"][:-40],  # errors are caught there, too
        whole["webp lossless, turned 6 <"],
        b"",
        pictures.encode(pictures.pixels(90, 30), "PNG"),
        b"text",
    ]
    files = [tmp_path / str(i) for i in range(len(batch))]
    for file, image_bytes in zip(files, batch, strict=True):
        file.write_bytes(image_bytes)
    answers = run(program, version, files, labels)
    served = tf.saved_model.load(version).signatures["serving_default"]
    rows = [np.float32(labels)] * len(batch)
    inputs = {"labels": tf.constant(np.stack(rows))} if labels else {}
    inputs["image_bytes"] = tf.constant(batch)
    for key, expected in served(**inputs).items():
        assert answers[key] == expected.numpy().tolist()
    ok = [status == b"ok" for status in answers["status"]]
    assert ok == [True, False, True, False, True, False]
