"""Fit a classifier of embeddings, and measure it.

- `folds`: folds of similar genres without a group in two of them
- `discriminant`: regularized linear discriminants
- `crossval`: predictions for held-out examples, nested
- `calibration`: temperature and probabilities of tracks
- `figures`: accuracy with intervals, confusion, pairs that cannot be told apart
- `suspects`: labels that are probably wrong
- `curve`: accuracy with fewer examples
"""
