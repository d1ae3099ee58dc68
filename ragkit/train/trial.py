"""A copy of a collection from which generated questions were taken out, to measure on.

A question made of a passage's own sentence finds that passage at once, as long as the sentence is in it: in
the collection itself there is nothing to gain. In the copy each such passage is what the question left of it,
and passages that no question is about stand beside it as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ragkit.app import RAG
from ragkit.config.spec import ComponentSpec, Config
from ragkit.store.local.store import LocalStore
from ragkit.train.lessons import Lesson
from ragkit.train.passages import Passages
from ragkit.types import Chunk, Document

MOST_PASSAGES = 4_000  # embedding them takes under a minute on two cores
_STORE = "trial"


def trial_config(config: Config, folder: Path) -> Config:
    """The configuration with an embedded store of its own in `folder`, and no declared fields."""
    store = ComponentSpec(
        "store/local", settings=LocalStore.Config(path=folder, index={"use": "index/exact"})
    )
    collection = replace(config.collection, store=_STORE, fields={})
    return replace(config, stores={_STORE: store}, collection=collection)


def trial_lessons(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons as they are asked of the copy, whose documents are the passages: one to a passage."""
    first: dict[str, Lesson] = {}
    for lesson in lessons:
        first.setdefault(lesson.gold[0], replace(lesson, documents=lesson.gold, gold=()))
    return list(first.values())


def fill_trial(rag: RAG, lessons: Sequence[Lesson], passages: Passages, *, seed: int) -> int:
    """Ingests the copy; gives the number of its passages.

    Args:
        rag: over `trial_config`, empty.
        lessons: from `trial_lessons`: all their passages go in.
        passages: of the collection; more than 4,000 are sampled.
        seed: of the sample.
    """
    left = {lesson.documents[0]: lesson.relevant[0] for lesson in lessons}
    report = rag.ingest(_documents(left, passages, seed), progress=False)
    return report.committed


def _documents(left: dict[str, str], passages: Passages, seed: int) -> Iterator[Document]:
    others: list[Chunk] = []
    for document in passages.documents:
        for chunk in passages.of(document):
            if chunk.id in left:
                yield Document(chunk.id, left[chunk.id])
            else:
                others.append(chunk)
    others.sort(key=lambda chunk: hashlib.sha256(f"{seed}/{chunk.id}".encode()).digest())
    for chunk in others[: max(0, MOST_PASSAGES - len(left))]:
        yield Document(chunk.id, chunk.search_text)
