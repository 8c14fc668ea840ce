"""What was looked for in a split, a run or a calibration, and what was found: data, and its English."""

from genrelab.lab.findings.finding import Finding, State, Verdict, combined, worst

__all__ = ["Finding", "State", "Verdict", "combined", "worst"]
