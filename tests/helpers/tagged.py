"""Real sound files of every format with real tags, and what outside programs see in them."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import av
import mutagen
import mutagen.apev2
import mutagen.asf
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import needs
from tones import write_sound

Record = TypeVar("Record")
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20  # no picture a viewer knows, but its bytes must stay


def _id3_frames(*, genre: str | None, version: int) -> mutagen.id3.ID3:
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=1, text="Lied ohne Wörter"))
    tags.add(mutagen.id3.TPE1(encoding=3 if version == 4 else 1, text=["Ensemble Ω", "Zweite"]))
    tags.add(mutagen.id3.TRCK(encoding=0, text="3/9"))
    tags.add(mutagen.id3.TXXX(encoding=1, desc="MOOD", text="calm"))
    tags.add(mutagen.id3.COMM(encoding=1, lang="deu", desc="", text="Ein Kommentar"))
    tags.add(mutagen.id3.PRIV(owner="someone", data=bytes(range(256))))
    tags.add(mutagen.id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=PICTURE))
    tags.add(
        mutagen.id3.TDRC(encoding=0, text="2003-04-05") if version == 4 else mutagen.id3.TYER(text="2003")
    )
    if genre is not None:
        tags.add(mutagen.id3.TCON(encoding=1, text=genre))
    return tags


def tag_id3(path: Path, version: int, genre: str | None = None) -> None:
    """Put an ID3v2 tag before MPEG audio."""
    _id3_frames(genre=genre, version=version).save(path, v2_version=version, v23_sep=None, v1=0)


def tag_id3v1(path: Path, number: int) -> None:
    """Put an ID3v1 tag behind MPEG audio; what it says differs from the other tags."""
    texts = [b"Old title".ljust(30, b"\0"), b"Old artist".ljust(30, b"\0"), b"Old album".ljust(30, b"\0")]
    comment = b"old comment".ljust(28, b"\0") + b"\0\x07"
    with path.open("ab") as file:
        file.write(b"TAG" + b"".join(texts) + b"1999" + comment + bytes([number]))


def tag_ape(path: Path, genre: str | None = None) -> None:
    """Put an APEv2 tag behind MPEG audio."""
    tags = mutagen.apev2.APEv2()
    tags["Title"] = "Ape title"
    tags["MP3GAIN_MINMAX"] = "100,200"
    if genre:
        tags["Genre"] = genre
    tags.save(str(path))


def tag_id3v22(path: Path, genre: bytes | None = None) -> None:
    """Put an ID3v2.2 tag before MPEG audio, by hand: mutagen does not write them."""
    frames = b""
    for name, text in ((b"TT2", b"\0Title"), (b"TP1", b"\0Artist"), (b"TCO", genre and b"\0" + genre)):
        if text:
            frames += name + len(text).to_bytes(3, "big") + text
    picture = b"\0PNG\3\0" + PICTURE
    frames += b"PIC" + len(picture).to_bytes(3, "big") + picture
    size = len(frames)
    path.write_bytes(
        b"ID3\2\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames + path.read_bytes()
    )


def tag_chunk(path: Path, version: int, genre: str | None = None) -> None:
    """Put an ID3v2 chunk into WAV or AIFF."""
    file = mutagen.File(path)
    file.add_tags()
    for frame in _id3_frames(genre=genre, version=version).values():
        file.tags.add(frame)
    file.tags.save(path, v2_version=version, v23_sep=None)


def tag_info(path: Path, *, genre: bytes | None = None, title: bytes = b"Lied ohne W\xc3\xb6rter") -> None:
    """Put RIFF's `LIST INFO` before the sound of WAV, by hand; its last text has no zero to make it even."""
    entries = [(b"INAM", title), (b"IGNR", genre), (b"ISFT", b"four")]
    info = b"INFO"
    for name, text in entries:
        if text is not None:
            info += name + (len(text) + 1).to_bytes(4, "little") + text + b"\0" + bytes((len(text) + 1) % 2)
    info = info[:-1]
    chunk = b"LIST" + len(info).to_bytes(4, "little") + info + bytes(len(info) % 2)
    data = path.read_bytes()
    size = len(data) - 8 + len(chunk)
    path.write_bytes(b"RIFF" + size.to_bytes(4, "little") + data[8:36] + chunk + data[36:])


