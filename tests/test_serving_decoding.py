"""Decoding in a graph: the pixels of `images.read`, or a reason, always."""

import json
import multiprocessing
import pathlib
import random
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import images
from keras_gans.serving import decoding, encoded, headers
from tests import serving_pictures as pictures

LIMIT = 10_000
# TensorFlow cuts off what is below a level in colors of ink, Pillow rounds.
TOLERANCE = {"jpeg cmyk": 1, "jpeg ycck": 1}
WHOLE, BROKEN = pictures.whole(), pictures.broken()


def decode(named):
    """Decode images by name, in a graph, as they are served."""
    function = encoded.decoder(LIMIT, 1)
    results = {}
    for name, image_bytes in named.items():
        image, _, status = function(image_bytes)
        image = tf.io.parse_tensor(image, tf.uint8).numpy()
        results[name] = image, status.numpy().decode()
    return results


@pytest.fixture(scope="module")
def decoded():
    # Together: between tests the seeds are set, for which TensorFlow drops
    # the graphs that it has prepared.
    broken = {name: image_bytes for name, (image_bytes, _) in BROKEN.items()}
    return decode(WHOLE | broken)


# Pillow looks for the resolution there, too.
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("name", WHOLE)
def test_pixels_are_those_of_images_read(name, decoded):
    image, status = decoded[name]
    assert status == decoding.OK
    expected = images.read(WHOLE[name])
    assert image.shape == expected.shape
    difference = np.abs(image.astype(int) - expected)
    assert difference.max() <= TOLERANCE.get(name.split(",")[0], 0)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_image_has_a_reason(name, decoded):
    image, status = decoded[name]
    assert BROKEN[name][1] in status
    assert image.shape == (0, 0, 3)


def test_every_level_and_opacity():
    levels = np.stack(np.meshgrid(*[np.arange(256)] * 2), -1).astype("uint8")
    png = pictures.encode(levels[..., [0, 0, 0, 1]], "PNG")
    image, status = decoding.decode(png, 256 * 256)
    assert status == decoding.OK
    np.testing.assert_array_equal(image, images.read(png))


def test_sides_count_as_rounded_up():
    # Of a network that halves six times, 61 x 47 pixels take 64 x 64.
    png = WHOLE["png rgb 8"]
    for limit, is_read in ((64 * 64, True), (64 * 64 - 1, False)):
        _, status = decoding.decode(png, limit, multiple=64)
        assert (status == decoding.OK) == is_read
    assert b"multiples of 64. Received: 61 x 47 pixels" in status.numpy()


def test_texts_are_not_unpacked():
    """Hundreds of them, some bytes each, would unpack to gigabytes."""
    texts = [pictures.chunk(b"zTXt", b"name"), pictures.chunk(b"iCCP")]
    png = pictures.png(3, 8, [*texts, *pictures.palette(8, clear=9)], texts)
    content = headers.read(png).content.numpy()
    assert content == pictures.png(3, 8, pictures.palette(8, clear=9))


def test_damaged_orientation_is_the_same_in_both():
    function = tf.function(headers.orientation, [tf.TensorSpec([], tf.string)])
    rng = np.random.default_rng(0)
    found = []
    for _ in range(500):
        order = "<>"[rng.integers(2)]
        entries = pictures.exif(int(rng.integers(9)), order)
        entries = b"Exif\0\0" * int(rng.integers(3)) + entries
        if rng.random() < 0.7:
            entries = pictures.mutate(rng, entries, [entries])
        found.append(images.orientation(entries))
        assert function(entries) == found[-1], entries
    assert set(found) == set(range(1, 9))


def run_alone(target, *arguments):
    """Run a function of this module in a process, which must live."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize(
    "count", [300, pytest.param(6_000, marks=pytest.mark.slow)]
)
def test_hostile_images_never_end_the_process(count):
    run_alone(decode_hostile, count)


def decode_hostile(count):
    """Decode what chance makes, and hold it against what Pillow sees."""
    rng = np.random.default_rng(0)
    whole = list(WHOLE.values())
    answered = lenient = 0
    for i in range(count):
        if i % 2:
            image_bytes = pictures.any_webp(rng)
        else:
            some = whole[rng.integers(len(whole))]
            image_bytes = pictures.mutate(rng, some, whole)
        ((image, status),) = decode({"": image_bytes}).values()
        assert (status == decoding.OK) == bool(image.size)
        try:
            expected = images.read(image_bytes)
        except images.UserError:
            # Some with whole pixels beside damaged metadata.
            lenient += status == decoding.OK
            continue
        if status == decoding.OK:
            answered += 1
            assert image.shape == expected.shape
            assert np.abs(image.astype(int) - expected).max() <= 1
    assert answered > 0.05 * count
    assert lenient <= 0.02 * count


_LEAST = 100  # images that the threads ask for together


@pytest.mark.parametrize(
    "seconds", [2, pytest.param(60, marks=pytest.mark.slow)]
)
def test_threads_get_their_own_images(seconds, tmp_path, exported_cyclegan):
    report = tmp_path / "report.json"
    run_alone(serve_threads, seconds, str(exported_cyclegan), str(report))
    report = json.loads(report.read_text())
    assert report["images"] > _LEAST and not report["wrong"]
    # Half of the time warms up what sixteen threads allocate.
    assert report["end_mb"] < report["warm_mb"] + 100


def serve_threads(seconds, version, report):
    """Ask an export from sixteen threads at once; write what came of it."""
    served = tf.saved_model.load(version).signatures["serving_default"]

    def ask(batch):
        outputs = served(image_bytes=tf.constant(batch))
        texts = outputs["image_bytes"].numpy()
        return [images.read(text) if text else None for text in texts]

    mixed = [
        pictures.encode(pictures.pixels(40 + i, 50, seed=i), kind)
        for i, kind in enumerate(["JPEG", "PNG", "WEBP"] * 4)
    ]
    mixed += [image_bytes for image_bytes, _ in BROKEN.values()]
    # Each alone, and nobody else at the same time.
    mixed = [(image_bytes, *ask([image_bytes])) for image_bytes in mixed]
    counts, wrong = [0] * 16, []
    end = time.monotonic() + seconds

    def work(thread):
        rng = random.Random(thread)
        # A slow machine takes longer for as many.
        while not wrong and (time.monotonic() < end or sum(counts) <= _LEAST):
            asked = rng.choices(mixed, k=rng.randint(1, 6))
            answers = ask([image_bytes for image_bytes, _ in asked])
            for (_, expected), answer in zip(asked, answers, strict=True):
                if (expected is None) != (answer is None) or (
                    expected is not None
                    and np.abs(answer.astype(int) - expected).max() > 1
                ):
                    wrong.append(thread)
            counts[thread] += len(asked)

    def resident():
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 // 2**20

    threads = [threading.Thread(target=work, args=[i]) for i in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 2)
    warm = resident()
    for thread in threads:
        thread.join()
    results = {"images": sum(counts), "wrong": wrong, "threads": min(counts)}
    results |= {"warm_mb": warm, "end_mb": resident()}
    pathlib.Path(report).write_text(json.dumps(results))
