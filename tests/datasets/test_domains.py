"""Batches of two out of many domains."""

import collections
import itertools

import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets, verbs
from keras_gans.checks import UserError

COUNTS = {"spring": 7, "summer": 5, "autumn": 9, "winter": 6}


@pytest.fixture
def seasons(tmp_path, monkeypatch):
    """A folder for each domain; an image's color is its domain and number."""
    monkeypatch.chdir(tmp_path)
    for domain, (name, count) in enumerate(COUNTS.items()):
        folder = tmp_path / "seasons" / name
        folder.mkdir(parents=True)
        for number in range(count):
            color = 40 * domain, number, 0
            Image.new("RGB", (16, 16), color).save(folder / f"{number}.png")
    return tmp_path / "seasons"


def sides(folder):
    return {name: str(folder / name) for name in COUNTS}


def make(folder, **options):
    options = {"image_size": 8, "batch_size": 2, "load_size": 8, **options}
    return datasets.domains(sides(folder), **options)


def colors(images):
    """Return the domain and the number that images show."""
    pixels = np.rint((np.asarray(images)[:, 0, 0] + 1) * 127.5).astype(int)
    return pixels[:, 0] // 40, pixels[:, 1]


def test_pairs_and_images_are_used_equally_often(seasons):
    pairs, seen = [], collections.defaultdict(list)
    for batch in make(seasons).take(4 * 6):
        pair = []
        for side in "ab":
            domains, numbers = colors(batch[f"images_{side}"])
            vectors = batch[f"domain_{side}"].numpy()
            np.testing.assert_array_equal(vectors, np.eye(4)[domains])
            assert domains[0] == domains[1]
            seen[domains[0]] += [*numbers]
            pair.append(domains[0])
        pairs.append(tuple(pair))
    every = [*itertools.combinations(range(4), 2)]
    blocks = [pairs[first : first + 6] for first in range(0, 24, 6)]
    assert all(sorted(block) == every for block in blocks)
    assert len({*map(tuple, blocks)}) > 1
    for domain, count in enumerate(COUNTS.values()):
        numbers = seen[domain]
        assert len(numbers) == 4 * 3 * 2
        for first in range(0, 24 // count * count, count):
            assert sorted(numbers[first : first + count]) == [*range(count)]


def test_a_batch_is_a_function_of_seed_and_position(seasons):
    whole = [*make(seasons).take(11)]
    for one, two in zip(whole[8:], make(seasons, start=8), strict=False):
        for key, array in one.items():
            np.testing.assert_array_equal(array, two[key])
    (other,) = make(seasons, seed=1).take(1)
    assert any(np.any(other[k] != array) for k, array in whole[0].items())


def test_two_domains_are_both_in_every_batch(seasons):
    pair = dict(itertools.islice(sides(seasons).items(), 2))
    for batch in datasets.domains(pair, 8, 2, load_size=8).take(3):
        for domain, side in enumerate("ab"):
            assert {*colors(batch[f"images_{side}"])[0]} == {domain}


def test_one_pass_has_every_image(seasons):
    seen = collections.defaultdict(set)
    rows = 0
    for batch in make(seasons, repeat=False):
        rows += len(batch["domain_a"])
        for side in "ab":
            domains, numbers = colors(batch[f"images_{side}"])
            seen[domains[0]] |= {*numbers}
    assert rows == 7 + 9 + 9 + 7  # the larger of neighbors
    assert [len(seen[i]) for i in range(4)] == [*COUNTS.values()]


def opened(data, **settings):
    settings = {"data": data, "image_size": 8, "seed": 0, **settings}
    return datasets.KINDS["domains"].open(settings, held_out=1)


def test_held_out_images_are_of_every_domain(seasons):
    data = opened([*sides(seasons).values()], batch_size=2)
    assert data.steps_of(3) == 3 * 4  # passes through the largest
    batch = data.held_out()
    domains, numbers = colors(batch["images_a"])
    assert [*domains] == [0, 1, 2, 3]
    np.testing.assert_array_equal(batch["domain_a"], np.eye(4))
    np.testing.assert_array_equal(batch["domain_b"], np.eye(4)[[1, 2, 3, 0]])
    assert [*colors(batch["images_b"])[0]] == [1, 2, 3, 0]
    for trained in data.batches().take(6):
        found = zip(*colors(trained["images_a"]), strict=True)
        assert not {*found} & {*zip(domains, numbers, strict=True)}


def test_cases_are_by_name(seasons):
    data = opened(["warm=seasons/summer", "seasons/winter"])
    inputs = {"images": verbs.Images(8)}
    wanted = [
        verbs.Verb(f"{source}_to_{target}", None, inputs, source, target)
        for source, target in (("warm", "winter"), ("winter", "spring"))
    ]
    (case,) = data.cases(wanted, 4).values()
    assert not case.is_paired
    assert "summer" in case.images.description
    drawn = opened(["faces:photo@9", "faces:sketch@9"])
    verb = verbs.Verb("x", None, inputs, "sketch", "photo")
    assert drawn.cases([verb], 2)["x"].is_paired


def resolved(*data):
    settings = datasets.FLAGS | {"data": [*data]}
    kind = datasets.KINDS["domains"]
    kind.resolve(settings)
    return settings["data"], kind.model_arguments(settings)["domains"]


def test_names_of_domains(seasons):
    data, names = resolved("seasons")
    assert names == sorted(COUNTS) and data[0] == "seasons/autumn"
    assert resolved("a=seasons/summer", "seasons/winter/")[1] == ["a", "winter"]
    assert resolved("faces:photo@5", "x=tfds:mnist@train")[1] == ["photo", "x"]
    (seasons / "a=b").mkdir()
    assert resolved("x=seasons/a=b", "seasons/winter")[1] == ["x", "winter"]
    # As a Mac stores an accent, and vowels that are marks.
    names = resolved("e\u0301te\u0301=seasons", "हिंदी=seasons/winter")[1]
    assert names == ["\u00e9t\u00e9", "हिंदी"]
    for name in ("train0", "train1", "test0"):
        (seasons / "published" / name).mkdir(parents=True)
    with pytest.raises(UserError, match="not for training and test images"):
        resolved("seasons/published")
    for name in ("cars", "trains", "training"):
        (seasons / "vehicles" / name).mkdir(parents=True)
    assert resolved("seasons/vehicles")[1] == ["cars", "training", "trains"]


@pytest.mark.parametrize(
    "data,message",
    [
        (["seasons/summer"], "data must be given for each domain.*summer"),
        (["nowhere"], "data must be a folder that exists.*'nowhere'"),
        (["x=seasons"], "data must be given for each domain.*x=seasons"),
        (["faces:photo"], "data must be given for each domain.*faces:photo"),
        (["a=faces:photo", "a=faces:anime"], "domains of different names.*a="),
        (
            ["a=seasons", "b=./seasons/"],
            "different images.*'./seasons/' for a",
        ),
        (["a=faces:photo", "b=faces:photo"], "different images"),
        (["../..", "seasons"], "names of letters.*'..'"),
        (["=seasons", "seasons"], "names of letters.*''"),
        (["seasons/a=b", "seasons"], "names of letters.*'a=b'"),
    ],
)
def test_what_names_no_domains(seasons, data, message):
    with pytest.raises(UserError, match=message):
        resolved(*data)


def test_a_domain_of_one_image(seasons):
    with pytest.raises(UserError, match="two images or more.*one in x"):
        opened(["seasons/summer", "x=faces:photo@1"])
    with pytest.raises(UserError, match="two images or more.*one in x"):
        datasets.domains({"x": "faces:photo@1", "y": "faces:anime@3"}, 8)
    with pytest.raises(UserError, match="two domains or more.*y"):
        datasets.domains({"y": "faces:anime@3"}, 8)
