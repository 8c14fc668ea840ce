"""The map of a library of any size: neighbours, places, and the data that a browser draws."""
