"""The tables of the papers, made again: which rows, what may be spent, the runs, the figures, the page.

`table` reads which recipes a table has, `budget` makes them smaller, `work` trains and tests what is left to
do, `figures` gathers what came of it, and `page` tells of it.
"""

from genrelab.lab.evaluation.reproduce.budget import Budget
from genrelab.lab.evaluation.reproduce.figures import Settings
from genrelab.lab.evaluation.reproduce.table import Table, load_table, table_names
from genrelab.lab.evaluation.reproduce.work import reproduce

__all__ = ["Budget", "Settings", "Table", "load_table", "reproduce", "table_names"]
