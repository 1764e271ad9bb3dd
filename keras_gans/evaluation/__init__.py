"""Measure translations of images that were not trained on."""
