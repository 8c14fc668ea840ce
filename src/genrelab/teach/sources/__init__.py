"""Examples to learn from: files with their genres, and the embeddings of these files.

- `labelled`: read them from folders, tags or a CSV file
- `names`: spellings of one genre become one name
- `examples`: examples with embeddings, ready to be fitted
- `grouping`: which examples are by one artist, or of one album
- `embed`: embeddings from the library, or by recognizing a file
- `examples_file`: the examples of a model file, kept beside it
"""
