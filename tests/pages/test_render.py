"""Templates: escaping, the frame of all pages, the pieces that they share."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from genrelab.pages.render import _environment, render
from genrelab.printing import counted

NASTY = "<script>alert('x')</script>&\"{{ title }}"


def written(source: str, **values: object) -> str:
    """Render a template of this text, which may use the macros."""
    macros = "facts, folded, items, panels, scroll, section, table, verdict, warnings"
    start = f'{{% from "pages/macros.html" import {macros} %}}'
    return _environment().from_string(start + source).render(values)


def test_values_are_escaped_and_markup_stays() -> None:
    assert written("{{ a }}{{ b }}", a=NASTY, b=Markup("<b>")) == (
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#34;{{ title }}<b>"
    )
    for source in (
        "{{ table(a, [a], [[a]]) }}", "{{ facts({a: a}) }}", "{{ warnings([a], a) }}",
        "{{ verdict('leaks', a, [a]) }}", "{{ folded(a, a) }}", "{{ panels([a], a) }}",
        "{% call scroll(a) %}{{ a }}{% endcall %}", "{% call section(a) %}{{ a }}{% endcall %}",
    ):  # fmt: skip
        html = written(source, a=NASTY)
        assert "<script" not in html and html.count("&lt;script&gt;") >= 2, source


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        render("pages/base.html")


def test_the_frame_loads_nothing_and_shows_controls() -> None:
    source = '{% extends "pages/base.html" %}{% block body %}<p>{{ text }}</p>{% endblock %}'
    html = _environment().from_string(source).render(title=NASTY, text="x")
    assert html.startswith("<!doctype html>") and html.rstrip().endswith("</html>")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"<script|url\(|@import|https?:", html)


def test_controls_and_marks_of_direction_are_visible() -> None:
    html = render("lab/studies/reproduce/table.html", title="a\u202e\x1b\udcff", verdict=[], remarks=[],
                  columns=[], cells=[], numbers=[], charts=[], runs=[],
                  confusions=[], protocol={})  # fmt: skip
    assert r"<h1>a\u202e\x1b\udcff</h1>" in html
    html.encode("utf-8")


def test_a_table_marks_its_columns_and_rows() -> None:
    html = written(
        "{{ table('c', ['A', 'B'], [['x', 1], ['y', 2]], numbers=(1,), long=(0,), kinds=['', 'chosen']) }}"
    )
    assert '<th scope="col" class="long">A</th><th scope="col" class="number">B</th>' in html
    assert '<th scope="row" class="long">x</th><td class="number">1</td>' in " ".join(html.split("\n"))
    assert html.count("<tr>") == 2 and html.count('<tr class="chosen">') == 1
    assert 'role="region" tabindex="0" aria-label="c"' in html


def test_nothing_to_warn_of_is_no_box() -> None:
    assert written("{{ warnings([]) }}") == ""
    assert written("{{ verdict('not known', 'Why', []) }}").startswith('<section class="verdict not-known"')


def test_json_cannot_end_its_script() -> None:
    html = written("{{ data | tojson }}", data={"a": "</script><!--&é"})
    assert html == '{"a":"\\u003c/script\\u003e\\u003c!--\\u0026é"}'


@pytest.mark.parametrize(("number", "text"), [(0, "0 clips"), (1, "1 clip"), (1200, "1,200 clips")])
def test_counted(number: int, text: str) -> None:
    assert counted(number, "clip") == text


def test_templates_switch_escaping_off_nowhere() -> None:
    package = files("genrelab")
    names = [
        name
        for name in _environment().list_templates(extensions=["html"])
        if not name.startswith("serve/static/")  # files of the server's page, which are no templates
    ]
    assert len(names) >= 9
    for name in names:
        text = package.joinpath(name).read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape", text), name
        assert ("<body" in text) == (name == "pages/base.html"), f"{name} has a frame of its own"
