"""Training: turn named loss terms into one update per player."""
