"""Measurements beside peers; each prints what README.md shows."""

import os

import keras_gans  # noqa: F401, before TensorFlow, which then uses oneDNN

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
