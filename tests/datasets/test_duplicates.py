"""Near-identical images are found, and different ones are not."""

import io

import numpy as np
from PIL import Image

from keras_gans import images
from keras_gans.faces import drawing
from keras_gans.inspection import duplicates


def groups(pictures):
    hashes, small = zip(*map(duplicates.fingerprint, pictures), strict=True)
    return duplicates.groups(hashes, small)


def recompressed(picture, quality=60, scale=1.0):
    file = io.BytesIO()
    size = round(picture.shape[0] * scale)
    image = Image.fromarray(picture).resize((size, size), 3)
    image.save(file, "JPEG", quality=quality)
    return images.read(file.getvalue(), size=picture.shape[0])


def test_recompressed_and_scaled_copies_of_faces():
    for style in drawing.STYLES:
        faces = list(drawing.draw_many(range(40), style, 72))
        assert groups(faces) == []
        copies = [recompressed(face) for face in faces[:10]]
        copies += [recompressed(face, 75, 1.5) for face in faces[:10]]
        expected = [[i, 40 + i, 50 + i] for i in range(10)]
        assert groups(faces + copies) == expected


def test_the_same_shape_at_other_brightness_is_another_picture():
    face = drawing.draw(0, "photo", 72)
    assert groups([face, face // 2]) == []


def test_every_pair_within_four_bits_is_found():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 2000, np.uint64)
    small = rng.integers(0, 256, (2000, 16, 16), np.uint8)
    for i in range(0, 2000, 2):
        small[i + 1] = small[i]
        bits = rng.choice(64, 4 if i < 1000 else 5, replace=False)
        turned = np.uint64(sum(1 << bit for bit in bits.tolist()))
        hashes[i + 1] = hashes[i] ^ turned
    assert duplicates.groups(hashes, small) == [
        [i, i + 1] for i in range(0, 1000, 2)
    ]


def test_many_copies_and_none():
    assert duplicates.groups([], []) == []
    hashes = np.full(3000, 5, np.uint64)
    small = np.zeros((3000, 16, 16), np.uint8)
    assert duplicates.groups(hashes[:1], small[:1]) == []
    assert duplicates.groups(hashes, small) == [list(range(3000))]
