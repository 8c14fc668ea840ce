"""The sections that front-ends offer for the report, rendered."""

from __future__ import annotations

from genrelab.lab.frontends.sections import LearnedFilters, ReportSection
from genrelab.lab.reports.filters import responses
from genrelab.lab.reports.representations import Segment, representations


def rendered(section: ReportSection, segment: Segment) -> tuple[str, str]:
    """Return heading and HTML of a section; pictures show `segment`."""
    if isinstance(section, LearnedFilters):
        return "The learned filters", responses(section.initial, section.learned)
    return "One segment in pictures", representations(segment, section.frontend)
