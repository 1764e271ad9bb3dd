"""Axes: found where they are known, turned, moved along, kept in a file."""

import json
import types

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import export, images, labels, verbs
from keras_gans.checks import UserError
from keras_gans.latents import FeatureAxes, label_samples, linear
from keras_gans.latents.generators import Generator
from keras_gans.serving import loading, translation
from tests.latents.toys import NAMES, Painter, directions, probabilities
from tests.tiny import make_model
from tests.toys.noise import NoiseToy

OFFSETS = [0.0, -0.5, 0.3]
TIGHT = {"rtol": 1e-6, "atol": 1e-8}


@pytest.fixture(scope="module")
def painter():
    return Painter(directions(), OFFSETS)


@pytest.fixture(scope="module")
def found(painter):
    return FeatureAxes.fit(painter, probabilities, 600, names=NAMES)


def known(distribution="normal", **arguments):
    return FeatureAxes(
        NAMES, directions(), OFFSETS, distribution=distribution, **arguments
    )


def test_published_regressions(reference):
    arrays = reference("feature_axis")
    z = arrays["in/z"]
    for name, targets, arguments in (
        ("axis_linear", "linear", {"method": "linear"}),
        ("axis_tanh", "tanh", {}),
        (
            "axis_linear_no_intercept",
            "linear",
            {"method": "linear", "intercept": False},
        ),
    ):
        weights, _ = linear.regress(z, arrays[f"in/y_{targets}"], **arguments)
        arrays.assert_close(f"out/{name}", weights.T, **TIGHT)
    names = [f"feature {n}" for n in range(6)]
    shares = (arrays["in/y_tanh"] + 1.0) / 2.0
    # Of 40 samples that are held back any axis of them is worth something.
    made = FeatureAxes.of_samples(z, shares, names)
    assert list(made.names) == names
    arrays.assert_close("out/axis_tanh_normalized", made.normals.T, **TIGHT)


def test_published_orthogonalization(reference):
    arrays = reference("feature_axis")
    unit = arrays["out/axis_tanh_normalized"].T

    def assert_close(name, actual):
        arrays.assert_close(f"out/{name}", actual.T, **TIGHT)

    assert_close("axis_tanh_normalized", linear.unit(arrays["out/axis_tanh"].T))
    assert_close("orthogonalize_vectors", linear.gram_schmidt(unit))
    one = linear.losing_each(unit[1:2], unit[:1])[0]
    assert_close("orthogonalize_one", one)
    for name, case in arrays.meta["disentangle_cases"].items():
        made = linear.orthogonalized(
            unit,
            case["idx_base"] or (),
            case.get("idx_target"),
            method="published",
            normalize=case.get("yn_normalize", True),
        )
        assert_close(f"disentangle_{name}", made)
    rest, base = unit[2:], unit[:2]
    assert_close("disentangle_axis_flag_false", linear.losing_each(rest, base))
    turned = linear.losing_each(rest, linear.gram_schmidt(base))
    assert_close("disentangle_axis_flag_true", turned)
    # The axes give what the arrays give.
    made = FeatureAxes([*"abcdef"], unit).orthogonalize("ab", "published")
    assert_close("disentangle_base01_rest", made.directions)


@pytest.mark.parametrize("method", linear.METHODS)
def test_known_axes_are_found(painter, method):
    progress = []
    found = FeatureAxes.fit(
        painter,
        probabilities,
        600,
        method=method,
        names=NAMES,
        progress=lambda *done: progress.append(done),
    )
    cosines = (found.directions * directions()).sum(-1)
    assert (cosines > (0.97 if method == "logistic" else 0.995)).all()
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=-1), 1.0)
    np.testing.assert_allclose(found.offsets, OFFSETS, atol=0.1)
    assert (found.r2 > 0.5).all() and (found.auc > 0.9).all()
    # P(N(0, 1) > 0), P(... > 0.5), P(... > -0.3)
    np.testing.assert_allclose(found.positives, [0.5, 0.31, 0.62], atol=0.05)
    assert found.about == {"samples": 600, "method": method, "seed": 0}
    assert progress[0] == (64, 600) and progress[-1] == (600, 600)


