"""Style transfer beside PyTorch, and L-BFGS beside Adam: tables, by command.

    python -m tests.benchmarks.style speed
    python -m tests.benchmarks.style curves

`speed`: evaluations of the objective of `gatys` and its gradient, of VGG-19
with equal random weights, in turns in one process. `curves`: the total on the
way, for a drawn face and its anime version as the style.
"""

import argparse
import os

import numpy as np

from tests.benchmarks.serving import timed

EVALUATIONS = 500  # of the published program


def ours(size):
    """Return the features' network, the images and the objective."""
    from keras_gans import images
    from keras_gans.networks.vgg import vgg
    from keras_gans.style.objective import Objective, Region
    from keras_gans.style.presets import recipe

    gatys = recipe()
    network = vgg("vgg19", [*gatys.content_layers, *gatys.style_layers])
    rng = np.random.default_rng(0)
    content, style, pixels = (
        images.to_float(rng.integers(0, 256, (size, size, 3))).numpy()
        for _ in range(3)
    )
    region = Region(None, [(1.0, style, None)])
    objective = Objective(network, gatys, content, [region])
    return network, (content, style, pixels), lambda: objective(pixels)


def pytorch(network, pictures):
    """Return the same objective in PyTorch."""
    import torch
    from torch.nn import functional as F

    from keras_gans.networks.vgg import PREPROCESSING
    from keras_gans.style.presets import recipe

    torch.set_num_threads(os.cpu_count())
    gatys = recipe()
    weights = [
        (
            x.name.replace("conv", "relu"),
            torch.tensor(np.transpose(x.kernel.numpy(), (3, 2, 0, 1))),
            torch.tensor(x.bias.numpy()),
        )
        for x in network.layers
        if x.name.startswith("conv")
    ]
    mean = torch.tensor(PREPROCESSING["caffe"][0]).reshape(3, 1, 1)

    def features(images):
        x, found = (images.flip(1) + 1) * 127.5 - mean, {}
        for name, kernel, bias in weights:
            if name.endswith("_1") and name != "relu1_1":
                x = F.max_pool2d(x, 2)
            x = found[name] = F.relu(F.conv2d(x, kernel, bias, padding=1))
        return found

    def gram(x):
        rows = x.flatten(2)[0]
        return rows @ rows.T / rows.shape[1]

    content, style, pixels = (
        torch.tensor(x.transpose(2, 0, 1)[None]) for x in pictures
    )
    with torch.no_grad():
        targets = {n: features(content)[n] for n in gatys.content_layers}
        grams = {n: gram(features(style)[n]) for n in gatys.style_layers}

    def evaluate():
        images = pixels.clone().requires_grad_()
        found = features(images)
        total = sum(
            w * F.mse_loss(found[n], targets[n])
            for n, w in gatys.content_layers.items()
        ) + sum(
            w * F.mse_loss(gram(found[n]), grams[n])
            for n, w in gatys.style_layers.items()
        )
        total.backward()
        return {"total": total.item()}, images.grad[0].numpy()

    return evaluate


def speed(sizes, seconds):
    print(
        "| px | ours, s | PyTorch, s | PyTorch / ours | 500 evaluations, s | "
        "difference |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for size in sizes:
        network, pictures, evaluate = ours(size)
        functions = {"ours": evaluate, "torch": pytorch(network, pictures)}
        totals = {n: f()[0]["total"] for n, f in functions.items()}
        difference = abs(totals["ours"] / totals["torch"] - 1)
        taken = timed(functions, seconds)
        print(
            f"| {size} | {taken['ours']:.2f} | {taken['torch']:.2f} | "
            f"{taken['torch'] / taken['ours']:.2f} | "
            f"{EVALUATIONS * taken['ours']:.0f}, "
            f"{EVALUATIONS * taken['torch']:.0f} | {difference:.0e} |",
            flush=True,
        )


def curves(size, steps):
    from keras_gans.faces import drawing
    from keras_gans.style import stylize

    content, style = (drawing.draw(3, s, size) for s in ("photo", "anime"))
    marks = [steps // 8, steps // 4, steps // 2, steps]
    print("| |", " | ".join(f"{mark} evaluations" for mark in marks), "|")
    print("| ---" * (len(marks) + 1), "|")
    for name, arguments in (
        ("L-BFGS", {}),
        ("Adam, 1 level", {"optimizer": "adam"}),
        ("Adam, 5 levels", {"optimizer": "adam", "learning_rate": 5.0}),
    ):
        totals = []
        stylize(
            *(content, [style]),
            sizes=[size],
            steps=[steps],
            pooling="max",
            style_weight=10.0,
            variation_weight=0.0,
            progress=lambda one, own=totals: own.append(one.terms["total"]),
            **arguments,
        )
        least = np.minimum.accumulate(totals)
        print(f"| {name} |", *(f"{least[m - 1]:.3g} |" for m in marks))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["speed", "curves"])
    parser.add_argument("--sizes", nargs="*", type=int, default=[128, 256])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.what == "speed":
        speed(arguments.sizes, arguments.seconds)
    else:
        curves(arguments.sizes[0], arguments.steps)


if __name__ == "__main__":
    main()
