"""What `test_serving_memory` runs: it may end by a signal, and alone."""

import io
import json
import os
import struct
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans import export, images
from keras_gans.serving import decoding, encoded
from tests import serving_pictures as pictures
from tests.tiny import make_bare


def webp(count):
    """Decode WebP files whose flags, frames and sizes lie or do not."""
    rng = np.random.default_rng(0)
    decode = encoded.decoder(2**16, 1)
    found = {"ok": 0, "refused": 0, "wrong": []}
    for number in range(int(count)):
        content = _webp(rng)
        image, _, status = decode(tf.constant(content))
        image = tf.io.parse_tensor(image, tf.uint8).numpy()
        if status != decoding.OK:
            found["refused"] += 1
            assert image.size == 0
            continue
        found["ok"] += 1
        try:
            expected = images.read(content)
        except ValueError as error:
            found["wrong"].append([number, str(error)])
            continue
        if not np.array_equal(image, expected):
            found["wrong"].append([number, "other pixels"])
    return found


def _webp(rng):
    """Draw a WebP: one frame or several, then another header or damage."""
    height, width = rng.integers(1, 80, 2)
    mode = ("RGB", "RGBA")[rng.integers(0, 2)]
    count = rng.choice([1, 1, 2, 5])
    frames = [
        Image.fromarray(pictures.pixels(height, width, seed)).convert(mode)
        for seed in rng.integers(0, 1000, count)
    ]
    for frame in frames:
        if mode == "RGBA":
            frame.putalpha(int(rng.integers(0, 256)))
    stream = io.BytesIO()
    frames[0].save(
        stream,
        "WEBP",
        lossless=bool(rng.integers(0, 2)),
        save_all=count > 1,
        append_images=frames[1:],
        # Pads the file with a VP8X header where it would have none.
        icc_profile=b"profile" if rng.integers(0, 2) else None,
    )
    content = bytearray(stream.getvalue())
    if content[12:16] == b"VP8X":
        change = rng.integers(0, 5)
        if change == 1:  # one flag, or all
            content[20] ^= int(rng.choice([0x02, 0x10, 0x04, 0x08, 0x20, 0xFF]))
        elif change == 2:  # another size of the canvas
            place = 24 + 3 * int(rng.integers(0, 2))
            size = int(rng.choice([0, 1, 300, 2**24 - 1]))
            content[place : place + 3] = struct.pack("<I", size)[:3]
        elif change == 3:  # animated or not, as opaque
            content[20] = int(rng.choice([0, 0x02]))
    if rng.integers(0, 4) == 0:
        del content[int(rng.integers(1, len(content))) :]
    return bytes(content)


def threads(seconds):
    """Ask one export from sixteen threads for a while."""
    model = make_bare("cyclegan")
    size = model.image_size
    samples = np.stack([pictures.pixels(size, size)])
    with tempfile.TemporaryDirectory() as folder:
        served = tf.saved_model.load(export.export(model, folder, samples))
        return _ask(served.signatures["serving_default"], float(seconds))


def _ask(serve, seconds):
    good = [
        pictures.encode(pictures.pixels(20 + i, 30, seed=i), "PNG")
        for i in range(8)
    ]
    # An export takes more pixels than the tests of the decoder.
    bad = pictures.broken()
    del bad["webp bomb"]
    bad = [content for content, _ in bad.values()]
    expected = [
        serve(image_bytes=tf.constant([one]))["image_bytes"].numpy()[0]
        for one in good
    ]
    found = {"answers": 0, "wrong": 0}
    lock, end = threading.Lock(), time.monotonic() + seconds
    memory = []

    def work(seed):
        rng = np.random.default_rng(seed)
        while time.monotonic() < end:
            chosen = rng.integers(0, len(good), 3)
            batch = [good[i] for i in chosen] + [bad[rng.integers(0, len(bad))]]
            order = rng.permutation(4)
            answer = serve(image_bytes=tf.constant([batch[i] for i in order]))
            texts, statuses = answer["image_bytes"], answer["status"].numpy()
            for place, i in enumerate(order):
                want = expected[chosen[i]] if i < 3 else b""
                is_right = (statuses[place] == b"ok") == (i < 3)
                # Batches of other sizes may round a gray level otherwise.
                is_right &= _alike(texts[place].numpy(), want)
                with lock:
                    found["answers"] += 1
                    found["wrong"] += not is_right

    workers = [threading.Thread(target=work, args=[i]) for i in range(16)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        memory.append(_megabytes())
        time.sleep(0.05)
    for worker in workers:
        worker.join()
    early = max(memory[: len(memory) // 4 + 1])
    return found | {"megabytes_grown": max(memory) - early}


def _alike(content, expected):
    if not content or not expected:
        return content == expected
    one, other = (images.read(c).astype(int) for c in (content, expected))
    return one.shape == other.shape and np.abs(one - other).max() <= 1


def _megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
