"""Generating files from noise, with a model that has learned nothing."""

import itertools
import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gans
from keras_gans import export, generate, images, registry
from keras_gans.callbacks import checkpoints
from keras_gans.checks import UserError
from keras_gans.models.dcgan import DCGAN
from keras_gans.verbs import Latents
from tests.tiny import TOYS, make_bare, make_model
from tests.toys.noise import NoiseToy

pytestmark = pytest.mark.usefixtures("loaded_once")
LABELS = ["Black_Hair", "Blond_Hair", "Male"]


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """One model in a run folder, in a file and as a SavedModel."""
    return kept(make_model("dcgan"), tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """The same of a model with labels."""
    model = NoiseToy(labels=LABELS)
    model.compile()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.MODELS, "noise", TOYS["noise"])
        yield kept(model, tmp_path_factory.mktemp("labelled"))


def kept(model, folder):
    checkpoints.save(model, folder / "run" / "checkpoints")
    (folder / "run" / "arguments.json").write_text("{}")
    model.save(folder / "model.keras")
    samples = np.zeros((2, 32, 32, 3), np.uint8)
    export.export(model, folder / "versions", samples)
    paths = {
        "run folder": folder / "run",
        "file": folder / "model.keras",
        "versions": folder / "versions",
        "version": folder / "versions" / "1",
    }
    return model, paths


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(homes, *arguments, home="file"):
    model = str(homes[1][home])
    return generate.main(["--model", model, "--output", "out", *arguments])


def pixels(name):
    with Image.open(pathlib.Path("out", name)) as image:
        return np.array(image).astype(int)


@pytest.mark.parametrize("home", ["run folder", "file", "versions", "version"])
def test_every_home_gives_the_images_of_the_model(homes, home, capsys):
    assert run(homes, "--count=3", "--seed=3", home=home) == 0
    expected = images.to_uint8(homes[0].generate(3, seed=3)).numpy()
    names = [f"seed3_000{number}.png" for number in range(3)]
    written = sorted(p.name for p in pathlib.Path("out").iterdir())
    assert written == ["generate.json", *names]
    for name, image in zip(names, expected, strict=True):
        np.testing.assert_allclose(pixels(name), image, atol=1)
    assert "3 files written" in capsys.readouterr().out
    loaded = keras_gans.load(homes[1][home])
    assert loaded.from_noise().inputs == {"latents": Latents(8)}
    made = loaded.generate(3, seed=3, batch_size=2).astype(int)
    np.testing.assert_allclose(made, expected, atol=1)
    latents = homes[0].latents.draw(3, 3)
    made = loaded.generate(latents=latents[1:]).astype(int)
    np.testing.assert_allclose(made, expected[1:], atol=1)


def test_the_batch_size_changes_nothing(homes):
    assert run(homes, "--count=5", "--batch-size=2") == 0
    small = [pixels(f"seed0_000{i}.png") for i in range(5)]
    assert run(homes, "--count=5", "--overwrite") == 0
    for number, before in enumerate(small):
        np.testing.assert_allclose(
            pixels(f"seed0_000{number}.png"), before, atol=1
        )


def test_what_is_there_is_skipped(homes, capsys):
    pathlib.Path("out").mkdir()
    mine = np.zeros((5, 5, 3), np.uint8)
    images.write("out/seed0_0001.png", mine)
    assert run(homes, "--count=3") == 0
    assert "2 files written" in (text := capsys.readouterr().out)
    assert "1 were there already; 0 failed" in text
    np.testing.assert_array_equal(pixels("seed0_0001.png"), mine)
    assert run(homes, "--count=3", "--overwrite") == 0
    assert "3 files written" in capsys.readouterr().out
    assert pixels("seed0_0001.png").shape == (32, 32, 3)
    assert run(homes, "--count=3") == 0
    assert "0 files written" in capsys.readouterr().out


def test_grid_and_row_between_seeds(homes):
    assert run(homes, "--count=5", "--grid", "--interpolate=4") == 0
    assert len(list(pathlib.Path("out").glob("*.png"))) == 7
    grid, row = pixels("seed0_grid_5.png"), pixels("seed0_to_seed1_4.png")
    side = 32 + 2
    assert grid.shape == (2 * side + 2, 3 * side + 2, 3)
    assert row.shape == (side + 2, 4 * side + 2, 3)
    # Image 4 is the second of the second row.
    np.testing.assert_allclose(
        grid[side + 2 : 2 * side, side + 2 : 2 * side],
        pixels("seed0_0004.png"),
        atol=1,
    )
    ends = pixels("seed0_0000.png"), homes[0].generate(1, seed=1)[0]
    ends = ends[0], images.to_uint8(ends[1]).numpy()
    for column, expected in ((0, ends[0]), (3, ends[1])):
        left = column * side + 2
        np.testing.assert_allclose(
            row[2 : 2 + 32, left : left + 32], expected, atol=1
        )


