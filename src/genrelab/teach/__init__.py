"""Teach a model the user's own genres: a new head on the embedding of a model file. No PyTorch.

- `sources`: examples from tags, folders and CSV files, and their embeddings
- `fit`: the classifier, its cross-validation and calibration
- `teaching`: from examples to a result
- `head`: write a model file with a new head (needs the package `onnx`)
- `examples_file`: the examples of a model file, kept beside it for later
- `page`: the result as a page; `review`: doubtful tracks, one after the other
"""
