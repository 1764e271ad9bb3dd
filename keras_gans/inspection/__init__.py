"""Look at the data before training on them."""
