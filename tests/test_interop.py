"""Reference weights: what is read, what is refused, what then happens."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import interop, networks

PYTORCH = "pytorch-cyclegan-and-pix2pix"


def reference_arrays(network, source, seed=0):
    """Return arrays as the source would name them, and the values loaded."""
    reference = interop.SOURCES[source]
    rng = np.random.default_rng(seed)
    values = {
        name: rng.uniform(0.5, 1.5, variable.shape).astype("float32")
        for name, variable in reference.variables(network).items()
    }
    arrays = {name: reference.to_reference(a) for name, a in values.items()}
    return arrays, values


def assert_loaded(network, source, values):
    variables = interop.SOURCES[source].variables(network)
    assert variables.keys() == values.keys()
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable, values[name], err_msg=name)


def weights(network):
    return [variable.numpy().copy() for variable in network.variables]


@pytest.fixture(params=["article", PYTORCH])
def source(request):
    return request.param


@pytest.fixture
def network(source):
    if source == "article":
        return networks.dcgan_generator(base_filters=2, name="generator")
    return networks.resnet_generator(
        base_filters=2, num_residual_blocks=2, norm="batch", name="generator"
    )


def test_arrays_are_loaded(network, source):
    arrays, values = reference_arrays(network, source)
    interop.load_reference(network, arrays, source=source)
    assert_loaded(network, source, values)


def test_arrays_that_do_not_fit_are_named_and_change_nothing(network, source):
    before = weights(network)
    arrays, _ = reference_arrays(network, source)
    names = list(arrays)

    def message(changed):
        with pytest.raises(ValueError) as error:
            interop.load_reference(network, changed, source=source)
        text = str(error.value)
        assert "network 'generator'" in text and "\n" not in text
        return text

    last = names[-1]
    missing = {name: arrays[name] for name in names[:-1]}
    assert f"1 missing: {last}" in message(missing)
    surplus = arrays | {"extra/weight": arrays[last]}
    assert "1 surplus: extra/weight" in message(surplus)
    misshapen = arrays | {names[0]: arrays[names[0]][:1]}
    # Both shapes in the layout of the reference.
    assert (
        f"1 of another shape: {names[0]} {misshapen[names[0]].shape} "
        f"for {arrays[names[0]].shape}"
    ) in message(misshapen)
    everything = message({"extra": 0.0, names[0]: np.zeros(()), "more": 1})
    assert f"{len(names) - 1} missing: {names[1]}, " in everything
    assert ", ...; 2 surplus: extra, more; 1 of another shape" in everything
    for old, new in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_unknown_source(network):
    with pytest.raises(ValueError, match=r"one of article, .*'tensorflow'"):
        interop.load_reference(network, {}, source="tensorflow")


@pytest.mark.parametrize("of", ["pytorch-dcgan", "dcgan-tensorflow"])
def test_networks_of_another_code(of):
    other = "tf1" if of == "pytorch-dcgan" else "torch"
    for network in (
        networks.noise_generator(16, base_filters=1, architecture=other),
        networks.noise_discriminator(16, base_filters=1, architecture=other),
        networks.resnet_generator(base_filters=1, num_residual_blocks=1),
    ):
        with pytest.raises(ValueError, match="network must be a noise_gen"):
            interop.load_reference(network, {}, source=of)


def test_tf1_checkpoint_of_dcgan(tmp_path):
    network = networks.noise_discriminator(
        16, base_filters=1, architecture="tf1"
    )
    arrays, values = reference_arrays(network, "dcgan-tensorflow")
    tf1 = tf.compat.v1
    with tf.Graph().as_default(), tf1.Session() as session:
        for name, array in arrays.items():
            tf1.get_variable(f"discriminator/{name}", initializer=array)
        tf1.get_variable("generator/g_h0_lin/bias", initializer=[1.0])
        session.run(tf1.global_variables_initializer())
        path = tf1.train.Saver().save(session, str(tmp_path / "DCGAN.model"))
    interop.load_reference(
        network, path, source="dcgan-tensorflow", scope="discriminator"
    )
    assert_loaded(network, "dcgan-tensorflow", values)


def test_scope_without_a_path(network, source):
    with pytest.raises(ValueError, match="only for checkpoint paths.*'main'"):
        interop.load_reference(network, {}, source=source, scope="main")


def save_checkpoint(networks_by_scope, folder):
    """Save networks as the article's code does, with Adam's variables."""
    saved = {}
    tf1 = tf.compat.v1
    with tf.Graph().as_default():
        variables = []
        for seed, (scope, network) in enumerate(networks_by_scope.items()):
            saved[scope], _ = reference_arrays(network, "article", seed)
            for name, array in saved[scope].items():
                variables.append(
                    tf1.get_variable(
                        f"{scope}/{name}".lstrip("/"),
                        initializer=array,
                        trainable="moving" not in name,
                        use_resource=False,
                    )
                )
        loss = tf.add_n([tf.reduce_sum(v) for v in tf1.trainable_variables()])
        tf1.train.AdamOptimizer(1e-4).minimize(loss)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            path = tf1.train.Saver().save(
                session, str(folder / "model.ckpt"), global_step=1000
            )
    assert any("Adam" in name for name, _ in tf.train.list_variables(path))
    return path, saved


@pytest.fixture
def checkpoint(tmp_path):
    made = {
        "generatorA2B": networks.dcgan_generator(base_filters=2),
        "discriminatorB": networks.dcgan_discriminator(32, base_filters=2),
    }
    return made, *save_checkpoint(made, tmp_path)


def test_tf1_checkpoint(checkpoint):
    made, path, saved = checkpoint
    for scope, network in made.items():
        interop.load_reference(network, path, source="article", scope=scope)
        assert_loaded(network, "article", saved[scope])


def test_tf1_checkpoint_without_a_scope(tmp_path):
    network = networks.dcgan_generator(base_filters=1)
    path, saved = save_checkpoint({"": network}, tmp_path)
    interop.load_reference(network, pathlib.Path(path), source="article")
    assert_loaded(network, "article", saved[""])


def test_tf1_checkpoint_errors(checkpoint, tmp_path):
    made, path, _ = checkpoint
    generator = made["generatorA2B"]
    for scope, message in (
        ("generatorB2A", "one of the checkpoint's .*generatorA2B.*'generatorB"),
        ("discriminatorB", r"missing: .*conv2d_transpose/kernel.*surplus"),
        (None, r"surplus: discriminatorB/"),
    ):
        with pytest.raises(ValueError, match=message):
            interop.load_reference(generator, path, "article", scope=scope)
    with pytest.raises(ValueError, match="prefix of a TensorFlow checkpoint"):
        interop.load_reference(generator, tmp_path / "none", "article")


@pytest.mark.parametrize(
    "make,last",
    [
        (
            lambda: networks.resnet_generator(base_filters=1),
            "model.26.bias",
        ),
        (
            lambda: networks.resnet_generator(
                base_filters=1, num_residual_blocks=1, dropout=0.5
            ),
            "model.10.conv_block.6.bias",
        ),
        (
            lambda: networks.unet_generator(base_filters=1, norm="instance"),
            "model.model.1" + ".model.3" * 6 + ".model.3.bias",
        ),
        (
            lambda: networks.patch_discriminator(
                base_filters=1, num_layers=2, norm="batch"
            ),
            "model.6.running_var",
        ),
        (
            lambda: networks.pixel_discriminator(base_filters=1),
            "net.5.bias",
        ),
    ],
)
def test_every_kind_of_network_has_its_names(make, last):
    network = make()
    arrays, values = reference_arrays(network, PYTORCH)
    assert last in arrays
    weighted = [
        weight
        for layer in network.layers
        if not isinstance(layer, keras.layers.Dropout)
        for weight in layer.weights
    ]
    assert len(arrays) == len(weighted)
    interop.load_reference(network, arrays, source=PYTORCH)
    assert_loaded(network, PYTORCH, values)


def test_what_the_original_stores_beside_weights_is_left_out():
    network = networks.patch_discriminator(base_filters=2)
    arrays, values = reference_arrays(network, PYTORCH)
    old = arrays | {
        # Instance normalization before PyTorch 0.4.
        "model.3.running_mean": np.zeros(4),
        "model.3.running_var": np.ones(4),
        "model.3.num_batches_tracked": np.zeros((), "int64"),
    }
    old = {f"module.{name}": array for name, array in old.items()}
    interop.load_reference(network, old, source=PYTORCH)
    assert_loaded(network, PYTORCH, values)
    # Statistics anywhere else belong to another network.
    with pytest.raises(ValueError, match=r"1 surplus: model.2.running_mean"):
        interop.load_reference(
            network, arrays | {"model.2.running_mean": 0.0}, source=PYTORCH
        )


def test_state_dict_of_another_network():
    network = networks.resnet_generator(base_filters=2, num_residual_blocks=6)
    for other, message in (
        (
            networks.resnet_generator(base_filters=2, num_residual_blocks=9),
            "missing: .*model.23.weight.*surplus: .*model.17.conv_block.1",
        ),
        (
            networks.resnet_generator(
                base_filters=2, num_residual_blocks=6, norm="batch"
            ),
            r"missing: model.1.bias.*surplus: model.2.weight",
        ),
        (
            networks.resnet_generator(base_filters=4, num_residual_blocks=6),
            r"model.1.weight \(4, 3, 7, 7\) for \(2, 3, 7, 7\)",
        ),
    ):
        arrays, _ = reference_arrays(other, PYTORCH)
        with pytest.raises(ValueError, match=message):
            interop.load_reference(network, arrays, source=PYTORCH)


def test_network_that_is_none_of_the_originals():
    network = networks.dcgan_generator(base_filters=1, name="article")
    with pytest.raises(ValueError, match="must be a resnet_generator.*article"):
        interop.load_reference(network, {}, source=PYTORCH)
