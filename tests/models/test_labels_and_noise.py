"""The conditional GAN and AC-GAN, also against their code's training loops."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import networks
from keras_gans.layers import Dropout
from keras_gans.models.acgan import ACGAN
from keras_gans.models.conditional_gan import ConditionalGAN
from keras_gans.optimizers import PyTorchAdam
from keras_gans.verbs import Latents
from tests.models.noise_training import Training
from tests.networks.pytorch_reference import nchw, nhwc
from tests.tiny import make_bare, make_batch, make_model

MODELS = {
    # class, architecture, size, widths of the fixture for both networks
    "acgan": (ACGAN, "upsampling", 32, [8, 6], [4, 5, 6, 8]),
    "cgan": (ConditionalGAN, "dense", 16, [8, 10, 12, 14], 12),
}
TINY = ("acgan", "acgan-upsampling", "cgan", "cgan-dense")


class Gray(Training):
    """A model of gray images beside its code's training loop."""

    def __init__(self, name, fixture, monkeypatch):
        model_class, architecture, size, *widths = MODELS[name]
        count = fixture.meta["options"]["classes"]
        recipe = model_class.architectures[architecture]

        def generator(sides, latent_dim, num_labels, base_filters):
            return getattr(networks, f"{architecture}_generator")(
                sides, latent_dim, num_labels, widths[0], channels=1
            )

        def discriminator(sides, num_labels, base_filters):
            return getattr(networks, f"{architecture}_discriminator")(
                sides, num_labels, widths[1], channels=1
            )

        shapes = {"images": (None, size, size, 1), "labels": (None, count)}
        monkeypatch.setattr(recipe, "generator", generator)
        monkeypatch.setattr(recipe, "discriminator", discriminator)
        monkeypatch.setattr(model_class, "batch_shapes", shapes)
        classes = [f"class {i}" for i in range(count)]
        latents = fixture["in/z"]
        model = model_class(
            architecture,
            image_size=size,
            labels=classes,
            exclusive=[classes],
            latent_dim=latents.shape[1],
        )
        model.compile(run_eagerly=True)
        variables = {
            f"{scope}/{name}": variable
            for scope, network in zip("GD", model.networks, strict=True)
            for name, variable in zip(
                fixture.group(f"w/{scope}"),
                [v for layer in network.layers for v in layer.weights],
                strict=True,
            )
        }
        for key, variable in variables.items():
            # Where each number of the code lies in ours.
            places = np.arange(np.prod(variable.shape))
            places = to_reference(key, places.reshape(variable.shape))
            assert places.shape == fixture[f"w/{key}"].shape
            values = np.empty(variable.shape, "float32")
            values.flat[places.ravel()] = fixture[f"w/{key}"].ravel()
            variable.assign(values)
        labels, wanted = (
            np.eye(count, dtype="float32")[fixture[f"in/{name}"]]
            for name in ("labels", "gen_labels")
        )
        super().__init__(
            *(model, fixture, variables, to_reference, latents),
            images=nhwc(fixture["in/real"]),
            labels=labels,
        )
        self.wanted = tf.constant(wanted)
        model._draw_labels = lambda vectors: self.wanted
        self.dropouts = [
            layer
            for layer in model.discriminator.layers
            if isinstance(layer, Dropout)
        ]
        self.rates = [layer.rate for layer in self.dropouts]
        for layer in self.dropouts:
            layer.rate = 0.0

    def assert_images(self, group, training):
        """Compare generated images; return them."""
        vectors = self.wanted
        fake = self.model._generated(self.latents, vectors, training)
        self.assert_close(group, "G", nchw(fake))
        return fake

    def assert_judged(self, group, name, images, vectors, training):
        """Compare what the discriminator says."""
        judge = self.model.discriminator
        if isinstance(self.model, ACGAN):
            logits, classes = judge(images, training=training)
            validity = tf.sigmoid(logits)
            if f"{group}/{name.format('label')}" in self.fixture.arrays:
                classes = tf.nn.softmax(classes)
                self.assert_close(group, name.format("label"), classes)
        else:
            validity = judge([images, vectors], training=training)
        self.assert_close(group, name.format("validity"), validity)

    @property
    def real(self):
        return self.batch["images"], self.batch["labels"]


