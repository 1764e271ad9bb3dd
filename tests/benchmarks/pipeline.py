"""Images a second out of folders of JPEG files: two tables, by command.

    python -m tests.benchmarks.pipeline

First decoding and augmentation alone, beside a PyTorch DataLoader with two
workers that scales, cuts and mirrors likewise; then what our pipeline adds to
training steps. Needs the extra `bench`.
"""

import argparse
import itertools
import pathlib
import statistics
import tempfile
import time
from functools import partial

import numpy as np
from PIL import Image

SIZES = (64, 128, 256)
BATCH = 16
WORKERS = 2


def draw(folder, size, count):
    """Write drawn faces, a quarter larger than what is cut, as JPEG files."""
    from keras_gans import datasets

    folder = pathlib.Path(folder)
    folder.mkdir()
    side = size * 5 // 4
    faces = datasets.open_source("faces:photo", side, face_indices=range(count))
    for index in range(count):
        picture = Image.fromarray(faces.load(index))
        picture.save(folder / f"{index:05d}.jpg", quality=90)


def pictures_a_second(open_batches, count):
    """Return the rate over the first `count` images, and over as many after.

    The first includes opening, in which ours decodes what memory can keep.
    """
    rates = []
    steps = -(-count // BATCH)
    start = time.perf_counter()
    batches = open_batches()
    for _ in range(2):
        for _ in itertools.islice(batches, steps):
            pass
        rates.append(steps * BATCH / (time.perf_counter() - start))
        start = time.perf_counter()
    return rates


def ours(folder, size, cache_bytes):
    from keras_gans import datasets

    load_size = datasets.default_load_size(size)
    side = datasets.open_source(folder, load_size, cache_bytes=cache_bytes)
    # One folder as both sides: a batch has BATCH of its images.
    return iter(datasets.unpaired(side, side, size, BATCH // 2))


class _Folder:
    """What a DataLoader reads; at module level, for its worker processes."""

    def __init__(self, folder, size):
        from keras_gans import datasets

        self.paths = sorted(pathlib.Path(folder).iterdir())
        self.size = size
        self.load_size = datasets.default_load_size(size)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        import torch

        with Image.open(self.paths[index]) as image:
            image = image.convert("RGB")
        sides = (self.load_size, self.load_size)
        picture = np.asarray(image.resize(sides, Image.BICUBIC))
        x, y, mirrored = (
            int(torch.randint(end, ()))
            for end in (*[self.load_size - self.size + 1] * 2, 2)
        )
        picture = picture[y : y + self.size, x : x + self.size]
        if mirrored:
            picture = picture[:, ::-1]
        picture = np.ascontiguousarray(picture.transpose(2, 0, 1))
        return torch.from_numpy(picture).float() / 127.5 - 1


def pytorch(folder, size):
    from torch.utils.data import DataLoader

    loader = DataLoader(
        _Folder(folder, size),
        BATCH,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    return itertools.chain.from_iterable(itertools.repeat(loader))


def alone(count):
    print(
        "| JPEG, px | what | images a second, first pass | second pass | "
        "second beside PyTorch |"
    )
    print("| --- |" + " --- |" * 4)
    with tempfile.TemporaryDirectory() as root:
        for size in SIZES:
            folder = pathlib.Path(root) / str(size)
            draw(folder, size, count)
            peers = {
                "PyTorch DataLoader": partial(pytorch, folder, size),
                "ours": partial(ours, folder, size, 1 << 30),
                "ours, nothing kept": partial(ours, folder, size, 0),
            }
            rates = {
                what: pictures_a_second(peer, count)
                for what, peer in peers.items()
            }
            peer = rates["PyTorch DataLoader"][1]
            for what, (first, second) in rates.items():
                print(
                    f"| {size} | {what} | {first:.0f} | {second:.0f} | "
                    f"{second / peer:.1f} |",
                    flush=True,
                )


def in_steps(count, steps, rounds=5):
    """Compare steps on the pipeline with steps on one batch, in turns."""
    import tensorflow as tf

    from keras_gans import CycleGAN, datasets

    print(
        "| step | on one batch, s | on the pipeline, s | share | "
        "nothing kept, s | share |"
    )
    print("| --- |" + " --- |" * 5)
    for name, arguments, size, batch_size in (
        ("article, 64 px, batch 64", {}, 64, 64),
        (
            "resnet, 6 blocks, 128 px, batch 1",
            {"architecture": "resnet", "num_residual_blocks": 6},
            128,
            1,
        ),
    ):
        model = CycleGAN(image_size=size, **arguments)
        model.compile()
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root) / "pictures"
            draw(folder, size, count)
            open_pipeline = partial(
                datasets.unpaired, folder, folder, size, batch_size
            )
            pipeline = open_pipeline()
            one = tf.data.Dataset.from_tensors(next(iter(pipeline))).repeat()
            sources = {
                "one batch": one.with_options(pipeline.options()),
                "pipeline": pipeline,
                "nothing kept": open_pipeline(cache_bytes=0),
            }
            taken = {source: [] for source in sources}
            for turn in range(rounds + 1):
                for source, dataset in sources.items():
                    start = time.perf_counter()
                    model.fit(
                        dataset,
                        steps_per_epoch=steps,
                        verbose=0,
                        shuffle=False,
                    )
                    if turn:  # the first warms up
                        seconds = (time.perf_counter() - start) / steps
                        taken[source].append(seconds)
        medians = {k: statistics.median(v) for k, v in taken.items()}
        row = f"| {name} | {medians['one batch']:.3f} |"
        for source in ("pipeline", "nothing kept"):
            share = 1 - medians["one batch"] / medians[source]
            row += f" {medians[source]:.3f} | {100 * share:.1f} % |"
        print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=800, help="JPEG files")
    parser.add_argument("--steps", type=int, default=8, help="in a turn")
    arguments = parser.parse_args()
    alone(arguments.count)
    in_steps(arguments.count, arguments.steps)


if __name__ == "__main__":
    main()
