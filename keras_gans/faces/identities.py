"""Assign identities to purposes, so that no face is used twice.

Runs train on the first thousands, see `keras_gans.datasets`.
"""

# For the classifier that judges others.
FIRST_OF_CLASSIFIER = 500_000
# For the network that tells whether two images show one identity.
FIRST_OF_IDENTITY_NETWORK = 600_000
# From here on for measuring; never trained on.
FIRST_HELD_OUT = 1_000_000
