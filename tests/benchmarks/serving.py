"""Speed and memory of what is served: tables, by command.

    python -m tests.benchmarks.serving speed
    python -m tests.benchmarks.serving encoded
    python -m tests.benchmarks.serving tile

`speed`: a SavedModel beside the live Keras model and, if torch can be
imported, beside an equal PyTorch module, in turns in one process. `encoded`:
PNG in and out beside tensors, at 256 pixels. `tile`: 4,000 x 3,000 pixels
through `keras_gans.translate --tile`, in a process of its own.
"""

import argparse
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial

import numpy as np

# Name -> registered model and arguments; the sizes that they are trained at.
MODELS = {
    "article": ("cyclegan", {}),
    "resnet": ("cyclegan", {"architecture": "resnet"}),
    "pix2pix": ("pix2pix", {}),
    "stargan": ("stargan", {"labels": ["Black_Hair", "Blond_Hair", "Male"]}),
}


def make(name):
    """Return the model and its first verb."""
    import keras

    from keras_gans import registry

    keras.utils.set_random_seed(0)
    registered, arguments = MODELS[name]
    model = registry.get(registered)(**arguments)
    return model, model.verbs()[0]


def pictures(batch, side):
    return np.random.default_rng(0).integers(
        0, 256, (batch, side, side, 3), dtype="uint8"
    )


def timed(functions, seconds):
    """Time functions in turns; return the median of each in seconds."""
    for function in functions.values():
        function()
    taken = {name: [] for name in functions}
    end = time.monotonic() + seconds
    while time.monotonic() < end or min(map(len, taken.values())) < 3:
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def exported(model, folder):
    """Return the signatures of the model's SavedModel."""
    import tensorflow as tf

    from keras_gans.export import export

    path = export(model, folder, pictures(1, model.image_size))
    return tf.saved_model.load(path).signatures


def speed(names, batches, seconds):
    import tensorflow as tf

    from keras_gans import images
    from keras_gans.serving import signatures

    print("| model | batch | what | latency, ms | images a second |")
    print("| --- | --- | --- | --- | --- |")
    for name in names:
        model, verb = make(name)
        live = tf.function(verb.function)
        module = torch_module(name)
        with tempfile.TemporaryDirectory() as folder:
            served = exported(model, folder)[verb.name]
        for batch in batches:
            tensor = tf.constant(pictures(batch, model.image_size))
            floats = images.to_float(tensor)
            extra = signatures.sample_inputs(verb, batch)
            functions = {
                "SavedModel, uint8": partial(served, images=tensor, **extra),
                "live Keras, float": partial(live, images=floats, **extra),
            }
            if module:
                functions["PyTorch, float"] = module(floats, extra)
            for what, taken in timed(functions, seconds).items():
                print(
                    f"| {name} | {batch} | {what} | {1e3 * taken:.1f} | "
                    f"{batch / taken:.1f} |",
                    flush=True,
                )


def torch_module(name):
    """Return a function that makes a call of PyTorch, or None without it."""
    try:
        import torch
    except ImportError:
        return None
    from tests.benchmarks import pytorch_generators

    torch.set_num_threads(os.cpu_count())
    module = pytorch_generators.make(name, num_labels=3)

    def prepare(floats, extra):
        x = torch.from_numpy(floats.numpy()).permute(0, 3, 1, 2)
        for labels in extra.values():
            planes = torch.from_numpy(labels.numpy())[:, :, None, None]
            x = torch.cat([x, planes.expand(-1, -1, *x.shape[2:])], 1)
        x = x.contiguous()

        @torch.inference_mode()
        def call():
            return module(x)

        return call

    return prepare


def encoded(names, batches, seconds, side=256):
    import tensorflow as tf

    from keras_gans import datasets
    from keras_gans.serving import signatures

    faces = datasets.open_source(
        "faces:photo", side, face_indices=range(max(batches))
    )
    drawn = np.stack([faces.load(i) for i in range(max(batches))])
    print(
        "| model, 256 pixels | batch | tensors, ms | JPEG to PNG, ms | more |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name in names:
        model, verb = make(name)
        with tempfile.TemporaryDirectory() as folder:
            served = exported(model, folder)
        for batch in batches:
            tensor = tf.constant(drawn[:batch])
            texts = tf.stack([tf.io.encode_jpeg(one) for one in tensor])
            extra = signatures.sample_inputs(verb, batch)
            forms = {
                "tensor": partial(served[verb.name], images=tensor, **extra),
                "encoded": partial(
                    served[verb.name + signatures.ENCODED],
                    image_bytes=texts,
                    **extra,
                ),
            }
            taken = timed(forms, seconds)
            more = taken["encoded"] / taken["tensor"] - 1
            print(
                f"| {name} | {batch} | {1e3 * taken['tensor']:.1f} | "
                f"{1e3 * taken['encoded']:.1f} | {100 * more:.0f} % |",
                flush=True,
            )


def tile(names, height=3000, width=4000, side=512):
    from PIL import Image

    print("| model | pixels | tile | seconds | peak memory, GB |")
    print("| --- | --- | --- | --- | --- |")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            model, _ = make(name)
            model.save(folder / "model.keras")
            small = Image.fromarray(pictures(1, 64)[0])
            small.resize((width, height)).save(folder / "large.jpg")
            start = time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "keras_gans.translate"]
                + [folder / "large.jpg", "--model", folder / "model.keras"]
                + ["--output", folder / "out", "--tile", str(side)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            seconds = time.monotonic() - start
        # Of the largest child so far.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        print(
            f"| {name} | {width} x {height} | {side} | {seconds:.0f} | "
            f"{peak / 2**20:.2f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", choices=["speed", "encoded", "tile"])
    parser.add_argument("--models", nargs="+", choices=MODELS)
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument(
        "--seconds", type=float, default=10, help="of each comparison"
    )
    arguments = parser.parse_args()
    if arguments.table == "tile":
        tile(arguments.models or ["resnet"])
    else:
        function = {"speed": speed, "encoded": encoded}[arguments.table]
        names = arguments.models or list(MODELS)
        function(names, arguments.batches, arguments.seconds)


if __name__ == "__main__":
    main()
