"""Model files: format, reading and checking.

A model file is one ONNX graph, waveform in, genre probabilities and an embedding out, with one JSON
value in its metadata. Reading it runs no code from it. Importing this package does not load onnxruntime;
the modules have the functions:

- `bundle`: `Bundle`, a model file that is ready to use
- `metadata`: `BundleMetadata`, the facts that a model file states
- `find`: `find_model`, the default model file
- `contents`: `examine`, what a graph refers to, read before anything is run
"""
