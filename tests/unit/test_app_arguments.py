"""Whatever is given to a `RAG`, the answer is data or one of our errors."""

from __future__ import annotations

from typing import Any

import pytest

import ragkit
from ragkit import QueryError, TenantError
from tests.hostile import DEEP, Unwritable

NOTHING_OF_OURS: list[Any] = [None, [], {}, 5, True, 1.5, b"x", 10**5000, DEEP, object(), Unwritable()]


@pytest.mark.parametrize("value", [[], {}, 1.5, "5", b"5", None, 10**5000, DEEP, Unwritable()], ids=range(9))
def test_k_is_a_whole_number(handbook: ragkit.RAG, value: Any) -> None:
    with pytest.raises(QueryError, match=r"k=.*: expected a whole number from 1 to"):
        handbook.retrieve("warranty", k=value)


@pytest.mark.parametrize("value", NOTHING_OF_OURS, ids=range(len(NOTHING_OF_OURS)))
def test_a_retriever_a_trace_and_a_document_are_named_by_text(handbook: ragkit.RAG, value: Any) -> None:
    with pytest.raises(QueryError, match=r"retriever=.*: expected one of: dense"):
        handbook.retrieve("warranty", retriever=value)
    with pytest.raises(QueryError, match=r"no trace .*: the last 256 runs"):
        handbook.trace(value)
    for verb in (handbook.source, handbook.document):
        with pytest.raises(QueryError, match="document_id="):
            verb(value)


@pytest.mark.parametrize("value", NOTHING_OF_OURS, ids=range(len(NOTHING_OF_OURS)))
def test_a_question_and_a_history_are_what_they_are(handbook: ragkit.RAG, value: Any) -> None:
    with pytest.raises(QueryError, match="the question is empty"):
        handbook.ask(value)
    if value not in ([], {}):
        with pytest.raises(QueryError, match=r"history=.*: expected a list of ragkit\.Turn"):
            handbook.ask("How long is the warranty?", history=value)


@pytest.mark.parametrize("value", NOTHING_OF_OURS[1:], ids=range(len(NOTHING_OF_OURS) - 1))
def test_what_is_forgotten_is_named_by_text(handbook: ragkit.RAG, value: Any) -> None:
    wrong: list[Any] = [value, [value], [""], iter(["a.md"]), {"a.md": 1}]
    for documents in wrong:
        with pytest.raises(QueryError, match=r"documents=.*: expected ids or uris"):
            handbook.forget(documents)
    with pytest.raises(TenantError, match=r"tenant=.*: this collection declares no tenants"):
        handbook.forget(tenant=value)
