"""From recognized genres to tags: what to write, writing it safely, comparing it with the sound."""
