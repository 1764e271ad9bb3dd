"""The scoreboard: its rows, its page, runs that go on, runs that fail."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

from keras_gans import datasets, registry, runs, train, verbs
from keras_gans import settings as run_settings
from keras_gans.faces import truth
from tests.benchmarks.scoreboard import __main__ as scoreboard
from tests.benchmarks.scoreboard import children, entries, figures, page

SECTIONS = [*entries.models(), *entries.ablation()]
EVERY = [*{entry.key: entry for entry in SECTIONS}.values()]
TRUTH = {
    "translation": {"l1": 0.1, "ssim": 0.7},
    "untouched input": {"l1": 0.3, "ssim": 0.2},
    "mean drawing": {"l1": 0.2, "ssim": 0.4},
}
BOTH = {"photo to anime": TRUTH, "anime to photo": TRUTH}


def test_every_registered_model_has_a_row():
    assert {entry.model for entry in entries.models()} == {*registry.names()}
    keys = {}
    for entry in SECTIONS:
        # Rows of one name are one run.
        assert keys.setdefault(entry.key, entry[2:]) == entry[2:]


@pytest.mark.parametrize("is_quick", [False, True])
@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.key)
def test_the_command_says_all_of_a_row(entry, is_quick, tmp_path):
    settings = entries.settings(entry, is_quick=is_quick, seed=3)
    command = entries.command(settings, tmp_path)
    parsed = vars(train.parse_arguments(command))
    resolved = run_settings.resolve(parsed)
    resolved["set"] = (
        resolved["model_arguments"] | resolved["compile_arguments"]
    )
    for name, value in settings.items():
        assert name == "epochs" or resolved[name] == value, name
    if is_quick:
        assert resolved["steps"] == 4
        if "data_a" in resolved:
            resolved["precision"] = "float32"  # which a run would measure
            run_settings.build_model(resolved)  # takes all of these options
        return
    demonstration = registry.get(entry.model).default_settings(
        demonstration=True, **entry.options
    )
    for name in ("image_size", "batch_size", "steps"):
        assert resolved[name] == demonstration[name]
    data = resolved.get("data") or [resolved["data_a"], resolved["data_b"]]
    assert not any("@" in spec for spec in data)


def test_steps_scale_with_the_minutes():
    (entry,) = [e for e in EVERY if e.key == "pix2pix"]
    assert entries.settings(entry)["steps"] == 4000
    assert entries.settings(entry, scale=0.1)["steps"] == 400
    assert entries.settings(entry, scale=0.1, steps=7)["steps"] == 7


def finished(folder, metrics, settings, steps=100, measured=True):
    """Write what a run leaves behind."""
    folder.mkdir(parents=True)
    made = {"model_arguments": settings.get("set", {}), "compile_arguments": {}}
    runs.write(folder, "arguments.json", settings | made)
    runs.write(folder, "result.json", {"step": steps, "metrics": metrics})
    runs.write(folder, "memory.json", {"bytes": 3 << 30})
    rows = ["step,seconds,d_loss", "20,30.0,0.5", f"{steps},70.0,0.4"]
    (folder / "log.csv").write_text("\n".join(rows))
    kid = {
        "values": {"kid": 0.0123, "kid_spread": 0.001},
        "protocol": "KID-like, cubic kernel",
    }
    names = ("a_to_b", "b_to_a") if "data_a" in settings else ("translate",)
    if measured:
        content = {
            "directions": {n: {"values": {"kid": kid}} for n in names},
            "truth": metrics,
        }
        for place in figures.places(folder).values():
            place.mkdir(exist_ok=True)
            runs.write(place, "metrics.json", content)


def test_figures_of_a_run_between_styles(tmp_path):
    folder = tmp_path / "run"
    settings = {"data_a": "faces:photo@100", "data_b": "faces:anime@100"}
    finished(folder, BOTH, settings)
    found = figures.read(folder)
    assert found["steps"] == 100
    assert (found["seconds"], found["rate"]) == (70.0, 2.0)
    assert found["memory"] == 3 << 30
    assert [*found["weights"]] == ["trained", "average"]
    for directions in found["weights"].values():
        for row in directions.values():
            assert (row["l1"], row["ssim"], row["kid"]) == (0.1, 0.7, 0.0123)
            assert row["beside"]["mean"]["l1"] == 0.2
    assert found["protocols"] == ["KID-like, cubic kernel"]


def test_figures_of_a_run_without_truth(tmp_path):
    folder = tmp_path / "run"
    finished(folder, {}, {"data": ["faces:photo"]})
    for directions in figures.read(folder)["weights"].values():
        assert directions["translate"]["kid"] == 0.0123
        assert directions["translate"]["beside"] == {}


def test_figures_of_a_run_with_labels(tmp_path):
    def row(accuracy, l1):
        return {
            "real": 0.99,
            "true drawing": {"accuracy": 0.95, "l1": 0.0},
            "translation": {"accuracy": accuracy, "l1": l1},
            "untouched input": {"accuracy": 0.02, "l1": 0.08},
        }

    folder = tmp_path / "run"
    metrics = {"Male": row(0.5, 0.1), "Young": row(0.7, 0.3)}
    finished(folder, metrics, {"data": ["faces:photo"]})
    (row,) = figures.read(folder)["weights"]["trained"].values()
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["l1"] == pytest.approx(0.2)
    assert row["beside"]["true"]["accuracy"] == pytest.approx(0.95)
    assert row["kid"] == 0.0123


def test_figures_of_samples_from_noise(tmp_path):
    folder = tmp_path / "run"
    metrics = {"translate": {"shares": {}}}  # the verb with a KID
    finished(folder, metrics, {"data": ["faces:photo"]})
    row = figures.read(folder)["weights"]["trained"]["translate"]
    assert row["kid"] == 0.0123 and row["beside"] == {}
    metrics["translate"]["asked"] = {
        "Male": {"samples": 0.5, "real images": 0.9},
        "Young": {"samples": 0.7, "real images": 0.8},
    }
    finished(tmp_path / "asked", metrics, {"data": ["faces:photo"]})
    found = figures.read(tmp_path / "asked")["weights"]["trained"]
    row = found["translate"]
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["beside"]["true"]["accuracy"] == pytest.approx(0.85)


def test_figures_of_a_classifier(tmp_path):
    rows = {"Male": {"accuracy": 0.75}, "Young": {"accuracy": 0.25}}
    metrics = {"classify": {"labels": rows}}
    finished(tmp_path / "run", metrics, {"data": ["faces:photo"]}, 100, False)
    found = figures.read(tmp_path / "run")["weights"]
    assert found == {"average": {"classify": {"accuracy": 0.5, "beside": {}}}}


def test_page_says_how_the_order_compares_with_the_papers(tmp_path):
    def figures_of(l1):
        return {
            **{"steps": 1, "seconds": 60.0, "rate": None, "memory": None},
            "weights": {
                "trained": {"a": {"l1": l1, "beside": {}}},
                "average": {"a": {"l1": 0.5, "beside": {}}},
            },
            "protocols": ["kernel"],
        }

    order = sorted(
        entries.ablation(), key=lambda e: -sum(entries.PAPER[e.title])
    )
    assert [e.title for e in order][0] == "CycleGAN"
    rows = [(e, figures_of(0.1 + 0.01 * i)) for i, e in enumerate(order)]
    path = tmp_path / "PAGE.md"
    page.write(path, "the command", {page.ABLATION: rows})
    text = path.read_text()
    assert "\n- the same order\n" in text
    assert "    the command\n" in text and "- KID: kernel\n" in text
    table = [line for line in text.split("\n") if line.startswith("|")]
    assert {line.count("|") for line in table} == {5, 12}
    rows[0] = (order[0], figures_of(0.9))
    rows[1] = (order[1], "failed: no room")
    page.write(path, "the command", {page.ABLATION: rows})
    text = path.read_text()
    assert "- not the same order\n" in text
    assert f"| {order[1].title} | failed: no room |" in text


def test_finished_runs_are_read_and_others_continued(
    tmp_path, monkeypatch, capsys
):
    asked = []

    def run(command, log):
        asked.append(command)
        folder = log.parent
        log.write_text("training\nerror: the disk is full\n")
        if len(asked) == 1:
            return 1, 5
        if "--model" in command:
            settings = vars(train.parse_arguments(command[1:]))
            settings = run_settings.resolve(settings)
            settings["set"] = settings["compile_arguments"]
            (folder / "log.csv").unlink(missing_ok=True)
            log.unlink()
            (folder / "memory.json").unlink()
            folder.rmdir()
            finished(folder, BOTH, settings, 7, measured=False)
        return 0, 4

    monkeypatch.setattr(children, "run", run)
    monkeypatch.setattr(children, "call", lambda function, *a: function(*a))
    output = tmp_path / "PAGE.md"
    command = [
        *("--only", "cyclegan", "--steps", "7", "--ablation"),
        *("--work-dir", str(tmp_path / "work"), "--output", str(output)),
    ]
    assert scoreboard.main(command) == 1
    assert "failed: error: the disk is full" in output.read_text()
    assert scoreboard.main(command) == 0
    assert [c[0] for c in asked] == [
        *("keras_gans.train", "keras_gans.train"),
        *("keras_gans.evaluate", "keras_gans.evaluate"),
    ]
    text = output.read_text()
    assert (
        f"python -m tests.benchmarks.scoreboard {shlex.join(command)}" in text
    )
    # In both sections, trained once; the larger memory stays.
    assert text.count("0.100 (0.300, 0.200)") == 4
    memory = next((tmp_path / "work").glob("cyclegan*")) / "memory.json"
    assert json.loads(memory.read_text()) == {"bytes": 5}
    assert scoreboard.main(command) == 0
    # The measuring did not succeed, and is tried again.
    assert [c[0] for c in asked[4:]] == ["keras_gans.evaluate"] * 2
    assert [c[4] for c in asked[4:]] == ["trained", "average"]


def test_wrong_use_is_told_in_one_line(capsys):
    assert scoreboard.main(["--only", "nothing"]) == 2
    error = capsys.readouterr().err
    assert (
        "only must be names among acgan, attributes, cgan, combogan, "
        "contextual, cyclegan, cyclegan-resnet" in error
    )
    assert scoreboard.main(["--minutes", "0"]) == 2
    assert "minutes must be above 0" in capsys.readouterr().err


def test_a_childs_memory_and_exit_code_are_its_own(tmp_path):
    log = tmp_path / "log"
    # Not from here: what these tests hold would be counted.
    code = (
        "import pathlib, sys\n"
        "from tests.benchmarks.scoreboard import __main__\n"
        "from tests.benchmarks.scoreboard import children\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)\n"
        f"log = pathlib.Path({str(log)!r})\n"
        "print(*children.run(['json.tool', 'none'], log))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    exit_code, memory = map(int, process.stdout.split())
    assert exit_code != 0
    assert 5e6 < memory < 6e7
    assert "none" in children.reason(log)


@pytest.mark.slow
def test_quick_runs_through(tmp_path):
    command = ["--quick", "--only", "pix2pix", "--work-dir", str(tmp_path)]
    assert scoreboard.main(command) == 0
    text = (tmp_path / "quick" / "SCOREBOARD.md").read_text()
    (row,) = [line for line in text.split("\n") if "| pix2pix" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["sketch to photo", "average", "4"]
    l1, untouched, mean = np.float64(
        cells[5].replace("(", "").replace(")", "").replace(",", "").split()
    )
    assert 0 < mean < untouched < 1 and 0 < l1 < 1
    assert 0.2 < float(cells[9].removesuffix(" GiB")) < 4


@pytest.mark.slow
def test_quick_of_all(tmp_path):
    assert scoreboard.main(["--quick", "--work-dir", str(tmp_path)]) == 0
    text = (tmp_path / "quick" / "SCOREBOARD.md").read_text()
    for entry in entries.models():
        assert f"| {entry.title} |" in text
    assert "failed" not in text


def test_truth_knows_no_count_of_faces(monkeypatch):
    asked = []

    settings = {"image_size": 64, "seed": 0}
    settings |= {"data_a": "faces:photo@9", "data_b": "faces:anime@9"}
    data = datasets.KINDS["unpaired"].open(settings)
    monkeypatch.setattr(
        "keras_gans.faces.truth.against_truth",
        lambda translate, source, target, *rest, **kwargs: asked.append(
            (source, target)
        ),
    )
    verb = verbs.Verb("a_to_b", None, {}, "a", "b")
    assert [*truth.of_verbs([verb], data)] == ["photo to anime"]
    assert asked == [("photo", "anime")]
