"""Walkers of container formats: where in a file the sound is. They decode nothing."""
