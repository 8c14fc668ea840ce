"""Splits of a corpus into training, validation and test: making, checking and storing them."""
