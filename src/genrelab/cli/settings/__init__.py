"""The config file: which keys it has, where it is, and how its values become defaults of options."""
