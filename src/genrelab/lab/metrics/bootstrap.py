"""Confidence intervals of evaluation figures: see `genrelab.statistics.bootstrap`."""

from __future__ import annotations

from genrelab.statistics.bootstrap import ClusterBootstrap, Estimate, Float, Int, percent

__all__ = ["ClusterBootstrap", "Estimate", "Float", "Int", "percent"]
