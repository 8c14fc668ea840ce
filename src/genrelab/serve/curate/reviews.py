"""Questions about doubtful tracks, and the corrections that users give."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genrelab.bundle.bundle import embedding_key, read_facts
from genrelab.bundle.find import PACKAGED_MODEL, find_model
from genrelab.bundle.metadata import BundleMetadata
from genrelab.errors import UsageError
from genrelab.serve.curate.chosen import file_of, outside
from genrelab.serve.curate.doubts import Doubt, Doubts, Kind
from genrelab.serve.curate.tag_request import genre_text
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.teach.review import Answers
from genrelab.teach.sources.examples_file import StoredExamples, examples_file, read_examples
from genrelab.teach.sources.labelled import MOST_VALUES
from genrelab.vocabulary import normalize

CORRECTIONS = "corrections.csv"
"""The file beside the library with corrections of models that were not taught."""

_MOST_SKIPPED = 10_000
_MOST_MODELS = 100  # whose facts are remembered


@dataclass(frozen=True)
class ReviewedModel:
    """A model whose answers are reviewed.

    Attributes
    ----------
    path : Path
    metadata : BundleMetadata
    identity : str
    corrections : Path
        The CSV file of corrections, which `genrelab teach --csv` reads.
    """

    path: Path
    metadata: BundleMetadata
    identity: str
    corrections: Path

    @property
    def is_taught(self) -> bool:
        """Whether `genrelab teach` made it."""
        return self.metadata.base is not None


class Reviews:
    """The corrections of a server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._writing = threading.Lock()
        self._skipped: set[tuple[str, bytes]] = set()
        self._facts: dict[tuple[Path, int, int], tuple[BundleMetadata, str]] = {}
        self._examples: tuple[tuple[Path, int, int], StoredExamples] | None = None
        self._real_paths: tuple[StoredExamples, frozenset[bytes]] | None = None

    def model(self, text: str | None) -> ReviewedModel:
        """Return a model: a file under a root, or the one in use.

        Raises
        ------
        RequestError
            If the path is not under a root (403), or there is no such file (404).
        ModelFileError
            If the file is not a model.
        """
        path = self._model_path(text)
        try:
            status = path.stat()
        except OSError as error:
            raise RequestError(
                f"there is no model file {path}",
                code="review-model-missing",
                status=404,
                path=str(path),
                remedy="/api/v1/models lists them",
            ) from error
        key = (path, status.st_size, status.st_mtime_ns)
        facts = self._facts.get(key)
        if facts is None:
            facts = read_facts(path)
            if len(self._facts) > _MOST_MODELS:
                self._facts.clear()
            self._facts[key] = facts
        metadata, identity = facts
        if metadata.base is None:
            corrections = self._server.library.path.with_name(CORRECTIONS)
        else:
            corrections = path.with_name(f"{path.name.removesuffix('.onnx')}.corrections.csv")
        return ReviewedModel(path, metadata, identity, corrections)

    def _model_path(self, text: str | None) -> Path:
        current = Path(os.path.realpath(find_model(self._server.settings.model)))
        packaged = Path(os.path.realpath(PACKAGED_MODEL))
        if not text or text == os.fspath(current):
            return current
        return packaged if text == os.fspath(packaged) else self._server.roots.resolve(text)

    def questions(self, model: ReviewedModel, kind: Kind) -> tuple[list[Doubt], int]:
        """Return the doubtful tracks without an answer, and how many tracks are still to be compared."""
        doubts, left = self._server.part(Doubts), 0
        if kind == "unsure":
            learned = self._learned(model) if model.is_taught else frozenset()
            found = [each for each in doubts.unsure(model.identity) if each.path not in learned]
        elif model.is_taught:
            found = self._doubtful_examples(model)
        else:
            found, left = doubts.wrong(model.identity)
        answered = {os.fsencode(path) for path in self._answers(model).paths}
        holds = self._server.part(Catalogue).listing.holds
        return [
            each
            for each in found
            if each.path not in answered
            and (model.identity, each.path) not in self._skipped
            and holds(each.path)
        ], left

    def duration(self, path: bytes) -> float | None:
        """Return the duration of a track in seconds; None if it is unknown."""
        rows = self._server.library.database.rows("SELECT duration FROM tracks WHERE path = ?", (path,))
        found = rows[0][0] if rows else None
        return float(found) if isinstance(found, int | float) else None

    def _doubtful_examples(self, model: ReviewedModel) -> list[Doubt]:
        stored = self._stored(model)
        examples = stored.examples
        return [
            Doubt(
                _real(examples.paths[each.example]), examples.genres[each.example], each.genre,
                each.probability,
            )
            for each in stored.doubts
        ]  # fmt: skip

    def _learned(self, model: ReviewedModel) -> frozenset[bytes]:
        """Return the real paths of the examples of a taught model."""
        stored = self._stored(model)
        if self._real_paths is None or self._real_paths[0] is not stored:
            self._real_paths = (stored, frozenset(map(_real, stored.examples.paths)))
        return self._real_paths[1]

    def _stored(self, model: ReviewedModel) -> StoredExamples:
        """Return the examples of a taught model.

        Raises
        ------
        UsageError
            If they are missing, damaged, or of a model with another embedding.
        """
        path = examples_file(model.path)
        status = path.stat() if path.exists() else None
        key = (path, 0 if status is None else status.st_size, 0 if status is None else status.st_mtime_ns)
        kept = self._examples
        if kept is not None and kept[0] == key:
            return kept[1]
        stored = read_examples(path)
        if stored.key != embedding_key(model.identity):
            message = f"the examples {path} belong to another model than {model.path}."
            raise UsageError(message, code="teach-examples-of-another")
        self._examples = (key, stored)
        return stored

    def answer(self, model: ReviewedModel, text: str, genre: str) -> tuple[str, ...]:
        """Keep the genre of a track.

        Parameters
        ----------
        model : ReviewedModel
        text : str
            The id of the track.
        genre : str
            A genre, or several with semicolons between them; `right` means the predicted one, `skip` asks no
            more until the server ends, `undo` takes the answer back.

        Returns
        -------
        tuple of str
            The genres that were kept.

        Raises
        ------
        RequestError
            If the track is unknown, has no prediction, or the file cannot be written.
        """
        file = file_of(self._server, text)
        key = (model.identity, os.fsencode(file))
        if genre == "skip":
            if len(self._skipped) < _MOST_SKIPPED:
                self._skipped.add(key)
            return ()
        genres = () if genre == "undo" else self._genres(model, key[1], genre)
        with self._writing, _explained(model.corrections):
            answers = self._answers(model)
            name = self._name_in_examples(model, key[1])
            if genres:
                answers.put(name, genres)
            else:
                answers.remove(name)
        self._skipped.discard(key)
        return genres

    def _answers(self, model: ReviewedModel) -> Answers:
        path = model.corrections
        if self._server.roots.holds(path.parent) and not self._server.roots.holds(path):
            raise outside(path)  # a link
        if path.exists() and not path.is_file():  # opening a pipe would wait without end
            raise RequestError(
                f"the corrections {path} are no regular file",
                code="corrections-no-file",
                status=409,
                path=str(path),
                remedy="move it away",
            )
        return Answers(path)

    def _name_in_examples(self, model: ReviewedModel, path: bytes) -> str:
        """Return the path of a file as the examples of a model name it, so that a correction replaces it."""
        name = os.fsdecode(path)
        if not model.is_taught:
            return name
        try:
            stored = self._stored(model)
        except UsageError:
            return name
        doubtful = (stored.examples.paths[each.example] for each in stored.doubts)
        return next((each for each in doubtful if each != name and _real(each) == path), name)

    def _genres(self, model: ReviewedModel, path: bytes, genre: str) -> tuple[str, ...]:
        """Return the genres that an answer means; those of the model in its spelling."""
        if genre == "right":
            return (self._predicted(path),)
        own = {normalize(each): each for each in model.metadata.genres}
        named = [genre_text(part) for part in genre.split(";") if part.strip()]
        if not 0 < len(named) <= MOST_VALUES:
            raise RequestError(
                f"name 1 to {MOST_VALUES} genres, separated by semicolons",
                code="review-genres",
                status=422,
            )
        found = (each if each in model.metadata.genres else own.get(normalize(each), each) for each in named)
        return tuple(dict.fromkeys(found))

    def _predicted(self, path: bytes) -> str:
        rows: Sequence[tuple[str]] = self._server.library.database.rows(
            "SELECT json_extract(genres, '$[0][0]') FROM tracks WHERE path = ? AND json_valid(genres) "
            "AND typeof(json_extract(genres, '$[0][0]')) = 'text'",
            (path,),
        )
        if not rows:
            message = "the track has no predicted genre, so it cannot be right"
            raise RequestError(message, code="review-no-prediction", status=422)
        return genre_text(rows[0][0])


def _real(path: str) -> bytes:
    return os.fsencode(os.path.realpath(path))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an error of the system into a refusal that names the file."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise RequestError(
            f"the corrections {path} cannot be written: {error.strerror}",
            code="corrections-unwritable",
            status=507 if full else 403,
            path=str(path),
            remedy="free some space" if full else "change the permissions of the file and its folder",
        ) from error
