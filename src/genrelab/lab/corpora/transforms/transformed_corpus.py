"""A corpus with changed sound: the same clips, labels, artists and splits.

Clips keep their files, which determine the groups of clips and the age of stores. The sound comes from a
renderer that decodes the original clip and changes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import decode
from genrelab.audio.resample import resample
from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import folder_safe, sound_file
from genrelab.lab.corpora.transforms.sound_changes import SoundChange
from genrelab.lab.corpora.types import Clip, Corpus, Renderer, Waveform


@dataclass(frozen=True, repr=False)
class ChangedSound:
    """Renderer of the clips of a changed corpus.

    Parameters
    ----------
    before : Renderer or None
        Renderer before the change; None reads the clip's file.
    change : SoundChange
    original : str
        Name of the corpus before all changes.
    """

    before: Renderer | None
    change: SoundChange
    original: str

    def __repr__(self) -> str:
        """Return everything that determines the sound; it is part of the store key."""
        return f"ChangedSound({self.before!r}, {self.change!r}, version={self.change.version})"

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> Waveform:
        """Return the changed clip, float32 `[channels, samples]`.

        Raises
        ------
        AudioError
            If the sound cannot be read, or the change cannot be applied to it.
        """
        waveform, rate = self._make(clip, sample_rate, channels, of_the_file=False)
        return match_channels(resample(waveform, rate, sample_rate), channels)

    def _make(self, clip: Clip, rate: int, channels: int, *, of_the_file: bool) -> tuple[Waveform, int]:
        """Return the changed sound and its rate: the rate of the file if this or a later change needs it."""
        of_the_file = of_the_file or self.change.of_the_file
        if isinstance(self.before, ChangedSound):
            waveform, rate = self.before._make(clip, rate, channels, of_the_file=of_the_file)
        elif self.before is not None:
            waveform = self.before(clip, rate, channels)
        else:
            waveform, rate = _read(clip, None if of_the_file else rate, None if of_the_file else channels)
        return self.change(waveform, rate), rate


def _read(clip: Clip, rate: int | None, channels: int | None) -> tuple[Waveform, int]:
    waveform, rate = decode(
        sound_file(clip), start=clip.start or 0.0, duration=clip.duration, sample_rate=rate, channels=channels
    )
    return (waveform if len(waveform) <= 2 else match_channels(waveform, 2)), rate


def derive(corpus: Corpus, change: SoundChange) -> Corpus:
    """Return a corpus with changed sound.

    Parameters
    ----------
    corpus : Corpus
    change : SoundChange

    Returns
    -------
    Corpus
        Named `<name>-<change>`, such as `gtzan-mp3-128`, with the same clips and splits. `path`, `start` and
        `duration` of a clip still refer to the original file.

    Raises
    ------
    CorpusError
        If the corpus is a table of descriptors or pictures.

    Examples
    --------
    >>> from genrelab.lab.corpora.transforms.sound_changes import Mp3
    >>> derive(Corpus("mine", ("a", "b"), ()), Mp3(64)).name
    'mine-mp3-64'
    """
    if corpus.kind != "audio":
        what = "pictures" if corpus.kind == "pictures" else "a table of descriptors"
        message = f"{corpus.name} is {what}, without sound to change. Name a corpus of sound"
        raise CorpusError(message, code="change-of-features")
    return replace(
        corpus,
        name=folder_safe(f"{corpus.name}-{change.name}"),
        renderer=ChangedSound(corpus.renderer, change, original_name(corpus)),
    )


def original_name(corpus: Corpus) -> str:
    """Return the name of a corpus before any change of its sound."""
    return corpus.renderer.original if isinstance(corpus.renderer, ChangedSound) else corpus.name


def original_renderer(corpus: Corpus) -> Renderer | None:
    """Return the renderer of a corpus before any change of its sound; None reads files."""
    renderer = corpus.renderer
    while isinstance(renderer, ChangedSound):
        renderer = renderer.before
    return renderer


def changes_of(corpus: Corpus) -> tuple[SoundChange, ...]:
    """Return the changes to the sound of a corpus, in the order of application."""
    changes: list[SoundChange] = []
    renderer = corpus.renderer
    while isinstance(renderer, ChangedSound):
        changes.append(renderer.change)
        renderer = renderer.before
    return tuple(reversed(changes))
