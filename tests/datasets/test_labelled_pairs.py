"""Pairs whose targets have labels."""

import numpy as np
import pytest
from PIL import Image

from keras_gans import datasets, images
from keras_gans.faces import drawing
from keras_gans.faces.identities import FIRST_HELD_OUT
from keras_gans.labels import Labels
from keras_gans.verbs import Images, Verb
from keras_gans.verbs import Labels as LabelsInput

KIND = datasets.KINDS["labelled_pairs"]
VERB = Verb(
    "sketch_to_photo",
    None,
    {"images": Images(16), "labels": LabelsInput(Labels(["odd", "high"]))},
    *("a", "b"),
)


@pytest.fixture
def photos(tmp_path):
    """Eight images of their number, in a folder with a table of its bits."""
    rows = ["name,odd,high"]
    for i in range(8):
        image = Image.new("RGB", (40, 20), (20 * i, 9, 9))
        image.save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{i & 1},{i >> 2}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    return tmp_path


def opened(held_out=0, **flags):
    settings = datasets.FLAGS | flags
    KIND.resolve(settings)
    assert settings["labels"] == [["odd", "high"]]
    settings |= {"image_size": 16, "seed": 0, "batch_size": 3}
    data = KIND.open(settings, held_out, cache_bytes=0)
    data.prepare()
    assert data.recorded()["labels"] == [["odd", "high"]]
    return data


def numbers(batch):
    red = images.to_uint8(batch["images_b"]).numpy()[:, 0, 0, 0]
    return red // 20


def assert_fit(batch):
    found = numbers(batch)
    bits = np.stack([found & 1, found >> 2], axis=-1)
    np.testing.assert_array_equal(batch["labels"], bits)
    return {*found.tolist()}


@pytest.mark.parametrize("styles", [None, "edges,photocopy"])
def test_labels_are_those_of_the_targets(photos, styles):
    where = {"data_a": str(photos), "data_b": str(photos)}
    if styles:
        where = {"data": [str(photos)], "sketch_style": styles}
    data = opened(held_out=2, labels=["odd, high"], **where)
    held = assert_fit(data.held_out())
    (photos / "3.png").unlink()  # its labels go with it
    seen = set()
    for batch in data.batches().take(8):
        seen |= assert_fit(batch)
    assert seen == {*range(8)} - held - {3}
    (batch,) = data.batches(repeat=False)
    assert assert_fit(batch) == held
    case = data.cases([VERB], 9)[VERB.name]
    assert case.is_paired and not case.back
    pixels = np.array([case.reals.read(i)[0, 0, 0] for i in range(2)])
    odd = case.inputs["labels"][:, 0]
    np.testing.assert_array_equal(odd, pixels // 20 & 1)


def test_halves_have_the_table_of_their_folder(photos):
    data = opened(data=[str(photos)], labels=["odd,high"], direction="b_to_a")
    assert data.sides["data_b"].labels.sum() == 8


def test_labels_of_drawn_faces_are_those_of_their_identities():
    names = ["Male", "Smiling"]
    settings = datasets.FLAGS | {
        "data_a": "faces:sketch@40",
        "data_b": "faces:photo@40",
        "labels": [",".join(names)],
    }
    KIND.resolve(settings)
    data = KIND.open(settings | {"image_size": 16, "seed": 0})
    columns = [drawing.ATTRIBUTES.index(name) for name in names]

    def truth(first, count):
        faces = range(first, first + count)
        return drawing.attribute_table(faces, 0)[:, columns]

    np.testing.assert_array_equal(data.sides["data_b"].labels, truth(0, 40))
    case = data.cases([VERB], 3)[VERB.name]
    np.testing.assert_array_equal(
        case.inputs["labels"], truth(FIRST_HELD_OUT, 3)
    )


def test_a_pair_without_labels_is_skipped(photos, caplog):
    text = (photos / "table.csv").read_text()
    (photos / "table.csv").write_text(text.replace("7.png,1,1", ""))
    folder = str(photos)
    data = opened(labels=["odd, high"], data_a=folder, data_b=folder)
    assert [len(side) for side in data.sides.values()] == [7, 7]
    assert "7.png" in caplog.text


def test_images_in_memory_are_paired_in_order():
    pixels = np.zeros((6, 12, 12, 3), np.uint8)
    labelled = datasets.open_labelled((pixels, [0, 1] * 3), None, 12)
    a, b = datasets.open_pair(pixels, labelled, 12)
    assert len(a) == len(b) == 6
