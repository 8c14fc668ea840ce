"""The predictions of a model file for a corpus, as targets that a recipe distills."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import Bundle
from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Clip, Corpus
from genrelab.lab.inference.onnx_inference import check_audio, learned_clips, predict_segments, segments_of
from genrelab.lab.training.distillation.target_file import Floats, write_targets
from genrelab.lab.training.experiment import Report
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.store.build import stored
from genrelab.system import common_folder


@dataclass(frozen=True)
class TeacherTargets:
    """The predictions of a model file, as targets. Rows are clips, those with a genre first.

    Attributes
    ----------
    clips : sequence of Clip
    names : sequence of str
        Their names in the file of targets.
    embedding : np.ndarray [shape=(clips, d)]
        The mean over segments.
    genres : np.ndarray [shape=(clips, genres)]
        Probabilities, the mean over segments.
    learned : np.ndarray of bool [shape=(clips,)] or None
        Whether the model was trained on the clip, or chose its epoch by it; None if its file keeps no
        digests.
    skipped : mapping of str to str
        Clip id -> why it could not be used.
    """

    clips: Sequence[Clip]
    names: Sequence[str]
    embedding: Floats
    genres: Floats
    learned: npt.NDArray[np.bool_] | None
    skipped: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write them as a file of targets."""
        arrays = {"embedding": self.embedding, "genres": self.genres}
        write_targets(path, self.names, arrays, self.learned)


def teacher_targets(
    model: Path, corpus: Corpus, *, threads: int | None = None, report: Report | None = None
) -> TeacherTargets:
    """Predict every clip of a corpus, with and without a genre, with a model file.

    Parameters
    ----------
    model : Path
    corpus : Corpus
    threads : int > 0 or None
        Of the network; None is all cores.
    report : callable or None
        Shows progress.

    Raises
    ------
    ModelFileError
        If the file cannot be used.
    CorpusError
        If the corpus is not audio, or no clip of it can be used.
    """
    check_audio(corpus, model)
    bundle = Bundle.load(model, threads=threads)
    about = bundle.metadata
    stores: dict[str, AudioStore] = {}
    skipped = dict(corpus.skipped)
    learned_ids: set[str] = set()
    for which in ("labelled", "unlabelled"):
        clips = stored(corpus, which)
        if not clips:
            continue
        store = open_store(
            corpus,
            sample_rate=about.sample_rate,
            channels=about.channels,
            which=which,
            report=None if report is None else lambda done, of: report("decoding", done, of),
        )
        skipped |= store.skipped
        learned_ids |= learned_clips(store, about)
        stores |= {clip.id: store for clip in clips if clip.id in store}
    if not stores:
        raise CorpusError(f"no clip of {corpus.name!r} can be used", code="no-usable-clip")
    embeddings, genres = [], []
    for done, (clip_id, store) in enumerate(stores.items(), start=1):
        found = predict_segments(bundle, segments_of(store, clip_id, about))
        embeddings.append(found.embeddings.mean(axis=0, dtype=np.float64))
        genres.append(found.probabilities.mean(axis=0, dtype=np.float64))
        if report is not None:
            report(f"predicting with {model.name}", done, len(stores))
    by_id = corpus.by_id()
    answered = [by_id[key] for key in stores]
    learned = np.array([key in learned_ids for key in stores]) if about.learned else None
    return TeacherTargets(
        answered, names_of(answered), np.stack(embeddings), np.stack(genres), learned, skipped
    )


def names_of(clips: Sequence[Clip]) -> list[str]:
    """Name clips by the paths of their files below the folder that holds all, or by their ids.

    A name that is also the end of another's path would not tell them apart; then all are whole paths.
    """
    paths = {clip.id: clip.path.absolute() for clip in clips if clip.path is not None}
    if not paths:
        return [clip.id for clip in clips]
    folder = os.fsdecode(common_folder([os.fsencode(path.parent) for path in paths.values()]))
    short = {key: (path.relative_to(folder) if folder else path).as_posix() for key, path in paths.items()}
    names = set(short.values())
    ambiguous = any(
        "/".join(path.parts[begin:]) in names and "/".join(path.parts[begin:]) != short[key]
        for key, path in paths.items()
        for begin in range(1, len(path.parts))
    )
    if ambiguous and folder:
        short = {key: path.relative_to(path.anchor).as_posix() for key, path in paths.items()}
    return [short.get(clip.id, clip.id) for clip in clips]
