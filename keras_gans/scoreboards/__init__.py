"""What `keras_gans.scoreboard` trains, reads and writes."""
