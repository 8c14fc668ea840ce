"""Tags of clips: their names, the table of them, which can be learned, and what notices a change."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.corpora.identity import recording_keys
from genrelab.lab.corpora.tag_names import (
    LONGEST_TAG,
    MOST_TAGS,
    in_order,
    kind_of,
    split_tags,
    tag_fault,
)
from genrelab.lab.corpora.tag_table import tag_truth, tags_digest, usable_tags
from genrelab.lab.corpora.types import Clip, Corpus


def tagged(**tags: tuple[str, ...] | None) -> Corpus:
    return Corpus("mine", (), [Clip(key, None, None, tags=own) for key, own in tags.items()])


@pytest.mark.parametrize(
    "tag", ["mood:calm", "genre:R&B", "style:drum and bass", "no-music:Überraschung", "genre:演歌"]
)
def test_a_tag_is_a_kind_and_a_name(tag: str) -> None:
    assert tag_fault(tag) is None


@pytest.mark.parametrize(
    "tag",
    [
        "calm",
        ":calm",
        "mood:",
        "Mood:calm",
        "my mood:calm",
        "-mood:calm",
        "mood: calm",
        "mood:calm ",
        "mood:a:b",
        "mood:a;b",
        "mood:a\nb",
        "mood:a\u202eb",
        "mood:caf\udce9",
        "mood:" + "x" * LONGEST_TAG,
    ],
)
def test_a_faulty_tag_is_refused_in_a_short_message_that_quotes_it(tag: str) -> None:
    fault = tag_fault(tag)
    assert fault is not None and len(fault) < 300
    assert fault.isprintable()
    with raises("corpus-tag-faulty", "mine"):
        tagged(a=(tag,))


def test_cells_are_split_and_tags_ordered_by_kind_then_name() -> None:
    assert split_tags(" mood:calm ;; genre:folk;mood:calm; ") == ("mood:calm", "genre:folk")
    assert split_tags(" ") == ()
    assert in_order(["mood:a", "mood-x:a", "genre:z", "mood:a"]) == ("genre:z", "mood:a", "mood-x:a")
    assert kind_of("mood-x:a") == "mood-x"


def test_the_tags_of_a_corpus_are_those_of_its_clips_and_stay_when_clips_leave() -> None:
    corpus = tagged(a=("mood:sad",), b=None, c=("genre:folk", "mood:calm"), d=())
    assert corpus.tags == ("genre:folk", "mood:calm", "mood:sad")
    assert dataclasses.replace(corpus, clips=corpus.clips[:1]).tags == corpus.tags
    assert tagged(a=None).tags == ()
    own = dataclasses.replace(corpus, tags=("mood:sad", "mood:calm", "genre:folk", "mood:angry"))
    assert own.tags == ("mood:sad", "mood:calm", "genre:folk", "mood:angry")
    assert [clip.annotated for clip in corpus.clips] == [True, False, True, False]


def test_tags_of_a_corpus_that_do_not_fit_its_clips_are_refused() -> None:
    corpus = tagged(a=("mood:sad", "mood:calm"))
    with raises("corpus-tags", "'mood:calm'", 0):
        dataclasses.replace(corpus, tags=("mood:sad",))
    with raises("corpus-tags", "'mood:sad'", 2):
        dataclasses.replace(corpus, tags=("mood:sad", "mood:calm", "mood:sad"))
    with raises("corpus-tags-too-many", MOST_TAGS):
        tagged(a=tuple(f"mood:{number}" for number in range(MOST_TAGS + 1)))


def test_absent_tags_of_an_annotated_kind_are_false_and_others_unknown() -> None:
    corpus = tagged(a=("mood:calm",), b=("genre:folk",), c=("genre:rare", "mood:sad"), d=None)
    tags = ("mood:sad", "genre:folk", "mood:calm")
    truth = tag_truth(corpus, ["c", "a", "b", "d", "a"], tags)
    assert truth.tolist() == [[1, 0, 0], [0, -1, 1], [-1, 1, -1], [-1, -1, -1], [0, -1, 1]]
    assert tag_truth(corpus, [], tags).shape == (0, 3)
    assert tag_truth(corpus, ["a"], ()).shape == (1, 0)
    with raises("tags-of-unknown-clip", "'z'"):
        tag_truth(corpus, ["a", "z"], tags)


KINDS = st.sampled_from(["genre:a", "genre:b", "mood:a", "mood:b", "voice:a"])


@given(st.lists(st.one_of(st.none(), st.sets(KINDS)), min_size=1, max_size=6))
def test_a_table_of_tags_says_what_the_clips_say(clips: list[set[str] | None]) -> None:
    own = {f"c{number}": None if tags is None else tuple(tags) for number, tags in enumerate(clips)}
    corpus = tagged(**own)
    truth = tag_truth(corpus, list(own), corpus.tags)
    for row, tags in enumerate(clips):
        for column, tag in enumerate(corpus.tags):
            kinds = {kind_of(each) for each in tags or ()}
            assert truth[row, column] == (-1 if kind_of(tag) not in kinds else tag in (tags or ()))


def test_usable_tags_need_clips_with_and_clips_without_them() -> None:
    many = {f"m{number}": ("mood:calm",) for number in range(25)}
    few = {f"f{number}": ("mood:sad",) for number in range(24)}
    corpus = tagged(**many, **few, x=("genre:folk",), y=None)
    assert usable_tags(corpus) == ()
    corpus = tagged(**many, **few, z=("mood:angry",), y=None)
    assert usable_tags(corpus) == ("mood:calm",)
    assert usable_tags(corpus, least=24) == ("mood:calm", "mood:sad")
    assert usable_tags(tagged(a=None)) == ()


def test_tags_change_their_digest_and_no_recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"12345")
    plain = Corpus("mine", ("jazz",), [Clip("a", tmp_path / "a.wav", "jazz"), Clip("b", None, None)])

    def changed(*tags: str) -> Corpus:
        clips = [dataclasses.replace(plain.clips[0], tags=tags), plain.clips[1]]
        return Corpus("mine", ("jazz",), clips)

    assert tags_digest(plain) is None
    digests = [tags_digest(changed("mood:sad")), tags_digest(changed("mood:calm", "mood:sad"))]
    assert None not in digests and len(set(digests)) == 2
    assert tags_digest(changed("mood:sad", "mood:calm")) == digests[1]
    assert recording_keys(changed("mood:sad")) == recording_keys(plain)
    assert recording_keys(tagged(a=("mood:sad",), b=None)).keys() == {"a"}
