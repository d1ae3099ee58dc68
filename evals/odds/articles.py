"""Questions of SQuAD and XQuAD, over their whole collection, and where it does not answer."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import ragkit
from odds.asked import Asked, Watched, as_asked, graph
from ragkit.evaluation.dataset import Dataset, Question


def asked(data: Dataset, n: int) -> Iterator[Asked]:
    """About `n` questions: `in`, `near` without the paragraph that answers, `out` without its article."""
    sample = data.sample(n)
    with (
        tempfile.TemporaryDirectory() as index,
        ragkit.open(index, graph=graph(), set={"collection.fields": {"article": "keyword"}}) as rag,
    ):
        documents = [row.document() for row in data.corpus()]
        rag.ingest([replace(d, metadata={"article": article(d.id)}) for d in documents], progress=False)
        for question in sample.questions.values():
            gold = question.evidence[0].document_id if question.evidence else str(question.metadata["doc_id"])
            for mode in ("in", "near", "out") if question.evidence else ("trap",):
                Watched.without = gold if mode == "near" else None
                rag.ask(question.text, filter={"article": {"ne": article(gold)}} if mode == "out" else None)
                row = as_asked(mode, article(gold), _holds(question))
                if row is not None:
                    yield row


def article(document_id: str) -> str:
    """The article that a paragraph is of."""
    return re.sub(r"-x?\d+$", "", document_id)


def _holds(question: Question) -> Callable[[str, int, int, str], bool]:
    def is_right(document: str, start: int, end: int, _words: str) -> bool:
        return any(
            document == place.document_id and start <= place.span.start and place.span.end <= end
            for place in question.evidence
        )

    return is_right
