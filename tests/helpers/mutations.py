"""Damage to files as it happens, and as somebody might do on purpose: the same for the same generator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Before or behind these stand sizes and counts.
_MARKS = (
    *(b"RIFF", b"RF64", b"ds64", b"riff", b"fmt ", b"data", b"fact", b"LIST", b"id3 ", b"FORM", b"COMM"),
    *(b"SSND", b".snd", b"caff", b"desc", b"pakt", b"wvpk", b"TTA1", b"FLV", b"AVI ", b"hdrl", b"strh"),
    *(b"strf", b"movi", b"\x1aE\xdf\xa3", b"\x18S\x80g", b"ID3", b"TIT2", b"TCON", b"APIC", b"PRIV"),
    *(b"TXXX", b"APETAGEX", b"Xing", b"Info", b"LAME", b"TAG", b"fLaC", b"OggS", b"OpusHead", b"OpusTags"),
    *(b"\x01vorbis", b"\x03vorbis", b"\x05vorbis", b"ARTIST", b"ftyp", b"moov", b"mvhd", b"trak", b"mdhd"),
    *(b"stsd", b"mp4a", b"esds", b"alac", b"stts", b"stsc", b"stsz", b"stco", b"mdat", b"udta", b"meta"),
    *(b"ilst", b"covr", b"----", b"MPCK", b"MAC ", b"LYRICS200"),
    *(b"\x11M\x9bt", b"\x12T\xc3g", b"\x16T\xaek", b"\x1fC\xb6u", b"\x1cS\xbbk", b"ss", b"g\xc8"),  # Matroska
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),  # ASF: header, file and stream properties, ...
    bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"),
    bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365"),
    bytes.fromhex("40a4d0d207e3d21197f000a0c95ea850"),
    bytes.fromhex("3326b2758e66cf11a6d900aa0062ce6c"),
)
_HUGE = (
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\0\0\0\x80"),
    *(b"\x7f\x7f\x7f\x7f", b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xff" * 7 + b"\x7f", b"\0\0\0\0"),
    *(b"\xff\xff", b"\0\0\0\1", b"\1\0\0\0"),
)


def mutate(data: bytes, other: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """Damage a file in one to three ways.

    Parameters
    ----------
    data : bytes
        The file.
    other : bytes
        A file of another format.
    rng : np.random.Generator

    Returns
    -------
    damaged : bytes
        Never empty.
    how : str
        What was done.
    """
    names = []
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        way = WAYS[int(rng.integers(len(WAYS)))]
        names.append(way.__name__)
        data = way(data, other, rng) or data
    return data, ", ".join(names)


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Return an offset, half of the time near an end, where headers and tags are."""
    near = min(len(data), int(rng.choice([64, 1000, 8000])))
    kind = rng.random()
    if kind < 0.4:
        return int(rng.integers(near))
    return len(data) - 1 - int(rng.integers(near)) if kind < 0.5 else int(rng.integers(len(data)))


def _length(data: bytes, rng: np.random.Generator) -> int:
    return int(min(len(data), rng.choice([1, 4, 16, 300, 5000])) * rng.random()) + 1


def flip_bits(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Invert single bits."""
    damaged = bytearray(data)
    for _ in range(int(rng.choice([1, 3, 30]))):
        damaged[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def cut(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Drop the end, the beginning, or something between."""
    begin, end = sorted((_place(data, rng), _place(data, rng)))
    return (data[:end], data[begin:], data[:begin] + data[end:])[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]


def zero(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Put zeros in place of a range."""
    at, length = _place(data, rng), _length(data, rng)
    return data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]


def duplicate(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Put a range in a second time, behind itself or elsewhere."""
    at, length = _place(data, rng), _length(data, rng)
    to = at if rng.random() < 0.5 else _place(data, rng)
    return data[:to] + data[at : at + length] + data[to:]


def splice(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Go on with a file of another format."""
    return data[: _place(data, rng)] + other[_place(other, rng) :]


def insert(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Put random bytes in."""
    at = _place(data, rng)
    return data[:at] + rng.bytes(_length(data, rng)) + data[at:]


def claim(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Put a huge number, or none, where a size or a count stands."""
    places = [at for mark in _MARKS for at in _found(data, mark)]
    at = places[int(rng.integers(len(places)))] if places else _place(data, rng)
    at = max(0, at + int(rng.choice([-4, 3, 4, 6, 8, 16, 20])))
    number = _HUGE[int(rng.integers(len(_HUGE)))]
    return data[:at] + number + data[at + len(number) :]


def _found(data: bytes, mark: bytes) -> list[int]:
    """Return where a mark first and last is."""
    return sorted({at for at in (data.find(mark), data.rfind(mark)) if at >= 0})


WAYS: tuple[Callable[[bytes, bytes, np.random.Generator], bytes], ...] = (
    *(flip_bits, cut, zero, duplicate, splice, insert, claim, claim),
)
