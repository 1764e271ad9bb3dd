"""ProgressiveGAN: its schedule, and its training beside two codes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import datasets, growth, interop
from keras_gans.checks import UserError
from keras_gans.growth import Batches, Growth
from keras_gans.interop import progressive
from keras_gans.layers import doubled
from keras_gans.models.progressive_gan import ProgressiveGAN
from keras_gans.optimizers import PyTorchAdam
from tests.networks.pytorch_reference import nchw, nhwc, tolerances
from tests.tiny import make_model, moved, values

LABELS = [f"label_{n}" for n in range(5)]
FADE = 10**9  # so long that a few steps change nothing


@pytest.fixture
def operations(reference):
    return reference("pggan_ops")


@pytest.mark.parametrize(
    "preset, largest, images",
    [
        ("v2_1gpu_1024", 1024, 600_000),
        ("v1_1gpu_1024", 1024, 800_000),
        ("default_1024", 1024, 600_000),
        ("default_32", 32, 600_000),
    ],
)
def test_schedule_of_the_authors(operations, preset, largest, images):
    sizes = growth.sizes_between(4, largest)
    schedule = Growth(sizes, images, images)
    for number, kimg in enumerate(operations["sched/kimg"]):
        seen = round(1000 * kimg)

        def expected(name, number=number):
            return operations[f"sched/{preset}_{name}"][number]

        assert schedule.level(seen) == pytest.approx(expected("lod"), abs=1e-9)
        size = schedule.size(seen)
        assert size == expected("resolution")
        if preset == "v2_1gpu_1024":
            assert growth.batch_size_of(size) == expected("minibatch")
            rate = 1e-3 * growth.rate_factor(size)
            assert rate == pytest.approx(expected("G_lrate"))


def test_stages_are_those_at_which_the_authors_reset(operations):
    schedule = Growth((4, 8, 16), 3000, 3000)
    stages = []
    for images, level in zip(
        operations["loop/cur_nimg"], operations["loop/lod"], strict=True
    ):
        assert schedule.level(int(images)) == pytest.approx(level, abs=1e-9)
        stages.append(schedule.stage(int(images)))
    changed = [True, *np.diff(stages).astype(bool)]
    np.testing.assert_array_equal(changed, operations["loop/reset_optimizer"])
    assert stages[0] == 0 and stages[-1] == 4


def test_fade_passes_the_values_of_the_zoo(reference):
    zoo = reference("pggan_zoo_forward")
    for jumps, steps in ((600, 32), (4, 10)):
        schedule = Growth((4, 8), 0, jumps * steps)
        places = zoo[f"alpha/iter_{jumps}x{steps}"]
        levels = [schedule.level(int(n)) for n in places]
        expected = zoo[f"alpha/value_{jumps}x{steps}"]
        np.testing.assert_allclose(levels, expected, atol=1e-9)


def test_batches_follow_the_schedule():
    schedule = Growth((4, 8, 16, 32, 64), 900, 1100)
    table = schedule.table()
    assert [row[:2] for row in table] == [
        [4, 4],
        [8, 4],
        [16, 4],
        [32, 2],
        [64, 1],
    ]
    batches = Batches(64, 32, table)
    seen = 0
    for number in range(400):
        first, count, size = batches.at(number)
        assert (first, size) == (seen, schedule.size(seen))
        assert count == growth.batch_size_of(size)
        seen += count
        assert batches.reach(seen) == number + 1
    assert batches.at(0) == (0, 128, 4)


def test_images_shrink_as_the_authors_files():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    halved = images.astype(np.float64)
    for size in (8, 4):
        expected = np.rint(halved).astype(np.uint8)
        np.testing.assert_array_equal(growth.reduced(images, size), expected)
        rows = halved[:, 0::2] + halved[:, 1::2]
        halved = (rows[:, :, 0::2] + rows[:, :, 1::2]) / 4.0


class Training:
    """A model beside the fixture of its code's training loop."""

    def __init__(self, fixture, source, level, order, sets, **arguments):
        self.fixture, self.source = fixture, interop.SOURCES[source]
        self.source_name = source
        self.order = order  # of the images, in which groups are neighbors
        groups = iter(LABELS)
        exclusive = [[next(groups) for _ in range(n)] for n in sets]
        self.model = model = ProgressiveGAN(
            image_size=16,
            labels=sum(exclusive, []) or None,
            exclusive=exclusive,
            stable_images=0,
            fade_images=FADE,
            **arguments,
        )
        self.variables = {}
        for scope, network in zip("GD", model.networks, strict=True):
            weights = fixture.group(f"w/{scope}")
            interop.load_reference(network, weights, source=source)
            for name, variable in self.source.variables(network).items():
                self.variables[f"{scope}/{name}"] = variable
        self.set_level(level)

    def set_level(self, level):
        schedule = self.model.schedule
        self.model.images_seen.assign(round((2 - level) * FADE))
        found = schedule.level(int(self.model.images_seen))
        assert found == pytest.approx(level)

    def input(self, name):
        values = self.fixture[f"in/{name}"][self.order]
        return tf.constant(nhwc(values) if values.ndim == 4 else values)

    def assert_close(self, group, name, actual):
        kind = group.split("/")[0]
        self.fixture.assert_close(
            f"{group}/{name}", actual, **tolerances(self.fixture)[kind]
        )

    def to_reference(self, name, value):
        value = self.source.to_reference(value)
        is_up = name.endswith("Conv0_up/weight")
        return progressive.flipped(value) if is_up else value

    def assert_weights(self, group):
        for name in self.fixture.group(group):
            actual = self.to_reference(name, self.variables[name])
            reliable = self.fixture.arrays.get(f"reliable/{group}/{name}")
            if reliable is not None:
                # The others have no gradient: Adam follows the rounding.
                expected = self.fixture[f"{group}/{name}"]
                actual = np.where(reliable, actual, expected)
            self.assert_close(group, name, actual)

    def assert_gradients(self, group, tape, objective, player):
        variables = self.model.variables_of(player)
        gradients = tape.gradient(
            objective,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        named = {id(v): g for v, g in zip(variables, gradients, strict=True)}
        names = list(self.fixture.group(group))
        for name in names:
            gradient = named[id(self.variables[name])]
            self.assert_close(group, name, self.to_reference(name, gradient))
        assert len(names) == len(variables)

    def start_average(self, scope):
        """Give the average other weights, and no warming up."""
        averages = self.model.averages
        named = self.source.variables(self.model.generator)
        weights = self.fixture.group(f"w/{scope}")
        # The same layout as of the generator, in which they are for a moment.
        trained = {name: v.numpy() for name, v in named.items()}
        interop.load_reference(
            self.model.generator, weights, source=self.source_name
        )
        for other, weight in zip(
            averages._others, self.model.generator_variables, strict=True
        ):
            other.assign(weight)
        for name, variable in named.items():
            variable.assign(trained[name])
        averages._updates.assign(10**9)

    def assert_average(self, group):
        with self.model.averaged():
            named = self.source.variables(self.model.generator)
            for name in self.fixture.group(group):
                actual = self.to_reference(name, named[name.split("/", 1)[-1]])
                self.assert_close(group, name, actual)


@pytest.fixture
def authors(reference):
    fixture = reference("pggan_train")
    # Sample i is in group i mod 2, for us the first four are one.
    order = np.arange(8).reshape(4, 2).T.ravel()
    training = Training(
        *(fixture, "progressive-gan", 0.4, order, [3]),
        base_filters=32,
        max_filters=8,
    )
    training.model.compile(run_eagerly=True)
    return training


@pytest.mark.parametrize("level", [0.4, 0, 1])
def test_losses_and_gradients_of_the_authors(authors, level):
    model, prefix = authors.model, {0.4: "", 0: "lod0_", 1: "lod1_"}[level]
    authors.set_level(level)
    model._find_size()
    labels = authors.input("labels_d")
    with tf.GradientTape() as tape:
        terms, _ = model._generator_terms(
            authors.input("labels_g"), authors.input("latents_g"), True
        )
        total = model.weighted_sum(terms)
    authors.assert_close(f"{prefix}loss", "G", total)
    authors.assert_gradients(f"{prefix}grad_g", tape, total, "generator")
    part = 2 ** int(level)
    images = tf.nn.avg_pool2d(authors.input("reals"), part, part, "VALID")
    fake = model._made(authors.input("latents_d"), labels, True)
    mixing = 1.0 - authors.input("mixing")[:, 0, 0, 0]
    with tf.GradientTape() as tape:
        terms, _ = model._discriminator_terms(
            images, labels, fake, mixing, True
        )
        total = model.weighted_sum(terms)
    authors.assert_close(f"{prefix}loss", "D", total)
    authors.assert_gradients(f"{prefix}grad_d", tape, total, "discriminator")
    drift = authors.fixture[f"{prefix}loss/epsilon_penalty"].mean()
    np.testing.assert_allclose(terms["drift"], drift, rtol=1e-4)


def test_steps_of_the_authors(authors):
    model = authors.model
    drawn = {
        "latents": [authors.input("latents_d"), authors.input("latents_g")],
        "labels": authors.input("labels_g"),
    }
    model._draw = lambda images, seed: drawn["latents"][0]
    model._draw_mixing = lambda images: (
        1.0 - authors.input("mixing")[:, 0, 0, 0]
    )
    terms = model._generator_terms
    # The code draws other labels, and latents, for the generator's step.
    model._generator_terms = lambda vectors, latents, training: terms(
        drawn["labels"], drawn["latents"][1], training
    )
    authors.start_average("Gs")
    batch = {
        "images": authors.input("reals"),
        "labels": authors.input("labels_d"),
    }
    # The code's average takes the weights of before a step.
    model.averages.update()
    authors.assert_average("ema1")
    # The loss takes images that its caller has faded.
    model._inputs = lambda batch: (batch["images"], batch["labels"])
    model.grow()
    for step in (1, 2, 3):
        model.reset_metrics()
        logs = model.train_step(batch)
        authors.assert_close("step_loss", f"D_{step}", logs["d_loss"])
        authors.assert_close("step_loss", f"G_{step}", logs["g_loss"])
        if step == 2:
            authors.assert_average("ema3")
        if step != 2:
            authors.assert_weights(f"adam{step}")


def one_hot(labels, counts=(3, 2)):
    columns = zip(labels.T, counts, strict=True)
    return tf.concat([tf.one_hot(own, n) for own, n in columns], -1)


def test_steps_of_the_zoo(reference):
    fixture = reference("pggan_zoo_train")
    zoo = Training(
        *(fixture, "pytorch-gan-zoo", 0.3, np.arange(8), [3, 2]),
        architecture="zoo",
        latent_dim=6,
        filters=[6, 5, 4],
    )
    model = zoo.model
    # The zoo sums over the batch, but for the classes, and has no loss for
    # those of its own images.
    weights = {
        "adversarial": 8.0,
        "real": 8.0,
        "fake": 8.0,
        "gradient_penalty": 80.0,
        "drift": 0.008,
        "fake_classification": 0.0,
    }
    optimizers = {
        f"{player}_optimizer": PyTorchAdam(1e-3, beta_1=0.0, beta_2=0.99)
        for player in model.terms
    }
    model.compile(run_eagerly=True, loss_weights=weights, **optimizers)
    zoo.start_average("avgG")
    latents = zoo.input("latent_d"), zoo.input("latent_g")
    wanted = one_hot(fixture["in/labels_d"]), one_hot(fixture["in/labels_g"])
    made, terms = model._made, model._generator_terms
    model._draw = lambda images, seed: latents[0]
    model._draw_mixing = lambda images: zoo.input("mix")[:, 0]
    # The labels of generated images are drawn, for each player again.
    model._made = lambda latents, vectors, training: made(
        latents, wanted[0], training
    )

    def generator_terms(vectors, _, training):
        model._made = made
        return terms(wanted[1], latents[1], training)

    model._generator_terms = generator_terms
    model._inputs = lambda batch: (batch["images"], batch["labels"])
    batch = {
        "images": zoo.input("real"),
        "labels": one_hot(fixture["in/labels_real"]),
    }
    of_discriminator = model._made
    model.grow()
    for step in (1, 2, 3):
        model.reset_metrics()
        model._made = of_discriminator
        logs = model.train_step(batch)
        zoo.assert_close("step_loss", f"lossD_{step}", logs["d_loss"])
        zoo.assert_close("step_loss", f"lossG_{step}", logs["g_loss"])
        if step != 2:
            zoo.assert_weights(f"adam{step}")
            zoo.assert_average(f"ema{step}")


@pytest.mark.parametrize(
    "level, largest", [(0, 8), (0.25, 8), (1, 16), (1.6, 16), (2.5, 32)]
)
def test_real_images_are_faded_as_the_authors_do(operations, level, largest):
    model = ProgressiveGAN(
        largest,
        filters=[1] * int(np.log2(largest / 2)),
        latent_dim=1,
        stable_images=0,
        fade_images=20,
    )
    halvings = len(model.schedule.sizes) - 1
    model.images_seen.assign(round(20 * (halvings - level)))
    assert model.schedule.level(int(model.images_seen)) == level
    model._find_size()
    values = operations["reals/x_uint8"].astype("float32") / 127.5 - 1.0
    images, _ = model._inputs({"images": nhwc(values)})
    while images.shape[1] < largest:
        images = doubled(images)
    operations.assert_close(
        f"reals/y_lod{level}", nchw(images), rtol=1e-4, atol=1e-5
    )


def tiny(**arguments):
    keras.utils.set_random_seed(0)
    model = ProgressiveGAN(
        image_size=16,
        filters=[2, 2, 2],
        latent_dim=3,
        **{"stable_images": 5, "fade_images": 12} | arguments,
    )
    model.compile(run_eagerly=True)
    return model


def state_of(model):
    optimizers = [*map(model.optimizer_of, model.terms)]
    return [
        *(v.numpy() for v in model.variables),
        *(v.numpy() for o in optimizers for v in o.variables),
        *(v.numpy() for v in model.averages.state.values()),
    ]


def test_grows_under_fit_and_resumes_at_every_step(tmp_path):
    def train(model, start, steps):
        data = datasets.single(
            *("faces:photo@20", 16, 4), growth=model.growth, start=start
        )
        model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False)

    sizes = []

    class Sizes(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            sizes.append(self.model._size)
            if (step := int(self.model.step)) in (2, 4):
                self.model.save(tmp_path / f"{step}.keras")

    model = tiny(stable_images=3, fade_images=8)
    data = datasets.single("faces:photo@20", 16, 4, growth=model.growth)
    model.fit(
        data, steps_per_epoch=7, verbose=0, shuffle=False, callbacks=[Sizes()]
    )
    # More than 3 images are seen after a step, and 14 after four.
    assert sizes == [4, 8, 8, 8, 16, 16, 16]
    assert int(model.images_seen) == 28 and int(model.stage) == 4
    expected = state_of(model)
    # In a fade, and at a growth.
    for start in (2, 4):
        resumed = keras.models.load_model(tmp_path / f"{start}.keras")
        assert int(resumed.images_seen) == 4 * start
        train(resumed, start, 7 - start)
        for one, two in zip(expected, state_of(resumed), strict=True):
            np.testing.assert_array_equal(one, two)


def test_optimizers_start_anew_at_both_ends_of_a_fade():
    model = tiny()
    adam = model.generator_optimizer
    for images, stage, is_new in (
        (5, 0, False),
        (6, 1, True),
        (16, 1, False),
        (17, 2, True),
        (23, 3, True),
    ):
        for variable in adam.variables:
            variable.assign(tf.ones_like(variable))
        model.images_seen.assign(images)
        model.grow()
        assert int(model.stage) == stage
        assert int(adam.iterations) == (0 if is_new else 1)
        assert float(adam.learning_rate) == pytest.approx(
            1e-3 if is_new else 1.0
        )
        slots = [v for v in adam.variables if v.shape.rank > 0]
        assert all(np.all(v.numpy() == (not is_new)) for v in slots)


def test_layers_of_other_sizes_do_not_move():
    model = tiny()
    before = values(model.trainable_variables)
    data = datasets.single("faces:photo@20", 16, 4, growth=model.growth)
    model.fit(data, steps_per_epoch=1, verbose=0, shuffle=False)
    for variable, is_moved in zip(
        model.trainable_variables,
        moved(before, model.trainable_variables),
        strict=True,
    ):
        is_larger = any(size in variable.path for size in ("_8", "_16"))
        assert is_moved != is_larger
    images = model.generate(3).numpy()
    assert images.shape == (3, 16, 16, 3)
    blocks = images.reshape(3, 4, 4, 4, 4, 3)
    np.testing.assert_array_equal(blocks, blocks[:, :, :1, :, :1] + 0 * blocks)


def test_a_step_computes_the_current_size_alone():
    model = ProgressiveGAN(image_size=16, filters=[4] * 3)
    model.compile()
    shapes = set()

    def look(graph):
        for operation in graph.get_operations():
            if operation.type == "Conv2D":
                shapes.add(max(operation.outputs[0].shape[1:3]))

    @tf.function
    def step(images):
        return model.train_step({"images": images})

    look(step.get_concrete_function(tf.TensorSpec((8, 4, 4, 3))).graph)
    assert max(n for n in shapes if n) == 4


def test_images_of_the_largest_size_are_averaged():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (4, 16, 16, 3)).astype("float32")
    small = images.reshape(4, 4, 4, 4, 4, 3).mean((2, 4))
    logs = [
        tiny().train_on_batch({"images": batch}, return_dict=True)
        for batch in (images, small)
    ]
    for name, value in logs[0].items():
        np.testing.assert_allclose(value, logs[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 48}, "image_size must be 4 times a power of two"),
        ({"initial_size": 12}, "initial_size must be one of 4, 8, 16, 32, 64"),
        ({"fade_images": 0}, "fade_images must be an integer from 1 up"),
        ({"latent_dim": 0}, "latent_dim must be an integer from 1"),
        ({"labels": []}, "labels must be a list of one name or more"),
        ({"labels": [["a"], ["b"]]}, "labels must be those of one data set"),
        ({"filters": [4]}, "filters must be 5 integers"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        ProgressiveGAN(**arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"schedule": "linear"}, "schedule must be constant"),
        ({"recompute": True}, "recompute must be False"),
        ({"steps_per_execution": 2}, "steps_per_execution must be 1"),
        ({"loss_weights": {"classification": 1.0}}, "without labels"),
    ],
)
def test_what_a_growing_model_cannot_have(arguments, message):
    with pytest.raises(UserError, match=message):
        tiny().compile(**arguments)


