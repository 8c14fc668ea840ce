"""Pages, counts and orders of the tracks in a library, fast at a hundred thousand rows."""
