"""The files of a stored matrix."""
