"""The report page of a run, its charts, and what it shows of a front-end."""
