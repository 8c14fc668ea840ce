"""Dividing a corpus into training, validation and test; checking and storing the division."""