def test_samples_are_the_same_in_parts(painter):
    whole = label_samples(painter, probabilities, 0, 10, 5, NAMES)
    parts = [
        label_samples(painter, probabilities, first, 5, 5, NAMES, batch_size=2)
        for first in (0, 5)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32 and whole.shape == (10, 3)


def test_labels_of_a_generator_are_drawn_or_given():
    model = NoiseToy(labels=["a", "b"])
    generator = Generator(model)
    verb, *_ = model.verbs()
    latents, vectors = generator.drawn(3, 4, seed=2)
    for actual, wanted in zip(
        (latents, vectors), verb.drawn(7, 2), strict=True
    ):
        np.testing.assert_array_equal(actual, np.asarray(wanted)[3:])
    _, vectors = generator.drawn(3, 4, seed=2, labels={"b": 1})
    np.testing.assert_array_equal(vectors, [[0, 1]] * 4)
    shown = label_samples(model, probabilities, 3, 4, 2, NAMES, {"b": 1})
    wanted = images.to_uint8(model.generate(latents=latents, labels={"b": 1}))
    np.testing.assert_allclose(
        shown, probabilities(wanted.numpy()), atol=1.01 / 255
    )


def test_attributes_of_live_and_of_loaded_models(painter):
    table = labels.Labels(NAMES)

    def on_floats(images):
        assert images.shape[1:] == (4, 4, 3)  # its own size
        flat = tf.reshape(images, (len(images), -1))
        return (flat[:, :3] + 1.0) / 2.0

    verb = types.SimpleNamespace(
        name="classify",
        function=on_floats,
        input=lambda kind: ("images", verbs.Images(4)),
        output=verbs.Labels(table),
    )
    live = types.SimpleNamespace(verbs=lambda: [verb])
    values = label_samples(painter, live, 0, 3)
    latents, _ = Generator(painter).drawn(0, 3)
    small = tf.image.resize(
        images.to_float(Generator(painter)(latents)), (4, 4), antialias=True
    )
    np.testing.assert_allclose(values, on_floats(small), atol=1e-6)
    loaded = types.SimpleNamespace(
        verbs={"classify": verb}, classify=probabilities
    )
    np.testing.assert_array_equal(
        label_samples(painter, loaded, 0, 3),
        label_samples(painter, probabilities, 0, 3, names=NAMES),
    )


def test_meaningless_labels_are_no_knobs():
    random = np.random.default_rng(0)
    z = random.normal(size=(500, 8))
    values = np.stack(
        [
            (z[:, 0] > 0.0).astype(float),
            np.full(500, 0.3),
            random.uniform(size=500),
            # Never more likely than not, and still in the latents.
            0.2 + 0.1 * np.tanh(z[:, 1]),
        ],
        -1,
    )
    names = ["Male", "Hat", "Noise", "Rare"]
    made = FeatureAxes.of_samples(z, values, names)
    assert made.names == ("Male", "Rare")
    assert "the same for all" in made.meaningless["Hat"]
    assert "explain too little" in made.meaningless["Noise"]
    assert np.isnan(made.auc[1]) and made.r2[1] > 0.8
    assert made.positives[1] == 0.0
    with pytest.raises(UserError, match="among Male, Rare.*'Hat', it is the"):
        made.move(z, {"Hat": 1.0})
    made = FeatureAxes.of_samples(z, values, names, "logistic")
    assert made.names == ("Male",)
    assert "all without it" in made.meaningless["Rare"]
    with pytest.raises(UserError, match=r"Hat \(it is .*\); Noise \(latents"):
        FeatureAxes.of_samples(z, values[:, 1:3], names[1:3])


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"samples": 49}, "samples must be an integer from 50 up.*49"),
        ({"method": "svm"}, "method must be one of tanh.*'svm'"),
        ({"names": None}, "names must be a list.*None"),
        ({"names": ["a", "a", "b"]}, "names must have each once"),
        ({"names": ["a", "b"]}, r"probabilities \(64, 2\).*\(64, 3\)"),
        ({"attributes": 3}, "attributes must be a model.*int"),
        ({"attributes": lambda x: x[:, 0, 0] * 1.0}, "from 1 to 254"),
        ({"generator": probabilities}, "takes latents.*function"),
        ({"labels": {"Male": 1}}, "labels must be left out"),
        ({"batch_size": 0}, "batch_size must be"),
    ],
)
def test_wrong_use_of_fit(painter, arguments, match):
    arguments = {
        "generator": painter,
        "attributes": probabilities,
        "samples": 100,
        "names": NAMES,
        **arguments,
    }
    with pytest.raises(UserError, match=match):
        FeatureAxes.fit(**arguments)


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"latents": np.zeros(9)}, r"latents must be .*\(9,\)"),
        ({"latents": np.full((60, 4), np.nan)}, "latents must be finite"),
        ({"probabilities": np.zeros((59, 1))}, r"\[60, 1\].*\(59, 1\)"),
        ({"probabilities": np.full((60, 1), 2.0)}, r"\[0, 1\].*2 to 2"),
        ({"probabilities": "no"}, "probabilities must be numbers"),
        ({"distribution": "gamma"}, "distribution must be one of normal"),
    ],
)
def test_wrong_samples(arguments, match):
    arguments = {
        "latents": np.zeros((60, 4)),
        "probabilities": np.zeros((60, 1)),
        "names": ["a"],
        **arguments,
    }
    with pytest.raises(UserError, match=match):
        FeatureAxes.of_samples(**arguments)


