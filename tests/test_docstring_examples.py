"""The examples in the docstrings of the recognizer give what they say."""

from __future__ import annotations

import docstring_examples
import pytest


@pytest.mark.parametrize("name", docstring_examples.modules(laboratory=False))
def test_the_examples_give_what_they_say(name: str) -> None:
    assert docstring_examples.run(name).failed == 0
