"""The labels of samples, on generators and a judge that we know."""

import numpy as np
import pytest

from keras_gans import datasets, images, labels
from keras_gans.evaluation import measure as measure_verbs
from keras_gans.evaluation import translators
from keras_gans.faces import drawing, samples, truth
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.training.noise import NoiseModel
from keras_gans.verbs import Images, Latents, Verb
from tests.metrics import tiny

COUNT = 60  # not a multiple of a batch
NAMES = list(drawing.ATTRIBUTES)
ASKED = ["Blond_Hair", "Black_Hair", "Male", "Eyeglasses"]
TRUTH = drawing.attribute_table(
    range(FIRST_HELD_OUT, FIRST_HELD_OUT + 2 * COUNT)
)


class World:
    """Draws faces, and knows the labels of every face that it drew."""

    def __init__(self):
        self.known = {}
        self.latents = []
        # What the measure draws itself.
        self.draw(range(FIRST_HELD_OUT + COUNT, FIRST_HELD_OUT + 2 * COUNT))

    def draw(self, indices, changes=None):
        faces = []
        for index, change in zip(
            indices, changes or [{}] * len(indices), strict=True
        ):
            face = drawing.draw(index, "photo", changes=change)
            found = drawing.attributes(index, changes=change)
            self.known[face.tobytes()] = [*found.values()]
            faces.append(face)
        return images.to_float(np.stack(faces))

    def train(self, size, style):
        assert (size, style) == (64, "photo")

        def classifier(pictures, training):
            assert training is False
            pixels = images.to_uint8(pictures).numpy()
            return np.stack(
                [np.array(self.known[p.tobytes()]) - 0.5 for p in pixels]
            )

        return classifier

    def obey(self, latents, labels):
        """Draw new faces with the labels that are asked for."""
        first = 3000 + len(self.latents)
        self.latents.extend(latents)
        changes = []
        for row in labels:
            change = dict(zip(ASKED, map(int, row), strict=True))
            colors = {n: change.pop(n) for n in ASKED[:2]}
            hair = [n for n, value in colors.items() if value]
            changes.append(change | {(hair or ["Brown_Hair"])[0]: 1})
        return self.draw(range(first, first + len(labels)), changes)

    def ignore(self, latents, labels):
        """Draw new faces, whatever is asked for."""
        first = 3000 + len(self.latents)
        self.latents.extend(latents)
        return self.draw(range(first, first + len(labels)))

    def repeat(self, latents):
        """Draw the held-out identities themselves."""
        first = FIRST_HELD_OUT + len(self.latents)
        self.latents.extend(latents)
        return self.draw(range(first, first + len(latents)))


@pytest.fixture(scope="module")
def world():
    return World()


class Model(NoiseModel):
    """Gives the images that a function draws."""

    latent_dim = 4

    def __init__(self, draw, names):
        super().__init__()
        self._draw_images = draw
        if names:
            self.label_table = labels.Labels(names)

    def _generated(self, latents, vectors, training=False):
        rows = () if vectors is None else (vectors.numpy(),)
        return self._draw_images(latents, *rows)


def measure(world, draw, names=()):
    world.latents.clear()
    (verb,) = Model(draw, names).verbs()
    found = samples.measure(verb, "photo", COUNT, train=world.train)
    np.testing.assert_array_equal(world.latents, Latents(4).draw(COUNT, 0))
    return found


def test_a_model_that_obeys_scores_like_real_images(world):
    found = measure(world, world.obey, ASKED)
    assert [*found["asked"]] == ASKED
    for row in found["asked"].values():
        assert row["samples"] == row["real images"] == 1.0
        assert row["chance"] < 0.8
    apart = found["total variation"]
    assert apart["Male"]["samples"] == apart["Eyeglasses"]["samples"] == 0.0
    assert apart["Black_Hair, Blond_Hair, Brown_Hair"]["samples"] == 0.0


def test_a_model_that_ignores_labels_scores_like_chance(world):
    found = measure(world, world.ignore, ASKED)
    rows = found["asked"].values()
    assert all(row["real images"] == 1.0 for row in rows)
    scores, chance = (
        np.array([row[key] for row in rows]) for key in ("samples", "chance")
    )
    # Within three standard deviations of 60 throws of a coin.
    assert np.abs(scores - chance).max() < 0.2
    assert abs(scores.mean() - chance.mean()) < 0.1


def test_shares_of_a_model_without_labels(world):
    found = measure(world, world.repeat)
    assert "asked" not in found and found["count"] == COUNT
    for name, share, other in zip(
        NAMES, TRUTH[:COUNT].mean(0), TRUTH[COUNT:].mean(0), strict=True
    ):
        expected = {"true": share, "samples": share, "real images": other}
        assert found["shares"][name] == pytest.approx(expected)
    apart = found["total variation"]
    assert {row["samples"] for row in apart.values()} == {0.0}
    # By hand: half the sum over the colors of hair, and of a label alone.
    off = np.abs(TRUTH[:COUNT].mean(0) - TRUTH[COUNT:].mean(0))
    (hair, *others) = apart
    assert hair.split(", ") == NAMES[:3] and others == [*NAMES[3:], "mean"]
    assert apart[hair]["real images"] == pytest.approx(off[:3].sum() / 2)
    assert apart["Male"]["real images"] == pytest.approx(off[3])
    mean = np.mean([off[:3].sum() / 2, *off[3:]])
    assert apart["mean"]["real images"] == pytest.approx(mean)


