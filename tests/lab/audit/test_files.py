"""What an audit writes, and splits that leave out what it found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from raising import raises

from genrelab.lab.audit import Audit, Fault, Pair, audit_corpus, write_audit
from genrelab.lab.audit.audit import parts_of
from genrelab.lab.audit.clip_analysis import ClipAnalysis
from genrelab.lab.audit.groups import exclusions, groups_of
from genrelab.lab.audit.page import page
from genrelab.lab.corpora import Clip, Corpus, Split, make_split
from genrelab.lab.corpora.splits.exclusions import read_exclusions

NASTY = '# <script>alert("x")</script> & co'


def pair(first: str, second: str, **changes: object) -> Pair:
    made = Pair(first, second, "other cut", 0.6, 2.0, 2.0, 8.0, 1.0, -3.0, 90)
    return replace(made, **changes)  # type: ignore[arg-type]


def analysis(clip: Clip, seconds: float = 10.0) -> ClipAnalysis:
    return ClipAnalysis(clip, seconds, None, None, None, [])


CLIPS = [
    Clip("a", Path("a.wav"), "jazz", "Ann"),
    Clip("b", Path("b.wav"), "rock", "The Ann"),
    Clip("c", Path("c.wav"), "jazz", "Bob"),
    Clip("d", Path("d.wav"), None, "Bob"),
    Clip(NASTY, Path("e.wav"), "rock", "<b>Bold</b>"),
]
SPLIT = Split("mine", train=["a", "c"], valid=[NASTY], test=["b"], made="by hand")


@pytest.fixture(scope="module")
def audit() -> Audit:
    """An audit of clips without sound, with a pair, a group, a shared artist, and faults."""
    pairs = [
        pair("a", "b"),
        pair("c", "d", kind="same file", matched=None),
        pair("a", NASTY, kind="shared loop"),
    ]
    faults = [Fault(NASTY, "clipped", "much"), Fault("d", "silent", "100 %")]
    groups = groups_of(each for each in pairs if each.is_repetition)
    analyses = [analysis(clip) for clip in CLIPS]
    found = audit_corpus(Corpus("few & far", ("jazz", "rock"), ()), split=SPLIT)
    return replace(
        found,
        corpus=Corpus("few & far", ("jazz", "rock"), CLIPS),
        seconds={clip.id: 10.0 for clip in CLIPS},
        pairs=pairs,
        groups=groups,
        faults=faults,
        excluded=exclusions(analyses, groups, faults, parts_of(SPLIT)),
    )


def test_groups_join_what_pairs_join() -> None:
    assert groups_of([pair("a", "b"), pair("c", "d"), pair("d", "e"), pair("e", "c"), pair("b", "f")]) == [
        ["a", "b", "f"],
        ["c", "d", "e"],
    ]
    assert groups_of([]) == []


@pytest.mark.parametrize(
    ("parts", "faults", "seconds", "kept"),
    [
        ({}, [], (10, 10, 10), "a"),  # the first
        ({}, [], (10, 12, 10), "b"),  # the longest
        ({}, [], (10, 10, 12), "a"),  # longer, but without a label
        ({"a": "train", "b": "test"}, [], (12, 10, 10), "b"),
        ({"a": "train", "b": "valid"}, [], (12, 10, 10), "b"),
        ({"a": "train", "b": "test"}, [Fault("b", "silent", "all")], (10, 10, 10), "a"),
        ({}, [Fault("a", "clipped", "much")], (10, 10, 10), "a"),
    ],
)
def test_the_best_of_a_group_is_kept(
    parts: dict[str, str], faults: list[Fault], seconds: tuple[float, ...], kept: str
) -> None:
    clips = [Clip("a", None, "jazz"), Clip("b", None, "jazz"), Clip("d", None, None)]
    analyses = [analysis(clip, length) for clip, length in zip(clips, seconds, strict=True)]
    out = exclusions(analyses, [["d", "b", "a"]], faults, parts)
    assert [each.clip_id for each in out] == [clip.id for clip in clips if clip.id != kept]
    assert [each.reason for each in out if each.reason.startswith("repeats")] == [f"repeats {kept}"] * (
        2 - sum(fault.kind == "silent" for fault in faults)
    )


def test_tags_are_kept_before_longer_clips_without_labels() -> None:
    clips = [
        Clip("free", None, None),
        Clip("tagged", None, None, tags=("mood:calm",)),
        Clip("a", None, "jazz"),
    ]
    analyses = [analysis(clip, length) for clip, length in zip(clips, (12, 11, 10), strict=True)]
    assert [each.clip_id for each in exclusions(analyses, [["free", "tagged"]], [], {})] == ["free"]
    assert [each.clip_id for each in exclusions(analyses, [["tagged", "a"]], [], {})] == ["tagged"]


def test_crossing_parts_and_differing_labels(audit: Audit) -> None:
    first, second, third = audit.pairs
    assert [audit.crosses(each) for each in audit.pairs] == [True, False, True]
    assert [audit.labels_differ(each) for each in audit.pairs] == [True, False, True]
    assert audit.repetitions == [first, second]
    assert [each.clip_id for each in audit.excluded] == ["a", "d"]


def test_artists_in_several_parts() -> None:
    clips = [replace(clip, path=None) for clip in CLIPS]
    corpus = Corpus(
        "x", ("jazz", "rock"), clips, renderer=lambda clip, rate, n: np.zeros((1, rate), np.float32)
    )
    (artist,) = audit_corpus(corpus, split=SPLIT).artists
    assert artist.artist == "Ann" and artist.clips == {"train": 1, "valid": 0, "test": 1}
    assert audit_corpus(corpus).artists == []


def test_the_tables_are_read_without_options(audit: Audit, tmp_path: Path) -> None:
    write_audit(tmp_path / "new" / "folder", audit)
    pairs = pd.read_csv(tmp_path / "new" / "folder" / "pairs.csv")
    assert pairs["first"].tolist() == ["a", "c", "a"] and pairs["second"].tolist() == ["b", "d", NASTY]
    assert pairs.crosses_parts.tolist() == ["yes", "no", "yes"]
    assert pairs.offset_seconds.tolist() == [2.0] * 3 and pairs.gain_db.tolist() == [-3.0] * 3
    faults = pd.read_csv(tmp_path / "new" / "folder" / "faults.csv")
    assert faults.kind.tolist() == ["clipped", "silent"] and faults.clip_id.tolist() == [NASTY, "d"]
    record = json.loads((tmp_path / "new" / "folder" / "audit.json").read_text())
    assert record["pairs"][0]["crosses_parts"] is True and record["groups"] == [["a", "b"], ["c", "d"]]
    assert read_exclusions(tmp_path / "new" / "folder" / "exclude.txt", audit.corpus) == {"a", "d"}
    with raises("audit-unwritable", tmp_path / "new" / "folder" / "pairs.csv", "--out"):
        write_audit(tmp_path / "new" / "folder" / "pairs.csv", audit)


class _Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(audit: Audit) -> None:
    html = page(audit)
    tags = _Tags()
    tags.feed(html)
    assert tags.open == [] and tags.seen.count("svg") == 3
    assert not {"script", "img", "link", "iframe", "b"} & set(tags.seen)
    assert not re.search(r"(src|href|url)\s*[=(]", html) and "default-src 'none'" in html
    assert "&lt;script&gt;alert" in html and "few &amp; far" in html
    assert "1 repetition in two parts of the split" in html and "1 repetition with two genres" in html
    assert "1 pair with a shared loop" in html
    assert len(html) < 30_000


def test_the_page_of_a_clean_corpus(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 40_000), 16_000)
    audit = audit_corpus(Corpus("clean", ("x",), [Clip("a", tmp_path / "a.wav", "x")]))
    html = page(audit)
    assert "None: every recording occurs once" in html and "Read this first" not in html
    assert "Artists in several parts" not in html


def test_a_split_leaves_out_what_the_list_names(tmp_path: Path) -> None:
    clips = [Clip(f"{genre}{n}", Path(f"{genre}{n}"), genre) for genre in ("jazz", "rock") for n in range(10)]
    whole = make_split(Corpus("x", ("jazz", "rock"), clips), "random", seed=0)
    corpus = Corpus("x", ("jazz", "rock"), clips, published_splits={"published": whole})
    left_out = {"jazz3", "rock9"}
    for kind in ("published", "random", "kfold:0/3"):
        split = make_split(corpus, kind, seed=0, exclude=left_out)
        ids = {*split.train, *split.valid, *split.test}
        assert ids == {clip.id for clip in clips} - left_out
        assert re.search(r"-without-2-[0-9a-f]{6}$", split.name) and "2 clips" in split.made
        assert split.name != make_split(corpus, kind, seed=0, exclude={"jazz3", "rock8"}).name
        assert make_split(corpus, kind, seed=0, exclude=()) == make_split(corpus, kind, seed=0)
    published = make_split(corpus, "published", seed=0, exclude=left_out)
    assert list(published.train) == [clip_id for clip_id in whole.train if clip_id not in left_out]
    with raises("exclusion-unknown", "jazz33", "'jazz3'", "random"):
        make_split(corpus, "random", seed=0, exclude={"jazz33"})


def test_the_list_is_plain_text(tmp_path: Path) -> None:
    corpus = Corpus(
        "x", ("jazz",), [Clip(name, None, "jazz") for name in ("a", "#1 hit", "with space", NASTY)]
    )
    file = tmp_path / "list.txt"
    file.write_text(
        f"# a comment\n\n  a \r\n#1 hit\nwith space\n{NASTY}\n#1 hits are out\n", encoding="utf-8"
    )
    assert read_exclusions(file, corpus) == {"a", "#1 hit", "with space", NASTY}
    file.write_text("aa\nb\n")
    with raises("exclusion-unknown", file, "aa, b", "'a'"):
        read_exclusions(file, corpus)
    with raises("exclusions-unreadable", tmp_path / "none.txt"):
        read_exclusions(tmp_path / "none.txt", corpus)
    file.write_bytes(b"\xff\xfe\x00")
    with raises("exclusions-unreadable", file):
        read_exclusions(file, corpus)
