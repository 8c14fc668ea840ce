"""Collections for the programs of DJs: genres, and cue points where the genre changes."""
