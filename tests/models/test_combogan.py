"""ComboGAN against the training loop of its authors, and its domains."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import ComboGAN, check, images, settings, train
from keras_gans.checks import UserError
from keras_gans.optimizers import RowAdam
from keras_gans.serving import translation
from tests import tiny
from tests.models.pytorch_training import under
from tests.networks.combogan_reference import load, places, to_original
from tests.networks.pytorch_reference import nchw, nhwc, tolerances

SCOPES = {"enc": "encoder", "dec": "decoder", "D": "discriminator"}


class Training:
    """A model of three domains, of which the loop trains the outer two."""

    def __init__(self, fixture):
        self.fixture = fixture
        self.model = model = ComboGAN(
            image_size=32,
            domains=["0", "1", "2"],
            base_filters=2,
            num_residual_blocks=4,
            pool_size=0,
        )
        model.compile(
            loss_weights={"identity": 0.5, "forward": 0.2}, run_eagerly=True
        )
        self.places = {}
        for scope, attribute in SCOPES.items():
            network = getattr(model, attribute)
            for domain in range(3):
                own = f"{scope}{domain}"
                load(network, domain, under(own, fixture.group("w")))
                self.places |= {
                    f"{own}/{name}": place
                    for name, place in places(network, domain).items()
                }
        rows = np.eye(3, dtype="float32")
        self.batch = {
            "images_a": tf.constant(nhwc(fixture["in/A"])),
            "images_b": tf.constant(nhwc(fixture["in/B"])),
            "domain_a": tf.constant(rows[:1]),
            "domain_b": tf.constant(rows[2:]),
        }

    def assert_close(self, group, name, actual):
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[group]
        )

    def assert_gradients(self, group, variables, gradients):
        gradients = {
            id(variable): tf.convert_to_tensor(gradient)
            for variable, gradient in zip(variables, gradients, strict=True)
        }
        names = [*self.fixture.group(group)]
        for name in names:
            layer, variable, domain = self.places[name]
            gradient = gradients[id(variable)][domain]
            self.assert_close(group, name, to_original(layer, gradient))
        # Those of the domain that takes no part have none.
        assert not any(np.any(g[1]) for g in gradients.values())
        assert len(names) == 2 * len(variables)

    def assert_weights(self, group):
        noise = {*self.fixture.meta["zero_gradient_weights"]}
        names = {*self.fixture.group(group)} - noise
        for name in names:
            layer, variable, domain = self.places[name]
            actual = to_original(layer, variable[domain])
            self.assert_close(group, name, actual)
        return len(names)


@pytest.fixture
def training(reference):
    return Training(reference("combogan_train"))


def test_losses_and_gradients(training):
    model, loss = training.model, training.fixture.group("loss")
    real_a, real_b, a, b = model._inputs(training.batch)
    with tf.GradientTape() as tape:
        terms, (fake_a, fake_b) = model._generator_terms(
            real_a, real_b, a, b, training=True
        )
        objective = model.weighted_sum(terms)
    training.assert_close("out", "fake_A", nchw(fake_a))
    training.assert_close("out", "fake_B", nchw(fake_b))
    variables = model.generator_variables
    gradients = tape.gradient(objective, [v.value for v in variables])
    training.assert_gradients("grad_g", variables, gradients)
    for term, names in (
        ("adversarial", ("G_A", "G_B")),
        ("cycle", ("cycle_A", "cycle_B")),
    ):
        expected = sum(loss[name] for name in names)
        np.testing.assert_allclose(terms[term], expected, rtol=1e-4)
    with tf.GradientTape() as tape:
        terms, _ = model._discriminator_terms(
            real_a, real_b, fake_a, fake_b, a, b, training=True
        )
        objective = model.weighted_sum(terms)
    variables = model.discriminator_variables
    gradients = tape.gradient(objective, [v.value for v in variables])
    training.assert_gradients("grad_d", variables, gradients)
    expected = loss["D_A"] + loss["D_B"]
    np.testing.assert_allclose(objective, expected, rtol=1e-4)


def test_three_steps_of_the_recipe(training):
    model, fixture = training.model, training.fixture
    before = {
        name: tiny.values(getattr(model, name).weights)
        for name in SCOPES.values()
    }
    dataset = tf.data.Dataset.from_tensors(training.batch)
    for step in (1, 2, 3):
        logs = model.fit(dataset, verbose=0, shuffle=False).history
        for log, name in (
            ("d_loss", "D"),
            ("g_adversarial", "G"),
            ("g_cycle", "Cyc"),
        ):
            expected = np.sum(fixture[f"step_loss/{name}_{step}"])
            np.testing.assert_allclose(
                logs[log][0], expected, rtol=1e-4, err_msg=f"{log} {step}"
            )
        if step == 2:
            continue
        assert training.assert_weights(f"adam{step}") == 179 - 42
        fake = model.translate(training.batch["images_a"], "2", "0")
        training.assert_close(f"adam{step}_out", "fake_B", nchw(fake))
    for scope, network in (("enc", "encoder"), ("dec", "decoder")):
        found = tiny.moved(before[network], getattr(model, network).weights)
        assert all(found)
        for domain in range(3):
            moved = any(
                np.any(old[domain] != new[domain])
                for old, new in zip(
                    before[network],
                    getattr(model, network).weights,
                    strict=True,
                )
            )
            assert moved == fixture[f"changed/{scope}{domain}"]


def make(**arguments):
    return ComboGAN(**{**tiny.TINY["combogan"], **arguments})


def batch(model, pair, size=1, seed=0):
    found = tiny.make_batch(model, size, seed)
    rows = np.eye(len(model.domains), dtype="float32")
    for side, domain in zip("ab", pair, strict=True):
        found[f"domain_{side}"] = rows[[domain] * size]
    return found


def state_of(model, domain):
    """Return all that belongs to one domain: weights, moments, counts."""
    count = len(model.domains)
    variables = [
        *model.trainable_variables,
        *model.generator_optimizer.variables,
        *model.discriminator_optimizer.variables,
    ]
    own = [v for v in variables if len(v.shape) and v.shape[0] == count]
    # The pool's images lie one after the other.
    size = model.pool_size
    pool = model.pools.images.numpy()[domain * size : (domain + 1) * size]
    return [*(v.numpy()[domain] for v in own), pool]


def test_nothing_of_other_domains_moves():
    model = make(num_shared_blocks=0)
    model.compile(run_eagerly=True)
    model.train_on_batch(batch(model, (0, 2)))
    before = [state_of(model, domain) for domain in range(3)]
    model.train_on_batch(batch(model, (2, 1), seed=1))
    after = [state_of(model, domain) for domain in range(3)]
    same = [
        [np.array_equal(*pair) for pair in zip(*states, strict=True)]
        for states in zip(before, after, strict=True)
    ]
    assert all(same[0]) and not any(same[1]) and not any(same[2])
    counts = {
        tuple(v.numpy())
        for v in model.generator_optimizer.variables
        if v.name == "steps" and v.shape == (3,)
    }
    assert counts == {(1, 1, 2)}


def test_the_average_of_a_domain_counts_its_own_steps():
    def averaged(*pairs):
        keras.utils.set_random_seed(0)
        model = make(num_shared_blocks=0, pool_size=0)
        # Adam's first steps do not depend on the other domain so much.
        model.compile(run_eagerly=True, ema=0.9)
        for pair in pairs:
            model.train_on_batch(batch(model, pair))
        with model.averaged():
            return tiny.values(model.generator_variables)

    # The pair of a and b, then others, of which b and c stand still or not.
    one = averaged((0, 1))
    two = averaged((0, 1), (2, 2))
    three = averaged((2, 2), (0, 1))
    for first, second, third in zip(one, two, three, strict=True):
        np.testing.assert_array_equal(first[:2], second[:2])
        np.testing.assert_array_equal(second, third)
        assert np.any(first[2] != second[2])


def test_the_order_of_domains_is_only_a_name():
    def logs(names, pair):
        keras.utils.set_random_seed(0)
        model = make(domains=names, num_shared_blocks=0)
        model.compile(run_eagerly=True)
        for network in model.networks:
            for layer in network.layers:
                for weight in layer.weights:
                    weight.assign(tf.repeat(weight[:1], 3, 0))
        return model.train_on_batch(batch(model, pair), return_dict=True)

    assert logs(["x", "y", "z"], (0, 1)) == logs(["z", "x", "y"], (1, 2))


@pytest.mark.parametrize("total_steps", [None, 20, 200])
def test_the_latent_weight_rises_from_0(reference, total_steps):
    expected = reference("lr_schedules")[
        "lr/combogan_niter10_decay10_lambda_latent_by_epoch"
    ]
    model = make(pool_size=0)
    model.default_epochs = 11, 9  # 10 and 10 as the original counts
    model.compile(
        loss_weights={"latent": 2.0}, total_steps=total_steps, run_eagerly=True
    )
    rates = reference("lr_schedules")["lr/combogan_niter10_decay10_lr_by_epoch"]
    found, found_rates = [], []
    if total_steps:
        for epoch in range(20):
            model.step.assign(epoch * total_steps // 20)
            rate = model.generator_optimizer._learning_rate
            found_rates.append(float(rate(int(model.step))))
            found.append(2 * float(model._progress()))
    else:
        (advance,) = model._own_callbacks({})
        for epoch in range(20):
            advance.on_epoch_begin(epoch, None)
            found.append(2 * float(model._progress()))
            found_rates.append(float(model._course(epoch)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found_rates, rates, rtol=1e-5)


def test_the_latent_term_moves_only_the_second_encoding():
    model = make()
    model.compile(
        loss_weights=dict.fromkeys(model.terms["generator"], 0.0)
        | {"latent": 1.0},
        run_eagerly=True,
    )
    logs = model.train_on_batch(batch(model, (0, 1)), return_dict=True)
    assert logs["g_latent"] == logs["g_loss"] == 0.0  # the first epoch
    model.progress.assign(0.5)
    half = model.test_on_batch(batch(model, (0, 1)), return_dict=True)
    model.progress.assign(1.0)
    whole = model.test_on_batch(batch(model, (0, 1)), return_dict=True)
    np.testing.assert_allclose(whole["g_latent"], 2 * half["g_latent"])


def test_defaults_are_the_published_recipe():
    model = make()
    model.compile()
    assert model.default_epochs == (151, 149)
    assert type(model.generator_optimizer) is RowAdam
    assert ComboGAN.default_settings() == {
        **{"image_size": 256, "batch_size": 1},
        **{"steps": None, "epochs": 200},
    }
    twelve = ComboGAN.default_settings(domains=[*map(str, range(12))])
    assert twelve["epochs"] == 1200
    blocks = [
        sum(type(la) is keras.layers.Add for la in network.layers)
        for network in make(
            num_residual_blocks=9, num_shared_blocks=3
        ).networks[:2]
    ]
    assert blocks == [3 + 2, 3 + 1]


@pytest.mark.slow
def test_a_step_is_as_large_for_many_domains():
    def operations(count):
        model = make(
            domains=[*map(str, range(count))],
            num_residual_blocks=1,
        )
        model.compile()
        step = tf.function(model.train_step).get_concrete_function(
            tiny.make_batch(model, 1)
        )
        graph = step.graph.as_graph_def()
        return len(graph.node) + sum(
            len(function.node_def) for function in graph.library.function
        )

    assert operations(2) == operations(9)


def test_translations_by_name():
    model = make()
    model.compile()
    shown = tiny.make_batch(model)["images_a"]
    *ways, _, _, _ = model.verbs()
    names = [verb.name for verb in ways]
    assert len(names) == 6 and "sketch_to_photo" in names
    assert {verb.back for verb in ways} == {*names}
    expected = model.translate(shown, "anime", "photo")
    np.testing.assert_array_equal(model(shown), expected)
    other = model.translate(shown, "anime", "sketch")
    assert not np.allclose(expected, other)
    assert model.translate(shown[:, :14, :13], "anime", "photo").shape == (
        *(4, 16, 16, 3),
    )
    with pytest.raises(UserError, match="to must be one of photo, .*'winter'"):
        model.translate(shown, "winter", "photo")
    with pytest.raises(UserError, match="source must be one of .*'winter'"):
        model.translate(shown, "photo", "winter")
    with pytest.raises(UserError, match="source must be one of .*None"):
        model.translate(shown, "photo")


def test_samples_are_of_every_domain():
    model = make(domains=[*"abcdefg"])
    rows = np.eye(7, dtype="float32")[[0, 0, 6, 6]]
    found = tiny.make_batch(model) | {"domain_a": rows}
    grids = model.samples(found)
    assert [*grids] == ["interpolation", "a", "g"]
    headings = [column.heading for column in grids["g"].columns]
    assert headings == ["g", "a", "b", "c", "d", "and back"]
    np.testing.assert_array_equal(
        grids["g"].columns[2].images,
        model.translate(found["images_a"][2:], "b", "g"),
    )
    own, *others = grids["interpolation"].columns
    assert [own.heading, others[0].heading, len(others)] == ["g", "a", 4]
    np.testing.assert_allclose(
        others[0].images[::7], grids["g"].columns[1].images, atol=1e-6
    )


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"image_size": 10}, "multiple of 4 from 8 up.*10"),
        ({"domains": ["a"]}, "domains must be a list of two.*'a'"),
        ({"domains": ["a", "a"]}, "two different names.*'a', 'a'"),
        ({"domains": "ab"}, "domains must be a list.*'ab'"),
        ({"domains": ["a", 1]}, "domains must be a list.*1"),
        ({"domains": ["a", "b_to_c", "a_to_b", "c"]}, "ONE_to_TWO.*a_to_b"),
        ({"domains": ["encode_a", "b", "a_to_b"]}, "encode_ONE.*a_to_b"),
        ({"num_shared_blocks": 4}, "num_shared_blocks.*from 0 to 2.*4"),
        ({"num_discriminator_layers": 1}, "num_discriminator_layers.*1"),
        ({"pool_size": -1}, "pool_size.*-1"),
        (
            {"domains": [*map(str, range(4000))], "base_filters": 256},
            r"memory holds.*4000 of this size need .* GiB. Received: .* GiB",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        make(**arguments)


def test_rows_have_an_adam_each():
    def updated(rows):
        """Return rows after steps, each with gradients of (row, value)."""
        variable = keras.Variable(np.ones((3, 2), "float32"))
        optimizer = RowAdam(0.1, beta_1=0.5)
        optimizer.build([variable])
        for gradients in rows:
            indices, values = zip(*gradients, strict=True)
            values = np.outer(values, [1.0, -2.0]).astype("float32")
            optimizer.apply(
                [tf.IndexedSlices(values, indices, (3, 2))], [variable]
            )
        return variable.numpy()

    one = updated([[(0, 1.0)], [(0, 0.5)]])
    # Several passes of a row, and other rows in between.
    found = updated(
        [[(2, 0.75), (1, 3.0), (2, 0.25)], [(1, 1.0)], [(2, 0.5), (2, 0.0)]]
    )
    np.testing.assert_allclose(found[2], one[0], rtol=1e-6)
    np.testing.assert_array_equal(found[0], [1.0, 1.0])
    for option in (
        {"amsgrad": True},
        *({"l2": 10.0}, {"weight_decay": 0.1}, {"global_clipnorm": 1.0}),
    ):
        with pytest.raises(UserError, match=f"{[*option][0]} must be"):
            RowAdam(**option).build([keras.Variable(np.ones(3, "float32"))])


def test_recomputed_passes_would_train_all_domains():
    model = make()
    with pytest.raises(UserError, match="recompute must be False.*several dom"):
        model.compile(recompute=True)
    model.compile()
    # As files of before have it.
    model.compile_from_config(model.get_compile_config() | {"recompute": True})


def test_a_batch_of_fit_is_translated_between_its_domains():
    model = make()
    whole = batch(model, (2, 1), size=4)
    one, two = (model.domains[i] for i in (2, 1))
    expected = model.translate(whole["images_a"], two, source=one)
    found = model.predict(whole, verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_of_many_ways_is_chosen_by_both_ends():
    model = make()
    model.compile()
    loaded = translation.of_model(model)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    expected = loaded.translate(pixels, verb="sketch_to_anime")
    found = loaded.translate(pixels, to="anime", source="sketch")
    np.testing.assert_array_equal(found, expected)
    for options, message in (
        ({"to": "anime"}, "one way.*photo_to_anime, sketch_to_anime"),
        ({"source": "photo"}, "one way.*photo_to_anime, photo_to_sketch"),
        ({"to": "winter"}, "to must be 'anime' or .*'winter'"),
        ({"to": "anime", "source": "anime"}, "source must be 'photo' or 'sket"),
        ({"verb": "photo_to_anime", "source": "photo"}, "source must be left"),
        ({"verb": "photo_to_anime", "to": "anime"}, "to must be left out"),
    ):
        with pytest.raises(UserError, match=message):
            loaded.translate(pixels, **options)


@pytest.mark.usefixtures("eagerly", "unexported")
def test_from_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("spring", "summer", "autumn"):
        for i in range(3):
            pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
            images.write(f"seasons/{name}/{i}.png", pixels)
    command = "--model combogan --data seasons --image-size 16".split()
    assert check.main(command) == 1  # so few are a problem
    assert "autumn: only 3 images" in capsys.readouterr().out
    options = "base_filters=2", "num_residual_blocks=0", "schedule=constant"
    run = [*command, *(word for one in options for word in ("--set", one))]
    run += ["--run-dir", "run", "--evaluate-every", "0"]
    assert train.main([*run, "--steps", "1", "--save-every", "1"]) == 0
    recorded = json.loads((tmp_path / "run/arguments.json").read_text())
    assert recorded["data"][0] == "seasons/autumn"
    assert len([*(tmp_path / "run/samples").iterdir()]) == 4
    assert train.main([*run, "--steps", "2", "--save-every", "1"]) == 0
    assert "continuing after step 1" in capsys.readouterr().out
    for wrong, message in (
        (["--data", "seasons/spring"], "data must be given for each domain"),
        (["--set", "domains=['a','b']"], "set must be KEY=VALUE"),
    ):
        assert train.main(["--model", "combogan", *wrong]) == 2
        assert message in capsys.readouterr().err


def test_epochs_follow_the_number_of_domains():
    flags = vars(train.parse_arguments(["--model", "combogan"]))
    data = ["faces:photo", "faces:anime", "x=faces:sketch"]
    resolved = settings.resolve(
        {n: v for n, v in flags.items() if n not in ("restart", "dry_run")}
        | {"data": data}
    )
    assert resolved["epochs"] == 300 and resolved["steps"] is None
    assert resolved["batch_size"] == 1