def test_unit_vectors_stay_to_the_bit():
    rng = np.random.default_rng(0)
    for size in (1, 3, 12, 512, 4096):
        once = linear.unit(rng.normal(size=(200, size)))
        np.testing.assert_allclose(np.linalg.norm(once, axis=-1), 1.0)
        np.testing.assert_array_equal(linear.unit(once), once)
    np.testing.assert_array_equal(
        linear.unit(np.zeros((1, 3))), np.zeros((1, 3))
    )


def test_joint_leaves_the_kept_coordinates_in_any_order():
    axes_ = known()
    z = axes_.latents.draw(4)
    for keep in (["Male", "Smiling"], ["Smiling", "Male"]):
        turned = axes_.orthogonalize(keep)
        moved = turned.coordinates(turned.move(z, {"Young": 1.0}))
        change = moved - axes_.coordinates(z)
        np.testing.assert_allclose(change[:, :2], 0.0, atol=1e-5)
        assert (change[:, 2] > 0.5).all()
        np.testing.assert_array_equal(
            turned.directions[:2], axes_.directions[:2]
        )
    # What was done before is undone.
    again = turned.orthogonalize(())
    np.testing.assert_array_equal(again.directions, axes_.directions)
    assert again.about == {"keep": [], "orthogonalization": "joint"}


