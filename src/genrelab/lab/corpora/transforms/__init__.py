"""Corpora with changed sound."""
