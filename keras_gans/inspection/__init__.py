"""Inspect data before training."""
