"""The command on runs, files and folders; what it says of bad input."""

import functools
import json
import re
import shutil
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import datasets, evaluate, images, metrics, runs, verbs
from keras_gans import settings as run_settings
from keras_gans.callbacks import checkpoints, statistics
from keras_gans.datasets import sources
from keras_gans.evaluation import (
    cases,
    extractors,
    facts,
    in_training,
    measure,
    nearest,
    subjects,
    translators,
)
from keras_gans.evaluation import folders as two_folders
from keras_gans.faces import drawing, truth
from keras_gans.faces.identities import FIRST_HELD_OUT
from tests.metrics import tiny
from tests.tiny import make_model


def test_an_oracle_is_perfect_and_the_baselines_are_what_they_say():
    size, count = 64, 12

    def oracle(pictures):
        first = FIRST_HELD_OUT
        drawn = drawing.draw_many(range(first, first + count), "anime", 72)
        return images.to_float(drawn[:, 4:-4, 4:-4])

    results = truth.against_truth(oracle, "photo", "anime", size, count)
    assert results["translation"] == {"l1": 0.0, "ssim": 1.0}
    untouched = truth.against_truth(tf.identity, "photo", "anime", size, count)
    assert untouched["translation"] == untouched["untouched input"]
    assert 0.15 < untouched["untouched input"]["l1"] < 0.4
    assert 0.05 < results["mean drawing"]["l1"] < 0.3
    lines = truth.table({"photo to anime": results}).splitlines()
    assert lines[2] == "| photo to anime | translation | 0.000 | 1.000 |"


def test_small_pictures_and_labels():
    seen = []

    def with_labels(pictures, labels):
        seen.append(labels)
        return pictures

    results = truth.against_truth(
        with_labels, "photo", "anime", 32, 2, labels=["Male", "Smiling"]
    )
    assert 0 < results["translation"]["l1"] < 1
    table = drawing.attribute_table(range(FIRST_HELD_OUT, FIRST_HELD_OUT + 2))
    columns = [drawing.ATTRIBUTES.index(name) for name in ("Male", "Smiling")]
    np.testing.assert_array_equal(seen, [table[:, columns]])


def test_only_runs_on_two_styles_are_measured():
    array = np.zeros((2, 8, 8, 3), np.uint8)
    settings = {"data_a": "faces:photo", "data_b": array}
    settings |= {"image_size": 64, "seed": 0}
    data = datasets.KINDS["unpaired"].open(settings)
    model = make_model("cyclegan")
    assert truth.of_verbs(model.verbs(), data) == {}
    settings = {"data": [(array, [0, 1])], "image_size": 16, "seed": 0}
    data = datasets.KINDS["labelled"].open(settings)
    assert truth.of_verbs(make_model("stargan").verbs(), data) == {}


