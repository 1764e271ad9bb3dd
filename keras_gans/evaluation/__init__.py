"""Measure translations of images that were not trained on."""

COUNT = 200  # images of each side
