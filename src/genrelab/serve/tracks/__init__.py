"""The tracks of the library: what is known about each, its sound, its place on the map."""
