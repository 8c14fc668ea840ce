"""Searching over the values of a recipe: what is tried, the trials, the choice, the page.

`plan` and `axes` read what is written down, `settled` makes a `Search` of it, `sampler` draws values, `study`
keeps the trials in a file, `run` works through them, `outcome` puts them in order and chooses, and `table`,
`pictures`, `page` and `outputs` tell of it.
"""

from genrelab.lab.evaluation.search.outcome import Outcome
from genrelab.lab.evaluation.search.plan import Plan, load_plan, plan_names, typed
from genrelab.lab.evaluation.search.run import search
from genrelab.lab.evaluation.search.settled import Search, settle

__all__ = ["Outcome", "Plan", "Search", "load_plan", "plan_names", "search", "settle", "typed"]