def test_failures_are_listed_and_the_others_written(homes, capsys):
    pathlib.Path("out/seed0_0001.png").mkdir(parents=True)
    assert run(homes, "--count=3") == 1
    shown = capsys.readouterr()
    assert "failed: out/seed0_0001.png" in shown.err
    assert "and no file" in shown.err and "Traceback" not in shown.err
    assert "2 files written" in shown.out and "1 failed" in shown.out
    assert pathlib.Path("out/seed0_0002.png").is_file()


def test_ctrl_c_leaves_whole_files(homes, monkeypatch, capsys):
    write = images.write

    def interrupted(path, image):
        if path.name == "seed0_0001.png":
            raise KeyboardInterrupt
        write(path, image)

    monkeypatch.setattr(images, "write", interrupted)
    assert run(homes, "--count=3") == 130
    assert "the same command goes on" in capsys.readouterr().out
    written = [path.name for path in pathlib.Path("out").glob("*.png")]
    assert written == ["seed0_0000.png"]


@pytest.mark.parametrize(
    "arguments,message",
    [
        ("--count=0", "count must be an integer from 1 up. Received: 0"),
        ("--count=100001", "count must be an integer from 1 to 100000."),
        (
            f"--seed={2**63}",
            "seed must be an integer from -9223372036854775808",
        ),
        (f"--seed={-(2**63) - 1}", "seed must be an integer from -92233720368"),
        (f"--seed={2**63 - 1} --interpolate=8", "seed must be an integer from"),
        ("--truncation=0", "truncation must be a number above 0. Received: 0."),
        ("--truncation=nan", "truncation must be a number above 0."),
        ("--labels=Male", "labels must be left out: this model has none."),
        ("--interpolate=1", "interpolate must be an integer from 2 up."),
        ("--batch-size=0", "batch_size must be an integer from 1 up."),
        ("--count=5000 --grid", "count must be at most 4096 with --grid."),
        ("--model=nowhere", "path must be a run folder"),
        ("--output=file", "output must be a folder that can be written."),
    ],
)
def test_wrong_use_is_one_line(homes, arguments, message, capsys):
    pathlib.Path("file").write_text("")
    assert run(homes, *arguments.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    assert not pathlib.Path("out").exists()


def test_a_model_that_takes_no_latents(capsys):
    make_bare("pix2pix").save("pairs.keras")
    command = ["--model", "pairs.keras", "--output", "out"]
    assert generate.main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "error: verb must be one that takes latents and returns images; this "
        "model has a_to_b. "
        "Received: None"
    )
    with pytest.raises(UserError, match="takes latents.*'a_to_b'"):
        keras_gans.load("pairs.keras").generate(verb="a_to_b")


@pytest.mark.parametrize(
    "latents,message",
    [
        (np.zeros((2, 7)), r"shape \[count, 8\].*\(2, 7\)"),
        (np.zeros(8), r"shape \[count, 8\].*\(8,\)"),
        (np.full((2, 8), np.inf), "latents must be finite.*16"),
        ([["a"] * 8], "latents must be numbers.*list"),
    ],
)
def test_latents_that_do_not_fit(homes, latents, message):
    loaded = keras_gans.load(homes[1]["file"])
    with pytest.raises(UserError, match=message):
        loaded.generate(latents=latents)


