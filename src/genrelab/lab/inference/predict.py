"""A network's probabilities for every segment of labelled clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from genrelab.errors import CorpusError
from genrelab.lab.corpora.artists import artist_key
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.models import GenreNetwork, Scores
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.dataset import EqualBatches, HeldOutDataset, SegmentDataset
from genrelab.lab.training.experiment import check_genres, labels_of
from genrelab.lab.training.malloc import keep_freed_memory
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.frontend_outputs import Keeping, kept_outputs
from genrelab.lab.training.train import resolve_device

_BATCH = 32
_TOGETHER = 64  # segments of a track whose front-end work is shared
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class TestSet:
    """Clips to be predicted.

    Attributes
    ----------
    corpus : Corpus
        Its genres are the network's outputs, in order.
    ids : sequence of str
        Clips; those that the store does not hold are left out.
    store : AudioStore
        Of the corpus.
    audio : Audio
        The recipe's segments. With the padding `none` a clip shorter than a segment is predicted as it is.
    """

    __test__ = False  # pytest takes classes of this name for tests

    corpus: Corpus
    ids: Sequence[str]
    store: AudioStore
    audio: Audio


def predict(
    network: GenreNetwork, tested: TestSet, *, device: str = "auto", report: Report | None = None
) -> Predictions:
    """Predict every segment of clips.

    Parameters
    ----------
    network : GenreNetwork
    tested : TestSet
    device : {"auto", "cpu", "gpu"}
    report : callable or None
        Called with the number of segments done and of all segments.

    Returns
    -------
    Predictions
        Grouped by artist where the corpus names one, else by file.

    Raises
    ------
    CorpusError
        If no clip is left, or clips have several genres, which exclude each other in the network.
    """
    keep_freed_memory()
    corpus, store, audio = tested.corpus, tested.store, tested.audio
    check_genres(network, corpus)
    labels = labels_of(corpus, tested.ids, store)
    if not labels:
        raise CorpusError(
            f"none of the {len(tested.ids)} clips of {corpus.name!r} to be tested can be used",
            code="no-test-clip",
        )
    shortest = shortest_samples(network, audio)
    dataset = HeldOutDataset(store, labels, audio, shortest=shortest)
    place = torch.device("cuda" if resolve_device(device)[0] == "gpu" else "cpu")
    network = network.to(place).eval()
    use_kept_outputs(network, dataset, report=report)
    blocks: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
    done = 0
    with torch.inference_mode():
        for scores in (_by_track if network.shares_tracks else _by_batch)(network, dataset, place):
            blocks.append(network.probabilities(scores.logits.double()).cpu().numpy())
            done += len(scores.logits)
            if report is not None:
                report(done, len(dataset))
    return Predictions(
        genres=tuple(corpus.genres),
        clip_ids=tuple(item.clip_id for item in dataset.items),
        starts=np.array([item.start / store.sample_rate for item in dataset.items]),
        probabilities=np.concatenate(blocks),
        truth={key: corpus.genres[number] for key, number in labels.items()},
        groups=groups_of(corpus, labels),
    )


def use_kept_outputs(network: GenreNetwork, dataset: SegmentDataset, *, report: Report | None = None) -> None:
    """Let a dataset give kept outputs of the network's fixed front-ends, if its segments allow it.

    `report` gets the numbers of clips whose outputs are computed, and of all that lack them.
    """
    grid = None if network.shares_tracks else dataset.grid()
    if grid is not None:
        options = Keeping(report=report)
        dataset.outputs = kept_outputs(network, dataset.store, grid, list(dataset.labels), options=options)


def _by_batch(network: GenreNetwork, dataset: SegmentDataset, place: torch.device) -> Iterator[Scores]:
    """Predict segments in batches of equal length, whatever clips they belong to."""
    for waveform, _ in DataLoader(dataset, batch_sampler=EqualBatches(dataset, _BATCH)):
        yield network(waveform.to(place))


def _by_track(network: GenreNetwork, dataset: SegmentDataset, place: torch.device) -> Iterator[Scores]:
    """Predict clip by clip, so that overlapping segments share work."""
    store, length = dataset.store, dataset.audio.segment_samples
    for clip_id, numbered in groupby(enumerate(dataset.items), key=lambda pair: pair[1].clip_id):
        items = list(numbered)
        if store.frames(clip_id) < length:  # one segment; the dataset knows its length
            yield network(dataset.waveform((0, items[0][0]))[None].to(place))
            continue
        for begin in range(0, len(items), _TOGETHER):
            starts = [item.start for _, item in items[begin : begin + _TOGETHER]]
            track = store.read(clip_id, starts[0], starts[-1] + length - starts[0])
            local = [start - starts[0] for start in starts]
            yield network.score_track(torch.from_numpy(track).to(place), local, length)


def groups_of(corpus: Corpus, ids: Iterable[str]) -> dict[str, str]:
    """Return the unit of resampling of each clip: its artist or, if unknown, its file.

    Parameters
    ----------
    corpus : Corpus
    ids : iterable of str
        Clips.

    Returns
    -------
    dict of str to str
        Clip id -> group; clips without artist and file are missing.
    """
    clips = corpus.by_id()
    first_of_file: dict[Path, str] = {}
    groups = {}
    for key in ids:
        clip = clips[key]
        artist = artist_key(clip.artist)
        if artist is not None:
            groups[key] = f"artist:{artist}"
        elif clip.path is not None:
            groups[key] = f"file:{first_of_file.setdefault(clip.path, key)}"
    return groups
