"""The database of the library: tracks and changes."""
