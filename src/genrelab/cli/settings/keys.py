"""The keys of a config file: one row per key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "text", "texts", "flag", "integer", "number"]
"""How a value is written in TOML; `file` is the path of a file."""

KIND_NAMES: dict[Kind, str] = {
    "file": 'the path of a file in quotes, such as "~/mine.onnx"',
    "text": 'text in quotes, such as "abc"',
    "texts": 'a list of texts, such as ["Podcasts", "*.wav"]',
    "flag": "true or false",
    "integer": "a whole number",
    "number": "a number",
}

EVERY = "*"
"""Stands for every command that has the parameter."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and which parameter of which commands it gives a default to.

    Parameters
    ----------
    name : str
        The key, and the name of the parameter where `parameters` names no other.
    kind : str
    commands : tuple of str
        Such as `tag` or `library check`, or `EVERY`. Commands without the parameter are ignored; a key that
        no command has is unknown.
    variable : str or None
        The environment variable that precedes the key.
    parameters : tuple of (str, str)
        Commands in which the parameter has another name, and that name.
    """

    name: str
    kind: Kind
    commands: tuple[str, ...]
    variable: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter_of(self, command: str) -> str | None:
        """Return the name of its parameter in a command; None if the key does not apply there."""
        if command not in self.commands and EVERY not in self.commands:
            return None
        return dict(self.parameters).get(command, self.name)


KEYS = (
    Key(
        "model",
        "file",
        (
            "recognize",
            "tag",
            "watch",
            "listen",
            "similar",
            "playlist",
            "serve",
            "model info",
            "model verify",
            "model hub",
            "vocabulary match",
        ),
        variable="GENRELAB_MODEL",
        parameters=(("model info", "file"), ("model verify", "file"), ("model hub", "file")),
    ),
    Key("library", "file", (EVERY,), variable="GENRELAB_LIBRARY"),
    Key(
        "vocabulary",
        "file",
        ("tag", "teach", "library check", "vocabulary list", "vocabulary show", "vocabulary match"),
        variable="GENRELAB_VOCABULARY",
    ),
    Key("exclude", "texts", ("recognize", "tag", "watch", "teach")),
    Key("no_ignore", "flag", ("recognize", "tag", "watch", "teach")),
    Key("full", "flag", ("recognize", "tag", "watch")),
    Key("jobs", "integer", ("recognize", "tag", "watch", "teach", "serve")),
    Key("poll", "number", ("watch",)),
    Key("settle", "number", ("watch",)),
    Key("top", "integer", ("recognize", "listen", "library list")),
    Key("min_confidence", "number", ("tag",)),
    Key("genres", "integer", ("tag",)),
    Key("most", "integer", ("tag",)),
    Key("map", "file", ("tag", "library check")),
    Key("spelling", "text", ("tag",)),
    Key("parents", "flag", ("tag",)),
    Key("placeholders", "text", ("tag", "teach", "library check")),
    Key("id3v23_separator", "text", ("tag",)),
    Key("itunes_grouping", "flag", ("tag",)),
    Key("keep_mtime", "flag", ("tag",)),
    Key("skip_hard_links", "flag", ("tag",)),
    Key("host", "text", ("serve",)),
    Key("port", "integer", ("serve",)),
    Key("token_file", "file", ("serve",)),
    Key("name", "texts", ("serve",)),
    Key("max_upload", "integer", ("serve",)),
    Key("watch", "flag", ("serve",)),
)
"""All keys. Whether files are written is no key: only the command line says it."""
