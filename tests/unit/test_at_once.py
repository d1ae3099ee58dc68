"""Many questions at once, through the default graph: each gets what it gets alone, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import ragkit
from ragkit.models.bundled_model import bundled_model
from ragkit.types import Document, Ranking

TOPICS = ["rent", "a car", "the library", "parking", "insurance", "a passport", "the pool", "holidays"]
PREDMETY = ["аренда", "машина", "библиотека", "парковка", "страховка", "паспорт", "бассейн", "отпуск"]
QUESTIONS = [
    *(f"How long may I keep {topic} before the fee is due?" for topic in TOPICS),
    *(f"Who pays for {topic}" for topic in TOPICS),
    *(f"Сколько дней действует {topic} и кто платит?" for topic in PREDMETY),
]


def documents() -> list[Document]:
    english = [
        Document(f"en{i}", f"The rules for {topic} hold for {3 + i} days. The tenant pays {topic} in May.")
        for i, topic in enumerate(TOPICS)
    ]
    russian = [
        Document(f"ru{i}", f"Правила: {topic} на {3 + i} дней. За это платит жилец, не позже мая.")
        for i, topic in enumerate(PREDMETY)
    ]
    return [*english, *russian]


@pytest.fixture
def fresh_model() -> Iterator[None]:
    """Passes through the model are remembered by it: with another one they are made again."""
    bundled_model.cache_clear()
    yield
    bundled_model.cache_clear()


def told(ranking: Ranking) -> list[tuple[str, float, dict[str, float]]]:
    return [(hit.chunk.id, hit.score, dict(hit.scores)) for hit in ranking.hits]


@pytest.mark.usefixtures("fresh_model")
def test_a_question_gets_the_same_in_any_company(tmp_path: Path) -> None:
    async def at_once(rag: ragkit.RAG) -> dict[str, Ranking]:
        found: dict[str, Ranking] = {}

        async def one(question: str) -> None:
            found[question] = await rag.aretrieve(question)

        async with anyio.create_task_group() as tasks:
            for question in QUESTIONS:
                tasks.start_soon(one, question)
        return found

    with ragkit.open(tmp_path) as rag:
        rag.ingest(documents(), progress=False)
        together = anyio.run(at_once, rag)
    bundled_model.cache_clear()
    with ragkit.open(tmp_path) as rag:
        alone = {question: rag.retrieve(question) for question in QUESTIONS}
    assert all("rerank" in alone[question].hits[0].scores for question in QUESTIONS[:16])
    assert {q: told(r) for q, r in together.items()} == {q: told(r) for q, r in alone.items()}
    assert all(not ranking.degraded for ranking in together.values())
