"""Questions tied to passages, and questions made out of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

import ragkit
from ragkit.assembly import Assembly
from ragkit.config.defaults import default_config
from ragkit.errors import ConfigError, EvalError
from ragkit.train.generate import generated
from ragkit.train.languages import check_languages, in_known_language, learnt_languages
from ragkit.train.lessons import Lesson, lessons_of
from ragkit.train.passages import Passages, Reader
from ragkit.train.questions import AskedQuestion, Place
from tests.conftest import CORPUS

ENGLISH = frozenset({"en"})


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passages]:
    """Of five pages of the handbook."""
    folder = tmp_path_factory.mktemp("index")
    with ragkit.open(folder) as rag:
        rag.ingest(CORPUS / "en" / "policies", progress=False)
    parts = Assembly(default_config(folder), create=False)
    yield Passages(parts.collection, Reader())
    parts.close()


def asked(**place: object) -> AskedQuestion:
    spot = Place("warranty.md", **place)  # type: ignore[arg-type]
    return AskedQuestion("q", "How long?", places=(spot,), where="q.jsonl:1")


def test_a_quote_is_tied_to_the_passage_that_holds_it(passages: Passages) -> None:
    (lesson,) = lessons_of([asked(quote="The Wick 7 is covered\n  for 36 months")], passages)
    (text,) = lesson.relevant
    assert "covered for 36 months" in text
    assert lesson.judgements == {lesson.gold[0]: 1}
    assert lesson.documents == ("warranty.md",)


def test_without_a_place_the_document_is_judged(passages: Passages) -> None:
    (lesson,) = lessons_of([asked()], passages)
    assert lesson.judgements == {"warranty.md": 1}
    assert lesson.relevant == ()
    assert {lesson.unit(chunk) for chunk in passages.of("warranty.md")} == {"warranty.md"}


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"quote": "the moon is made of cheese"}, r"q\.jsonl:1: document .* does not hold the quote"),
        ({"start": 10_000_000, "end": 10_000_001}, r"q\.jsonl:1: characters 10000000 .* in none"),
    ],
)
def test_a_place_that_is_not_there_is_told(
    passages: Passages, place: dict[str, object], message: str
) -> None:
    with pytest.raises(EvalError, match=message):
        lessons_of([asked(**place)], passages)


def test_the_same_seed_gives_the_same_questions_and_another_one_others(passages: Passages) -> None:
    first = generated(passages, 12, seed=1)
    assert first == generated(passages, 12, seed=1)
    assert len(first) == 12
    assert {one.id for one in first} != {one.id for one in generated(passages, 12, seed=2)}


def test_a_generated_question_is_taken_out_of_its_passage(passages: Passages) -> None:
    lessons = generated(passages, 500, seed=0)
    kinds = Counter(one.kind for one in lessons)
    assert set(kinds) == {"heading", "sentence", "keywords", "halves"}
    assert len({one.id for one in lessons}) == len(lessons)
    for one in lessons:
        whole = " ".join(one.relevant[0].split())
        assert one.kind == "keywords" or (one.question not in whole and len(whole) >= 150), one


def test_questions_come_from_every_document_before_any_gives_a_second(passages: Passages) -> None:
    n = len(passages.documents)
    documents = [one.documents[0] for one in generated(passages, n - 1, seed=0)]
    assert len(set(documents)) >= n - 2


def test_a_collection_in_other_languages_is_refused_with_the_remedy() -> None:
    assert check_languages({"en": 0.7, "ru": 0.3}, ENGLISH, model="m") == pytest.approx(0.7)
    assert check_languages({"ru": 1.0}, frozenset(), model="m") == 1.0
    assert check_languages({}, ENGLISH, model="m") == 1.0
    with pytest.raises(ConfigError, match=r"ru 90%, en 10%; it knows en\. .*--any-language"):
        check_languages({"ru": 0.9, "en": 0.1}, ENGLISH, model="m")


def test_questions_in_other_languages_are_left_out() -> None:
    texts = ("How long is the warranty of the device?", "Сколько длится гарантия на устройство?", "42")
    lessons = [Lesson(text, text, kind="given", documents=("a",)) for text in texts]
    assert [one.id for one in in_known_language(lessons, ENGLISH)] == [texts[0], texts[2]]
    assert in_known_language(lessons, frozenset()) == lessons


def test_the_result_claims_a_language_only_if_it_was_learnt() -> None:
    shares = {"ru": 0.8, "en": 0.15, "de": 0.05}
    assert learnt_languages(shares, ENGLISH, any_language=False) == ["en"]
    assert learnt_languages(shares, ENGLISH, any_language=True) == ["en", "ru"]
    assert learnt_languages(shares, frozenset(), any_language=True) == []
