"""Analysis of clips for the audit: fingerprint, digests and faults, with each clip decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import decode
from genrelab.audio.resample import resample
from genrelab.errors import AudioError, CutOffError
from genrelab.lab.audit.faults import Fault, FaultKind, faults_of_sound
from genrelab.lab.audit.fingerprint import SAMPLE_RATE, Fingerprint, fingerprint
from genrelab.lab.corpora.paths import sound_file
from genrelab.lab.corpora.types import Clip, Corpus, Waveform

_RENDERED_RATE = 22_050  # Hz, for rendered clips

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class ClipAnalysis:
    """What the audit needs to know about a clip.

    Parameters
    ----------
    clip : Clip
    seconds : float
        Its length, 1 for a picture; 0 if it cannot be read.
    fingerprint : Fingerprint or None
        None if it cannot be read.
    file_digest, sound_digest : str or None
        Equal for clips with equal files (and the same part of them), or with equal decoded samples. None
        without a file, and for silence.
    faults : sequence of Fault
    """

    clip: Clip
    seconds: float
    fingerprint: Fingerprint | None
    file_digest: str | None
    sound_digest: str | None
    faults: Sequence[Fault]


def analyze_clips(
    corpus: Corpus, *, shortest: float, jobs: int, report: Report | None = None
) -> list[ClipAnalysis]:
    """Analyze all clips of a corpus.

    Parameters
    ----------
    corpus : Corpus
    shortest : float, in seconds
        A shorter clip is a fault.
    jobs : int > 0
        Clips processed in parallel, in threads.
    report : callable or None
        Called with the number of finished clips and the total.

    Returns
    -------
    list of ClipAnalysis
        In the order of the corpus.
    """
    analyses: list[ClipAnalysis] = []
    with ThreadPoolExecutor(jobs) as pool:
        for each in pool.map(lambda clip: analyze(clip, corpus, shortest=shortest), corpus.clips):
            analyses.append(each)
            if report is not None:
                report(len(analyses), len(corpus.clips))
    return analyses


def analyze(clip: Clip, corpus: Corpus, *, shortest: float) -> ClipAnalysis:
    """Analyze one clip; an unreadable file is a fault, not an error."""
    try:
        waveform, rate = _sound(clip, corpus)
    except AudioError as error:
        kind: FaultKind = "cut off" if isinstance(error, CutOffError) else "unreadable"
        return ClipAnalysis(clip, 0.0, None, None, None, [Fault(clip.id, kind, str(error))])
    if not waveform.size:
        fault = Fault(clip.id, "unreadable", "the clip holds no samples")
        return ClipAnalysis(clip, 0.0, None, None, None, [fault])
    mono = resample(match_channels(waveform, 1), rate, SAMPLE_RATE)[0]
    silent = not waveform.any()
    return ClipAnalysis(
        clip=clip,
        seconds=waveform.shape[1] / rate,
        fingerprint=fingerprint(mono),
        file_digest=None if silent else file_digest(clip),
        sound_digest=None if silent else _sound_digest(waveform, rate),
        faults=faults_of_sound(clip.id, waveform, rate, stated=clip.duration, shortest=shortest),
    )


def _sound(clip: Clip, corpus: Corpus) -> tuple[Waveform, int]:
    if corpus.renderer is not None:
        return corpus.renderer(clip, _RENDERED_RATE, 1), _RENDERED_RATE
    return decode(sound_file(clip), start=clip.start or 0.0, duration=clip.duration)


def file_digest(clip: Clip) -> str | None:
    """Return a digest of a clip's file and part, None without a file."""
    if clip.path is None:
        return None
    with clip.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{content} {clip.start or 0.0} {clip.duration}"


def sound_digest(clip: Clip, corpus: Corpus) -> str | None:
    """Return the `sound_digest` that an analysis of a clip has; None for silence.

    Raises
    ------
    AudioError
        If the clip cannot be read.
    """
    waveform, rate = _sound(clip, corpus)
    return _sound_digest(waveform, rate) if waveform.any() else None


def _sound_digest(waveform: Waveform, sample_rate: int) -> str:
    shape = f"{sample_rate} {waveform.shape} ".encode()
    return hashlib.sha256(shape + np.ascontiguousarray(waveform).tobytes()).hexdigest()
