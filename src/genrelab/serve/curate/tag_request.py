"""What to write into tags, as a request says it: the options of `genrelab tag`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from genrelab.library.tagging.spelling import TagSpelling
from genrelab.library.tagging.tag_plan import Mode, TagPolicy
from genrelab.library.tags import FIELDS
from genrelab.library.tags import Field as TagField
from genrelab.serve.curate.chosen import MOST_FILES, MOST_PATHS, TrackId
from genrelab.serve.endpoint import Body
from genrelab.serve.problem import RequestError

Path = Annotated[str, Field(min_length=1, max_length=4096)]
_Genre = Annotated[str, Field(min_length=1, max_length=200)]


class TagBody(Body):
    """Which files, and what to write into their tags.

    Attributes
    ----------
    ids : list of str
        Tracks of the library; or
    paths : list of str
        files and folders under the roots.
    fields : list of str
        What to write: genres to `genre`, moods to `mood`, styles and further genres to `grouping`.
    mode : str
        `only-empty` writes only to fields without a value, `overwrite` replaces values, `combine` adds.
    genre : str, list of str or None
        Genres that the user chose, written instead of the predicted ones; needs no confident answer.
    genres : int
        Most genres to write.
    min_confidence : float or None
    most : int
        Most moods, and most styles, to write.
    spelling : str
    parents : bool
        Also write parent genres.
    guess : bool
        Also where the model is unsure.
    by : str or None
        One genre per `album` (by tags) or per `folder`, from the files of this request.
    skip_outliers : bool
        With `by`: skip tracks that do not fit their album.
    model : str or None
        Identity of the only model whose answers are written.
    full : bool
        Only answers for whole files.
    damaged : bool
        Also files with a damaged part.
    id3v23_separator : str
        Separator of several genres in ID3v2.3; `nul` is a zero byte.
    itunes_grouping, keep_mtime, skip_hard_links : bool
        As the options of `genrelab tag`.
    """

    ids: list[TrackId] = Field(default_factory=list, max_length=MOST_FILES)
    paths: list[Path] = Field(default_factory=list, max_length=MOST_PATHS)
    fields: list[TagField] = Field(["genre"], min_length=1, max_length=len(FIELDS))
    mode: Mode = "only-empty"
    genre: _Genre | Annotated[list[_Genre], Field(min_length=1, max_length=10)] | None = None
    genres: Annotated[int, Field(ge=1, le=100)] = 1
    min_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    most: Annotated[int, Field(ge=1, le=100)] = 3
    spelling: TagSpelling = "plain"
    parents: bool = False
    guess: bool = False
    by: Literal["album", "folder"] | None = None
    skip_outliers: bool = False
    model: Annotated[str, Field(max_length=500)] | None = None
    full: bool = False
    damaged: bool = False
    id3v23_separator: Literal["/", ";", "; ", "nul"] = "/"
    itunes_grouping: bool = False
    keep_mtime: bool = False
    skip_hard_links: bool = False

    def policy(self) -> TagPolicy:
        """Return the policy of writing.

        Raises
        ------
        RequestError
            If options contradict each other, or a genre is no text.
        """
        given = self._given()
        if given and "genre" not in self.fields:
            raise _contradiction("`genre` is given, but `fields` does not have it")
        if given and (self.by or self.guess):
            raise _contradiction("`genre` says what to write; `by` and `guess` do not go with it")
        if self.skip_outliers and not self.by:
            raise _contradiction("`skip_outliers` needs `by`")
        return TagPolicy(
            self.mode,
            self.genres,
            self.min_confidence,
            full=self.full,
            damaged=self.damaged,
            id3v23_separator="\0" if self.id3v23_separator == "nul" else self.id3v23_separator,
            keep_mtime=self.keep_mtime,
            skip_hard_links=self.skip_hard_links,
            itunes_grouping=self.itunes_grouping,
            fields=tuple(each for each in FIELDS if each in self.fields),
            most=self.most,
            skip_outliers=self.skip_outliers,
            spelling=self.spelling,
            parents=self.parents,
            guess=self.guess,
            model=self.model,
            given=given,
        )

    def _given(self) -> tuple[str, ...]:
        named = [self.genre] if isinstance(self.genre, str) else self.genre or []
        return tuple(dict.fromkeys(genre_text(each) for each in named))


class TagWriteBody(TagBody):
    """Which files, and what to write into their tags: the same as for the plan.

    Attributes
    ----------
    plan_id : str
        From the plan.
    """

    plan_id: Annotated[str, Field(min_length=1, max_length=100)]


class UndoBody(Body):
    """Which writes to undo.

    Attributes
    ----------
    ids : list of str
        Tracks: the last write of each; or
    changes : list of int
        numbers from the history. Of several writes to one file, the last one is undone first.
    force : bool
        Also restore the old values of files that another program changed since; its changes stay.
    keep_mtime, skip_hard_links : bool
        As the options of `genrelab tag`.
    """

    ids: list[TrackId] = Field(default_factory=list, max_length=MOST_FILES)
    changes: list[Annotated[int, Field(ge=1, le=2**62)]] = Field(default_factory=list, max_length=MOST_FILES)
    force: bool = False
    keep_mtime: bool = False
    skip_hard_links: bool = False


def genre_text(text: str) -> str:
    """Return a genre that a user typed, without spaces around it.

    Raises
    ------
    RequestError
        If it is empty or has characters that are no text, such as line breaks.
    """
    text = " ".join(text.split(" ")).strip()
    if not text or not text.isprintable():
        raise RequestError("the genre is empty or has control characters", code="genre-no-text", status=422)
    return text


def _contradiction(what: str) -> RequestError:
    return RequestError(what, code="tag-options", status=422)
