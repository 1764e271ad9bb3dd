"""Line drawings of photographs, beside the arrays of published codes."""

import sys

import numpy as np
import pytest

from keras_gans.datasets import sketches


@pytest.fixture(scope="module")
def arrays(reference):
    return reference("sketch_filters")


@pytest.fixture(params=(1, 2))
def number(request):
    return request.param


def gray(arrays, number):
    return arrays[f"in/gray_{number}"] / 255.0


def test_xdog_as_published(arrays, number):
    image = gray(arrays, number)
    arrays.assert_close(f"xdog/A_soft_{number}", sketches.xdog(image))
    hard = sketches.xdog(image, binary=True)
    arrays.assert_close(f"xdog/A_binary_{number}", hard)
    drawn = sketches.draw(arrays[f"in/rgb_{number}"])
    expected = np.rint(255 * arrays[f"xdog/A_soft_rgb_{number}"])
    np.testing.assert_allclose(drawn[..., 1].astype(float), expected, atol=1)


@pytest.mark.parametrize(
    "style,name,most", [("xdog-article", "D", 3e-3), ("xdog-lineart", "C", 0)]
)
def test_xdog_of_opencv_inside(arrays, number, style, name, most):
    """OpenCV continues images and cuts Gaussians in another way."""
    inside = np.s_[7:-7, 7:-7]
    actual = sketches.STYLES[style](gray(arrays, number))[inside]
    expected = arrays[f"xdog/{name}_xdog_{number}"][inside]
    np.testing.assert_allclose(actual, expected, atol=most)


def test_fdog_as_published(arrays, number):
    image = 255.0 * gray(arrays, number)
    flow = sketches.edge_tangent_flow(image, faithful=True)
    expected = arrays[f"fdog/flow_2_{number}"]
    # Where a sign hangs on rounding.
    apart = np.abs(flow - expected).max(axis=-1)
    assert np.mean(apart > 0.05) <= 2 / apart.size
    for done in range(3):
        if done:
            image = arrays[f"fdog/image_{done}_{number}"]
        lines = sketches.flow_filter(image / 255.0, expected)
        arrays.assert_close(f"fdog/fdog_{done}_{number}", lines, atol=1e-3)
    for faithful, most in ((True, 0.0), (False, 0.02)):
        drawn = sketches.fdog(gray(arrays, number), faithful=faithful)
        expected = arrays[f"fdog/result_2_{number}"] / 255.0
        assert np.mean(drawn != expected) <= most


def test_photocopy_as_published(arrays, number):
    actual = 255.0 * sketches.photocopy(gray(arrays, number))
    np.testing.assert_array_equal(
        np.rint(actual), arrays[f"photocopy/output_{number}"]
    )


@pytest.mark.parametrize("style", sketches.STYLES)
def test_strokes_are_black_on_white_at_any_size(style):
    disk = np.hypot(*(np.indices((33, 47)) - 20.0)) < 10
    image = np.where(disk, 90, 200).astype(np.uint8)
    drawn = sketches.draw(image, style)
    assert drawn.shape == (33, 47, 3) and drawn.dtype == np.uint8
    assert drawn[:, 40:].min() > 200 and 0.01 < np.mean(drawn < 128) < 0.5
    np.testing.assert_array_equal(
        drawn, sketches.draw(image[..., None].repeat(3, axis=-1), style)
    )
    for shape in ((1, 1), (1, 9, 1), (2, 3, 3)):
        blank = np.full(shape, 130, np.uint8)
        assert (sketches.draw(blank, style) == 255).all()
        noise = np.random.RandomState(0).randint(0, 256, shape)
        assert sketches.draw(noise.astype(np.uint8), style).shape[2] == 3


def test_parameters_are_checked_and_recorded(monkeypatch):
    named = sketches.styles(" xdog,edges")
    assert [*named] == ["xdog", "edges"] and named["xdog"]["sigma"] == 0.8
    assert sketches.styles("{'xdog': {'phi': 5}}")["xdog"]["phi"] == 5
    for given, match in (
        ("pencil", "sketch_style must be one of xdog, .*'pencil'"),
        ({"xdog": {"tau": 1}}, "parameter of xdog must be one of sigma"),
        ({"xdog": {"sigma": -1}}, "sigma must be a finite number from 0.1"),
        ({"fdog": {"passes": 2.5}}, "passes must be an integer"),
        ({"xdog": {"rule": "mine"}}, "rule must be one of article, published"),
        ({"xdog": {"binary": 1.5}}, "binary must be True or False"),
        ({"edges": {"low": 0.3}}, "low must be at most high, 0.2"),
        ({}, "sketch_style must name a style"),
        ("{'xdog'", "sketch_style must be names, or a dict such as"),
    ):
        with pytest.raises(ValueError, match=match):
            sketches.styles(given)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "skimage", None)
        with pytest.raises(ValueError, match=r"keras_gans\[sketch\]"):
            sketches._check_installed.__wrapped__()
    with pytest.raises(ValueError, match="image must be uint8"):
        sketches.draw(np.zeros((4, 4)))
