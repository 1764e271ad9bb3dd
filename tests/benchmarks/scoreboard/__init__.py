"""What `tests.benchmarks.scoreboard` trains, reads and writes."""