def to_reference(name, array):
    """Return a weight, or its gradient, in the layout of the code."""
    array = np.asarray(array)
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if array.ndim == 2 and "emb" not in name:
        array = array.T
    # Maps of 8 channels that the code flattens in its own order.
    if name.startswith("G/l1"):
        array = array[flattened(len(array))]
    if "_layer" in name and array.ndim == 2:
        array = array[:, flattened(array.shape[1])]
    return array


def flattened(size):
    return np.arange(size).reshape(-1, 8).T.ravel()


@pytest.fixture(params=MODELS)
def gray(request, reference, monkeypatch):
    fixture = reference(f"{request.param}_train")
    return Gray(request.param, fixture, monkeypatch)


def test_forward(gray):
    gray.assert_images("out_eval", training=False)
    gray.assert_judged("out_eval", "D_real_{}", *gray.real, training=False)
    fake = gray.assert_images("out_train", training=True)
    gray.assert_judged("out_train", "D_real_{}", *gray.real, training=True)
    # Of one pass of the generator, and of AC-GAN's discriminator.
    assert gray.assert_group("running1") in (6, 12)
    gray.assert_judged(
        "out_train", "D_fake_{}", fake, gray.wanted, training=True
    )


def test_dropout(gray, monkeypatch):
    inputs = gray.fixture.group("in").items()
    masks = iter([x for name, x in inputs if name.startswith("dropout_keep")])

    def draw(shape, seed, low, high, dtype):
        mask = next(masks)
        mask = nhwc(mask) if mask.ndim == 4 else mask
        assert shape == [*mask.shape]  # whole channels of a map
        return tf.constant(mask * high, dtype)

    for layer, rate in zip(gray.dropouts, gray.rates, strict=True):
        layer.rate = rate
    monkeypatch.setattr(tf.random, "stateless_uniform", draw)
    gray.assert_judged(
        "out_train", "D_real_{}_dropout", *gray.real, training=True
    )
    assert next(masks, None) is None


def test_losses_and_gradients(gray):
    model = gray.model
    with tf.GradientTape() as tape:
        terms, fake = model._generator_terms(
            gray.latents, gray.wanted, training=True
        )
        total = model.weighted_sum(terms)
    gray.assert_close("loss", "G", total)
    gray.assert_close("loss", "G_adv", terms["adversarial"])
    gray.assert_gradients("grad_g", tape, total, model.generator_variables)
    with tf.GradientTape() as tape:
        terms, _ = model._discriminator_terms(
            *gray.real, fake, gray.wanted, training=True
        )
        total = model.weighted_sum(terms)
    gray.assert_close("loss", "D", total)
    for name in ("real", "fake"):
        gray.assert_close("loss", f"D_{name}_adv", terms[name])
        if isinstance(model, ACGAN):
            classification = terms[f"{name}_classification"]
            gray.assert_close("loss", f"D_{name}_aux", classification)
    gray.assert_gradients("grad_d", tape, total, model.discriminator_variables)


def test_three_steps(gray):
    weights, *statistics = (
        (31, 12, 10) if isinstance(gray.model, ACGAN) else (23, 6, 3)
    )
    for step in (1, 2, 3):
        logs = gray.step()
        gray.assert_close("step_loss", f"G_{step}", logs["g_loss"])
        gray.assert_close("step_loss", f"D_{step}", logs["d_loss"])
        if step == 2:
            continue
        assert gray.assert_group(f"adam{step}") == weights
        # One pass of the generator in a step, three of the discriminator.
        assert gray.assert_group(f"adam{step}_running") == statistics.pop(0)
        group, before = f"adam{step}_out_train", gray.statistics()
        gray.assert_images(group, training=True)
        gray.assert_judged(group, "D_real_{}", *gray.real, training=True)
        gray.restore(before)


def parameters(model):
    return [
        sum(int(np.prod(v.shape)) for v in network.trainable_variables)
        for network in model.networks
    ]


