"""Convolutions with the padding and the alignment of PyTorch."""

import re

import keras
import numpy as np
import pytest

from keras_gans.networks import _blocks, resnet, unet
from tests.networks.pytorch_reference import nchw, nhwc

KERNEL_AXES = (2, 3, 1, 0)


def applied(function, x, weight, bias):
    """Apply a piece of a network with the weights of its one convolution."""
    inputs = keras.Input((None, None, x.shape[1]))
    network = keras.Model(inputs, function(inputs))
    network.set_weights([np.transpose(weight, KERNEL_AXES), bias])
    return nchw(network(nhwc(x)))


@pytest.mark.parametrize("size", ["8x10", "7x9"])
def test_convolutions(reference, size):
    fixture = reference("ops_torch")
    names = [n for n in fixture.group("conv") if n.startswith(f"y_{size}")]
    assert len(names) >= 6
    for name in names:
        kernel_size, strides, padding = (
            int(re.search(rf"_{letter}(\d)", name)[1]) for letter in "ksp"
        )
        outputs = applied(
            lambda x, k=kernel_size, s=strides, p=padding: _blocks.convolution(
                x, 3, k, strides=s, padding=p
            ),
            fixture[f"conv/x_{size}"],
            fixture[f"conv/weight_k{kernel_size}"],
            fixture[f"conv/bias_k{kernel_size}"],
        )
        fixture.assert_close(f"conv/{name}", outputs)


@pytest.mark.parametrize(
    "name,kernel_size,function",
    [
        ("y_k3_s2_p1_op1", 3, resnet._enlarged),
        ("y_k4_s2_p1_op0", 4, unet._doubled),
    ],
)
def test_transposed_convolutions(reference, name, kernel_size, function):
    fixture = reference("ops_torch")
    outputs = applied(
        lambda x: function(x, 3, use_bias=True),
        fixture["convT/x"],
        fixture[f"convT/weight_k{kernel_size}"],
        fixture[f"convT/bias_k{kernel_size}"],
    )
    fixture.assert_close(f"convT/{name}", outputs)
