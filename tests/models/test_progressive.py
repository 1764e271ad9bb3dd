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
            labels=sum(exclusive, []),
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
        assert schedule.level(int(self.model.images_seen)) == level

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