def test_defaults_are_those_of_dcgan_and_the_code():
    # DCGAN's 3,576,704 and 2,765,568, and what labels add.
    first, planes, heads = 4 * 4 * 512, 4 * 4 * 64, 4 * 4 * 512
    for model, own, other in (
        (ConditionalGAN(), 5 * first, 5 * planes),
        (ACGAN(), 5 * first, 5 * heads),
    ):
        assert parameters(model) == [3_576_704 + own, 2_765_568 + other]
        assert model.latents == Latents(100, "normal")
        model.compile()
        assert set(model.loss_weights.values()) == {1.0}
    for name, loss, weights in (
        ("acgan-upsampling", "non_saturating", {0.5, 0.25}),
        ("cgan-dense", "least_squares", {1.0, 0.5}),
    ):
        model = make_model(name)
        assert model.adversarial_loss == loss
        assert set(model.loss_weights.values()) == weights
        assert type(model.generator_optimizer) is PyTorchAdam
        assert float(model.generator_optimizer.beta_1) == 0.5
        recipe = type(model).default_settings(architecture=model.architecture)
        assert recipe["batch_size"] == 64


def unlike(one, two):
    """Assert that arrays differ, also where they are small."""
    assert np.abs(one - two).max() > 1e-3 * np.abs(one).max() > 0.0


@pytest.mark.parametrize("name", TINY)
def test_labels_reach_the_images(name):
    model = make_bare(name)
    images = model.generate(4)
    assert images.shape == (4, 32, 32, 3)
    unlike(images[0], images[1])
    for wanted in ({"Male": 1}, {"Black_Hair": 1}, [1, 0, 1]):
        unlike(model.generate(4, labels=wanted), images)
    # One of a group clears the others.
    vectors = [[0.0, 1.0, 1.0]] * 4
    np.testing.assert_allclose(
        model([model.latents.draw(4), np.float32(vectors)]),
        model.generate(4, labels={"Blond_Hair": 1, "Male": 1}),
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["cgan", "cgan-dense"])
def test_the_discriminator_judges_images_with_their_labels(name):
    model = make_bare(name)
    images = make_batch(model)["images"]
    one, two = (
        model.discriminator([images, np.tile(row, (4, 1))])
        for row in np.eye(3, dtype="float32")[:2]
    )
    unlike(one, two)
    # Which the health checks cannot ask for.
    assert model.samples(make_batch(model))["generate"].discriminator is None


def test_the_health_checks_ask_the_head_for_real_and_fake():
    model = make_bare("acgan")
    batch = make_batch(model)
    judge = model.samples(batch)["generate"].discriminator
    logits, classes = model.discriminator(batch["images"])
    assert judge.name == "discriminator" and classes.shape == (4, 3)
    np.testing.assert_array_equal(judge(batch["images"]), logits)


SCORES = np.float32([[2.0, 0.0, 1.0, -1.0]])


def softmax(*scores):
    return np.exp(scores[0]) / np.exp(scores).sum()


def sigmoid(score):
    return 1 / (1 + np.exp(-score))


@pytest.mark.parametrize(
    "vector,groups,expected",
    [
        ([1, 0, 0, 0], ["abcd"], -np.log(softmax(2, 0, 1, -1))),
        ([0, 1, 1, 0], [], -np.log([sigmoid(s) for s in (-2, 0, 1, 1)]).sum()),
        (
            [0, 1, 1, 0],
            ["ab"],
            -np.log(softmax(0, 2) * sigmoid(1) * sigmoid(1)),
        ),
        # Of two groups, in any order; in the first none holds.
        ([0, 0, 1, 0], ["bd", "ca"], -np.log(softmax(1, 2))),
        # The data may break the rule: half of each.
        (
            [1, 1, 0, 0],
            ["ab", "cd"],
            -np.log(softmax(2, 0) * softmax(0, 2)) / 2,
        ),
    ],
)
def test_classification(vector, groups, expected):
    model = tiny(ACGAN, labels=[*"abcd"], exclusive=[[*g] for g in groups])
    logits = tf.Variable(SCORES)
    with tf.GradientTape() as tape:
        loss = model._classification(np.float32([vector]), logits)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    gradient = tape.gradient(loss, logits).numpy()[0]
    grouped = "".join(groups)
    for index, name in enumerate("abcd"):
        assert name in grouped or gradient[index]
    for group in groups:
        places = ["abcd".index(name) for name in group]
        # A softmax does not move its sum; without a class not at all.
        np.testing.assert_allclose(gradient[places].sum(), 0.0, atol=1e-6)
        assert gradient[places].any() == any(vector[i] for i in places)