def test_growth_of_data_is_checked():
    for rows, message in (
        ([], "must be a list of"),
        ([[4, 4, None]], "in this order"),
        ([[3, 4, 10], [8, 1, None]], "each a divisor"),
        ([[8, 1, 10], [8, 1, None]], "in this order"),
    ):
        with pytest.raises(UserError, match=message):
            Batches(8, 4, rows)


def test_a_batch_of_the_size_of_now_is_taken_before_the_step():
    model = tiny()
    sides = [stage[0] for stage in model.growth[:2]]
    model.images_seen.assign(0)
    small = {"images": np.zeros((2, *[sides[0]] * 2, 3), "float32")}
    for ask in (model.train_on_batch, model.test_on_batch):
        ask(small)
    model.images_seen.assign(model.schedule.images)
    whole = {"images": np.zeros((2, *[model.image_size] * 2, 3), "float32")}
    model.train_on_batch(whole)


def test_predict_shows_the_size_and_the_fade_of_now():
    model = make_model("progressive", run_eagerly=False, jit_compile=False)
    latents = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    for seen in (0, 20, 30, 70):
        model.images_seen.assign(seen)
        found = model.predict(latents, verbose=0)
        np.testing.assert_allclose(found, model(latents), atol=1e-5)


def test_the_largest_size_has_its_rate_from_the_start():
    model = ProgressiveGAN(
        image_size=1024, initial_size=1024, filters=[1] * 9, latent_dim=2
    )
    model.compile(run_eagerly=True)
    for player in model.terms:
        rate = model.optimizer_of(player).learning_rate
        assert float(rate) == pytest.approx(1.5e-3)
