"""Each sign is seen where it was made, and nowhere else."""

import numpy as np
import pytest

from keras_gans.callbacks import symptoms
from keras_gans.faces import drawing


def draw(style, first=0, count=12):
    pictures = drawing.draw_many(range(first, first + count), style, 64)
    return pictures.astype("float32") / 127.5 - 1


@pytest.fixture(scope="module")
def faces():
    """The same people as photo and anime; other people as anime."""
    return draw("photo"), draw("anime"), draw("anime", first=12)


def signs(inputs, outputs, targets):
    texts = {
        name: tell(inputs, outputs, targets)
        for name, tell, _ in symptoms.OF_IMAGES
    }
    assert all("Try" in text for text in texts.values() if text)
    # The first, which is what is told.
    return {*[name for name, text in texts.items() if text][:1]}


def pattern(period, amplitude=0.1):
    """A square wave along both axes, the same for all colors."""
    wave = np.where(np.arange(64) % period < period // 2, 1.0, -1.0)
    return amplitude * (wave[:, None] * wave)[..., None]


def test_true_translations_are_healthy(faces):
    photo, anime, others = faces
    assert signs(photo, anime, others) == set()
    assert signs(anime, photo, draw("photo", first=12)) == set()
    assert signs(anime, draw("sketch"), draw("sketch", first=12)) == set()


def test_each_fault_is_seen_alone(faces):
    photo, anime, others = faces
    assert signs(photo, photo, others) == {"copied input"}
    assert signs(photo, photo * 0.99, others) == {"copied input"}
    same = np.repeat(anime[:1], len(photo), axis=0)
    assert signs(photo, same, others) == {"one output for all"}
    three = anime[np.arange(len(photo)) % 3]
    assert signs(photo, three, others) == {"few images"}
    noise = np.random.default_rng(0).normal(0, 0.04, anime.shape)
    assert signs(photo, anime + noise, others) == {"grain"}
    assert signs(photo, -photo, others) == {"inverted"}
    for period in (2, 4):
        assert signs(photo, anime + pattern(period), others) == {"checkerboard"}


def test_a_pattern_that_changes_with_the_picture_is_a_checkerboard(faces):
    photo, anime, others = faces
    # Cells that are light in one image are dark in the next.
    signs_of = np.sign(np.arange(len(photo)) % 2 - 0.5)[:, None, None, None]
    ripple = pattern(2) * signs_of
    assert signs(photo, anime + ripple, others) == {"checkerboard"}
    # And where an image is light or dark: the mean over it cancels.
    ripple = pattern(2, 0.03) * np.sign(
        anime - np.median(anime, (1, 2, 3))[:, None, None, None]
    )
    assert signs(photo, anime + ripple, others) == {"checkerboard"}
    assert symptoms.checkerboard(anime + ripple) < symptoms.CHECKERBOARD
    # Also a faint one, but not what alternates in a part of the cells only, as
    # outlines do.
    assert signs(photo, anime + pattern(2, 0.006), others) == {"checkerboard"}
    lines = pattern(2, 0.03) * (np.arange(64) < 32)[:, None]
    assert signs(photo, anime + lines, others) == set()


def test_one_inverted_colour_is_named(faces):
    photo, _, _ = faces
    swapped = photo[..., ::-1].copy()
    red_and_blue = symptoms.inverted(photo, swapped, photo)
    assert red_and_blue is None or "light" not in red_and_blue
    grey = photo.mean(axis=-1, keepdims=True)
    text = symptoms.inverted(photo, 2 * grey - photo, photo)
    assert text.startswith(("red and green", "blue and yellow"))


def test_what_the_data_explain_is_no_fault(faces):
    photo, anime, others = faces
    # Domains that are each other's negative; real images with a raster;
    # held-out images that are all the same, or one.
    assert signs(photo, -photo, -draw("photo", first=12)) == set()
    assert "checkerboard" not in signs(
        photo, anime + pattern(2), others + pattern(2)
    )
    one = np.repeat(photo[:1], 4, axis=0)
    assert "one output for all" not in signs(one, anime[[0] * 4], others)
    assert "one output for all" not in signs(photo[:1], anime[:1], others)
    # Gray drawings have no color that could be inverted.
    grey = np.repeat(photo.mean(axis=-1, keepdims=True), 3, axis=-1)
    assert symptoms.inverted(photo, grey, grey) is None


def test_odd_sizes_and_small_ones_are_measured_or_passed_over(faces):
    photo, anime, others = faces
    cut = [p[:, :45, :50] for p in (photo, anime + pattern(2), others)]
    assert "checkerboard" in signs(*cut)
    assert symptoms.checkered(*(p[:, :16, :16] for p in cut)) is None


def test_amplitude_is_in_units_of_the_pictures():
    noise = np.random.default_rng(0).normal(0, 0.05, (8, 64, 64, 3))
    assert symptoms.checkerboard(noise) < 0.01
    for amplitude in (0.05, 0.2):
        seen = symptoms.checkerboard(noise + pattern(2, amplitude))
        assert seen == pytest.approx(amplitude, rel=0.05)


@pytest.mark.parametrize(
    "kind,real,fake,verdict",
    [
        ("non_saturating", 0.49, 0.73, None),
        ("non_saturating", 0.02, 0.03, "wins"),
        ("non_saturating", 0.69, 4.0, "loses"),
        ("least_squares", 0.17, 0.16, None),
        ("least_squares", 0.004, 0.002, "wins"),
        ("least_squares", 0.4, 0.9, "loses"),
        ("hinge", 0.8, 0.9, None),
        ("hinge", 0.01, 0.0, "wins"),
        ("hinge", 1.0, 4.0, "loses"),
        ("wasserstein", -8.0, 2.0, None),
        ("wasserstein", -5.0, 5.05, None),
        ("wasserstein", -1.0, 3.0, "loses"),
        ("wasserstein", -5e4, 1e4, "runs away"),
        ("wasserstein", 0.0, 0.0, None),
    ],
)
def test_discriminators_by_their_loss(kind, real, fake, verdict):
    text = symptoms.one_sided(kind, real, fake)
    assert text is None if verdict is None else text.startswith(verdict)


def of_samples(outputs, reals):
    found = {
        name: tell(reals, outputs, reals)
        for name, tell, needed in symptoms.OF_IMAGES
        if needed != "input"
    }
    assert all("Try" in text for text in found.values() if text)
    return {name: text for name, text in found.items() if text}


def test_samples_like_the_real_images_are_healthy(faces):
    photo, anime, others = faces
    assert not of_samples(draw("photo", first=30), photo)
    assert not of_samples(anime, others)
    assert not of_samples(draw("sketch"), draw("sketch", first=12))
    # Paler and blurred, as of a generator that has learned little.
    blurred = photo.reshape(12, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    blurred = 0.7 * blurred.repeat(4, axis=1).repeat(4, axis=2)
    assert not of_samples(blurred, draw("photo", first=30))


def test_few_images_of_many_latents(faces):
    photo, _, _ = faces
    reals = draw("photo", first=30)
    for kept in (1, 3, 5):
        few = photo[np.arange(len(photo)) % kept]
        noise = np.random.default_rng(0).normal(0.0, 0.01, few.shape)
        (name, text), *others = of_samples(few + noise, reals).items()
        assert name == "few images" and not others
        assert "of what real images differ by (below 25%)" in text
    # Two that are alike are no collapse; nor real images of which all are.
    few = np.concatenate([photo[:10], photo[:2]])
    assert not of_samples(few, reals)
    same = reals[[0] * 6]
    assert symptoms.few(same, photo[[0] * 6], same) is None
    assert symptoms.few(reals, photo[[0] * 3], reals) is None


@pytest.mark.parametrize(
    "change,text",
    [
        (lambda photo: 0.1 * photo + 0.2, "outputs are blank"),
        (lambda photo: np.sign(photo), "outputs are saturated"),
        (
            lambda photo: np.stack(
                [photo[..., 0], *[photo[..., 1] * 0 + 0.9] * 2], -1
            ),
            "the mean of blue is",
        ),
    ],
)
def test_washed_out_samples(faces, change, text):
    photo, _, _ = faces
    reals = draw("photo", first=30)
    found = symptoms.washed_out(None, change(photo), reals)
    assert found.startswith(text)
    if "blue" not in text:  # A third of the images is enough.
        part = np.concatenate([change(photo[:4]), photo[4:]])
        assert symptoms.washed_out(None, part, reals).startswith(text)
    # What the real images are like is no fault.
    assert symptoms.washed_out(None, change(photo), change(reals)) is None


@pytest.mark.parametrize(
    "scores,drifts",
    [
        (lambda x: -x / 10, True),  # 200 and growing
        (lambda x: -((x / 100) ** 2), True),
        (lambda x: -x / 30, False),  # not far yet
        (lambda x: 150 * np.tanh(x / 300), False),  # far, and no longer growing
        (lambda x: -150 + 0 * x, False),
        (lambda x: 8 * np.sin(x), False),
        (lambda x: x[:1] + 500, False),  # of one row nothing is known
    ],
)
def test_a_critic_that_drifts(scores, drifts):
    noise = np.random.default_rng(0).normal(0.0, 2.0, 40)
    scores = scores(np.arange(0.0, 2000.0, 50.0))
    text = symptoms.drifting(scores + noise[: len(scores)])
    assert (text is not None) == drifts
    assert not drifts or text.startswith("drifts: ") and "Try" in text
