"""Judging recognizers: experiments, predictions, figures with their intervals, report pages."""
