"""Fetch published corpora: where they lie, under which terms, and how their archives are checked."""
