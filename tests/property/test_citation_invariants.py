"""Whatever a model writes, what is shown as cited is a place in a document; most that is wrong is not shown.

The answers are written by `evals/citation_corruptions.py`, which shares no code with the checks. The rates of
thousands of answers are measured by `evals/citation_checks.py`; here are the invariants, and bounds that a
small sample keeps.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.citation_corruptions import KINDS, MISHAPS, Written, corrupted, faithful, mishap, names_in
from ragkit.types import Answer, Context
from ragkit.verify.citations import VerifyCitations
from tests.unit.making import chunk, context, run_context

CORPUS = Path(__file__).parents[2] / "examples/corpus"
NAMES = ("en/admin/plans.md", "en/guide/offline.md", "en/policies/warranty.md")
RUSSIAN = ("ru/policies/warranty.md", "ru/guide/scanners.md", "ru/guide/marking.md")


def documents(listed: tuple[str, ...]) -> Context:
    texts = [(CORPUS / name).read_text(encoding="utf-8") for name in listed]
    return context("?", *(chunk(str(i), text, document_id=str(i)) for i, text in enumerate(texts)))


CONTEXTS = (documents(NAMES), documents(RUSSIAN))


def texts_of(within: Context) -> list[str]:
    return [passage.chunk.text for passage in within.passages]


def verified(text: str, within: Context) -> Answer:
    return VerifyCitations().run(Answer(within.plan, text=text, context=within), run_context())


def holds(answer: Answer, within: Context) -> bool:
    sources = {p.chunk.document_id: p.chunk.text for p in within.passages}
    return all(c.quote and sources[c.document_id][c.start : c.end] == c.quote for c in answer.citations)


def is_shown(written: Written, answer: Answer) -> bool:
    wanted = "".join(filter(str.isalnum, written.sentences[written.corrupted][0].casefold()))
    cited = (s.text.casefold() for s in answer.sentences if s.citations)
    return any(wanted in "".join(filter(str.isalnum, text)) for text in cited)


@given(st.text(max_size=200), st.sampled_from(CONTEXTS))
@settings(max_examples=25, deadline=None)
def test_any_text_gives_citations_that_are_places(text: str, within: Context) -> None:
    answer = verified(text, within)
    assert holds(answer, within)
    assert verified(answer.text, within) is not None


@given(st.integers(0, 10_000), st.sampled_from(CONTEXTS), st.sampled_from((*KINDS, *MISHAPS)))
@settings(max_examples=25, deadline=None)
def test_an_answer_that_went_wrong_cites_places_and_verifies_again(
    seed: int, within: Context, kind: str
) -> None:
    rng = random.Random(seed)
    passages = texts_of(within)
    make = mishap(kind, passages, rng) if kind in MISHAPS else None
    written = make or corrupted(kind, passages, names_in(passages), rng) if kind in KINDS else make
    if written is not None:
        answer = verified(written.text, within)
        assert holds(answer, within)
        assert VerifyCitations().run(answer, run_context()).citations == answer.citations


def test_faithful_answers_are_kept() -> None:
    rng = random.Random(1)
    lost = total = 0
    for n in range(30):
        within = CONTEXTS[n % 2]
        written = faithful(texts_of(within), rng)
        assert written is not None
        total += len(written.sentences)
        lost += len(verified(written.text, within).dropped)
    assert lost <= 0.03 * total


@pytest.mark.parametrize("kind", ["index out of range", "number", "entity", "negation", "link"])
def test_corrupted_sentences_are_not_shown(kind: str) -> None:
    rng = random.Random(2)
    caught = total = 0
    for n in range(50):
        within = CONTEXTS[n % 2]
        written = corrupted(kind, texts_of(within), names_in(texts_of(within)), rng)
        if written is not None and total < 15:
            total += 1
            answer = verified(written.text, within)
            if kind.startswith("index"):
                caught += all(1 <= c.marker <= 3 for c in answer.citations)
            else:
                caught += not is_shown(written, answer)
    assert total >= 8
    assert caught >= 0.8 * total
