"""Searching over the values of a recipe: what is tried, the trials, the choice, the page.

`plan` and `axes` read what is written down, `search_space` makes a `Search` of it, `sampler` draws values,
`study` keeps the trials in a file, `run` works through them, `search_result` puts them in order and chooses,
and `table`, `charts`, `page` and `outputs` tell of it.
"""

from genrelab.lab.studies.search.plan import Plan, load_plan, plan_names, typed
from genrelab.lab.studies.search.run import Options, search
from genrelab.lab.studies.search.search_result import Outcome
from genrelab.lab.studies.search.search_space import Search, settle

__all__ = ["Options", "Outcome", "Plan", "Search", "load_plan", "plan_names", "search", "settle", "typed"]
