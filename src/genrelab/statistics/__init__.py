"""Figures of predictions: intervals and calibration. NumPy only.

- `bootstrap`: confidence intervals by resampling groups
- `calibration`: reliability of probabilities, and the threshold that gives a wanted precision
"""
