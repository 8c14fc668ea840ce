"""`genrelab listen`: the genre of live audio."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.options import ModelOption, QuietOption, TagsOption
from genrelab.cli.progress import note, say
from genrelab.errors import UsageError
from genrelab.printing import json_text

if TYPE_CHECKING:
    from genrelab.recognize.live.listening import Moment, Waveform
    from genrelab.recognize.recognizer import Recognizer

_READ_SECONDS = 0.1  # of raw audio per read
_MOST_CHANNELS = 64
_MOST_READ = 1 << 20  # bytes per read, whatever the rate and channels


def listen(
    model: ModelOption = None,
    raw: Annotated[
        Literal["s16le", "s24le", "s32le", "f32le"] | None,
        typer.Option(help="Read raw samples in this format from standard input instead of the microphone."),
    ] = None,
    rate: Annotated[int | None, typer.Option(metavar="HZ", help="Sample rate of the raw audio.")] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=_MOST_CHANNELS, help="Number of interleaved channels of the raw audio."
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME|NUMBER", help="The sound input; default: that of the system."),
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="List the sound inputs and exit.")
    ] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Time between two results.")] = 1.0,
    window: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Length of audio that each result covers.",
            show_default="two segments of the model",
        ),
    ] = None,
    top: Annotated[int, typer.Option(metavar="K", min=1, help="Number of genres per result.")] = 3,
    tags: TagsOption = False,
    format: Annotated[
        Literal["table", "jsonl"], typer.Option(help="Output format, one line per result.")
    ] = "table",
    quiet: QuietOption = False,
) -> None:
    """Recognize the genre of live audio from a microphone or standard input, once a second.

    Example: genrelab listen --tags

    A stream: ffmpeg -i URL -f s16le -ar 44100 -ac 2 - | genrelab listen --raw s16le --rate 44100 --channels 2

    Exit code: 0 when the audio ends; 1 if none arrives or it fails; 2 for wrong use; 130 after Ctrl-C.
    """
    if list_devices:
        _show_devices()
        return
    _check_options(raw, rate, channels, device)
    from genrelab.bundle.find import find_model
    from genrelab.recognize import Recognizer
    from genrelab.recognize.live.listening import listen as follow

    recognizer = Recognizer.load(find_model(model))
    if tags:
        recognizer.bundle.check_tags()
    if raw is not None and rate is not None and channels is not None:
        blocks, sample_rate = _raw_blocks(raw, rate, channels), rate
    else:
        blocks, sample_rate = _microphone(recognizer, device, quiet=quiet)
    moments = follow(recognizer, blocks, sample_rate, every_seconds=every, window_seconds=window)
    width = max(len(genre) for genre in recognizer.bundle.metadata.genres)
    skipped = 0
    try:
        for moment in moments:
            if moment.behind and not skipped and not quiet:
                note("note: the network is slower than the audio; results are skipped to keep up")
            skipped += moment.behind
            line = json_text(moment.to_dict(top=top))
            say(line if format == "jsonl" else _row(moment, top, width, tags=tags))
            sys.stdout.flush()
    finally:
        if skipped and not quiet:
            note(f"note: {skipped} results were skipped")


def _check_options(raw: str | None, rate: int | None, channels: int | None, device: str | None) -> None:
    if raw is None:
        if rate is not None or channels is not None:
            message = "--rate and --channels describe raw audio. Give its format too, such as --raw s16le"
            raise UsageError(message, code="raw-options-without-raw")
        return
    if device is not None:
        message = "--raw reads standard input and --device a sound input. Give one of them"
        raise UsageError(message, code="raw-and-device")
    if rate is None or channels is None:
        message = f"raw audio has no header. Add --rate HZ and --channels N to --raw {raw}"
        raise UsageError(message, code="raw-without-form")
    if sys.stdin is None or sys.stdin.isatty():
        message = "--raw reads audio from standard input. Pipe it in, for example from ffmpeg"
        raise UsageError(message, code="raw-from-terminal")


def _raw_blocks(
    raw: Literal["s16le", "s24le", "s32le", "f32le"], rate: int, channels: int
) -> Iterator[Waveform]:
    from genrelab.recognize.live.pcm import frame_bytes, pcm_blocks

    size = min(max(1, round(_READ_SECONDS * rate)) * frame_bytes(raw, channels), _MOST_READ)
    return pcm_blocks(_standard_input(size), raw, channels)


def _standard_input(size: int) -> Iterator[bytes]:
    """Yield bytes as they arrive, and an empty piece from time to time while none arrive."""
    descriptor = sys.stdin.fileno()  # sys.stdin's buffer may still be locked when the process exits
    while True:
        if os.name == "posix" and not select.select([descriptor], [], [], _READ_SECONDS)[0]:
            yield b""
            continue
        piece = os.read(descriptor, size)
        if not piece:
            return
        yield piece


def _microphone(recognizer: Recognizer, device: str | None, *, quiet: bool) -> tuple[Iterator[Waveform], int]:
    from genrelab.recognize.live.microphone import find_microphone, record

    microphone = find_microphone(device)
    if not quiet:
        note(f"note: listening to {microphone.name}; stop with Ctrl-C")
    channels = recognizer.bundle.metadata.channels
    return record(microphone, channels=channels), microphone.sample_rate


def _show_devices() -> None:
    from genrelab.recognize.live.microphone import list_microphones

    for found in list_microphones():
        say(f"{found.number:3}  {found.name}  ({found.channels} channels, {found.sample_rate} Hz)")


def _row(moment: Moment, top: int, width: int, *, tags: bool) -> str:
    """Return a result as a line for people."""
    from genrelab.recognize.recognition import UNSURE
    from genrelab.recognize.writers.table import clock, percent, tag_items

    record = moment.recognition
    if record.genre == UNSURE:
        named, ranked = f"{UNSURE}: {record.reason}", record.genres[:top]
    else:
        named, ranked = record.genre or "", record.genres[1:top]
    then = ", ".join(f"{genre} {percent(probability)}" for genre, probability in ranked)
    late = f"  ({moment.behind} skipped)" if moment.behind else ""
    row = f"{clock(moment.time):>8}  {named:{width}}  {percent(record.confidence or 0.0):>5}  {then}".rstrip()
    named_tags = ", ".join(tag_items(record.present_tags)) if tags else ""
    return f"{row}  [{named_tags}]{late}" if named_tags else row + late
