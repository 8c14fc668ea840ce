"""The model file: its format, reading it, checking it.

A model file is one ONNX graph, waveform in, genre probabilities and an embedding out, with one JSON
value in its metadata. Reading it runs no code from it. Importing this package loads no onnxruntime;
the modules hold the functions:

- `bundle`: `Bundle`, a model file that is ready to use
- `metadata`: `BundleMetadata`, what a model file says about itself
- `find`: `find_model`, which model file to use where none is named
- `contents`: `examine`, what a graph refers to, read before anything is run
"""