@pytest.mark.parametrize(
    "change", [{"size": 0}, {"size": 10**12}, {"distribution": "beta"}]
)
def test_a_description_of_other_latents_is_damaged(homes, change, tmp_path):
    path = shutil.copytree(homes[1]["version"], tmp_path / "1")
    about = json.loads((path / "model.json").read_text())
    about["verbs"]["generate"]["inputs"]["latents"] |= change
    (path / "model.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"model.json is damaged \(verbs\)"):
        keras_gans.load(path)


def test_images_that_are_not_square(capsys):
    model = DCGAN(image_size=(32, 48), base_filters=2, latent_dim=4)
    model.save("model.keras")
    assert export.main(["model.keras", "--output", "versions"]) == 0
    command = ["--model", "versions", "--output", "out", "--count", "1"]
    assert generate.main(command) == 0
    assert pixels("seed0_0000.png").shape == (32, 48, 3)


DISTRIBUTIONS = pytest.mark.parametrize("distribution", ["normal", "uniform"])
EDGES = (0, 1, -1, 3, 3 + 2**32, 2**63 - 1, -(2**63))


@DISTRIBUTIONS
def test_the_first_vectors_of_a_seed_are_the_same_however_many(distribution):
    # Sizes that fill no block of the generator, and that its threads share.
    for size in (1, 5, 100):
        latents = Latents(size, distribution)
        many = latents.draw(3001, seed=3)
        assert many.shape == (3001, size) and many.dtype == "float32"
        for count in (1, 2, 3, 7, 1000):
            np.testing.assert_array_equal(latents.draw(count, 3), many[:count])


@DISTRIBUTIONS
def test_all_seeds_draw_in_a_graph_what_they_draw_outside(
    distribution, tmp_path
):
    latents = Latents(7, distribution)
    expected = np.stack([latents.draw(2, seed)[0] for seed in EDGES])
    assert len(np.unique(expected[:, 0])) == len(EDGES)
    seeds = tf.constant(EDGES, tf.int64)
    np.testing.assert_array_equal(latents.of_seeds(seeds), expected)
    module = tf.Module()
    module.draw = tf.function(
        latents.of_seeds, [tf.TensorSpec([None], tf.int64)]
    )
    np.testing.assert_array_equal(module.draw(seeds), expected)
    assert module.draw(seeds[:0]).shape == (0, 7)
    tf.saved_model.save(module, tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_array_equal(loaded.draw(seeds), expected)
    # A user's own graph may draw, too.
    drawn = tf.function(lambda: tf.constant(latents.draw(2, EDGES[0])))
    np.testing.assert_array_equal(drawn()[0], expected[0])


def test_latents_of_a_seed_never_change():
    # Images that were published with their seed are to be found again.
    for distribution, first in (
        ("normal", [1.3088595, 0.32743898, -0.51208144, 0.44385788]),
        ("uniform", [0.809418, 0.2566641, -0.391406, 0.34285465]),
    ):
        drawn = Latents(4, distribution).draw(1)
        np.testing.assert_allclose(drawn, [first], rtol=1e-6)


@DISTRIBUTIONS
def test_latents_have_their_distribution(distribution):
    drawn = Latents(100, distribution).draw(1000, seed=1)
    assert np.isfinite(drawn).all() and np.unique(drawn).size > 99_000
    if distribution == "uniform":
        assert -1.0 <= drawn.min() < -0.999 < 0.999 < drawn.max() <= 1.0
        drawn = tf.math.ndtri((drawn + 1.0) / 2.0).numpy()
    assert 4.0 < np.abs(drawn).max() < 6.5
    # Within five times the error of 100,000 numbers.
    assert abs(drawn.mean()) < 5 / 316 and abs(drawn.var() - 1) < 5 / 224
    assert np.abs(np.corrcoef(drawn[:, :10].T) - np.eye(10)).max() < 5 / 31
    assert abs(np.mean(drawn[:-1] * drawn[1:])) < 5 / 316


@DISTRIBUTIONS
def test_truncation_moves_all_numbers_with_no_jump(distribution):
    latents = Latents(50, distribution)
    whole = latents.draw(20, seed=1)
    limits = [1.0, 0.99, 0.5, 0.1, 1e-3, 1e-12]
    if distribution == "normal":
        limits = [50.0, 6.0, 5.9, 2.0, 1.9, *limits]
    truncated = [latents.draw(20, seed=1, truncation=t) for t in limits]
    np.testing.assert_array_equal(truncated[0], whole)
    for limit, one in zip(limits, truncated, strict=True):
        assert np.isfinite(one).all()
        assert np.abs(one).max() <= limit * (1 + 1e-6)
        assert np.array_equal(np.sign(one), np.sign(whole)) or limit < 1e-9
    for (t, one), (u, next_one) in itertools.pairwise(
        zip(limits, truncated, strict=True)
    ):
        assert (np.abs(next_one) <= np.abs(one) + 1e-7).all()
        assert np.abs(one - next_one).max() <= (t - u) * (1 + 1e-5)
    if distribution == "normal":
        # Of numbers in [-1, 1] alone.
        inside = np.abs(whole) < 1.0
        again = latents.draw(2000, seed=2, truncation=1.0)
        assert abs(again.var() - whole[inside].var()) < 0.03


@pytest.mark.parametrize(
    "distribution,truncation,message",
    [
        ("normal", 0, "must be a number above 0. Received: 0"),
        ("normal", -1.0, "must be a number above 0"),
        ("normal", float("nan"), "must be a number above 0"),
        ("normal", "1", "must be a number above 0.*'1'"),
        ("normal", True, "must be a number above 0.*True"),
        ("uniform", 1.5, "must be a number above 0 and at most 1.*1.5"),
    ],
)
def test_truncation_that_is_none(distribution, truncation, message):
    with pytest.raises(UserError, match=f"truncation {message}"):
        Latents(4, distribution).draw(2, truncation=truncation)


def test_the_way_between_latents():
    first, second = Latents(100).draw(2)
    way = Latents(100).between(first, second, 5)
    np.testing.assert_allclose(way[[0, -1]], [first, second], atol=1e-6)
    # An arc keeps the length that drawn vectors have; a line cuts it short.
    lengths = np.linalg.norm(way, axis=1)
    assert lengths.min() > 0.9 * min(lengths[0], lengths[-1])
    line = Latents(100, "uniform").between(first, second, 5)
    np.testing.assert_allclose(line[2], (first + second) / 2, atol=1e-6)
    for other in (first, -first, np.zeros(100, "float32")):
        assert np.isfinite(Latents(100).between(first, other, 5)).all()
    with pytest.raises(ValueError, match="count must be an integer from 2 up"):
        Latents(100).between(first, second, 1)


@pytest.mark.parametrize("home", ["run folder", "file", "version"])
def test_labels_are_the_same_in_every_home(labelled, home):
    model, paths = labelled
    loaded = keras_gans.load(paths[home])
    for labels in (
        None,
        {},
        {"Blond_Hair": 1},
        [0.0, 1.0, 0.5],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    ):
        options = {"seed": 3, "labels": labels, "truncation": 0.7}
        expected = images.to_uint8(model.generate(3, **options)).numpy()
        made = loaded.generate(3, **options, batch_size=2).astype(int)
        np.testing.assert_allclose(made, expected, atol=1)
        if np.ndim(labels) < 2:
            made = loaded.generate(2, **options).astype(int)
            np.testing.assert_allclose(made, expected[:2], atol=1)


def test_labels_left_out_are_drawn_and_others_are_off(labelled):
    model, _ = labelled
    latents = model.latents.draw(4, 3)

    def generated(labels):
        return model([latents, np.asarray(labels, np.float32)])

    for labels, vectors in (
        (None, model.label_table.draw(4, 3)),
        ({}, np.zeros((4, 3))),
        ({"Male": 1, "Black_Hair": 0}, [[0, 0, 1]] * 4),
        ([0, 1, 1], [[0, 1, 1]] * 4),
    ):
        np.testing.assert_array_equal(
            model.generate(4, 3, labels=labels), generated(vectors)
        )
    np.testing.assert_array_equal(
        model.generate(seed=3, latents=latents),
        generated(model.label_table.draw(4, 3)),
    )


@pytest.mark.parametrize(
    "options,message",
    [
        ({"labels": {"Blonde": 1}}, "labels must name labels among.*'Blonde'"),
        ({"labels": {"Male": 2}}, r"labels\['Male'\] must be 0 or 1.*2"),
        (
            {"labels": {"Black_Hair": 1, "Blond_Hair": 1}},
            "labels must set only one of Black_Hair, Blond_Hair",
        ),
        ({"labels": [0, 1]}, r"labels must be numbers of shape \[2, 3\]"),
        ({"labels": [[0, 1, 1]]}, r"labels must be .*\(1, 3\)"),
        ({"labels": [0, 1, 7]}, r"labels must lie in \[0, 1\]"),
        ({"labels": [0, 1, np.nan]}, r"labels must lie in \[0, 1\]"),
        ({"labels": "Male"}, "labels must be numbers.*string"),
        (
            {"latents": np.zeros((2, 8)), "truncation": 0.5},
            "truncation must be left out where latents are given.*0.5",
        ),
    ],
)
def test_labels_that_do_not_fit(labelled, options, message):
    model, paths = labelled
    for one in (model, keras_gans.load(paths["file"])):
        with pytest.raises(UserError, match=message):
            one.generate(2, **options)


def test_files_of_other_settings_are_no_results(labelled, capsys):
    assert run(labelled, "--count=2", "--labels=Blond_Hair,-Male") == 0
    blond = pixels("seed0_0001.png")
    expected = labelled[0].generate(2, labels={"Blond_Hair": 1})[1]
    np.testing.assert_allclose(blond, images.to_uint8(expected), atol=1)
    capsys.readouterr()
    for others, said in (
        (["--labels=Male"], "labels={'Male': 1} for {'Blond_Hair': 1"),
        ([], "labels=None for {'Blond_Hair': 1"),
        (["--labels=Blond_Hair,-Male", "--truncation=0.5"], "truncation=0.5"),
        (["--labels=Male", "--overwrite"], "labels={'Male': 1} for"),
    ):
        assert run(labelled, "--count=2", *others) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: output must be a new folder, or one of")
        assert said in line
    same = "--labels=Blond_Hair,-Male"
    assert run(labelled, same, home="versions") == 2
    assert "model='" in capsys.readouterr().err
    np.testing.assert_array_equal(pixels("seed0_0001.png"), blond)
    assert run(labelled, "--count=3", "--seed=-1", same) == 0
    assert run(labelled, "--count=3", same) == 0
    assert "2 were there already" in capsys.readouterr().out
    # Of a model that was trained on.
    record = pathlib.Path("out/generate.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"step": 7}))
    assert run(labelled, same) == 2
    assert "Received: step=0 for 7\n" in capsys.readouterr().err


def test_a_row_leads_from_image_to_image_of_other_labels(labelled):
    model, seed = labelled[0], 1
    drawn = (model.label_table.draw(1, seed + i) for i in range(2))
    assert not np.array_equal(*drawn)
    options = "--count=1", f"--seed={seed}", "--interpolate=3", "--truncation=1"
    assert run(labelled, *options) == 0
    row = pixels(f"seed{seed}_to_seed{seed + 1}_3.png")
    for column, own in ((0, seed), (2, seed + 1)):
        expected = images.to_uint8(model.generate(1, own, truncation=1))[0]
        left = column * (16 + 2) + 2
        np.testing.assert_allclose(
            row[2 : 2 + 16, left : left + 16], expected, atol=1
        )


_CLIENT = """
import sys
import keras
import numpy as np
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["generate_from_seeds"]
nan, rows = np.nan, [[0, 1, 0]] * 3
answer = served(
    seeds=tf.constant([3, -(2**63), 3, 3, 4], tf.int64),
    labels=tf.constant([*rows, [0, 2, 0], [nan, 0, 0]], tf.float32),
)
for name, png in zip("abc", answer["image_bytes"].numpy()):
    open(name + ".png", "wb").write(png)
assert answer["image_bytes"].numpy().tolist()[3:] == [b"", b""]
print(answer["status"].numpy().tolist())
empty = served(seeds=tf.zeros([0], tf.int64), labels=tf.zeros([0, 3]))
assert empty["status"].shape == empty["image_bytes"].shape == (0,)
"""


def test_seeds_are_served_as_the_command_draws_them(labelled):
    labels = "--labels=Blond_Hair"
    for seed in ("3", str(-(2**63))):
        assert run(labelled, labels, "--count=2", f"--seed={seed}") == 0
    version = labelled[1]["version"]
    client = subprocess.run(
        [sys.executable, "-c", _CLIENT, str(version)],
        check=True,
        capture_output=True,
        text=True,
    )
    wrong = "b'labels must lie in [0, 1]'"
    assert client.stdout == f"[b'ok', b'ok', b'ok', {wrong}, {wrong}]\n"
    for name, drawn in (("a", "3"), ("b", str(-(2**63))), ("c", "3")):
        np.testing.assert_allclose(
            pixels(f"../{name}.png"), pixels(f"seed{drawn}_0000.png"), atol=1
        )
    served = tf.saved_model.load(version).signatures["generate_from_seeds"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="row for each"):
        served(seeds=tf.zeros([2], tf.int64), labels=tf.zeros([1, 3]))
    table = json.loads((version / "model.json").read_text())["signatures"]
    assert table["generate_from_seeds"]["inputs"] == {
        "seeds": {"dtype": "int64", "shape": [None]},
        "labels": {"dtype": "float32", "shape": [None, 3]},
    }
    warm = version / "assets.extra/tf_serving_warmup_requests"
    assert b"generate_from_seeds" in warm.read_bytes()


def test_an_export_in_bfloat16_is_compared_in_all_its_forms(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_bare("dcgan")
    finally:
        keras.config.set_dtype_policy("float32")
    path = export.export(
        model, tmp_path / "faces", np.zeros((2, 32, 32, 3), "uint8")
    )
    made = keras_gans.load(path).generate(2, seed=3)
    assert made.shape == (2, 32, 32, 3)
