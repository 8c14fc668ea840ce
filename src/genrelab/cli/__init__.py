"""The command line: one file a command, one line in `main` for each.

Every module here, but for those of `output`, is imported for `genrelab --help`. So a command's file imports
at its top only what is light, and what it works with (numpy, onnxruntime, torch, ...) inside its function.
"""
