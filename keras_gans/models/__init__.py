"""Models: one file per paper, found through `keras_gans.registry`."""
