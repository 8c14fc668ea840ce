"""The format of a library: its tables, upgrades of older formats, and values that are derived from others."""
