"""The example questions agree with the example pages they cite."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
import Stemmer

EXAMPLES = Path(__file__).parents[3] / "examples"
CORPUS = EXAMPLES / "corpus"
QUESTIONS = EXAMPLES / "questions"
MARKUP = {".md": "*_`[]|<>\\", ".html": "<>&", ".rst": "*`|", ".txt": ""}
COUNTS = {  # kind: (English, Russian), as the README promises
    "fact": (5, 3),
    "number": (8, 4),
    "date": (4, 2),
    "howto": (4, 3),
    "comparison": (4, 2),
    "negation": (5, 4),
    "multihop": (7, 4),
    "crosslingual": (3, 3),
    "keyword": (4, 3),
    "paraphrase": (8, 5),
    "unanswerable": (7, 5),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    document: str
    quote: str
    hop: int


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    lang: str
    kind: str
    answerable: bool
    answers: tuple[str, ...]
    evidence: tuple[Evidence, ...]


def read_question(line: str) -> Question:
    row = json.loads(line)
    return Question(
        id=row["_id"],
        text=row["text"],
        **row["metadata"],
        answers=tuple(row["answers"]),
        evidence=tuple(Evidence(**item) for item in row["evidence"]),
    )


ALL = [read_question(line) for line in (QUESTIONS / "questions.jsonl").read_text("utf-8").splitlines()]
ANSWERABLE = [question for question in ALL if question.answerable]
PAGES = {path.relative_to(CORPUS).as_posix(): path for path in sorted(CORPUS.rglob("*")) if path.is_file()}


def of_kinds(*kinds: str) -> list[Question]:
    return [question for question in ALL if question.kind in kinds]


def label(question: Question) -> str:
    return question.id


def stems(text: str) -> set[str]:
    """Lower-case stems, by the Snowball stemmer of the script a word is written in."""
    words = re.findall(r"\w+", text.lower())
    russian, english = Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")
    return {(russian if re.match("[а-яё]", word) else english).stemWord(word) for word in words}


def test_ids_are_unique() -> None:
    assert max(Counter(question.id for question in ALL).values()) == 1


def test_texts_are_unique() -> None:
    assert max(Counter(question.text for question in ALL).values()) == 1


def test_counts_per_kind_and_language_are_as_promised() -> None:
    found = Counter((question.kind, question.lang) for question in ALL)
    promised = {
        (kind, lang): n for kind, pair in COUNTS.items() for lang, n in zip(("en", "ru"), pair, strict=True)
    }
    assert found == promised


def test_readme_states_the_counts() -> None:
    readme = (QUESTIONS / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|", readme, flags=re.MULTILINE)
    assert {kind: (int(english), int(russian)) for kind, english, russian in rows} == COUNTS


def test_a_third_of_the_pages_is_russian() -> None:
    russian = [page for page in PAGES if page.startswith("ru/")]
    assert 36 <= len(PAGES) <= 42
    assert len(russian) * 3 == len(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_the_length_of_a_page(page: str) -> None:
    visible = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", PAGES[page].read_text("utf-8"), flags=re.DOTALL)
    assert 250 <= len(visible.split()) <= 900


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_written_in_the_language_of_their_folder(page: str) -> None:
    cyrillic = len(re.findall("[а-яё]", PAGES[page].read_text("utf-8").lower()))
    latin = len(re.findall("[a-z]", PAGES[page].read_text("utf-8").lower()))
    assert (cyrillic > latin) == page.startswith("ru/")


def test_links_between_pages_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)#:]+)\)|href=\"([^\":#/][^\":#]*)\"|<([\w./-]+)>`_")
    for page, path in PAGES.items():
        for groups in link.findall(path.read_text("utf-8")):
            target = (path.parent / "".join(groups)).resolve()
            assert target.is_file(), f"{page} links to {''.join(groups)}"


@pytest.mark.parametrize("question", ANSWERABLE, ids=label)
def test_every_quote_occurs_once_and_on_one_line(question: Question) -> None:
    for evidence in question.evidence:
        lines = PAGES[evidence.document].read_text("utf-8").splitlines()
        assert sum(line.count(evidence.quote) for line in lines) == 1, evidence


@pytest.mark.parametrize("question", ANSWERABLE, ids=label)
def test_quotes_carry_no_markup(question: Question) -> None:
    for evidence in question.evidence:
        assert not set(evidence.quote) & set(MARKUP[Path(evidence.document).suffix]), evidence


@pytest.mark.parametrize("question", ALL, ids=label)
def test_only_answerable_questions_have_answers_and_evidence(question: Question) -> None:
    assert question.answerable == (question.kind != "unanswerable")
    assert bool(question.answers) == bool(question.evidence) == question.answerable


@pytest.mark.parametrize("question", of_kinds("fact", "number", "date"), ids=label)
def test_short_answers_are_words_of_the_evidence(question: Question) -> None:
    quotes = [evidence.quote.lower() for evidence in question.evidence]
    answers = [answer.lower() for answer in question.answers]
    assert all(any(answer in quote for quote in quotes) for answer in answers)
    assert all(any(answer in quote for answer in answers) for quote in quotes)


@pytest.mark.parametrize("question", ANSWERABLE, ids=label)
def test_hops_count_from_one(question: Question) -> None:
    hops = {evidence.hop for evidence in question.evidence}
    assert hops == set(range(1, len(hops) + 1))


@pytest.mark.parametrize("question", of_kinds("multihop"), ids=label)
def test_multihop_questions_need_two_pages(question: Question) -> None:
    pages: defaultdict[int, set[str]] = defaultdict(set)
    for evidence in question.evidence:
        pages[evidence.hop].add(evidence.document)
    assert len(pages) >= 2
    assert not set.intersection(*pages.values())


@pytest.mark.parametrize("question", of_kinds("crosslingual"), ids=label)
def test_crosslingual_evidence_is_in_the_other_language_only(question: Question) -> None:
    assert {evidence.document[:2] for evidence in question.evidence} == {"en", "ru"} - {question.lang}


@pytest.mark.parametrize("question", of_kinds("paraphrase"), ids=label)
def test_paraphrases_share_only_common_words_with_the_evidence(question: Question) -> None:
    frequency = Counter(stem for path in PAGES.values() for stem in stems(path.read_text("utf-8")))
    for evidence in question.evidence:
        shared = stems(question.text) & stems(evidence.quote)
        assert all(frequency[stem] >= len(PAGES) // 4 for stem in shared), shared


def test_qrels_are_the_documents_of_the_evidence() -> None:
    header, *rows = (QUESTIONS / "qrels.tsv").read_text("utf-8").splitlines()
    assert header.split("\t") == ["query-id", "corpus-id", "score"]
    expected = {(question.id, evidence.document, "1") for question in ALL for evidence in question.evidence}
    assert sorted(tuple(row.split("\t")) for row in rows) == sorted(expected)


@pytest.mark.parametrize(
    "demo", json.loads((QUESTIONS / "demo.json").read_text("utf-8")), ids=lambda d: d["lang"]
)
def test_demo_expectations_stand_in_the_named_pages(demo: dict[str, list[str]]) -> None:
    for page in demo["documents"]:
        assert all(text in PAGES[page].read_text("utf-8") for text in demo["expect"])
