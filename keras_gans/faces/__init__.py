"""Drawn faces: a world where the true translation is known."""
