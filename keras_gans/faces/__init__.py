"""Drawn faces, for which the true translation is known."""
