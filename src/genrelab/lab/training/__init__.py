"""Decode once, train, export."""
