"""Options of a recipe against the signature of what they are for."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field
from raising import raises

from genrelab.lab.registry import Registry

THINGS: Registry[dict[str, Any]] = Registry("thing with options")


@THINGS.register("box")
def box(*, size: Annotated[int, Field(gt=0)], colour: str = "red", rate: int = 1) -> dict[str, Any]:
    return {"size": size, "colour": colour, "rate": rate}


def test_options_and_what_the_caller_knows() -> None:
    assert THINGS.create("box", {"size": 2}, rate=3, unused=4) == {"size": 2, "colour": "red", "rate": 3}


@pytest.mark.parametrize(
    ("name", "options", "code", "quoted"),
    [
        ("bix", {"size": 2}, "kind-unknown", ("'bix'", "'box'", "--plugin")),
        ("box", {"size": 2, "color": "red"}, "option-unknown", ("'color'", "'colour'")),
        ("box", {"size": 2, "rate": 2}, "option-unknown", ("'rate'",)),
        ("box", {}, "option-missing", ("size",)),
        ("box", {"size": 0}, "option-invalid", ("'size'", "0")),
        ("box", {"size": "2.5"}, "option-invalid", ("'size'", "'2.5'")),
        ("box", {"size": float("nan")}, "option-invalid", ("'size'", "nan")),
    ],
)
def test_wrong_options(name: str, options: dict[str, Any], code: str, quoted: tuple[str, ...]) -> None:
    with raises(code, *quoted):
        THINGS.create(name, options, rate=3)


def test_a_name_is_registered_once() -> None:
    with raises("name-taken", "'box'", THINGS.kind):
        THINGS.register("box")(dict)
    assert THINGS.names() == ["box"] and "bix" not in THINGS and THINGS.get("bix") is None
