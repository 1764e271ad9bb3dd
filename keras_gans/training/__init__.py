"""What turns named loss terms into one update per player."""
