"""The command line: one file per command, registered by one line in `main`.

`genrelab --help` imports every module here except those of `output`. A module therefore imports heavy
packages (numpy, onnxruntime, torch, ...) inside the function of its command.
"""
