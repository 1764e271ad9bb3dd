"""Systems that are no translators, small enough for a test: each one file."""
