"""Figures of predictions: intervals and calibration. NumPy only.

- `bootstrap`: confidence intervals by resampling groups
- `ranking`: AUC, average precision, correlation
- `calibration`: reliability of probabilities, and the threshold that gives a wanted precision
"""
