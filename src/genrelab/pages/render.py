"""Templates to HTML. Every value is escaped unless it is `Markup`, and an unknown name is an error.

A page extends `pages/base.html`; its template lies beside the Python that computes its rows. Names of
templates are paths inside the package.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from genrelab.printing import counted, plain_page


@cache
def _environment() -> Environment:
    """Return the environment that loads and renders all templates of the package."""
    made = Environment(
        loader=PackageLoader("genrelab", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    made.filters["counted"] = counted
    return made


def render(template: str, **values: object) -> Markup:
    """Render a template: a whole page or a section of one.

    Parameters
    ----------
    template : str
        Path inside the package, such as `lab/audit/audit.html`.
    **values
        The names that the template uses. Text is escaped; `Markup` and pictures of `genrelab.pages.svg` stay
        as they are.

    Returns
    -------
    Markup
        HTML in which control characters and marks of direction are visible escapes.
    """
    return Markup(plain_page(_environment().get_template(template).render(values)))