def tag_comments(path: Path, *genres: str) -> None:
    """Put Vorbis comments into FLAC or Ogg, with a picture, and one that is no UTF-8."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file["TITLE"], file["ARTIST"] = "Lied ohne Wörter", ["Ensemble Ω", "Zweite"]
    for genre in genres:
        file.tags.append(("Genre", genre))
    file.tags.append(("COMMENT", "behind the genre"))
    if isinstance(file, mutagen.flac.FLAC):
        picture = mutagen.flac.Picture()
        picture.data, picture.mime, picture.type = PICTURE, "image/png", 3
        file.add_picture(picture)
    file.save()
    data = path.read_bytes()
    if isinstance(file, mutagen.flac.FLAC):  # Ogg has checksums
        path.write_bytes(data.replace("Wörter".encode(), b"W\xf6\xf6rter", 1))


def tag_mp4(path: Path, *genres: str) -> None:
    """Put iTunes' atoms into MP4."""
    file = mutagen.mp4.MP4(path)
    if file.tags is None:
        file.add_tags()
    file["\xa9nam"], file["\xa9ART"] = ["Lied ohne Wörter"], ["Ensemble Ω", "Zweite"]
    file["trkn"], file["tmpo"], file["cpil"] = [(3, 9)], [120], True
    file["----:com.apple.iTunes:MOOD"] = [mutagen.mp4.MP4FreeForm(b"calm")]
    file["covr"] = [mutagen.mp4.MP4Cover(PICTURE, mutagen.mp4.MP4Cover.FORMAT_PNG)]
    if genres:
        file["\xa9gen"] = list(genres)
    file.save()


def tag_asf(path: Path, *genres: str) -> None:
    """Put attributes into WMA."""
    file = mutagen.asf.ASF(path)
    file["Title"], file["Author"] = ["Lied ohne Wörter"], ["Ensemble Ω", "Zweite"]
    file["WM/TrackNumber"] = [mutagen.asf.ASFDWordAttribute(3)]
    file["WM/Picture"] = [mutagen.asf.ASFByteArrayAttribute(b"\3" + PICTURE)]
    if genres:
        file["WM/Genre"] = list(genres)
    file.save()


def tag_items(path: Path, *genres: str) -> None:
    """Put an APEv2 tag behind the sound, with a picture, an item marked read-only, and GENRE in capitals."""
    items = [(0, b"Title", "Lied ohne Wörter".encode()), (1, b"ARTIST", "Ensemble Ω\0Zweite".encode())]
    items += [(2, b"Cover Art (Front)", b"cover.png\0" + PICTURE), (4, b"Related", b"http://localhost/")]
    if genres:
        items.insert(2, (0, b"GENRE", "\0".join(genres).encode()))
    body = b"".join(
        struct.pack("<2I", len(value), flags) + key + b"\0" + value for flags, key, value in items
    )
    sizes = struct.pack("<3I", 2000, len(body) + 32, len(items))
    header, footer = (
        b"APETAGEX" + sizes + flags.to_bytes(4, "little") + bytes(8) for flags in (0xA0000000, 1 << 31)
    )
    _put_behind(path, header + body + footer)


def tag_items_without_header(path: Path, *genres: str) -> None:
    """The same, with no header."""
    tag_items(path, *genres)
    data = path.read_bytes()
    at = data.index(b"APETAGEX")
    path.write_bytes(data[:at] + data[at + 32 : -12] + bytes(4) + data[-8:])


def _put_behind(path: Path, tag: bytes) -> None:
    data = path.read_bytes()
    at = data.find(b"APETAGEX")  # what FFmpeg wrote, to say that it was FFmpeg
    path.write_bytes((data if at < 0 else data[:at]) + tag)


def without_items(path: Path) -> None:
    """Take the APEv2 tag away."""
    _put_behind(path, b"")


def tag_matroska(path: Path, *genres: str) -> None:
    """Let FFmpeg write a Matroska or WebM file again, with tags."""
    texts = {"title": "Lied ohne Wörter", "artist": "Ensemble Ω", "MOOD": "calm"}
    if genres:
        texts["genre"] = genres[0]
    bare = path.with_stem("bare")
    path.rename(bare)
    container = "webm" if path.suffix == ".webm" else "matroska"
    with av.open(str(bare)) as source, av.open(str(path), "w", format=container) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        output.metadata.update(texts)
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    bare.unlink()


def _mp3(*taggers: Callable[[Path], None]) -> Callable[[Path], None]:
    def tag(path: Path) -> None:
        for tagger in taggers:
            tagger(path)

    return tag


