"""The tables of the papers, made again: which rows, what may be spent, the runs, the figures, the page.

`table` reads which recipes a table has, `budget` makes them smaller, `runner` trains and tests what is left
to do, `figures` gathers what came of it, and `page` tells of it.
"""

from genrelab.lab.studies.reproduce.budget import Budget
from genrelab.lab.studies.reproduce.figures import Settings
from genrelab.lab.studies.reproduce.runner import reproduce
from genrelab.lab.studies.reproduce.table import Table, load_table, table_names

__all__ = ["Budget", "Settings", "Table", "load_table", "reproduce", "table_names"]
