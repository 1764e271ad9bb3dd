"""What all tests share: quiet TensorFlow, fixed seeds, reference arrays."""

import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

CONFORMANCE = pathlib.Path(__file__).parent / "conformance"


# Asked of two models in the fast suite, of all in the slow one.
OF_TWO_MODELS = (
    "test_eager_graph_and_xla_agree",
    "test_two_replicas_agree_with_one",
)


@pytest.hookimpl(tryfirst=True)  # before slow ones are left out
def pytest_collection_modifyitems(items):
    for item in items:
        if getattr(item, "originalname", None) in OF_TWO_MODELS:
            if item.callspec.params["name"] not in (
                "cyclegan-resnet",
                "stargan",
            ):
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def seeds():
    import keras

    keras.utils.set_random_seed(0)


class Reference:
    """One conformance file: arrays by group, tolerances by group."""

    def __init__(self, name):
        with np.load(CONFORMANCE / f"{name}.npz") as arrays:
            self.arrays = dict(arrays)
        self.meta = json.loads(str(self.arrays.pop("meta_json")))

    def __getitem__(self, name):
        return self.arrays[name]

    def group(self, prefix):
        """Return the arrays under `prefix/`, without it in their names."""
        prefix += "/"
        return {
            name.removeprefix(prefix): array
            for name, array in self.arrays.items()
            if name.startswith(prefix)
        }

    def assert_close(self, name, actual, **tolerance):
        tolerance = {"rtol": 1e-4, "atol": 1e-5, **tolerance}
        np.testing.assert_allclose(
            np.asarray(actual), self.arrays[name], err_msg=name, **tolerance
        )


@pytest.fixture(scope="session")
def reference():
    """Return a function from a conformance file's name to its arrays."""
    return Reference


@pytest.fixture
def another_process():
    """Return a function that starts a process which trains in a folder."""
    code = (
        "import sys; from keras_gans import files\n"
        "held = files.hold(sys.argv[1], 'folder')\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    started = []

    def start(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders of 20 small images; the working folder is beside them."""
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for side in ("a", "b"):
        pathlib.Path(side).mkdir()
        for i in range(20):
            pixels = rng.integers(0, 256, (40, 40, 3), dtype="uint8")
            Image.fromarray(pixels).save(f"{side}/{i}.png")
    return tmp_path
