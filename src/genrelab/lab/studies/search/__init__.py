"""Search over the values of a recipe: plan, trials, choice, results.

`plan` and `axes` read the plan, `search_space` turns it into a `Search`, `sampler` draws values, `study`
stores the trials in a file, `run` trains them, `search_result` ranks them and chooses the best, and `table`,
`charts`, `page` and `outputs` show the results.
"""

from genrelab.lab.studies.search.plan import Plan, load_plan, plan_names, typed
from genrelab.lab.studies.search.run import Options, search
from genrelab.lab.studies.search.search_result import Outcome
from genrelab.lab.studies.search.search_space import Search, settle

__all__ = ["Options", "Outcome", "Plan", "Search", "load_plan", "plan_names", "search", "settle", "typed"]
