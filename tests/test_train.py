"""The command, as a user types it, at a tiny size."""

import csv
import importlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import registry, runs, train
from keras_gans import settings as run_settings
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.evaluation import cases
from keras_gans.serving import loading
from keras_gans.training.base import BaseModel
from tests.tiny import make_model

TINY = "--image-size 32 --set base_filters=2 --batch-size 2 --log-every 2"


def run(text, data="--data-a a --data-b b"):
    return train.main(f"{data} {TINY} {text}".split())


def run_dcgan(text):
    """The quickest to train and to export."""
    return run(f"--model dcgan {text}", "--data a")


def run_pairs(text):
    # With a recipe that does not depend on the number of steps.
    options = "--set schedule=constant --evaluate-every 0"
    return run(f"--model pix2pix {options} {text}")


def test_a_run_from_start_to_export_and_on(folders, capsys, request):
    assert run_pairs("--steps 4 --save-every 2 --keep 1") == 0
    shown = capsys.readouterr()
    for expected in (
        "generator  ",
        "20 images in a",
        "steps  4",
        "wrote",
        "saved_models/pix2pix/1",
        "try next: python -m keras_gans.evaluate --run-dir runs/pix2pix",
        "or the same command with more --steps\n",
    ):
        assert expected in shown.out, expected
    assert "4/4" in shown.err
    folder = pathlib.Path("runs/pix2pix")
    assert {p.name for p in folder.iterdir()} == {
        "arguments.json",
        "checkpoints",
        "events",
        "log.csv",
        "report.html",
        "result.json",
        "samples",
    }
    assert json.loads((folder / "arguments.json").read_text())[
        "model_arguments"
    ] == {"base_filters": 2}
    assert [p.name for p in (folder / "checkpoints").iterdir()] == [
        "000004.keras"
    ]
    with Image.open(folder / "samples/a_to_b/000004.png") as grid:
        # 18 samples, six to a row, three images each.
        assert grid.size == (18 * 34 + 2, 3 * 34 + 2)

    # The whole model is in the checkpoint, and the export agrees with it.
    model = keras.models.load_model(folder / "checkpoints/000004.keras")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3))
    served = tf.saved_model.load("saved_models/pix2pix/1").signatures
    actual = served["a_to_b"](images=tf.constant(pictures, tf.uint8))
    actual = actual["images"].numpy().astype(float)
    expected = (model(pictures / 127.5 - 1).numpy() + 1) * 127.5
    assert np.abs(actual - expected).max() <= 0.51

    # The others are asked how they go on.
    request.getfixturevalue("eagerly")
    request.getfixturevalue("unexported")
    assert run_pairs("--steps 4 --save-every 2 --keep 1") == 0
    assert "is complete: 4 steps" in capsys.readouterr().out
    assert run_pairs("--steps 6 --save-every 2 --keep 1") == 0
    assert "continuing after step 4" in capsys.readouterr().out
    assert json.loads((folder / "result.json").read_text())["step"] == 6

    assert run_pairs("--steps 6 --seed 1") == 2
    error = capsys.readouterr().err
    assert "seed: 0 there, 1 now" in error and "--restart" in error
    assert len(error.strip().splitlines()) == 1
    assert run_pairs("--steps 2 --seed 1 --restart") == 0
    assert checkpoints.steps("runs/pix2pix/checkpoints") == [2]
    assert checkpoints.steps("runs/pix2pix.1/checkpoints") == [6]


def test_dry_run_tries_everything_and_writes_nothing(folders, capsys):
    before = sorted(folders.rglob("*"))
    assert run_dcgan("--dry-run") == 0
    assert sorted(folders.rglob("*")) == before
    shown = capsys.readouterr().out
    for what in ("one step", "save and load", "samples", "export"):
        assert f"{what}: ok" in shown


