"""The accuracy of model files on labelled clips, and their speed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.bundle.bundle import Bundle, Prediction
from genrelab.bundle.metadata import BundleMetadata
from genrelab.errors import CorpusError
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.inference.onnx_inference import check_audio, learned_clips, predict_segments, segments_of
from genrelab.lab.inference.predict import groups_of
from genrelab.lab.metrics.calibration import calibration_error, confidences
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.metrics.scores import LevelScores, evaluate
from genrelab.lab.studies.cross_corpus import translate
from genrelab.lab.training.experiment import Report, labels_of
from genrelab.lab.training.store.audio_store import open_store


@dataclass(frozen=True)
class Measured:
    """The figures of one model file.

    Attributes
    ----------
    path : Path
    recipe : str
    megabytes : float
        Size of the file, in units of 1,000,000 bytes.
    scores : LevelScores
        Of tracks, by the model's own voting rule.
    calibration_error : float
        Expected calibration error of tracks, see `genrelab.lab.metrics.calibration`.
    threshold : float
        The confidence below which the model answers `unsure`; some genres may have their own.
    answered : float
        Share of tracks that get a genre, by the thresholds for each genre and for no music.
    precision : float
        Share of correct predictions among those; NaN if there is none.
    times_real_time : float
        Seconds of sound per second of computing, with the front-end, without decoding: the median over
        clips, on `threads` cores.
    threads : int
    left_out : int
        Training clips of the model, which are left out.
    learned : int
        Training clips of the model that are counted here, because `with_learned` asked for it.
    namesakes : tuple of str
        Training corpora of the model with this corpus's name, if its file keeps no digests of clips: whether
        it was trained on these clips is unknown.
    """

    path: Path
    recipe: str
    megabytes: float
    scores: LevelScores
    calibration_error: float
    threshold: float
    answered: float
    precision: float
    times_real_time: float
    threads: int
    left_out: int = 0
    learned: int = 0
    namesakes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a value that JSON can hold."""
        scores = self.scores.to_dict()
        return {
            "model": str(self.path),
            "recipe": self.recipe,
            "megabytes": round(self.megabytes, 3),
            "tracks": self.scores.n,
            "groups": self.scores.groups,
            **{key: scores[key] for key in ("accuracy", "balanced_accuracy", "top2_accuracy")},
            "recall": {genre: each["recall"] for genre, each in scores["by_genre"].items()},
            "calibration_error": round(self.calibration_error, 6),
            "threshold": self.threshold,
            "answered": round(self.answered, 6),
            "precision": None if math.isnan(self.precision) else round(self.precision, 6),
            "times_real_time": round(self.times_real_time, 1),
            "threads": self.threads,
            "left_out": self.left_out,
            "learned": self.learned,
            "namesakes": list(self.namesakes),
        }


@dataclass(frozen=True)
class Options:
    """How a model file is measured.

    Attributes
    ----------
    threads : int > 0
        Of the network.
    seed : int
        Of the intervals.
    with_learned : bool
        Include training clips.
    """

    threads: int = 1
    seed: int = 0
    with_learned: bool = False


def bench_model(
    model: Path,
    corpus: Corpus,
    mapping: Mapping[str, str | None] | None = None,
    *,
    options: Options = Options(),  # noqa: B008
    report: Report | None = None,
) -> tuple[Measured, Predictions]:
    """Predict every segment of a corpus's labelled clips with a model file.

    Training clips of the model are left out, as far as its file knows them: the same samples at its sample
    rate, not another cut or encoding.

    Parameters
    ----------
    model : Path
    corpus : Corpus
    mapping : mapping of str to (str or None), optional
        The corpus's genre -> the model's genre; None leaves a genre out.
    options : Options
    report : callable or None
        Shows progress.

    Returns
    -------
    Measured
    Predictions

    Raises
    ------
    ModelFileError
        If the file cannot be used.
    UsageError
        If genres have no counterpart.
    CorpusError
        If no clip can be used, or all were learned.
    """
    check_audio(corpus, model)
    bundle = Bundle.load(model, threads=options.threads)
    about = bundle.metadata
    name = corpus.name
    corpus = translate(corpus, about.genres, mapping or {})
    store = open_store(
        corpus,
        sample_rate=about.sample_rate,
        channels=about.channels,
        report=None if report is None else lambda done, of: report("decoding", done, of),
    )
    labels = labels_of(corpus, [clip.id for clip in corpus.clips], store)
    if not labels:
        raise CorpusError(f"no clip of {corpus.name!r} can be used", code="no-usable-clip")
    learned = learned_clips(store, about) & labels.keys()
    if not options.with_learned:
        labels = {key: genre for key, genre in labels.items() if key not in learned}
    if not labels:
        raise CorpusError(
            f"{model} was trained on all {len(learned)} clips of {name!r}, so no figure can be measured "
            "on them; give other clips, or --with-learned to see how well it remembers them",
            code="model-learned-all-clips",
        )
    ids: list[str] = []
    starts: list[float] = []
    blocks, rates = [], []
    music: list[bool] = []
    for done, clip_id in enumerate(labels, start=1):
        segments = segments_of(store, clip_id, about)
        begin = time.perf_counter()
        outputs = predict_segments(bundle, segments)
        rates.append(segments.size / about.channels / about.sample_rate / (time.perf_counter() - begin))
        blocks.append(outputs.probabilities)
        music.append(_is_music(about, outputs))
        ids += [clip_id] * len(segments)
        starts += [number * about.hop_samples / about.sample_rate for number in range(len(segments))]
        if report is not None:
            report(f"predicting with {model.name}", done, len(labels))
    truth = {key: corpus.genres[number] for key, number in labels.items()}
    found = np.concatenate(blocks).astype(np.float64)
    predictions = Predictions(
        about.genres,
        tuple(ids),
        np.array(starts),
        found / found.sum(axis=1, keepdims=True),
        truth,
        groups_of(corpus, labels),
    )
    tracks = predictions.tracks(about.voting)
    confidence, right = confidences(tracks)
    limits = np.array([about.threshold_of(about.genres[first]) for first in tracks.orders[:, 0]])
    given = (confidence >= limits) & np.array(music)
    return Measured(
        path=model,
        recipe=about.recipe,
        megabytes=model.stat().st_size / 1e6,
        scores=evaluate(predictions, seed=options.seed).track[about.voting],
        calibration_error=calibration_error(confidence, right),
        threshold=about.abstain_below,
        answered=float(given.mean()),
        precision=float(right[given].mean()) if given.any() else math.nan,
        times_real_time=float(np.median(rates)),
        threads=options.threads,
        left_out=0 if options.with_learned else len(learned),
        learned=len(learned) if options.with_learned else 0,
        namesakes=() if about.learned else tuple(each.name for each in about.corpora if each.name == name),
    ), predictions


def _is_music(about: BundleMetadata, outputs: Prediction) -> bool:
    """Return whether a track is music by the model's own threshold; True if it has none."""
    if about.no_music_above is None:
        return True
    return float(outputs.tags[:, about.no_music_column].mean(dtype=np.float64)) < about.no_music_above
