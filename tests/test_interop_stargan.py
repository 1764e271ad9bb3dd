"""StarGAN's state dicts: names, statistics, what is refused."""

import numpy as np
import pytest

from keras_gans import interop, networks
from tests.test_interop import assert_loaded, reference_arrays

SOURCE = "stargan"


def generator(moving_statistics=False, **arguments):
    return networks.stargan_generator(
        base_filters=2,
        moving_statistics=moving_statistics,
        name="generator",
        **arguments,
    )


@pytest.mark.parametrize("blocks,head", [(6, "main.21"), (0, "main.15")])
def test_names_of_the_generator(blocks, head):
    network = generator(num_residual_blocks=blocks)
    arrays, values = reference_arrays(network, SOURCE)
    # A kernel each; all but the head with a normalization's scale and offset.
    assert len(arrays) == 3 * (5 + 2 * blocks) + 1
    assert arrays[f"{head}.weight"].shape == (3, 2, 7, 7)
    assert f"{head}.bias" not in arrays
    if blocks:
        assert arrays["main.14.main.3.weight"].shape == (8, 8, 3, 3)
        assert arrays["main.15.weight"].shape == (8, 4, 4, 4)
        assert {"main.14.main.4.bias", "main.19.weight"} <= set(arrays)
    interop.load_reference(network, arrays, source=SOURCE)
    assert_loaded(network, SOURCE, values)


@pytest.mark.parametrize(
    "image_size,num_layers,num_labels", [(64, 6, 1), (48, 4, 1), (16, 1, 7)]
)
def test_names_of_the_discriminator(image_size, num_layers, num_labels):
    # 48 pixels halved 4 times: both heads are 3x3 and of one channel.
    network = networks.stargan_discriminator(
        image_size, num_labels, base_filters=2, num_layers=num_layers
    )
    arrays, values = reference_arrays(network, SOURCE)
    trunk = [f"main.{2 * i}" for i in range(num_layers)]
    assert set(arrays) == {
        *(f"{name}.{kind}" for name in trunk for kind in ("weight", "bias")),
        *("conv1.weight", "conv2.weight"),
    }
    side, width = image_size // 2**num_layers, 2**num_layers
    assert arrays["conv1.weight"].shape == (1, width, 3, 3)
    assert arrays["conv2.weight"].shape == (num_labels, width, side, side)
    interop.load_reference(network, arrays, source=SOURCE)
    assert_loaded(network, SOURCE, values)
    # The heads are told apart also where their shapes are equal.
    images = np.ones((1, image_size, image_size, 3), "float32")
    patches, classes = network(images)
    arrays["conv2.weight"] = arrays["conv2.weight"] * 0.0
    interop.load_reference(network, arrays, source=SOURCE)
    again, zeros = network(images)
    np.testing.assert_array_equal(patches, again)
    assert np.any(classes) and not np.any(zeros)


def test_running_statistics_are_loaded_where_there_is_a_place_for_them():
    tracked = generator(moving_statistics=True, num_residual_blocks=1)
    arrays, values = reference_arrays(tracked, SOURCE)
    assert {"main.9.main.1.running_mean", "main.14.running_var"} <= set(arrays)
    stored = {
        f"module.{name}": array
        for name, array in {
            **arrays,
            "main.1.num_batches_tracked": np.zeros((), "int64"),
        }.items()
    }
    interop.load_reference(tracked, stored, source=SOURCE)
    assert_loaded(tracked, SOURCE, values)

    network = generator(num_residual_blocks=1)
    interop.load_reference(network, stored, source=SOURCE)
    weights = {n: v for n, v in values.items() if "running" not in n}
    assert_loaded(network, SOURCE, weights)

    without = {n: a for n, a in arrays.items() if "running" not in n}
    with pytest.raises(ValueError, match="14 missing: main.1.running_mean"):
        interop.load_reference(tracked, without, source=SOURCE)
    # Statistics anywhere else belong to another network.
    with pytest.raises(ValueError, match="1 surplus: main.0.running_mean"):
        interop.load_reference(
            network, arrays | {"main.0.running_mean": 0.0}, source=SOURCE
        )


def test_state_dict_of_another_network():
    network = generator(num_residual_blocks=1)
    for other, message in (
        (
            generator(num_residual_blocks=2),
            "5 missing: main.10.weight.*11 surplus: main.10.main.0.weight",
        ),
        (
            generator(num_residual_blocks=1, num_labels=8),
            r"main.0.weight \(2, 11, 7, 7\) for \(2, 8, 7, 7\)",
        ),
        (
            networks.stargan_discriminator(16, num_layers=2, base_filters=2),
            "missing: main.1.weight.*surplus: main.0.bias",
        ),
    ):
        arrays, _ = reference_arrays(other, SOURCE)
        with pytest.raises(ValueError, match=message):
            interop.load_reference(network, arrays, source=SOURCE)


def test_network_that_is_none_of_the_originals():
    for network in (
        networks.resnet_generator(base_filters=1, name="other"),
        networks.patch_discriminator(base_filters=1, name="other"),
    ):
        with pytest.raises(ValueError, match="stargan_generator or.*'other'"):
            interop.load_reference(network, {}, source=SOURCE)


def test_files_as_the_authors_named_them(tmp_path):
    torch = pytest.importorskip("torch")
    network = generator(num_residual_blocks=1)
    arrays, values = reference_arrays(network, SOURCE)
    path = tmp_path / "200000-G.ckpt"
    torch.save(
        {
            name: torch.from_numpy(np.ascontiguousarray(array))
            for name, array in arrays.items()
        },
        path,
    )
    interop.load_reference(network, path, source=SOURCE)
    assert_loaded(network, SOURCE, values)


def test_path_errors(tmp_path):
    network = generator(num_residual_blocks=0)
    with pytest.raises(ValueError, match="only for TensorFlow 1.*'main'"):
        interop.load_reference(network, "200000-G.npz", SOURCE, scope="main")
    with pytest.raises(ValueError, match="file that exists.*200000-G.ckpt"):
        interop.load_reference(network, tmp_path / "200000-G.ckpt", SOURCE)
