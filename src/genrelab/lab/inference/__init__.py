"""Predictions of networks and of model files for the clips of a corpus."""
