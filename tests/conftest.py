"""What all tests share: quiet TensorFlow, fixed seeds, reference arrays."""

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import random
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Also of the processes that tests start: the workers share the cores.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# As `import keras_gans` does before TensorFlow is imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np
import pytest

from tests import two_replicas as processes

CONFORMANCE = pathlib.Path(__file__).parent / "conformance"


# What takes long is asked of a few models in the fast suite, of the others in
# the slow one: one player and labels; noise; dropout and pairs; labels and
# several updates of the critic.
FEW = ("attributes", "dcgan", "pix2pix", "stargan")
FAST = {
    "test_exported_and_reloaded_gives_the_same_pixels": FEW,
    "test_terms_of_weight_zero_are_dropped": FEW,
    "test_single_batches_and_what_is_no_batch": FEW,
    "test_test_step_moves_nothing": FEW,
    "test_lower_precision_keeps_weights_pictures_and_losses_whole": FEW,
    "test_every_model_comes_back": FEW,
    "test_networks_hold_the_average_after_training": ("dcgan", "progressive"),
    # The quickest to compile; one of them has dropout.
    "test_eager_graph_and_xla_agree": ("dcgan", "pix2pix"),
}
# Of a second architecture everything is, of which the first shows as much.
ALWAYS = (
    "test_config_is_plain_json_and_rebuilds",
    "test_each_player_moves_only_its_own_weights",
    "test_readme_lists_its_signatures",
)


def is_fast(item):
    """Tell for what is asked of every model whether it is for this one."""
    test = getattr(item, "originalname", None)
    if test == "test_two_replicas_agree_with_one":
        case = "models {name} {mode}".format_map(item.callspec.params)
        return case in processes.FAST
    if test in FAST:
        return item.callspec.params["name"] in FAST[test]
    if item.path.name == "test_contract.py" and test not in ALWAYS:
        return "-" not in item.callspec.params["name"]
    return True


@pytest.hookimpl(tryfirst=True)  # before slow ones are left out
def pytest_collection_modifyitems(items):
    for item in items:
        if not is_fast(item):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def kernels_stay():
    """Keep TensorFlow from dropping all kernels when a seed is set.

    A seventh of the time was spent on making them again. They are dropped
    for the state of random ones; all that is used here has none.
    """
    from tensorflow.python.eager import context

    def set_seed(self, seed):
        self._seed, self._rng = seed, random.Random(seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context.Context, "_set_global_seed", set_seed)
        yield


@pytest.fixture(scope="session", autouse=True)
def few_statistics():
    """Refresh moving statistics with 3 batches, not with 30.

    Of a run of a step or two it was most of the time.
    """
    from keras_gans.callbacks import statistics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "BATCHES", 3)
        yield


@pytest.fixture(autouse=True)
def seeds():
    import keras

    keras.utils.set_random_seed(0)
    yield
    # Each run of the command sets it; fixtures of the next module may come
    # before this one.
    keras.config.set_dtype_policy("float32")


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


@contextlib.contextmanager
def made_once(tmp_path_factory, name):
    """Give a folder of all workers to one after the other.

    Whoever finds it empty makes what the others find.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all workers
    folder /= name
    folder.mkdir(exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def exported_cyclegan(tmp_path_factory):
    """Return the export of the tiny CycleGAN, version 8 of `faces`.

    Beside it are another version and something else.
    """
    from keras_gans import export
    from tests.tiny import make_model

    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    with made_once(tmp_path_factory, "exported_cyclegan") as folder:
        faces = folder / "faces"
        if not faces.exists():
            (faces / "7").mkdir(parents=True)
            (faces / "notes").mkdir()
            export.export(
                make_model("cyclegan"),
                faces,
                samples,
                settings={"data_a": "photos", "data_b": "drawings", "steps": 5},
                metrics={"l1": 0.5},
            )
    return faces / "8"


@pytest.fixture(scope="session")
def two_replicas(tmp_path_factory):
    """Return a function from a case of `tests.two_replicas` to its result.

    Logical devices can only be made before TensorFlow starts. The fast cases
    have one process together, whichever worker asks first.
    """

    def run(cases):
        process = subprocess.run(
            [sys.executable, "-m", "tests.two_replicas", *cases],
            capture_output=True,
            text=True,
        )
        if process.returncode:
            return {case: [None, process.stderr[-3000:]] for case in cases}
        return json.loads(process.stdout.splitlines()[-1])

    def find(case):
        if case in processes.FAST:
            with made_once(tmp_path_factory, "two_replicas") as folder:
                file = folder / "results.json"
                if not file.exists():
                    file.write_text(json.dumps(run(processes.FAST)))
                results = json.loads(file.read_text())
        else:
            results = run([case])
        result, error = results[case]
        assert error is None, error
        return result

    return find


@pytest.fixture(scope="module")
def loaded_once():
    """Loads a model once for all tests of a module that do not change it."""
    from keras_gans.serving import loading

    load = loading.load
    once = functools.cache(load)

    def load_once(path, axes=None):
        # What fails is not kept.
        return once(os.path.abspath(path)) if axes is None else load(path, axes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "load", load_once)
        yield


@pytest.fixture
def eagerly(monkeypatch):
    """Trains without tracing: a few steps are over sooner."""
    import keras

    fit = keras.Model.fit

    @functools.wraps(fit)  # for who looks at its signature
    def fit_eagerly(model, *args, **kwargs):
        model.run_eagerly = True
        return fit(model, *args, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", fit_eagerly)


@pytest.fixture
def unexported(monkeypatch):
    """Leaves an empty folder in place of each version that is exported."""
    monkeypatch.setattr(
        "keras_gans.serving.saved_model.write", lambda path, *rest: None
    )


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
