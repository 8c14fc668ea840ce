"""Every kind of finding has its English, and nothing of it is a template left open."""

from __future__ import annotations

import json

import pytest

from genrelab.lab.findings import Finding, Verdict, combined, wording, worst

VALUES = {
    "of": 20, "unknown": 3, "wanted": 0.8, "reached": 0.5, "least": 30, "from": 0.1, "to": 10,
    "learned": 4, "made": 1,
}  # fmt: skip


def sample(kind: str, count: int | None = 4) -> Finding:
    examples = ("first thing", "second thing")
    return Finding(kind=kind, parts=("train", "test"), count=count, examples=examples, values=VALUES)


@pytest.mark.parametrize("count", [1, 4, 20])
@pytest.mark.parametrize("kind", wording._SENTENCES)
def test_every_sentence_is_whole(kind: str, count: int) -> None:
    text = wording.sentence(sample(kind, count))
    assert text and "{" not in text and "None" not in text
    if kind != "earlier":
        assert text[0].isupper() or text[0].isdigit()
        assert text.endswith(".")


@pytest.mark.parametrize("count", [None, 0, 1, 4])
@pytest.mark.parametrize("kind", wording._CHECKS)
def test_every_check_has_a_question_and_an_answer(kind: str, count: int | None) -> None:
    bare = Finding(kind=kind, count=count, values={"of": 20, "learned": 4})
    for found in (sample(kind, count), bare):
        assert wording.question(found) and wording.answer(found)
        assert "None" not in wording.answer(found)


@pytest.mark.parametrize("kind", wording._NOT_CHECKED)
def test_everything_not_checked_has_a_name(kind: str) -> None:
    (text,) = wording.not_checked(Verdict(not_checked=(sample(kind, 3),)))
    assert text and "None" not in text


def test_a_check_without_a_finding_reads_none_and_of_several_runs_the_answers_are_joined() -> None:
    none, some = Finding(kind="artist", count=0), Finding(kind="artist", examples=("Ann (train, test)",))
    assert wording.checked([none]) == {"artist on both sides": "none"}
    assert wording.checked([none, some, none]) == {"artist on both sides": "none | 1: Ann (train, test)"}
    assert wording.checked([Finding(kind="earlier", examples=("who", "nobody"))]) == {"who": "nobody"}


def test_several_runs_are_as_bad_as_the_worst() -> None:
    def leak(count: int, example: str) -> Finding:
        return Finding(kind="artist", parts=("train", "test"), count=count, examples=(example,))

    clean = Verdict(checked=(Finding(kind="artist", count=0),), not_checked=(Finding(kind="other cut"),))
    unsure = Verdict(unknown=(Finding(kind="old run"),))
    assert combined([clean, clean]) == clean and clean.state == "clean"
    assert combined([clean, unsure]).state == "not known"
    both = combined([Verdict(leaks=(leak(2, "a"),)), unsure, Verdict(leaks=(leak(5, "b"),))])
    assert both.state == "leaks" and both.leaks == (leak(5, "b"),) and both.unknown == unsure.unknown
    assert worst(["clean", "leaks", "not known"]) == "leaks"


def test_a_verdict_comes_back_from_json() -> None:
    verdict = Verdict(
        leaks=(sample("file"),), unknown=(sample("old run"),), checked=(sample("artist"),),
        not_checked=(sample("other cut"),),
    )  # fmt: skip
    assert Verdict.model_validate(json.loads(json.dumps(verdict.to_dict()))) == verdict
    published = wording.published(verdict)
    assert published["verdict"]["state"] == "leaks" and not published["verdict"]["clean"]
    assert published["verdict"]["because"] == wording.because(verdict) and published["not_checked"]


def test_a_finding_of_a_later_version_shows_its_data() -> None:
    later = Finding(kind="of tomorrow", count=2, examples=("this", "that"))
    for text in (
        wording.sentence(later),
        wording.answer(later),
        wording.not_checked(Verdict(not_checked=(later,)))[0],
    ):
        assert text == "of tomorrow: 2 (this, that)."
    assert wording.question(later) == "of tomorrow" and wording.network_state([later]) == "of tomorrow"
    lacking = Finding(kind="unknown artists", count=3)
    assert wording.sentence(lacking) == "unknown artists: 3."


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            Finding(kind="skipped", count=1, examples=("a (no, not)",)),
            "1 clip could not be used: a (no, not).",
        ),
        (
            Finding(kind="artist", parts=("learned", "tested"), examples=("Ann",)),
            "1 artist is in training and test",
        ),
        (Finding(kind="artist", parts=("train", "valid", "test")), "in train, valid and test"),
        (Finding(kind="unknown tested artists", count=2, values={"of": 2}), "of every tested clip"),
        (Finding(kind="unknown artists", count=1, values={"of": 16}), "1 of 16 clips"),
    ],
)
def test_numbers_and_places_read_well(found: Finding, text: str) -> None:
    assert text in wording.sentence(found)


def test_json_has_the_earlier_name_of_the_count_too() -> None:
    assert sample("file").to_dict()["number"] == 4
    assert Finding.model_validate(sample("file").to_dict()) == sample("file")


@pytest.mark.parametrize(
    ("count", "examples", "values", "text"),
    [
        (0, (), {}, "none"),
        (0, (), {"unknown": 1}, "none among the artists that are named; 1 clip names no artist"),
        (0, (), {"unknown": 12}, "none among the artists that are named; 12 clips name no artist"),
        (2, ("Ann", "Bob"), {"unknown": 12}, "2: Ann, Bob; 12 clips name no artist"),
        (None, (), {}, "not known: no clip names an artist"),
    ],
)
def test_none_and_not_known_are_one_statement(
    count: int | None, examples: tuple[str, ...], values: dict[str, float], text: str
) -> None:
    assert wording.answer(Finding(kind="artist", count=count, examples=examples, values=values)) == text
    if count is not None:
        learned = Finding(kind="learned artist", count=count, examples=examples, values=values)
        assert wording.answer(learned) == text