@pytest.mark.parametrize("files", [(), ("arguments.json",)])
def test_wrong_folders_are_named(files, tmp_path, capsys):
    for name in files:
        (tmp_path / name).write_text(
            '{"model": "cyclegan", "seed": 0, "precision": "float32",'
            ' "model_arguments": {"base_filters": 2}, "compile_arguments": {},'
            ' "image_size": 32, "steps": 1}'
        )
    assert run("--run-dir", tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: run_dir must") and str(tmp_path) in error
    assert len(error.splitlines()) == 1


def test_strange_settings_are_named(tmp_path, capsys):
    (tmp_path / "arguments.json").write_text("{}")
    assert run("--run-dir", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "run_dir must have the arguments.json" in line


@pytest.mark.parametrize("recorded", ["--run-dir", "--model"])
def test_recorded_data_are_opened_only_if_named_again(
    run_folder, extractor, capsys, monkeypatch, recorded, exported_cyclegan
):
    opened = []

    def open_source(spec, *arguments, **options):
        opened.append(spec)
        folder = "a" if str(spec).startswith("tfds:") else spec
        return real(folder, *arguments, **options)

    real = sources.open_source
    monkeypatch.setattr(sources, "open_source", open_source)
    settings = json.loads((run_folder / "arguments.json").read_text())
    specs = "tfds:evil@train", "//share/pictures"
    settings |= dict(zip(("data_a", "data_b"), specs, strict=True))
    (run_folder / "arguments.json").write_text(json.dumps(settings))
    place = run_folder
    if recorded == "--model":
        place = shutil.copytree(exported_cyclegan, run_folder / "saved")
        about = json.loads((place / "model.json").read_text())
        about["settings"] |= settings
        (place / "model.json").write_text(json.dumps(about))
    options = recorded, place, "--metrics", "cycle_error"
    assert run(*options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "opened only if it is named again: give --data-a and --data-b" in line
    )
    assert not opened
    if recorded == "--run-dir":
        assert run(*options, "--data-a", specs[0], "--data-b", "b") == 0
        # Named again, what the run holds back is measured.
        settings |= {"data_b": "b"}
        (run_folder / "arguments.json").write_text(json.dumps(settings))
        assert run(*options, "--data-a", specs[0], "--data-b", "b") == 0
        shown = capsys.readouterr().out
        assert "TRAINED ON, as there are too few to hold any back" in shown


def test_an_extractor_that_a_run_names_is_not_fetched(run_folder, monkeypatch):
    asked = []
    monkeypatch.setattr(
        extractors,
        "opened",
        lambda text: asked.append(text) or tiny.extractor(),
    )
    settings = json.loads((run_folder / "arguments.json").read_text())
    settings |= {"extractor": "inception_v3", "best": "fid"}
    (run_folder / "arguments.json").write_text(json.dumps(settings))
    assert run("--run-dir", run_folder) == 0
    assert asked == ["faces"]


@pytest.mark.parametrize(
    "setting",
    [
        {"loss_weights": {"cycle": {}}},
        {"loss_weights": {"sicle": 1}},
        {"schedule": []},
        {"ema": {}},
        {"learning_rate": {"class_name": "Evil", "config": {}}},
        {"base_filters": 10**6},
        {"architecture": None},
        {"no_such": 1},
    ],
)
def test_settings_of_somebody_else_are_one_line(run_folder, capsys, setting):
    settings = json.loads((run_folder / "arguments.json").read_text())
    of_compile = "loss_weights schedule ema learning_rate".split()
    kind = "compile" if {*setting} & {*of_compile} else "model"
    settings[f"{kind}_arguments"] = setting
    (run_folder / "arguments.json").write_text(json.dumps(settings))
    assert run("--run-dir", run_folder) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def run(*arguments):
    return evaluate.main([*map(str, arguments)])


@pytest.fixture
def extractor(monkeypatch):
    """Stands in for the network that would be trained for a minute."""
    made = tiny.extractor()
    monkeypatch.setattr(extractors, "opened", lambda text: made)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """Return a function to a folder with a checkpoint of a model, step 7."""

    @functools.cache
    def save(name):
        model = make_model(name)
        model.step.assign(7)
        folder = tmp_path_factory.mktemp(name)
        checkpoints.save(model, folder)
        return folder

    return save


@pytest.fixture
def run_folder(folders, untrained):
    """The run of an untrained CycleGAN on the two folders."""
    folder = folders / "run"
    shutil.copytree(untrained("cyclegan"), folder / "checkpoints")
    settings = {
        "model": "cyclegan",
        "data_a": "a",
        "data_b": "b",
        "image_size": 32,
        "model_arguments": {"base_filters": 4},
        "compile_arguments": {},
        "steps": 10,
        "seed": 0,
        "precision": "float32",
    }
    (folder / "arguments.json").write_text(json.dumps(settings))
    return folder


def test_a_run_on_any_pictures(run_folder, extractor, capsys):
    assert run("--run-dir", run_folder) == 0
    shown = capsys.readouterr().out
    content = json.loads((run_folder / "metrics.json").read_text())
    assert content["step"] == 7 and content["measured"].endswith("step 7")
    for direction in ("a_to_b", "b_to_a"):
        entry = content["directions"][direction]
        assert not entry["failed"]
        assert {*entry["values"]} == {
            *("cycle_error", "diversity", "fid", "kid", "precision_recall"),
        }
        row = entry["values"]["kid"]
        assert row["details"]["real_count"] == 18
        assert "TRAINED ON" in row["details"]["reference"]
        assert f"| {direction} | {row['label']} | {row['text']} |" in shown
        assert row["protocol"] in shown
    # The way back, measured by hand.
    model = make_model("cyclegan")
    settings = json.loads((run_folder / "arguments.json").read_text())
    found = cases.data_of_run(settings).cases(model.verbs(), 18)
    inputs = np.stack([found["a_to_b"].images.load(i) for i in range(18)])
    forth, back = translators.of_model(model).values()
    there_and_back = back.function(images=forth.function(images=inputs))
    error = np.abs(inputs / 255.0 - there_and_back / 255.0).mean()
    row = content["directions"]["a_to_b"]["values"]["cycle_error"]
    assert row["value"] == pytest.approx(error, rel=1e-5)
    # Beside the KID of what an untrained network makes of noise that of the
    # noise, which is nearer to other noise.
    row = content["directions"]["a_to_b"]["values"]["kid"]
    reals, noise = found["a_to_b"].reals, found["a_to_b"].images
    kid = metrics.evaluate(
        metrics.create(["kid"], tiny.extractor()),
        *map(measure.batches, (reals, noise)),
    )["kid"]
    untouched = row["values"]["untouched_input"]
    assert untouched == pytest.approx(kid["value"], rel=1e-5)
    assert untouched < row["value"]
    assert "the inputs as they are come nearer" in row["protocol"]
    assert f"untouched_input {untouched:.4g})" in row["text"]
    # Best and worst of either direction, and a page with all of it.
    files = [entry["file"] for entry in content["examples"]]
    assert len(files) == 4
    assert {*files} == {p.name for p in (run_folder / "examples").iterdir()}
    page = (run_folder / "report.html").read_text()
    assert row["text"] in page and row["protocol"] in page


def test_inputs_as_near_to_the_real_images_as_outputs_are_no_warning():
    sides = (tiny.pictures(24, seed=seed) for seed in (0, 1))
    inputs, reals = (
        datasets.open_source(images.to_uint8(side).numpy(), tiny.SIZE)
        for side in sides
    )
    case = datasets.Case({"images": inputs}, reals, False, "blocks")
    evaluator = measure.Evaluator({"a_to_b": case}, ["kid"], tiny.extractor())
    mirrored = verbs.Verb(
        "a_to_b", lambda images: images[:, :, ::-1], {}, "a", "b"
    )
    measured = evaluator({"a_to_b": mirrored})
    measure.add_untouched(evaluator, measured)
    kid = measured["a_to_b"]["kid"]
    over = kid["value"] - kid["values"]["untouched_input"]
    assert 0 < over < kid["values"]["kid_spread"]
    assert "warning" not in kid["protocol"]
    # Labels are changed on the real images themselves.
    evaluator.cases["a_to_b"] = case._replace(reals=inputs)
    measured = evaluator({"a_to_b": mirrored})
    measure.add_untouched(evaluator, measured)
    assert "untouched_input" not in measured["a_to_b"]["kid"]["values"]


@pytest.fixture
def noise_folder(run_folder, untrained):
    """The run of an untrained DCGAN on a folder of 80 images."""
    rng = np.random.default_rng(0)
    (run_folder.parent / "many").mkdir()
    for i in range(80):
        pixels = rng.integers(0, 256, (36, 36, 3), dtype="uint8")
        Image.fromarray(pixels).save(f"many/{i:02d}.png")
    folder = run_folder.parent / "noise"
    shutil.copytree(untrained("dcgan"), folder / "checkpoints")
    settings = json.loads((run_folder / "arguments.json").read_text())
    del settings["data_a"], settings["data_b"]
    arguments = {"latent_dim": 8, "base_filters": 2}
    settings |= {"model": "dcgan", "data": ["many"]}
    settings["model_arguments"] = arguments
    (folder / "arguments.json").write_text(json.dumps(settings))
    return folder


def nearness_of(folder):
    content = json.loads((folder / "metrics.json").read_text())
    entry = content["directions"]["generate"]
    return entry["values"].get("nearness"), entry["failed"], content["examples"]


def test_samples_lie_beside_their_nearest_training_images(
    noise_folder, extractor, capsys
):
    assert run("--run-dir", noise_folder) == 0
    row, failed, examples = nearness_of(noise_folder)
    assert not failed and row["better"] == "near 0.5"
    assert [*row["values"]] == ["nearer", "if_alike", "very_near"]
    details = row["details"]
    assert details["training_count"] == 80 - datasets.SHOWN
    assert details["real_count"] == datasets.SHOWN
    assert details["fake_count"] == datasets.SHOWN
    shown = capsys.readouterr().out
    assert f"{row['label']} | {row['text']} | near 0.5 |" in shown
    page = (noise_folder / "report.html").read_text()
    assert row["protocol"] in page
    titles = ["most realistic", "nearest to a training image"]
    for entry, title in zip(examples, titles, strict=True):
        assert entry["title"].startswith(f"generate, {title}, beside")
        assert entry["title"] in page
        grid = images.read(noise_folder / "examples" / entry["file"])
        # Six samples, each with three images beside it, below the headings.
        assert grid.shape == (2 + 16 + 6 * (32 + 2), 2 + 4 * (32 + 2), 3)
    # What is asked for alone is measured alone.
    assert run("--run-dir", noise_folder, "--metrics", "kid") == 0
    assert nearness_of(noise_folder)[0] is None


def test_copies_of_training_images_are_told(noise_folder, extractor, tmp_path):
    settings = json.loads((noise_folder / "arguments.json").read_text())
    data = run_settings.open_data(settings)
    kind = run_settings.kind_of(settings)
    known = cases.trained_on(kind, settings, (), 1000)
    held = {*data.held["data"].names}
    assert len(known) == 62 and not held & {*known.names}
    assert not known._source.is_kept
    few = cases.trained_on(kind, settings, (), 5)
    assert few.names == [known.names[i] for i in (0, 15, 30, 45, 61)]
    model = make_model("dcgan")
    case = data.cases(model.verbs(), 18)["generate"]
    subject = subjects.Subject(
        *("", tmp_path, {}, {}, 32), trained_on=lambda count: known
    )
    found = []
    for fakes in (case.reals, known):
        evaluator = measure.Evaluator({"generate": case}, [])
        evaluator.fakes["generate"] = fakes
        measured = {"generate": {}}
        (_, entry) = nearest.add(measured, evaluator, tiny.extractor(), subject)
        assert measured["generate"]["nearness"]["error"] is None
        found.append(measured["generate"]["nearness"]["value"])
    assert found == [pytest.approx(0.5), 1.0]
    # Beside each copy lies its original, at no distance.
    grid = images.read(tmp_path / "examples" / entry["file"])
    np.testing.assert_array_equal(grid[18:50, 2:34], grid[18:50, 36:68])
    first = known.names.index(entry["pictures"].partition(":")[0])
    np.testing.assert_array_equal(grid[18:50, 2:34], known.load(first))


def test_what_is_not_known_of_training_is_said(noise_folder, extractor, capsys):
    settings = json.loads((noise_folder / "arguments.json").read_text())
    path = noise_folder / "checkpoints/000007.keras"
    assert run("--model", path, "--data", "many", "--count", "20") == 0
    row, failed, _ = nearness_of(noise_folder.parent / "evaluation")
    (reason,) = failed
    assert row is None and "does not say what it was trained on" in reason
    # The images themselves, named: some of them may be trained on.
    assert run("--run-dir", noise_folder, "--data", "many") == 0
    assert nearness_of(noise_folder)[:2] == (None, {})
    # Too few to hold any out.
    settings["data"] = ["a"]
    (noise_folder / "arguments.json").write_text(json.dumps(settings))
    assert run("--run-dir", noise_folder) == 0
    row, (reason,), _ = nearness_of(noise_folder)
    assert row is None and "enough images to hold some out" in reason


def test_the_weights_as_trained(run_folder, extractor, capsys):
    options = "--run-dir", run_folder, "--metrics", "cycle_error"
    options += "--data-a", "a", "--data-b", "b"
    assert run(*options, "--weights", "trained") == 2
    assert "for a run without --ema" in capsys.readouterr().err
    assert run("--model", "x.keras", "--weights", "trained") == 2
    assert "but for a run" in capsys.readouterr().err
    model = make_model("cyclegan", ema=0.9)
    settings = json.loads((run_folder / "arguments.json").read_text())
    settings["compile_arguments"]["ema"] = 0.9
    settings["batch_size"] = 4
    dataset = run_settings.open_data(settings).batches
    model.step.assign(7)
    model.fit(dataset(7), steps_per_epoch=2, shuffle=False, verbose=0)
    checkpoints.save(model, run_folder / "checkpoints")
    (run_folder / "arguments.json").write_text(json.dumps(settings))
    errors = {}
    for weights, folder in (("average", ""), ("trained", "trained")):
        assert run(*options, "--weights", weights) == 0
        content = json.loads((run_folder / folder / "metrics.json").read_text())
        entry = content["directions"]["a_to_b"]["values"]
        errors[weights] = entry["cycle_error"]["value"]
    assert content["measured"].endswith("weights as trained")
    # Those of the run, named once more.
    text = content["directions"]["a_to_b"]["pictures"]
    assert "20 real images, most of them TRAINED ON (20 images" in text
    assert (run_folder / "trained" / "report.html").exists()
    # By hand, without what knows of averages.
    model.averages.put(False)
    plain = make_model("cyclegan")
    for network, trained in zip(plain.networks, model.networks, strict=True):
        network.set_weights(trained.get_weights())
    plain.step.assign(model.step)
    step = int(model.step.numpy())
    statistics.refresh(plain, dataset(step).take(statistics.BATCHES))
    data = datasets.KINDS["unpaired"].open(settings)
    found = data.cases(plain.verbs(), 20)
    inputs = np.stack([found["a_to_b"].images.load(i) for i in range(20)])
    forth, back = translators.of_model(plain).values()
    there_and_back = back.function(images=forth.function(images=inputs))
    error = np.abs(inputs / 255.0 - there_and_back / 255.0).mean()
    assert errors["trained"] == pytest.approx(error, rel=1e-3)
    assert abs(errors["average"] / error - 1) > 1e-2


def test_named_pictures_and_files_of_models(run_folder, extractor, capsys):
    path = run_folder / "checkpoints/000007.keras"
    options = "--count", 6, "--metrics", "cycle_error,ssim"
    data = "--data-a", "a", "--data-b", "b"
    # There is no truth to measure SSIM against.
    assert run("--model", path, *data, *options, "--report", "x/y.html") == 1
    shown = capsys.readouterr().out
    assert "not computed: a_to_b ssim: ssim needs the truth" in shown
    content = json.loads((run_folder.parent / "x/metrics.json").read_text())
    entry = content["directions"]["b_to_a"]
    assert entry["pictures"].startswith("6 inputs and 6 real images, test")
    assert entry["failed"] == {"ssim needs the truth of each input": ["ssim"]}
    assert (run_folder.parent / "x/y.html").exists()
    assert run("--model", path) == 2
    assert "data_a and data_b, must be given" in capsys.readouterr().err


def test_two_folders(folders, extractor, capsys):
    shutil.copytree("a", "copy")
    Image.open("copy/3.png").convert("L").save("copy/3.png")
    assert run("--real", "a", "--fake", "copy") == 0
    content = json.loads((folders / "evaluation/metrics.json").read_text())
    entry = content["directions"]["fake"]
    assert entry["pictures"].endswith("as they are, paired by name")
    assert entry["values"]["fid"]["value"] == pytest.approx(0, abs=0.01)
    one, grey = (
        np.asarray(Image.open(f"{side}/3.png").convert("RGB")) / 255.0
        for side in ("a", "copy")
    )
    expected = np.abs(one - grey).mean() / 20
    row = entry["values"]["l1"]
    assert row["value"] == pytest.approx(expected, rel=1e-5)
    (worst,) = [
        e for e in content["examples"] if e["title"] == "fake, worst by l1"
    ]
    assert worst["pictures"].startswith("3.png 0.")
    # Other names are other images.
    (folders / "copy/3.png").rename("copy/new.png")
    assert run("--real", "a", "--fake", "copy", "--metrics", "l1,kid") == 1
    shown = capsys.readouterr().out
    assert "| fake | KID-like" in shown
    assert "not computed: fake l1: l1 needs the truth" in shown


def test_sizes_that_differ_leave_the_other_metrics(folders, extractor, capsys):
    shutil.copytree("a", "copy")
    Image.open("copy/3.png").resize((50, 44)).save("copy/3.png")
    options = "--real", "a", "--fake", "copy", "--metrics", "kid,ssim"
    assert run(*options) == 1
    shown = capsys.readouterr().out
    assert "made square, 40 pixels" in shown and "give image_size" in shown
    assert "| fake | KID-like" in shown and "| fake | SSIM" not in shown
    assert run(*options, "--image-size", 32) == 0
    assert "| fake | SSIM" in capsys.readouterr().out


def test_too_few_pictures_and_no_extractor_leave_the_others(
    folders, monkeypatch, capsys
):

    def missing(text):
        raise extractors.Unavailable("extractor vgg16 needs its weights")

    monkeypatch.setattr(extractors, "opened", missing)
    shutil.copytree("a", "copy")
    options = "--real", "a", "--fake", "copy", "--metrics", "kid,l1,fid"
    assert run(*options) == 1
    shown = capsys.readouterr().out
    assert "| fake | L1 | 0 | lower |" in shown
    assert "not computed: fake kid, fid: extractor vgg16 needs" in shown
    made = tiny.extractor()
    monkeypatch.setattr(extractors, "opened", lambda text: made)
    assert run(*options, "--count", 1) == 1
    shown = capsys.readouterr().out
    assert "| fake | L1 | 0 | lower |" in shown
    assert "not computed: fake kid: kid must have at least" in shown


@pytest.mark.parametrize(
    "arguments,error",
    [
        (("--real", "a"), "real and fake must be given"),
        (("--real", "a", "--fake", "nope"), "fake must be a folder"),
        (("--real", "a", "--fake", "empty"), "fake must be a folder with"),
        (("--real", "a", "--fake", "b", "--data-a", "a"), "data must be left"),
        (("--run-dir", "runs", "--labels", "Male"), "labels must be left out"),
        (("--run-dir", "runs", "--direction", "b_to_a"), "direction must be"),
        (("--run-dir", "a", "--model", "b"), "one of them. Received: run_dir"),
        (("--metrics", "kid,nope"), "metrics must be one of.*'nope'"),
        (("--metrics", "nothing"), "metrics must be one of"),
        (
            ("--real", "a", "--fake", "b", "--extractor", "nope"),
            "extractor must be one of faces",
        ),
        (("--model", "a"), "path must be a run folder"),
    ],
)
def test_wrong_use_is_one_line(folders, arguments, error, capsys):
    (folders / "empty").mkdir()
    (folders / "runs").mkdir()
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()

    assert re.search(f"^error: .*{error}", line)


def test_a_broken_picture_is_named(folders, capsys):
    content = (folders / "a/5.png").read_bytes()
    (folders / "a/5.png").write_bytes(content[: len(content) // 2])
    assert run("--real", "b", "--fake", "a", "--metrics", "l1") == 1
    shown = capsys.readouterr().out
    assert "not computed: fake l1: 5.png: is damaged or cut short" in shown


def test_the_test_half_beside_the_training_half(folders):
    for name in ("set/trainA", "set/trainB", "set/testA", "set/testB"):
        shutil.copytree("a" if name.endswith("A") else "b", name)
    shutil.rmtree("set/testB")
    settings = {
        "model": "cyclegan",
        "data_a": "set/trainA",
        "data_b": "set/trainB",
        "image_size": 32,
        "seed": 0,
    }
    named = make_model("cyclegan").verbs()
    found = cases.data_of_run(settings).cases(named, 5)
    assert "set/trainA" in found["a_to_b"].text
    shutil.copytree("b", "set/testB")
    data = cases.data_of_run(settings)
    found = data.cases(named, 5)
    assert "test images" in found["a_to_b"].text
    assert "set/testB" in found["a_to_b"].text
    assert len(found["b_to_a"].images) == 5
    assert found["a_to_b"].images.load(0).shape == (32, 32, 3)
    assert cases._test_half("set/trainA#left") == "set/testA#left"
    assert cases._test_half("tfds:name@trainA") is None
    assert cases._test_half("set/TrAinA") is None
    lines = facts.of_sides(data.sides, 32)["data_a"]
    assert lines["shorter side, pixels"] == "40"
    assert "brightness" in lines


def test_a_test_half_that_does_not_open_is_told(folders, caplog):
    for half in ("trainA", "trainB", "testA", "testB"):
        shutil.copytree("a" if half.endswith("A") else "b", f"set/{half}")
    settings = {
        "model": "combogan",
        "data": ["set/trainA", "night=set/trainB"],
        "image_size": 16,
        "seed": 0,
    }
    data = cases.data_of_run(settings)
    # Of the names that the domains had in training.
    assert {n: s.folder for n, s in data.sides.items()} == {
        "trainA": "set/testA",
        "night": "set/testB",
    }
    shutil.rmtree("set/testB")
    (folders / "set/testB").mkdir()
    data = cases.data_of_run(settings)
    assert [s.folder for s in data.sides.values()] == [
        *("set/trainA", "set/trainB")
    ]
    assert "are skipped: night must be" in caplog.text
    assert "set/testB" in caplog.text


def test_faces_are_new_ones_with_their_truth():
    settings = {
        "data_a": "faces:sketch",
        "data_b": "faces:photo",
        "image_size": 64,
        "seed": 0,
    }
    data = datasets.KINDS["unpaired"].open(settings, held_out=18)
    case, _ = data.cases(make_model("cyclegan").verbs(), 2).values()
    assert case.is_paired and "never drawn" in case.text
    drawn = drawing.draw(FIRST_HELD_OUT + 1, "photo", 71)
    assert case.reals.load(1).shape == (64, 64, 3)
    assert np.abs(case.reals.load(1) - drawn[3:67, 3:67].astype(int)).mean() < 9


def test_labels_are_asked_for_in_turn_and_taken_back():
    model = make_model("stargan")
    settings = {
        "data": ["faces:photo"],
        "labels": [[*model.label_table.names]],
        "image_size": 16,
        "seed": 0,
    }
    data = datasets.KINDS["labelled"].open(settings, held_out=18)
    found = data.cases(model.verbs(), 3)
    case = found["translate"]
    targets, labels = case.inputs["labels"], case.back["labels"]
    np.testing.assert_array_equal(targets, labels[[1, 2, 0]])
    indices = [int(name[12:-1]) for name in case.images.names]
    for row, index in zip(labels, indices, strict=True):
        true = drawing.attributes(index)
        assert [*row] == [true[name] for name in settings["labels"][0]]
    evaluator = measure.Evaluator(found, ["cycle_error"])
    translate = translators.of_model(model)
    result = evaluator(translate)["translate"]["cycle_error"]
    inputs = np.stack([case.images.load(i) for i in range(3)])
    function = translate["translate"].function
    there = function(images=inputs, labels=targets)
    back = function(images=there, labels=labels)
    expected = np.abs(inputs / 255.0 - back / 255.0).mean()
    assert result["value"] == pytest.approx(expected, rel=1e-5)


def test_halves_and_faces_are_compared_as_what_they_are(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 32, 3), "uint8")
    for i, image in enumerate(pixels):
        images.write(tmp_path / "pairs" / f"{i}.png", image)
        images.write(tmp_path / "right" / f"{i}.png", image[:, 16:])
    left, right = (f"{tmp_path}/pairs#{half}" for half in ("left", "right"))
    for other in (right, tmp_path / "right"):
        found, _ = two_folders.between(left, other)
        case = found["fake"]
        assert case.is_paired and "as they are" in case.text
        for side, half in (
            (case.reals, pixels[:, :, :16]),
            (case.fakes, pixels[:, :, 16:]),
        ):
            loaded = [side.load(i) for i in range(3)]
            np.testing.assert_array_equal(loaded, half)
    for other, size in (("faces:anime@4", 64), (tmp_path / "right", 16)):
        found, _ = two_folders.between("faces:photo@3", other)
        assert found["fake"].reals.load(0).shape == (size, size, 3)


def test_reals_are_measured_once(folders):
    found, _ = two_folders.between("a", "b")
    loads = []
    reals = found["fake"].reals
    read = reals.read
    reals.read = lambda i: loads.append(i) or read(i)
    evaluator = measure.Evaluator(found, ["fid"], tiny.extractor())
    first, second = (evaluator({})["fake"]["fid"] for _ in "12")
    assert first["error"] is None and first == second
    assert len(loads) == 20


def test_translations_that_are_not_finite_are_said(folders):
    settings = {"data_a": "a", "data_b": "b", "image_size": 32, "seed": 0}
    data = datasets.KINDS["unpaired"].open(settings)

    class Broken:
        def verbs(self):
            inputs = {"images": verbs.Images(32)}
            function = lambda images: images * np.nan  # noqa: E731
            return [verbs.Verb("a_to_b", function, inputs, "a", "b")]

    found = data.cases(Broken().verbs(), 4)
    result = measure.Evaluator(found, ["l1", "kid"], tiny.extractor())(
        translators.of_model(Broken())
    )
    assert [*result] == ["a_to_b"]
    assert "must be finite" in result["a_to_b"]["kid"]["error"]
    assert "needs the truth" in result["a_to_b"]["l1"]["error"]


def test_in_training_the_best_is_what_can_be_known(folders, monkeypatch):
    monkeypatch.setattr(extractors, "opened", lambda text: tiny.extractor())
    settings = {"data_a": "a", "data_b": "b", "image_size": 32, "seed": 0}
    settings |= {"evaluate_every": None, "best": None}
    model = make_model("cyclegan")

    def prepare(settings, kind):
        name = {"unpaired": "cyclegan", "paired": "pix2pix"}[kind]
        data = datasets.KINDS[kind].open(settings, held_out=18)
        settings = settings | {"model": name}
        return in_training.prepare(settings, data, model.verbs())

    assert prepare(settings, "unpaired") is None
    assert prepare({**settings, "evaluate_every": 0}, "paired") is None
    every = {**settings, "evaluate_every": 2}
    evaluate_it, best = prepare(every, "unpaired")
    results = evaluate_it(model)
    assert best == "kid"
    for direction in ("a_to_b", "b_to_a"):
        assert [*results[direction]] == ["kid", "cycle_error"]
        assert results[direction]["kid"]["error"] is None
    evaluate_it, best = prepare(settings, "paired")
    assert best == "l1"
    assert [*evaluate_it(model)["a_to_b"]] == ["l1", "ssim", "cycle_error"]
    with pytest.raises(ValueError, match="best must be.*'ssim'"):
        prepare({**settings, "best": "ssim"}, "unpaired")

    def missing(text):
        raise extractors.Unavailable("extractor vgg16 needs its weights")

    monkeypatch.setattr(extractors, "opened", missing)
    with pytest.raises(ValueError, match="vgg16 needs"):
        prepare(every, "unpaired")


def test_more_pictures_are_held_out_and_measured(tmp_path, capsys):
    for side, first in (("a", 0), ("b", 100)):
        (tmp_path / side).mkdir()
        for i in range(80):
            picture = Image.new("RGB", (32, 32), (first + i,) * 3)
            picture.save(tmp_path / side / f"{i:02d}.png")
    settings = {
        "model": "cyclegan",
        "data_a": str(tmp_path / "a"),
        "data_b": str(tmp_path / "b"),
        "image_size": 32,
        "batch_size": 4,
        "seed": 0,
        "steps": 3,
    }
    few = run_settings.open_data(settings).held_out()
    plain = settings | {"held_out": 18}
    settings["held_out"] = 20
    data = run_settings.open_data(settings)
    grid = data.held_out()
    # The sample grids stay as they are.
    assert (grid["images_a"] == few["images_a"]).all()
    found = data.cases(make_model("cyclegan").verbs(), 100)
    held = found["a_to_b"].images
    held = {int(held.load(i).mean()) for i in range(len(held))}
    assert len(held) == 20
    seen = np.concatenate(
        [batch["images_a"][:, 0, 0, 0] for batch in data.batches().take(15)]
    )
    seen = {*np.rint((seen + 1) * 127.5).astype(int)}
    assert len(seen) == 60 and not seen & held
    # With another number it is another run.
    folder = tmp_path / "run"
    runs.prepare(folder, plain)
    (folder / "log.csv").touch()
    with pytest.raises(ValueError, match="held_out: 18 there, 20 now"):
        runs.prepare(folder, settings | {"epochs": None})


def test_results_replace_only_results_and_are_no_images(folders, capsys):
    options = ["--real", "a", "--fake", "b", "--metrics", "l1"]
    for inside in ("a/report.html", "b/new/report.html"):
        assert run(*options, "--report", inside) == 2
        assert "report must lie outside" in capsys.readouterr().err
    (folders / "mine").mkdir()
    for name in ("report.html", "metrics.json"):
        (folders / "mine" / name).write_text('{"mine": 1}')
        assert run(*options, "--report", "mine/report.html") == 2
        assert "must be a new file, or one that" in capsys.readouterr().err
        assert (folders / "mine" / name).read_text() == '{"mine": 1}'
        (folders / "mine" / name).unlink()
    assert not [*(folders / "mine").iterdir()]
    assert sorted(p.suffix for p in (folders / "a").iterdir()) == [".png"] * 20
    for _ in range(2):
        assert run(*options, "--report", "mine/report.html") == 0


def test_two_folders_are_paired_in_any_unicode_form(folders):
    (folders / "a/3.png").rename(unicodedata.normalize("NFC", "a/é.png"))
    (folders / "b/3.png").rename(unicodedata.normalize("NFD", "b/é.png"))
    found, _ = two_folders.between("a", "b")
    assert found["fake"].is_paired