def test_one_image_for_all_is_far_away(world):
    def same(latents):
        world.latents.extend(latents)
        return world.draw([3000] * len(latents))

    found = measure(world, same)
    (color,) = [n for n in NAMES[:3] if drawing.attributes(3000)[n]]
    share = TRUTH[:COUNT, NAMES.index(color)].mean()
    apart = found["total variation"][", ".join(NAMES[:3])]
    assert apart["samples"] == pytest.approx(1.0 - share)


def test_of_an_exclusive_group_one_label_is_seen():
    logits = np.full((2, len(NAMES)), -1.0)
    logits[0, :3], logits[1, :3] = [2.0, 3.0, 1.0], [-4.0, -5.0, -6.0]

    def classifier(pictures, training):
        return logits

    seen = samples._seen(classifier, [np.zeros((2, 8, 8, 3), np.uint8)], 8)
    np.testing.assert_array_equal(seen[:, :3], [[0, 1, 0], [1, 0, 0]])
    assert not seen[:, 3:].any()


def test_large_images_are_classified_small():
    asked = []

    def train(size, style):
        def classifier(pictures, training):
            asked.append((size, style, pictures.shape))
            return np.zeros((len(pictures), len(NAMES)))

        return classifier

    def draw(latents):
        return np.zeros((len(latents), 128, 128, 3), "float32")

    (verb,) = Model(draw, ()).verbs()
    samples.measure(verb, "sketch", 2, train=train)
    assert asked == [(64, "sketch", (2, 64, 64, 3))] * 2


def test_table(world):
    found = measure(world, world.obey, ASKED)
    results = {"generate": found, "other": found | {"asked": {}}}
    lines = truth.table(results).splitlines()
    assert len(lines) == 2 + 2 * (len(NAMES) + 1)
    assert {line.count("|") for line in lines} == {10}
    assert lines[0].endswith("| by chance |")
    cells = [cell.strip() for cell in lines[2 + NAMES.index("Male")].split("|")]
    share = f"{TRUTH[:COUNT, 3].mean():.1%}"
    assert cells[1:4] == ["generate", "Male", share] and cells[5] == share
    assert cells[6].startswith("0.000 (") and cells[7:9] == ["100.0%"] * 2
    assert lines[12].startswith("| generate | mean |")
    assert lines[12].count("100.0%") == 2
    del found["asked"]
    lines = truth.table({"generate": found}).splitlines()
    assert {line.count("|") for line in lines} == {7}


def test_only_samples_of_drawn_faces_are_measured(monkeypatch):
    asked = []

    def record(verb, *args, **options):
        asked.append((verb.name, *args, options))
        return "measured"

    monkeypatch.setattr(samples, "measure", record)
    verb = Verb("generate", None, {"latents": Latents(4)})
    array = np.zeros((2, 8, 8, 3), np.uint8)
    settings = {"image_size": 64, "seed": 3}
    for kind, data, expected in (
        ("single", ["faces:anime"], {"generate": "measured"}),
        ("single", [array], {}),
        ("labelled", ["faces:photo"], {"generate": "measured"}),
        ("labelled", ["faces:photo", "faces:photo"], {}),
    ):
        opened = datasets.KINDS[kind].open(settings | {"data": data})
        assert truth.of_verbs([verb], opened, "train") == expected
    options = {"seed": 3, "train": "train"}
    # Labelled faces are not cropped.
    assert asked == [
        ("generate", "anime", options),
        ("generate", "photo", options),
    ]


def test_what_has_images_is_none_of_it(monkeypatch):
    monkeypatch.setattr(samples, "measure", None)
    verb = Verb("paint", None, {"images": Images(64)})
    settings = {"image_size": 64, "seed": 0, "data": ["faces:photo"]}
    data = datasets.KINDS["single"].open(settings)
    assert truth.of_verbs([verb], data) == {}


def test_a_case_has_latents_and_labels_for_each_real_image():
    given = []

    def draw(latents, labels):
        given.append((latents, labels))
        return np.zeros((len(latents), 64, 64, 3), "float32")

    model = Model(draw, ASKED)
    settings = {"data": ["faces:photo"], "image_size": 64, "seed": 0}
    data = datasets.KINDS["labelled"].open(settings | {"labels": [ASKED]})
    found = data.cases(model.verbs(), 5)
    evaluator = measure_verbs.Evaluator(found, ["kid"], tiny.extractor())
    result = evaluator(translators.of_model(model))["generate"]["kid"]
    assert result["error"] is None and result["protocol"]["fake_count"] == 5
    ((latents, asked),) = given
    np.testing.assert_array_equal(latents, Latents(4).draw(5, 0))
    columns = [NAMES.index(name) for name in ASKED]
    # Shares are those of the real images.
    np.testing.assert_array_equal(
        np.sort(asked, axis=0), np.sort(TRUTH[:5, columns], axis=0)
    )