@pytest.mark.slow
def test_half_precision_trains_too(folders):
    try:
        for precision in ("bfloat16", "float16"):
            assert (
                run(f"--precision {precision} --steps 2 --run-dir {precision}")
                == 0
            )
            model = run_settings.build_model(
                runs.read(precision, "arguments.json")
            )
            assert checkpoints.restore(model, f"{precision}/checkpoints") == 2
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "data,text,message",
    [
        ("--data-a nowhere --data-b b", "", "data_a must be.*'nowhere'"),
        ("--data-a a", "", "data_b must be given.*None"),
        ("--data-a empty --data-b b", "", "data_a must be.*'empty'"),
        ("--data-a tfds:no_such_set@train --data-b b", "", "no_such_set"),
        ("--data-a faces:manga --data-b b", "", "faces:.*manga"),
        ("--data-a . --data-b b", "", "data_a=a and data_b=b"),
        (None, "--model stylegan", "model must be one of.*stylegan"),
        ("--data nowhere", "", "data must be a folder.*'nowhere'"),
        ("--data . --data-b b", "", "data must be given alone"),
        ("--data-a a --data-b b", "--direction b_to_a", "direction.*exchange"),
        ("--data-a a --data-b faces:photo", "--model pix2pix", "a partner"),
        ("--data .", "--epochs 2 --steps 3", "steps must be given alone"),
        (None, "--set filters=3", "base_filters.*'filters=3'"),
        (None, "--set base_filters", "KEY=VALUE.*'base_filters'"),
        (None, "--set base_filters=-3", "base_filters.*-3"),
        (None, "--set loss_weights={'cylce':1}", "loss_weights.*cylce"),
        (None, "--set loss_weights={cycle:5}", "quotes.*{cycle:5}"),
        (None, "--set architecture=[resnet]", r"quotes.*\[resnet\]"),
        (None, "--set loss_weights={[1]:5}", r"quotes.*\{\[1\]:5\}"),
        (None, "--set loss_weights=5", "loss_weights must be a dict.*5"),
        (None, "--set loss_weights={'cycle':'5'}", "finite number.*'5'"),
        (None, "--image-size 50", "multiple of 16.*50"),
        (None, "--labels -Male", "labels must be left out for unpaired.*-Male"),
        (
            "--data faces:photo",
            "--model stargan --labels -Male",
            "labels must name what to learn.*-Male",
        ),
        ("--data faces:photo", "--model stargan --labels=,", "labels must.*,"),
        (None, "--set base_filters={1}", "lists or dicts.*JSON"),
        (None, "--evaluate-every 0 --best kid", "best must be left out.*'kid'"),
        (
            "--data .",
            "--model pix2pix --best cycle_error",
            "best must be.*no way back.*'cycle_error'",
        ),
        (
            "--data faces:photo",
            "--model stargan --labels Male --epochs 2 --set critic_steps=0",
            "critic_steps must be.*0",
        ),
        (
            "--data a",
            "--set vgg_weights=no.h5 --model style --style a/0.png",
            "vgg_weights must be a file that exists.*'no.h5'",
        ),
        (None, "--run-dir a/0.png", "run_dir.*a/0.png"),
        (None, "--export-dir a/0.png", "export_dir.*a/0.png"),
        (None, "--export-dir onnx", "export_dir must be new.*3 of another"),
        (None, "--export-dir a/0.png/x --dry-run", "export_dir.*a/0.png/x"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(folders, capsys, data, text, message):
    pathlib.Path("empty").mkdir()
    pathlib.Path("onnx/3").mkdir(parents=True)
    pathlib.Path("onnx/3/a_to_b.onnx").touch()
    options = {} if data is None else {"data": data}
    assert run(text, **options) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("error: ")
    assert re.search(message, error[-1]), error[-1]
    assert not pathlib.Path("runs").exists()


@pytest.mark.parametrize(
    "text",
    ["--steps -1", "--steps x", "--batch-size 0", "--seed -1", "--keep 0"],
)
def test_numbers_out_of_range_are_refused(text, capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main(text.split())
    assert stopped.value.code == 2
    flag, value = text.split()
    error = capsys.readouterr().err
    assert f"argument {flag}" in error and f"Received: '{value}'" in error


@pytest.mark.usefixtures("eagerly", "unexported")
def test_damaged_files_of_a_run_are_named(folders, capsys, caplog):
    assert run_dcgan("--steps 2 --save-every 2") == 0
    folder = pathlib.Path("runs/dcgan")
    settings = (folder / "arguments.json").read_text()
    capsys.readouterr()
    for content in ("", settings[:50], "[]"):
        (folder / "arguments.json").write_text(content)
        assert run_dcgan("--steps 2 --save-every 2") == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert "arguments.json is damaged" in error and "--restart" in error
    (folder / "arguments.json").unlink()
    # As the message says; and the result is written anew.
    (folder / "result.json").write_text('{"step": "2"}')
    assert run_dcgan("--steps 2 --save-every 2") == 0
    assert json.loads((folder / "result.json").read_text())["step"] == 2
    assert "result.json is damaged" in caplog.text


@pytest.mark.parametrize(
    "name, value",
    [
        *((n, 7) for n in ("steps", "keep", "save_every", "evaluate_every")),
        *((n, "other") for n in ("best", "jit", "strategy", "export_dir")),
        *(("recompute", True), ("deterministic", True)),
        *(("log_every", 7), ("steps_per_execution", 7)),
        ("data", ["./photos/"]),
        ("data_a", "a=./b/#left"),
    ],
)
def test_some_settings_may_change(tmp_path, name, value):
    settings = {"data": ["photos"], "data_a": "a=b#left", "steps": 5}
    settings |= {"precision": "float32"}
    runs.prepare(tmp_path, settings).release()
    (tmp_path / "log.csv").touch()
    runs.prepare(tmp_path, settings | {name: value}).release()
    for other in ({"precision": "bfloat16"}, {"data": ["drawings"]}):
        with pytest.raises(UserError, match=f"differs in {[*other][0]}"):
            runs.prepare(tmp_path, settings | other)


def test_speed_is_a_matter_of_flags(folders, capsys):
    for text, expected in (("--jit on", True), ("--jit off", False)):
        settings = settled(resolved(f"--data . --set base_filters=1 {text}"))
        model = run_settings.build_model(settings)
        assert model.jit_compile is expected
    assert run_dcgan("--steps 3 --steps-per-execution 2") == 2
    error = capsys.readouterr().err
    assert "steps_per_execution must divide the 3 steps" in error


@pytest.mark.usefixtures("eagerly", "unexported")
def test_what_cannot_be_measured_is_exported(folders, capsys, caplog):
    failing = mock.Mock(side_effect=UserError("they have no labels"))
    with mock.patch("keras_gans.faces.truth.of_verbs", failing):
        assert run_dcgan("--steps 1") == 0
    assert "the model is not measured: they have no labels" in caplog.text
    first = pathlib.Path("saved_models/dcgan/1")
    assert first.is_dir()
    # What was exported elsewhere, or is gone, is exported again.
    assert run_dcgan("--steps 1 --export-dir other") == 0
    assert pathlib.Path("other/1").is_dir()
    assert run_dcgan("--steps 1 --export-dir other") == 0
    assert "is complete: 1 steps" in capsys.readouterr().out
    pathlib.Path("other/1").rmdir()
    assert run_dcgan("--steps 1 --export-dir other") == 0
    assert pathlib.Path("other/1").is_dir()


def test_images_are_mirrored_unless_told_otherwise(folders):
    def seen(text):
        settings = settled(resolved(f"--data a --model dcgan {text} {TINY}"))
        data = run_settings.open_data(settings)
        batches = [*data.batches().take(8).as_numpy_iterator()]
        own = [
            data.training["data"].load(i)
            for i in range(len(data.training["data"]))
        ]
        return own, np.concatenate([batch["images"] for batch in batches])

    def is_part(crop, own):
        crop = np.rint((crop + 1) * 127.5)
        return any(
            np.array_equal(crop, one[y : y + 32, x : x + 32])
            for one in own
            for y in range(len(one) - 31)
            for x in range(len(one) - 31)
        )

    for text, expected in (("--no-flip", {True}), ("", {True, False})):
        own, crops = seen(text)
        assert {is_part(crop, own) for crop in crops} == expected


@pytest.mark.usefixtures("eagerly", "unexported")
def test_images_that_changed_are_told(folders, caplog):
    assert run_dcgan("--steps 1") == 0
    recorded = runs.read("runs/dcgan", "arguments.json")["images"]
    assert recorded["data"].startswith("20, names ")
    assert "have changed" not in caplog.text
    shutil.copy("a/0.png", "a/00.png")
    assert run_dcgan("--steps 2") == 0
    assert f"data ({recorded['data']}; now 21, names" in caplog.text
    caplog.clear()
    # The run began with the others.
    settings = runs.read("runs/dcgan", "arguments.json")
    assert settings["images"] == recorded
    cases.data_of_run(settings)
    assert "some of those held out now were trained on" in caplog.text


@pytest.mark.usefixtures("eagerly", "unexported")
def test_an_evaluation_that_was_killed_is_made_up_for(folders):
    def measured():
        with open("runs/pix2pix/metrics.csv") as file:
            return [row["step"] for row in csv.DictReader(file)]

    text = "--model pix2pix --set schedule=constant --steps 2 --save-every 2"
    assert run(text) == 0 and measured() == ["2"]
    # As if killed behind the last checkpoint.
    for name in ("metrics.csv", "result.json"):
        pathlib.Path("runs/pix2pix", name).unlink()
    assert run(text) == 0 and measured() == ["2"]


def test_ctrl_c_before_the_first_step_is_one_line(folders, capsys):
    stopped = mock.Mock(side_effect=KeyboardInterrupt)
    with mock.patch("keras_gans.settings.open_data", stopped):
        assert run_dcgan("--steps 1") == 130
    assert capsys.readouterr().err == "stopped; the same command goes on\n"


def test_moving_statistics_are_fresh_in_samples_and_checkpoints(
    folders, monkeypatch
):
    seen = []

    def fit(model, dataset, *, callbacks, **options):
        seen.extend(type(callback).__name__ for callback in callbacks)

    monkeypatch.setattr(BaseModel, "fit", fit)
    settings = settled(resolved("--data . --set base_filters=1"))
    data = run_settings.open_data(settings)
    train.fit(run_settings.build_model(settings), data, settings, folders)
    assert seen.index("FreshStatistics") < seen.index("SampleGrid")
    assert seen.index("SampleGrid") < seen.index("Checkpoints")


@pytest.mark.usefixtures("eagerly", "unexported")
def test_a_broken_picture_is_named_left_out_and_counted(
    folders, capsys, caplog
):
    pathlib.Path("a/broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    assert run_dcgan("--steps 1 --save-every 1") == 0
    shown = capsys.readouterr().out
    assert "20 images in a (1 skipped)" in shown
    # Shorter than a row.
    assert "log.csv" in shown
    lines = pathlib.Path("runs/dcgan/log.csv").read_text().splitlines()
    (row,) = csv.DictReader(lines)
    assert row["step"] == "1" and float(row["g_loss"]) > 0
    assert "broken.jpg" in caplog.text


@pytest.mark.usefixtures("eagerly", "unexported")
def test_a_run_that_made_nothing_binds_no_settings(
    folders, capsys, monkeypatch
):
    def run_long(size, steps=2):
        text = f"--set schedule=linear --steps {steps} --batch-size {size}"
        return run_dcgan(text)

    with monkeypatch.context() as patch:
        failing = mock.Mock(side_effect=MemoryError)
        patch.setattr(registry.get("dcgan"), "train_step", failing)
        assert run_long(8) == 1
    assert "give a smaller --batch-size" in capsys.readouterr().err
    assert run_long(4) == 0
    # The rate has come to its end.
    assert "more --steps and another --run-dir" in capsys.readouterr().out
    assert run_long(4) == 0
    assert "more --steps" not in capsys.readouterr().out
    assert run_long(8) == run_long(4, steps=3) == 2
    error = capsys.readouterr().err
    assert "batch_size: 4 there, 8 now" in error
    assert "steps: 2 there, 3 now" in error


@pytest.mark.usefixtures("eagerly", "unexported")
def test_a_full_disk_ends_with_one_line_and_loses_nothing(folders, capsys):
    assert run_dcgan("--steps 2 --save-every 2") == 0
    size = pathlib.Path("runs/dcgan/checkpoints/000002.keras").stat().st_size
    capsys.readouterr()

    # Writing past the limit fails with EFBIG, as on a full disk with ENOSPC.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limits[1]))
    try:
        assert run_dcgan("--steps 4 --save-every 2") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and "checkpoint" in error
    left = [p.name for p in pathlib.Path("runs/dcgan/checkpoints").iterdir()]
    assert left == ["000002.keras"]
    assert run_dcgan("--steps 4 --save-every 2") == 0
    assert checkpoints.steps("runs/dcgan/checkpoints") == [2, 4]


def test_a_run_folder_that_another_process_trains_in(
    folders, capsys, another_process
):
    other = another_process("runs/cyclegan")
    for text in ("--steps 1", "--steps 1 --restart"):
        assert run(text) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert error.startswith("error: run_dir must be a folder that no other")
        assert "'runs/cyclegan'" in error and "another folder" in error
        assert os.listdir("runs") == ["cyclegan"]
        assert not os.listdir("runs/cyclegan")
    other.kill()
    other.communicate()
    settings = {"model": "cyclegan", "export_dir": "saved"}
    runs.prepare("runs/cyclegan", settings)
    # Nor is one moved aside that another has continued meanwhile.
    other = another_process("runs/cyclegan")
    with pytest.raises(UserError, match="no other process"):
        runs.prepare("runs/cyclegan", settings, restart=True)
    assert os.listdir("runs") == ["cyclegan"]


def make_run(folder):
    folder = pathlib.Path(folder)
    settings = {"model": "cyclegan", "export_dir": str(folder / "export")}
    runs.prepare(folder, settings)
    (folder / "checkpoints").mkdir()
    (folder / "export").mkdir()
    for left in ("log.csv.damaged.1", "log.unfinished"):
        (folder / left).touch()
    return settings


def test_restart_moves_a_run_aside_and_nothing_else(folders, monkeypatch):
    settings = make_run("runs/mine")
    for reason, path, content in (
        ("also holds 'thesis.txt'", "runs/mine/thesis.txt", "mine"),
        ("holds no run", "a/0.txt", None),
        ("holds no run", "other/arguments.json", '{"mine": 1}'),
        ("holds no run", "links/checkpoints", None),
    ):
        path = pathlib.Path(path)
        path.parent.mkdir(exist_ok=True)
        path.write_text(content or "")
        before = sorted(folders.rglob("*"))
        with pytest.raises(UserError, match=f"{reason}.*another --run-dir"):
            runs.prepare(path.parent, settings, restart=True)
        assert sorted(folders.rglob("*")) == before
        path.unlink()
    # What the command was started in, by any name.
    pathlib.Path("runs/mine/samples").mkdir()
    (folders / "link").symlink_to(folders / "runs" / "mine")
    monkeypatch.chdir("runs/mine/samples")
    for name in ("..", "../../mine", "../../../link", folders / "runs/mine"):
        with pytest.raises(UserError, match="this command was started"):
            runs.prepare(name, settings, restart=True)
    monkeypatch.chdir(folders)
    for name in (".", "..", "/", "a/../b", "runs"):
        with pytest.raises(UserError, match="holds no run|which also holds"):
            runs.prepare(name, settings, restart=True)

    with monkeypatch.context() as patch:

        def refuse(path, target):
            raise OSError(16, "Device or resource busy")  # a mount point

        patch.setattr(pathlib.Path, "rename", refuse)
        with pytest.raises(UserError, match="cannot be moved .Device or"):
            runs.prepare("runs/mine", settings, restart=True)
    # A link stays, and leads to the new run.
    runs.prepare("link", settings, restart=True)
    assert sorted(os.listdir("runs")) == ["mine", "mine.1"]
    assert os.listdir("link") == ["arguments.json"]
    assert "checkpoints" in os.listdir("runs/mine.1")
    # A damaged run is one, an empty folder is none.
    pathlib.Path("runs/mine/arguments.json").write_text("{")
    runs.prepare("runs/mine/../mine", settings, restart=True)
    assert sorted(os.listdir("runs")) == ["mine", "mine.1", "mine.2"]
    pathlib.Path("empty/.unfinished-abc").mkdir(parents=True)
    runs.prepare("empty", settings, restart=True)
    assert not pathlib.Path("empty.1").exists()


@pytest.mark.usefixtures("eagerly", "unexported")
def test_a_run_folder_may_be_moved(folders, capsys):
    assert run_dcgan("--steps 1") == 0
    moved = pathlib.Path("elsewhere/mine")
    moved.parent.mkdir()
    pathlib.Path("runs/dcgan").rename(moved)
    pathlib.Path("runs").rmdir()
    capsys.readouterr()
    assert run_dcgan(f"--steps 2 --run-dir {moved}") == 0
    assert "continuing after step 1" in capsys.readouterr().out
    assert not pathlib.Path("runs").exists()
    assert [*loading.load(moved).verbs] == ["generate"]
    with open(moved / "log.csv", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2"]


@pytest.mark.parametrize(
    "error,code,line",
    [
        (MemoryError(), 1, "not enough memory.*--batch-size.*checkpoints stay"),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM of 9 GB\n"),
            1,
            "not enough memory.*--image-size.*--recompute",
        ),
        (
            tf.errors.UnknownError(None, None, "MemoryError: \nTraceback"),
            1,
            "not enough memory",
        ),
        (OSError(28, "No space left", "x"), 1, "No space left: 'x'; earlier"),
        (FloatingPointError("NaN"), 3, "NaN"),
        (UserError("seed must"), 2, "seed must"),
        (ImportError("x.pth needs the package torch"), 2, "needs the package"),
        (ValueError("a fault of ours"), None, None),
        (tf.errors.InvalidArgumentError(None, None, "ours"), None, None),
    ],
)
def test_expected_ends_are_one_line(error, code, line):
    end = train.ending(error, None)
    if code is None:
        assert end is None
    else:
        assert end[0] == code and re.search(line, end[1])
        assert "\n" not in end[1]


def test_nobody_reads_and_the_terminal_is_closed(folders):
    """SIGHUP, and no output from the first line on: it saves all the same."""
    reader, writer = os.pipe()
    os.close(reader)
    # A process ignores what the one that starts it ignores, as under nohup.
    former = signal.signal(signal.SIGHUP, lambda *_: None)
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_gans.train", "--model", "dcgan"]
        + f"--data a --save-every 1 {TINY} --steps 100000".split(),
        stdout=writer,
        stderr=writer,
    )
    signal.signal(signal.SIGHUP, former)
    os.close(writer)
    folder = pathlib.Path("runs/dcgan/checkpoints")
    try:
        while not checkpoints.steps(folder):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        assert process.wait(300) == 129
    finally:
        process.kill()
    lines = (folder.parent / "log.csv").read_text().splitlines()
    *_, row = csv.DictReader(lines)
    assert int(row["step"]) == checkpoints.steps(folder)[-1]


@pytest.mark.parametrize("name", registry.names())
def test_a_docstring_says_what_the_demonstration_changes(name):
    model_class = registry.get(name)
    _, text = model_class.__doc__.split("\n    Demonstration:\n")
    text = text.split("\n    Reference:\n")[0].replace(",", "")
    numbers = {float(number) for number in re.findall(r"\d[\d.e-]*\d|\d", text)}
    for architecture in model_class.architectures or (None,):
        recipe = model_class.recipe_of(architecture)
        changes = recipe.demonstration | recipe.demonstration.get("set", {})
        for key, value in changes.items():
            if isinstance(value, (int, float)) and key != "evaluate_every":
                assert value in numbers, (architecture, key)


def test_a_demonstration_reads_what_its_critic_takes():
    for more, critic_steps in (("", 1), ("--set critic_steps=3", 3)):
        settings = resolved(f"--model stargan {more}")
        assert settings["critic_steps"] == critic_steps
        assert settings["model_arguments"]["critic_steps"] == critic_steps


def test_a_demonstration_keeps_the_weights_that_are_not_given():
    settings = resolved("--set loss_weights={'identity':2}")
    weights = settings["compile_arguments"]["loss_weights"]
    assert weights == {"cycle": 30.0, "identity": 2}
    settings = resolved(
        "--data-a a --data-b b --set loss_weights={'identity':2}"
    )
    assert settings["compile_arguments"]["loss_weights"] == {"identity": 2}


def test_settings_of_the_command_are_those_that_are_recorded():
    settings = resolved("--model progressive --set filters=8,8,8,8,8")
    assert settings["model_arguments"]["filters"] == [8] * 5


def test_the_article_is_the_default():
    settings = run_settings.resolve(vars(train.parse_arguments([])))
    assert settings["model"] == "cyclegan" and settings["image_size"] == 64
    assert settings["data_a"] == "faces:photo"
    assert settings["data_b"] == "faces:anime"
    assert settings["save_every"] == 500
    call = "--model cyclegan --data-a data/train_A --data-b data/faces"
    settings = run_settings.resolve(vars(train.parse_arguments(call.split())))
    assert settings["batch_size"] == 64 and settings["steps"] == 100_000


def test_what_differs_from_the_recipe_is_named(folders):
    def departures(text, data="."):
        settings = resolved(f"--data {data} {text}")
        data = run_settings.open_data(settings)
        return run_settings.departures(
            run_settings.settled(settings, data), data
        )

    assert departures("") == {}
    assert departures("--set architecture=resnet") == {}
    options = (
        "--set learning_rate=1e-4 --set loss_weights={'cycle':5} --steps 9"
    )
    assert departures(f"{options} --ema 0.9 --batch-size 3") == {
        "batch_size": (3, 64),
        "steps": (9, 100_000),
        "learning_rate": (1e-4, 4e-4),
        "loss_weights": ({"cycle": 5}, {"cycle": 10.0}),
        "ema": (0.9, None),
    }
    growing = departures(
        "--model progressive --image-size 128 --set initial_size=128", "a"
    )
    assert growing["initial_size"] == (128, 4)


def resolved(text):
    return run_settings.resolve(vars(train.parse_arguments(text.split())))


def test_both_sides_at_once(folders):
    settings = resolved("--data .")
    assert (settings["data_a"], settings["data_b"]) == ("a", "b")
    assert not {"data", "direction"} & set(settings)
    settings = resolved("--data a --direction b_to_a --model pix2pix")
    assert (settings["data_a"], settings["data_b"]) == ("a#right", "a#left")
    settings = resolved("--data tfds:cycle_gan/horse2zebra")
    assert settings["data_b"] == "tfds:cycle_gan/horse2zebra@trainB"


def settled(settings):
    return run_settings.settled(settings, run_settings.open_data(settings))


@pytest.mark.parametrize(
    "model", ["--set architecture=resnet", "--model pix2pix"]
)
def test_epochs_become_steps_when_the_data_are_known(folders, model):
    settings = resolved(f"{model} --data . --batch-size 3")
    assert settings["image_size"] == 256 and settings["epochs"] == 200
    settings = settled(settings)
    assert settings["steps"] == 200 * 7 and "epochs" not in settings
    settings = resolved(f"{model} --data . --epochs 3")
    assert settled(settings)["steps"] == 3 * 20
    demonstration = resolved(model)
    assert demonstration["data_a"].startswith("faces:")
    assert demonstration["epochs"] is None and demonstration["steps"] > 1000


def test_help_states_units_and_defaults(capsys):
    with pytest.raises(SystemExit) as stopped:
        train.main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for flag in (
        "--model",
        "--data-a",
        "--data-b",
        "--image-size PIXELS",
        "--batch-size IMAGES",
        "--steps",
        "--save-every STEPS",
        "--seed",
        "--deterministic",
        "--run-dir",
        "--export-dir",
        "--precision",
        "--dry-run",
        "--set",
    ):
        assert flag in shown
    assert shown.count("default") >= 10


def test_a_run_lies_outside_its_images_and_replaces_no_page(folders, capsys):
    for place in ("a", "b/runs/new"):
        assert run(f"--steps 1 --run-dir {place}") == 2
        assert "run_dir must lie outside" in capsys.readouterr().err
    pathlib.Path("mine").mkdir()
    pathlib.Path("mine/report.html").write_text("mine")
    assert run("--steps 1 --run-dir mine") == 2
    assert "report must be a new file, or one" in capsys.readouterr().err
    assert not pathlib.Path("b/runs").exists()
    assert [p.name for p in pathlib.Path("mine").iterdir()] == ["report.html"]


@pytest.mark.usefixtures("eagerly", "unexported")
def test_sketches_of_photographs_and_a_start_with_another_run(folders, capsys):
    def drawn(text):
        return run(f"--model pix2pix {text}", "--data a")

    def kernel(path):
        model, settings = loading.read_model(path)
        return model.generator.trainable_variables[0].numpy(), settings

    make_model("pix2pix").save("first.keras")
    text = (
        "--init-from first.keras --sketch-style edges,xdog --run-dir second "
        "--set learning_rate=1e-12 --set schedule=constant --evaluate-every 0"
    )
    assert drawn(f"{text} --set base_filters=4 --steps 1") == 2
    assert "base_filters 2 there, 4 here" in capsys.readouterr().err
    assert drawn(f"{text} --steps 1") == 0
    shown = capsys.readouterr().out
    assert "20 sketches (edges, xdog) of images in a" in shown
    assert "the weights of first.keras, step 0" in shown
    (expected, _), (weights, settings) = map(kernel, ("first.keras", "second"))
    np.testing.assert_allclose(weights, expected, atol=1e-9)
    assert settings["init_from"] == "first.keras"
    assert [*settings["sketch_style"]] == ["edges", "xdog"]
    pathlib.Path("first.keras").unlink()
    assert drawn(f"{text} --steps 2") == 0
    assert "continuing after step 1" in capsys.readouterr().out


@pytest.mark.usefixtures("eagerly", "unexported")
def test_home_is_expanded_where_a_path_is_given(folders, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(folders))
    settings = vars(
        train.parse_arguments(["--run-dir=~/r", "--export-dir=~/e"])
    )
    assert settings["run_dir"] == f"{folders}/r"
    assert settings["export_dir"] == f"{folders}/e"
    pathlib.Path("~a").mkdir()
    (folders / "a" / "0.png").rename("~a/0.png")
    assert run("--dry-run", "--data-a ~/b --data-b ~a") == 0
    shown = capsys.readouterr().out
    assert f"20 images in {folders}/b" in shown and "in ~a" in shown


@pytest.mark.parametrize(
    "command", ["train", "check", "evaluate", "translate", "export", "convert"]
)
def test_unknown_flags_are_shown_escaped(command, capsys):
    main = importlib.import_module(f"keras_gans.{command}").main
    with pytest.raises(SystemExit) as stopped:
        main(["x", "--output=y", "--model=z", "--\x1b[31m\nno"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error and r"\x1b[31m\nno" in error
