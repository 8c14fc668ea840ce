"""Record from the microphone or another input of the sound card, through PortAudio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import AudioError, MissingExtraError, UsageError
from genrelab.extras import need_extra

Waveform = npt.NDArray[np.float32]

_BLOCK_SECONDS = 0.1


class Microphone(NamedTuple):
    """A sound input: number, name, channels and default sample rate in Hz."""

    number: int
    name: str
    channels: int
    sample_rate: int


def list_microphones() -> list[Microphone]:
    """Return all sound inputs.

    Raises
    ------
    MissingExtraError
        If sounddevice or PortAudio is not installed.
    AudioError
        If the system cannot list them.
    """
    sounddevice = _sounddevice()
    try:
        found = sounddevice.query_devices()
    except sounddevice.PortAudioError as error:
        raise AudioError(f"the sound inputs cannot be listed: {error}", code="inputs-unlisted") from error
    return [_described(device) for device in found if device["max_input_channels"] > 0]


def find_microphone(wanted: str | None = None) -> Microphone:
    """Return one sound input.

    Parameters
    ----------
    wanted : str or None
        Its number, or a unique part of its name; None means the default input of the system.

    Raises
    ------
    MissingExtraError
        If sounddevice or PortAudio is not installed.
    UsageError
        If there is no such input, or more than one.
    AudioError
        If there is no input.
    """
    sounddevice = _sounddevice()
    number_or_name = int(wanted) if wanted is not None and wanted.isdecimal() else wanted
    try:
        return _described(sounddevice.query_devices(number_or_name, "input"))
    except (ValueError, sounddevice.PortAudioError) as error:
        remedy = "`genrelab listen --list-devices` lists the inputs."
        if wanted is None:
            message = f"there is no default sound input ({error}). {remedy}"
            raise AudioError(message, code="no-default-input") from error
        message = f"the sound input {wanted!r} cannot be used ({error}). {remedy}"
        raise UsageError(message, code="input-unusable") from error


def record(microphone: Microphone, *, channels: int = 2) -> Iterator[Waveform]:
    """Record until the iterator is closed.

    Parameters
    ----------
    microphone : Microphone
    channels : int > 0
        Number of channels; fewer if the input has fewer.

    Yields
    ------
    np.ndarray [shape=(channels, samples)], float32
        A tenth of a second at the default sample rate of the input, with the full scale -1..1.

    Raises
    ------
    AudioError
        If the input cannot be opened or is disconnected.
    """
    sounddevice = _sounddevice()
    try:
        with sounddevice.InputStream(
            samplerate=microphone.sample_rate,
            device=microphone.number,
            channels=min(channels, microphone.channels),
            dtype="float32",
        ) as stream:
            while True:
                samples, _ = stream.read(max(1, round(_BLOCK_SECONDS * microphone.sample_rate)))
                yield np.ascontiguousarray(samples.T)
    except sounddevice.PortAudioError as error:
        message = f"recording from the sound input {microphone.name!r} failed: {error}"
        raise AudioError(message, code="input-failed") from error


def _sounddevice() -> Any:
    """Import sounddevice, which loads PortAudio."""
    try:
        return need_extra("live", "listening without --raw", "sounddevice")
    except OSError as error:
        raise MissingExtraError(
            f"the microphone needs PortAudio ({error}). Install it (on Debian and Ubuntu: apt install "
            "libportaudio2), or pipe audio to `genrelab listen --raw`.",
            code="portaudio-missing",
        ) from error


def _described(device: Any) -> Microphone:
    return Microphone(
        int(device["index"]),
        str(device["name"]),
        int(device["max_input_channels"]),
        round(device["default_samplerate"]),
    )
