"""Read every clip once, and keep what the audit needs of it: fingerprint, digests, faults."""

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

_RENDERED_RATE = 22_050  # Hz, for clips that are made and not read

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Heard:
    """What is kept of a clip.

    Parameters
    ----------
    clip : Clip
    seconds : float
        Its length; 0 if it cannot be read.
    fingerprint : Fingerprint or None
        None if it cannot be read.
    file_digest, sound_digest : str or None
        Equal for clips of equal files (and the same part of them), and of equal decoded samples. None
        where there is no file, or no sound but silence.
    faults : sequence of Fault
    """

    clip: Clip
    seconds: float
    fingerprint: Fingerprint | None
    file_digest: str | None
    sound_digest: str | None
    faults: Sequence[Fault]


def hear_all(corpus: Corpus, *, shortest: float, jobs: int, report: Report | None = None) -> list[Heard]:
    """Read all clips of a corpus.

    Parameters
    ----------
    corpus : Corpus
    shortest : float, in seconds
        What is shorter is a fault.
    jobs : int > 0
        Clips read at the same time, in threads: decoders and transforms run beside each other.
    report : callable or None
        Called with clips done and clips in all.

    Returns
    -------
    list of Heard
        In the order of the corpus.
    """
    heard: list[Heard] = []
    with ThreadPoolExecutor(jobs) as pool:
        for each in pool.map(lambda clip: hear(clip, corpus, shortest=shortest), corpus.clips):
            heard.append(each)
            if report is not None:
                report(len(heard), len(corpus.clips))
    return heard


def hear(clip: Clip, corpus: Corpus, *, shortest: float) -> Heard:
    """Read one clip; a file that cannot be read is a fault, not an error."""
    try:
        waveform, rate = _sound(clip, corpus)
    except AudioError as error:
        kind: FaultKind = "cut off" if isinstance(error, CutOffError) else "unreadable"
        return Heard(clip, 0.0, None, None, None, [Fault(clip.id, kind, str(error))])
    if not waveform.size:
        fault = Fault(clip.id, "unreadable", "the clip holds no samples")
        return Heard(clip, 0.0, None, None, None, [fault])
    mono = resample(match_channels(waveform, 1), rate, SAMPLE_RATE)[0]
    silent = not waveform.any()
    return Heard(
        clip=clip,
        seconds=waveform.shape[1] / rate,
        fingerprint=fingerprint(mono),
        file_digest=None if silent else _file_digest(clip),
        sound_digest=None if silent else _sound_digest(waveform, rate),
        faults=faults_of_sound(clip.id, waveform, rate, stated=clip.duration, shortest=shortest),
    )


def _sound(clip: Clip, corpus: Corpus) -> tuple[Waveform, int]:
    if corpus.renderer is not None:
        return corpus.renderer(clip, _RENDERED_RATE, 1), _RENDERED_RATE
    return decode(sound_file(clip), start=clip.start or 0.0, duration=clip.duration)


def _file_digest(clip: Clip) -> str | None:
    if clip.path is None:
        return None
    with clip.path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{content} {clip.start or 0.0} {clip.duration}"


def _sound_digest(waveform: Waveform, sample_rate: int) -> str:
    shape = f"{sample_rate} {waveform.shape} ".encode()
    return hashlib.sha256(shape + np.ascontiguousarray(waveform).tobytes()).hexdigest()
