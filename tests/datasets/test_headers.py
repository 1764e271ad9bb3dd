"""Headers of all images of a folder, in the order of their names."""

import os

import pytest
from PIL import Image

from keras_gans import images
from keras_gans.datasets import headers


def test_headers_and_reasons_in_the_order_of_names(tmp_path):
    for i in range(5):
        Image.new("RGB", (10 + i, 20)).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"text")
    names = [*(f"{i}.png" for i in range(5)), "broken.png", "gone.png"]
    found = headers.read(tmp_path, names)
    assert [header.width for header in found[:5]] == [10, 11, 12, 13, 14]
    assert found[0] == images.Header("PNG", "RGB", 10, 20)
    assert "broken.png: is not a JPEG" in found[5]
    assert found[6] == "gone.png: cannot be opened (No such file or directory)"


def test_names_that_are_no_text(tmp_path):
    name = os.fsdecode(b"\xff \xe4\xb8\x80.png")
    try:
        Image.new("RGB", (3, 4)).save(tmp_path / name)
    except OSError:
        pytest.skip("the file system takes only names that are text")
    (header,) = headers.read(tmp_path, [name])
    assert header.width == 3
