"""Reproduction of the papers' tables.

`table` lists the recipes of a table, `budget` limits them, `runner` trains and tests what is missing,
`figures` collects the results, and `page` shows them.
"""

from genrelab.lab.studies.reproduce.budget import Budget
from genrelab.lab.studies.reproduce.figures import Settings
from genrelab.lab.studies.reproduce.runner import reproduce
from genrelab.lab.studies.reproduce.table import Table, load_table, table_names

__all__ = ["Budget", "Settings", "Table", "load_table", "reproduce", "table_names"]