def test_dual_leaves_an_exclusive_group_together(tmp_path):
    # Setting one clears the other: its opposite is no part to be lost.
    normals = [[1.0, 0.0, 0.0], [-0.9, 0.4, 0.1], [0.5, 0.5, 0.7]]
    names = ["Black_Hair", "Blond_Hair", "Male"]
    group = [["Black_Hair", "Blond_Hair", "Brown_Hair"]]
    together = FeatureAxes(names, normals, groups=group)
    together.save(tmp_path / "axes.npz")
    made = FeatureAxes.load(tmp_path / "axes.npz").orthogonalize(method="dual")
    effects = made.directions @ made.normals.T
    np.testing.assert_allclose(effects[:2, 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(effects[2, :2], 0.0, atol=1e-12)
    alone = FeatureAxes(names, normals).orthogonalize(method="dual")
    apart = alone.directions @ alone.normals.T
    np.testing.assert_allclose(apart - np.diag(np.diag(apart)), 0, atol=1e-12)
    assert effects[0, 0] > 1.5 * apart[0, 0]


def test_order_of_published_sequential_and_dual():
    made = known().orthogonalize(["Smiling"], "published").correlations()
    np.testing.assert_allclose(made[1], [0, 1, 0], atol=1e-12)
    assert abs(made[0, 2]) > 0.3
    made = known().orthogonalize(["Smiling"], "sequential")
    np.testing.assert_allclose(made.correlations(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(made.directions[1], made.normals[1])
    made = known().orthogonalize((), "dual")
    effects = made.directions @ made.normals.T
    off = effects - np.diag(np.diag(effects))
    np.testing.assert_allclose(off, 0.0, atol=1e-12)
    assert (np.diag(effects) > 0.5).all()


@pytest.mark.parametrize("method", linear.ORTHOGONALIZATIONS)
def test_axis_in_the_span_of_the_kept_is_dropped(method, caplog):
    normals = directions()
    normals[2] = 0.6 * normals[0] + 0.8 * normals[1]
    normals[2] += 1e-3 * directions(seed=9)[0]
    turned = FeatureAxes(NAMES, normals).orthogonalize(NAMES[:2], method)
    assert turned.names == ("Male", "Smiling")
    assert "span" in turned.meaningless["Young"]
    assert "Young is left out: it lies in the span of" in caplog.text
    np.testing.assert_allclose(np.linalg.norm(turned.directions, axis=1), 1.0)


def test_wrong_use_of_orthogonalize():
    with pytest.raises(UserError, match="keep must name axes among Male.*'M'"):
        known().orthogonalize("Male")
    with pytest.raises(UserError, match="method must be one of joint"):
        known().orthogonalize((), "qr")


def test_move_in_standard_deviations():
    z = known().latents.draw(3)
    moved = known().move(z, {"Smiling": 1.5, "Young": [0.0, 1.0, -2.0]})
    wanted = z + 1.5 * directions()[1]
    wanted += np.outer([0.0, 1.0, -2.0], directions()[2])
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        known().coordinates(z), z @ directions().T + OFFSETS, atol=1e-5
    )


def test_uniform_latents_are_clipped():
    uniform = known("uniform")
    z = uniform.latents.draw(3)
    moved = uniform.move(z, {"Male": 3.0})
    wanted = np.clip(z + np.sqrt(3.0) * directions()[0], -1.0, 1.0)
    np.testing.assert_allclose(moved, wanted, rtol=1e-5, atol=1e-6)
    assert np.abs(moved).max() == 1.0
    np.testing.assert_allclose(
        uniform.coordinates(z),
        np.sqrt(3.0) * (z @ directions().T + OFFSETS),
        atol=1e-5,
    )


def test_moved_works_in_a_graph():
    z = known().latents.draw(2)
    amounts = np.array([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    graph = tf.function(
        known().moved, [tf.TensorSpec((None, 12)), tf.TensorSpec((None, 3))]
    )
    moved = graph(tf.constant(z), tf.constant(amounts, tf.float32))
    wanted = known().move(z, {"Male": [1.0, 0.0], "Young": [-1.0, 0.0]})
    np.testing.assert_allclose(moved, wanted, atol=1e-6)


def test_set_is_the_shortest_move():
    z = known().latents.draw(3)
    moved = known().set(z, {"Smiling": 1.5, "Young": [-1.0, 0.0, 1.0]})
    coordinates = known().coordinates(moved)
    np.testing.assert_allclose(coordinates[:, 1], 1.5, atol=1e-5)
    np.testing.assert_allclose(coordinates[:, 2], [-1, 0, 1], atol=1e-5)
    # No part of the move is outside the two normals.
    outside = linear.without_span(moved - z, directions()[1:])
    np.testing.assert_allclose(outside, 0.0, atol=1e-5)
    turned = known().orthogonalize(["Male"])
    moved = turned.set(z, {"Smiling": 1.5})
    coordinates = turned.coordinates(moved) - turned.coordinates(z)
    np.testing.assert_allclose(coordinates[:, 0], 0.0, atol=1e-5)
    np.testing.assert_allclose(turned.coordinates(moved)[:, 1], 1.5, atol=1e-5)
    twins = FeatureAxes(["a", "b"], np.ones((2, 4)))
    with pytest.raises(UserError, match="axes that differ. Received: a, b"):
        twins.set(np.zeros((1, 4)), {"a": 1.0, "b": 2.0})


def test_beyond_the_samples_is_warned_of(found, caplog):
    z = np.zeros((1, 12))
    found.move(z, {"Smiling": 1.0})
    assert not caplog.text
    found.move(z, {"Smiling": 6.0})
    assert "sampled, on Smiling: images" in caplog.text
    found.set(z, {"Male": 6.0, "Young": -6.0})
    assert "on Male, Young" in caplog.text


@pytest.mark.parametrize(
    "latents, amounts, match",
    [
        (np.zeros((2, 12)), {"Hat": 1.0}, "amounts must name.*'Hat'"),
        (np.zeros((2, 12)), {"Male": "x"}, r"amounts\['Male'\] must.*'x'"),
        (np.zeros((2, 12)), {"Male": np.nan}, "must be a finite number"),
        (np.zeros((2, 12)), {"Male": [1.0] * 3}, "or 2 of them"),
        (np.zeros((2, 12)), 1.5, "amounts must be a dict.*1.5"),
        (np.zeros((2, 11)), {"Male": 1.0}, r"\[count, 12\].*\(2, 11\)"),
    ],
)
def test_wrong_moves(latents, amounts, match):
    for move in (known().move, known().set):
        with pytest.raises(UserError, match=match):
            move(latents, amounts)


def test_save_and_load(found, tmp_path):
    path = tmp_path / "new" / "axes.npz"
    turned = found.orthogonalize(["Male"])
    turned.meaningless["Hat"] = "it is the same for all samples"
    turned.save(path)
    loaded = FeatureAxes.load(path)
    assert vars(loaded).keys() == vars(turned).keys()
    for name, value in vars(turned).items():
        actual = getattr(loaded, name)
        if name in ("normals", "directions"):  # of unit length once more
            np.testing.assert_allclose(actual, value, rtol=1e-14)
        else:
            np.testing.assert_array_equal(actual, value)
    with pytest.raises(UserError, match=r"path must end in .npz.*axes.txt"):
        turned.save(tmp_path / "axes.txt")
    known().save(path)
    assert FeatureAxes.load(path).fingerprint is None


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "axes.npz"
    with pytest.raises(UserError, match="no such file"):
        FeatureAxes.load(path)
    known().save(path)
    whole = path.read_bytes()
    about = np.frombuffer(json.dumps({"format": "x"}).encode(), np.uint8)
    objects = np.array([{}], object)
    for content in (
        b"",
        whole[: len(whole) // 2],
        whole[:200] + bytes(300) + whole[500:],
        {"normals": np.ones((3, 4))},
        {"about_json": about},
        {"about_json": objects},
        _with_about(path, distribution="gamma"),
        _with_about(path, names=["a"]),
        _with_about(path, names={"a": 1}),
        _with_about(path, extra=1),
        _with_about(path, meaningless=3),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, **content)
        with pytest.raises(UserError, match="file of axes.*axes.npz") as caught:
            FeatureAxes.load(path)
        assert "\n" not in str(caught.value)


def _with_about(path, **changes):
    known().save(path)
    arrays = dict(np.load(path))
    about = json.loads(arrays["about_json"].tobytes()) | changes
    return arrays | {
        "about_json": np.frombuffer(json.dumps(about).encode(), np.uint8)
    }


def test_axes_are_those_of_one_generator(found, painter):
    found.check_generator(painter)
    with pytest.raises(UserError, match="differ by .* gray levels"):
        found.check_generator(Painter(directions(), OFFSETS, seed=1))
    with pytest.raises(UserError, match="12 normal numbers.* 5 normal"):
        found.check_generator(Painter(np.ones((3, 5))))
    with pytest.raises(UserError, match="12 normal numbers.* 12 uniform"):
        found.check_generator(Painter(directions(), 0.0, "uniform"))


def test_fingerprint_of_a_file_and_of_an_export(tmp_path):
    model = make_model("dcgan")
    for layer in model.generator.layers:
        # Untrained, it gives gray alone.
        layer.set_weights([20.0 * weight for weight in layer.get_weights()])
    samples = np.zeros((2, 32, 32, 3), "uint8")
    export.export(model, tmp_path / "export", samples)
    model.save(tmp_path / "model.keras")
    own = Generator(model).fingerprint()
    assert own.std() > 20.0
    axes_ = FeatureAxes(["a"], np.ones((1, 8)), fingerprint=own)
    for other in (
        translation.of_model(model),
        loading.load(tmp_path / "model.keras"),
        loading.load(tmp_path / "export"),
    ):
        axes_.check_generator(other)
    with pytest.raises(UserError, match="gray levels"):
        axes_.check_generator(make_model("dcgan", seed=1))


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"normals": np.ones(3)}, r"normals must be .*\[3, size\].*\(3,\)"),
        ({"normals": np.full((3, 4), np.inf)}, "normals must be finite"),
        ({"directions": np.ones((3, 5))}, r"directions .*\[3, 4\].*\(3, 5\)"),
        ({"offsets": [0.0]}, r"offsets .*\[3\].*\(1,\)"),
        ({"r2": None, "auc": "x"}, "auc must be numbers"),
        ({"fingerprint": np.zeros((4, 8, 8, 3))}, "fingerprint must be uint8"),
    ],
)
def test_wrong_axes(arguments, match):
    with pytest.raises(UserError, match=match):
        FeatureAxes(**{"names": NAMES, "normals": np.ones((3, 4)), **arguments})
