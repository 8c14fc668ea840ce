"""The report page of a run, its charts, and its sections on sinc front-ends."""
