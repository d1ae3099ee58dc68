"""Negatives are of other documents, hold no answer, and are no twins of it."""

from __future__ import annotations

from ragkit.text.twins import Twins
from ragkit.train.lessons import Lesson
from ragkit.train.mining import MinedLesson, mined
from ragkit.types import Chunk, Hit
from tests.unit.making import chunk

LONG = "the warranty of a handheld scanner lasts two years from the day on which it was delivered"


def lesson(*, relevant: tuple[str, ...] = (LONG,), answers: tuple[str, ...] = ()) -> Lesson:
    return Lesson(
        "q", "How long?", kind="given", documents=("own",), gold=("g",), relevant=relevant, answers=answers
    )


def found(one: Lesson, *chunks: Chunk, avoid: frozenset[str] = frozenset()) -> list[MinedLesson]:
    own = [chunk("z", "never found", document_id="own")]
    return list(
        mined([one], lambda _: [Hit(one, 1.0) for one in chunks], passages_of=lambda _: own, avoid=avoid)
    )


def test_others_keep_the_order_of_the_first_stage() -> None:
    (only,) = found(lesson(), chunk("a", "one", document_id="x"), chunk("b", "two", document_id="y"))
    assert only.others == ("one", "two")
    assert only.relevant == (LONG,)


def test_passages_of_the_answer_s_document_and_held_out_ones_are_kept_out() -> None:
    chunks = [chunk("a", "own text", document_id="own"), chunk("b", "held out", document_id="h")]
    (only,) = found(lesson(), *chunks, chunk("c", "fine", document_id="x"), avoid=frozenset({"h"}))
    assert only.others == ("fine",)


def test_passages_that_hold_the_answer_as_whole_words_are_kept_out() -> None:
    chunks = [
        chunk("a", "It is 24 Months, in all.", document_id="x"),
        chunk("b", "Months pass", document_id="y"),
    ]
    (only,) = found(lesson(answers=("24 months",)), *chunks)
    assert only.others == ("Months pass",)
    (only,) = found(lesson(answers=("24",)), *chunks, chunk("c", "Shelf 240", document_id="z"))
    assert only.others == ("Months pass", "Shelf 240")
    (only,) = found(lesson(answers=("…",)), *chunks)
    assert len(only.others) == 2


def test_twins_of_the_answer_are_kept_out() -> None:
    twin = chunk("a", f"As said before: {LONG}.", document_id="x")
    (only,) = found(lesson(), twin, chunk("b", "else", document_id="y"))
    assert only.others == ("else",)


def test_twins_of_held_out_passages_are_neither_answers_nor_wrong_ones() -> None:
    mirrored = chunk("a", f"Mirror: {LONG}.", document_id="mirror")
    chunks = [mirrored, chunk("b", "else", document_id="y")]
    hits = [Hit(one, 1.0) for one in chunks]

    def with_held_out(one: Lesson) -> list[MinedLesson]:
        return list(mined([one], lambda _: hits, passages_of=lambda _: [], avoid_twins=Twins([LONG])))

    (only,) = with_held_out(lesson(relevant=("some text of its own", LONG)))
    assert (only.relevant, only.others) == (("some text of its own",), ("else",))
    assert with_held_out(lesson()) == []


def test_of_a_judged_document_the_best_ranked_passage_is_relevant_or_else_all() -> None:
    whole = lesson(relevant=())
    chunks = [chunk("a", "other", document_id="x"), chunk("b", "best", document_id="own")]
    (only,) = found(whole, *chunks, chunk("c", "second", document_id="own"))
    assert only.relevant == ("best",)
    (only,) = found(whole, chunks[0])
    assert only.relevant == ("never found",)


def test_a_question_with_nothing_beside_its_answer_teaches_nothing() -> None:
    assert found(lesson(), chunk("a", "own", document_id="own")) == []
