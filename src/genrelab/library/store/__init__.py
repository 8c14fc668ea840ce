"""The library's database: tracks, changes, what is known about a file."""
