"""Tiny models in files, for the studio."""

import json

import numpy as np
import pytest

from keras_gans.latents import FeatureAxes
from tests.tiny import make_bare

NAMES = "Smiling", "Male", "Young"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of `.keras` files, a run and the axes of `dcgan.keras`."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("dcgan", "cyclegan", "stargan", "contextual"):
        make_bare(name).save(folder / f"{name}.keras")
    normals = np.eye(len(NAMES), 8) + 0.3
    FeatureAxes(NAMES, normals).save(folder / "axes.npz")
    samples = folder / "run" / "samples" / "generate"
    samples.mkdir(parents=True)
    settings = {"model": "dcgan", "image_size": 32, "steps": 9}
    (folder / "run" / "arguments.json").write_text(json.dumps(settings))
    (folder / "run" / "log.csv").write_text(
        "step,seconds,g_loss,warnings\n1,1.0,0.5,washed out: gray\n"
    )
    return folder