# Name -> container, how it is tagged, the genres that it has then.
KINDS: dict[str, tuple[str, Callable[[Path], None], tuple[str, ...]]] = {
    "mp3-bare": ("mp3", lambda path: None, ()),
    "mp3-23": ("mp3", lambda path: tag_id3(path, 3), ()),
    "mp3-23-genre": ("mp3", lambda path: tag_id3(path, 3, "(17)"), ("Rock",)),
    "mp3-24": ("mp3", lambda path: tag_id3(path, 4), ()),
    "mp3-24-genre": ("mp3", lambda path: tag_id3(path, 4, "Krautrock"), ("Krautrock",)),
    "mp3-22": ("mp3", lambda path: tag_id3v22(path, b"(8)"), ("Jazz",)),
    "mp3-v1": ("mp3", lambda path: tag_id3v1(path, 17), ("Rock",)),
    "mp3-v1-none": ("mp3", lambda path: tag_id3v1(path, 255), ()),
    "mp3-all": (
        "mp3",
        _mp3(lambda p: tag_id3(p, 3, "Blues"), tag_ape, lambda p: tag_id3v1(p, 0)),
        ("Blues",),
    ),
    "mp3-ape": ("mp3", lambda path: tag_ape(path, "Ska"), ("Ska",)),
    "flac": ("flac", tag_comments, ()),
    "flac-bare": ("flac", lambda path: None, ()),
    "flac-genre": ("flac", lambda path: tag_comments(path, "Dub", "Ska"), ("Dub", "Ska")),
    "ogg": ("ogg", tag_comments, ()),
    "ogg-genre": ("ogg", lambda path: tag_comments(path, "Dub", "Ska"), ("Dub", "Ska")),
    "opus": ("opus", tag_comments, ()),
    "opus-genre": ("opus", lambda path: tag_comments(path, "Dub"), ("Dub",)),
    "oga": ("oga", tag_comments, ()),
    "oga-genre": ("oga", lambda path: tag_comments(path, "Dub"), ("Dub",)),
    "m4a": ("m4a", tag_mp4, ()),
    "m4a-bare": ("m4a", lambda path: None, ()),
    "m4a-fast": ("m4a-fast", lambda path: tag_mp4(path, "Dub", "Ska"), ("Dub", "Ska")),
    "m4a-fast-bare": ("m4a-fast", lambda path: None, ()),
    "wma": ("wma", tag_asf, ()),
    "wma-genre": ("wma", lambda path: tag_asf(path, "Dub", "Ska"), ("Dub", "Ska")),
    "wma-bare": ("wma", lambda path: None, ()),
    "wma-ffmpeg": ("wma-ffmpeg", lambda path: None, ()),
    "wma-ffmpeg-genre": ("wma-ffmpeg-genre", lambda path: None, ("Dub",)),
    "aiff": ("aiff", lambda path: tag_chunk(path, 3), ()),
    "aiff-genre": ("aiff", lambda path: tag_chunk(path, 4, "Dub"), ("Dub",)),
    "aiff-bare": ("aiff", lambda path: None, ()),
    "wav": ("wav", lambda path: tag_chunk(path, 4), ()),
    "wav-genre": ("wav", lambda path: tag_chunk(path, 3, "Dub"), ("Dub",)),
    "wav-bare": ("wav", lambda path: None, ()),
    "wav-info": ("wav", tag_info, ()),
    "wav-info-genre": ("wav", lambda path: tag_info(path, genre=b"Dub"), ("Dub",)),
    "wav-all": ("wav", _mp3(lambda p: tag_info(p, genre=b"Ska"), lambda p: tag_chunk(p, 4, "Dub")), ("Dub",)),
    "wv": ("wv", tag_items, ()),
    "wv-genre": ("wv", lambda path: tag_items(path, "Dub", "Ska"), ("Dub", "Ska")),
    "wv-footer": ("wv", lambda path: tag_items_without_header(path, "Dub"), ("Dub",)),
    "wv-bare": ("wv", without_items, ()),
    "tta": ("tta", tag_items, ()),
    "tta-genre": ("tta", lambda path: tag_items(path, "Dub", "Ska"), ("Dub", "Ska")),
    "tta-id3": ("tta", _mp3(without_items, lambda path: tag_id3(path, 4, "Blues")), ("Blues",)),
    "tta-both": (
        "tta",
        _mp3(lambda path: tag_items(path, "Dub"), lambda path: tag_id3(path, 3, "Ska")),
        ("Ska",),
    ),
    "mka": ("mka", tag_matroska, ()),
    "mka-genre": ("mka", lambda path: tag_matroska(path, "Dub"), ("Dub",)),
    "mka-bare": ("mka", lambda path: None, ()),
    "mkv": ("mkv", tag_matroska, ()),
    "webm": ("webm", tag_matroska, ()),
    "webm-genre": ("webm", lambda path: tag_matroska(path, "Dub"), ("Dub",)),
    "tta-bare": ("tta", without_items, ()),
    "tta-v1": ("tta", _mp3(without_items, lambda path: tag_id3v1(path, 17)), ("Rock",)),
}
# Of containers whose sound is RECORDED.
RECORDED_KINDS: dict[str, tuple[str, Callable[[Path], None], tuple[str, ...]]] = {
    "ape": ("ape", tag_items, ()),
    "ape-genre": ("ape", lambda path: tag_items(path, "Dub", "Ska"), ("Dub", "Ska")),
    "ape-bare": ("ape", lambda path: None, ()),
    "ape-all": ("ape", _mp3(lambda path: tag_items(path, "Dub"), lambda path: tag_id3v1(path, 17)), ("Dub",)),
    "mpc": ("mpc", tag_items, ()),
    "mpc-genre": ("mpc", lambda path: tag_items(path, "Dub", "Ska"), ("Dub", "Ska")),
    "mpc-bare": ("mpc", lambda path: None, ()),
}


