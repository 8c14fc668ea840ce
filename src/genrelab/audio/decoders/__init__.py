"""One module per library that decodes, and which of them reads a file."""
