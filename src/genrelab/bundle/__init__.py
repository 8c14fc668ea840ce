"""Model files: format, reading and checking.

A model file is one ONNX graph with one JSON value in its metadata: waveform in; genre probabilities, an
embedding and, if the model has tags, their probabilities out. Reading it runs no code from it. Importing this
package does not load onnxruntime; the modules have the functions:

- `bundle`: `Bundle`, a model file that is ready to use
- `metadata`: `BundleMetadata`, the facts that a model file states
- `tags`: `TagInfo`, a tag of a model file
- `find`: `find_model`, the default model file
- `contents`: `examine`, what a graph refers to, read before anything is run
"""
