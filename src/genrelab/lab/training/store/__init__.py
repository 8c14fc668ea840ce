"""A corpus decoded once, and what is known about each of its clips."""
