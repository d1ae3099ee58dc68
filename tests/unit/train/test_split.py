"""Parts that share no document, whatever the order of the questions."""

from __future__ import annotations

from itertools import combinations

import pytest

from ragkit.errors import ConfigError
from ragkit.train.lessons import GIVEN, Lesson
from ragkit.train.split import FEWEST, Split, split


def lesson(number: int, *documents: str, kind: str = GIVEN, question: str = "") -> Lesson:
    return Lesson(f"{kind}{number}", question or f"{kind} question {number}?", kind=kind, documents=documents)


def lessons(n: int, n_documents: int, kind: str = GIVEN) -> list[Lesson]:
    return [lesson(i, f"d{i % n_documents}", kind=kind) for i in range(n)]


def documents(part: tuple[Lesson, ...]) -> set[str]:
    return {document for one in part for document in one.documents}


def parts(found: Split) -> tuple[tuple[Lesson, ...], ...]:
    return found.train, found.stop, found.report


def test_no_document_is_in_two_parts_and_no_question_is_lost() -> None:
    found = split(lessons(400, 60), seed=0)
    assert all(not documents(a) & documents(b) for a, b in combinations(parts(found), 2))
    assert sum(map(len, parts(found))) == 400
    assert documents(found.stop) | documents(found.report) == set(found.held_out)


def test_parts_have_about_their_shares() -> None:
    found = split(lessons(1000, 200), seed=3)
    assert 230 <= len(found.report) <= 270
    assert 90 <= len(found.stop) <= 115


def test_questions_that_share_a_document_or_a_wording_stay_together() -> None:
    some = [*lessons(100, 50), lesson(1000, "d1", "d2"), lesson(1001, "x", question="Given question 3?")]
    found = split(some, seed=0)
    of = {one.id: name for name, part in zip("abc", parts(found), strict=True) for one in part}
    assert of["given1"] == of["given2"] == of["given1000"]
    assert of["given1001"] == of["given3"] or some[3].question != "given question 3?"
    assert found.clusters["given1"] == found.clusters["given2"]


def test_questions_about_copies_of_a_document_stay_together() -> None:
    pairs = [(f"d{i}", f"d{i + 40}") for i in range(40)]
    found = split(lessons(160, 80), seed=0, copies=pairs)
    of = {
        document: name for name, part in zip("abc", parts(found), strict=True) for document in documents(part)
    }
    assert all(of[one] == of[other] for one, other in pairs)
    assert found.clusters["given1"] == found.clusters["given41"]


def test_the_order_does_not_count_and_the_seed_does() -> None:
    some = lessons(200, 60)
    assert split(some, seed=1) == split(some[::-1], seed=1)
    assert {one.id for one in split(some, seed=1).report} != {one.id for one in split(some, seed=2).report}


def test_few_given_questions_are_measured_rather_than_drowned() -> None:
    some = [*lessons(40, 40), *[lesson(i, f"g{i}", kind="heading") for i in range(600)]]
    found = split(some, seed=0)
    assert sum(one.kind == GIVEN for one in found.report) >= 18
    assert 120 <= len(found.report) <= 200


@pytest.mark.parametrize("n", [3, 2 * FEWEST])
def test_too_few_questions_name_the_remedy(n: int) -> None:
    with pytest.raises(ConfigError, match="--generate 2000"):
        split(lessons(n, n), seed=0)


def test_questions_all_about_one_document_cannot_be_parted() -> None:
    with pytest.raises(ConfigError, match="400 questions about 1 separate groups"):
        split(lessons(400, 1), seed=0)
