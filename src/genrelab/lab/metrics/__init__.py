"""Predictions of segments, their scores with intervals, calibration. Nothing here needs PyTorch."""