def make(folder: Path, kind: str, **options: float) -> Path:
    """Write a tagged file of one of KINDS or RECORDED_KINDS."""
    container, tag, _ = {**KINDS, **RECORDED_KINDS}[kind]
    path = write_sound(folder / f"{kind}.{container.partition('-')[0]}", container, **options)
    tag(path)
    return path


def samples(path: Path) -> str:
    """A hash of what FFmpeg decodes."""
    digest = hashlib.sha256()
    with av.open(str(path), metadata_errors="replace") as container:
        for frame in container.decode(container.streams.audio[0]):
            digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()


def as_ffmpeg_sees(path: Path) -> dict[str, object]:
    """All tags but the genre, and the pictures, as FFmpeg reads them."""
    with av.open(str(path), metadata_errors="replace") as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
        pictures = [
            hashlib.sha256(bytes(packet)).hexdigest()
            for stream in container.streams.video
            for packet in container.demux(stream)
            if packet.size
        ]
    return {
        "pictures": pictures,
        **{key.lower(): value for key, value in tags.items() if key.lower() != "genre"},
    }


def as_ffprobe_sees(path: Path) -> dict[str, object] | None:
    """All tags but the genre, as ffprobe prints them; None where it is not installed."""
    ffprobe = needs.find("ffprobe")
    if ffprobe is None:
        return None
    command = [ffprobe, "-v", "error", "-of", "json", "-show_format", "-show_streams", str(path)]
    shown = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    tags = {**shown["format"].get("tags", {}), **shown["streams"][0].get("tags", {})}
    return {key.lower(): value for key, value in tags.items() if key.lower() != "genre"}


def as_mutagen_sees(path: Path) -> list[str]:
    """All tags but the genre, as mutagen reads them."""
    file = mutagen.File(path)
    tags = {} if file is None or file.tags is None else file.tags
    items = list(tags) if isinstance(tags, list) else list(tags.items())
    genre = ("TCON", "GENRE", "\xa9gen", "WM/Genre")
    seen = [f"{key.upper()}={value!r}" for key, value in items if key not in genre and key.upper() != "GENRE"]
    seen += [hashlib.sha256(picture.data).hexdigest() for picture in getattr(file, "pictures", ())]
    # ID3v1's comment has a name of mutagen's own, until it is in ID3v2 as well.
    return sorted({text.replace("ID3V1 COMMENT", "").replace("ID3v1 Comment", "") for text in seen})


def genres(path: Path) -> tuple[str, ...]:
    """The genres as mutagen reads them."""
    if (data := path.read_bytes()).startswith(b"\x1aE\xdf\xa3"):
        return _genres_of_matroska(data)
    file = mutagen.File(path)
    if file is not None and not file.tags and path.read_bytes().find(b"APETAGEX") >= 0:
        file.tags = mutagen.apev2.APEv2(path)  # mutagen looks for ID3 alone in TTA
    if file is None or file.tags is None:
        return ()
    for key in ("TCON", "\xa9gen", "WM/Genre", "genre", "Genre"):
        if key in set(file.tags.keys()):
            found = file.tags[key]
            return tuple(map(str, found.genres if key == "TCON" else found))
    return ()


def _genres_of_matroska(data: bytes) -> tuple[str, ...]:
    """The genres in Matroska, which mutagen does not read; what FFmpeg reads is the last of them."""
    named = re.finditer(
        rb"\x45\xa3\x85GENRE(?:\x44\x7a.{2,6}?|\x44\x84.\x01)*\x44\x87([\x80-\xff]|[\x40-\x7f].)",
        data,
        re.DOTALL,
    )
    sizes = ((found.end(), int.from_bytes(found[1], "big")) for found in named)
    return tuple(
        data[at : at + (size - 0x80 if size < 0x100 else size - 0x4000)].decode() for at, size in sizes
    )


def id3_version(path: Path) -> tuple[int, ...] | None:
    """The version of the ID3v2 tag at a file's beginning."""
    data = path.read_bytes()[:5]
    return (2, data[3]) if data[:3] == b"ID3" else None


def frames_of(path: Path) -> mutagen.id3.ID3:
    """The ID3 frames at a file's beginning, as they are."""
    return mutagen.id3.ID3(BytesIO(path.read_bytes()), translate=False, load_v1=False)


def only(records: Iterable[Record]) -> Record:
    """Return the one record of a file."""
    (record,) = records
    return record