def tiny(model_class, **arguments):
    return model_class(
        **{"image_size": 16, "base_filters": 1, "latent_dim": 4} | arguments
    )


def test_without_labels_the_latents_stay_as_they_are():
    model = tiny(ACGAN, architecture="upsampling", labels=["a", "b"])
    (embedding,) = model.generator.get_layer("embedding").weights
    latents, none = model.latents.draw(3), np.zeros((3, 2), "float32")
    embedding.assign(tf.ones_like(embedding))
    of_ones = model([latents, none + [1.0, 0.0]])
    np.testing.assert_allclose(model([latents, none]), of_ones, atol=1e-6)
    embedding.assign(2.0 * embedding)
    doubled = model([latents, none + [0.0, 1.0]])
    np.testing.assert_allclose(model([2.0 * latents, none]), doubled, atol=1e-6)


@pytest.mark.parametrize("name", TINY)
def test_what_generates_nothing(name):
    model = make_bare(name)
    for arguments, message in (
        ({"labels": {"Bald": 1}}, "must name labels among.*Male.*'Bald'"),
        ({"labels": {"Male": 2}}, "labels.'Male'. must be 0 or 1.*2"),
        ({"labels": [1, 0]}, r"shape \[16, 3\]"),
        ({"latents": np.zeros((2, 9))}, r"shape \[count, 8\].*\(2, 9\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.generate(**arguments)
    latents = model.latents.draw(2)
    for inputs, message in (
        (latents, r"inputs must be \[latents, labels\]"),
        ([latents, np.zeros((2, 4), "float32")], r"labels must be.*, 3\]"),
        ([latents[:, :5], np.zeros((2, 3), "float32")], r"\[count, 8\]"),
    ):
        with pytest.raises(ValueError, match=message):
            model(inputs)


@pytest.mark.parametrize("model_class", [ACGAN, ConditionalGAN])
@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"architecture": "resnet"}, "architecture must be one of dcgan, "),
        ({"image_size": 40}, "image_size must be a multiple of 16.*40"),
        ({"image_size": 2**14}, "image_size.*from 16 to 4096"),
        ({"labels": []}, "labels must be a list of one name or more.*\\[\\]"),
        ({"labels": "Male"}, "labels must be a list of one name or more"),
        ({"labels": ["a", "a"]}, "labels must have each name once.*a"),
        ({"labels": [["a"], ["b", "c"]]}, "one data set.*2 sets, a; b, c"),
        ({"exclusive": [["Male", "x"]]}, "exclusive must be groups.*'x'"),
        ({"latent_dim": 0}, "latent_dim must be an integer from 1 up.*0"),
        ({"base_filters": 0}, "base_filters.*from 1 up.*0"),
        ({"discriminator_filters": 1.5}, "discriminator_filters.*1.5"),
        ({"base_filters": 10**5}, "at most 268,435,456 weights"),
        ({"discriminator_filters": 10**5}, "at most 268,435,456 weights"),
    ],
)
def test_bad_arguments(model_class, arguments, message):
    for architecture in model_class.architectures:
        arguments = {"architecture": architecture, **arguments}
        with pytest.raises(ValueError, match=message):
            tiny(model_class, **arguments)


@pytest.mark.parametrize("name", TINY)
def test_passes_are_not_recomputed(name):
    with pytest.raises(ValueError, match="recompute must be False.*generator"):
        make_model(name, recompute=True)


@pytest.mark.parametrize("name", TINY)
def test_images_need_not_be_square(name):
    bare = make_bare(name)
    model = type(bare)(**bare.get_config() | {"image_size": (16, 32)})
    assert model.get_config()["image_size"] == [16, 32]
    assert model.generate(2).shape == (2, 16, 32, 3)
    model.compile(run_eagerly=True)
    logs = model.train_on_batch(make_batch(model), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
