"""Which generator a state dict of the CycleGAN authors was saved from."""

import numpy as np
import pytest

from keras_gans import interop, networks
from keras_gans.interop import dcgan, pytorch_cyclegan
from tests.test_interop import PYTORCH, assert_loaded, reference_arrays

RESNET, UNET = "resnet_generator", "unet_generator"


def old(arrays):
    """Return a state dict as PyTorch before 0.4 saved it from several GPUs."""
    return {
        f"module.{name}": array
        for name, array in {
            **arrays,
            "model.2.running_mean": np.zeros(2),
            "model.2.running_var": np.ones(2),
            "model.2.num_batches_tracked": np.zeros((), "int64"),
        }.items()
    }


@pytest.mark.parametrize(
    "network,arguments,stored",
    [
        (RESNET, {"num_residual_blocks": 9}, old),
        (RESNET, {"num_residual_blocks": 0, "output_channels": 1}, dict),
        (RESNET, {"num_residual_blocks": 2, "dropout": 0.5}, dict),
        (RESNET, {"num_residual_blocks": 2, "norm": "batch"}, dict),
        (
            RESNET,
            {"num_residual_blocks": 3, "norm": "batch", "dropout": 0.5},
            dict,
        ),
        (UNET, {"num_downsamples": 5, "output_channels": 4}, dict),
        (UNET, {"num_downsamples": 7, "norm": "batch"}, dict),
        (UNET, {"num_downsamples": 8, "input_shape": (None, None, 1)}, dict),
    ],
)
def test_the_generator_is_seen_from_its_state_dict(network, arguments, stored):
    expected = {
        "input_shape": (None, None, 3),
        "output_channels": 3,
        "base_filters": 2,
        "norm": "instance",
        **({"dropout": 0.0} if network == RESNET else {}),
        **arguments,
    }
    arrays, values = reference_arrays(
        getattr(networks, network)(**expected), PYTORCH
    )
    found = pytorch_cyclegan.generator_of(stored(arrays))
    assert found == (network, expected)
    made = getattr(networks, network)(**found[1])
    interop.load_reference(made, stored(arrays), source=PYTORCH)
    assert_loaded(made, PYTORCH, values)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"model.0.weight": (4, 3, 4, 4)}, r"patch_discriminator, 1 arrays"),
        ({"net.0.weight": (4, 3, 1, 1)}, "pixel_discriminator.*net.0.weight"),
        ({"model.1.weight": (4, 3, 7, 7)}, "without .* or model.17.weight"),
        (
            {"model.model.1.model.1.weight": (4, 3, 4, 4)},
            "unet_generator without model.model.0.weight or model.model.3",
        ),
    ],
)
def test_state_dict_of_no_generator(changes, message):
    arrays = {name: np.zeros(shape) for name, shape in changes.items()}
    with pytest.raises(ValueError, match=f"must be the state.*{message}") as e:
        pytorch_cyclegan.generator_of(arrays)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "shapes",
    [
        {},
        {"features.0.weight": (4, 3, 3, 3)},
        {"main.0.weight": (4, 8, 7, 7)},
        {"model.1.weight": (4, 3)},
    ],
)
def test_state_dict_of_others(shapes):
    arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
    assert pytorch_cyclegan.generator_of(arrays) is None
    assert dcgan.torch_generator_of(arrays) is None
