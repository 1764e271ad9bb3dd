"""Images against images, beside scikit-image and numbers by hand."""

import json

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images, metrics
from tests.metrics.tiny import pictures


@pytest.mark.parametrize("name", ["ssim", "psnr"])
def test_equals_scikit_image(name, reference):
    """The numbers are from `python -m tests.metrics.make_reference`."""
    expected = reference("metrics")
    real, fake = map(images.to_float, expected["pictures"])
    metric = metrics.get(name)()
    each = metric.per_picture(real, fake)
    np.testing.assert_allclose(each, expected[name], rtol=1e-4, atol=1e-5)
    for i in (slice(0, 3), slice(3, 4)):
        metric.update_state(real[i], fake[i])
    assert float(metric.result()) == pytest.approx(
        expected[name].mean(), rel=1e-4
    )
    assert metric.protocol()["real_count"] == 4


def test_l1_by_hand_and_the_cycle_error_is_one():
    real = tf.fill((2, 4, 4, 3), -1.0)
    fake = tf.concat([real[:1], tf.fill((1, 4, 4, 3), 1.0)], axis=0)
    for metric in (metrics.L1(), metrics.CycleError()):
        assert metric.per_picture(real, fake).numpy().tolist() == [0.0, 1.0]
        metric.update_state(real, fake)
        assert float(metric(fake, fake)) == 0.25
        metric.reset_state()
        with pytest.raises(ValueError, match="at least 1 real.*0 and 0"):
            metric.result()
    # Half a level is not in a file, and so not in the number.
    assert metric.per_picture(real, real + 0.4 / 127.5).numpy().max() == 0.0


def test_equal_pictures_are_perfect():
    same = pictures(3)
    for name, best in (("psnr", 100.0), ("ssim", 1.0), ("ms_ssim", 1.0)):
        metric = metrics.get(name)()
        metric.update_state(same, same)
        assert float(metric.result()) == pytest.approx(best)
        assert metric.direction == "max"
        assert json.loads(json.dumps(metric.protocol()))["data_range"] == 1.0


@pytest.mark.parametrize("size,scales", [(40, 2), (41, 3), (81, 4), (161, 5)])
def test_multi_scale_by_hand(size, scales):
    # Flat images have equal contrast and structure; what is left is the
    # luminance, which counts at the coarsest scale alone.
    x, y = 100.0, 150.0
    real, fake = (tf.fill((1, size, 200, 3), v / 127.5 - 1.0) for v in (x, y))
    metric = metrics.MultiScaleSSIM()
    seen = float(metric(real, fake))
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    c = (0.01 * 255.0) ** 2
    luminance = (2 * x * y + c) / (x * x + y * y + c)
    expected = luminance ** (weights[-1] / weights.sum())
    # In float32 a flat image keeps some variance.
    assert seen == pytest.approx(expected, abs=1e-4)
    assert metric.protocol()["scales"] == scales
    assert sum(metric.protocol()["scale_weights"]) == pytest.approx(1, abs=1e-3)


def test_too_small_or_unequal_pictures_are_one_line():
    small, larger = pictures(2, 8), pictures(2, 24)
    for name, least in (("ssim", 11), ("ms_ssim", 21)):
        metric = metrics.get(name)()
        with pytest.raises(ValueError, match=rf"^{name} .*{least} pixels.*8 x"):
            metric.update_state(small, small)
    with pytest.raises(ValueError, match="ms_ssim.*at least 41 pixels"):
        metrics.MultiScaleSSIM(scales=3).update_state(larger, larger)
    with pytest.raises(ValueError, match="scales must be an int from 2 to 5"):
        metrics.MultiScaleSSIM(scales=6)
    metric = metrics.L1()
    with pytest.raises(ValueError, match="l1: real and fake must be of one"):
        metric.update_state(small, larger)
    metric.reset_state()
    with pytest.raises(ValueError, match="l1: real and fake.*number"):
        metric.update_state(small, small[:1])
    with pytest.raises(ValueError, match="l1: real images must be of one.*8"):
        metric.update_state(larger, larger)


@pytest.mark.parametrize(
    "fake,reason",
    [
        (np.zeros((1, 16, 16, 3), np.uint8), "must be float images.*uint8"),
        (np.zeros((1, 16, 16, 1), "float32"), "must be float images.*16, 1"),
        (np.full((1, 16, 16, 3), 255.0), "must be in .-1, 1.. .* 255"),
        (np.full((1, 16, 16, 3), np.nan), "must be finite"),
    ],
)
def test_what_is_no_picture_is_refused(fake, reason):
    real = np.zeros((1, 16, 16, 3), np.float32)
    with pytest.raises(ValueError, match=f"ssim: fake {reason}"):
        metrics.SSIM().update_state(real, fake)


@pytest.mark.parametrize("name", ["l1", "psnr", "ssim", "ms_ssim"])
def test_a_traced_update_counts_and_keeps_nan(name):
    metric, other = metrics.get(name)(), metrics.get(name)()
    real, fake = pictures(4), pictures(4, seed=1)
    update = tf.function(metric.update_state)
    update(real, fake)
    assert float(metric.result()) == pytest.approx(
        float(other(real, fake)), rel=1e-5
    )
    update(real, np.full_like(fake, np.nan))
    with pytest.raises(ValueError, match=f"^{name} must be of finite"):
        metric.result()
